/* report.h - what compare prints and writes of an answer that was judged (judge.h). Texts of records may come from
 * files and drivers: each format escapes them. Files are written atomically, and replace what was there. */
#ifndef VGGCL_CLI_COMPARE_REPORT_H
#define VGGCL_CLI_COMPARE_REPORT_H

#include "base/json.h"

/* A column of the tables. */
struct report_column {
    const char *title;
    const char *summary; /* the title in a summary; NULL if it is left out there */
    int width;
    const char *format; /* of a double, for printf() */
    double (*value)(const json_t *record);
};
extern const struct report_column report_columns[]; /* ended by a NULL title */

/* A column's text of a record; "-" if it has no finite value. */
enum { REPORT_CELL = 32 };
void report_cell(const struct report_column *column, const json_t *record, char text[REPORT_CELL]);

/* Where and when it was measured: "vggcl 0.2.0 (8daa690), 2026-11-29T21:30:00Z, HOST, Linux 6.1 x86_64, CPU". */
enum { REPORT_ORIGIN = 1024 };
void report_origin(const json_t *answer, char text[REPORT_ORIGIN]);

void report_table(const json_t *answer); /* to stdout */
enum vggcl_err report_junit(const char *path, const json_t *answer);
enum vggcl_err report_markdown(const char *path, const json_t *answer);
enum vggcl_err report_page(const char *path, const json_t *answer);

#endif
