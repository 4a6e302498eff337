/* cache_folder.h - where this program keeps what it can make again. */
#ifndef VGGCL_BASE_CACHE_FOLDER_H
#define VGGCL_BASE_CACHE_FOLDER_H

#include "base/err.h"

/* The folder for one kind of cached files, "programs" or "profiles"; created if missing: $VGGCL_CACHE_DIR/kind (no
 * cache if the variable is empty), else $XDG_CACHE_HOME/vggcl/kind, else ~/.cache/vggcl/kind. "" if it cannot be
 * created. */
void cache_folder(const char *kind, char folder[VGGCL_PATH_MAX]);

#endif
