/* vggcl train --optimizer: tests of every optimiser in the table, and tests specific to AdamW. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ops/optimisers/optimiser.h"
#include "program.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define NETWORK "--data synthetic:96,32 --model vgg11 --width 0.0625 --batch 16 "
#define RUN     "train --no-selfcheck --epochs 2 --lr 0.002 " NETWORK

static void shell(const char *command) {
    char in_folder[512];
    snprintf(in_folder, sizeof in_folder, "cd %s && %s", folder, command);
    if (system(in_folder) != 0)
        fail_msg("%s", command);
}

/* Bit for bit, within an epoch, in micro-batches and with averages too; each optimiser ends in weights of its own. */
static void goes_on_where_it_was(void **state) {
    (void)state;
    static const char *const ways[] = {"", "--micro-batch 6 --ema 0.9"};
    char last[32] = "";
    for (size_t i = 0; i < 2; i++)
        for (int k = 0; optimisers[k]; k++) {
            char hash[32];
            assert_int_equal(vggcl(RUN "--optimizer %s %s --save whole", optimisers[k]->name, ways[i]), 0);
            snprintf(hash, sizeof hash, "%s", weights_hash());
            assert_string_not_equal(hash, last);
            strcpy(last, hash);
            assert_int_equal(vggcl(RUN "--optimizer %s %s --save parts --steps 3", optimisers[k]->name, ways[i]), 0);
            assert_int_equal(vggcl("train --resume parts --no-selfcheck"), 0);
            assert_string_equal(weights_hash(), hash);
            shell("cmp whole/best.safetensors parts/best.safetensors");
            for (int other = 0; optimisers[other]; other++)
                if (other != k)
                    assert_fails(2, "contradicts the run in", "train --resume parts --optimizer %s",
                                 optimisers[other]->name);
            shell("rm -r whole parts");
        }
}

/* The number that follows text in the output. */
static double number_after(const char *text) {
    const char *at = strstr(output, text);
    if (!at)
        fail_msg("no '%s' in: %s", text, output);
    return strtod(at + strlen(text), NULL);
}

/* The plan, the check and the state name what the table says. */
static void says_what_it_has(void **state) {
    (void)state;
    for (int k = 0; optimisers[k]; k++) {
        const struct optimiser *o = optimisers[k];
        char text[64];
        assert_int_equal(vggcl("plan --optimizer %s " NETWORK, o->name), 0);
        double weights = number_after("\nweights ");
        snprintf(text, sizeof text, "\n%s ", o->memory);
        assert_true(number_after(text) == o->state_count * weights);
        assert_int_equal(vggcl("selfcheck --quick --optimizer %s --model vgg11 --width 0.0625 --batch 2", o->name), 0);
        for (int other = 0; optimisers[other]; other++) {
            snprintf(text, sizeof text, "optimiser %s ", optimisers[other]->name);
            assert_true((strstr(output, text) != NULL) == (other == k));
        }
        assert_int_equal(vggcl("train " NETWORK "--optimizer %s --epochs 1 --save s", o->name), 0);
        assert_says("as planned");
        for (int i = 0; i < o->state_count; i++) {
            char command[128];
            snprintf(command, sizeof command, "grep -q '\"%s.conv1_1.weight\"' s/last.safetensors", o->states[i]);
            shell(command);
        }
    }
}

/* An optimiser's own options are refused with every other one, also by a resumed run; a recipe's are not the user's. */
static void has_options_of_its_own(void **state) {
    (void)state;
    for (int k = 0; optimisers[k]; k++)
        for (int i = 0; optimisers[k]->options[i]; i++)
            for (int other = 0; optimisers[other]; other++) {
                char text[64];
                snprintf(text, sizeof text, "%s: is an option of the optimizer %s", optimisers[k]->options[i],
                         optimisers[k]->name);
                if (other != k)
                    assert_fails(2, text, RUN "--optimizer %s --%s=%s", optimisers[other]->name,
                                 optimisers[k]->options[i],
                                 strcmp(optimisers[k]->options[i], "nesterov") ? "0.5" : "yes");
            }
    assert_int_equal(vggcl(RUN "--optimizer adamw --beta1 0.8 --beta2 0.99 --eps 1e-6 --save own"), 0);
    assert_says("AdamW with beta1 0.8, beta2 0.99, eps 1e-06, weight decay 0.0005");
    assert_fails(2, "nesterov: is an option of the optimizer sgd", "train --resume own --nesterov");
    assert_fails(2, "beta1 0.9 contradicts", "train --resume own --beta1 0.9");
    assert_int_equal(vggcl("train --config own/config.json --no-selfcheck --save again"), 0);
    shell("cmp own/best.safetensors again/best.safetensors");
    assert_int_equal(vggcl(RUN "--recipe fast --optimizer adamw --epochs 1 --save fast"), 0);
}

/* The losses on the device are those in double precision, where training is long enough for the moments to count. */
static void learns_as_the_twin(void **state) {
    (void)state;
    for (int k = 0; optimisers[k]; k++)
        for (int no_bn = 0; no_bn < 2; no_bn++) {
            enum { STEPS = 8 };
            struct vggcl_config config;
            struct vggcl_loss losses[STEPS];
            assert_int_equal(vggcl_config_init(&config), VGGCL_OK);
            assert_int_equal(vggcl_config_set(&config, "optimizer", optimisers[k]->name), VGGCL_OK);
            assert_int_equal(vggcl_config_set(&config, "model", "vgg11"), VGGCL_OK);
            assert_int_equal(vggcl_config_set(&config, "width", "0.0625"), VGGCL_OK);
            assert_int_equal(vggcl_config_set(&config, "batch", "8"), VGGCL_OK);
            assert_int_equal(vggcl_config_set(&config, "profile", "none"), VGGCL_OK);
            assert_int_equal(vggcl_config_set(&config, "no-bn", no_bn ? "yes" : "no"), VGGCL_OK);
            if (vggcl_first_losses(&config, STEPS, losses) != VGGCL_OK)
                fail_msg("%s", vggcl_error());
            for (int i = 0; i < STEPS; i++)
                if (!(fabs(losses[i].device - losses[i].reference) <= losses[i].tolerance))
                    fail_msg("%s, step %d: the loss is %.9g, not %.9g +- %.1e", optimisers[k]->name, i,
                             losses[i].device, losses[i].reference, losses[i].tolerance);
            assert_true(losses[STEPS - 1].tolerance < 0.05 * losses[0].reference);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(goes_on_where_it_was), cmocka_unit_test(says_what_it_has),
                                       cmocka_unit_test(has_options_of_its_own), cmocka_unit_test(learns_as_the_twin)};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
