/* Folders of pictures as data sets: layouts, names, links, the split, sizes, bad pictures, and the cache. */
#define _DEFAULT_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/file.h"
#include "data/data.h"
#include "data/tree.h"
#include "pictures.h"
#include "program.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* ------------------------------------------------------------------------------------------------------ helpers -- */

/* A path in the test's folder, which holds the data set "set" and the cache "cache". Valid until the fourth call. */
static const char *at(const char *format, ...) __attribute__((format(printf, 1, 2)));
static const char *at(const char *format, ...) {
    static char paths[4][VGGCL_PATH_MAX];
    static int next;
    char *path = paths[next++ % 4];
    int length = snprintf(path, VGGCL_PATH_MAX, "%s/", folder);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(path + length, (size_t)(VGGCL_PATH_MAX - length), format, arguments);
    va_end(arguments);
    return path;
}

static int setup(void **state) {
    if (make_folder(state))
        return -1;
    return setenv("VGGCL_CACHE_DIR", at("cache"), 1) || mkdir(at("cache"), 0777) || mkdir(at("set"), 0777);
}

static struct data_source source(void) {
    static char name[VGGCL_PATH_MAX];
    snprintf(name, sizeof name, "%s", at("set"));
    return (struct data_source){.name = name, .format = "auto", .seed = 1, .test_share = 0.25, .bad_share = 0.01};
}

static void contains(const char *text, const char *part) {
    if (!text || !strstr(text, part))
        fail_msg("\"%s\" is not in: %s", part, text ? text : "(null)");
}

/* Opening fails with the code and a line that begins with a path in the test's folder and contains the part; counting
 * does as well. */
static void refuses_from(const struct data_source *from, enum vggcl_err code, const char *path, const char *part) {
    struct data data;
    struct data_size size;
    assert_int_equal(data_open(from, &data), code);
    assert_null(data.train.pixels);
    assert_null(data.notes);
    contains(vggcl_error(), part);
    if (path && strstr(vggcl_error(), path) != vggcl_error())
        fail_msg("does not begin with %s: %s", path, vggcl_error());
    assert_null(strchr(vggcl_error(), '\n'));
    assert_int_equal(data_count(from, &size), code);
    contains(vggcl_error(), part);
}

static void refuses(enum vggcl_err code, const char *path, const char *part) {
    const struct data_source from = source();
    refuses_from(&from, code, path, part);
}

static void remove_set(void) {
    char line[256];
    snprintf(line, sizeof line, "rm -rf '%s'; mkdir '%s'", at("set"), at("set"));
    assert_int_equal(system(line), 0);
}

static void make_link(const char *target, const char *path) {
    assert_int_equal(symlink(target, path), 0);
}

static void put_text(const char *path) {
    static const char text[] = "not a picture\n";
    write_file(path, text, sizeof text - 1);
}

#ifdef VGGCL_VIPS

static void open_from(const struct data_source *from, struct data *data) {
    if (data_open(from, data) != VGGCL_OK)
        fail_msg("%s", vggcl_error());
}

static void open_set(struct data *data) {
    const struct data_source from = source();
    open_from(&from, data);
}

/* A small picture whose first two channels name it. */
static void put(const char *path, int red, int green) {
    draw_flat(path, 8, 8, red, green, 0);
}

/* `count` pictures in each of `classes` classes c0, c1, ...; picture i of class k has the colours (k, i). */
static void put_classes(int classes, int count) {
    for (int k = 0; k < classes; k++)
        for (int i = 0; i < count; i++)
            put(at("set/c%d/%03d.png", k, i), k, i);
}

static int channel(const struct data *data, const struct dataset *set, size_t image, size_t channel) {
    size_t plane = data->spec.height * data->spec.width;
    return dataset_pixels(set, data_image_bytes(&data->spec), image)[channel * plane];
}

/* Asserts that a set is of these numbers of classes and images, and that each image is red by its class. */
static void is_labelled(const struct data *data, size_t classes, size_t train, size_t test) {
    assert_int_equal(data->spec.classes, classes);
    assert_int_equal(data->train.count, train);
    assert_int_equal(data->test.count, test);
    for (size_t i = 0; i < train; i++)
        assert_int_equal(channel(data, &data->train, i, 0), data->train.labels[i]);
    for (size_t i = 0; i < test; i++)
        assert_int_equal(channel(data, &data->test, i, 0), data->test.labels[i]);
}

static void count_is(const struct data_source *from, size_t train, size_t test, size_t height, size_t width) {
    struct data_size size;
    if (data_count(from, &size) != VGGCL_OK)
        fail_msg("%s", vggcl_error());
    assert_int_equal(size.train, train);
    assert_int_equal(size.test, test);
    assert_int_equal(size.spec.height, height);
    assert_int_equal(size.spec.width, width);
}

/* Images 0 .. count - 1 of set are those of other from `first` on. */
static void same_pixels(const struct data *data, const struct dataset *set, const struct dataset *other, size_t first,
                        size_t count) {
    size_t bytes = data_image_bytes(&data->spec);
    for (size_t i = 0; i < count; i++)
        assert_memory_equal(dataset_pixels(set, bytes, i), dataset_pixels(other, bytes, first + i), bytes);
}

