/* The program on a folder of pictures of mixed formats and sizes: training, the plan, resuming, bad pictures. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/cache_folder.h"
#include "base/file.h"
#include "pictures.h"
#include "program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NETWORK "--model vgg11 --width 0.0625 --batch 16 --recipe seed --profile none"
#define RUN     "--data set --size 32 " NETWORK " --no-selfcheck"

#ifdef VGGCL_VIPS

/* Each class has a colour, with some noise. */
static int class_drawn, picture_drawn;
static int value(int x, int y, int band) {
    return (band == class_drawn ? 170 : 50) + (x * 7 + y * 13 + picture_drawn * 29) % 61;
}

enum { CLASSES = 3, PICTURES = 20 }; /* of each class */

static void put_classes(void) {
    static const char *const classes[CLASSES] = {"apples", "big cats", "\xc3\xa9t\xc3\xa9"};
    static const char *const endings[] = {"jpg", "png", "webp", "bmp", "gif", "tiff", "JPEG"};
    char path[256];
    for (class_drawn = 0; class_drawn < CLASSES; class_drawn++)
        for (picture_drawn = 0; picture_drawn < PICTURES; picture_drawn++) {
            snprintf(path, sizeof path, "%s/set/%s/%s%02d.%s", folder, classes[class_drawn],
                     picture_drawn % 2 ? "more/" : "", picture_drawn, endings[picture_drawn % 7]);
            draw_picture(path, &(struct drawing){.width = 20 + 3 * picture_drawn,
                                                 .height = 90 - 4 * picture_drawn,
                                                 .bands = 3,
                                                 .value = value});
        }
}

/* Decoded pictures are kept in a cache in the test's folder, all else in the usual one. */
static int make_cache(void) {
    static const char *const usual[] = {"programs", "profiles"};
    char cache[128], from[VGGCL_PATH_MAX], to[256];
    snprintf(cache, sizeof cache, "%s/cache", folder);
    if (file_make_folder(cache) != VGGCL_OK)
        return -1;
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++) {
        cache_folder(usual[i], from);
        snprintf(to, sizeof to, "%s/%s", cache, usual[i]);
        if (*from && symlink(from, to) != 0)
            return -1;
    }
    return setenv("VGGCL_CACHE_DIR", cache, 1);
}

static int make_set(void **state) {
    if (make_folder(state) || make_cache())
        return -1;
    put_classes();
    return 0;
}

static void put_bad_picture(const char *name) {
    char path[256];
    snprintf(path, sizeof path, "%s/set/apples/%s", folder, name);
    write_file(path, "text\n", 5);
}

static void trains(void **state) {
    (void)state;
    assert_int_equal(vggcl("train " RUN " --epochs 1 --save s"), 0);
    assert_says("pictures in set (54 training, 6 test images, 32x32 colour, 3 classes)");
    assert_says("pictures 60/60 decoded");
    char hash[17];
    strcpy(hash, weights_hash());
    assert_int_equal(vggcl("train " RUN " --epochs 1 --save again"), 0); /* from the cache */
    assert_null(strstr(output, "decoded"));
    assert_string_equal(weights_hash(), hash);
    assert_int_equal(vggcl("train " RUN " --epochs 1 --images host --save again"), 0); /* and not on the device */
    assert_string_equal(weights_hash(), hash);
    assert_int_equal(vggcl("eval --data set --size 32 --weights s/best.safetensors --profile none"), 0);
    assert_says("big cats");
    assert_says("\xc3\xa9t\xc3\xa9");
}

/* As many images and classes as are there, and of the size that would be chosen. */
static void plans(void **state) {
    (void)state;
    assert_int_equal(vggcl("plan --data set --size 64 " NETWORK " --json"), 0);
    char large[64];
    const char *peak = strstr(output, "\"peak_bytes\"");
    assert_non_null(peak);
    snprintf(large, sizeof large, "%.40s", peak);
    assert_int_equal(vggcl("plan --data set --size 32 " NETWORK " --json"), 0);
    assert_null(strstr(output, large));
    assert_fails(2, "size: takes a whole number", "plan --data set --size 257 " NETWORK);
    assert_fails(2, "size 7: the side of an image is 8 to 256 pixels", "plan --data set --size 7 " NETWORK);
    assert_fails(2, "test-share", "plan --data set --test-share 0.95 " NETWORK);
}

/* A run that was interrupted by --steps, and one that was not. */
static void resumes_bit_for_bit(void **state) {
    (void)state;
    char hash[17];
    assert_int_equal(vggcl("train " RUN " --epochs 2 --test-share 0.25 --save whole"), 0);
    strcpy(hash, weights_hash());
    assert_int_equal(vggcl("train " RUN " --epochs 2 --test-share 0.25 --steps 3 --save r"), 0);
    assert_fails(2, "contradicts the run", "train --resume r --test-share 0.5");
    assert_fails(2, "contradicts the run", "train --resume r --size 64");
    assert_int_equal(vggcl("train --resume r"), 0);
    assert_string_equal(weights_hash(), hash);
}

/* More bad pictures than are allowed end the run before it begins; fewer are left out and named. */
static void tells_bad_pictures(void **state) {
    (void)state;
    put_bad_picture("text.jpg");
    assert_fails(1,
                 "1 of 61 pictures cannot be decoded: set/apples/text.jpg (is not a JPEG, PNG, WebP, GIF, TIFF or BMP "
                 "picture); remove them, or allow more with bad-images",
                 "train " RUN " --epochs 1 --save bad");
    assert_fails(1, "1 of 61 pictures cannot be decoded", "plan --data set " NETWORK);
    for (int repeat = 0; repeat < 2; repeat++) { /* the second time from the cache */
        assert_int_equal(vggcl("train " RUN " --epochs 1 --steps 1 --bad-images 2 --save bad"), 0);
        assert_says("1 of 61 pictures cannot be decoded: set/apples/text.jpg (");
        assert_says("pictures in set (54 training, 6 test images, 32x32 colour, 3 classes)");
    }
}

static void refuses_folders(void **state) {
    (void)state;
    assert_int_equal(vggcl("version; mkdir -p one/class empty; cp set/apples/*.png one/class"), 0);
    assert_fails(1, "one: has 1 subfolder;", "train --data one " NETWORK);
    assert_fails(1, "empty: is an empty folder", "train --data empty " NETWORK);
    assert_says("or a subfolder of pictures for each class");
}

#else

static void says_that_libvips_is_missing(void **state) {
    (void)state;
    assert_int_equal(vggcl("version; mkdir -p set/a set/b; touch set/a/1.png set/b/1.png"), 0);
    assert_fails(2, "set: this vggcl was built without libvips, which decodes pictures", "train " RUN);
}

#endif

int main(void) {
#ifdef VGGCL_VIPS
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trains),
        cmocka_unit_test(plans),
        cmocka_unit_test(resumes_bit_for_bit),
        cmocka_unit_test(tells_bad_pictures),
        cmocka_unit_test(refuses_folders),
    };
    return cmocka_run_group_tests(tests, make_set, remove_folder);
#else
    const struct CMUnitTest tests[] = {cmocka_unit_test(says_that_libvips_is_missing)};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
#endif
}
