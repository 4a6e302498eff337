/* The program: help, devices, training, resuming, evaluation, and errors for invalid input. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "program.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RECIPE "--data synthetic:200,50 --model vgg11 --width 0.0625 --batch 32 --no-dropout"

static bool there_is(const char *name) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return access(path, R_OK) == 0;
}

static void helps(void **state) {
    (void)state;
    static const char *const commands[] = {"train", "eval",    "predict", "inspect",    "plan",    "bench",
                                           "tune",  "compare", "plot",    "selfcheck",  "synth",   "devices",
                                           "fetch", "version", "help",    "completion", "convert", "export"};
    enum { COMMANDS = sizeof commands / sizeof *commands };
    assert_int_equal(vggcl("help"), 0);
    assert_in_range(widest_line(output, ""), 20, 80);
    for (int i = 0; i < COMMANDS; i++) {
        assert_says(commands[i]);
    }
    for (int i = 0; i < COMMANDS; i++) {
        assert_int_equal(vggcl("%s --help", commands[i]), 0);
        assert_says("usage: vggcl");
        assert_in_range(widest_line(output, ""), 20, 80);
    }
    assert_int_equal(vggcl("help train"), 0);
    assert_says("--weight-decay F");
    assert_int_equal(vggcl("version"), 0);
    assert_int_equal(vggcl(" "), 2);
}

static void wrong_flags(void **state) {
    (void)state;
    assert_fails(2, "no command 'fly'", "fly");
    assert_fails(2, "--wings", "train --wings 2");
    assert_fails(2, "--epochs needs an argument", "train --epochs");
    assert_fails(2, "epochs: takes a whole number", "train --epochs many");
    assert_fails(2, "batch: takes a whole number", "train --batch=0");
    assert_fails(2, "model: takes one of vgg11", "train --model vgg12");
    assert_fails(2, "no-bn: takes no argument, or =yes or =no", "train --no-bn=maybe");
    assert_fails(2, "storage: takes one of float, half", "train --storage double");
    assert_fails(2, "precision: takes one of float, bf16, tf32", "train --precision half");
    assert_fails(2, "with precision bf16 activations are stored as bfloat16; leave one of them out",
                 "train --data synthetic --precision bf16 --storage half");
    assert_fails(2, "matrix: plain multiplies bf16, but precision is float; set precision to bf16 too",
                 "plan --matrix plain");
    assert_fails(2, "matrix: lanes multiplies bf16, but precision is tf32; set precision to bf16 too",
                 "plan --matrix lanes --precision tf32");
    assert_fails(2, "matrix: lanes-tf32 multiplies tf32, but precision is bf16; set precision to tf32 too",
                 "plan --matrix lanes-tf32 --precision bf16");
    assert_fails(2, "tf32 needs its instructions by name, but matrix is auto; set matrix to nvidia-tf32",
                 "train --data synthetic --precision tf32");
    assert_fails(2, "with precision tf32 activations are stored as float; leave one of them out",
                 "plan --precision tf32 --matrix lanes-tf32 --storage half");
    assert_fails(2, "conv: winograd2-matrix multiplies bfloat16; set precision to bf16, or conv to auto",
                 "plan --precision tf32 --matrix lanes-tf32 --conv winograd2-matrix");
    assert_fails(2, "conv: winograd2-matrix multiplies bfloat16; set precision to bf16, or conv to auto",
                 "plan --conv winograd2-matrix");
    assert_fails(2, "conv: matrix needs matrix instructions", "plan --precision bf16 --matrix none --conv matrix");
    assert_fails(2, "matrix: takes one of auto, none, ", "plan --precision bf16 --matrix fpga");
    assert_fails(2, "weights: is missing", "eval");
    assert_fails(2, "--out", "synth");
}

static void devices(void **state) {
    (void)state;
    assert_int_equal(vggcl("devices --json"), 0);
    json_t *all = json_loads(output, 0, NULL), *list = json_object_get(all, "devices");
    assert_true(json_array_size(list) > 0);
    assert_true(json_string_length(json_object_get(json_array_get(list, 0), "name")) > 0);
    assert_null(json_object_get(json_array_get(list, 0), "c_version"));
    json_decref(all);
    assert_int_equal(vggcl("devices --json --verbose"), 0);
    all = json_loads(output, 0, NULL);
    json_t *first = json_array_get(json_object_get(all, "devices"), 0);
    assert_memory_equal(json_string_value(json_object_get(first, "c_version")), "OpenCL C ", 9);
    assert_true(json_integer_value(json_object_get(first, "native_vector_width_float")) > 0);
    assert_true(json_integer_value(json_object_get(first, "preferred_vector_width_float")) > 0);
    assert_true(json_integer_value(json_object_get(first, "sub_buffer_alignment_bytes")) > 0);
    assert_true(json_is_boolean(json_object_get(first, "half")));
    assert_non_null(json_object_get(first, "profile"));
    json_decref(all);
    assert_int_equal(vggcl("devices --verbose"), 0);
    assert_says("OpenCL C ");
    assert_says("sub-buffers at multiples of ");
    assert_fails(6, "no such OpenCL device; there are: 0:0", "train --device 77:1 " RECIPE);
}

static void no_device(void **state) {
    (void)state;
    char *old = getenv("OCL_ICD_VENDORS"), *kept = old ? strdup(old) : NULL;
    setenv("OCL_ICD_VENDORS", folder, 1);
    int status = vggcl("devices");
    if (kept)
        setenv("OCL_ICD_VENDORS", kept, 1);
    else
        unsetenv("OCL_ICD_VENDORS");
    free(kept);
    assert_int_equal(status, 6);
    assert_says("pocl-opencl-icd");
}

static void bad_data(void **state) {
    (void)state;
    assert_fails(1, "nowhere: No such file or directory; `vggcl fetch`", "train --data nowhere");
    assert_says("synthetic");
    assert_int_equal(vggcl("synth --out set --train 100 --test 20"), 0);
    assert_int_equal(vggcl("train --data set --model vgg11 --width 0.0625 --no-dropout --batch 32 --epochs 1"), 0);
    char line[256];
    snprintf(line, sizeof line, "truncate -s -1 %s/set/data_batch_3.bin", folder);
    assert_int_equal(system(line), 0);
    assert_fails(1, "data_batch_3.bin", "train --data set --epochs 1");
}

/* Starts a long run into the folder save, and sends it a signal when it is under way; "status N" ends the output. */
static void interrupt(const char *signal, const char *save) {
    vggcl("version; { %s train " RECIPE " --epochs 2000 --checkpoint-every 9 --save %s & } 2>&1; run=$!; "
          "until test -e %s/last.safetensors; do sleep 0.1; done; sleep 2; kill -%s $run; wait $run; echo status $?",
          VGGCL_PROGRAM, save, save, signal);
}

