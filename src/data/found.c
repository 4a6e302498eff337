#define _POSIX_C_SOURCE 200809L
#include "data/found.h"
#include "base/err.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { SHOWN_NAMES = 3, SHOWN_BYTES = 64 };

/* Versions of data sets, by files of which all must be there. */
static const struct {
    const char *files[3];
    const char *version, *set, *fetch;
} versions[] = {{{"data_batch_1"}, "Python (pickle)", "CIFAR-10", "cifar10"},
                {{"train", "test", "meta"}, "Python (pickle)", "CIFAR-100", "cifar100"},
                {{"data_batch_1.mat"}, "Matlab", "CIFAR-10", "cifar10"},
                {{"train.mat", "test.mat", "meta.mat"}, "Matlab", "CIFAR-100", "cifar100"}};

static bool has_file(const char *folder, const char *name) {
    char path[VGGCL_PATH_MAX];
    struct stat status;
    return snprintf(path, sizeof path, "%s/%s", folder, name) < (int)sizeof path && stat(path, &status) == 0 &&
           S_ISREG(status.st_mode);
}

bool found_other_version(const char *folder, char text[FOUND_TEXT]) {
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++) {
        bool all = true;
        for (size_t k = 0; k < 3 && versions[i].files[k]; k++)
            all = all && has_file(folder, versions[i].files[k]);
        if (!all)
            continue;
        snprintf(text, FOUND_TEXT,
                 "this is the %s version of %s; vggcl reads the binary version, which `vggcl fetch %s` gets",
                 versions[i].version, versions[i].set, versions[i].fetch);
        return true;
    }
    return false;
}

static int is_shown(const struct dirent *entry) {
    return *entry->d_name != '.';
}

/* Unlike alphasort(), independent of the locale. */
static int by_bytes(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* Appends a name, shortened, and with control characters as '?'. */
static void add_name(char text[FOUND_TEXT], const char *separator, const char *name) {
    size_t length = strlen(text);
    snprintf(text + length, FOUND_TEXT - length, "%s%.*s%s", separator, SHOWN_BYTES, name,
             strlen(name) > SHOWN_BYTES ? "..." : "");
    for (char *c = text + length; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 127)
            *c = '?';
}

void found_names(const char *folder, char text[FOUND_TEXT]) {
    struct dirent **entries;
    int count = scandir(folder, &entries, is_shown, by_bytes);
    strcpy(text, "is not a data set that vggcl reads");
    if (count < 0) {
        snprintf(text, FOUND_TEXT, "cannot be listed: %s", strerror(errno));
        return;
    }
    for (int i = 0; i < count && i < SHOWN_NAMES; i++)
        add_name(text, i == 0 ? ": it holds " : i == count - 1 ? " and " : ", ", entries[i]->d_name);
    size_t length = strlen(text);
    if (count == 0)
        snprintf(text + length, FOUND_TEXT - length, ": it is empty");
    else if (count > SHOWN_NAMES)
        snprintf(text + length, FOUND_TEXT - length, " and %d more", count - SHOWN_NAMES);
    for (int i = 0; i < count; i++)
        free(entries[i]);
    free(entries);
}
