#define _POSIX_C_SOURCE 200809L /* strdup, strcasecmp */
#include "train/record.h"
#include "base/file.h"
#include "base/text.h"
#include "files/csv.h"
#include "train/column_name.h"
#include "train/history.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A column, and what its fields are like. */
struct source {
    char *name;
    int meaning; /* of column_meaning() */
    bool steps;
    bool percent;  /* a value has a percent sign */
    size_t values; /* fields that are numbers */
    double most;   /* largest of them */
};

/* State of reading a file: first all rows are looked at, then they are taken. */
struct record {
    const char *path;
    const char *const *map;
    bool *used;
    struct source *columns;
    size_t column_count;
    int names_line;
    const struct source *fields[FIELD_COUNT]; /* the column of each field, or NULL */
    bool fractions;                           /* an epoch is not a whole number */
    struct history *rows;                     /* in the file's order */
};

/* ------------------------------------------------------------------------------------------------------- numbers -- */

enum number { NUMBER_NONE, NUMBER, NUMBER_PERCENT, NUMBER_WRONG };

/* Reads "0.713", "0,713" or "71.3 %". NUMBER_NONE: the field is empty, or says that there is no value. */
static enum number read_number(const char *text, double *value) {
    static const char *const none[] = {"", "NA", "N/A", "None", "null", "-"};
    char copy[64], *end;
    *value = NAN;
    text += strspn(text, " \t");
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        if (strcasecmp(text, none[i]) == 0)
            return NUMBER_NONE;
    if ((size_t)snprintf(copy, sizeof copy, "%s", text) >= sizeof copy)
        return NUMBER_WRONG;
    char *comma = strchr(copy, ',');
    if (comma && !strchr(copy, '.'))
        *comma = '.';
    *value = text_number(copy, &end);
    if (end == copy)
        return NUMBER_WRONG;
    end += strspn(end, " \t");
    bool percent = *end == '%';
    end += percent;
    end += strspn(end, " \t");
    return *end ? NUMBER_WRONG : percent ? NUMBER_PERCENT : NUMBER;
}

/* ------------------------------------------------------------------------------------------------------- columns -- */

/* Takes the columns' names from the first row. */
static enum vggcl_err take_names(struct record *r, const struct csv_row *row) {
    r->names_line = row->line;
    r->columns = calloc(row->count, sizeof *r->columns);
    if (!r->columns)
        return err_no_memory("the accuracy record", row->count * sizeof *r->columns);
    for (size_t i = 0; i < row->count; i++) {
        struct source *s = &r->columns[r->column_count++];
        *s = (struct source){.name = strdup(row->fields[i]), .most = -INFINITY};
        if (!s->name)
            return err_no_memory("the accuracy record", strlen(row->fields[i]) + 1);
        s->meaning = column_meaning(s->name, &s->steps);
    }
    return VGGCL_OK;
}

/* Whether the row has the names once more, as after a resume. */
static bool is_names(const struct record *r, const struct csv_row *row) {
    for (size_t i = 0; i < row->count; i++)
        if (strcmp(row->fields[i], r->columns[i].name) != 0)
            return false;
    return true;
}

static void survey_field(struct source *s, const char *text) {
    double value;
    enum number number = read_number(text, &value);
    if (number == NUMBER || number == NUMBER_PERCENT) {
        s->values++;
        s->percent |= number == NUMBER_PERCENT;
        s->most = fmax(s->most, value);
    }
}

/* Looks at a row: the first pass. The names once more are no numbers. */
static enum vggcl_err survey(void *user, const struct csv_row *row) {
    struct record *r = user;
    if (!r->columns)
        return take_names(r, row);
    if (row->count != r->column_count)
        return err_set(VGGCL_EFORMAT, "%s: line %d has %zu fields, but line %d names %zu columns", r->path, row->line,
                       row->count, r->names_line, r->column_count);
    for (size_t i = 0; i < row->count; i++)
        survey_field(&r->columns[i], row->fields[i]);
    return VGGCL_OK;
}

static bool is_taken(const struct record *r, const struct source *source) {
    for (int i = 0; i < FIELD_COUNT; i++)
        if (r->fields[i] == source)
            return true;
    return false;
}