/* Starts a run of two epochs into the folder save that cannot write its first best weights: the disk is full when free
 * space is looked at for the query-th time (tests/fault/disk.c). */
static void ends_at_its_first_epoch(const char *flags, const char *save, int query) {
    assert_int_equal(vggcl("version >/dev/null; VGGCL_TEST_SPACE=%d:%d:1000 " PRELOADED(VGGCL_FAULT_DISK) VGGCL_PROGRAM
                           " train " RECIPE " --epochs 2 --on-save-error stop %s --save %s",
                           query, query, flags, save),
                     1);
    assert_says("best.safetensors");
}

/* 200 images in batches of 32 are 6 whole ones; the images of the 7th are other ones in each epoch. */
static void drop_last(void **state) {
    (void)state;
    assert_int_equal(vggcl("train " RECIPE " --epochs 2 --drop-last --save dl --log-steps dl.csv; wc -l dl.csv"), 0);
    assert_says("13 dl.csv"); /* with the header */
    char *whole = strdup(weights_hash());
    assert_int_equal(vggcl("train " RECIPE " --epochs 2 --drop-last --steps 8 --save dl2"), 0);
    assert_int_equal(vggcl("train --resume dl2"), 0);
    assert_string_equal(weights_hash(), whole);
    free(whole);
    assert_fails(2, "drop-last", "train --resume dl2 --drop-last=no --epochs 3");
    assert_fails(2, "drop-last: leaves out all 200", "train " RECIPE " --batch 256 --drop-last --save dl3");
    assert_int_equal(vggcl("plan " RECIPE " --drop-last"), 0);
}

