/* Whether a run guesses: never in the records of the runs in data/results, whose recipes start slowly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "train/chance.h"

#include <glob.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void slow_starts_are_none(void **state) {
    (void)state;
    const struct chance chance = {0.1, 0.1, log(10), 0.1027, 0.106}; /* of CIFAR-10 */
    glob_t files;
    size_t epochs = 0;
    assert_int_equal(glob(VGGCL_SOURCE_DIR "/data/results/*/accuracy.csv", 0, NULL, &files), 0);
    assert_int_equal(glob(VGGCL_SOURCE_DIR "/data/results/*/*/accuracy.csv", GLOB_APPEND, NULL, &files), 0);
    assert_in_range(files.gl_pathc, 10, 1000);
    for (size_t i = 0; i < files.gl_pathc; i++) {
        struct history h;
        assert_int_equal(vggcl_history(files.gl_pathv[i], &h.rows, &h.count), VGGCL_OK);
        for (size_t count = h.count; count > 0; count--, epochs++)
            assert_int_equal(chance_epochs(&(struct history){h.rows, count}, &chance), 0);
        vggcl_history_free(h.rows);
    }
    assert_in_range(epochs, 100, 100000);
    globfree(&files);
}

/* Labels of three classes, the first of which has most. */
static void largest_class_is_the_level(void **state) {
    (void)state;
    uint16_t train[] = {0, 0, 0, 0, 0, 0, 1, 2}, test[] = {0, 1, 1, 2};
    const struct data data = {
        .spec = {.classes = 3}, .train = {.count = 8, .labels = train}, .test = {.count = 4, .labels = test}};
    struct chance chance;
    assert_int_equal(chance_of(&data, &chance), VGGCL_OK);
    assert_true(chance.train_accuracy == 0.75);
    assert_true(chance.test_accuracy == 0.5);
    assert_true(fabs(chance.test_limit - 1) < 1e-12); /* 2 * sqrt(0.25 / 4) */
    assert_in_range(1e6 * chance.train_limit, 1056185, 1056187);
    assert_true(fabs(chance.test_loss - 1.5 * log(2)) < 1e-12);
}

static void counts_the_last_epochs(void **state) {
    (void)state;
    const struct chance chance = {0.7, 0.7, 0.8, 0.71, 0.72};
    struct vggcl_epoch rows[] = {
        {.epoch = 1, .train_accuracy = 0.7, .test_accuracy = 0.7, .test_loss = 0.8},
        {.epoch = 2, .train_accuracy = 0.9, .test_accuracy = 0.7, .test_loss = 0.8}, /* learns, by training images */
        {.epoch = 3, .train_accuracy = 0.1, .test_accuracy = 0.2, .test_loss = NAN},
        {.epoch = 4, .train_accuracy = 0.69, .test_accuracy = 0.7, .test_loss = 9},
        {.epoch = 5, .train_accuracy = 0.7, .test_accuracy = 0.7, .test_loss = 0.79},
        {.epoch = 6, .train_accuracy = 0.7, .test_accuracy = 0.7, .test_loss = 0.7}, /* learns, by the loss */
    };
    static const int counts[] = {0, 1, 0, 1, 2, 3, 0};
    for (size_t n = 0; n < sizeof counts / sizeof *counts; n++)
        assert_int_equal(chance_epochs(&(struct history){rows, n}, &chance), counts[n]);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(slow_starts_are_none),
                                       cmocka_unit_test(largest_class_is_the_level),
                                       cmocka_unit_test(counts_the_last_epochs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