/* Gives a field, if it has no column yet, the first column of a meaning that has so many values. */
static void choose(struct record *r, int field, int meaning, size_t least, bool steps) {
    for (size_t i = 0; i < r->column_count && !r->fields[field]; i++) {
        const struct source *s = &r->columns[i];
        if (s->meaning == meaning && s->values >= least && s->steps <= steps && !is_taken(r, s))
            r->fields[field] = s;
    }
}

/* A plain "loss" or "accuracy" is of the training images if test images have a column of their own, as in Keras, and of
 * the test images if training images have one. With neither, a loss is of training, and so is an accuracy beside it. */
static void choose_plain(struct record *r, int meaning, int train, int test, bool beside, size_t least, bool steps) {
    if (!r->fields[train] && (r->fields[test] || beside))
        choose(r, train, meaning, least, steps);
    else if (!r->fields[test])
        choose(r, test, meaning, least, steps);
}

static bool has_plain_loss(const struct record *r) {
    for (size_t i = 0; i < r->column_count; i++)
        if (r->columns[i].meaning == COLUMN_LOSS)
            return true;
    return false;
}

/* One column per field. Columns with several values go before those with one, which may be that of a whole run, and
 * values of epochs before those of steps. */
static void choose_columns(struct record *r) {
    enum { ROUNDS = 3 };
    for (int round = 0; round < ROUNDS; round++) {
        size_t least = round ? 0 : 2;
        bool steps = round == ROUNDS - 1;
        for (int field = 0; field < FIELD_COUNT; field++)
            choose(r, field, field, least, steps);
        choose_plain(r, COLUMN_LOSS, FIELD_TRAIN_LOSS, FIELD_TEST_LOSS, !r->fields[FIELD_TEST_LOSS], least, steps);
        choose_plain(r, COLUMN_ACCURACY, FIELD_TRAIN_ACCURACY, FIELD_TEST_ACCURACY, has_plain_loss(r), least, steps);
    }
    if (!r->fields[FIELD_EPOCH] && r->column_count && !*r->columns[0].name)
        r->fields[FIELD_EPOCH] = &r->columns[0]; /* the row numbers of R and pandas */
}

static int find_field(const char *name, size_t size) {
    for (int i = 0; i < FIELD_COUNT; i++)
        if (strlen(epoch_fields[i].name) == size && strncmp(epoch_fields[i].name, name, size) == 0)
            return i;
    return FIELD_COUNT;
}

/* The columns that the user chose. */
static enum vggcl_err choose_mapped(struct record *r) {
    for (size_t i = 0; r->map && r->map[i]; i++) {
        const char *equals = strchr(r->map[i], '=');
        int field = equals ? find_field(r->map[i], (size_t)(equals - r->map[i])) : FIELD_COUNT;
        if (field == FIELD_COUNT)
            return err_set(VGGCL_EUSAGE,
                           "columns: '%s' is not FIELD=NAME, with one of epoch, train_loss, train_accuracy, test_loss, "
                           "test_accuracy as FIELD",
                           r->map[i]);
        for (size_t k = 0; k < r->column_count; k++)
            if (column_same_name(r->columns[k].name, equals + 1)) {
                r->fields[field] = &r->columns[k];
                r->used[i] = true;
            }
    }
    return VGGCL_OK;
}

/* The names of the columns, "a, b, c", cut off if they are many. */
static void list_columns(const struct record *r, char *list, size_t size) {
    static const char more[] = ", ...";
    size_t used = 0;
    *list = '\0';
    for (size_t i = 0; i < r->column_count; i++) {
        const char *name = *r->columns[i].name ? r->columns[i].name : "(no name)";
        if (used + strlen(name) + 2 * sizeof more > size) {
            snprintf(list + used, size - used, "%s", more);
            break;
        }
        used += (size_t)snprintf(list + used, size - used, "%s%s", i ? ", " : "", name);
    }
    text_make_printable(list, "");
}

static enum vggcl_err lacks_column(const struct record *r, const char *what, const char *understood,
                                   const char *field) {
    char list[400];
    list_columns(r, list, sizeof list);
    return err_set(VGGCL_EFORMAT,
                   "%s: line %d has no column for %s (%s): %s understood; map other names with the option columns, "
                   "such as %s=NAME",
                   r->path, r->names_line, what, list, understood, field);
}