/* The save folder of two epochs, and that eval finds what accuracy.csv recorded. */
static void trains(void **state) {
    (void)state;
    assert_int_equal(vggcl("train " RECIPE " --epochs 2 --save a --save-every 1 --log-steps steps.csv"), 0);
    assert_says("first step after ");
    char first[17];
    strcpy(first, weights_hash());
    assert_true(there_is("a/best.safetensors") && there_is("a/last.safetensors"));
    assert_true(there_is("a/epoch-001.safetensors") && there_is("a/epoch-002.safetensors"));
    assert_int_equal(vggcl("version; wc -l < steps.csv; sed -n 2p steps.csv; tail -n 1 a/accuracy.csv"), 0);
    assert_says("\n15\n0,1,0.01,");
    double accuracy;
    char hash[17];
    assert_int_equal(sscanf(strrchr(strstr(output, "\n2,"), '\n') ? strstr(output, "\n2,") : "",
                            "\n2,%*f,%*f,%*f,%*f,%lf,%*f,%*f,%16s", &accuracy, hash),
                     2);
    assert_string_equal(hash, first);
    assert_int_equal(vggcl("eval --data synthetic:200,50 --weights a/epoch-002.safetensors --json"), 0);
    json_t *all = json_loads(output, 0, NULL);
    assert_true(json_real_value(json_object_get(all, "accuracy")) == accuracy);
    assert_int_equal(json_array_size(json_object_get(all, "confusion")), 10);
    json_decref(all);

    assert_int_equal(vggcl("train " RECIPE " --epochs 2 --save a"), 0); /* the same again, bit for bit */
    assert_string_equal(weights_hash(), first);
    assert_says("is now in a.1");
    assert_true(there_is("a.1/accuracy.csv"));

    static const int stops[] = {1, 3, 7, 8, 13}; /* an epoch has 7 steps */
    for (int i = 0; i < 5; i++) {
        assert_int_equal(vggcl("train " RECIPE " --epochs 2 --save b%d --steps %d", i, stops[i]), 0);
        assert_says("stopped");
        assert_int_equal(vggcl("train --resume b%d", i), 0);
        assert_string_equal(weights_hash(), first);
    }
    /* A state saved after an epoch's last step, the epoch's own files not written yet; and before any step. */
    ends_at_its_first_epoch("--checkpoint-every 7", "e", 3);
    assert_int_equal(vggcl("train --resume e"), 0);
    assert_string_equal(weights_hash(), first);
    ends_at_its_first_epoch("", "s", 2);
    assert_fails(1, "before its first step", "eval --data synthetic:200,50 --weights s/last.safetensors");
    assert_int_equal(vggcl("train --resume s"), 0);
    assert_string_equal(weights_hash(), first);
    /* The same with weights from a file, which need not be there any more. */
    assert_int_equal(vggcl("version; cp b0/best.safetensors w.safetensors"), 0);
    ends_at_its_first_epoch("--weights w.safetensors", "w", 3);
    assert_int_equal(vggcl("train " RECIPE " --epochs 2 --weights w.safetensors --save w2"), 0);
    strcpy(first, weights_hash());
    assert_int_equal(vggcl("version; rm w.safetensors"), 0);
    assert_int_equal(vggcl("train --resume w"), 0);
    assert_string_equal(weights_hash(), first);
    /* Killed in an epoch, once the first state was saved. */
    interrupt("KILL", "k");
    assert_int_equal(vggcl("train --resume k --epochs 1"), 0);
    interrupt("TERM", "i");
    assert_says("the state is saved");
}

