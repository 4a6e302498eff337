/* CIFAR-10's binary files: a round trip, everything that can be wrong with them, and the real set where there is one.
 */
#define _POSIX_C_SOURCE 200809L
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/file.h"
#include "data/data.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TRAIN = 53, TEST = 10 }; /* 53 images: files of 11, 11, 11, 10 and 10 */
static const char *const names[] = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
                                    "data_batch_5.bin", "test_batch.bin",   "batches.meta.txt"};
enum { NAMES = sizeof names / sizeof *names };

static char folder[] = "/tmp/vggcl-test-XXXXXX";

static const char *path_of(const char *name) {
    static char path[VGGCL_PATH_MAX];
    assert_int_equal(file_path(path, folder, name), VGGCL_OK);
    return path;
}

/* Each test has a fresh folder with a small whole set. */
static int setup(void **state) {
    (void)state;
    strcpy(folder + strlen(folder) - 6, "XXXXXX");
    return !mkdtemp(folder) || vggcl_synth(folder, TRAIN, TEST, 1) != VGGCL_OK;
}

static int teardown(void **state) {
    (void)state;
    for (int i = 0; i < NAMES; i++)
        remove(path_of(names[i])); /* some tests remove one or put a folder in its place */
    return rmdir(folder);
}

static void resize(const char *name, off_t size) {
    assert_int_equal(truncate(path_of(name), size), 0);
}

