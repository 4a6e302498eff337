#define _POSIX_C_SOURCE 200809L
#include "base/file.h"
#include "data/data.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

enum { TRAIN_FILES = 5, FILES = 6, CLASSES = 6 }; /* files of images; then that of the classes' names */
const char *const cifar_files[CIFAR_FILES] = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                                              "data_batch_4.bin", "data_batch_5.bin", "test_batch.bin",
                                              "batches.meta.txt"};

static const long long LARGEST_FILE = 1LL << 31; /* bytes: 70 times CIFAR-10's; what is larger is something else */

static const char how_to_get[] =
    "; `vggcl fetch` gets CIFAR-10; or name the folder that holds data_batch_1.bin with --data or in VGGCL_CIFAR10, or "
    "try --data synthetic";

/* An open file of the set; whoever has the struct closes the stream. */
struct cifar_file {
    FILE *stream;
    size_t size; /* bytes */
    char path[VGGCL_PATH_MAX];
};

static enum vggcl_err open_file(struct cifar_file *file, const char *folder, const char *name) {
    struct stat status;
    TRY(file_path(file->path, folder, name));
    file->stream = fopen(file->path, "rb");
    if (!file->stream)
        return err_set(VGGCL_EIO, "%s: cannot be opened: %s%s", file->path, strerror(errno),
                       errno == ENOENT || errno == ENOTDIR ? how_to_get : "");
    if (fstat(fileno(file->stream), &status) != 0 || !S_ISREG(status.st_mode))
        return err_set(VGGCL_EIO, "%s: is no regular file", file->path);
    if (status.st_size > LARGEST_FILE)
        return err_set(VGGCL_EFORMAT, "%s: has %lld bytes, more than the %lld that it may have", file->path,
                       (long long)status.st_size, LARGEST_FILE);
    file->size = (size_t)status.st_size;
    return VGGCL_OK;
}

static void close_file(struct cifar_file *file) {
    if (file->stream)
        fclose(file->stream);
}

static enum vggcl_err open_batch(struct cifar_file *file, const char *folder, const char *name) {
    TRY(open_file(file, folder, name));
    if (file->size == 0)
        return err_set(VGGCL_EFORMAT, "%s: is empty; unpack the data set again", file->path);
    if (file->size % DATA_RECORD != 0)
        return err_set(VGGCL_EFORMAT,
                       "%s: has %zu bytes, no multiple of %d: the record that begins at byte %zu is incomplete; unpack "
                       "the data set again",
                       file->path, file->size, DATA_RECORD, file->size - file->size % DATA_RECORD);
    return VGGCL_OK;
}

/* Finds a training file that lost whole records: the five share the images evenly, the earlier ones taking what is left
 * over, so sizes never grow and never fall by more than one record from the first file to the last. */
static enum vggcl_err check_shares(const struct cifar_file files[TRAIN_FILES]) {
    for (int i = 1; i < TRAIN_FILES; i++)
        if (files[i].size > files[i - 1].size || files[i].size + DATA_RECORD < files[0].size)
            return err_set(VGGCL_EFORMAT,
                           "%s: ends at byte %zu, but %s at byte %zu and %s at byte %zu: training files have the same "
                           "size, the later ones at most one record less; unpack the data set again",
                           files[i].path, files[i].size, cifar_files[0], files[0].size, cifar_files[i - 1],
                           files[i - 1].size);
    return VGGCL_OK;
}

/* Reads all of file's records to images first, first + 1, ... of set. */
static enum vggcl_err read_records(struct cifar_file *file, struct dataset *set, size_t first) {
    for (size_t offset = 0; offset < file->size; offset += DATA_RECORD) {
        size_t image = first + offset / DATA_RECORD;
        uint8_t *label = set->labels + image, *pixels = set->pixels + image * DATA_PIXELS;
        if (fread(label, 1, 1, file->stream) != 1 || fread(pixels, 1, DATA_PIXELS, file->stream) != DATA_PIXELS)
            return err_set(VGGCL_EIO, "%s: byte %zu: the record cannot be read: %s", file->path, offset,
                           ferror(file->stream) ? strerror(errno) : "the file became shorter");
        if (*label >= VGGCL_CLASSES)
            return err_set(VGGCL_EFORMAT, "%s: byte %zu: label %u, above %d; unpack the data set again", file->path,
                           offset, *label, VGGCL_CLASSES - 1);
    }
    return VGGCL_OK;
}