/* Activations stored in 16 bits: repeatable and resumed like others, and not the same. */
static void compare_stored(const char *option, const char *told) {
    char first[17], accuracy[32];
    assert_int_equal(vggcl("train " RECIPE " --epochs 2 --save h --save-every 1 %s", option), 0);
    assert_says(told);
    strcpy(first, weights_hash());
    assert_int_equal(vggcl("version; tail -n 1 h/accuracy.csv"), 0);
    assert_int_equal(sscanf(strstr(output, "\n2,"), "\n2,%*[^,],%*[^,],%*[^,],%*[^,],%31[0-9.]", accuracy), 1);
    assert_int_equal(
        vggcl("eval --data synthetic:200,50 --weights h/epoch-002.safetensors %s --batch 32 --json", option), 0);
    json_t *all = json_loads(output, 0, NULL);
    assert_true(json_number_value(json_object_get(all, "accuracy")) == atof(accuracy));
    json_decref(all);
    assert_int_equal(vggcl("train " RECIPE " --epochs 2 --save h %s", option), 0);
    assert_string_equal(weights_hash(), first);
    assert_int_equal(vggcl("version; rm -rf h2 h3"), 0);
    assert_int_equal(vggcl("train " RECIPE " --epochs 2 --save h2 %s --steps 8", option), 0);
    assert_int_equal(vggcl("version; cp -r h2 h3"), 0);
    assert_int_equal(vggcl("train --resume h2"), 0);
    assert_string_equal(weights_hash(), first);
    assert_int_equal(vggcl("train --resume h3 --storage float --precision float --conv auto"), 0);
    assert_string_not_equal(weights_hash(), first);
    assert_int_equal(vggcl("train " RECIPE " --epochs 2 --save h4"), 0);
    assert_string_not_equal(weights_hash(), first);
}

static void half_storage(void **state) {
    (void)state;
    compare_stored("--storage half", "activations as 16-bit floats");
}

static void bf16_precision(void **state) {
    (void)state;
    compare_stored("--precision bf16", "activations as bfloat16");
}

/* The plain back-end, which every CPU has. */
static void plain_precision(void **state) {
    (void)state;
    compare_stored("--precision bf16 --matrix plain --conv matrix", "activations as bfloat16");
}

/* Activations stay floats; convolutions of 32 channels and more multiply tf32. */
static void tf32_precision(void **state) {
    (void)state;
    compare_stored("--precision tf32 --matrix lanes-tf32 --conv matrix", "products of tf32");
    assert_fails(2,
                 "matrix: lanes-tf32 multiplies tf32, but precision is bf16; set precision to tf32 too, or matrix to",
                 "train --resume h2 --precision bf16 --epochs 3");
    assert_fails(2, "matrix: lanes multiplies bf16, but precision is tf32",
                 "train --resume h2 --matrix lanes --epochs 3");
    assert_int_equal(vggcl("train --resume h2 --matrix lanes-tf32 --epochs 3"), 0);
    assert_says("products of tf32");
    assert_fails(2, "tf32 needs its instructions by name, but matrix is auto",
                 "train --resume h4 --precision tf32 --epochs 3");
}

