/* The option weights: files as other programs leave them, folders, and networks of another number of classes. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "files/safetensors.h"
#include "program.h"

#include <stdio.h>
#include <stdlib.h>

#define NETWORK "--model vgg11 --width 0.0625 --profile none --no-selfcheck "
#define SET     "--data synthetic:40,20 "
#define EVAL    "eval " SET "--profile none --no-selfcheck --weights "

static char expected[64]; /* the loss and accuracy of the weights that make_weights() trains */

static const char *result(void) {
    const char *at = strstr(output, "test loss");
    assert_non_null(at);
    return at;
}

static int make_weights(void **state) {
    if (make_folder(state) || vggcl("train " SET NETWORK "--batch 20 --epochs 1 --save s") ||
        vggcl(EVAL "s/best.safetensors"))
        return -1;
    snprintf(expected, sizeof expected, "%.*s", (int)strcspn(result(), "("), result());
    return 0;
}

static void assert_same_result(void) {
    assert_memory_equal(result(), expected, strlen(expected));
}

/* ---------------------------------------------------------------------------------------------- what is in front -- */

/* Writes the weights as `to`, with the prefix in front of each name. */
static void rename_all(const char *to, const char *prefix) {
    struct safetensors file;
    char path[128], names[64][64];
    snprintf(path, sizeof path, "%s/s/best.safetensors", folder);
    assert_int_equal(safetensors_read(path, &file), VGGCL_OK);
    assert_in_range(file.count, 1, 64);
    for (size_t i = 0; i < file.count; i++) {
        snprintf(names[i], sizeof names[i], "%s%s", prefix, file.records[i].name);
        file.records[i].name = names[i];
    }
    snprintf(path, sizeof path, "%s/%s", folder, to);
    assert_int_equal(safetensors_write(&folder_current, path, file.records, file.count, NULL), VGGCL_OK);
    safetensors_free(&file);
}

static void takes_prefixes(void **state) {
    (void)state;
    static const char *const prefixes[] = {"", "module.", "_orig_mod.", "_orig_mod.module.", "model.net."};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        rename_all("prefixed.safetensors", prefixes[i]);
        assert_int_equal(vggcl(EVAL "prefixed.safetensors"), 0);
        assert_same_result();
    }
}

/* ------------------------------------------------------------------------------------------------------- folders -- */

static void takes_folders(void **state) {
    (void)state;
    assert_int_equal(vggcl(EVAL "s"), 0);
    assert_same_result();
    assert_says("vggcl: weights: s is a folder: uses best.safetensors in it\n");
    assert_int_equal(vggcl("train " SET NETWORK "--batch 20 --steps 1 --weights s/ --save t"), 0);
    assert_says("uses best.safetensors in it");
    assert_int_equal(vggcl("version; mkdir -p empty"), 0);
    assert_fails(1, "empty: is a folder without best.safetensors; name a file", EVAL "empty");
}

/* -------------------------------------------------------------------------------------------------- what to type -- */

static void names_other_files(void **state) {
    (void)state;
    assert_int_equal(vggcl("version; printf 'PK\\003\\004\\000\\000\\010\\010archive/data.pkl' >'my model.pth'"), 0);
    assert_fails(1,
                 "my model.pth: is an archive of PyTorch (torch.save), not safetensors; convert it with: vggcl convert "
                 "'my model.pth' 'my model.safetensors'",
                 EVAL "'my model.pth'");
}

/* ------------------------------------------------------------------------------------------------------- convert -- */

/* The same network under torchvision's names, and under vggcl's again: the same bits. */
static void converts_there_and_back(void **state) {
    (void)state;
    assert_int_equal(vggcl("convert s/best.safetensors theirs.safetensors --to torchvision"), 0);
    assert_says("features.4.weight        <- conv2_1.weight               8x4x3x3\n");
    assert_says("classifier.3.bias        <- fc2.bias                     10\n");
    assert_says("theirs.safetensors: model vgg11, width 0.0625, with batch normalisation, 10 classes; 52 tensors\n");
    assert_int_equal(vggcl(EVAL "theirs.safetensors"), 0);
    assert_says(
        "vggcl: weights: names of torchvision, in the form for CIFAR (chenyaofo/pytorch-cifar-models), matched by "
        "order and shape; images are normalised as its metadata says\n");
    assert_same_result();
    assert_fails(2, "was trained with half; leave the option out", EVAL "theirs.safetensors --normalize imagenet");
    assert_int_equal(vggcl("convert theirs.safetensors ours.safetensors"), 0);
    assert_says("conv2_1.weight           <- features.4.weight            8x4x3x3\n");
    assert_int_equal(vggcl(EVAL "ours.safetensors"), 0);
    assert_same_result();
    assert_null(strstr(output, "matched"));
    assert_int_equal(vggcl("convert s/last.safetensors ours.safetensors"), 0); /* without the optimiser's states */
    assert_says(" 52 tensors\n");
    assert_int_equal(vggcl("convert ours.safetensors ours.safetensors"), 0);
}

static void refuses_conversions(void **state) {
    (void)state;
    assert_fails(2, "s/best.safetensors: its network has 2 linear layers, and kuangliu's names are for one",
                 "convert s/best.safetensors k.safetensors --to kuangliu");
    assert_fails(2, "to: takes one of vggcl, torchvision, kuangliu, not 'keras'", "convert s a --to keras");
    assert_fails(2, "convert takes two files", "convert s");
    assert_fails(1, "none.safetensors: ", "convert none.safetensors a");
    assert_fails(1, "my model.pth: cannot be converted: python3 ", "convert 'my model.pth' a");
    assert_int_equal(vggcl("version; ls a a.part k.safetensors"), 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_prefixes),      cmocka_unit_test(takes_folders),
        cmocka_unit_test(names_other_files),   cmocka_unit_test(converts_there_and_back),
        cmocka_unit_test(refuses_conversions),
    };
    return cmocka_run_group_tests(tests, make_weights, remove_folder);
}