static enum vggcl_err read_classes(const char *folder, char classes[VGGCL_CLASSES][32]) {
    enum vggcl_err err = VGGCL_OK;
    struct cifar_file file = {0};
    char text[4096];
    TRY_GOTO(open_file(&file, folder, cifar_files[CLASSES]), done);
    text[fread(text, 1, sizeof text - 1, file.stream)] = '\0';
    if (ferror(file.stream)) {
        err = err_set(VGGCL_EIO, "%s: cannot be read: %s", file.path, strerror(errno));
        goto done;
    }
    const char *line = text;
    for (int i = 0; i < VGGCL_CLASSES; i++) {
        size_t length = strcspn(line, "\r\n");
        if (length == 0 || length >= sizeof classes[i]) {
            err = err_set(VGGCL_EFORMAT, "%s: byte %td: class name %d of %d has %zu bytes, not 1 to %zu", file.path,
                          line - text, i + 1, VGGCL_CLASSES, length, sizeof classes[i] - 1);
            goto done;
        }
        memcpy(classes[i], line, length);
        classes[i][length] = '\0';
        line += length;
        line += strspn(line, "\r\n");
    }
done:
    close_file(&file);
    return err;
}

enum vggcl_err cifar_count(const char *folder, size_t *train, size_t *test) {
    *train = *test = 0;
    for (int i = 0; i < FILES; i++) {
        struct cifar_file file = {0};
        enum vggcl_err err = open_batch(&file, folder, cifar_files[i]);
        close_file(&file);
        TRY(err);
        *(i < TRAIN_FILES ? train : test) += file.size / DATA_RECORD;
    }
    return VGGCL_OK;
}

enum vggcl_err cifar_read(const char *folder, struct data *data) {
    enum vggcl_err err = VGGCL_OK;
    struct cifar_file files[FILES] = {0};
    size_t train = 0, first = 0;
    *data = (struct data){0};
    for (int i = 0; i < FILES; i++)
        TRY_GOTO(open_batch(&files[i], folder, cifar_files[i]), done);
    TRY_GOTO(check_shares(files), done);
    TRY_GOTO(read_classes(folder, data->classes), done);

    for (int i = 0; i < TRAIN_FILES; i++)
        train += files[i].size / DATA_RECORD;
    TRY_GOTO(dataset_allocate(&data->train, train), done);
    TRY_GOTO(dataset_allocate(&data->test, files[TRAIN_FILES].size / DATA_RECORD), done);
    for (int i = 0; i < TRAIN_FILES; i++) {
        TRY_GOTO(read_records(&files[i], &data->train, first), done);
        first += files[i].size / DATA_RECORD;
    }
    TRY_GOTO(read_records(&files[TRAIN_FILES], &data->test, 0), done);
done:
    for (int i = 0; i < FILES; i++)
        close_file(&files[i]);
    if (err != VGGCL_OK)
        data_free(data);
    return err;
}

/* Writes images first .. first + count - 1 of set. */
static enum vggcl_err write_batch(const char *folder, const char *name, const struct dataset *set, size_t first,
                                  size_t count) {
    char path[VGGCL_PATH_MAX];
    struct file_write file;
    TRY(file_path(path, folder, name));
    TRY(file_write_begin(&file, path));
    for (size_t i = first; i < first + count && !ferror(file.stream); i++) {
        fputc(set->labels[i], file.stream);
        fwrite(set->pixels + i * DATA_PIXELS, 1, DATA_PIXELS, file.stream);
    }
    return file_write_commit(&file);
}

static enum vggcl_err write_classes(const char *folder, const char classes[VGGCL_CLASSES][32]) {
    char path[VGGCL_PATH_MAX];
    struct file_write file;
    TRY(file_path(path, folder, cifar_files[CLASSES]));
    TRY(file_write_begin(&file, path));
    for (int i = 0; i < VGGCL_CLASSES; i++)
        fprintf(file.stream, "%s\n", classes[i]);
    return file_write_commit(&file);
}

enum vggcl_err cifar_write(const char *folder, const struct data *data) {
    size_t first = 0;
    TRY(file_make_folder(folder));
    for (size_t i = 0; i < TRAIN_FILES; i++) {
        size_t count = data->train.count / TRAIN_FILES + (i < data->train.count % TRAIN_FILES);
        TRY(write_batch(folder, cifar_files[i], &data->train, first, count));
        first += count;
    }
    TRY(write_batch(folder, cifar_files[TRAIN_FILES], &data->test, 0, data->test.count));
    return write_classes(folder, data->classes);
}