/* Layers that the named algorithm does not support are checked and computed with another one. */
static void named_for_all_layers(void **state) {
    (void)state;
    static const char *const names[] = {"matrix", "winograd2-matrix", "winograd2-lone-matrix"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_int_equal(
            vggcl("train " RECIPE " --steps 1 --save n%zu --precision bf16 --matrix plain --conv %s", i, names[i]), 0);
}

static void wrong_resume(void **state) {
    (void)state;
    assert_int_equal(vggcl("train " RECIPE " --epochs 1 --save r"), 0);
    assert_fails(2, "momentum 0.5 contradicts", "train --resume r --momentum 0.5");
    assert_int_equal(vggcl("train --resume r --epochs 2 --save-every 5 --device 0"), 0);
    assert_fails(1, "nowhere: does not exist", "train --resume nowhere");
    assert_int_equal(vggcl("version; truncate -s 5000 r/last.safetensors r/last.safetensors.1"), 0);
    assert_fails(1, "last.safetensors", "train --resume r");
    assert_fails(1, "conv1_2.weight",
                 "train --model vgg16 --width 0.0625 --data synthetic:200,50 --weights r/best.safetensors");
}

static void bad_places(void **state) {
    (void)state;
    assert_fails(1, "plain/below", "version > plain; %s train " RECIPE " --epochs 1 --save plain/below", VGGCL_PROGRAM);
    assert_says("save plain/below: this folder cannot be made in plain: this is not a directory; set save to another");
    assert_null(strstr(output, "device "));
    assert_fails(1, "log-steps no/where.csv: there is no folder no to write it to",
                 "train " RECIPE " --log-steps no/where.csv");
    assert_null(strstr(output, "device "));
    assert_fails(1, "kernel-dir nowhere: is not", "train " RECIPE " --kernel-dir nowhere");
    assert_int_equal(vggcl("version; mkdir kernels; echo broken > kernels/channel.cl"), 0);
    assert_fails(1, "channel.cl does not build", "train " RECIPE " --kernel-dir kernels --save k2");
    assert_says("options: ");
}

/* A file that may not grow (as on a full disk) ends the run; what was saved before is whole. */
static void full_disk(void **state) {
    (void)state;
    assert_int_equal(vggcl("train " RECIPE " --epochs 1 --save f"), 0);
    assert_int_equal(vggcl("version; cp -r f kept"), 0);
    assert_fails(1, ".safetensors: cannot be written",
                 "version; trap '' XFSZ; ulimit -f 8; %s train --resume f --epochs 3", VGGCL_PROGRAM);
    assert_says(strerror(EFBIG));
    assert_int_equal(vggcl("version; cmp f/last.safetensors kept/last.safetensors && ls f | grep -c tmp"), 1);
    assert_int_equal(vggcl("train --resume f --epochs 2"), 0);
    assert_fails(1, "/dev/full", "train " RECIPE " --epochs 1 --save g --log-steps /dev/full");
}

static void not_finite(void **state) {
    (void)state;
    assert_fails(3, "is not finite", "train " RECIPE " --lr 1e6 --epochs 3 --save n");
    assert_true(there_is("n/last.safetensors"));
    assert_fails(3, "try storage float", "train " RECIPE " --lr 1e6 --epochs 3 --save n --storage half");
}

/* Every kind of network takes a step. */
static void variants(void **state) {
    (void)state;
    static const char *const kinds[] = {"--model vgg13 --no-bn",
                                        "--model vgg16 --dropout element",
                                        "--model vgg19",
                                        "--model vgg11 --no-bn --no-dropout",
                                        "--model vgg11 --conv im2col",
                                        "--model vgg11 --conv winograd2",
                                        "--model vgg13 --no-bn --storage half",
                                        "--model vgg11 --storage half --conv im2col --gemm clblast"};
    for (int i = 0; i < 8; i++)
        assert_int_equal(
            vggcl("train --data synthetic:64,10 --width 0.0625 --batch 32 --steps 1 --save v%d %s", i, kinds[i]), 0);
}

/* Live lines and epochs' lines fit the terminal, which may be resized; what is most important is there. */
static void fits_terminal(void **state) {
    (void)state;
    const char *run = "train " RECIPE " --data synthetic:224,50 --no-selfcheck --save t"; /* no note before the lines */
    assert_int_equal(vggcl_on_terminal(80, 80, "%s --epochs 30", run), 0);
    assert_in_range(widest_line(output, "epoch "), 70, 79);
    assert_says(" [##........] step 1/7  loss ");
    assert_says("epoch 30/30  loss ");
    assert_int_equal(vggcl_on_terminal(40, 40, "%s --epochs 30", run), 0);
    assert_in_range(widest_line(output, "epoch "), 1, 39);
    assert_says(" step 1/7  loss ");
    resizing_line = "epoch ";
    assert_int_equal(vggcl_on_terminal(120, 40, "%s --epochs 60", run), 0);
    resizing_line = "";
    assert_true(widest_line(output, "epoch ") > 80);
    assert_in_range(widest_line(strstr(output, "\033[Kepoch 40/60"), "epoch "), 1, 39);
}

/* Where a user of the weights looks: in the checkpoints, and in what there is to read. */
static void says_the_preprocessing(void **state) {
    (void)state;
    assert_int_equal(vggcl("train " RECIPE " --no-selfcheck --save p --epochs 1 --save-every 1"), 0);
    static const char *const checkpoints[] = {"best", "last", "epoch-001"};
    for (int i = 0; i < 3; i++)
        assert_int_equal(vggcl("version >/dev/null; head -c 600 p/%s.safetensors | grep -aqF '%s'", checkpoints[i],
                               "\"preprocessing\":\"RGB, NCHW, (x/255 - 0.5)/0.5\""),
                         0);
    static const char *const texts[] = {"data/guide/images.md", "include/vggcl.h", "data/man/vggcl.man"};
    for (int i = 0; i < 3; i++)
        assert_int_equal(vggcl("version >/dev/null; tr -d '\\\\' < %s/%s | grep -qF '(x/255 - 0.5)/0.5'",
                               VGGCL_SOURCE_DIR, texts[i]),
                         0);
}

static void tables_fit_100_columns(void **state) {
    (void)state;
    assert_int_equal(vggcl("bench --layers --model vgg11 --width 0.0625 --batch 8 --steps 1"), 0);
    assert_says("\nweight gradient ");
    assert_in_range(widest_line(output, "conv"), 40, 80);
    assert_in_range(widest_line(strstr(output, "\nforward "), ""), 40, 100);
    assert_int_equal(vggcl_on_terminal(100, 100, "help train"), 0);
    assert_in_range(widest_line(output, ""), 81, 100);
    assert_int_equal(vggcl_on_terminal(60, 60, "help train"), 0);
    assert_in_range(widest_line(output, "  --"), 40, 60);
}

/* A file or a pipe gets complete lines, without escape sequences. */
static void complete_without_terminal(void **state) {
    (void)state;
    assert_int_equal(vggcl("train " RECIPE " --no-selfcheck --save t --epochs 2"), 0);
    assert_null(strchr(output, '\033'));
    assert_null(strchr(output, '\r'));
    char *line = strstr(output, "\nepoch 2/2  loss ");
    assert_non_null(line);
    *strchr(line + 1, '\n') = '\0';
    static const char *const fields[] = {"  train ",     "  test ",   " s  ",   "  lr 0.01",
                                         "  test loss ", " images/s", "  best "};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        assert_non_null(strstr(line, fields[i]));
    assert_null(strstr(line, "weights"));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(helps),
                                       cmocka_unit_test(wrong_flags),
                                       cmocka_unit_test(devices),
                                       cmocka_unit_test(no_device),
                                       cmocka_unit_test(bad_data),
                                       cmocka_unit_test(trains),
                                       cmocka_unit_test(half_storage),
                                       cmocka_unit_test(bf16_precision),
                                       cmocka_unit_test(plain_precision),
                                       cmocka_unit_test(tf32_precision),
                                       cmocka_unit_test(named_for_all_layers),
                                       cmocka_unit_test(drop_last),
                                       cmocka_unit_test(wrong_resume),
                                       cmocka_unit_test(bad_places),
                                       cmocka_unit_test(full_disk),
                                       cmocka_unit_test(not_finite),
                                       cmocka_unit_test(variants),
                                       cmocka_unit_test(fits_terminal),
                                       cmocka_unit_test(says_the_preprocessing),
                                       cmocka_unit_test(tables_fit_100_columns),
                                       cmocka_unit_test(complete_without_terminal)};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
