/* page.h - records as one HTML file, which loads nothing from the network. */
#ifndef VGGCL_CLI_PAGE_H
#define VGGCL_CLI_PAGE_H

#include "base/err.h"

#include <jansson.h>

/* Writes {"devices": [records]} to path as HTML, atomically. */
enum vggcl_err page_write(const char *path, const json_t *records);

#endif
