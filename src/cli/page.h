/* page.h - HTML files that load nothing from the network, made from the embedded src/cli/NAME.html. */
#ifndef VGGCL_CLI_PAGE_H
#define VGGCL_CLI_PAGE_H

#include "base/folder.h"
#include "base/json.h"

#include <stdio.h>

/* What replaces "@NAME@" in a page. */
struct page_mark {
    const char *name;
    enum vggcl_err (*write)(FILE *stream, const void *payload);
};

/* Writes the embedded page to path in folder, atomically. marks ends with a NULL name. */
enum vggcl_err page_write(const struct folder *folder, const char *path, const char *page,
                          const struct page_mark *marks, const void *payload);

/* Writes JSON into a <script type="application/json">. */
enum vggcl_err page_put_json(FILE *stream, const json_t *json);

/* Writes text with HTML's special characters escaped: for elements and for attributes in quotes. */
void page_put_text(FILE *stream, const char *text);

/* Writes an <img> that holds the PNG file's bytes; description is its text for who cannot see it. */
void page_put_png(FILE *stream, const uint8_t *bytes, size_t size, const char *description);

#endif
