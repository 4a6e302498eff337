#define _POSIX_C_SOURCE 200809L /* S_ISDIR */
#include "train/resume.h"
#include "base/file.h"
#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { SHOWN = 3, ADVICE = 4 * VGGCL_PATH_MAX };

static bool has(const char *folder, const char *name) {
    char path[VGGCL_PATH_MAX];
    return snprintf(path, sizeof path, "%s/%s", folder, name) < (int)sizeof path && file_exists(path);
}

static bool has_state(const char *folder) {
    return has(folder, "last.safetensors") || has(folder, "last.safetensors.1");
}

/* Splits a path into its folder, "." if it has none, and the name in it; a slash at the end does not count. */
static void split(const char *path, char folder[static VGGCL_PATH_MAX], char name[static VGGCL_PATH_MAX]) {
    size_t end = strlen(path);
    while (end > 1 && path[end - 1] == '/')
        end--;
    size_t start = end;
    while (start > 0 && path[start - 1] != '/')
        start--;
    snprintf(name, VGGCL_PATH_MAX, "%.*s", (int)(end - start), path + start);
    while (start > 1 && path[start - 1] == '/')
        start--;
    snprintf(folder, VGGCL_PATH_MAX, "%.*s", start ? (int)start : 1, start ? path : ".");
}

/* Appends the folders in `in` that have a state, except the one of that name; the number of all of them. */
static size_t list_runs(const char *in, const char *except, char text[static ADVICE]) {
    struct dirent **entries;
    size_t found = 0;
    int count = folder_list(in, &entries);
    for (int i = 0; i < count; i++) {
        char path[VGGCL_PATH_MAX];
        const char *name = entries[i]->d_name;
        int length = snprintf(path, sizeof path, "%s%s%s", strcmp(in, ".") ? in : "", strcmp(in, ".") ? "/" : "", name);
        if (length < (int)sizeof path && strcmp(name, except) != 0 && has_state(path) && found++ < SHOWN)
            snprintf(text + strlen(text), ADVICE - strlen(text), "%s%s", found > 1 ? ", " : "", path);
    }
    folder_list_free(entries, count);
    if (found > SHOWN)
        snprintf(text + strlen(text), ADVICE - strlen(text), " and %zu more", found - SHOWN);
    return found;
}

/* "; runs beside it: a, b: type `vggcl train --resume a`"; without a run, how to begin one. */
static void advise_runs(const char *path, bool is_folder, char advice[static ADVICE]) {
    char folder[VGGCL_PATH_MAX], name[VGGCL_PATH_MAX], runs[ADVICE] = "";
    bool in_it = is_folder && list_runs(path, "", runs);
    split(path, folder, name);
    if (!in_it && !list_runs(folder, name, runs))
        text_print(advice, ADVICE,
                   "; no folder beside it has one either: to begin a new run, type `vggcl train --save %s`", path);
    else
        text_print(advice, ADVICE, "; %s: %s: type e.g. `vggcl train --resume %.*s`",
                   in_it ? "the folders in it that have one" : "folders beside it that have one", runs,
                   (int)strcspn(runs, ", "), runs);
}

static enum vggcl_err no_state(const char *path) {
    char advice[ADVICE];
    bool is_folder = file_is_folder(path);
    if (is_folder && has(path, "best.safetensors"))
        return err_set(VGGCL_EIO,
                       "%s: has no last.safetensors, the state of a run, but weights; to start a new run from them, "
                       "type `vggcl train --weights %s/best.safetensors`",
                       path, path);
    advise_runs(path, is_folder, advice);
    return err_set(VGGCL_EIO, "%s: %s%s", path,
                   is_folder ? "has no last.safetensors, the state of a run" : "does not exist", advice);
}

/* A file that is not a run's last.safetensors. */
static enum vggcl_err is_file(const char *path, const char *folder, const char *name) {
    const char *end = strrchr(name, '.');
    char resume[ADVICE] = "";
    if (has_state(folder))
        snprintf(resume, sizeof resume, "to go on with the run in %s, type `vggcl train --resume %s`", folder, folder);
    if (strcmp(name, "last.safetensors.1") == 0)
        return err_set(VGGCL_EUSAGE,
                       "%s: is the state before the newest one, which is used by itself if that is damaged; %s", path,
                       resume);
    if (end && strcmp(end, ".safetensors") == 0)
        return err_set(VGGCL_EUSAGE,
                       "%s: has weights, but resume takes the folder of a run; to start a new run from these weights, "
                       "type `vggcl train --weights %s`%s%s",
                       path, path, *resume ? "; " : "", resume);
    return err_set(VGGCL_EUSAGE, "%s: is not the folder of a run%s%s", path, *resume ? "; " : "", resume);
}

enum vggcl_err resume_find(const char *path, char folder[static VGGCL_PATH_MAX]) {
    char parent[VGGCL_PATH_MAX], name[VGGCL_PATH_MAX];
    struct stat status;
    bool exists = stat(path, &status) == 0;
    if (!exists && errno != ENOENT)
        return err_set(VGGCL_EIO, "%s: this folder cannot be opened: %s", path, strerror(errno));
    if (!exists || S_ISDIR(status.st_mode)) {
        snprintf(folder, VGGCL_PATH_MAX, "%s", path);
        return exists && has_state(path) ? VGGCL_OK : no_state(path);
    }
    split(path, parent, name);
    if (strcmp(name, "last.safetensors") != 0)
        return is_file(path, parent, name);
    strcpy(folder, parent);
    return VGGCL_OK;
}
