/* src/data/found.c and tree.c: the error about a folder or file that is no data set says what it is, and what to type.
 * tests/convert.py runs the commands in these errors. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/file.h"
#include "data/data.h"
#include "program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST = 8 };

struct found {
    const char *files[MOST]; /* what there is; IDX files have "idx3" or "idx1" in their names, others are empty */
    const char *name;        /* of the data set */
    const char *says[4];     /* after the name and a colon, or after the name if it is a path; and elsewhere */
};

static void put_file(const char *path) {
    char parent[VGGCL_PATH_MAX];
    snprintf(parent, sizeof parent, "%s", path);
    char *slash = strrchr(parent, '/');
    if (slash) {
        *slash = '\0';
        assert_int_equal(file_make_folder(parent), VGGCL_OK);
    }
    if (slash && !slash[1]) /* a folder */
        return;
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    if (strstr(path, "idx"))
        fwrite((char[]){0, 0, 8, strstr(path, "idx1") ? 1 : 3, 0, 0, 0, 0}, 1, 8, file);
    fclose(file);
}

static void assert_found(const struct found *f) {
    struct data data;
    char start[VGGCL_PATH_MAX];
    assert_int_equal(system("rm -rf set other && mkdir set"), 0);
    for (size_t i = 0; i < MOST && f->files[i]; i++)
        put_file(f->files[i]);
    assert_int_not_equal(data_open(&(struct data_source){.name = f->name, .test_share = 0.5}, &data), VGGCL_OK);
    snprintf(start, sizeof start, "%s%s%s", f->name, *f->says[0] == '/' ? "" : ": ", f->says[0]);
    assert_null(strchr(vggcl_error(), '\n'));
    if (strncmp(vggcl_error(), start, strlen(start)) != 0)
        fail_msg("does not begin with \"%s\": %s", start, vggcl_error());
    for (size_t i = 1; i < 4 && f->says[i]; i++)
        if (!strstr(vggcl_error(), f->says[i]))
            fail_msg("\"%s\" is not in: %s", f->says[i], vggcl_error());
}

