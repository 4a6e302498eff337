#define _POSIX_C_SOURCE 200809L /* open_memstream, strdup */
#include "train/history.h"
#include "base/file.h"
#include "base/text.h"
#include "train/epoch_field.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { FIELDS = 64 /* most columns that are read */ };

enum vggcl_err history_add(struct history *h, const struct vggcl_epoch *row) {
    struct vggcl_epoch *grown = realloc(h->rows, (h->count + 1) * sizeof *grown);
    if (!grown)
        return err_no_memory("the accuracy record", (h->count + 1) * sizeof *grown);
    h->rows = grown;
    h->rows[h->count++] = *row;
    return VGGCL_OK;
}

bool history_is_own(const char *text) {
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        size_t size = strlen(epoch_fields[i].name);
        if (strncmp(text, epoch_fields[i].name, size) != 0 || text[size] != (i + 1 < FIELD_COUNT ? ',' : '\n'))
            return false;
        text += size + 1;
    }
    return true;
}

static void print(const struct history *h, FILE *stream) {
    for (size_t i = 0; i < FIELD_COUNT; i++)
        fprintf(stream, "%s%c", epoch_fields[i].name, i + 1 < FIELD_COUNT ? ',' : '\n');
    for (size_t i = 0; i < h->count; i++) {
        const struct vggcl_epoch *r = &h->rows[i];
        text_print_file(stream, "%d,%.9g,%.6f,%.6f,%.6f,%.6f,%.3f,%.1f,%016" PRIx64 "\n", r->epoch, r->lr,
                        r->train_loss, r->train_accuracy, r->test_loss, r->test_accuracy, r->seconds,
                        r->images_per_second, r->weights_hash);
    }
}

enum vggcl_err history_text(const struct history *h, char **text) {
    size_t size = 0;
    *text = NULL;
    FILE *stream = open_memstream(text, &size);
    bool failed = !stream;
    if (stream) {
        print(h, stream);
        failed = ferror(stream) != 0;
        failed |= fclose(stream) != 0;
    }
    if (!failed)
        return VGGCL_OK;
    free(*text);
    *text = NULL;
    return err_no_memory("the accuracy record", size);
}

enum vggcl_err history_write(const struct history *h, const struct folder *folder, const char *path) {
    struct file_write file;
    TRY(file_write_begin(&file, folder, path));
    print(h, file.stream);
    return file_write_commit(&file);
}

/* Returns the text up to the first separator, which is overwritten with a NUL byte. Sets *rest to the text after the
 * separator, or to NULL if there was none. */
static char *cut(char **rest, char separator) {
    char *part = *rest, *end = strchr(part, separator);
    *rest = end ? end + 1 : NULL;
    if (end)
        *end = '\0';
    return part;
}

/* Returns the next line without its line ending, LF or CR LF. */
static char *cut_line(char **rest) {
    char *line = cut(rest, '\n'), *end = strchr(line, '\0');
    if (end > line && end[-1] == '\r')
        end[-1] = '\0';
    return line;
}

/* State of reading a CSV file: the column of each field, and the current line. */
struct csv_reader {
    const char *path;
    const struct epoch_field *fields[FIELDS]; /* NULL for columns that are ignored */
    size_t field_count;
    int line; /* from 1 */
};

static bool has_column(const struct csv_reader *r, const struct epoch_field *column) {
    for (size_t i = 0; i < r->field_count; i++)
        if (r->fields[i] == column)
            return true;
    return false;
}

/* Reads line 1, the column names. All of them are required. */
static enum vggcl_err read_names(struct csv_reader *r, char *line) {
    while (line && r->field_count < FIELDS) {
        const char *name = cut(&line, ',');
        const struct epoch_field *column = NULL;
        for (size_t i = 0; i < FIELD_COUNT; i++)
            if (strcmp(epoch_fields[i].name, name) == 0)
                column = &epoch_fields[i];
        r->fields[r->field_count++] = column;
    }
    for (size_t i = 0; i < FIELD_COUNT; i++)
        if (!has_column(r, &epoch_fields[i]))
            return err_set(VGGCL_EFORMAT, "%s: line 1 has no column '%s', which an accuracy record needs", r->path,
                           epoch_fields[i].name);
    return VGGCL_OK;
}

static enum vggcl_err parse_row(const struct csv_reader *r, char *line, struct vggcl_epoch *row) {
    *row = epoch_unknown();
    size_t count = 0;
    for (; line && count < r->field_count; count++) {
        const struct epoch_field *column = r->fields[count];
        const char *text = cut(&line, ',');
        if (column && !epoch_field_parse(column, text, row))
            return err_set(VGGCL_EFORMAT, "%s: line %d: %s is not a %s", r->path, r->line, column->name,
                           epoch_field_kind(column));
    }
    if (count < r->field_count || (line && count < FIELDS))
        return err_set(VGGCL_EFORMAT, "%s: line %d does not have the %zu fields of line 1", r->path, r->line,
                       r->field_count);
    return VGGCL_OK;
}

