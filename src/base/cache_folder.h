/* cache_folder.h - where this program keeps what it can make again. */
#ifndef VGGCL_BASE_CACHE_FOLDER_H
#define VGGCL_BASE_CACHE_FOLDER_H

#include "base/err.h"

/* The folder for one kind of cached files, "programs", "profiles" or "pictures": $VGGCL_CACHE_DIR/kind (no cache if the
 * variable is empty), else $XDG_CACHE_HOME/vggcl/kind, else ~/.cache/vggcl/kind. If missing it is created, open to this
 * user only. "" if it cannot be created, or if it or the folder above is not safe (see vggcl_cache_problem()). Its
 * entries are read with file_open_own() or file_read_own(), and written with file_write_begin_own(). */
void cache_folder(const char *kind, char folder[VGGCL_PATH_MAX]);

#endif
