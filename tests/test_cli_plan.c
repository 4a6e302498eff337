/* Memory: a run needs what vggcl plan predicts, stays within --mem-limit, and trains the same in micro-batches. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "files/safetensors.h"
#include "program.h"

#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Two batches an epoch, the second one shorter. */
#define NETWORK "--data synthetic:36,20 --model vgg11 --width 0.0625 --batch 24"

/* A number of the plan that vggcl plan --json prints for these flags. */
static uint64_t planned(const char *flags, const char *key) {
    assert_int_equal(vggcl("plan --json %s", flags), 0);
    json_t *all = json_loads(output, 0, NULL);
    assert_true(json_is_integer(json_object_get(all, key)));
    uint64_t value = (uint64_t)json_integer_value(json_object_get(all, key));
    json_decref(all);
    return value;
}

static uint64_t number_after(const char *text) {
    const char *at = strstr(output, text);
    assert_non_null(at);
    return strtoull(at + strlen(text), NULL, 10);
}

static const char *const networks[] = {NETWORK,
                                       NETWORK " --no-bn --dropout element",
                                       NETWORK " --conv im2col --gemm clblast",
                                       NETWORK " --conv winograd4 --no-dropout",
                                       NETWORK " --micro-batch 7",
                                       NETWORK " --storage half",
                                       NETWORK " --storage half --conv im2col --gemm clblast",
                                       NETWORK " --precision bf16",
                                       NETWORK " --precision bf16 --matrix plain --conv matrix"};
enum { NETWORKS = sizeof networks / sizeof *networks };

/* Long names too are printed whole. */
static void names_the_algorithm(void **state) {
    (void)state;
    assert_int_equal(vggcl("plan " NETWORK " --conv winograd2-lone-sliced"), 0);
    assert_says("convolutions: winograd2-lone-sliced,");
}

/* The groups make up the peak, which is what train allocates; at the smallest limit too, and one byte less is refused
 * with that limit. */
static void limits(void **state) {
    (void)state;
    for (int i = 0; i < NETWORKS; i++) {
        uint64_t peak = planned(networks[i], "peak_bytes"), sum = 0;
        json_t *all = json_loads(output, 0, NULL), *group;
        size_t k;
        json_array_foreach(json_object_get(all, "groups"), k, group) sum +=
            (uint64_t)json_integer_value(json_object_get(group, "bytes"));
        json_decref(all);
        assert_int_equal(sum, peak);
        assert_int_equal(vggcl("train --steps 3 --save s %s", networks[i]), 0);
        assert_says("as planned");
        assert_int_equal(number_after("MiB ("), peak);

        uint64_t least = planned(networks[i], "least_bytes");
        assert_true(least < peak);
        assert_int_equal(vggcl("train --steps 3 --save s --mem-limit %" PRIu64 " %s", least, networks[i]), 0);
        assert_int_equal(number_after("MiB ("), least);
        assert_says("as planned");
        assert_int_equal(vggcl("train --steps 3 --save s --mem-limit %" PRIu64 " %s", least - 1, networks[i]), 1);
        assert_int_equal(number_after(" is "), least);
        assert_int_equal(vggcl("plan --mem-limit %" PRIu64 " %s", least - 1, networks[i]), 1);
        assert_says("too small");
    }
}

/* With a limit anywhere between the smallest and the whole a run fits. */
static void between(void **state) {
    (void)state;
    uint64_t least = planned(NETWORK, "least_bytes"), most = planned(NETWORK, "peak_bytes"), last = 0;
    for (int i = 0; i <= 16; i++) {
        char flags[256];
        uint64_t limit = least + (most - least) * (uint64_t)i / 16;
        snprintf(flags, sizeof flags, NETWORK " --mem-limit %" PRIu64, limit);
        uint64_t peak = planned(flags, "peak_bytes");
        assert_in_range(peak, least, limit);
        assert_true(planned(flags, "micro_batch") >= last);
        last = planned(flags, "micro_batch");
    }
    assert_int_equal(last, 24);
}

