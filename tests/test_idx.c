/* The IDX files of MNIST, Fashion-MNIST and EMNIST: values, names, and every kind of invalid file. */
#define _POSIX_C_SOURCE 200809L
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "data/data.h"
#include "data/synth.h"
#include "idx.h"
#include "program.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TRAIN = 30, TEST = 12, HEIGHT = 9, WIDTH = 14, CLASSES = 10, PIXELS = HEIGHT * WIDTH };
enum { IMAGE_HEADER = 16, LABEL_HEADER = 8 };

static const char *const files[] = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte",
                                    "t10k-labels-idx1-ubyte"};
static const int sizes[] = {IMAGE_HEADER + TRAIN * PIXELS, LABEL_HEADER + TRAIN, IMAGE_HEADER + TEST *PIXELS,
                            LABEL_HEADER + TEST};

static const char *path_of(const char *name) {
    static char paths[4][512];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/set/%s", folder, name);
    return path;
}

/* Runs a command of the shell in the folder of the set. */
static void shell(const char *format, ...) {
    char words[512], line[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    snprintf(line, sizeof line, "cd %s/set && %s", folder, words);
    assert_int_equal(system(line), 0);
}

static uint8_t pixel_of(int i, int y, int x) {
    return (uint8_t)(i * 31 + y * 17 + x);
}

static uint8_t label_of(int i) {
    return (uint8_t)(i % CLASSES);
}

static uint8_t letter_of(int i) { /* 1 to 4 */
    return (uint8_t)(1 + i % 4);
}

static uint8_t zero(int i) {
    (void)i;
    return 0;
}

static void write_set(const char *prefix, const char *test, uint8_t (*label)(int i)) {
    char name[128];
    for (int k = 0; k < 4; k++) {
        int count = k < 2 ? TRAIN : TEST;
        snprintf(name, sizeof name, "%s%s-%s-ubyte", prefix, k < 2 ? "train" : test,
                 k % 2 ? "labels-idx1" : "images-idx3");
        if (k % 2)
            idx_write_labels(path_of(name), count, label);
        else
            idx_write_images(path_of(name), count, HEIGHT, WIDTH, pixel_of);
    }
}

/* An empty folder. */
static int clean(void **state) {
    char line[256];
    (void)state;
    snprintf(line, sizeof line, "rm -rf %s/set && mkdir %s/set", folder, folder);
    return system(line);
}

static int setup(void **state) {
    if (clean(state) != 0)
        return -1;
    write_set("", "t10k", label_of);
    return 0;
}

static struct data_source source(void) {
    static char set[256];
    snprintf(set, sizeof set, "%s/set", folder);
    return (struct data_source){.name = set, .format = "auto"};
}

static void opens_at(struct data *data, int line) {
    const struct data_source from = source();
    if (data_open(&from, data) != VGGCL_OK)
        fail_msg("line %d: %s", line, vggcl_error());
}
#define opens(data) opens_at((data), __LINE__)

/* That the set cannot be opened, with one line that has the file's path and each of the parts, up to NULL. */
static void refuses(enum vggcl_err code, const char *file, ...) {
    struct data data;
    va_list parts;
    const struct data_source from = source();
    if (data_open(&from, &data) != code)
        fail_msg("%s: not %d, but: %s", file, code, vggcl_error());
    assert_null(data.train.pixels);
    assert_null(data.spec.class_names);
    assert_null(strchr(vggcl_error(), '\n'));
    if (strstr(vggcl_error(), path_of(file)) != vggcl_error())
        fail_msg("%s is not named in: %s", file, vggcl_error());
    va_start(parts, file);
    for (const char *part; (part = va_arg(parts, const char *));)
        if (!strstr(vggcl_error(), part))
            fail_msg("\"%s\" is not in: %s", part, vggcl_error());
    va_end(parts);
}

/* That the set is what write_set() wrote, with labels from `first` on. */
static void has_set(int classes, uint8_t (*label)(int i), int first, bool transposed) {
    struct data data;
    struct data_size size;
    const struct data_source from = source();
    opens(&data);
    assert_int_equal(data.train.count, TRAIN);
    assert_int_equal(data.test.count, TEST);
    assert_int_equal(data.spec.channels, 1);
    assert_int_equal(data.spec.height, transposed ? WIDTH : HEIGHT);
    assert_int_equal(data.spec.width, transposed ? HEIGHT : WIDTH);
    assert_int_equal(data.spec.classes, classes);
    for (int i = 0; i < TRAIN; i++) {
        assert_int_equal(data.train.labels[i], label(i) - first);
        assert_int_equal(data.test.labels[i % TEST], label(i % TEST) - first);
        for (int k = 0; k < PIXELS; k++) {
            int y = k / (int)data.spec.width, x = k % (int)data.spec.width;
            uint8_t expected = transposed ? pixel_of(i, x, y) : pixel_of(i, y, x);
            assert_int_equal(data.train.pixels[i * PIXELS + k], expected);
            if (i < TEST)
                assert_int_equal(data.test.pixels[i * PIXELS + k], expected);
        }
    }
    assert_int_equal(data_count(&from, &size), VGGCL_OK);
    assert_int_equal(size.train, TRAIN);
    assert_int_equal(size.test, TEST);
    assert_int_equal(size.spec.height, data.spec.height);
    assert_int_equal(size.spec.width, data.spec.width);
    assert_int_equal(size.spec.classes, classes);
    assert_int_equal(size.spec.channels, 1);
    assert_null(size.spec.class_names);
    data_free(&data);
}

static void has_names(const char *const *names, size_t count) {
    struct data data;
    opens(&data);
    assert_int_equal(data.spec.classes, count);
    for (size_t i = 0; i < count; i++)
        assert_string_equal(data.spec.class_names[i], names[i]);
    data_free(&data);
}

static void needs_zlib(void) {
#ifndef VGGCL_ZLIB
    print_message("built without zlib; skipped\n");
    skip();
#endif
}

/* -------------------------------------------------------------------------------------------------------- right -- */

static void reads_plain_files(void **state) {
    (void)state;
    static const char *const names[] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
    struct data data;
    char expected[256];
    has_set(CLASSES, label_of, 0, false);
    has_names(names, CLASSES);
    opens(&data);
    snprintf(expected, sizeof expected, "IDX in %s/set (30 training, 12 test images, %dx%d grey, %d classes)", folder,
             WIDTH, HEIGHT, CLASSES);
    assert_string_equal(data.description, expected);
    data_free(&data);
}

static void reads_compressed_files(void **state) {
    (void)state;
    needs_zlib();
    shell("gzip t10k-images-idx3-ubyte train-labels-idx1-ubyte");
    has_set(CLASSES, label_of, 0, false);
    shell("gzip train-images-idx3-ubyte t10k-labels-idx1-ubyte");
    has_set(CLASSES, label_of, 0, false);
}

static void explains_what_zlib_is_for(void **state) {
    (void)state;
#ifdef VGGCL_ZLIB
    skip();
#endif
    shell("gzip t10k-images-idx3-ubyte");
    refuses(VGGCL_EUSAGE, "t10k-images-idx3-ubyte.gz", "built without zlib", "with gunzip", NULL);
}

static void reads_names_with_a_dot(void **state) {
    (void)state;
    shell("for f in *; do mv $f $(echo $f | sed 's/-idx/.idx/'); done");
    has_set(CLASSES, label_of, 0, false);
}

/* Where both are there, the compressed one is not even opened. */
static void prefers_plain_files(void **state) {
    (void)state;
    shell("echo damaged >train-images-idx3-ubyte.gz");
    has_set(CLASSES, label_of, 0, false);
}

static void turns_emnist_upright(void **state) {
    (void)state;
    clean(state);
    write_set("emnist-digits-", "test", label_of);
    has_set(CLASSES, label_of, 0, true);
}

static void reads_names(void **state) {
    (void)state;
    static const char *const names[] = {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
                                        "Sandal",      "Shirt",   "Sneaker",  "Bag",   "Ankle boot"};
    shell("printf 'T-shirt/top\\nTrouser\\r\\nPullover\\nDress\\nCoat\\nSandal\\nShirt\\nSneaker\\nBag\\nAnkle boot' "
          ">names.txt");
    has_names(names, CLASSES);
    has_set(CLASSES, label_of, 0, false);
    shell("sed -i 1d names.txt");
    refuses(VGGCL_EFORMAT, "names.txt", "has 9 names", "labels go from 0 to 9", NULL);
    shell("seq 11 >names.txt");
    refuses(VGGCL_EFORMAT, "names.txt", "has 11 names", NULL);
    shell(": >names.txt");
    refuses(VGGCL_EFORMAT, "names.txt", "has 0 names", NULL);
    shell("seq 9 >names.txt; echo a name of more than thirty-one bytes >>names.txt");
    refuses(VGGCL_EFORMAT, "names.txt", "byte 18:", "class name 10 of 10", NULL);
}

/* The letters of EMNIST: 1 to 26, which its mapping file moves to 0 to 25. */
static void reads_mappings(void **state) {
    (void)state;
    static const char *const letters[] = {"A", "B", "3", "D"}, *const numbers[] = {"0", "1", "2", "3", "4"};
    clean(state);
    write_set("emnist-letters-", "test", letter_of);
    has_set(5, letter_of, 0, true); /* label 0 does not occur */
    has_names(numbers, 5);
    shell("printf '1 65 97\\n2 66 98\\n3 7\\n4 68 100 \\n' >emnist-letters-mapping.txt");
    has_set(4, letter_of, 1, true);
    has_names(letters, 4);
    shell("printf '2 66\\n' >emnist-letters-mapping.txt");
    refuses(VGGCL_EFORMAT, "emnist-letters-train-labels-idx1-ubyte", "byte 8:", "label 1", "begins with label 2", NULL);
    shell("printf '1 65\\n2\\n' >emnist-letters-mapping.txt");
    refuses(VGGCL_EFORMAT, "emnist-letters-mapping.txt", "byte 5:", "expected a label", NULL);
    shell("printf '256 65\\n' >emnist-letters-mapping.txt");
    refuses(VGGCL_EFORMAT, "emnist-letters-mapping.txt", "byte 0:", NULL);
    shell("printf '\\n' >emnist-letters-mapping.txt");
    refuses(VGGCL_EFORMAT, "emnist-letters-mapping.txt", "is empty", NULL);
    shell("printf 'A\\nB\\nC\\nD\\nE\\n' >names.txt"); /* goes before the mapping */
    has_set(5, letter_of, 0, true);
}

/* Files with channels are those that vggcl_synth() writes, and are mapped; compressed ones are read. */
static void reads_channels(void **state) {
    (void)state;
    struct data read, made;
    enum { SIDE = 20 };
    assert_int_equal(synth_make(TRAIN, TEST, SIDE, 5, &made), VGGCL_OK);
    for (int compressed = 0; compressed < 2; compressed++) {
        clean(state);
        assert_int_equal(vggcl_synth(source().name, TRAIN, TEST, SIDE, 5, NULL, NULL), VGGCL_OK);
        if (compressed) {
            needs_zlib();
            shell("gzip t*");
        }
        opens(&read);
        assert_int_equal(read.spec.height, SIDE);
        assert_int_equal(read.spec.width, SIDE);
        assert_int_equal(read.spec.channels, 3);
        assert_int_equal(read.mapped[0].bytes != NULL, !compressed);
        assert_string_equal(read.spec.class_names[1], "ring");
        for (size_t i = 0; i < TRAIN; i++) {
            const uint8_t *pixels = dataset_pixels(&read.train, 3 * SIDE * SIDE, i);
            assert_memory_equal(pixels, made.train.pixels + i * 3 * SIDE * SIDE, 3 * SIDE * SIDE);
            assert_int_equal(read.train.labels[i], made.train.labels[i]);
        }
        assert_memory_equal(dataset_pixels(&read.test, 3 * SIDE * SIDE, 1), made.test.pixels + 3 * SIDE * SIDE,
                            3 * SIDE * SIDE);
        data_limit(&read, 0);
        data_limit(&made, 0);
        assert_true(read.fingerprint == made.fingerprint);
        data_free(&read);
    }
    data_free(&made);
}

/* Not over a real set, nor over another kind of set; over its own it does. */
static void synth_keeps_other_sets(void **state) {
    (void)state;
    const char *set = source().name;
    assert_int_equal(vggcl_synth(set, TRAIN, TEST, 16, 1, NULL, NULL), VGGCL_EUSAGE);
    assert_non_null(strstr(vggcl_error(), "holds another data set (IDX)"));
    has_set(CLASSES, label_of, 0, false);
    clean(state);
    assert_int_equal(vggcl_synth(set, TRAIN, TEST, 16, 1, NULL, NULL), VGGCL_OK);
    assert_int_equal(vggcl_synth(set, TRAIN, TEST, 24, 2, NULL, NULL), VGGCL_OK);
    assert_int_equal(vggcl_synth(set, TRAIN, TEST, 32, 2, NULL, NULL), VGGCL_EUSAGE);
    shell("sed -i s/ring/cat/ names.txt");
    assert_int_equal(vggcl_synth(set, TRAIN, TEST, 16, 1, NULL, NULL), VGGCL_EUSAGE);
    assert_int_equal(vggcl_synth(set, TRAIN, TEST, 7, 1, NULL, NULL), VGGCL_EUSAGE);
    assert_int_equal(vggcl_synth(set, TRAIN, TEST, 257, 1, NULL, NULL), VGGCL_EUSAGE);
}

static void keeps_its_size(void **state) {
    (void)state;
    struct data data;
    struct data_size size;
    struct data_source from = source();
    from.side = HEIGHT;
    assert_int_equal(data_open(&from, &data), VGGCL_EUSAGE);
    assert_non_null(strstr(vggcl_error(), "size 9: the images of this IDX set are 14x9; leave the option out"));
    assert_int_equal(data_count(&from, &size), VGGCL_EUSAGE);
}

/* -------------------------------------------------------------------------------------------------------- wrong -- */

static void names_all_splits(void **state) {
    (void)state;
    struct data data;
    const struct data_source from = source();
    write_set("emnist-letters-", "test", letter_of);
    write_set("emnist-mnist-", "test", label_of);
    assert_int_equal(data_open(&from, &data), VGGCL_EIO);
    assert_non_null(strstr(vggcl_error(), "holds 3 data sets (train-..., emnist-letters-train-..., "
                                          "emnist-mnist-train-...)"));
    assert_non_null(strstr(vggcl_error(), "a folder of its own"));
}

/* Any of the four makes the set; the one that is missing is named. */
static void misses_a_file(void **state) {
    (void)state;
    for (int k = 0; k < 4; k++) {
        setup(state);
        assert_int_equal(unlink(path_of(files[k])), 0);
        refuses(VGGCL_EIO, files[k], "is missing", "`vggcl fetch mnist`", "fashion-mnist", NULL);
    }
    clean(state);
    idx_write_labels(path_of(files[3]), TEST, label_of);
    refuses(VGGCL_EIO, files[0], "is missing", NULL);
    assert_int_equal(mkdir(path_of(files[0]), 0777), 0);
    refuses(VGGCL_EIO, files[0], "is not a regular file", NULL);
}

/* Cut off at every byte of a header, and in the contents. */
static void ends_early(void **state) {
    (void)state;
    char text[64];
    for (int k = 0; k < 4; k++) {
        int header = k % 2 ? LABEL_HEADER : IMAGE_HEADER;
        setup(state);
        assert_int_equal(truncate(path_of(files[k]), sizes[k] - 1), 0);
        snprintf(text, sizeof text, "ends at byte %d, but", sizes[k] - 1);
        refuses(VGGCL_EFORMAT, files[k], text, "download the file again", NULL);
        for (int bytes = header; bytes >= 0; bytes--) {
            assert_int_equal(truncate(path_of(files[k]), bytes), 0);
            snprintf(text, sizeof text, "ends at byte %d, %s", bytes, bytes < header ? "in its header" : "but");
            refuses(VGGCL_EFORMAT, files[k], text, NULL);
        }
    }
}

/* The same of what is compressed, and of the compressed bytes themselves. */
static void ends_early_compressed(void **state) {
    (void)state;
    needs_zlib();
    struct stat status;
    char name[64], text[64];
    for (int k = 0; k < 4; k++) {
        int header = k % 2 ? LABEL_HEADER : IMAGE_HEADER;
        snprintf(name, sizeof name, "%s.gz", files[k]);
        for (int bytes = 0; bytes < sizes[k]; bytes += bytes < header ? 1 : sizes[k] / 3) {
            setup(state);
            shell("truncate -s %d %s && gzip %s", bytes, files[k], files[k]);
            snprintf(text, sizeof text, "ends at byte %d of the uncompressed data", bytes);
            refuses(VGGCL_EFORMAT, name, text, NULL);
        }
        setup(state);
        shell("gzip %s", files[k]);
        assert_int_equal(stat(path_of(name), &status), 0);
        for (off_t bytes = status.st_size - 1; bytes >= 0; bytes -= bytes > 40 ? status.st_size / 8 : 1) {
            assert_int_equal(truncate(path_of(name), bytes), 0);
            refuses(VGGCL_EFORMAT, name, NULL);
        }
    }
}

static void has_more_bytes(void **state) {
    (void)state;
    char text[64];
    for (int k = 0; k < 4; k++) {
        setup(state);
        assert_int_equal(truncate(path_of(files[k]), sizes[k] + 1), 0);
        snprintf(text, sizeof text, "byte %d: there are more bytes after the last", sizes[k]);
        refuses(VGGCL_EFORMAT, files[k], text, NULL);
    }
    needs_zlib();
    shell("gzip %s", files[3]);
    snprintf(text, sizeof text, "byte %d of the uncompressed data: there are more bytes", sizes[3]);
    refuses(VGGCL_EFORMAT, "t10k-labels-idx1-ubyte.gz", text, NULL);
}

static void put_byte(const char *name, long offset, int byte) {
    FILE *file = fopen(path_of(name), "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, offset, SEEK_SET), 0);
    assert_int_equal(fputc(byte, file), byte);
    assert_int_equal(fclose(file), 0);
}

/* A header's byte that is changed: which file, which byte, to what, what the error says. */
static void has_a_wrong_header(void **state) {
    (void)state;
    static const struct {
        int file, offset, byte;
        const char *text;
    } cases[] = {{0, 0, 1, "byte 0: the magic number is 0x01000803, not 0x00000803"},
                 {0, 1, 1, "byte 0: the magic number is 0x00010803, not"},
                 {0, 2, 13, "byte 0: the magic number is 0x00000d03, not"},
                 {2, 3, 1, "byte 0: the magic number is 0x00000801, not 0x00000803, as of images"},
                 {1, 3, 3, "byte 0: the magic number is 0x00000803, not 0x00000801, as of labels"},
                 {3, 2, 9, "byte 0: the magic number is 0x00000901, not"},
                 {0, 7, 0, "byte 4: has 0 images"},
                 {3, 7, 0, "byte 4: has 0 labels"},
                 {0, 7, TRAIN - 1, "there are more bytes after the last of the 29 images"},
                 {0, 7, TRAIN + 1, "but its 31 images of 126 bytes end at"},
                 {0, 4, 255, "but its 4278190110 images"},
                 {2, 11, 0, "byte 8: images of height 0; vggcl takes 8 to 256"},
                 {2, 11, 7, "byte 8: images of height 7"},
                 {2, 8, 1, "byte 8: images of height 16777225"},
                 {0, 15, 0, "byte 12: images of width 0; vggcl takes 8 to 256"},
                 {0, 14, 1, "byte 12: images of width 270"}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        setup(state);
        put_byte(files[cases[k].file], cases[k].offset, cases[k].byte);
        refuses(VGGCL_EFORMAT, files[cases[k].file], cases[k].text, NULL);
    }
}

static void has_wrong_channels(void **state) {
    static const struct {
        int offset, byte;
        const char *text;
    } cases[] = {{3, 3, "byte 0: the magic number is 0x00000803, not 0x00000804"},
                 {11, 2, "byte 8: images of 2 channels; vggcl takes 1 and 3"},
                 {11, 1, "there are more bytes after the last of the 30 images"},
                 {15, 7, "byte 12: images of height 7"},
                 {19, 7, "byte 16: images of width 7"}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        clean(state);
        assert_int_equal(vggcl_synth(source().name, TRAIN, TEST, 8, 1, NULL, NULL), VGGCL_OK);
        put_byte("train-images-idx4-ubyte", cases[k].offset, cases[k].byte);
        refuses(VGGCL_EFORMAT, "train-images-idx4-ubyte", cases[k].text, NULL);
    }
}

static void disagree(void **state) {
    (void)state;
    idx_write_labels(path_of(files[1]), TRAIN + 1, label_of);
    refuses(VGGCL_EFORMAT, files[1], "byte 4: has 31 labels", path_of(files[0]), "has 30 images", NULL);
    setup(state);
    idx_write_images(path_of(files[2]), TEST, HEIGHT, HEIGHT, pixel_of);
    refuses(VGGCL_EFORMAT, files[2], "byte 8: has images of 9x9x1", path_of(files[0]), "of 9x14x1", NULL);
    setup(state);
    idx_write_labels(path_of(files[1]), TRAIN, zero);
    idx_write_labels(path_of(files[3]), TEST, zero);
    refuses(VGGCL_EFORMAT, files[1], "all labels are 0", NULL);
}

/* As many classes as the highest label of either file says, up to 256. */
static void counts_classes(void **state) {
    (void)state;
    struct data data;
    put_byte(files[3], LABEL_HEADER + 4, 255);
    opens(&data);
    assert_int_equal(data.spec.classes, 256);
    assert_string_equal(data.spec.class_names[255], "255");
    assert_int_equal(data.test.labels[4], 255);
    data_free(&data);
}

static void is_damaged(void **state) {
    (void)state;
    needs_zlib();
    struct stat status;
    const char *name = "train-images-idx3-ubyte.gz";
    shell("gzip train-images-idx3-ubyte");
    assert_int_equal(stat(path_of(name), &status), 0);
    put_byte(name, status.st_size - 8, 0x55); /* of the CRC */
    put_byte(name, status.st_size - 7, 0xaa);
    put_byte(name, status.st_size - 6, 0x55);
    refuses(VGGCL_EFORMAT, name, "of the uncompressed data: the compressed data is damaged", NULL);
    setup(state);
    shell("mv train-images-idx3-ubyte train-images-idx3-ubyte.gz");
    refuses(VGGCL_EFORMAT, name, "is not compressed by gzip", "rename it", NULL);
    shell("gzip <train-images-idx3-ubyte.gz >train-images-idx3-ubyte && rm train-images-idx3-ubyte.gz");
    refuses(VGGCL_EFORMAT, "train-images-idx3-ubyte", "it is compressed by gzip: add .gz to its name", NULL);
}

/* A header that promises more than compressed bytes can hold is refused before memory is taken for it. */
static void promises_too_much(void **state) {
    (void)state;
    needs_zlib();
    put_byte(files[0], 4, 255);
    put_byte(files[1], 4, 255);
    shell("gzip train-images-idx3-ubyte train-labels-idx1-ubyte");
    refuses(VGGCL_EFORMAT, "train-images-idx3-ubyte.gz", "but its 4278190110 images", NULL);
}

#define IDX_TEST(f) cmocka_unit_test_setup(f, setup)

int main(void) {
    const struct CMUnitTest tests[] = {
        IDX_TEST(reads_plain_files),
        IDX_TEST(reads_compressed_files),
        IDX_TEST(explains_what_zlib_is_for),
        IDX_TEST(reads_names_with_a_dot),
        IDX_TEST(prefers_plain_files),
        IDX_TEST(turns_emnist_upright),
        IDX_TEST(reads_names),
        IDX_TEST(reads_mappings),
        IDX_TEST(reads_channels),
        IDX_TEST(synth_keeps_other_sets),
        IDX_TEST(keeps_its_size),
        IDX_TEST(names_all_splits),
        IDX_TEST(misses_a_file),
        IDX_TEST(ends_early),
        IDX_TEST(ends_early_compressed),
        IDX_TEST(has_more_bytes),
        IDX_TEST(has_a_wrong_header),
        IDX_TEST(has_wrong_channels),
        IDX_TEST(disagree),
        IDX_TEST(counts_classes),
        IDX_TEST(is_damaged),
        IDX_TEST(promises_too_much),
    };
    return cmocka_run_group_tests_name("idx", tests, make_folder, remove_folder);
}
