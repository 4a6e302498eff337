#define _POSIX_C_SOURCE 200809L /* statvfs */
#include "base/space.h"
#include "base/file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

/* Some file systems have no numbers: all are 0 then. */
static bool take(const struct statvfs *status, uint64_t *bytes) {
    *bytes = (uint64_t)status->f_bavail * status->f_frsize;
    return status->f_blocks > 0;
}

bool space_free_in(int folder, uint64_t *bytes) {
    struct statvfs status;
    return fstatvfs(folder, &status) == 0 && take(&status, bytes);
}

bool space_free_at(const char *path, uint64_t *bytes) {
    struct statvfs status;
    char parent[VGGCL_PATH_MAX];
    snprintf(parent, sizeof parent, "%s", path);
    while (statvfs(parent, &status) != 0) {
        if (errno != ENOENT || strcmp(parent, ".") == 0)
            return false;
        file_cut_to_folder(parent);
    }
    return take(&status, bytes);
}
