#include "base/err.h"
#include "base/nearest.h"
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* A failed kernel build carries its whole log, so the text has no fixed size. Each text frees the one before it; the
 * last one of a thread that ends is not freed. */
static _Thread_local char *text;

/* Texts with names from files and of files are one line; others may have a compiler's log. */
static bool is_one_line(enum vggcl_err code) {
    return code == VGGCL_EUSAGE || code == VGGCL_EFORMAT || code == VGGCL_EIO;
}

enum vggcl_err err_set(enum vggcl_err code, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int length = text_print_list(NULL, 0, format, arguments);
    va_end(arguments);

    /* Formatted before the old text is freed: it may be one of the arguments. */
    char *made = length < 0 ? NULL : malloc((size_t)length + 1);
    if (made) {
        va_start(arguments, format);
        text_print_list(made, (size_t)length + 1, format, arguments);
        va_end(arguments);
        text_make_printable(made, is_one_line(code) ? "" : "\n\t");
    }
    free(text);
    text = made;
    return code;
}

enum vggcl_err err_no_memory(const char *purpose, size_t bytes) {
    return err_set(VGGCL_ENOMEM, "out of memory: %zu bytes for %s", bytes, purpose);
}

enum vggcl_err err_choice(const char *option, const char *const *choices, const char *given) {
    char *known = text_join(choices);
    enum vggcl_err err = known ? err_set(VGGCL_EUSAGE, "%s: takes one of %s, not '%s'%s", option, known, given,
                                         nearest_choice(given, choices).text)
                               : err_no_memory("an option's choices", 0);
    free(known);
    return err;
}

char *err_keep(void) {
    char *kept = text;
    text = NULL;
    return kept;
}

void err_put_back(char *kept) {
    free(text);
    text = kept;
}

const char *vggcl_error(void) {
    return text ? text : "";
}

const char *vggcl_version(void) {
    return VGGCL_VERSION;
}
