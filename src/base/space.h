/* space.h - free space of file systems. */
#ifndef VGGCL_BASE_SPACE_H
#define VGGCL_BASE_SPACE_H

#include <stdbool.h>
#include <stdint.h>

/* Sets *bytes to what this process can still write to the file system of a folder: one that is open, or path, which
 * need not exist yet. False if the system does not say. The user's quota may be less. */
bool space_free_in(int folder, uint64_t *bytes);
bool space_free_at(const char *path, uint64_t *bytes);

#endif
