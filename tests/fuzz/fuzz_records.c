/* Records of other devices (compare --against): read, judged, and printed as a table, as JSON, as a page, as JUnit's
 * XML and as Markdown. */
#define _XOPEN_SOURCE 700
#include "base/file.h"
#include "cli/compare/judge.h"
#include "cli/compare/records.h"
#include "cli/compare/report.h"
#include "common.h"

#include <stdlib.h>
#include <string.h>

static const char *path_of(const char *name) {
    static char path[VGGCL_PATH_MAX];
    FUZZ_HOLDS(file_path(path, fuzz_folder(), name) == VGGCL_OK);
    return path;
}

/* The caller frees it. A text: without NUL. */
static char *read_text(const char *name) {
    char *text;
    size_t size;
    FUZZ_HOLDS(file_read(path_of(name), SIZE_MAX - 1, &text, &size) == VGGCL_OK && strlen(text) == size);
    return text;
}

/* A file of lines of text, without control characters. */
static void check_lines(const char *name) {
    char *text = read_text(name);
    for (const char *c = text; *c; c++)
        FUZZ_HOLDS(*c == '\n' || ((unsigned char)*c >= ' ' && *c != 127));
    free(text);
}

/* Every '<' of the XML begins a tag of compare itself, and every '&' an entity. */
static void check_xml(const char *name) {
    static const char *const known[] = {"<?xml ",    "<testsuite",  "</testsuite", "<testcase", "</testcase>",
                                        "<failure",  "</failure>",  "<error",      "</error>",  "<propert",
                                        "</propert", "<system-out", "<system-err", "&lt;",      "&gt;",
                                        "&amp;",     "&quot;",      "&#39;"};
    char *text = read_text(name);
    for (const char *c = text; *c; c++) {
        bool found = *c != '<' && *c != '&';
        for (size_t i = 0; !found && i < sizeof known / sizeof *known; i++)
            found = strncmp(c, known[i], strlen(known[i])) == 0;
        FUZZ_HOLDS(found && (*c == '\n' || *c == '\t' || (unsigned char)*c >= ' '));
    }
    free(text);
}

static void check_answer(json_t *answer) {
    enum verdict verdict = judge(answer, VERDICT_RIGHT, 0.1);
    FUZZ_HOLDS(verdict < VERDICTS && json_object_get(answer, "verdict") && json_object_get(answer, "faults"));
    FUZZ_HOLDS(freopen(path_of("table"), "w", stdout));
    report_table(answer);
    FUZZ_HOLDS(fflush(stdout) == 0);
    check_lines("table");
    char *text = json_dumps(answer, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    FUZZ_HOLDS(text);
    free(text);
    FUZZ_HOLDS(report_page(path_of("page.html"), answer) == VGGCL_OK);
    FUZZ_HOLDS(report_markdown(path_of("summary.md"), answer) == VGGCL_OK);
    check_lines("summary.md");
    FUZZ_HOLDS(report_junit(path_of("junit.xml"), answer) == VGGCL_OK);
    check_xml("junit.xml");
    judge_explain(answer);
}

/* The records as those of today, and as their own earlier ones. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    json_t *records = json_array(), *answer = json_pack("{s:O}", "devices", records);
    const char *file = fuzz_file("records.json", bytes, count);
    FUZZ_HOLDS(answer);
    if (fuzz_accepted(records_read(records, file, false))) {
        FUZZ_HOLDS(records_read(records, file, true) == VGGCL_OK);
        check_answer(answer);
    }
    json_decref(records);
    json_decref(answer);
    return 0;
}
