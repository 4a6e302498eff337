#include "train/history.h"
#include "base/file.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char columns[] = "epoch,lr,train_loss,train_accuracy,test_loss,test_accuracy,seconds,images_per_second,"
                              "weights_hash\n";

enum { FILE_LIMIT = 1 << 28 };

enum vggcl_err history_add(struct history *h, const struct vggcl_epoch *row) {
    struct vggcl_epoch *grown = realloc(h->rows, (h->count + 1) * sizeof *grown);
    if (!grown)
        return err_no_memory("the accuracy record", (h->count + 1) * sizeof *grown);
    h->rows = grown;
    h->rows[h->count++] = *row;
    return VGGCL_OK;
}

enum vggcl_err history_write(const struct history *h, const char *path) {
    struct file_write file;
    TRY(file_write_begin(&file, path));
    fputs(columns, file.stream);
    for (size_t i = 0; i < h->count; i++) {
        const struct vggcl_epoch *r = &h->rows[i];
        fprintf(file.stream, "%d,%.9g,%.6f,%.6f,%.6f,%.6f,%.3f,%.1f,%016" PRIx64 "\n", r->epoch, r->lr, r->train_loss,
                r->train_accuracy, r->test_loss, r->test_accuracy, r->seconds, r->images_per_second, r->weights_hash);
    }
    return file_write_commit(&file);
}

static bool parse_row(const char *line, struct vggcl_epoch *r) {
    int end = 0;
    int read = sscanf(line, "%d,%lf,%lf,%lf,%lf,%lf,%lf,%lf,%" SCNx64 "%n", &r->epoch, &r->lr, &r->train_loss,
                      &r->train_accuracy, &r->test_loss, &r->test_accuracy, &r->seconds, &r->images_per_second,
                      &r->weights_hash, &end);
    return read == 9 && line[end] == '\n';
}

enum vggcl_err history_read(struct history *h, const char *path, int epochs) {
    char *text;
    size_t size;
    enum vggcl_err err = VGGCL_OK;
    TRY(file_read(path, FILE_LIMIT, &text, &size));
    const char *line = text;
    if (strncmp(line, columns, strlen(columns)) != 0) {
        err = err_set(VGGCL_EFORMAT, "%s: line 1 is not the names of the columns of an accuracy record", path);
        goto done;
    }
    for (int epoch = 1; epoch <= epochs; epoch++) {
        struct vggcl_epoch row;
        line = strchr(line, '\n') + 1;
        if (!parse_row(line, &row) || row.epoch != epoch) {
            err = err_set(VGGCL_EFORMAT, "%s: line %d is not the row of epoch %d", path, epoch + 1, epoch);
            goto done;
        }
        TRY_GOTO(history_add(h, &row), done);
    }
done:
    free(text);
    return err;
}

void history_free(struct history *h) {
    free(h->rows);
    *h = (struct history){NULL, 0};
}