/* The sizes that the project promises, with CIFAR-10 on the device too. */
static void promised(void **state) {
    (void)state;
    setenv("VGGCL_CIFAR10", "nowhere", 1);
    assert_true(planned("--batch 128", "peak_bytes") <= 1200000000);
    assert_true(planned("--batch 512", "peak_bytes") <= 3000000000);
    assert_int_equal(vggcl("plan --batch 512 --mem-limit 1G"), 0);
    assert_says("in 2 micro-batches of up to 256 images");
    assert_true(planned("--batch 65536 --mem-limit 2G", "peak_bytes") <= (uint64_t)2 << 30);
    assert_true(planned("--batch 512 --storage half", "peak_bytes") <= 1100000000);
    assert_true(planned("--eval", "peak_bytes") < 300000000);
    assert_int_equal(vggcl("plan --data nowhere"), 1);
    assert_says("nowhere: No such file or directory; `vggcl fetch`");
}

/* Training for six steps; all losses, and the tensors of the state. */
struct training {
    double losses[6];
    struct safetensors state;
};

static struct training train(const char *flags) {
    struct training t = {{0}, {0}};
    char path[128];
    assert_int_equal(vggcl("train --no-selfcheck --epochs 3 --lr 0.05 --save t --log-steps steps.csv %s", flags), 0);
    assert_int_equal(vggcl("version >/dev/null; tail -n 6 steps.csv"), 0);
    char *line = output;
    for (int i = 0; i < 6; i++, line = strchr(line, '\n') + 1)
        assert_int_equal(sscanf(line, "%*d,%*d,%*f,%lf", &t.losses[i]), 1);
    snprintf(path, sizeof path, "%s/t/last.safetensors", folder);
    assert_int_equal(safetensors_read(path, &t.state), VGGCL_OK);
    return t;
}

/* The largest difference of two trainings' losses, weights and velocities. */
static double difference(const struct training *a, const struct training *b) {
    double largest = 0;
    for (int i = 0; i < 6; i++)
        largest = fmax(largest, fabs(a->losses[i] - b->losses[i]));
    for (size_t i = 0; i < a->state.count; i++) {
        const struct record *r = &a->state.records[i], *other = safetensors_find(&b->state, r->name);
        assert_non_null(other);
        for (size_t k = 0; k < record_count(r); k++)
            largest = fmax(largest, fabs((double)r->values[k] - other->values[k]));
    }
    return largest;
}

/* Without batch normalisation a step is the same except for rounding, and has the same dropout mask. With this seed,
 * rounding does not change the sign of a ReLU's input or the maximum of a pooling window. */
static void same_step(void **state) {
    (void)state;
    static const char *const kinds[] = {"--no-dropout", "--dropout channel", "--dropout element",
                                        "--no-dropout --nesterov --weight-decay 0.01"};
    struct training other = train(NETWORK " --no-bn --no-dropout --seed 1"); /* that would show */
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        char flags[256];
        snprintf(flags, sizeof flags, NETWORK " --no-bn --seed 2 %s", kinds[i]);
        struct training whole = train(flags);
        static const int sizes[] = {12, 7, 1};
        for (int k = 0; k < 3; k++) {
            snprintf(flags, sizeof flags, NETWORK " --no-bn --seed 2 %s --micro-batch %d", kinds[i], sizes[k]);
            struct training parts = train(flags);
            double off = difference(&whole, &parts);
            if (!(off < 1e-5))
                fail_msg("%s: micro-batches of %d are off by %g", kinds[i], sizes[k], off);
            safetensors_free(&parts.state);
        }
        assert_true(difference(&whole, &other) > 1e-3);
        safetensors_free(&whole.state);
    }
    safetensors_free(&other.state);
}

