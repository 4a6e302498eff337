#include "cli/page.h"
#include "base/embedded.h"
#include "base/file.h"

#include <stdlib.h>
#include <string.h>

static const char mark[] = "@RECORDS@"; /* replaced by the records, in a <script type="application/json"> */

/* Escapes '<' in the JSON, so that no text in a record can start an HTML tag. */
static void write_records(FILE *stream, const char *json) {
    for (; *json; json++)
        if (*json == '<')
            fputs("\\u003c", stream);
        else
            fputc(*json, stream);
}

enum vggcl_err page_write(const char *path, const json_t *records) {
    struct file_write file;
    const char *page = embedded_pages[0].text, *at = strstr(page, mark);
    char *json = json_dumps(records, JSON_REAL_PRECISION(9));
    if (!json)
        return err_no_memory(path, 0);
    enum vggcl_err err = file_write_begin(&file, &folder_current, path);
    if (err == VGGCL_OK) {
        fwrite(page, 1, (size_t)(at - page), file.stream);
        write_records(file.stream, json);
        fputs(at + strlen(mark), file.stream);
        err = file_write_commit(&file);
    }
    free(json);
    return err;
}
