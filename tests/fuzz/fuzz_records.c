/* Records of other devices (compare --against): read, compared, and printed as a table, as JSON and as a page. */
#define _XOPEN_SOURCE 700
#include "cli/command_compare.c" /* its functions are the program's, not the library's */
#include "common.h"

/* The table is lines of text, without control characters. */
static void check_table(const json_t *records) {
    char path[VGGCL_PATH_MAX], *text;
    size_t size;
    FUZZ_HOLDS(file_path(path, fuzz_folder(), "table") == VGGCL_OK && freopen(path, "w", stdout));
    print_table(records);
    FUZZ_HOLDS(fflush(stdout) == 0 && file_read(path, SIZE_MAX - 1, &text, &size) == VGGCL_OK);
    FUZZ_HOLDS(strlen(text) == size);
    for (const char *c = text; *c; c++)
        FUZZ_HOLDS(*c == '\n' || ((unsigned char)*c >= ' ' && *c != 127));
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    json_t *records = json_array(), *answer = json_pack("{s:O}", "devices", records);
    FUZZ_HOLDS(answer);
    if (fuzz_accepted(read_earlier(records, fuzz_file("records.json", bytes, count)))) {
        char page[VGGCL_PATH_MAX];
        FUZZ_HOLDS(file_path(page, fuzz_folder(), "page.html") == VGGCL_OK);
        add_differences(records);
        check_table(records);
        char *text = json_dumps(answer, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
        FUZZ_HOLDS(text);
        free(text);
        FUZZ_HOLDS(write_page(page, answer) == VGGCL_OK);
        fuzz_accepted(name_bad(records));
    }
    json_decref(records);
    json_decref(answer);
    return 0;
}