static void put_byte(const char *name, long offset, int byte) {
    FILE *file = fopen(path_of(name), "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, offset, SEEK_SET), 0);
    assert_int_equal(fputc(byte, file), byte);
    assert_int_equal(fclose(file), 0);
}

static void put_text(const char *name, const char *text) {
    FILE *file = fopen(path_of(name), "wb");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* Reading fails with code; the one line names the file and holds each of the parts given, up to NULL. */
static void assert_refused(enum vggcl_err code, const char *name, ...) {
    struct data data;
    va_list parts;
    assert_int_equal(cifar_read(folder, &data), code);
    assert_null(data.train.pixels);
    assert_null(data.test.pixels);
    assert_ptr_equal(strstr(vggcl_error(), path_of(name)), vggcl_error());
    assert_null(strchr(vggcl_error(), '\n'));
    va_start(parts, name);
    for (const char *part; (part = va_arg(parts, const char *));)
        if (!strstr(vggcl_error(), part))
            fail_msg("\"%s\" is not in: %s", part, vggcl_error());
    va_end(parts);
}

static void round_trip(void **state) {
    (void)state;
    struct data made, read;
    assert_int_equal(synth_make(TRAIN, TEST, 1, &made), VGGCL_OK);
    assert_int_equal(data_open(folder, 0, 0, &read), VGGCL_OK);
    assert_int_equal(read.train.count, TRAIN);
    assert_int_equal(read.test.count, TEST);
    assert_memory_equal(read.train.pixels, made.train.pixels, TRAIN * DATA_PIXELS);
    assert_memory_equal(read.train.labels, made.train.labels, TRAIN);
    assert_memory_equal(read.test.pixels, made.test.pixels, TEST * DATA_PIXELS);
    assert_memory_equal(read.test.labels, made.test.labels, TEST);
    for (int i = 0; i < VGGCL_CLASSES; i++)
        assert_string_equal(read.classes[i], made.classes[i]);
    char expected[VGGCL_PATH_MAX];
    snprintf(expected, sizeof expected, "CIFAR-10 in %s (53 training, 10 test images)", folder);
    assert_string_equal(read.description, expected);
    data_free(&made);
    data_free(&read);
}

static void writes_the_format(void **state) {
    (void)state;
    static const int records[] = {11, 11, 11, 10, 10, 10};
    struct data made;
    char *bytes;
    size_t size;
    for (int i = 0; i < 6; i++) {
        struct stat status;
        assert_int_equal(stat(path_of(names[i]), &status), 0);
        assert_int_equal(status.st_size, records[i] * 3073);
    }
    assert_int_equal(synth_make(TRAIN, TEST, 1, &made), VGGCL_OK);
    assert_int_equal(file_read(path_of("data_batch_4.bin"), 1 << 20, &bytes, &size), VGGCL_OK);
    assert_int_equal(bytes[0], made.train.labels[33]);
    assert_memory_equal(bytes + 1, made.train.pixels + 33 * DATA_PIXELS, DATA_PIXELS);
    assert_int_equal(bytes[3073], made.train.labels[34]);
    free(bytes);
    data_free(&made);
}

static void missing_file(void **state) {
    (void)state;
    for (int i = NAMES - 1; i >= 0; i--) { /* from the last on: the first one missing is named */
        assert_int_equal(unlink(path_of(names[i])), 0);
        assert_refused(VGGCL_EIO, names[i], "No such file", "`vggcl fetch`", "--data", "VGGCL_CIFAR10",
                       "--data synthetic", NULL);
    }
}

static void missing_folder(void **state) {
    (void)state;
    struct data data;
    assert_int_equal(data_open("/nonexistent/cifar", 1, 0, &data), VGGCL_EIO);
    assert_ptr_equal(strstr(vggcl_error(), "/nonexistent/cifar/data_batch_1.bin"), vggcl_error());
    assert_non_null(strstr(vggcl_error(), "`vggcl fetch`"));
    assert_null(data.train.pixels);
}

static void folder_in_place_of_file(void **state) {
    (void)state;
    assert_int_equal(unlink(path_of("data_batch_2.bin")), 0);
    assert_int_equal(mkdir(path_of("data_batch_2.bin"), 0777), 0);
    assert_refused(VGGCL_EIO, "data_batch_2.bin", "no regular file", NULL);
}

static void truncated_file(void **state) {
    (void)state;
    resize("data_batch_3.bin", 11 * 3073 - 1);
    assert_refused(VGGCL_EFORMAT, "data_batch_3.bin", "33802 bytes", "byte 30730 ", "3073", NULL);
    resize("data_batch_3.bin", 1);
    assert_refused(VGGCL_EFORMAT, "data_batch_3.bin", "has 1 bytes", "byte 0 ", NULL);
}

static void one_byte_too_many(void **state) {
    (void)state;
    resize("test_batch.bin", TEST * 3073 + 1);
    assert_refused(VGGCL_EFORMAT, "test_batch.bin", "30731 bytes", "byte 30730 ", NULL);
}

static void empty_file(void **state) {
    (void)state;
    resize("data_batch_5.bin", 0);
    assert_refused(VGGCL_EFORMAT, "data_batch_5.bin", "empty", NULL);
}

static void huge_file(void **state) { /* sparse: a multiple of 3073 above 2^31 */
    (void)state;
    if (truncate(path_of("data_batch_1.bin"), (off_t)700000 * 3073) != 0) {
        print_message("this file system has no files of 2 GiB; skipped\n");
        skip();
    }
    assert_refused(VGGCL_EFORMAT, "data_batch_1.bin", "2151100000 bytes", "2147483648", NULL);
}

static void differing_sizes(void **state) {
    (void)state;
    resize("data_batch_2.bin", 10 * 3073); /* 11, 10, 11: grows again */
    assert_refused(VGGCL_EFORMAT, "data_batch_3.bin", "byte 33803", "data_batch_2.bin at byte 30730", NULL);
    resize("data_batch_2.bin", 9 * 3073); /* two records lost */
    assert_refused(VGGCL_EFORMAT, "data_batch_2.bin", "byte 27657", "data_batch_1.bin at byte 33803", NULL);
    resize("data_batch_2.bin", 11 * 3073);
    resize("data_batch_5.bin", 9 * 3073); /* 11, 11, 11, 10, 9 */
    assert_refused(VGGCL_EFORMAT, "data_batch_5.bin", "byte 27657", "data_batch_1.bin at byte 33803", NULL);
}

static void label_above_nine(void **state) {
    (void)state;
    put_byte("data_batch_4.bin", 2 * 3073, 10);
    assert_refused(VGGCL_EFORMAT, "data_batch_4.bin", "byte 6146:", "label 10,", NULL);
    put_byte("data_batch_4.bin", 2 * 3073, 255);
    assert_refused(VGGCL_EFORMAT, "data_batch_4.bin", "byte 6146:", "label 255,", NULL);
    put_byte("data_batch_4.bin", 2 * 3073, 9);
    put_byte("test_batch.bin", 9 * 3073, 10); /* the last record */
    assert_refused(VGGCL_EFORMAT, "test_batch.bin", "byte 27657:", "label 10,", NULL);
}

static void class_names(void **state) {
    (void)state;
    static const char meta[] = "batches.meta.txt";
    struct data data;
    put_text(meta, "a\nb\nc\nd\ne\nf\ng\nh\ni\n");
    assert_refused(VGGCL_EFORMAT, meta, "byte 18:", "class name 10 of 10", NULL);
    put_text(meta, "");
    assert_refused(VGGCL_EFORMAT, meta, "byte 0:", "class name 1 of 10", NULL);
    put_text(meta, "a\nb\nan overlong class name of 32 bytes\nd\n");
    assert_refused(VGGCL_EFORMAT, meta, "byte 4:", "class name 3 of 10", "34 bytes", NULL);

    /* Ends of lines as on Windows, none at the end: */
    put_text(meta, "a\r\nb\r\nc\r\nd\r\ne\r\nf\r\ng\r\nh\r\ni\r\na name of just thirty-one bytes");
    assert_int_equal(cifar_read(folder, &data), VGGCL_OK);
    assert_string_equal(data.classes[0], "a");
    assert_string_equal(data.classes[8], "i");
    assert_string_equal(data.classes[9], "a name of just thirty-one bytes");
    data_free(&data);
}

/* As root may write anywhere, folders that nobody can write: below a file, and where a temporary file cannot be made.
 */
static void unwritable_folder(void **state) {
    (void)state;
    char below_file[VGGCL_PATH_MAX];
    assert_int_equal(file_path(below_file, path_of("batches.meta.txt"), "folder"), VGGCL_OK);
    assert_int_equal(vggcl_synth(below_file, TRAIN, TEST, 1), VGGCL_EIO);
    assert_non_null(strstr(vggcl_error(), path_of("batches.meta.txt")));

    assert_int_equal(mkdir(path_of("data_batch_2.bin.tmp"), 0777), 0);
    assert_int_equal(vggcl_synth(folder, TRAIN, TEST, 1), VGGCL_EIO);
    assert_non_null(strstr(vggcl_error(), path_of("data_batch_2.bin.tmp")));
    assert_null(strchr(vggcl_error(), '\n'));
    assert_int_equal(rmdir(path_of("data_batch_2.bin.tmp")), 0);
}

/* VGGCL_CIFAR10 is what an empty name takes; without it, a folder below the present one. */
static void empty_name(void **state) {
    (void)state;
    struct data data;
    const char *value = getenv("VGGCL_CIFAR10");
    char *kept = value ? strdup(value) : NULL;

    assert_int_equal(setenv("VGGCL_CIFAR10", folder, 1), 0);
    assert_int_equal(data_open("", 1, 0, &data), VGGCL_OK);
    assert_int_equal(data.train.count, TRAIN);
    data_free(&data);
    assert_int_equal(unsetenv("VGGCL_CIFAR10"), 0);
    assert_int_equal(chdir(folder), 0);
    assert_int_equal(data_open("", 1, 0, &data), VGGCL_EIO);
    assert_ptr_equal(strstr(vggcl_error(), "data/cifar-10-batches-bin/data_batch_1.bin"), vggcl_error());

    assert_int_equal(chdir("/"), 0);
    if (kept)
        setenv("VGGCL_CIFAR10", kept, 1);
    free(kept);
}

static void real_cifar10(void **state) {
    (void)state;
    struct data data;
    size_t counts[VGGCL_CLASSES] = {0};
    const char *real = getenv("VGGCL_CIFAR10");
    if (!real || !*real) {
        print_message("VGGCL_CIFAR10 does not name CIFAR-10's folder; skipped\n");
        skip();
    }
    if (data_open("", 1, 0, &data) != VGGCL_OK)
        fail_msg("%s", vggcl_error());
    assert_int_equal(data.train.count, 50000);
    assert_int_equal(data.test.count, 10000);
    assert_int_equal(data.train.labels[0], 6);
    assert_string_equal(data.classes[6], "frog");
    assert_string_equal(data.classes[9], "truck");
    assert_non_null(strstr(data.description, "(50000 training, 10000 test images)"));
    for (size_t i = 0; i < data.train.count; i++)
        counts[data.train.labels[i]]++;
    for (int i = 0; i < VGGCL_CLASSES; i++)
        assert_int_equal(counts[i], 5000);
    data_free(&data);
}

#define TEST_IN_FOLDER(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST_IN_FOLDER(round_trip),
        TEST_IN_FOLDER(writes_the_format),
        TEST_IN_FOLDER(missing_file),
        cmocka_unit_test(missing_folder),
        TEST_IN_FOLDER(folder_in_place_of_file),
        TEST_IN_FOLDER(truncated_file),
        TEST_IN_FOLDER(one_byte_too_many),
        TEST_IN_FOLDER(empty_file),
        TEST_IN_FOLDER(huge_file),
        TEST_IN_FOLDER(differing_sizes),
        TEST_IN_FOLDER(label_above_nine),
        TEST_IN_FOLDER(class_names),
        TEST_IN_FOLDER(unwritable_folder),
        TEST_IN_FOLDER(empty_name),
        cmocka_unit_test(real_cifar10),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
