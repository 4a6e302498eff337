#include "cli/page.h"
#include "base/embedded.h"
#include "base/file.h"

#include <stdlib.h>
#include <string.h>

static const char *find_page(const char *name) {
    const struct embedded_file *page = embedded_pages;
    while (strcmp(page->stem, name) != 0)
        page++;
    return page->text;
}

/* The mark that text, which begins with '@', begins with; NULL if there is none. */
static const struct page_mark *mark_at(const char *text, const struct page_mark *marks) {
    for (const struct page_mark *m = marks; m->name; m++) {
        size_t length = strlen(m->name);
        if (strncmp(text + 1, m->name, length) == 0 && text[length + 1] == '@')
            return m;
    }
    return NULL;
}

static enum vggcl_err fill(FILE *stream, const char *text, const struct page_mark *marks, const void *payload) {
    while (*text) {
        const struct page_mark *m = *text == '@' ? mark_at(text, marks) : NULL;
        if (m)
            TRY(m->write(stream, payload));
        else
            fputc(*text, stream);
        text += m ? strlen(m->name) + 2 : 1;
    }
    return VGGCL_OK;
}

enum vggcl_err page_write(const struct folder *folder, const char *path, const char *page,
                          const struct page_mark *marks, const void *payload) {
    struct file_write file;
    TRY(file_write_begin(&file, folder, path));
    enum vggcl_err err = fill(file.stream, find_page(page), marks, payload);
    if (err == VGGCL_OK)
        return file_write_commit(&file);
    file_write_abandon(&file);
    return err;
}

/* Escapes '<', so that no text in the JSON can start an HTML tag. */
enum vggcl_err page_put_json(FILE *stream, const json_t *json) {
    char *text = json_print(json, JSON_REAL_PRECISION(9));
    if (!text)
        return err_no_memory("the page", 0);
    for (const char *c = text; *c; c++)
        if (*c == '<')
            fputs("\\u003c", stream);
        else
            fputc(*c, stream);
    free(text);
    return VGGCL_OK;
}

void page_put_text(FILE *stream, const char *text) {
    for (; *text; text++)
        switch (*text) {
        case '<':
            fputs("&lt;", stream);
            break;
        case '>':
            fputs("&gt;", stream);
            break;
        case '&':
            fputs("&amp;", stream);
            break;
        case '"':
            fputs("&quot;", stream);
            break;
        case '\'':
            fputs("&#39;", stream);
            break;
        default:
            fputc(*text, stream);
        }
}

static void put_base64(FILE *stream, const uint8_t *bytes, size_t size) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < size; i += 3) {
        size_t n = size - i < 3 ? size - i : 3;
        uint32_t word =
            (uint32_t)bytes[i] << 16 | (uint32_t)(n > 1 ? bytes[i + 1] : 0) << 8 | (n > 2 ? bytes[i + 2] : 0);
        for (size_t k = 0; k < 4; k++)
            fputc(k <= n ? digits[word >> (18 - 6 * k) & 63] : '=', stream);
    }
}

void page_put_png(FILE *stream, const uint8_t *bytes, size_t size, const char *description) {
    fputs("<img alt=\"", stream);
    page_put_text(stream, description);
    fputs("\" src=\"data:image/png;base64,", stream);
    put_base64(stream, bytes, size);
    fputs("\">", stream);
}
