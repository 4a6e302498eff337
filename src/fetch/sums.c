#include "fetch/sums.h"
#include "base/file.h"

#include <errno.h>
#include <md5.h>
#include <sha2.h>
#include <string.h>

/* libmd's functions; which one, the number of digits says. */
static const struct {
    const char *title;
    size_t digits;
    char *(*sum)(const char *path, char *sum);
} algorithms[] = {{"MD5", MD5_DIGEST_STRING_LENGTH - 1, MD5File},
                  {"SHA-256", SHA256_DIGEST_STRING_LENGTH - 1, SHA256File}};
enum { ALGORITHMS = sizeof algorithms / sizeof *algorithms };

_Static_assert(SUM_SIZE == SHA256_DIGEST_STRING_LENGTH, "SHA256File() writes SUM_SIZE bytes");

/* The algorithm with that many digits; -1 for none. */
static int algorithm_of(size_t digits) {
    for (int i = 0; i < ALGORITHMS; i++)
        if (algorithms[i].digits == digits)
            return i;
    return -1;
}

bool sums_find(const char *lines, const char *name, char sum[SUM_SIZE]) {
    const size_t length = strlen(name);
    for (const char *line = lines, *end; (end = strchr(line, '\n')); line = end + 1) {
        size_t digits = strspn(line, "0123456789abcdef");
        const char *file = line + digits + 2; /* past the two spaces */
        if (algorithm_of(digits) < 0 || file > end || strncmp(file - 2, "  ", 2) != 0 ||
            (size_t)(end - file) != length || strncmp(file, name, length) != 0)
            continue;
        memcpy(sum, line, digits);
        sum[digits] = '\0';
        return true;
    }
    return false;
}

/* libmd takes a path, and would wait for a FIFO. */
static enum vggcl_err check_regular(const char *path) {
    FILE *stream;
    uint64_t size;
    TRY(file_open(path, &stream, &size));
    fclose(stream);
    return VGGCL_OK;
}

enum vggcl_err sums_check(const char *path, const char *lines, const char *name, const char *of, const char *fix) {
    char sum[SUM_SIZE], expected[SUM_SIZE];
    bool known = sums_find(lines, name, expected);
    int algorithm = known ? algorithm_of(strlen(expected)) : 0;
    enum vggcl_err err = check_regular(path);
    if (err != VGGCL_OK)
        return err_set(err, "%s: %s cannot be read: %s; %s", of, name, vggcl_error(), fix);
    if (!algorithms[algorithm].sum(path, sum))
        return err_set(VGGCL_EIO, "%s: %s cannot be read: %s; %s", of, name, strerror(errno), fix);
    if (known && strcmp(sum, expected) != 0)
        return err_set(VGGCL_EFORMAT, "%s: %s has the %s sum %s, not %s; %s", of, name, algorithms[algorithm].title,
                       sum, expected, fix);
    return VGGCL_OK;
}
