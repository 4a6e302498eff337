#include "base/cache_folder.h"
#include "base/file.h"

#include <stdio.h>
#include <stdlib.h>

void cache_folder(const char *kind, char folder[VGGCL_PATH_MAX]) {
    const char *own = getenv("VGGCL_CACHE_DIR"), *caches = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    char *kept = err_keep();
    int length = 0;
    if (own)
        length = *own ? snprintf(folder, VGGCL_PATH_MAX, "%s/%s", own, kind) : 0;
    else if (caches && *caches == '/')
        length = snprintf(folder, VGGCL_PATH_MAX, "%s/vggcl/%s", caches, kind);
    else if (home && *home)
        length = snprintf(folder, VGGCL_PATH_MAX, "%s/.cache/vggcl/%s", home, kind);
    if (length < 1 || length >= VGGCL_PATH_MAX || file_make_folder(folder) != VGGCL_OK)
        *folder = '\0';
    err_put_back(kept);
}
