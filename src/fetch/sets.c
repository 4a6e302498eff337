#include "fetch/sets.h"
#include "base/err.h"
#include "data/cifar10.h"

#include <string.h>

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})
#define TORONTO   "https://www.cs.toronto.edu/~kriz/"

/* What a mirror sends is checked by its sum, so http is as good as https. */
const struct fetch_set fetch_sets[] = {
    {.about = {.name = "cifar10",
               .title = "CIFAR-10",
               .folder = "cifar-10-batches-bin",
               .mirrors = LIST(TORONTO "cifar-10-binary.tar.gz"),
               .bytes = 170052171},
     .archive = "cifar-10-binary.tar.gz",
     .files = cifar10_files},
};
enum { SETS = sizeof fetch_sets / sizeof *fetch_sets };
const size_t fetch_set_count = SETS;

const struct vggcl_fetch_set *vggcl_fetch_set(size_t index) {
    return index < SETS ? &fetch_sets[index].about : NULL;
}

enum vggcl_err fetch_find_set(const char *name, const struct fetch_set **set) {
    const char *names[SETS + 1] = {NULL};
    *set = &fetch_sets[0];
    for (size_t i = 0; i < SETS; i++) {
        names[i] = fetch_sets[i].about.name;
        if (name && strcmp(names[i], name) == 0)
            *set = &fetch_sets[i];
    }
    return name && strcmp((*set)->about.name, name) != 0 ? err_choice("fetch", names, name) : VGGCL_OK;
}
