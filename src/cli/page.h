/* page.h - records as a page for a browser: one file, which needs no network. */
#ifndef VGGCL_CLI_PAGE_H
#define VGGCL_CLI_PAGE_H

#include "base/err.h"

#include <jansson.h>

/* Writes {"devices": [records]} to path as HTML, whole or not at all. */
enum vggcl_err page_write(const char *path, const json_t *records);

#endif
