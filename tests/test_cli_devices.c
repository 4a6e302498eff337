/* Several devices train as one device does in micro-batches: on sub-devices of PoCL's device, and on PoCL together with
 * rusticl, if that is installed. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "data/data.h"
#include "files/safetensors.h"
#include "program.h"
#include "options/options.h"
#include "train/team.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PLAIN  "--model vgg11 --width 0.0625 --batch 24 --profile none"
#define RUN    "train --data synthetic:72,20 --epochs 2 --no-selfcheck " PLAIN
#define HALVES "--device portable/2"

static void trains(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void trains(const char *format, ...) {
    char flags[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(flags, sizeof flags, format, arguments);
    va_end(arguments);
    if (vggcl(RUN " %s", flags) != 0)
        fail_msg("%s: %s", flags, output);
    assert_says("as planned");
}

/* Weights, statistics and losses are those of one device, bit for bit, where that works in the parts of the batch as
 * micro-batches. (winograd4-fused, which "auto" may be, adds up in an order that is by the device's compute units.) */
static void same_bits(void **state) {
    (void)state;
    static const char *const cases[][3] = {
        {"--conv winograd4", HALVES, "--micro-batch 12"},
        {"--conv im2col --dropout element", HALVES, "--micro-batch 12"},
        {"--conv im2col --no-bn --no-dropout", "--device portable/4", "--micro-batch 6"},
        {"--conv winograd4 --storage half", "--device portable/3", "--micro-batch 8"},
        {"--conv im2col --gemm clblast", HALVES " --device-split 12:12", "--micro-batch 12"},
        {"--conv winograd4", HALVES " --micro-batch 4", "--micro-batch 4"},
        {"--conv winograd4 --recipe fast", HALVES, "--micro-batch 12"},
        {"--conv im2col --optimizer adamw --lr 0.001", HALVES, "--micro-batch 12"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char hash[17];
        trains("%s %s --save several --log-steps several.csv", cases[i][0], cases[i][1]);
        strcpy(hash, weights_hash());
        trains("%s %s --save one --log-steps one.csv", cases[i][0], cases[i][2]);
        if (strcmp(hash, weights_hash()) != 0)
            fail_msg("%s: %s and %s end in different weights", cases[i][0], cases[i][1], cases[i][2]);
        assert_int_equal(vggcl("version; cmp one.csv several.csv"), 0);
    }
    trains("--conv winograd4 --save whole"); /* which would show */
    char whole[17];
    strcpy(whole, weights_hash());
    trains("--conv winograd4 --save parts " HALVES);
    assert_string_not_equal(whole, weights_hash());
    assert_says("MiB (");
}

/* Largest relative difference of the steps' losses that two runs logged. */
static double losses_apart(void) {
    double largest = 0, a, b;
    assert_int_equal(vggcl("version >/dev/null; paste -d, one.csv several.csv | tail -n +2"), 0);
    const char *line = output;
    int count = 0;
    for (; sscanf(line, "%*d,%*d,%*f,%lf,%*d,%*d,%*f,%lf", &a, &b) == 2; line = strchr(line, '\n') + 1, count++)
        largest = fmax(largest, fabs(a - b) / a);
    assert_int_equal(count, 6);
    return largest;
}

/* Where only the order of sums differs: within the tolerance of tests/parity.py, at its learning rate. */
static void within_tolerance(void **state) {
    (void)state;
    trains(HALVES " --lr 1e-4 --save several --log-steps several.csv");
    trains("--lr 1e-4 --micro-batch 12 --save one --log-steps one.csv");
    assert_true(losses_apart() < 1e-3);
}

/* PoCL's driver and Mesa's rusticl in one run. They round differently, so that the weights would drift apart if both
 * moved them. */
static void two_drivers(void **state) {
    (void)state;
    static const char rusticl[] = "/etc/OpenCL/vendors/rusticl.icd";
    char both[128];
    if (access(rusticl, R_OK) != 0) {
        print_message("%s is not there: left out\n", rusticl);
        skip();
    }
    const char *vendors = getenv("OCL_ICD_VENDORS");
    char *kept = vendors ? strdup(vendors) : NULL;
    assert_int_equal(
        vggcl("version; mkdir -p vendors && cp %s/pocl.icd %s vendors", kept ? kept : "/etc/OpenCL/vendors", rusticl),
        0);
    snprintf(both, sizeof both, "%s/vendors", folder);
    setenv("OCL_ICD_VENDORS", both, 1);
    setenv("RUSTICL_ENABLE", "llvmpipe", 1);
    trains("--device portable --device llvmpipe --device-split 2:1 --lr 1e-4 --save several --log-steps several.csv");
    assert_says("device   2 of 2, for 8 of a batch's 24 images: llvmpipe");
    trains("--device llvmpipe,portable --device-split 1:2 --lr 1e-4 --save s2 --log-steps one.csv");
    trains("--device llvmpipe --device portable/2 --lr 1e-4 --save several --log-steps several.csv");
    trains("--device portable --micro-batch 8 --lr 1e-4 --save one --log-steps one.csv");
    unsetenv("RUSTICL_ENABLE");
    if (kept)
        setenv("OCL_ICD_VENDORS", kept, 1);
    else
        unsetenv("OCL_ICD_VENDORS");
    free(kept);
    assert_true(losses_apart() < 1e-3);
}

/* A run goes on on the devices, and with the split, that it had; or on others. */
static void resumes(void **state) {
    (void)state;
    char hash[17];
    trains("--conv winograd4 " HALVES " --save a");
    strcpy(hash, weights_hash());
    trains("--conv winograd4 " HALVES " --save b --steps 2");
    assert_int_equal(vggcl("version; cp -r b c; cp -r b d"), 0);
    assert_int_equal(vggcl("train --resume b"), 0);
    assert_says("device   2 of 2");
    assert_string_equal(hash, weights_hash());
    assert_int_equal(vggcl("train --resume c --device portable"), 0); /* one device, by its micro-batches of 12 */
    assert_says("in 2 micro-batches of up to 12 images");
    assert_string_equal(hash, weights_hash());
    assert_int_equal(vggcl("train --resume d --device portable/3"), 0);
    assert_says("device   3 of 3, for 8 of");

    trains(HALVES " --device-split 3:1 --save a");
    strcpy(hash, weights_hash());
    trains(HALVES " --device-split 3:1 --save b --steps 4");
    assert_int_equal(vggcl("version; rm -r c; cp -r b c"), 0);
    assert_int_equal(vggcl("train --resume b"), 0);
    assert_says("device   1 of 2, for 18 of");
    assert_string_equal(hash, weights_hash());
    assert_int_equal(vggcl("train --resume c --device portable/3"), 0); /* a split for two devices is none for three */
    assert_says("device   1 of 3, for 8 of");
}

/* What was measured is part of the run. */
static void by_speed(void **state) {
    (void)state;
    char hash[17], stored[64], path[128];
    int first, second, parts[2];
    trains(HALVES " --device-split auto --save a");
    assert_says("split    ");
    assert_int_equal(sscanf(strstr(output, "split    "), "split    %d, %d of a batch's 24 images", &first, &second), 2);
    assert_true(first > 0 && second > 0);
    assert_int_equal(first + second, 24);
    strcpy(hash, weights_hash());
    struct safetensors file = {0};
    snprintf(path, sizeof path, "%s/a/last.safetensors", folder);
    assert_int_equal(safetensors_read(path, &file), VGGCL_OK);
    snprintf(stored, sizeof stored, "%s", safetensors_metadata(&file, "device-split"));
    safetensors_free(&file);
    assert_int_equal(sscanf(stored, "%d:%d", &parts[0], &parts[1]), 2);
    assert_true(parts[0] == first && parts[1] == second);
    trains(HALVES " --device-split %s --save b --steps 1", stored);
    assert_int_equal(vggcl("train --resume b"), 0);
    assert_string_equal(hash, weights_hash());
}

/* A last batch that is too short for all, of one image even; and limits, which hold for each device. */
static void short_batches(void **state) {
    (void)state;
    static const int sizes[] = {10, 25, 47, 61};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(
            vggcl("train --data synthetic:%d,20 --epochs 2 " PLAIN " --no-bn " HALVES " --save s", sizes[i]), 0);
        assert_says("as planned");
    }
    assert_int_equal(vggcl("plan --json --data synthetic:72,20 " HALVES " " PLAIN), 0);
    json_t *all = json_loads(output, 0, NULL), *devices = json_object_get(all, "devices"), *d;
    json_int_t peak = 0, least = 0;
    size_t k;
    assert_int_equal(json_array_size(devices), 2);
    json_array_foreach(devices, k, d) {
        assert_int_equal(json_integer_value(json_object_get(d, "images")), 12);
        peak += json_integer_value(json_object_get(d, "peak_bytes"));
        json_int_t own = json_integer_value(json_object_get(d, "least_bytes"));
        least = own > least ? own : least;
    }
    json_decref(all);
    trains(HALVES " --save s");
    assert_int_equal(strtoll(strstr(output, "MiB (") + 5, NULL, 10), peak);
    trains(HALVES " --save s --mem-limit %" JSON_INTEGER_FORMAT, least);
    assert_int_equal(vggcl("train --resume s --epochs 3"), 0);
    assert_fails(1, "too small", RUN " " HALVES " --save s --mem-limit %" JSON_INTEGER_FORMAT, least - 1);
}