static void other_formats(void **state) {
    (void)state;
    static const struct found cases[] = {
        {{"set/data/train-00000-of-00001.parquet", "set/README.md"},
         "set",
         {"is not a data set that vggcl reads: set/data/train-00000-of-00001.parquet is a Parquet file (Hugging "
          "Face); ",
          "set data to that: python3 -c \"import ", "\" set/data pictures"}},
        {{"set/a b.npz"}, "set", {"is not", "a b.npz is a file of NumPy arrays", "\" 'set/a b.npz' pictures"}},
        {{"set/y.npy", "set/x.npy"}, "set", {"is not", "set/x.npy is a NumPy array", "\" set pictures"}},
        {{"set/x.npz"}, "set/x.npz", {"is a file of NumPy arrays; ", "\" set/x.npz pictures"}},
        {{"set/it's.zip"}, "set", {"is not", "is a zip archive; unpack it, ", ": unzip 'set/it'\\''s.zip'"}},
        {{"set/x.tar.gz", "set/x.csv"}, "set", {"is not", ": tar xf set/x.tar.gz"}},
        {{"set/x.TGZ"}, "set/x.TGZ", {"is a tar archive; unpack it, and set data to its folder: tar xf set/x.TGZ"}},
        {{"set/t.tfrecord-00000-of-00002"},
         "set",
         {"is not", "is a TFRecord file", "a subfolder of pictures for each"}},
        {{"set/data.mdb", "set/lock.mdb"}, "set", {"is not", "set/data.mdb is an LMDB database"}},
        {{"set/last.safetensors"}, "set/last.safetensors", {"is a file of weights; set weights to it"}},
        {{"set/cat/1.heic", "set/dog/2.heic"}, "set", {"is not", "set/cat/1.heic is a picture of a format"}},
        {{"set/data_batch_1", "set/batches.meta"},
         "set",
         {"this is the Python (pickle) version of CIFAR-10; ", "`vggcl fetch cifar10`", ": python3 -c \"", "\" set"}},
        {{"set/cifar-10-batches-py/data_batch_1"},
         "set",
         {"this is the Python (pickle)", "\" set/cifar-10-batches-py"}},
        {{"set/data_batch_1"}, "set/data_batch_1", {"this is the Python (pickle) version of CIFAR-10; "}},
        {{"set/train", "set/test", "set/meta"},
         "set",
         {"this is the Python (pickle) version of CIFAR-100; ", "\" set"}},
        {{"set/my-idx3", "set/my-idx1"},
         "set",
         {"holds IDX files under other names: set/my-idx1 has labels; rename them to train-images-idx3-ubyte, "}},
        {{"set/my-idx3"}, "set/my-idx3", {"is a file, and data takes the folder of a data set; set data to set"}}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_found(&cases[i]);
}

static void pictures(void **state) {
    (void)state;
    static const struct found cases[] = {
        {{"set/1.png", "set/2.JPG", "set/labels.csv"},
         "set",
         {"has 2 pictures, but no folder for each class; ", "set/CLASS/picture.jpg; ",
          "with trained weights: vggcl predict set"}},
        {{"set/1.png"}, "set/1.png", {"is a picture, and data takes a folder; ", "vggcl predict set/1.png"}},
        {{"set/cat/a.txt", "set/dog/"},
         "set",
         {"has folders, ", "no pictures (jpg, png, ", "those of one class into set/cat, "}},
        {{"set/all/cat/1.png", "set/all/dog/1.png"},
         "set",
         {"has one folder, all; the folders of the classes are deeper: set data to set/all"}},
        {{"set/a/b/cat/1.png", "set/a/b/dog/1.png"}, "set", {"has one folder, a; ", "set data to set/a/b"}},
        {{"set/a/b/train/cat/1.png", "set/a/b/train/dog/1.png"}, "set", {"has one folder, a; ", "set data to set/a/b"}},
        {{"set/cat/1.png"}, "set", {"has 1 subfolder; "}},
        {{"set/training/a/1.png", "set/training/b/1.png", "set/testing/a/1.png", "set/testing/b/1.png"},
         "set",
         {"has the folders training and testing, which must be called train and test: ", "set data to set/training"}},
        {{"set/Train/a/1.png", "set/Train/b/1.png", "set/Val/a/1.png"},
         "set",
         {"has the folders Train and Val, ", "val: "}},
        {{"set/train/a/1.png", "set/train/b/1.png", "set/validation/a/1.png"},
         "set",
         {"has the folders train and validation, which must be called train and val: rename them"}},
        {{"set/train/a/1.png", "set/train/b/1.png", "set/val/1.png"},
         "set",
         {"/val: has no subfolders", "(test-share)"}},
        {{"set/train/a/1.png", "set/train/b/1.png", "set/val/images/1.png"},
         "set",
         {"/val: has no subfolders of classes"}}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_found(&cases[i]);
}

static void sets_nearby(void **state) {
    (void)state;
    static const struct found cases[] = {
        {{"set/cifar-10-batches-bin/data_batch_1.bin"},
         "set",
         {"the data set is one folder deeper: set data to set/cifar-10-batches-bin"}},
        {{"set/MNIST/train-images-idx3-ubyte"}, "set/", {"the data set is one folder deeper: set data to set/MNIST"}},
        {{"set/data_batch_1.bin"}, "set/data_batch_1.bin", {"is a file of a data set; set data to its folder, set"}},
        {{"set/a/b/c.txt", "set/d/e.txt"},
         "set",
         {"is not a data set that vggcl reads: it holds a and d; `vggcl fetch`"}},
        {{NULL}, "set", {"is an empty folder; `vggcl fetch`"}},
        {{NULL}, "other", {"No such file or directory; `vggcl fetch`"}}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_found(&cases[i]);
}

/* Classes may be called training and testing. */
static void classes_with_such_names(void **state) {
    (void)state;
    struct data data;
    assert_int_equal(system("rm -rf set"), 0);
    put_file("set/training/1.png");
    put_file("set/testing/1.png");
    assert_int_not_equal(data_open(&(struct data_source){.name = "set", .test_share = 0.5}, &data), VGGCL_OK);
    assert_null(strstr(vggcl_error(), "must be called"));
}

static int enter(void **state) {
    return make_folder(state) || chdir(folder);
}

static int leave(void **state) {
    return chdir("/") || remove_folder(state);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(other_formats), cmocka_unit_test(pictures),
                                       cmocka_unit_test(sets_nearby), cmocka_unit_test(classes_with_such_names)};
    return cmocka_run_group_tests(tests, enter, leave);
}
