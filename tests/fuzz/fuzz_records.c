/* Records of other devices (compare --against): read, compared, and printed as a table, as JSON and as a page. */
#define _XOPEN_SOURCE 700
#include "cli/command_compare.c" /* its functions are the program's, not the library's */
#include "common.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    json_t *records = json_array(), *answer = json_pack("{s:O}", "devices", records);
    FUZZ_HOLDS(answer);
    if (fuzz_accepted(read_earlier(records, fuzz_file("records.json", bytes, count)))) {
        char page[VGGCL_PATH_MAX];
        FUZZ_HOLDS(file_path(page, fuzz_folder(), "page.html") == VGGCL_OK);
        add_differences(records);
        print_table(records);
        char *text = json_dumps(answer, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
        FUZZ_HOLDS(text);
        free(text);
        FUZZ_HOLDS(write_page(page, answer) == VGGCL_OK);
        fuzz_accepted(verdict(records));
    }
    json_decref(records);
    json_decref(answer);
    return 0;
}