/* The same images, labels and names. */
static void same_data(const struct data *a, const struct data *b) {
    assert_int_equal(a->train.count, b->train.count);
    assert_int_equal(a->test.count, b->test.count);
    assert_int_equal(a->spec.classes, b->spec.classes);
    assert_int_equal(data_image_bytes(&a->spec), data_image_bytes(&b->spec));
    same_pixels(a, &a->train, &b->train, 0, a->train.count);
    same_pixels(a, &a->test, &b->test, 0, a->test.count);
    assert_memory_equal(a->train.labels, b->train.labels, a->train.count * sizeof *a->train.labels);
    assert_memory_equal(a->test.labels, b->test.labels, a->test.count * sizeof *a->test.labels);
    for (size_t i = 0; i < a->spec.classes; i++)
        assert_string_equal(a->spec.class_names[i], b->spec.class_names[i]);
}

#endif

/* ----------------------------------------------------------------------------------------- layouts, names, links -- */

/* The paths of a tree's pictures, below the folder, are these. */
static void lists(const char *const *paths, size_t count) {
    struct tree t;
    if (tree_read(at("set"), &t) != VGGCL_OK)
        fail_msg("%s", vggcl_error());
    for (size_t i = 0; i < count && i < t.count; i++)
        assert_string_equal(t.pictures[i].path + strlen(t.folder), paths[i]);
    assert_int_equal(t.count, count);
    tree_free(&t);
}
#define LISTS(...) lists((const char *const[]){__VA_ARGS__}, sizeof(const char *const[]){__VA_ARGS__} / sizeof(char *))

