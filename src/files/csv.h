/* csv.h - CSV files (RFC 4180 and what programs make of it), read by libcsv: quoted fields, spaces around fields, line
 * ends LF, CR LF or CR, a byte-order mark, comment lines that begin with '#', empty lines, and commas, semicolons or
 * tabs between the fields. */
#ifndef VGGCL_FILES_CSV_H
#define VGGCL_FILES_CSV_H

#include "base/err.h"

struct csv_row {
    int line; /* of the file, from 1: the row's last one */
    size_t count;
    const char *const *fields; /* [count], until the function that takes the row returns */
};

/* Takes a row; an error ends the reading. */
typedef enum vggcl_err csv_taker(void *user, const struct csv_row *row);

/* Passes the rows of a text to take(), the first of which are usually the columns' names. What separates the fields is
 * found in that row. path: the file, for errors. VGGCL_EFORMAT, naming the line, if a quoted field is malformed;
 * VGGCL_EUSAGE in a build without libcsv. */
enum vggcl_err csv_read(const char *path, const char *text, csv_taker *take, void *user);

#endif
