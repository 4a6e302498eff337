/* The archive of CIFAR-10 that vggcl fetch unpacks: nothing is written except the files of the set, in its folder. */
#define _XOPEN_SOURCE 700 /* nftw */
#include "common.h"
#include "mutate.h"
#include "fetch/unpack.h"

#include <ftw.h>
#include <stdio.h>
#include <string.h>

enum { LARGEST = 1 << 22 };

FUZZ_MUTATOR(mutate_tar)

static void progressed(const struct vggcl_fetch_progress *progress, void *payload) {
    (void)progress, (void)payload;
}

static bool stop(void *payload) {
    (void)payload;
    return false;
}

static const struct vggcl_fetch_observer observer = {.progressed = progressed, .stop = stop};
static const struct fetch_set *set;

/* The archive, the folder, and in it files of the set. */
static int check_one(const char *path, const struct stat *status, int type, struct FTW *walk) {
    const char *name = path + walk->base;
    bool known = false;
    if (walk->level == 0)
        return 0;
    if (walk->level == 1)
        known = strcmp(name, "archive") == 0 || (strcmp(name, "unpacked") == 0 && type == FTW_D);
    for (int i = 0; walk->level == 2 && set->files[i]; i++)
        known |= strcmp(name, set->files[i]) == 0 && type == FTW_F && status->st_size <= LARGEST;
    FUZZ_HOLDS(known);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    char folder[VGGCL_PATH_MAX];
    snprintf(folder, sizeof folder, "%s/unpacked", fuzz_folder());
    FUZZ_HOLDS(fetch_find_set("cifar10", &set) == VGGCL_OK);
    struct unpack u = {.set = set,
                       .archive = fuzz_file("archive", bytes, count),
                       .source = "archive",
                       .folder = folder,
                       .largest = LARGEST,
                       .observer = &observer};
    fuzz_accepted(unpack_archive(&u));
    nftw(fuzz_folder(), check_one, 16, FTW_PHYS);
    unpack_remove(set, folder);
    return 0;
}
