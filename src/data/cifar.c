#define _POSIX_C_SOURCE 200809L
#include "data/cifar.h"
#include "base/file.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_FILES = 8, MOST_LABELS = 4, LONGEST_NAMES = 1 << 16 };

static const uint64_t largest_file = UINT64_C(1) << 31; /* bytes: 13 times CIFAR-100's training file */

/* An open file of the set; its owner closes the stream. */
struct batch_file {
    FILE *stream;
    size_t size, records; /* size in bytes */
    char path[VGGCL_PATH_MAX];
};

struct data_spec cifar_spec(const struct cifar_set *set) {
    return (struct data_spec){
        .height = CIFAR_SIDE, .width = CIFAR_SIDE, .channels = CIFAR_CHANNELS, .classes = set->classes};
}

static size_t record_bytes(const struct cifar_set *set) {
    return set->label_bytes + CIFAR_PIXELS;
}

static size_t all_files(const struct cifar_set *set) {
    return set->train_files + 1;
}

bool cifar_recognise(const struct cifar_set *set, const char *folder) {
    char path[VGGCL_PATH_MAX];
    for (size_t i = 0; i < all_files(set); i++)
        if (snprintf(path, sizeof path, "%s/%s", folder, set->files[i]) < (int)sizeof path && file_exists(path))
            return true;
    return false;
}

static enum vggcl_err open_file(struct batch_file *file, const struct cifar_set *set, const char *folder,
                                const char *name) {
    uint64_t size;
    TRY(file_path(file->path, folder, name));
    enum vggcl_err err = file_open(file->path, &file->stream, &size);
    if (err != VGGCL_OK)
        return file_exists(file->path) ? err : err_set(err, "%s%s", vggcl_error(), set->advice);
    if (size > largest_file)
        return err_set(VGGCL_EFORMAT, "%s: has %llu bytes, more than the %llu that are read", file->path,
                       (unsigned long long)size, (unsigned long long)largest_file);
    file->size = (size_t)size;
    return VGGCL_OK;
}

static void close_file(struct batch_file *file) {
    if (file->stream)
        fclose(file->stream);
    file->stream = NULL;
}

static enum vggcl_err open_batch(struct batch_file *file, const struct cifar_set *set, const char *folder,
                                 const char *name) {
    size_t record = record_bytes(set);
    TRY(open_file(file, set, folder, name));
    if (file->size == 0)
        return err_set(VGGCL_EFORMAT, "%s: is empty; unpack the data set again", file->path);
    if (file->size % record != 0)
        return err_set(VGGCL_EFORMAT,
                       "%s: has %zu bytes, which is not a multiple of %zu: the record that begins at byte %zu is "
                       "incomplete; unpack the data set again",
                       file->path, file->size, record, file->size - file->size % record);
    file->records = file->size / record;
    return VGGCL_OK;
}

/* Finds a training file that lost whole records: the files share the images evenly, and earlier ones have one more
 * where that does not divide. So sizes never grow and never fall by more than one record from the first to the last. */
static enum vggcl_err check_shares(const struct cifar_set *set, const struct batch_file *files) {
    for (size_t i = 1; i < set->train_files; i++)
        if (files[i].records > files[i - 1].records || files[i].records + 1 < files[0].records)
            return err_set(VGGCL_EFORMAT,
                           "%s: ends at byte %zu, but %s at byte %zu and %s at byte %zu: training files have the same "
                           "size, or later ones one record less; unpack the data set again",
                           files[i].path, files[i].size, set->files[0], files[0].size, set->files[i - 1],
                           files[i - 1].size);
    return VGGCL_OK;
}

/* Reads all records of file into images first, first + 1, ... of to. */
static enum vggcl_err read_records(const struct cifar_set *set, struct batch_file *file, struct dataset *to,
                                   size_t first) {
    uint8_t labels[MOST_LABELS];
    assert(set->label < set->label_bytes && set->label_bytes <= MOST_LABELS);
    for (size_t i = 0; i < file->records; i++) {
        size_t offset = i * record_bytes(set);
        if (fread(labels, 1, set->label_bytes, file->stream) != set->label_bytes ||
            fread(to->pixels + (first + i) * CIFAR_PIXELS, 1, CIFAR_PIXELS, file->stream) != CIFAR_PIXELS)
            return err_set(VGGCL_EIO, "%s: byte %zu: the record cannot be read: %s", file->path, offset,
                           ferror(file->stream) ? strerror(errno) : "file truncated while reading");
        if (labels[set->label] >= set->classes)
            return err_set(VGGCL_EFORMAT, "%s: byte %zu: label %u, above %zu; unpack the data set again", file->path,
                           offset + set->label, labels[set->label], set->classes - 1);
        to->labels[first + i] = labels[set->label];
    }
    return VGGCL_OK;
}

static enum vggcl_err read_names(const struct cifar_set *set, const char *folder, char ***class_names) {
    enum vggcl_err err;
    struct batch_file file = {0};
    char **names = calloc(set->classes, sizeof *names), *text = calloc(LONGEST_NAMES + 1, 1);
    if (!names || !text) {
        err = err_no_memory("the names of the classes", LONGEST_NAMES);
        goto done;
    }
    TRY_GOTO(open_file(&file, set, folder, set->names), done);
    text[fread(text, 1, LONGEST_NAMES, file.stream)] = '\0';
    if (ferror(file.stream)) {
        err = err_set(VGGCL_EIO, "%s: cannot be read: %s", file.path, strerror(errno));
        goto done;
    }
    TRY_GOTO(class_names_split(text, file.path, set->classes, names), done);
    *class_names = names_copy(set->classes, names);
    err = *class_names ? VGGCL_OK : VGGCL_ENOMEM;
done:
    close_file(&file);
    free(names);
    free(text);
    return err;
}

enum vggcl_err cifar_count(const struct cifar_set *set, const char *folder, struct data_size *size) {
    *size = (struct data_size){.spec = cifar_spec(set)};
    for (size_t i = 0; i < all_files(set); i++) {
        struct batch_file file = {0};
        enum vggcl_err err = open_batch(&file, set, folder, set->files[i]);
        close_file(&file);
        TRY(err);
        *(i < set->train_files ? &size->train : &size->test) += file.records;
    }
    return VGGCL_OK;
}

static enum vggcl_err read_images(const struct cifar_set *set, struct batch_file *files, struct data *data) {
    size_t train = 0, first = 0;
    for (size_t i = 0; i < set->train_files; i++)
        train += files[i].records;
    TRY(dataset_allocate(&data->train, &data->spec, train));
    TRY(dataset_allocate(&data->test, &data->spec, files[set->train_files].records));
    for (size_t i = 0; i < set->train_files; i++) {
        TRY(read_records(set, &files[i], &data->train, first));
        first += files[i].records;
    }
    return read_records(set, &files[set->train_files], &data->test, 0);
}

enum vggcl_err cifar_read(const struct cifar_set *set, const char *folder, struct data *data) {
    enum vggcl_err err = VGGCL_OK;
    struct batch_file files[MOST_FILES] = {0};
    assert(all_files(set) <= MOST_FILES);
    data->spec = cifar_spec(set);
    for (size_t i = 0; i < all_files(set); i++)
        TRY_GOTO(open_batch(&files[i], set, folder, set->files[i]), done);
    TRY_GOTO(check_shares(set, files), done);
    TRY_GOTO(read_names(set, folder, &data->spec.class_names), done);
    err = read_images(set, files, data);
done:
    for (size_t i = 0; i < all_files(set); i++)
        close_file(&files[i]);
    return err;
}