static void wrong(void **state) {
    (void)state;
    assert_fails(2, "device 1 of 2 (", RUN " " HALVES " --device-split 1:100");
    static const char *const splits[] = {"3",   "3:1:2", "3:",   ":",    "3:0",    "3:-1",
                                         "a:b", "1,2",   "1:2x", "1: 2", "1:70000"};
    for (size_t i = 0; i < sizeof splits / sizeof *splits; i++)
        assert_fails(2, "for each of the 2 devices", RUN " " HALVES " --device-split '%s'", splits[i]);
    assert_fails(2, "named already", RUN " --device portable --device 0");
    assert_fails(2, "named already", RUN " --device portable/2,portable");
    assert_fails(6, "no such OpenCL device; there are", RUN " --device portable --device fastest");
    assert_fails(2, "named already", RUN " --device portable,"); /* nothing behind the comma: the default */
    assert_fails(6, "too few for 5 parts", RUN " --device portable/5");
    assert_fails(2, "names more than one device", "bench " HALVES);
    assert_fails(2, "names more than one device", "plan --eval " HALVES " " PLAIN);
    assert_fails(2, "give plan the shares as numbers", "plan --device-split auto " HALVES " " PLAIN);
    assert_fails(3, "is not finite; the first output that is not finite is that of ",
                 RUN " --lr 1e6 --epochs 3 --save n " HALVES);
    assert_int_equal(vggcl("train --resume n --steps 1"), 0);
}

