/* Which known words a mistyped word means. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/nearest.h"

static const char *const names[] = {"epochs",        "lr",       "lr-step", "lr-gamma", "batch", "weight-decay",
                                    "no-bias-decay", "nesterov", "model",   "beta1",    "beta2", "save",
                                    "save-every",    NULL};

static void asks(void **state) {
    (void)state;
    static const char *const rows[][2] = {
        {"epoch", "; did you mean epochs?"},      /* an insertion */
        {"epochss", "; did you mean epochs?"},    /* a deletion */
        {"modle", "; did you mean model?"},       /* a swap of neighbours counts once */
        {"nesterob", "; did you mean nesterov?"}, /* a replacement */
        {"Weight_Decay", "; did you mean weight-decay?"},
        {"beta", "; did you mean beta1 or beta2?"},
        {"lr-", "; did you mean lr?"}, /* few edits come before beginnings */
        {"save-", "; did you mean save?"},
        {"batch-size", "; did you mean batch?"}, /* begins with a known word */
        {"nest", "; did you mean nesterov?"},
        {"gamma", "; did you mean lr-gamma?"}, /* a part between hyphens */
        {"decay", "; did you mean weight-decay or no-bias-decay?"},
        {"ls", ""}, /* in a short word an edit changes too much */
        {"x", ""},
        {"", ""},
        {"wings", ""},
        {"epochsepochsepochsepochsepochsepochsepochs", "; did you mean epochs?"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_string_equal(nearest_choice(rows[i][0], names).text, rows[i][1]);
}

static void ranks(void **state) {
    (void)state;
    struct nearest n = nearest_to("LR");
    nearest_consider(&n, "lr-step");
    assert_int_not_equal(n.rank, NEAREST_EXACT);
    nearest_consider(&n, "lr");
    assert_int_equal(n.rank, NEAREST_EXACT);
    assert_int_equal(n.count, 1);
    n = nearest_to("learning_rate");
    nearest_consider_alias(&n, "learning-rate", "lr");
    nearest_consider_alias(&n, "learning-rate", "lr"); /* once */
    assert_string_equal(nearest_question(&n, "--").text, "; did you mean --lr?");
    n = nearest_to("learn");
    nearest_consider_alias(&n, "learning-rate", "lr"); /* the beginning of an alias does not count */
    assert_int_equal(n.count, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(asks), cmocka_unit_test(ranks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