/* By bytes, at each level; what is hidden or not named as a picture is not there. Trees need no libvips. */
static void lists_by_bytes(void **state) {
    (void)state;
    static const char *const files[] = {"b/2.jpg",
                                        "b/10.JPG",
                                        "b/1.txt",
                                        "b/deep/er/x.webp",
                                        "b/deep/a.gif",
                                        "Z/z.png",
                                        "Z/.hidden.png",
                                        "Z/.d/x.png",
                                        ".git/x.png",
                                        "\xc3\xa9t\xc3\xa9/\xff.bmp",
                                        "a b/new\nline.tiff",
                                        "loose.png",
                                        "b/no-ending",
                                        "b/c.png/in a folder of that name.jpeg"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        put_text(at("set/%s", files[i]));
    LISTS("/Z/z.png", "/a b/new\nline.tiff", "/b/10.JPG", "/b/2.jpg", "/b/c.png/in a folder of that name.jpeg",
          "/b/deep/a.gif", "/b/deep/er/x.webp", "/\xc3\xa9t\xc3\xa9/\xff.bmp");
    assert_true(tree_recognise(at("set")));
}

/* test before val before valid; the training classes come first. */
static void finds_the_test_folder(void **state) {
    (void)state;
    put_text(at("set/train/a/1.png"));
    put_text(at("set/train/b/1.png"));
    put_text(at("set/valid/b/2.png"));
    LISTS("/train/a/1.png", "/train/b/1.png", "/valid/b/2.png");
    put_text(at("set/val/a/3.png"));
    LISTS("/train/a/1.png", "/train/b/1.png", "/val/a/3.png");
    put_text(at("set/test/a/4.png"));
    put_text(at("set/test/b/4.png"));
    LISTS("/train/a/1.png", "/train/b/1.png", "/test/a/4.png", "/test/b/4.png");
    assert_true(tree_recognise(at("set")));
}

static void train_can_be_a_class(void **state) {
    (void)state;
    put_text(at("set/bus/1.png"));
    put_text(at("set/train/2.png"));
    LISTS("/bus/1.png", "/train/2.png");
    put_text(at("set/train/a/3.png"));
    put_text(at("set/train/b/3.png"));
    LISTS("/train/a/3.png", "/train/b/3.png");
}

static void follows_links_inside(void **state) {
    (void)state;
    put_text(at("outside/x.png"));
    put_text(at("set2/x.png")); /* begins as the folder's name does */
    put_text(at("set/a/1.png"));
    put_text(at("set/b/1.png"));
    put_text(at("set/.objects/7"));
    make_link("../b/1.png", at("set/a/inside.png"));
    make_link(at("set/.objects/7"), at("set/a/absolute.png"));
    make_link("../../outside/x.png", at("set/a/outside.png"));
    make_link("../../set2/x.png", at("set/a/outside2.png"));
    make_link("nowhere.png", at("set/a/dangling.png"));
    make_link("circle.png", at("set/a/circle.png"));
    make_link("../b", at("set/a/folder.png"));
    make_link("../..", at("set/a/up"));
    LISTS("/a/1.png", "/a/absolute.png", "/a/inside.png", "/b/1.png");
    make_link("set", at("link")); /* the folder itself may be named by a link */
    struct tree t;
    assert_int_equal(tree_read(at("link"), &t), VGGCL_OK);
    assert_int_equal(t.count, 4);
    tree_free(&t);
    assert_true(tree_recognise(at("link")));
}

static void refuses_links_to_folders(void **state) {
    (void)state;
    static const char expected[] =
        ": is a symbolic link to a folder, which is not followed; put the folder itself there";
    put_text(at("outside/a/1.png"));
    put_text(at("outside/b/1.png"));
    put_text(at("set/b/1.png"));
    make_link("../outside/a", at("set/a"));
    refuses(VGGCL_EFORMAT, at("set/a"), expected);
    remove_set();
    make_link("../outside/a", at("set/a")); /* no class that is not a link */
    make_link("../outside/b", at("set/b"));
    refuses(VGGCL_EFORMAT, at("set/a"), expected);
    remove_set();
    make_link("../outside", at("set/train"));
    refuses(VGGCL_EFORMAT, at("set/train"), expected);
    remove_set();
    put_text(at("set/train/a/1.png"));
    put_text(at("set/train/b/1.png"));
    make_link("../outside", at("set/val"));
    refuses(VGGCL_EFORMAT, at("set/val"), expected);
}

static void refuses_layouts(void **state) {
    (void)state;
    put_text(at("set/a/1.png"));
    refuses(VGGCL_EFORMAT, at("set"),
            ": has 1 subfolder; a folder of pictures needs one for each class, and at least "
            "two: ");
    assert_int_equal(mkdir(at("set/b"), 0777), 0);
    put_text(at("set/b/notes.txt"));
    refuses(VGGCL_EFORMAT, at("set/b"),
            ": has no pictures (jpg, png, webp, gif, tiff or bmp); add some, or remove the folder");
    put_text(at("set/b/1.png"));
    put_text(at("set/A/1.png"));
    refuses(VGGCL_EFORMAT, at("set"), ": the classes ");
    contains(vggcl_error(), " differ by case alone; rename or merge them");
    assert_true(strstr(vggcl_error(), "A and a ") || strstr(vggcl_error(), "a and A "));
    remove_set();
    put_text(at("set/train/a/1.png"));
    put_text(at("set/train/b/1.png"));
    put_text(at("set/test/c/1.png"));
    refuses(VGGCL_EFORMAT, at("set/test/c"), ": is a class that has no training pictures; put some into ");
    contains(vggcl_error(), at("set/train/c"));
    remove_set();
    put_text(at("set/train/a/1.png"));
    put_text(at("set/train/b/1.png"));
    put_text(at("set/test/1.png"));
    refuses(VGGCL_EFORMAT, at("set/test"), ": has no subfolders of classes");
}

static void other_folders(void **state) {
    (void)state;
    struct data_source named = source();
    named.format = "folder";
    assert_false(tree_recognise(at("set")));
    refuses(VGGCL_EIO, at("set"), ": is an empty folder");
    contains(vggcl_error(), "or a subfolder of pictures for each class");
    put_text(at("set/loose.png"));
    assert_false(tree_recognise(at("set")));
    refuses_from(&named, VGGCL_EFORMAT, at("set"), ": has 0 subfolders");
    named.name = at("missing");
    refuses_from(&named, VGGCL_EIO, at("missing"), ": cannot be read: No such file or directory");
    assert_false(tree_recognise(at("missing")));
    assert_false(tree_recognise(at("set/loose.png")));
}

/* What cannot be looked at is an error, or it would be lost silently. Root can read everything: it becomes another
 * user. */
static void unreadable_folder(void **state) {
    (void)state;
    bool root = geteuid() == 0;
    put_text(at("set/a/1.png"));
    put_text(at("set/a/in/1.png"));
    put_text(at("set/b/1.png"));
    assert_int_equal(chmod(folder, 0755), 0);
    assert_int_equal(chmod(at("set/a/in"), 0), 0);
    if (root && seteuid(65534) != 0)
        skip();
    refuses(VGGCL_EIO, at("set/a/in"), ": cannot be read: Permission denied");
    if (root)
        assert_int_equal(seteuid(0), 0);
    assert_int_equal(chmod(at("set/a/in"), 0444), 0); /* its files have names, and nothing else */
    if (root)
        assert_int_equal(seteuid(65534), 0);
    refuses(VGGCL_EIO, at("set/a/in/1.png"), ": cannot be read: Permission denied");
    if (root)
        assert_int_equal(seteuid(0), 0);
    assert_int_equal(chmod(at("set/a/in"), 0755), 0);
}

#ifdef VGGCL_VIPS

/* Odd names all the way to the images. */
static void reads_pictures_of_any_name(void **state) {
    (void)state;
    struct data data;
    put(at("set/ b c/new\nline.png"), 0, 1);
    put(at("set/ b c/[x] %%d %%s.png"), 0, 2);
    put(at("set/ b c/deep/er/.png.png"), 0, 9); /* hidden */
    put(at("set/ b c/deep/er/-.gif"), 0, 3);
    put(at("set/B/\xff\xfe.bmp"), 1, 4);
    put(at("set/B/quote'\".tif"), 1, 5);
    put(at("set/\xc3\xa9/a.b.PNG"), 2, 6);
    put(at("set/\xc3\xa9/z[1].png"), 2, 7);
    open_set(&data);
    is_labelled(&data, 3, 4, 3);
    assert_string_equal(data.spec.class_names[0], " b c");
    assert_string_equal(data.spec.class_names[1], "B");
    assert_string_equal(data.spec.class_names[2], "\xc3\xa9");
    assert_null(data.notes);
    int seen = 0;
    for (size_t i = 0; i < data.train.count; i++)
        seen |= 1 << channel(&data, &data.train, i, 1);
    for (size_t i = 0; i < data.test.count; i++)
        seen |= 1 << channel(&data, &data.test, i, 1);
    assert_int_equal(seen, 0xfe);
    char expected[VGGCL_PATH_MAX];
    snprintf(expected, sizeof expected, "pictures in %s (4 training, 3 test images, 8x8 colour, 3 classes)", at("set"));
    assert_string_equal(data.description, expected);
    data_free(&data);
}

/* The test folder's pictures are in the order of their names, whatever the share. */
static void reads_a_test_folder(void **state) {
    (void)state;
    struct data data;
    put(at("set/train/a/1.png"), 0, 1);
    put(at("set/train/a/2.png"), 0, 2);
    put(at("set/train/b/1.png"), 1, 3);
    put(at("set/train/c/1.png"), 2, 4);
    put(at("set/val/c/1.png"), 2, 5);
    put(at("set/val/a/1.png"), 0, 6);
    open_set(&data);
    is_labelled(&data, 3, 4, 2);
    assert_int_equal(channel(&data, &data.test, 0, 1), 6);
    assert_int_equal(channel(&data, &data.test, 1, 1), 5);
    data_free(&data);
    const struct data_source from = source();
    count_is(&from, 4, 2, 8, 8);
}

/* ---------------------------------------------------------------------------------------------------- the split -- */

/* How many test images a class has; *which: a bit for each of its pictures, by its green. */
static int held_out(const struct data *data, int label, uint32_t *which) {
    int count = 0;
    *which = 0;
    for (size_t i = 0; i < data->test.count; i++)
        if (data->test.labels[i] == label) {
            *which |= UINT32_C(1) << channel(data, &data->test, i, 1);
            count++;
        }
    return count;
}

static void split_has(double share, uint64_t seed, const int *counts, uint32_t which[3]) {
    struct data data;
    struct data_source from = source();
    int test = 0;
    from.test_share = share;
    from.seed = seed;
    open_from(&from, &data);
    for (int label = 0; label < 3; label++) {
        assert_int_equal(held_out(&data, label, &which[label]), counts[label]);
        test += counts[label];
    }
    is_labelled(&data, 3, 20 + 9 + 1 - (size_t)test, (size_t)test);
    count_is(&from, data.train.count, data.test.count, 8, 8);
    data_free(&data);
}

/* 20, 9 and 1 pictures. The single one is trained with. */
static void put_unequal_classes(void) {
    for (int i = 0; i < 20; i++)
        put(at("set/a/%02d.png", i), 0, i);
    for (int i = 0; i < 9; i++)
        put(at("set/b/%02d.png", i), 1, i);
    put(at("set/c/00.png"), 2, 0);
}

static void splits_by_class(void **state) {
    (void)state;
    uint32_t tenth[3], again[3], other[3], quarter[3], most[3];
    put_unequal_classes();
    split_has(0.1, 1, (const int[]){2, 1, 0}, tenth);
    split_has(0.1, 1, (const int[]){2, 1, 0}, again);
    split_has(0.1, 2, (const int[]){2, 1, 0}, other);
    split_has(0.25, 1, (const int[]){5, 2, 0}, quarter);
    split_has(0.9, 1, (const int[]){18, 8, 0}, most);
    assert_memory_equal(tenth, again, sizeof tenth);
    assert_true(tenth[0] != other[0] || tenth[1] != other[1]);
    assert_int_equal(tenth[0] & quarter[0], tenth[0]); /* a larger share adds to a smaller one */
    assert_int_equal(quarter[0] & most[0], quarter[0]);
}

/* Another share, another file or another machine must not move a picture from one side to the other: these are kept
 * values, as are those of the training images' order. */
static void split_is_kept(void **state) {
    (void)state;
    static const int order[] = {105, 4,  18,  12, 0,   100, 200, 108, 2,  104, 7, 16,
                                103, 19, 106, 14, 107, 3,   17,  8,   10, 9,   6};
    uint32_t which[3];
    struct data data;
    put_unequal_classes();
    split_has(0.25, 1, (const int[]){5, 2, 0}, which);
    open_set(&data);
    assert_int_equal(which[0], 0xa822);
    assert_int_equal(which[1], 0x6);
    assert_int_equal(data.train.count, sizeof order / sizeof *order);
    for (size_t i = 0; i < data.train.count; i++)
        assert_int_equal(100 * data.train.labels[i] + channel(&data, &data.train, i, 1), order[i]);
    data_free(&data);
}

static void needs_test_pictures(void **state) {
    (void)state;
    struct data data;
    struct data_source from = source();
    put_classes(2, 5);
    from.test_share = 0;
    refuses_from(&from, VGGCL_EFORMAT, at("set"),
                 ": has 10 pictures to train with and 0 to test on, and needs both; add pictures, or set test-share to "
                 "a larger");
    from.test_share = 0.05; /* a quarter of a picture */
    refuses_from(&from, VGGCL_EFORMAT, at("set"), ": has 10 pictures to train with and 0 to test on");
    from.validate = 4; /* these are tested on */
    from.test_share = 0;
    open_from(&from, &data);
    is_labelled(&data, 2, 6, 4);
    count_is(&from, 6, 4, 8, 8);
    data_free(&data);
}

/* The last training images in their shuffled order, so that all classes are among few of them. */
static void validates_and_limits(void **state) {
    (void)state;
    struct data whole, held, limited;
    struct data_source from = source();
    put_classes(3, 12);
    open_from(&from, &whole);
    is_labelled(&whole, 3, 27, 9);
    from.validate = 12;
    open_from(&from, &held);
    is_labelled(&held, 3, 15, 12);
    count_is(&from, 15, 12, 8, 8);
    same_pixels(&whole, &held.train, &whole.train, 0, 15);
    same_pixels(&whole, &held.test, &whole.train, 15, 12);
    int seen = 0;
    for (size_t i = 0; i < 12; i++)
        seen |= 1 << held.test.labels[i];
    assert_int_equal(seen, 7);
    from.validate = 27;
    assert_int_equal(data_open(&from, &limited), VGGCL_EUSAGE);
    contains(vggcl_error(), "validate 27: leaves none of 27 training images");
    open_set(&limited);
    data_limit(&limited, 10);
    is_labelled(&limited, 3, 10, 9);
    same_pixels(&whole, &limited.train, &whole.train, 0, 10);
    data_free(&whole);
    data_free(&held);
    data_free(&limited);
}

/* -------------------------------------------------------------------------------------------------------- sizes -- */

static void has_size(size_t side, size_t height, size_t width, size_t channels) {
    struct data data;
    struct data_source from = source();
    from.side = side;
    count_is(&from, 6, 2, height, width);
    open_from(&from, &data);
    assert_int_equal(data.spec.height, height);
    assert_int_equal(data.spec.width, width);
    assert_int_equal(data.spec.channels, channels);
    is_labelled(&data, 2, 6, 2);
    data_free(&data);
    count_is(&from, 6, 2, height, width); /* from the cache */
}

/* Eight pictures of these widths, four for each class. */
static void put_widths(int height, const int *widths, size_t count) {
    remove_set();
    for (size_t i = 0; i < 8; i++)
        draw_flat(at("set/c%zu/%zu.png", i / 4, i), widths[i % count], height, (int)i / 4, 0, 0);
}
#define PUT_WIDTHS(height, ...)                                                                                        \
    put_widths((height), (const int[]){__VA_ARGS__}, sizeof(const int[]){__VA_ARGS__} / sizeof(int))

static void chooses_a_size(void **state) {
    (void)state;
    PUT_WIDTHS(24, 40);
    has_size(0, 24, 40, 3); /* all alike */
    has_size(32, 32, 32, 3);
    has_size(8, 8, 8, 3);
    PUT_WIDTHS(256, 8);
    has_size(0, 256, 8, 3);
    PUT_WIDTHS(257, 257);
    has_size(0, 64, 64, 3); /* alike, but too large */
    PUT_WIDTHS(7, 7);
    has_size(0, 32, 32, 3); /* or too small */
    PUT_WIDTHS(40, 40, 41);
    has_size(0, 32, 32, 3);
    PUT_WIDTHS(100, 40, 150); /* half of them small by their shorter side */
    has_size(0, 32, 32, 3);
    PUT_WIDTHS(100, 40, 100, 120, 150);
    has_size(0, 64, 64, 3);
    PUT_WIDTHS(64, 64, 65);
    has_size(0, 64, 64, 3);
    has_size(256, 256, 256, 3);
    struct data_source from = source();
    from.side = 7;
    refuses_from(&from, VGGCL_EUSAGE, NULL, "size 7: the side of an image is 8 to 256 pixels");
    from.side = 257;
    refuses_from(&from, VGGCL_EUSAGE, NULL, "size 257: the side of an image is 8 to 256 pixels");
}

static int grey_of_class;
static int grey_value(int x, int y, int band) {
    (void)x, (void)y, (void)band;
    return grey_of_class;
}

static void grey_has_one_channel(void **state) {
    (void)state;
    struct data data;
    for (int i = 0; i < 8; i++) {
        grey_of_class = i / 4;
        draw_picture(at("set/c%d/%d.png", i / 4, i),
                     &(struct drawing){.width = 9, .height = 8, .bands = 1, .value = grey_value});
    }
    has_size(0, 8, 9, 1);
    open_set(&data);
    contains(data.description, "9x8 grey, 2 classes");
    data_free(&data);
    draw_flat(at("set/c1/7.png"), 9, 8, 1, 0, 0); /* one of them in colour */
    has_size(0, 8, 9, 3);
}

/* ------------------------------------------------------------------------------------------------- bad pictures -- */

static void cut_to_half(const char *path) {
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    cut_file(path, (size_t)status.st_size / 2);
}

static int noise(int x, int y, int band) {
    return (x * 37 + y * 101 + band * 59) % 256;
}

/* The header is good, the pixels are not. */
static void put_truncated(const char *path) {
    draw_picture(path, &(struct drawing){.width = 8, .height = 8, .bands = 3, .value = noise});
    cut_to_half(path);
}

/* The other pictures are in the right place and order: as if there had been no bad ones, except that those to test on
 * may be others. */
static void leaves_out(double bad_share, size_t bad) {
    struct data data, cached;
    struct data_source from = source();
    from.bad_share = bad_share;
    open_from(&from, &data);
    char expected[64];
    snprintf(expected, sizeof expected, "%zu of 40 pictures cannot be decoded: ", bad);
    contains(data.notes, expected);
    assert_ptr_equal(strstr(data.notes, expected), data.notes);
    assert_null(strchr(data.notes, '\n'));
    assert_int_equal(data.train.count + data.test.count, 40 - bad);
    is_labelled(&data, 2, data.train.count, data.test.count);
    int last = -1; /* test pictures are in the order of their names */
    for (size_t i = 0; i < data.test.count; i++) {
        int place = 20 * data.test.labels[i] + channel(&data, &data.test, i, 1);
        assert_true(place > last);
        last = place;
    }
    open_from(&from, &cached);
    same_data(&data, &cached);
    contains(cached.notes, expected);
    contains(cached.notes, "(could not be decoded earlier)");
    count_is(&from, data.train.count, data.test.count, 8, 8);
    data_free(&cached);
    data_free(&data);
}

static void leaves_out_bad_pictures(void **state) {
    (void)state;
    struct data data;
    struct data_source from = source();
    put_classes(2, 20);
    put_text(at("set/c0/007.png"));
    from.bad_share = 0.024;
    refuses_from(&from, VGGCL_EFORMAT, NULL, "1 of 40 pictures cannot be decoded: ");
    contains(vggcl_error(),
             "/set/c0/007.png (is not a JPEG, PNG, WebP, GIF, TIFF or BMP picture); remove them, or allow "
             "more with bad-images");
    leaves_out(0.025, 1);
    put_truncated(at("set/c1/003.png"));
    from.bad_share = 0.049;
    assert_int_equal(data_open(&from, &data), VGGCL_EFORMAT);
    contains(vggcl_error(), "2 of 40 pictures cannot be decoded: ");
    contains(vggcl_error(), "/set/c1/003.png (cannot be decoded: ");
    leaves_out(0.05, 2);
}

/* Truncated ones alone: the header pass finds nothing. */
static void leaves_out_bad_pixels(void **state) {
    (void)state;
    put_classes(2, 20);
    for (int i = 0; i < 20; i += 3)
        put_truncated(at("set/c%d/%03d.png", i % 2, i));
    leaves_out(0.3, 7);
}

/* 29 of 100, whose product is 28.999... as a floating-point number; and a list that ends. */
static void bad_share_is_exact(void **state) {
    (void)state;
    struct data data;
    struct data_source from = source();
    put_classes(2, 50);
    for (int i = 0; i < 29; i++)
        put_text(at("set/c0/%03d.png", i));
    from.bad_share = 29.0 / 100;
    open_from(&from, &data);
    contains(data.notes, "29 of 100 pictures cannot be decoded: ");
    contains(data.notes, "/c0/009.png (");
    assert_null(strstr(data.notes, "/c0/010.png"));
    contains(data.notes, ", and 19 more");
    data_free(&data);
    from.bad_share = 28.9 / 100;
    refuses_from(&from, VGGCL_EFORMAT, NULL, "29 of 100 pictures");
}

static void all_bad(void **state) {
    (void)state;
    struct data_source from = source();
    put_classes(2, 2);
    for (int i = 0; i < 4; i++)
        put_text(at("set/c%d/%03d.png", i / 2, i % 2));
    refuses(VGGCL_EFORMAT, NULL, "4 of 4 pictures cannot be decoded");
    from.bad_share = 1;
    refuses_from(&from, VGGCL_EFORMAT, at("set"), ": has 0 pictures to train with and 0 to test on");
}

/* -------------------------------------------------------------------------------------------------------- cache -- */

/* The path of the only file in the cache; NULL for none. Fails the test if there are several. */
static const char *cache_file(void) {
    const struct dirent *entry;
    const char *path = NULL;
    DIR *list = opendir(at("cache/pictures"));
    while (list && (entry = readdir(list)))
        if (entry->d_name[0] != '.') {
            assert_null(path);
            path = at("cache/pictures/%s", entry->d_name);
        }
    if (list)
        closedir(list);
    return path;
}

/* Makes the file unreadable as a picture without a change of its size and time. */
static void spoil(const char *path) {
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    char *bytes = calloc((size_t)status.st_size, 1);
    write_file(path, bytes, (size_t)status.st_size);
    free(bytes);
    const struct timespec times[] = {status.st_atim, status.st_mtim};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void spoil_all(int classes, int count) {
    for (int i = 0; i < classes * count; i++)
        spoil(at("set/c%d/%03d.png", i / count, i % count));
}

static size_t decoded; /* how often progress was told */
static void tell(size_t done, size_t count, void *payload) {
    (void)done, (void)count, (void)payload;
    decoded++;
}

static void second_open_decodes_nothing(void **state) {
    (void)state;
    struct data first, second;
    struct data_source from = source();
    from.progress = tell;
    put_classes(3, 8);
    decoded = 0;
    open_from(&from, &first);
    assert_true(decoded > 0);
    decoded = 0;
    spoil_all(3, 8);
    open_from(&from, &second);
    assert_int_equal(decoded, 0);
    same_data(&first, &second);
    assert_null(second.notes);
    data_free(&second);
    from.test_share = 0.5; /* does not change which pictures there are */
    from.seed = 7;
    open_from(&from, &second);
    is_labelled(&second, 3, 12, 12);
    data_free(&second);
    data_free(&first);
    refuses_from(&(struct data_source){.name = from.name, .side = 16, .test_share = 0.5}, VGGCL_EFORMAT, NULL,
                 "24 of 24 pictures"); /* each size has its file */
}

/* The same images in the order of their sets, in memory. */
static void copy_set(const struct data *data, const struct dataset *from, struct dataset *to) {
    size_t bytes = data_image_bytes(&data->spec);
    assert_int_equal(dataset_allocate(to, &data->spec, from->count), VGGCL_OK);
    memcpy(to->labels, from->labels, from->count * sizeof *to->labels);
    for (size_t i = 0; i < from->count; i++)
        memcpy(to->pixels + i * bytes, dataset_pixels(from, bytes, i), bytes);
}

static void copy_data(const struct data *from, struct data *to) {
    *to = (struct data){.spec = from->spec};
    to->spec.class_names = names_copy(from->spec.classes, from->spec.class_names);
    assert_non_null(to->spec.class_names);
    copy_set(from, &from->train, &to->train);
    copy_set(from, &from->test, &to->test);
}

/* It is that of the same images in memory, of any number of bytes. */
static void fingerprint_is_the_same(void **state) {
    (void)state;
    struct data mapped, copied;
    struct data_source from = source();
    put_classes(3, 9);
    for (size_t side = 8; side <= 11; side++) {
        from.side = side;
        for (from.validate = 0; from.validate <= 5; from.validate += 5) {
            open_from(&from, &mapped);
            assert_non_null(mapped.mapped[0].bytes);
            copy_data(&mapped, &copied);
            data_limit(&mapped, 0);
            data_limit(&copied, 0);
            assert_true(mapped.fingerprint == copied.fingerprint);
            copied.train.pixels[100] ^= 1;
            copied.fingerprint = 0; /* else data_limit() keeps it */
            data_limit(&copied, 0);
            assert_true(mapped.fingerprint != copied.fingerprint);
            data_free(&copied);
            data_free(&mapped);
        }
    }
}

/* The pictures stay readable while the file is replaced, or removed. */
static void mapping_outlives_the_file(void **state) {
    (void)state;
    struct data data, copy, other;
    put_classes(2, 6);
    open_set(&other);
    data_free(&other);
    open_set(&data); /* from the cache */
    copy_data(&data, &copy);
    put(at("set/c1/006.png"), 1, 6);
    open_set(&other);
    is_labelled(&other, 2, 9, 4);
    data_free(&other);
    assert_int_equal(remove(cache_file()), 0);
    is_labelled(&data, 2, 8, 4);
    same_data(&data, &copy);
    data_free(&copy);
    data_free(&data);
}

/* Opens a set of good pictures, damages the cache's file by damage(), and spoils the pictures: nothing is left to
 * read. */
static void is_not_believed(void (*damage)(char *bytes, size_t *size), const char *what) {
    struct data data;
    size_t size;
    remove_set();
    put_classes(2, 6);
    open_set(&data);
    data_free(&data);
    assert_non_null(cache_file());
    char *bytes = read_file(cache_file(), &size);
    damage(bytes, &size);
    write_file(cache_file(), bytes, size);
    free(bytes);
    spoil_all(2, 6);
    const struct data_source from = source();
    if (data_open(&from, &data) == VGGCL_OK)
        fail_msg("%s: believed", what);
    contains(vggcl_error(), "12 of 12 pictures cannot be decoded");
}

static size_t flipped; /* the byte */
static void flip(char *bytes, size_t *size) {
    assert_true(flipped < *size);
    bytes[flipped] ^= 0x10;
}
static void flip_last(char *bytes, size_t *size) {
    bytes[*size - 1] ^= 1;
}
static void cut_last(char *bytes, size_t *size) {
    (void)bytes;
    *size -= 1;
}
static void cut_pixels(char *bytes, size_t *size) {
    (void)bytes;
    *size -= 12 * 8 * 8 * 3;
}
static void cut_header(char *bytes, size_t *size) {
    (void)bytes;
    *size = 40;
}
static void cut_all(char *bytes, size_t *size) {
    (void)bytes;
    *size = 0;
}
static void next_version(char *bytes, size_t *size) {
    (void)size;
    assert_memory_equal(bytes, "vggcl pictures 2\n", 17);
    bytes[15] = '3';
}

static void damaged_cache_is_not_believed(void **state) {
    (void)state;
    is_not_believed(cut_last, "without its last byte");
    is_not_believed(cut_pixels, "without pixels");
    is_not_believed(cut_header, "within its header");
    is_not_believed(cut_all, "empty");
    is_not_believed(next_version, "another version");
    is_not_believed(flip_last, "a flipped bit in the pixels");
    for (flipped = 0; flipped < 92; flipped += 5) /* the header, and which pictures follow */
        is_not_believed(flip, "a flipped bit");
}

static void only_this_users_cache_is_believed(void **state) {
    (void)state;
    struct data data;
    struct stat status;
    const struct data_source from = source();
    put_classes(2, 6);
    open_set(&data);
    data_free(&data);
    assert_int_equal(stat(cache_file(), &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
    assert_int_equal(chmod(cache_file(), 0620), 0);
    spoil_all(2, 6);
    assert_int_not_equal(data_open(&from, &data), VGGCL_OK);
    contains(vggcl_error(), "12 of 12 pictures cannot be decoded");
}

/* Is decoded again, and then replaces the damaged one. */
static void damaged_cache_is_mended(void **state) {
    (void)state;
    struct data first, second;
    put_classes(2, 6);
    open_set(&second);
    copy_data(&second, &first);
    data_free(&second);
    cut_to_half(cache_file());
    open_set(&second);
    same_data(&first, &second);
    data_free(&second);
    spoil_all(2, 6);
    open_set(&second);
    same_data(&first, &second);
    data_free(&second);
    data_free(&first);
}

/* A change of a file is seen by its size or its time, a new one by its name; the cache has one file, of the last state.
 */
static void changed_pictures_are_decoded_again(void **state) {
    (void)state;
    struct data data;
    struct data_source from = source();
    const struct timespec times[] = {{.tv_sec = 1000000}, {.tv_sec = 1000000, .tv_nsec = 1}};
    put_classes(2, 6);
    open_set(&data);
    data_free(&data);
    spoil(at("set/c1/002.png"));
    assert_int_equal(utimensat(AT_FDCWD, at("set/c1/002.png"), times, 0), 0);
    refuses(VGGCL_EFORMAT, NULL, "1 of 12 pictures cannot be decoded: ");
    from.bad_share = 1;
    open_from(&from, &data);
    is_labelled(&data, 2, data.train.count, data.test.count);
    assert_int_equal(data.train.count + data.test.count, 11);
    data_free(&data);
    put(at("set/c1/002.png"), 1, 2);
    put(at("set/c1/006.png"), 1, 6);
    open_set(&data);
    is_labelled(&data, 2, 9, 4);
    data_free(&data);
    assert_int_equal(rename(at("set/c0/000.png"), at("set/c1/007.png")), 0);
    open_set(&data);
    assert_int_equal(data.train.count, 13 - data.test.count);
    data_free(&data);
    assert_non_null(cache_file());
}

/* Two folders whose names, sizes and times are alike, as those of an archive without times. */
static void folders_do_not_share_a_cache(void **state) {
    (void)state;
    struct data first, second;
    struct data_source from = source();
    const struct timespec times[] = {{.tv_sec = 1}, {.tv_sec = 1}};
    for (int set = 0; set < 2; set++)
        for (int i = 0; i < 8; i++) {
            const char *path = at(set ? "other/%d/%d.bmp" : "set/%d/%d.bmp", i / 4, i);
            draw_flat(path, 8, 8, i / 4, 10 * set + i, 0);
            assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
        }
    open_from(&from, &first);
    from.name = at("other");
    open_from(&from, &second);
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(channel(&second, &second.train, i, 1), 10 + channel(&first, &first.train, i, 1));
    data_free(&first);
    data_free(&second);
}

static void works_without_a_cache(void **state) {
    (void)state;
    struct data first, second;
    put_classes(2, 6);
    open_set(&first);
    assert_int_equal(remove(cache_file()), 0);
    assert_int_equal(setenv("VGGCL_CACHE_DIR", "", 1), 0);
    open_set(&second);
    same_data(&first, &second);
    assert_null(cache_file());
    data_free(&second);
    spoil_all(2, 6);
    refuses(VGGCL_EFORMAT, NULL, "12 of 12 pictures cannot be decoded");
    put_classes(2, 6);
    assert_int_equal(setenv("VGGCL_CACHE_DIR", at("set/c0/000.png"), 1), 0); /* not a folder */
    open_set(&second);
    same_data(&first, &second);
    data_free(&second);
    data_free(&first);
}

/* Decoded pictures for which the disk has no room are in memory. */
static void works_with_a_full_disk(void **state) {
    (void)state;
    struct data first, second;
    struct rlimit before, few = {.rlim_cur = 5000};
    put_classes(2, 6);
    open_set(&second);
    copy_data(&second, &first);
    data_free(&second);
    assert_int_equal(remove(cache_file()), 0);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    few.rlim_max = before.rlim_max;
    signal(SIGXFSZ, SIG_IGN); /* writing fails instead */
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &few), 0);
    open_set(&second);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, SIG_DFL);
    same_data(&first, &second);
    assert_null(cache_file());
    data_free(&second);
    data_free(&first);
}

static void remove_one(size_t done, size_t count, void *payload) {
    (void)count;
    if (done == 0)
        assert_int_equal(unlink(payload), 0);
}

/* After it was listed and its header read. What remains is not cached: the next time it may be back. */
static void a_picture_can_vanish(void **state) {
    (void)state;
    struct data data;
    struct data_source from = source();
    put_classes(2, 10);
    from.progress = remove_one;
    from.payload = strdup(at("set/c1/004.png"));
    from.bad_share = 0.05;
    open_from(&from, &data);
    is_labelled(&data, 2, data.train.count, data.test.count);
    assert_int_equal(data.train.count + data.test.count, 19);
    contains(data.notes, "1 of 20 pictures cannot be decoded: ");
    contains(data.notes, "/c1/004.png (cannot be opened: No such file or directory)");
    assert_null(cache_file());
    free(from.payload);
    data_free(&data);
    from.progress = NULL;
    open_from(&from, &data);
    assert_int_equal(data.train.count + data.test.count, 19);
    assert_null(data.notes);
    assert_non_null(cache_file());
    data_free(&data);
}

#else

static void says_that_libvips_is_missing(void **state) {
    (void)state;
    put_text(at("set/a/1.png"));
    put_text(at("set/b/1.png"));
    refuses(VGGCL_EUSAGE, at("set"),
            ": this vggcl was built without libvips, which decodes pictures: install libvips-dev");
    print_message("the tests of pixels are skipped: this build lacks libvips\n");
}

#endif

#define FOLDER_TEST(function) cmocka_unit_test_setup_teardown(function, setup, remove_folder)

int main(void) {
    const struct CMUnitTest tests[] = {
        FOLDER_TEST(lists_by_bytes),
        FOLDER_TEST(finds_the_test_folder),
        FOLDER_TEST(train_can_be_a_class),
        FOLDER_TEST(follows_links_inside),
        FOLDER_TEST(refuses_links_to_folders),
        FOLDER_TEST(refuses_layouts),
        FOLDER_TEST(other_folders),
        FOLDER_TEST(unreadable_folder),
#ifdef VGGCL_VIPS
        FOLDER_TEST(reads_pictures_of_any_name),
        FOLDER_TEST(reads_a_test_folder),
        FOLDER_TEST(splits_by_class),
        FOLDER_TEST(split_is_kept),
        FOLDER_TEST(needs_test_pictures),
        FOLDER_TEST(validates_and_limits),
        FOLDER_TEST(chooses_a_size),
        FOLDER_TEST(grey_has_one_channel),
        FOLDER_TEST(leaves_out_bad_pictures),
        FOLDER_TEST(leaves_out_bad_pixels),
        FOLDER_TEST(bad_share_is_exact),
        FOLDER_TEST(all_bad),
        FOLDER_TEST(second_open_decodes_nothing),
        FOLDER_TEST(fingerprint_is_the_same),
        FOLDER_TEST(mapping_outlives_the_file),
        FOLDER_TEST(damaged_cache_is_not_believed),
        FOLDER_TEST(only_this_users_cache_is_believed),
        FOLDER_TEST(damaged_cache_is_mended),
        FOLDER_TEST(changed_pictures_are_decoded_again),
        FOLDER_TEST(folders_do_not_share_a_cache),
        FOLDER_TEST(works_without_a_cache),
        FOLDER_TEST(works_with_a_full_disk),
        FOLDER_TEST(a_picture_can_vanish),
#else
        FOLDER_TEST(says_that_libvips_is_missing),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