/* ---------------------------------------------------------------------------------------------- inside the team -- */

static void ok(enum vggcl_err err) {
    if (err != VGGCL_OK)
        fail_msg("%s", vggcl_error());
}

static void set(struct vggcl_config *config, const char *name, const char *value) {
    ok(vggcl_config_set(config, name, value));
}

/* The weights of the lead's first convolution, the caller's to free. */
static float *first_weights(const struct team *t) {
    const struct parameter *p = net_parameter(team_net(t), 0);
    float *values = malloc(parameter_count(p) * sizeof *values);
    assert_non_null(values);
    ok(parameter_read(t->members[0].dev, p, p->value, values));
    return values;
}

/* Sets the first word of a member's first weights. */
static void overwrite(const struct member *m, uint32_t word) {
    ok(dev_fill(m->dev, net_parameter(m->net, 0)->value, 0, 1, word));
}

/* A copy that is not right is seen; and a loss that is not finite on one device stops all. */
static void faults(void **state) {
    (void)state;
    static struct team team;
    static struct vggcl_config config;
    struct data data = {0};
    struct part parts[2] = {{0}};
    size_t part_count;
    uint64_t before, after;
    const struct step step = {.images = 8,
                              .hyperparameters = {.lr = 0.01, .number = 1, .momentum = 0.9, .weight_decay = 5e-4}};
    vggcl_config_init(&config);
    set(&config, "device", "portable/2");
    set(&config, "model", "vgg11");
    set(&config, "width", "0.0625");
    set(&config, "batch", "8");
    set(&config, "profile", "none");
    set(&config, "no-selfcheck", NULL);
    ok(data_open(&(struct data_source){.name = "synthetic:16,10"}, &data));
    ok(team_open(&team, &config, &data.spec));
    ok(team_tune(&team, NULL));
    ok(team_plan(&team, data.train.count, data.test.count, &config));
    ok(team_take_memory(&team, &data));
    ok(net_start(team_net(&team), 0));
    ok(team_share_weights(&team));
    ok(team_upload(&team, &data, &data.train, &normalisation_half));
    ok(team_hash(&team, &before));

    ok(team_step(&team, &step, parts, &part_count));
    assert_int_equal(part_count, 2);
    for (int i = 0; i < 2; i++)
        ok(fence_wait(&parts[i].fence));
    ok(team_hash(&team, &after));
    assert_true(after != before);

    overwrite(&team.members[1], 0x3f800000);
    assert_int_equal(team_hash(&team, &after), VGGCL_EWRONG);
    assert_non_null(strstr(vggcl_error(), "device 2 of 2 ("));
    overwrite(&team.members[1], 0x7fc00000);
    assert_int_equal(team_hash(&team, &after), VGGCL_EWRONG);

    ok(team_share_weights(&team));
    float *weights = first_weights(&team);
    overwrite(&team.members[1], 0x7fc00000); /* not a number */
    ok(team_step(&team, &step, parts, &part_count));
    for (int i = 0; i < 2; i++)
        ok(fence_wait(&parts[i].fence));
    assert_true(isfinite(parts[0].total[0]) && !isfinite(parts[1].total[0]));
    ok(team_hash(&team, &after));
    float *now = first_weights(&team);
    assert_memory_equal(now, weights, parameter_count(net_parameter(team_net(&team), 0)) * sizeof *now);
    free(weights);
    free(now);
    team_free(&team);
    data_free(&data);
}

int main(void) {
    setenv("POCL_MAX_PTHREAD_COUNT", "4", 1); /* compute units, on any machine */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_bits), cmocka_unit_test(within_tolerance), cmocka_unit_test(two_drivers),
        cmocka_unit_test(resumes),   cmocka_unit_test(by_speed),         cmocka_unit_test(short_batches),
        cmocka_unit_test(wrong),     cmocka_unit_test(faults),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
