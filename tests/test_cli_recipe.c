/* vggcl train with all options of recipes: repeated, resumed, tested on held-out images and with test-time
 * augmentation. */
#include "program.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NETWORK "--data synthetic:96,32 --width 0.0625 --batch 16 --epochs 2 --lr 0.02 --warmup 0.5 --no-selfcheck "
#define RECIPE  "train --recipe fast --ema 0.9 --tta " NETWORK

static void same_file(const char *a, const char *b) {
    char command[256];
    snprintf(command, sizeof command, "cd %s && cmp %s %s", folder, a, b);
    assert_int_equal(system(command), 0);
}

/* Bit for bit, the averages too: those are what is tested and saved. */
static void goes_on_where_it_was(void **state) {
    (void)state;
    assert_int_equal(vggcl(RECIPE "--save whole"), 0);
    assert_says("recipe   fast: batch 16, lr 0.02 after 0.5 epochs of warm-up, linear to 0, Nesterov momentum 0.9");
    assert_says("flipped, cropped by up to 4 pixels, cut out 8x8; test-time augmentation: horizontal flip");
    assert_int_equal(vggcl(RECIPE "--steps 3 --save parts"), 0);
    assert_int_equal(vggcl("train --resume parts --no-selfcheck --steps 8"), 0);
    assert_int_equal(vggcl("train --resume parts --no-selfcheck"), 0);
    same_file("whole/best.safetensors", "parts/best.safetensors");
    same_file("whole/config.json", "parts/config.json");
    assert_fails(2, "ema 0.5 contradicts", "train --resume parts --ema 0.5");
}

static void averages_are_what_is_tested(void **state) {
    (void)state;
    assert_int_equal(vggcl(RECIPE "--save averaged"), 0);
    char hash[32];
    snprintf(hash, sizeof hash, "%s", weights_hash());
    assert_int_equal(vggcl(RECIPE "--ema 0 --save plain"), 0);
    assert_string_equal(weights_hash(), hash); /* training itself does not know of them */
    char command[512];
    snprintf(command, sizeof command, "cd %s && cmp -s averaged/best.safetensors plain/best.safetensors", folder);
    assert_int_not_equal(system(command), 0);
    static const char *const saves[] = {"averaged", "plain"};
    for (int k = 0; k < 2; k++) { /* what eval says of a file, train said when it saved it */
        char loss[16] = "";
        assert_int_equal(vggcl("eval --tta --data synthetic:96,32 --batch 16 --weights %s/best.safetensors", saves[k]),
                         0);
        assert_int_equal(sscanf(strstr(output, "test loss "), "test loss %15[0-9.]", loss), 1);
        snprintf(command, sizeof command, "cd %s && grep -q ,%s, %s/accuracy.csv", folder, loss, saves[k]);
        assert_int_equal(system(command), 0);
    }
}

static void repeats_by_its_configuration(void **state) {
    (void)state;
    assert_int_equal(vggcl(RECIPE "--save first"), 0);
    char hash[32];
    snprintf(hash, sizeof hash, "%s", weights_hash());
    assert_int_equal(vggcl("train --config first/config.json --no-selfcheck --save second"), 0);
    assert_string_equal(weights_hash(), hash);
    same_file("first/best.safetensors", "second/best.safetensors");
    assert_int_equal(vggcl("train --config first/config.json --print-config"), 0);
    assert_says("\"warmup\": 0.5,");
    assert_int_equal(vggcl("train --config first/config.json --warmup 0 --print-config"), 0);
    assert_says("\"warmup\": 0,");
    assert_fails(1, "/nonexistent", "train --config /nonexistent");
}

/* Also where a run goes on that has saved no step yet, whose weights are drawn again. */
static void starts_near_the_identity(void **state) {
    (void)state;
#define LONG RECIPE "--data synthetic:9600,32 --init identity " /* 600 steps an epoch */
    assert_int_equal(vggcl(LONG "--steps 2 --save near"), 0);
    assert_says(", from near the identity, seed 0");
    char hash[32];
    snprintf(hash, sizeof hash, "%s", weights_hash());
    assert_int_equal(vggcl(LONG "--init he --steps 2 --save far"), 0);
    assert_string_not_equal(weights_hash(), hash);
    assert_int_equal(vggcl("version; cd %s && %s " LONG "--save begun & run=$!; "
                           "until test -e %s/begun/last.safetensors; do sleep 0.01; done; kill -KILL $run",
                           folder, VGGCL_PROGRAM, folder),
                     0);
    assert_int_equal(vggcl("train --resume begun --no-selfcheck --steps 2"), 0);
    assert_says("after step 0");
    assert_string_equal(weights_hash(), hash);
#undef LONG
}

/* Nesterov's momentum is not the usual one, in micro-batches either; and a run of those goes on where it was. */
static void nesterov_in_parts(void **state) {
    (void)state;
    assert_int_equal(vggcl(RECIPE "--micro-batch 8 --save n"), 0);
    assert_says("in 2 micro-batches of up to 8 images");
    char hash[32];
    snprintf(hash, sizeof hash, "%s", weights_hash());
    assert_int_equal(vggcl(RECIPE "--micro-batch 8 --steps 5 --save stopped"), 0);
    assert_int_equal(vggcl("train --resume stopped --no-selfcheck"), 0);
    assert_string_equal(weights_hash(), hash);
    assert_int_equal(vggcl(RECIPE "--micro-batch 8 --nesterov=no --save usual"), 0);
    assert_string_not_equal(weights_hash(), hash);
}

static void holds_images_out(void **state) {
    (void)state;
    assert_int_equal(vggcl("train " NETWORK "--validate 20 --save held-out"), 0);
    assert_says("(76 training, 20 held-out training images)");
    assert_int_equal(vggcl("eval --validate 20 --data synthetic:96,32 --weights held-out/best.safetensors"), 0);
    assert_says("of 20)");
    assert_fails(2, "leaves none of 96 training images", "train " NETWORK "--validate 96");
    assert_int_equal(vggcl("plan "
                           "--data synthetic:96,32 --width 0.0625 --validate 20 --ema 0.9"),
                     0);
    assert_says("averaged weights");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(goes_on_where_it_was),
                                       cmocka_unit_test(averages_are_what_is_tested),
                                       cmocka_unit_test(repeats_by_its_configuration),
                                       cmocka_unit_test(starts_near_the_identity),
                                       cmocka_unit_test(nesterov_in_parts),
                                       cmocka_unit_test(holds_images_out)};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
