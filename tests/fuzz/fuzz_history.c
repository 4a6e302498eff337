/* An accuracy record: as vggcl plot reads it, and as a resumed run does. */
#include "common.h"
#include "train/history.h"

#include <stdio.h>

enum { EPOCHS = 2 };

static void check_rows(const struct vggcl_epoch *rows, size_t count) {
    for (size_t i = 0; i < count; i++) {
        FUZZ_HOLDS(rows[i].epoch >= 0 && (i == 0 || rows[i].epoch > rows[i - 1].epoch));
        FUZZ_HOLDS(!(rows[i].test_accuracy < 0 || rows[i].test_accuracy > 1));
        FUZZ_HOLDS(!(rows[i].train_accuracy < 0 || rows[i].train_accuracy > 1));
    }
}

/* Numbers are written with fewer digits than they were read with. */
static void write_again(const struct history *h) {
    struct history again = {NULL, 0};
    char path[VGGCL_PATH_MAX];
    snprintf(path, sizeof path, "%s/again.csv", fuzz_folder());
    FUZZ_HOLDS(history_write(h, &folder_current, path) == VGGCL_OK);
    FUZZ_HOLDS(history_read(&again, path, EPOCHS) == VGGCL_OK);
    FUZZ_HOLDS(again.count == EPOCHS && again.rows[1].weights_hash == h->rows[1].weights_hash);
    history_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    const char *path = fuzz_file("accuracy.csv", bytes, count);
    struct history h = {NULL, 0};
    struct vggcl_epoch *rows;
    size_t row_count;
    if (fuzz_accepted(vggcl_history(path, &rows, &row_count)))
        check_rows(rows, row_count);
    vggcl_history_free(rows);
    if (fuzz_accepted(history_read(&h, path, EPOCHS))) {
        check_rows(h.rows, h.count);
        write_again(&h);
    }
    history_free(&h);
    return 0;
}