/* Micro-batches are part of a run: resumed it works in the same ones, whatever the limit is then. */
static void resumes(void **state) {
    (void)state;
    char hash[32];
    assert_int_equal(vggcl("train " NETWORK " --epochs 2 --micro-batch 10 --save a"), 0);
    assert_says("in 3 micro-batches of up to 10 images: batch normalisation takes each one's own statistics");
    snprintf(hash, sizeof hash, "%.26s", strstr(output, "\nweights  "));
    assert_int_equal(vggcl("train " NETWORK " --epochs 2 --micro-batch 10 --save b --steps 3"), 0);
    assert_int_equal(vggcl("train --resume b --micro-batch 5"), 2);
    assert_says("micro-batch 5 contradicts");
    assert_int_equal(vggcl("train --resume b --mem-limit 1K"), 1);
    assert_says("in micro-batches of 10 is ");
    assert_int_equal(vggcl("train --resume b --mem-limit 4G"), 0);
    assert_says(hash);
    assert_int_equal(vggcl("train " NETWORK " --epochs 1 --micro-batch 25 --save c"), 2);
    assert_says("larger than batch 24");
}

static void not_finite(void **state) {
    (void)state;
    assert_int_equal(vggcl("train " NETWORK " --lr 1e6 --epochs 3 --micro-batch 9 --save n"), 3);
    assert_says("is not finite; the first output that is not finite is that of ");
    assert_int_equal(vggcl("train --resume n --steps 1"), 0); /* its state is whole */
}

/* Evaluation works in smaller batches, which change nothing. */
static void evaluates(void **state) {
    (void)state;
    assert_int_equal(vggcl("train " NETWORK " --epochs 1 --save e"), 0);
    uint64_t least = planned("--eval " NETWORK, "least_bytes");
    assert_true(least < planned("--eval " NETWORK, "peak_bytes"));
    double losses[2];
    for (int i = 0; i < 2; i++) {
        assert_int_equal(vggcl("eval --json --data synthetic:36,20 --batch 24 --weights e/best.safetensors"
                               " --mem-limit %" PRIu64,
                               i ? least : 0),
                         0);
        json_t *all = json_loads(output, 0, NULL);
        losses[i] = json_real_value(json_object_get(all, "loss"));
        json_decref(all);
    }
    assert_true(fabs(losses[0] - losses[1]) < 1e-5);
    assert_int_equal(
        vggcl("eval --data synthetic:36,20 --batch 24 --weights e/best.safetensors --mem-limit %" PRIu64, least - 1),
        1);
    assert_int_equal(number_after("batch is "), least);
}

static void sizes(void **state) {
    (void)state;
    static const char *const texts[][2] = {{"0", "0"},
                                           {"1", "1"},
                                           {"1023", "1023"},
                                           {"1024", "1K"},
                                           {"512M", "512M"},
                                           {"1.5G", "1536M"},
                                           {"1610612737", "1610612737"},
                                           {"0.5K", "512"}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct vggcl_config config;
        char text[32];
        vggcl_config_init(&config);
        assert_int_equal(vggcl_config_set(&config, "mem-limit", texts[i][0]), VGGCL_OK);
        vggcl_config_get(&config, "mem-limit", text, sizeof text);
        assert_string_equal(text, texts[i][1]);
    }
    static const char *const wrong[] = {"", "G", "3T", "3 G", "-1M", "nan", "inf", "2GB", "1e300G"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct vggcl_config config;
        vggcl_config_init(&config);
        assert_int_equal(vggcl_config_set(&config, "mem-limit", wrong[i]), VGGCL_EUSAGE);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(names_the_algorithm),
                                       cmocka_unit_test(limits),
                                       cmocka_unit_test(between),
                                       cmocka_unit_test(promised),
                                       cmocka_unit_test(same_step),
                                       cmocka_unit_test(resumes),
                                       cmocka_unit_test(not_finite),
                                       cmocka_unit_test(evaluates),
                                       cmocka_unit_test(sizes)};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