/* Finds the columns. The epochs and one of the losses and accuracies are needed. */
static enum vggcl_err find_columns(struct record *r) {
    if (!r->columns)
        return err_set(VGGCL_EFORMAT, "%s: has no rows: it is empty", r->path);
    TRY(choose_mapped(r));
    choose_columns(r);
    if (!r->fields[FIELD_EPOCH])
        return lacks_column(r, "the epoch", "the name epoch is", "epoch");
    for (int i = FIELD_TRAIN_LOSS; i <= FIELD_TEST_ACCURACY; i++)
        if (r->fields[i])
            return VGGCL_OK;
    return lacks_column(r, "a loss or an accuracy",
                        "names such as train_loss, val_loss, train_acc, accuracy and top1 are", "test_accuracy");
}

/* ---------------------------------------------------------------------------------------------------------- rows -- */

/* Brings a value into the unit of its field; false if it is out of range. */
static bool scale(struct record *r, int field, const struct source *source, double *value) {
    static const double rounding = 1.0001; /* the most that an accuracy in single precision may be instead of 1 */
    if (field == FIELD_EPOCH) {
        r->fractions |= *value != floor(*value);
        *value = ceil(*value); /* 0.5: in the first epoch */
        return *value >= 0 && *value < INT_MAX;
    }
    if (epoch_fields[field].kind != SHARE)
        return true;
    if (source->percent || source->most > rounding)
        *value /= 100;
    else
        *value = fmin(*value, *value > 1 ? 1 : *value);
    return !(*value < 0 || *value > 1);
}

static enum vggcl_err wrong_field(const struct record *r, int line, int field, const char *text) {
    static const char *const kinds[] = {
        [WHOLE] = "number of an epoch", [REAL] = "number", [SHARE] = "number from 0 to 1, or a percentage"};
    char printable[64];
    snprintf(printable, sizeof printable, "%s", text);
    text_make_printable(printable, "");
    return err_set(VGGCL_EFORMAT, "%s: line %d: %s is '%s', which is not a %s", r->path, line, r->fields[field]->name,
                   printable, kinds[epoch_fields[field].kind]);
}

/* Sets a field of the epoch; *known, if it is a value and not the epoch itself. */
static enum vggcl_err take_field(struct record *r, const struct csv_row *row, int field, struct vggcl_epoch *epoch,
                                 bool *known) {
    const struct source *source = r->fields[field];
    const char *text = row->fields[source - r->columns];
    if (field == FIELD_WEIGHTS_HASH)
        return epoch_field_parse(&epoch_fields[field], text, epoch)
                   ? VGGCL_OK
                   : err_set(VGGCL_EFORMAT, "%s: line %d: weights_hash is not a hexadecimal number", r->path,
                             row->line);
    double value;
    enum number number = read_number(text, &value);
    if (number == NUMBER_NONE)
        return VGGCL_OK;
    if (number == NUMBER_WRONG || !scale(r, field, source, &value))
        return wrong_field(r, row->line, field, text);
    *known |= field != FIELD_EPOCH;
    if (field == FIELD_EPOCH)
        epoch->epoch = (int)value;
    else
        *(double *)((char *)epoch + epoch_fields[field].offset) = value;
    return VGGCL_OK;
}

static bool has_curve(const struct vggcl_epoch *e) {
    return !isnan(e->train_loss) || !isnan(e->train_accuracy) || !isnan(e->test_loss) || !isnan(e->test_accuracy);
}

/* Sets what the later row knows. */
static void merge(struct vggcl_epoch *to, const struct vggcl_epoch *later) {
    for (int i = 0; i < FIELD_COUNT; i++) {
        double *a = (double *)((char *)to + epoch_fields[i].offset);
        const double *b = (const double *)((const char *)later + epoch_fields[i].offset);
        if ((epoch_fields[i].kind == REAL || epoch_fields[i].kind == SHARE) && !isnan(*b))
            *a = *b;
    }
    to->weights_hash = later->weights_hash ? later->weights_hash : to->weights_hash;
}

/* Takes a row, unless it has no values: the second pass. Rows in sequence of the same epoch are one. */
static enum vggcl_err take_row(void *user, const struct csv_row *row) {
    struct record *r = user;
    struct history *h = r->rows;
    struct vggcl_epoch epoch = epoch_unknown();
    bool known = false;
    if (is_names(r, row))
        return VGGCL_OK;
    for (int i = 0; i < FIELD_COUNT; i++)
        if (r->fields[i])
            TRY(take_field(r, row, i, &epoch, &known));
    if (epoch.epoch < 0 && has_curve(&epoch))
        return wrong_field(r, row->line, FIELD_EPOCH, "");
    if (epoch.epoch < 0 || !known)
        return VGGCL_OK;
    if (!h->count || h->rows[h->count - 1].epoch != epoch.epoch)
        return history_add(h, &epoch);
    merge(&h->rows[h->count - 1], &epoch);
    return VGGCL_OK;
}

