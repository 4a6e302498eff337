#include "cli/compare/records.h"
#include "cli/compare/report.h"

#include <stdio.h>

enum { DEVICE = 30, STATUS = 11 }; /* columns */

static void print_record(const json_t *record) {
    char name[RECORD_NAME], status[STATUS + 1], cell[REPORT_CELL];
    record_name(record, name);
    record_printable(record, "status", status, sizeof status);
    printf("%-*.*s %-*.*s", DEVICE, DEVICE, name, STATUS, STATUS, status);
    for (const struct report_column *c = report_columns; c->title; c++) {
        report_cell(c, record, cell);
        printf(" %*s", c->width, cell);
    }
    putchar('\n');
}

static void print_head(void) {
    printf("%-*s %-*s", DEVICE, "device", STATUS, "");
    for (const struct report_column *c = report_columns; c->title; c++)
        printf(" %*s", c->width, c->title);
    putchar('\n');
}

/* How each device's speed changed since its earlier record. */
static void print_speeds(const json_t *records) {
    size_t i;
    json_t *record;
    json_array_foreach(records, i, record) {
        char name[RECORD_NAME], text[RECORD_WHY];
        record_name(record, name);
        record_printable(json_object_get(record, "speed_against"), "text", text, sizeof text);
        if (*text)
            printf("%s: %s\n", name, text);
    }
}

void report_table(const json_t *answer) {
    const json_t *records = json_object_get(answer, "devices");
    size_t i;
    json_t *record;
    print_head();
    json_array_foreach(records, i, record) print_record(record);
    puts("\nworst: the largest error by its tolerance; loss off: from double precision; others: from the other "
         "devices;\n"
         "of bound: a training step's time at the device's peaks, as a share of the measured time; of copy: the share\n"
         "of the copying speed that the activations use");
    print_speeds(records);
    printf("verdict: %s\n", json_text_of(answer, "verdict"));
}
