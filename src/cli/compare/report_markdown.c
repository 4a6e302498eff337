/* GitHub-flavoured Markdown, which GitLab reads too. */
#include "base/file.h"
#include "base/text.h"
#include "cli/compare/records.h"
#include "cli/compare/report.h"

#include <stdio.h>
#include <string.h>

/* Writes text so that it is shown as it is, on one line: a backslash before each character that means something. */
static void put(FILE *stream, const char *text) {
    for (; *text; text++) {
        if (strchr("\\`*_[]<>#|&~$!@", *text))
            fputc('\\', stream);
        fputc((unsigned char)*text < ' ' ? ' ' : *text, stream);
    }
}

static void put_record(FILE *stream, const json_t *record) {
    char name[RECORD_NAME], status[32], cell[REPORT_CELL];
    record_name(record, name);
    record_printable(record, "status", status, sizeof status);
    fputs("| ", stream);
    put(stream, name);
    fputs(" | ", stream);
    put(stream, status);
    for (const struct report_column *c = report_columns; c->title; c++) {
        report_cell(c, record, cell);
        if (c->summary)
            fprintf(stream, " | %s", cell);
    }
    fputs(" |\n", stream);
}

static void put_table(FILE *stream, const json_t *records) {
    size_t i;
    json_t *record;
    fputs("| device | status", stream);
    for (const struct report_column *c = report_columns; c->title; c++)
        if (c->summary)
            fprintf(stream, " | %s", c->summary);
    fputs(" |\n|---|---", stream);
    for (const struct report_column *c = report_columns; c->title; c++)
        if (c->summary)
            fputs("|---:", stream);
    fputs("|\n", stream);
    json_array_foreach(records, i, record) put_record(stream, record);
}

/* An item of a list: "- **name**: text"; nothing for an empty text. */
static void put_item(FILE *stream, const char *name, const char *text) {
    if (!*text)
        return;
    fputs("- ", stream);
    if (*name) {
        fputs("**", stream);
        put(stream, name);
        fputs("**: ", stream);
    }
    put(stream, text);
    fputc('\n', stream);
}

/* Why devices have not passed, and how their speed changed. */
static void put_reasons(FILE *stream, const json_t *answer) {
    size_t i;
    json_t *record, *fault;
    char name[RECORD_NAME], text[RECORD_WHY];
    put_item(stream, "", json_text_of(answer, "error"));
    json_array_foreach(json_object_get(answer, "faults"), i, fault) put_item(stream, "", json_string_value(fault));
    json_array_foreach(json_object_get(answer, "devices"), i, record) {
        record_name(record, name);
        record_why(record, text);
        if (!record_is(record, "slower"))
            put_item(stream, name, text);
        record_printable(json_object_get(record, "speed_against"), "text", text, sizeof text);
        put_item(stream, name, text);
    }
}

enum vggcl_err report_markdown(const char *path, const json_t *answer) {
    struct file_write file;
    char origin[REPORT_ORIGIN];
    TRY(file_write_begin(&file, &folder_current, path));
    report_origin(answer, origin);
    text_make_printable(origin, "");
    fprintf(file.stream, "### vggcl compare: %s\n\n", json_text_of(answer, "verdict"));
    put_table(file.stream, json_object_get(answer, "devices"));
    fputc('\n', file.stream);
    put_reasons(file.stream, answer);
    fputc('\n', file.stream);
    put(file.stream, origin);
    fputc('\n', file.stream);
    return file_write_commit(&file);
}
