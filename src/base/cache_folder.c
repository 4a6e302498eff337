#define _XOPEN_SOURCE 700 /* S_ISVTX */
#include "base/cache_folder.h"
#include "base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* The folder of all kinds; false if there is none. */
static bool top_folder(char folder[VGGCL_PATH_MAX]) {
    const char *own = getenv("VGGCL_CACHE_DIR"), *caches = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    int length = 0;
    if (own)
        length = snprintf(folder, VGGCL_PATH_MAX, "%s", own);
    else if (caches && *caches == '/')
        length = snprintf(folder, VGGCL_PATH_MAX, "%s/vggcl", caches);
    else if (home && *home)
        length = snprintf(folder, VGGCL_PATH_MAX, "%s/.cache/vggcl", home);
    return length > 0 && length < VGGCL_PATH_MAX;
}

/* Why a folder is not used: who can write to it can make this process run other code. A sticky folder that all can
 * write to, such as /tmp, is everybody's, and nobody should change its mode. NULL if it is safe, or missing. */
static const char *danger(const struct stat *status) {
    if (status->st_uid != geteuid())
        return "belongs to another user";
    if (!(status->st_mode & (S_IWGRP | S_IWOTH)))
        return NULL;
    return status->st_mode & S_ISVTX ? "is for everybody" : "can be written by others (chmod go-w mends that)";
}

static bool is_safe(const char *path) {
    struct stat status;
    return stat(path, &status) == 0 && !danger(&status);
}

/* The folders above it are not checked: a folder that is put in this one's place is checked too, and file_open_own()
 * rejects entries that another user wrote. */
static bool make_safe(const char *path) {
    return file_make_folder_own(path) == VGGCL_OK && is_safe(path);
}

void cache_folder(const char *kind, char folder[VGGCL_PATH_MAX]) {
    char top[VGGCL_PATH_MAX];
    char *kept = err_keep();
    if (!top_folder(top) || !make_safe(top) || file_path(folder, top, kind) != VGGCL_OK || !make_safe(folder))
        *folder = '\0';
    err_put_back(kept);
}

bool vggcl_cache_problem(char *text, size_t size) {
    static const char *const names[] = {"", "programs", "profiles", "pictures"};
    char top[VGGCL_PATH_MAX], path[VGGCL_PATH_MAX + 16];
    struct stat status;
    for (size_t i = 0; i < sizeof names / sizeof *names && top_folder(top); i++) {
        snprintf(path, sizeof path, "%s%s%s", top, *names[i] ? "/" : "", names[i]);
        const char *why = stat(path, &status) == 0 ? danger(&status) : NULL;
        if (why) {
            snprintf(text, size, "cache folder %s: %s, so it is not used; set VGGCL_CACHE_DIR to a folder of your own",
                     path, why);
            return true;
        }
    }
    if (size)
        *text = '\0';
    return false;
}
