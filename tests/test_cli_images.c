/* The program with the data set on the device and on the host, from where batches are uploaded: the same bits, in the
 * memory that is planned for each. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "idx.h"
#include "program.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NETWORK "--model vgg11 --width 0.0625 --batch 32 --profile none"
/* 7 steps an epoch, the last one shorter. */
#define PLAN NETWORK " --data synthetic:200,50"
#define RUN  PLAN " --no-selfcheck --crop 4 --cutout 8 --seed 3 --epochs 2"

/* Images of an odd number of bytes, the last batch of test images shorter too. */
enum { TRAIN = 150, TEST = 45, SIDE = 9, CLASSES = 5 };

static uint8_t label_of(int i) {
    return (uint8_t)(i % CLASSES);
}

static uint8_t pixel_of(int i, int y, int x) {
    unsigned noise = ((unsigned)i * SIDE * SIDE + (unsigned)(y * SIDE + x)) * 2654435761u >> 27;
    return (uint8_t)((unsigned)((y + i) / (1 + label_of(i)) % 2) * 200 + noise);
}

static int make_set(void **state) {
    if (make_folder(state) || vggcl("version; mkdir set") != 0)
        return -1;
    idx_write_part("set", "train", TRAIN, SIDE, SIDE, pixel_of, label_of);
    idx_write_part("set", "t10k", TEST, SIDE, SIDE, pixel_of, label_of);
    return 0;
}

/* The plan of `vggcl plan --json flags`; free it with json_decref(). */
static json_t *plan_of(const char *flags) {
    assert_int_equal(vggcl("plan --json %s", flags), 0);
    json_t *plan = json_loads(output, 0, NULL);
    assert_non_null(plan);
    return plan;
}

static uint64_t planned(const char *flags, const char *key) {
    json_t *plan = plan_of(flags);
    uint64_t value = (uint64_t)json_integer_value(json_object_get(plan, key));
    json_decref(plan);
    return value;
}

static bool planned_on_host(const char *flags) {
    json_t *plan = plan_of(flags);
    const char *where = json_string_value(json_object_get(plan, "images_on"));
    bool host = strcmp(where, "host") == 0;
    assert_true(host || strcmp(where, "device") == 0);
    json_decref(plan);
    return host;
}

/* Trains with the images on the device and on the host: equal weights after the last step, equal accuracy records but
 * for times, equal states. */
static void trains_alike(const char *flags) {
    char hash[17];
    assert_int_equal(vggcl("train %s --images device --save device", flags), 0);
    assert_says("as planned");
    assert_null(strstr(output, "stay on the host"));
    strcpy(hash, weights_hash());
    assert_int_equal(vggcl("train %s --images host --save host", flags), 0);
    assert_says("as planned");
    assert_says("the images stay on the host");
    assert_string_equal(weights_hash(), hash);
    assert_int_equal(vggcl("version; for d in device host; do cut -d, -f1-6,9 $d/accuracy.csv > $d.csv; done;"
                           "test -s host.csv && cmp host.csv device.csv && rm -r device host"),
                     0);
}

static void same_bits(void **state) {
    (void)state;
    trains_alike(RUN);
    trains_alike(RUN " --micro-batch 7 --tta --ema 0.9");
    trains_alike(RUN " --no-shuffle --drop-last --storage half --limit 150 --validate 20");
    trains_alike(NETWORK " --data set --no-selfcheck --epochs 2 --lr 0.05");
    trains_alike(RUN " --color-jitter 0.4 --resized-crop 0.5");
    trains_alike(RUN " --mixup 1 --cutmix 1 --color-jitter 0.2 --micro-batch 7 --class-weights balanced");
    trains_alike(NETWORK " --data set --no-selfcheck --epochs 2 --mixup 0.4 --resized-crop 0.5 --device 0:0/2");
    trains_alike(RUN " --device 0:0/2");
    trains_alike(RUN " --device 0:0/2 --device-split 3:1 --micro-batch 6");
}

