#include "cli/page.h"
#include "cli/compare/report.h"

static enum vggcl_err put_records(FILE *stream, const void *answer) {
    return page_put_json(stream, answer);
}

enum vggcl_err report_page(const char *path, const json_t *answer) {
    static const struct page_mark marks[] = {{"RECORDS", put_records}, {0}};
    return page_write(&folder_current, path, "compare", marks, answer);
}
