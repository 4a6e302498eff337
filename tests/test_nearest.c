/* Which known words a mistyped word means. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/nearest.h"
#include "options/synonyms.h"

#include <stdio.h>
#include <string.h>

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

/* Each foreign name stands for an option or flag of data/options.md, which test_manual compares with the program. */
static void synonyms_are_of_options(void **state) {
    static char text[1 << 20];
    FILE *file = fopen(VGGCL_SOURCE_DIR "/data/options.md", "r");
    (void)state;
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    for (const struct synonym *s = option_synonyms; s->foreign; s++) {
        char name[64];
        int length = (int)strcspn(s->ours, " ");
        snprintf(name, sizeof name, "| `--%.*s ", length, s->ours);
        bool takes_argument = strstr(text, name) != NULL;
        snprintf(name, sizeof name, "| `--%.*s`", length, s->ours);
        if (!takes_argument && !strstr(text, name))
            fail_msg("%s stands for %s, which no command takes", s->foreign, s->ours);
        snprintf(name, sizeof name, "%.*s", length, s->ours);
        assert_true(synonym_is_of(s, name));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(asks), cmocka_unit_test(ranks),
                                       cmocka_unit_test(synonyms_are_of_options)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
