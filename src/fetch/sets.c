#include "fetch/sets.h"
#include "base/err.h"
#include "data/cifar10.h"

#include <string.h>

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})
#define TORONTO   "https://www.cs.toronto.edu/~kriz/"

static const char *const idx_files[] = {"train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz",
                                        "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz", NULL};

/* What a mirror sends is checked by its sum, so http is as good as https. */
const struct fetch_set fetch_sets[] = {
    {.about = {.name = "cifar10",
               .title = "CIFAR-10",
               .folder = "cifar-10-batches-bin",
               .mirrors = LIST(TORONTO "cifar-10-binary.tar.gz"),
               .bytes = 170052171},
     .archive = "cifar-10-binary.tar.gz",
     .files = cifar10_files},
    {.about = {.name = "cifar100",
               .title = "CIFAR-100",
               .folder = "cifar-100-binary",
               .mirrors = LIST(TORONTO "cifar-100-binary.tar.gz"),
               .bytes = 168513733},
     .archive = "cifar-100-binary.tar.gz",
     .files = LIST("train.bin", "test.bin", "fine_label_names.txt", "coarse_label_names.txt")},
    {.about = {.name = "mnist",
               .title = "MNIST",
               .folder = "mnist",
               .mirrors = LIST("https://ossci-datasets.s3.amazonaws.com/mnist/",
                               "https://storage.googleapis.com/cvdf-datasets/mnist/"),
               .bytes = 11594722},
     .files = idx_files},
    {.about = {.name = "fashion-mnist",
               .title = "Fashion-MNIST",
               .folder = "fashion-mnist",
               .mirrors = LIST("https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
                               "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
                               "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"),
               .bytes = 30878645},
     .files = idx_files,
     .class_names = "T-shirt/top\nTrouser\nPullover\nDress\nCoat\nSandal\nShirt\nSneaker\nBag\nAnkle boot"},
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