static enum vggcl_err read_rows(struct history *h, struct csv_reader *r, char *text) {
    struct vggcl_epoch row;
    TRY(read_names(r, cut_line(&text)));
    for (r->line = 2; text; r->line++) {
        char *line = cut_line(&text);
        if (!*line)
            continue;
        TRY(parse_row(r, line, &row));
        if (row.epoch <= (h->count ? h->rows[h->count - 1].epoch : -1))
            return err_set(VGGCL_EFORMAT, "%s: line %d: its epoch is not after that of the row before", r->path,
                           r->line);
        TRY(history_add(h, &row));
    }
    return VGGCL_OK;
}

enum vggcl_err history_read_text(const char *path, char **text) {
    enum { LIMIT = 1 << 28 };
    size_t size;
    TRY(file_read(path, LIMIT, text, &size));
    if (strlen(*text) == size)
        return VGGCL_OK;
    bool utf16 = strncmp(*text, "\xff\xfe", 2) == 0 || strncmp(*text, "\xfe\xff", 2) == 0;
    free(*text);
    *text = NULL;
    return utf16 ? err_set(VGGCL_EFORMAT, "%s: is text in UTF-16; convert it with iconv -f UTF-16 -t UTF-8", path)
                 : err_set(VGGCL_EFORMAT, "%s: is not a text file: it contains NUL bytes", path);
}

static enum vggcl_err take_epochs(struct history *h, const char *path, int epochs) {
    for (int epoch = 1; epoch <= epochs; epoch++)
        if ((size_t)epoch > h->count || h->rows[epoch - 1].epoch != epoch)
            return err_set(VGGCL_EFORMAT, "%s: has no row for epoch %d", path, epoch);
    h->count = (size_t)epochs;
    return VGGCL_OK;
}

enum vggcl_err history_parse_all(struct history *h, const char *text, const char *from) {
    struct csv_reader reader = {.path = from};
    char *copy = strdup(text);
    if (!copy)
        return err_no_memory("the accuracy record", strlen(text) + 1);
    enum vggcl_err err = read_rows(h, &reader, copy);
    free(copy);
    return err;
}

enum vggcl_err history_parse(struct history *h, const char *text, const char *from, int epochs) {
    TRY(history_parse_all(h, text, from));
    return take_epochs(h, from, epochs);
}

enum vggcl_err history_read(struct history *h, const char *path, int epochs) {
    char *text;
    TRY(history_read_text(path, &text));
    enum vggcl_err err = history_parse(h, text, path, epochs);
    free(text);
    return err;
}

/* What a file has of a text. */
enum match { MATCH_MISSING, MATCH_OTHER, MATCH_START, MATCH_ALL };

static enum match match_file(const char *path, const char *text) {
    char *bytes, *kept = err_keep();
    size_t size, length = strlen(text);
    enum match match = file_exists(path) ? MATCH_OTHER : MATCH_MISSING;
    if (match == MATCH_OTHER && file_read(path, length, &bytes, &size) == VGGCL_OK) {
        if (memcmp(bytes, text, size) == 0)
            match = size < length ? MATCH_START : MATCH_ALL;
        free(bytes);
    }
    err_put_back(kept);
    return match;
}

/* Puts the rows in the place of a file that matches their text only so far. */
static enum vggcl_err replace(const struct history *h, const struct folder *folder, const char *path, enum match match,
                              char note[static VGGCL_WARNING]) {
    char full[VGGCL_PATH_MAX], moved_to[VGGCL_PATH_MAX];
    TRY(file_path(full, folder->path, path));
    if (match == MATCH_OTHER)
        TRY(file_move_aside(full, moved_to));
    if (h->count)
        TRY(history_write(h, folder, path));
    if (match == MATCH_OTHER)
        snprintf(note, VGGCL_WARNING,
                 "%s: differed from the rows in the state; it is restored from them, and the other file "
                 "is now in %.4000s",
                 path, moved_to);
    else
        snprintf(note, VGGCL_WARNING, "%s: %s; it is restored from the state", path,
                 match == MATCH_MISSING ? "was missing" : "lacked the last rows");
    return VGGCL_OK;
}

enum vggcl_err history_restore(const struct history *h, const struct folder *folder, const char *path,
                               char note[static VGGCL_WARNING]) {
    char full[VGGCL_PATH_MAX], *text;
    *note = '\0';
    TRY(file_path(full, folder->path, path));
    TRY(history_text(h, &text));
    enum match match = match_file(full, text);
    free(text);
    bool due = h->count ? match != MATCH_ALL : match == MATCH_OTHER;
    return due ? replace(h, folder, path, match, note) : VGGCL_OK;
}

void history_free(struct history *h) {
    free(h->rows);
    *h = (struct history){NULL, 0};
}
