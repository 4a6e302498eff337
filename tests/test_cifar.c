/* CIFAR-10's binary files: a round trip, every kind of invalid file, and the real data set if it is available. */
#define _POSIX_C_SOURCE 200809L
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/file.h"
#include "data/cifar.h"
#include "data/cifar10.h"
#include "data/data.h"
#include "data/synth.h"

#include <errno.h>
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
    return !mkdtemp(folder) || vggcl_synth(folder, TRAIN, TEST, 32, 1, NULL, NULL) != VGGCL_OK;
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

static enum vggcl_err open_set(const char *name, const char *format, struct data *data) {
    return data_open(&(struct data_source){.name = name, .format = format, .seed = 1}, data);
}

/* Reading fails with code; the one line names the file and holds each of the parts given, up to NULL. */
static void assert_refused(enum vggcl_err code, const char *name, ...) {
    struct data data = {0};
    va_list parts;
    const struct data_source source = {.name = folder};
    assert_int_equal(format_cifar10.read(&source, &data), code);
    data_free(&data);
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
    assert_int_equal(synth_make(TRAIN, TEST, SYNTH_SIDE, 1, &made), VGGCL_OK);
    assert_int_equal(open_set(folder, "auto", &read), VGGCL_OK);
    assert_int_equal(read.train.count, TRAIN);
    assert_int_equal(read.test.count, TEST);
    assert_memory_equal(read.train.pixels, made.train.pixels, TRAIN * CIFAR_PIXELS);
    assert_memory_equal(read.train.labels, made.train.labels, TRAIN * sizeof *made.train.labels);
    assert_memory_equal(read.test.pixels, made.test.pixels, TEST * CIFAR_PIXELS);
    assert_memory_equal(read.test.labels, made.test.labels, TEST * sizeof *made.test.labels);
    assert_int_equal(read.spec.classes, SYNTH_CLASSES);
    for (int i = 0; i < SYNTH_CLASSES; i++)
        assert_string_equal(read.spec.class_names[i], made.spec.class_names[i]);
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
    assert_int_equal(synth_make(TRAIN, TEST, SYNTH_SIDE, 1, &made), VGGCL_OK);
    assert_int_equal(file_read(path_of("data_batch_4.bin"), 1 << 20, &bytes, &size), VGGCL_OK);
    assert_int_equal(bytes[0], made.train.labels[33]);
    assert_memory_equal(bytes + 1, made.train.pixels + 33 * CIFAR_PIXELS, CIFAR_PIXELS);
    assert_int_equal(bytes[3073], made.train.labels[34]);
    free(bytes);
    data_free(&made);
}

static void missing_file(void **state) {
    (void)state;
    for (int i = NAMES - 1; i >= 0; i--) { /* from the last on: the first one missing is named */
        assert_int_equal(unlink(path_of(names[i])), 0);
        assert_refused(VGGCL_EIO, names[i], strerror(ENOENT), "`vggcl fetch`", "set data", "VGGCL_CIFAR10",
                       "data=synthetic", NULL);
    }
}

static void assert_unreadable(const char *name, const char *format, enum vggcl_err code, const char *part) {
    struct data data;
    assert_int_equal(open_set(name, format, &data), code);
    assert_null(data.train.pixels);
    assert_null(strchr(vggcl_error(), '\n'));
    if (!strstr(vggcl_error(), part))
        fail_msg("\"%s\" is not in: %s", part, vggcl_error());
}

