/* vggcl export without the programs that read ONNX: files, names, errors. tests/peer_onnx.py compares results. */
#define _GNU_SOURCE /* memmem */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "files/safetensors.h"
#include "pictures.h"
#include "program.h"
#include "vggcl.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#ifdef VGGCL_PROTOBUF

#define TRAIN "train --data synthetic:64,32 --model 8,M,8,M --batch 16 --epochs 1 --no-selfcheck --profile none --save "

static int make_networks(void **state) {
    if (make_folder(state))
        return -1;
    return vggcl(TRAIN "save --no-bn") || vggcl(TRAIN "bn --head avgpool --steps 3");
}

static bool in_file(const char *name, const char *text) {
    char path[256];
    size_t count;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    char *bytes = read_file(path, &count);
    bool found = memmem(bytes, count, text, strlen(text)) != NULL;
    free(bytes);
    return found;
}

/* Without an OpenCL driver. */
static void writes_beside_the_weights(void **state) {
    (void)state;
    assert_int_equal(vggcl("version >/dev/null; OCL_ICD_VENDORS=/nowhere " VGGCL_PROGRAM " export"), 0);
    assert_says("wrote save/best.onnx, ");
    assert_says(" MiB: 8,M,8,M, width 1, 10 classes\n"
                "input   images         N x 3 x 32 x 32  RGB, NCHW, (x/255 - 0.5)/0.5\n"
                "output  logits         N x 10\n");
    assert_true(in_file("save/best.onnx", "\"horizontal stripes\""));
    assert_true(in_file("save/best.onnx", "conv1_1.weight"));
    assert_int_equal(vggcl("export bn/last.safetensors --with-preprocess --fold-bn --size 40 --onnx net"), 0);
    assert_says("wrote net, ");
    assert_says("10 classes, batch normalisation folded\n"
                "input   images         N x 3 x 40 x 40  RGB, NCHW, uint8\n"
                "output  probabilities  N x 10\n");
    assert_false(in_file("net", "bn1_1"));
    assert_int_equal(vggcl("export --weights bn/last.safetensors"), 0);
    assert_true(in_file("bn/last.onnx", "bn1_1.running_var"));
}

/* The same bytes each time. */
static void repeats(void **state) {
    (void)state;
    assert_int_equal(vggcl("export --onnx a && " VGGCL_PROGRAM " export --onnx b && cmp a b"), 0);
}

static void refuses(void **state) {
    (void)state;
    assert_fails(1, "missing.safetensors: cannot be opened", "export missing.safetensors");
    assert_fails(2,
                 "save/best.safetensors: is the name of a weights file, which would be lost; name the ONNX file "
                 "otherwise",
                 "export --onnx save/best.safetensors");
    assert_fails(2, "is the name of a weights file",
                 "version >/dev/null; cp save/best.safetensors w; " VGGCL_PROGRAM " export w --onnx w");
    assert_fails(2, "export takes one weights file, not both a and b", "export a --weights b");
    assert_fails(2, "the name of the ONNX file is empty", "export --onnx ''");
    assert_fails(2, "the name of the weights file is empty", "export ''");
    assert_fails(2, "takes images of 8 to 256 pixels", "export bn/last.safetensors --size 4");
    assert_fails(2, "size 64: the network in save/best.safetensors takes images of 32x32 pixels", "export --size 64");
    assert_fails(2, "normalize imagenet: the network in save/best.safetensors was trained with half",
                 "export --normalize imagenet");
    assert_fails(1, "text", "version >/dev/null; echo text >text; " VGGCL_PROGRAM " export text");
    assert_fails(1, "nowhere/net.onnx: ", "export --onnx nowhere/net.onnx");
    assert_int_equal(vggcl("version >/dev/null; test ! -e text.onnx"), 0);
}

/* What was there before stays as it is, and nothing else is left. */
static void disk_is_full(void **state) {
    (void)state;
    assert_int_equal(vggcl("version >/dev/null; mkdir full; echo before >full/net"), 0);
    assert_fails(1, "full/net: cannot be written",
                 "version >/dev/null; trap '' XFSZ; ulimit -f 1; " VGGCL_PROGRAM " export --onnx full/net");
    assert_int_equal(vggcl("version >/dev/null; ls -A full; cat full/net"), 0);
    assert_string_equal(output, "net\nbefore\n");
}

/* Writes changed.safetensors, a copy with one record changed. */
static void change(const char *from, const char *name, void (*change_record)(struct record *)) {
    struct safetensors file;
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, from);
    if (safetensors_read(path, &file) != VGGCL_OK)
        fail_msg("%s", vggcl_error());
    change_record((struct record *)safetensors_find(&file, name));
    snprintf(path, sizeof path, "%s/changed.safetensors", folder);
    if (safetensors_write(&folder_current, path, file.records, file.count, NULL) != VGGCL_OK)
        fail_msg("%s", vggcl_error());
    safetensors_free(&file);
}

static void put_nan(struct record *r) {
    r->values[3] = NAN;
}

static void transpose(struct record *r) {
    size_t rows = r->shape[0];
    r->shape[0] = r->shape[1];
    r->shape[1] = rows;
}

static void lose(struct record *r) {
    r->name = "other";
}

/* Files of other programs name neither the size of the images nor the classes. */
static void names_bad_tensors(void **state) {
    (void)state;
    change("save/best.safetensors", "conv1_1.bias", put_nan);
    assert_fails(2, "does not say what size of images its network takes", "export changed.safetensors");
    assert_fails(1, "changed.safetensors: conv1_1.bias has values that are not finite",
                 "export changed.safetensors "
                 "--size 32");
    change("bn/last.safetensors", "bn2_1.bias", lose); /* without metadata, that of average pooling too */
    assert_fails(2, "its network takes images of another size than 32x32", "export changed.safetensors --size 32");
    change("save/best.safetensors", "conv2_1.bias", lose);
    assert_fails(1, "changed.safetensors: has no tensor conv2_1.bias", "export changed.safetensors --size 32");
    change("save/best.safetensors", "fc2.weight", transpose);
    assert_int_equal(vggcl("export changed.safetensors --size 32"), 1);
    assert_int_equal(vggcl("version >/dev/null; test ! -e changed.onnx"), 0);
}

/* The library, without a struct for the description. */
static void exports_from_c(void **state) {
    struct vggcl_config config;
    const struct vggcl_onnx how = {.fold_bn = true};
    char path[256];
    (void)state;
    assert_int_equal(vggcl_config_init(&config), VGGCL_OK);
    snprintf(path, sizeof path, "%s/c.onnx", folder);
    assert_int_equal(vggcl_export_onnx(&config, path, &how, NULL), VGGCL_EUSAGE);
    assert_string_equal(vggcl_error(), "weights: is missing; set it to the safetensors file of a trained network");
    snprintf(config.weights, sizeof config.weights, "%s/save/best.safetensors", folder);
    assert_int_equal(vggcl_export_onnx(&config, path, &how, NULL), VGGCL_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_beside_the_weights),
        cmocka_unit_test(repeats),
        cmocka_unit_test(refuses),
        cmocka_unit_test(disk_is_full),
        cmocka_unit_test(names_bad_tensors),
        cmocka_unit_test(exports_from_c),
    };
    return cmocka_run_group_tests(tests, make_networks, remove_folder);
}

#else

static void says_what_is_missing(void **state) {
    (void)state;
    assert_fails(2, "built without libprotobuf-c, which writes ONNX and TensorBoard files", "export --onnx net.onnx");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(says_what_is_missing)};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

#endif
