#include "data/sums.h"

#include <errno.h>
#include <md5.h>
#include <string.h>

_Static_assert(SUM_SIZE == MD5_DIGEST_STRING_LENGTH, "what MD5File() writes");

bool sums_find(const char *lines, const char *name, char sum[SUM_SIZE]) {
    const ptrdiff_t digits = SUM_SIZE - 1, length = (ptrdiff_t)strlen(name);
    for (const char *line = lines, *end; (end = strchr(line, '\n')); line = end + 1) {
        const char *last = end - length; /* word of the line */
        if (last - line == digits + 2 && strncmp(last - 2, "  ", 2) == 0 && strncmp(last, name, (size_t)length) == 0) {
            memcpy(sum, line, (size_t)digits);
            sum[digits] = '\0';
            return true;
        }
    }
    return false;
}

enum vggcl_err sums_check(const char *path, const char *lines, const char *name, const char *of, const char *fix) {
    char sum[SUM_SIZE], expected[SUM_SIZE];
    if (!MD5File(path, sum))
        return err_set(VGGCL_EIO, "%s: %s cannot be read: %s; %s", of, name, strerror(errno), fix);
    if (sums_find(lines, name, expected) && strcmp(sum, expected) != 0)
        return err_set(VGGCL_EFORMAT, "%s: %s has the MD5 sum %s, not %s; %s", of, name, sum, expected, fix);
    return VGGCL_OK;
}
