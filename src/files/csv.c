#include "files/csv.h"
#include "base/feature.h"

#ifdef VGGCL_CSV
#include <csv.h>
#include <stdbool.h>
#include <string.h>

/* State of reading: the fields of the row so far, and the current line. */
struct reader {
    const char *path;
    csv_taker *take;
    void *user;
    struct csv_parser parser;
    int line;      /* from 1 */
    size_t quotes; /* quotation marks in the row's lines so far; an odd number is inside a quoted field */
    char *bytes;   /* the row's fields, each with a NUL */
    size_t used, room;
    size_t count;
    enum vggcl_err err;
};

/* Adds a field; libcsv gives its bytes without a NUL. */
static void add_field(void *bytes, size_t size, void *user) {
    struct reader *r = user;
    if (r->err != VGGCL_OK)
        return;
    if (r->room - r->used <= size) {
        size_t room = 2 * (r->used + size) + 256;
        char *grown = realloc(r->bytes, room);
        if (!grown) {
            r->err = err_no_memory("a row of the CSV file", room);
            return;
        }
        r->bytes = grown;
        r->room = room;
    }
    memcpy(r->bytes + r->used, bytes, size);
    r->bytes[r->used + size] = '\0';
    r->used += size + 1;
    r->count++;
}

static void end_row(int end, void *user) {
    struct reader *r = user;
    (void)end;
    const char **fields = r->err == VGGCL_OK ? malloc(r->count * sizeof *fields) : NULL;
    if (fields) {
        const char *field = r->bytes;
        for (size_t i = 0; i < r->count; i++, field += strlen(field) + 1)
            fields[i] = field;
        r->err = r->take(r->user, &(struct csv_row){r->line, r->count, fields});
        free(fields);
    } else if (r->err == VGGCL_OK)
        r->err = err_no_memory("a row of the CSV file", r->count * sizeof *fields);
    r->used = r->count = r->quotes = 0;
}

static size_t count_of(const char *text, size_t size, char byte) {
    size_t count = 0;
    for (size_t i = 0; i < size; i++)
        count += text[i] == byte;
    return count;
}

/* Length of the line at text, with its end if `whole`. */
static size_t line_size(const char *text, bool whole) {
    size_t size = strcspn(text, "\r\n");
    if (whole && text[size])
        size += text[size] == '\r' && text[size + 1] == '\n' ? 2 : 1;
    return size;
}

/* Whether the line is not data: it is empty or a comment. */
static bool is_idle(const char *text) {
    text += strspn(text, " \t");
    return *text == '#' || *text == '\r' || *text == '\n';
}

/* The most frequent of the separators in the first row, outside quotes; a comma if there is none. */
static char find_separator(const char *text) {
    size_t counts[] = {0, 0, 0};
    static const char separators[] = ",;\t";
    bool quoted = false;
    while (is_idle(text))
        text += line_size(text, true);
    for (size_t size = line_size(text, false), i = 0; i < size; i++) {
        const char *separator = quoted ? NULL : strchr(separators, text[i]);
        quoted ^= text[i] == '"';
        if (separator)
            counts[separator - separators]++;
    }
    return counts[1] > counts[0] && counts[1] >= counts[2] ? ';' : counts[2] > counts[0] ? '\t' : ',';
}

static enum vggcl_err explain(struct reader *r) {
    if (csv_error(&r->parser) == CSV_EPARSE)
        return err_set(VGGCL_EFORMAT, "%s: line %d: a quotation mark is inside a field, or one is missing at its end",
                       r->path, r->line);
    return err_no_memory("a field of the CSV file", csv_get_buffer_size(&r->parser));
}

static enum vggcl_err read_line(struct reader *r, const char *text, size_t size) {
    r->line++;
    if (r->quotes % 2 == 0 && is_idle(text))
        return VGGCL_OK;
    r->quotes += count_of(text, size, '"');
    if (csv_parse(&r->parser, text, size, add_field, end_row, r) != size && r->err == VGGCL_OK)
        r->err = explain(r);
    return r->err;
}

static enum vggcl_err read_lines(struct reader *r, const char *text) {
    static const char mark[] = "\xef\xbb\xbf";
    if (strncmp(text, mark, strlen(mark)) == 0)
        text += strlen(mark);
    csv_set_delim(&r->parser, (unsigned char)find_separator(text));
    for (size_t size; *text; text += size) {
        size = line_size(text, true);
        TRY(read_line(r, text, size));
    }
    if (csv_fini(&r->parser, add_field, end_row, r) != 0 && r->err == VGGCL_OK)
        r->err = explain(r);
    return r->err;
}

enum vggcl_err csv_read(const char *path, const char *text, csv_taker *take, void *user) {
    struct reader r = {.path = path, .take = take, .user = user};
    csv_init(&r.parser, CSV_STRICT | CSV_STRICT_FINI);
    enum vggcl_err err = read_lines(&r, text);
    csv_free(&r.parser);
    free(r.bytes);
    return err;
}

#else

enum vggcl_err csv_read(const char *path, const char *text, csv_taker *take, void *user) {
    (void)text, (void)take, (void)user;
    return feature_lacks(FEATURE_CSV, path, "");
}

#endif
