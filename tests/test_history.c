/* accuracy.csv: written and read back. */
#define _POSIX_C_SOURCE 200809L /* mkstemp */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "train/history.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COLUMNS "epoch,lr,train_loss,train_accuracy,test_loss,test_accuracy,seconds,images_per_second,weights_hash\n"
#define ROW     "1,0.01,2,0.1,2,0.1,1,1,1\n"

static char path[] = "/tmp/vggcl-test-XXXXXX";

static int make_file(void **state) {
    (void)state;
    int file = mkstemp(path);
    return file < 0 ? -1 : close(file);
}

static int remove_file(void **state) {
    (void)state;
    return unlink(path);
}

static void put(const char *text) {
    FILE *stream = fopen(path, "wb");
    assert_non_null(stream);
    fputs(text, stream);
    assert_int_equal(fclose(stream), 0);
}

/* That the text is no record of vggcl's own, and why. */
static void assert_broken(const char *text, const char *says) {
    struct history h = {NULL, 0};
    put(text);
    assert_int_equal(history_read(&h, path, 1), VGGCL_EFORMAT);
    assert_non_null(strstr(vggcl_error(), path));
    if (!strstr(vggcl_error(), says))
        fail_msg("'%s' has no '%s'", vggcl_error(), says);
    history_free(&h);
}

static void round_trip(void **state) {
    (void)state;
    const struct vggcl_epoch rows[] = {{1, 0.01, 2.25, 0.125, 2, 0.25, 1.5, 100, 0xfedcba9876543210},
                                       {2, 0.005, 1.75, 0.5, 1.5, 0.75, 2.5, 200.5, 1}};
    struct history written = {NULL, 0}, read = {NULL, 0};
    assert_int_equal(history_add(&written, &rows[0]), VGGCL_OK);
    assert_int_equal(history_add(&written, &rows[1]), VGGCL_OK);
    assert_int_equal(history_write(&written, &folder_current, path), VGGCL_OK);
    assert_int_equal(history_read(&read, path, 1), VGGCL_OK); /* what a state of one epoch knows of */
    assert_int_equal(read.count, 1);
    history_free(&read);
    assert_int_equal(history_read(&read, path, 2), VGGCL_OK);
    assert_int_equal(read.count, 2);
    for (int i = 0; i < 2; i++) {
        const struct vggcl_epoch *a = &read.rows[i], *b = &rows[i];
        assert_true(a->epoch == b->epoch && a->lr == b->lr && a->train_loss == b->train_loss);
        assert_true(a->train_accuracy == b->train_accuracy && a->test_loss == b->test_loss);
        assert_true(a->test_accuracy == b->test_accuracy && a->seconds == b->seconds);
        assert_true(a->images_per_second == b->images_per_second && a->weights_hash == b->weights_hash);
    }
    history_free(&read);
    assert_int_equal(history_read(&read, path, 3), VGGCL_EFORMAT);
    assert_non_null(strstr(vggcl_error(), "no row for epoch 3"));
    history_free(&read);
    history_free(&written);
}

/* A state holds the text of the file; what is printed of what was read is the same again. */
static void as_text(void **state) {
    (void)state;
    const struct vggcl_epoch rows[] = {{1, 1.0 / 3, 2.0 / 3, 0.1234565, 1e-7, 0.25, 1.0005, 99.95, 0xfedcba9876543210},
                                       {2, 1e-9, NAN, 0.5, INFINITY, 0.75, 2.5, 200.5, 1}};
    struct history written = {NULL, 0}, read = {NULL, 0};
    char *text, *again;
    assert_int_equal(history_text(&written, &text), VGGCL_OK);
    assert_string_equal(text, COLUMNS);
    assert_int_equal(history_parse(&read, text, "the state", 0), VGGCL_OK);
    assert_int_equal(history_parse(&read, text, "the state", 1), VGGCL_EFORMAT);
    assert_string_equal(vggcl_error(), "the state: has no row for epoch 1");
    free(text);
    for (int i = 0; i < 2; i++)
        assert_int_equal(history_add(&written, &rows[i]), VGGCL_OK);
    assert_int_equal(history_text(&written, &text), VGGCL_OK);
    assert_int_equal(history_parse(&read, text, "the state", 2), VGGCL_OK);
    assert_int_equal(history_text(&read, &again), VGGCL_OK);
    assert_string_equal(again, text);
    free(text);
    free(again);
    history_free(&read);
    history_free(&written);
}

/* A resumed run reads what train wrote, nothing else. */
static void broken(void **state) {
    (void)state;
    assert_broken("", "line 1 has no column 'epoch'");
    assert_broken("step,loss\n1,2\n", "line 1 has no column 'epoch'");
    assert_broken("epoch,test_accuracy\n1,0.5\n", "line 1 has no column 'lr'");
    assert_broken("\xef\xbb\xbf" COLUMNS, "line 1 has no column 'epoch'");
    assert_broken(COLUMNS, "has no row for epoch 1");
    assert_broken(COLUMNS "1,0.01,2.3,0.1,2.3\n", "line 2 does not have the 9 fields");
    assert_broken(COLUMNS "1,0.01,2,0.1,2,0.1,1,1,1,1\n", "line 2 does not have the 9 fields");
    assert_broken(COLUMNS "1,0.01,2x,0.1,2,0.1,1,1,1\n", "line 2: train_loss is not a number");
    assert_broken(COLUMNS "1,0.01,2,0.1,2,50,1,1,1\n", "line 2: test_accuracy is not a number from 0 to 1");
    assert_broken(COLUMNS "1,0.01,2,0.1,2,0.1,1,1,xyz\n", "line 2: weights_hash is not a hexadecimal number");
    static const char *const epochs[] = {"1.5", "-1", "1e99"};
    for (size_t i = 0; i < sizeof epochs / sizeof *epochs; i++) {
        char text[512];
        snprintf(text, sizeof text, COLUMNS "%s,0.01,2,0.1,2,0.1,1,1,1\n", epochs[i]);
        assert_broken(text, "line 2: epoch is not a whole number");
    }
    assert_broken(COLUMNS ROW ROW, "line 3: its epoch is not after");
    assert_broken(COLUMNS ROW "\n" COLUMNS, "line 4: epoch is not a whole number");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(round_trip), cmocka_unit_test(as_text),
                                       cmocka_unit_test(broken)};
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