static void missing_folder(void **state) {
    (void)state;
    static const char *const parts[] = {"/nonexistent/cifar: ", "No such file or directory", "`vggcl fetch`",
                                        "set data", "data=synthetic"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        assert_unreadable("/nonexistent/cifar", "auto", VGGCL_EIO, parts[i]);
    assert_unreadable("/nonexistent/cifar", "cifar10", VGGCL_EIO, "/nonexistent/cifar/data_batch_1.bin: ");
}

/* A file, a path through one, and formats that do not exist or do not fit. */
static void not_a_data_set(void **state) {
    (void)state;
    assert_unreadable("/dev/null/x", "auto", VGGCL_EIO, "/dev/null/x: Not a directory");
    assert_unreadable("/dev/null", "auto", VGGCL_EIO, "/dev/null: is not a directory");
    assert_unreadable(folder, "cifar", VGGCL_EUSAGE, "data-format: takes one of auto, synthetic, cifar10");
    assert_unreadable(folder, "synthetic", VGGCL_EUSAGE, "takes synthetic or synthetic:TRAIN,TEST");
    assert_unreadable("synthetic", "cifar10", VGGCL_EIO, "synthetic/data_batch_1.bin: ");
}

/* What a folder holds instead: nothing, up to three names, or a version of a data set that is not read. */
static void says_what_it_found(void **state) {
    (void)state;
    char other[VGGCL_PATH_MAX];
    static const struct {
        const char *names[5], *text;
    } cases[] = {{{".hidden"}, "is an empty folder; `vggcl fetch` downloads CIFAR-10. Or set data to a folder"},
                 {{"b", "a"},
                  "it holds a and b; `vggcl fetch` downloads CIFAR-10. Or set data to a folder that has CIFAR-10's "
                  ".bin files, "},
                 {{"c", "d\n", "b", "a"}, "it holds a, b, c and 1 more; `vggcl fetch`"},
                 {{"d\n\033[2J"}, "it holds d??[2J; `vggcl fetch`"},
                 {{"data_batch_1", "test_batch", "batches.meta"},
                  "this is the Python (pickle) version of CIFAR-10; vggcl reads the binary version, which `vggcl fetch "
                  "cifar10` gets"},
                 {{"train", "test", "meta", "file.txt~"}, "the Python (pickle) version of CIFAR-100; "},
                 {{"train", "test"}, "it holds test and train; "},
                 {{"train.mat", "test.mat", "meta.mat"}, "the Matlab version of CIFAR-100; "}};
    assert_int_equal(file_path(other, folder, "other"), VGGCL_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[VGGCL_PATH_MAX];
        assert_int_equal(mkdir(other, 0777), 0);
        for (size_t k = 0; k < 5 && cases[i].names[k]; k++) {
            assert_int_equal(file_path(path, other, cases[i].names[k]), VGGCL_OK);
            fclose(fopen(path, "wb"));
        }
        assert_unreadable(other, "auto", VGGCL_EIO, cases[i].text);
        for (size_t k = 0; k < 5 && cases[i].names[k]; k++) {
            assert_int_equal(file_path(path, other, cases[i].names[k]), VGGCL_OK);
            assert_int_equal(unlink(path), 0);
        }
        assert_int_equal(rmdir(other), 0);
    }
}

/* Recognised by any of its files: the error names the one that is missing. */
static void recognised_by_any_file(void **state) {
    (void)state;
    struct data data;
    assert_int_equal(unlink(path_of("data_batch_1.bin")), 0);
    assert_unreadable(folder, "auto", VGGCL_EIO, path_of("data_batch_1.bin"));
    assert_int_equal(vggcl_synth(folder, TRAIN, TEST, 32, 1, NULL, NULL), VGGCL_OK);
    assert_int_equal(open_set(folder, "cifar10", &data), VGGCL_OK);
    data_free(&data);
}

static void coarse_labels(void **state) {
    (void)state;
    struct data data;
    const struct data_source source = {.name = folder, .labels = DATA_COARSE};
    assert_int_equal(data_open(&source, &data), VGGCL_EUSAGE);
    assert_non_null(strstr(vggcl_error(), "labels coarse: CIFAR-10 has one kind of labels"));
}

static void counts(void **state) {
    (void)state;
    struct data_size size;
    assert_int_equal(data_count(&(struct data_source){.name = folder, .validate = 3}, &size), VGGCL_OK);
    assert_int_equal(size.train, TRAIN - 3);
    assert_int_equal(size.test, 3);
    assert_int_equal(size.spec.classes, 10);
    assert_int_equal(data_count(&(struct data_source){.name = "/nonexistent"}, &size), VGGCL_EIO);
    resize("test_batch.bin", 5);
    assert_int_equal(data_count(&(struct data_source){.name = folder}, &size), VGGCL_EFORMAT);
}

static void folder_in_place_of_file(void **state) {
    (void)state;
    assert_int_equal(unlink(path_of("data_batch_2.bin")), 0);
    assert_int_equal(mkdir(path_of("data_batch_2.bin"), 0777), 0);
    assert_refused(VGGCL_EIO, "data_batch_2.bin", "not a regular file", NULL);
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
    struct data data = {0};
    put_text(meta, "a\nb\nc\nd\ne\nf\ng\nh\ni\n");
    assert_refused(VGGCL_EFORMAT, meta, "byte 18:", "class name 10 of 10", NULL);
    put_text(meta, "");
    assert_refused(VGGCL_EFORMAT, meta, "byte 0:", "class name 1 of 10", NULL);
    put_text(meta, "a\nb\nan overlong class name of 32 bytes\nd\n");
    assert_refused(VGGCL_EFORMAT, meta, "byte 4:", "class name 3 of 10", "34 bytes", NULL);

    /* Ends of lines as on Windows, none at the end: */
    put_text(meta, "a\r\nb\r\nc\r\nd\r\ne\r\nf\r\ng\r\nh\r\ni\r\na name of just thirty-one bytes");
    assert_int_equal(format_cifar10.read(&(struct data_source){.name = folder}, &data), VGGCL_OK);
    assert_string_equal(data.spec.class_names[0], "a");
    assert_string_equal(data.spec.class_names[8], "i");
    assert_string_equal(data.spec.class_names[9], "a name of just thirty-one bytes");
    data_free(&data);
}

/* As root may write anywhere, folders that nobody can write: below a file, and where another folder has a file's name.
 */
static void unwritable_folder(void **state) {
    (void)state;
    char below_file[VGGCL_PATH_MAX];
    assert_int_equal(file_path(below_file, path_of("batches.meta.txt"), "folder"), VGGCL_OK);
    assert_int_equal(vggcl_synth(below_file, TRAIN, TEST, 32, 1, NULL, NULL), VGGCL_EIO);
    assert_non_null(strstr(vggcl_error(), path_of("batches.meta.txt")));

    assert_int_equal(unlink(path_of("data_batch_2.bin")), 0);
    assert_int_equal(mkdir(path_of("data_batch_2.bin"), 0777), 0);
    assert_int_equal(vggcl_synth(folder, TRAIN, TEST, 32, 1, NULL, NULL), VGGCL_EIO);
    assert_non_null(strstr(vggcl_error(), path_of("data_batch_2.bin")));
    assert_null(strchr(vggcl_error(), '\n'));
    assert_int_equal(rmdir(path_of("data_batch_2.bin")), 0);
}

/* VGGCL_CIFAR10 is what an empty name takes; without it, a folder below the present one. */
static void empty_name(void **state) {
    (void)state;
    struct data data;
    struct data_size size;
    const char *value = getenv("VGGCL_CIFAR10");
    char *kept = value ? strdup(value) : NULL;

    assert_int_equal(setenv("VGGCL_CIFAR10", folder, 1), 0);
    assert_int_equal(open_set("", "auto", &data), VGGCL_OK);
    assert_int_equal(data.train.count, TRAIN);
    data_free(&data);
    assert_int_equal(unsetenv("VGGCL_CIFAR10"), 0);
    assert_int_equal(chdir(folder), 0);
    assert_int_equal(open_set("", "auto", &data), VGGCL_EIO);
    assert_ptr_equal(strstr(vggcl_error(), "data/cifar-10-batches-bin: "), vggcl_error());
    assert_int_equal(data_count(&(struct data_source){.name = ""}, &size), VGGCL_OK); /* for plan: CIFAR-10 */
    assert_int_equal(size.train, 50000);
    assert_int_equal(size.test, 10000);
    assert_int_equal(size.spec.classes, 10);
    assert_int_equal(data_count(&(struct data_source){.name = "", .format = "cifar10"}, &size), VGGCL_OK);
    assert_int_equal(data_count(&(struct data_source){.name = "", .format = "cifar100"}, &size), VGGCL_EIO);

    assert_int_equal(chdir("/"), 0);
    if (kept)
        setenv("VGGCL_CIFAR10", kept, 1);
    free(kept);
}

static void real_cifar10(void **state) {
    (void)state;
    struct data data;
    size_t counts[10] = {0};
    const char *real = getenv("VGGCL_CIFAR10");
    if (!real || !*real) {
        print_message("VGGCL_CIFAR10 does not name CIFAR-10's folder; skipped\n");
        skip();
    }
    if (open_set("", "auto", &data) != VGGCL_OK)
        fail_msg("%s", vggcl_error());
    assert_int_equal(data.train.count, 50000);
    assert_int_equal(data.test.count, 10000);
    assert_int_equal(data.train.labels[0], 6);
    assert_string_equal(data.spec.class_names[6], "frog");
    assert_string_equal(data.spec.class_names[9], "truck");
    assert_non_null(strstr(data.description, "(50000 training, 10000 test images)"));
    for (size_t i = 0; i < data.train.count; i++)
        counts[data.train.labels[i]]++;
    for (int i = 0; i < 10; i++)
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
        TEST_IN_FOLDER(not_a_data_set),
        TEST_IN_FOLDER(says_what_it_found),
        TEST_IN_FOLDER(recognised_by_any_file),
        TEST_IN_FOLDER(coarse_labels),
        TEST_IN_FOLDER(counts),
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
