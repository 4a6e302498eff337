/* cifar100.c - the binary version of CIFAR-100: train.bin and test.bin, whose records have two label bytes, that of the
 * coarse class and that of the fine class, and a file of names for each kind. */
#include "data/cifar.h"
#include "data/format.h"

static const char *const files[] = {"train.bin", "test.bin"};

#define CIFAR100(...)                                                                                                  \
    {.files = files,                                                                                                   \
     .train_files = 1,                                                                                                 \
     .label_bytes = 2,                                                                                                 \
     .advice = "; `vggcl fetch cifar100` gets CIFAR-100; or set data to the folder that holds train.bin",              \
     __VA_ARGS__}
static const struct cifar_set sets[] = {
    [DATA_FINE] = CIFAR100(.classes = 100, .label = 1, .names = "fine_label_names.txt"),
    [DATA_COARSE] = CIFAR100(.classes = 20, .label = 0, .names = "coarse_label_names.txt"),
};

static bool recognise(const char *name) {
    return cifar_recognise(&sets[DATA_FINE], name);
}

static enum vggcl_err count(const struct data_source *source, struct data_size *size) {
    return cifar_count(&sets[source->labels], source->name, size);
}

static enum vggcl_err read(const struct data_source *source, struct data *data) {
    return cifar_read(&sets[source->labels], source->name, data);
}

const struct data_format format_cifar100 = {.name = "cifar100",
                                            .title = "CIFAR-100",
                                            .files = "CIFAR-100's .bin files",
                                            .has_coarse_labels = true,
                                            .recognise = recognise,
                                            .count = count,
                                            .read = read};
