#include "data/cifar10.h"
#include "base/file.h"
#include "data/cifar.h"
#include "data/format.h"

#include <assert.h>

enum { TRAIN_FILES = 5, NAMES_FILE = CIFAR10_FILES - 1, CLASSES = 10 };
const char *const cifar10_files[CIFAR10_FILES + 1] = {
    "data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
    "data_batch_5.bin", "test_batch.bin",   "batches.meta.txt", NULL};

const struct data_size cifar10_size = {{CIFAR_SIDE, CIFAR_SIDE, CIFAR_CHANNELS, CLASSES, NULL}, 50000, 10000};

static const struct cifar_set set = {
    .files = cifar10_files,
    .train_files = TRAIN_FILES,
    .names = "batches.meta.txt",
    .classes = CLASSES,
    .label_bytes = 1,
    .advice = "; `vggcl fetch` downloads CIFAR-10; or set data or VGGCL_CIFAR10 to the folder that holds "
              "data_batch_1.bin, or try data=synthetic",
};

static bool recognise(const char *name) {
    return cifar_recognise(&set, name);
}

static enum vggcl_err count(const struct data_source *source, struct data_size *size) {
    return cifar_count(&set, source->name, size);
}

static enum vggcl_err read(const struct data_source *source, struct data *data) {
    return cifar_read(&set, source->name, data);
}

const struct data_format format_cifar10 = {.name = "cifar10",
                                           .title = "CIFAR-10",
                                           .files = "CIFAR-10's .bin files",
                                           .recognise = recognise,
                                           .count = count,
                                           .read = read};

/* Writes images first .. first + count - 1 of images. */
static enum vggcl_err write_batch(const char *folder, const char *name, const struct dataset *images, size_t first,
                                  size_t count) {
    char path[VGGCL_PATH_MAX];
    struct file_write file;
    TRY(file_path(path, folder, name));
    TRY(file_write_begin(&file, &folder_current, path));
    for (size_t i = first; i < first + count && !ferror(file.stream); i++) {
        fputc(images->labels[i], file.stream);
        file_write_bytes(&file, images->pixels + i * CIFAR_PIXELS, CIFAR_PIXELS);
    }
    return file_write_commit(&file);
}

static enum vggcl_err write_names(const char *folder, char *const *names) {
    char path[VGGCL_PATH_MAX];
    struct file_write file;
    TRY(file_path(path, folder, cifar10_files[NAMES_FILE]));
    TRY(file_write_begin(&file, &folder_current, path));
    for (int i = 0; i < CLASSES; i++)
        fprintf(file.stream, "%s\n", names[i]);
    return file_write_commit(&file);
}

enum vggcl_err cifar10_write(const char *folder, const struct data *data) {
    size_t first = 0;
    assert(data_image_bytes(&data->spec) == CIFAR_PIXELS && data->spec.classes == CLASSES);
    TRY(file_make_folder(folder));
    for (size_t i = 0; i < TRAIN_FILES; i++) {
        size_t count = data->train.count / TRAIN_FILES + (i < data->train.count % TRAIN_FILES);
        TRY(write_batch(folder, cifar10_files[i], &data->train, first, count));
        first += count;
    }
    TRY(write_batch(folder, cifar10_files[TRAIN_FILES], &data->test, 0, data->test.count));
    return write_names(folder, data->spec.class_names);
}