/* A run continues on the other side in mid-epoch, where the first one was stopped. */
static void resumes(void **state) {
    (void)state;
    static const char *const sides[2] = {"device", "host"};
    char whole[17];
    assert_int_equal(vggcl("train " RUN " --save whole"), 0);
    strcpy(whole, weights_hash());
    for (int i = 0; i < 2; i++) {
        assert_int_equal(vggcl("train " RUN " --images %s --steps 10 --save r%d", sides[i], i), 0);
        assert_int_equal(vggcl("train --resume r%d --images %s", i, sides[!i]), 0);
        assert_string_equal(weights_hash(), whole);
        assert_true((strstr(output, "the images stay on the host") != NULL) == (i == 0));
    }
    assert_int_equal(vggcl("train " RUN " --images host --checkpoint-every 2 --steps 5 --save h"), 0);
    assert_int_equal(vggcl("train --resume h --images host"), 0);
    assert_string_equal(weights_hash(), whole);
}

static void evaluates(void **state) {
    (void)state;
    assert_int_equal(vggcl("train " NETWORK " --data set --no-selfcheck --epochs 1 --save e"), 0);
    static const char *const flags[] = {"", "--tta", "--batch 7 --limit 31"};
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        assert_int_equal(vggcl("version; V='%s eval --data set --weights e/best.safetensors --profile none %s';"
                               "for d in device host; do $V --images $d --predictions $d.csv --json | grep -vE "
                               "'second|per_s' >$d.json; done;"
                               "test -s host.json && cmp host.csv device.csv && cmp host.json device.json",
                               VGGCL_PROGRAM, flags[i]),
                         0);
}

/* A plan has staging buffers instead of the data set, and is what train and eval allocate. */
static void plans(void **state) {
    (void)state;
    uint64_t device = planned(PLAN " --images device", "peak_bytes"),
             host = planned(PLAN " --images host", "peak_bytes");
    assert_true(host < device);
    assert_int_equal(vggcl("plan " PLAN " --images host"), 0);
    assert_says("staging buffers of the data set");
    assert_int_equal(vggcl("train " RUN " --images host --steps 2 --save p"), 0);
    char peak[64];
    snprintf(peak, sizeof peak, "(%" PRIu64 " bytes) at the peak", host);
    assert_says(peak);
    assert_true(planned(PLAN " --images host --cutmix 1", "peak_bytes") > host); /* for the partners */
    /* However many images there are. */
    assert_int_equal(planned(NETWORK " --images host --data synthetic:1000000,100000", "peak_bytes"),
                     planned(NETWORK " --images host --data synthetic:100000,10000", "peak_bytes"));
    assert_fails(2, "images: takes one of auto, device, host", "plan --images somewhere");
}

/* By itself the data set goes to the host where the device, or --mem-limit, has no room for it. */
static void chooses(void **state) {
    (void)state;
    char flags[512];
    uint64_t device = planned(PLAN " --images device", "peak_bytes");
    assert_false(planned_on_host(PLAN));
    snprintf(flags, sizeof flags, PLAN " --mem-limit %" PRIu64, device);
    assert_false(planned_on_host(flags));
    snprintf(flags, sizeof flags, PLAN " --mem-limit %" PRIu64, device - 1);
    assert_true(planned_on_host(flags));
    assert_int_equal(planned(flags, "micro_batch"), 32);
    assert_int_equal(vggcl("train %s --no-selfcheck --steps 2 --save c", flags), 0);
    assert_says("as planned");
    assert_says("the images stay on the host");
    uint64_t least = planned(PLAN " --images device", "least_bytes");
    assert_true(planned(PLAN, "least_bytes") < least);
    assert_fails(1, "too small", "plan " PLAN " --images device --mem-limit %" PRIu64, least - 1);
    /* A device with 1 GiB, which PoCL can pretend, for 2.9 GB of images. */
    setenv("POCL_MEMORY_LIMIT", "1", 1);
    assert_int_equal(vggcl("devices --json"), 0);
    json_t *all = json_loads(output, 0, NULL);
    uint64_t memory = (uint64_t)json_integer_value(
        json_object_get(json_array_get(json_object_get(all, "devices"), 0), "memory_bytes"));
    json_decref(all);
    if (memory > 0 && memory < (uint64_t)2 << 30)
        assert_true(planned_on_host(NETWORK " --data synthetic:1000000,1000"));
    unsetenv("POCL_MEMORY_LIMIT");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(same_bits), cmocka_unit_test(resumes),
                                       cmocka_unit_test(evaluates), cmocka_unit_test(plans), cmocka_unit_test(chooses)};
    return cmocka_run_group_tests(tests, make_set, remove_folder);
}