/* ------------------------------------------------------------------------------------------------------ the file -- */

struct placed {
    struct vggcl_epoch row;
    size_t place;
};

static int compare_placed(const void *a, const void *b) {
    const struct placed *x = a, *y = b;
    return x->row.epoch != y->row.epoch ? (x->row.epoch > y->row.epoch) - (x->row.epoch < y->row.epoch)
                                        : (x->place > y->place) - (x->place < y->place);
}

static bool is_sorted(const struct history *h) {
    for (size_t i = 1; i < h->count; i++)
        if (h->rows[i].epoch <= h->rows[i - 1].epoch)
            return false;
    return true;
}

/* Makes the epochs increase: those that were done again after a resume are one, with the later values. */
static enum vggcl_err sort(struct history *h) {
    if (is_sorted(h))
        return VGGCL_OK;
    struct placed *placed = malloc(h->count * sizeof *placed);
    if (!placed)
        return err_no_memory("the accuracy record", h->count * sizeof *placed);
    for (size_t i = 0; i < h->count; i++)
        placed[i] = (struct placed){h->rows[i], i};
    qsort(placed, h->count, sizeof *placed, compare_placed);
    size_t count = 0;
    for (size_t i = 0; i < h->count; i++)
        if (count && h->rows[count - 1].epoch == placed[i].row.epoch)
            merge(&h->rows[count - 1], &placed[i].row);
        else
            h->rows[count++] = placed[i].row;
    h->count = count;
    free(placed);
    return VGGCL_OK;
}

/* Programs that count epochs from 0 call the first one so. */
static void count_from_one(struct history *h) {
    int first = h->rows[0].epoch == 0;
    for (size_t i = 0; i < h->count; i++)
        h->rows[i].epoch += first;
}

static enum vggcl_err read_record(struct record *r, const char *text) {
    TRY(csv_read(r->path, text, survey, r));
    TRY(find_columns(r));
    /* The first row has the names: take_row() leaves it out. */
    TRY(csv_read(r->path, text, take_row, r));
    TRY(sort(r->rows));
    if (r->rows->count && !r->fractions)
        count_from_one(r->rows);
    return VGGCL_OK;
}

static void free_columns(struct record *r) {
    for (size_t i = 0; i < r->column_count; i++)
        free(r->columns[i].name);
    free(r->columns);
}

/* Reads vggcl's own files without libcsv, and all others with it. */
static enum vggcl_err read_text(struct history *h, const char *path, const char *text, const char *const *map,
                                bool *used) {
    if (!(map && *map) && history_is_own(text) && history_parse_all(h, text, path) == VGGCL_OK)
        return VGGCL_OK;
    history_free(h);
    struct record r = {.path = path, .map = map, .used = used, .rows = h};
    enum vggcl_err err = read_record(&r, text);
    free_columns(&r);
    return err;
}

enum vggcl_err record_read(const char *path, const char *const *map, bool *used, struct vggcl_epoch **rows,
                           size_t *count) {
    struct history h = {NULL, 0};
    char file[VGGCL_PATH_MAX], *text;
    *rows = NULL;
    *count = 0;
    if (file_is_folder(path)) {
        TRY(file_path(file, path, "accuracy.csv"));
        path = file;
    }
    TRY(history_read_text(path, &text));
    enum vggcl_err err = read_text(&h, path, text, map, used);
    free(text);
    if (err == VGGCL_OK && !h.count)
        err = err_set(VGGCL_EFORMAT, "%s: has no rows: no epoch was completed", path);
    if (err != VGGCL_OK)
        history_free(&h);
    *rows = h.rows;
    *count = h.count;
    return err;
}

enum vggcl_err vggcl_history(const char *path, struct vggcl_epoch **rows, size_t *count) {
    return record_read(path, NULL, NULL, rows, count);
}

void vggcl_history_free(struct vggcl_epoch *rows) {
    free(rows);
}
