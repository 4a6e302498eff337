/* err.h - error codes and texts. A function that can fail returns an enum vggcl_err. The error text is set once, where
 * the error is found: one line that names the thing and the fix. Callers only return the code. */
#ifndef VGGCL_BASE_ERR_H
#define VGGCL_BASE_ERR_H

#include "vggcl.h"

/* Sets this thread's error text, printf-like, and returns code: `return err_set(VGGCL_EFORMAT, "%s: ...", path);` */
enum vggcl_err err_set(enum vggcl_err code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* VGGCL_EUSAGE: text is none of an option's choices, a NULL-terminated list; the error names all of them. */
enum vggcl_err err_choice(const char *option, const char *const *choices, const char *text);

/* VGGCL_ENOMEM: host memory for `bytes` bytes could not be allocated; purpose says what it is for. */
enum vggcl_err err_no_memory(const char *purpose, size_t bytes);

/* For code that ignores errors: err_put_back() restores this thread's text as it was at err_keep(). Call both. */
char *err_keep(void);
void err_put_back(char *kept);

/* On an error of f, `TRY(f(x));` returns its code; `TRY_GOTO(f(x), done)` stores the code in `err` and jumps. */
#define TRY(call)                                                                                                      \
    do {                                                                                                               \
        enum vggcl_err try_err_ = (call);                                                                              \
        if (try_err_ != VGGCL_OK)                                                                                      \
            return try_err_;                                                                                           \
    } while (0)
#define TRY_GOTO(call, label)                                                                                          \
    do {                                                                                                               \
        if ((err = (call)) != VGGCL_OK)                                                                                \
            goto label;                                                                                                \
    } while (0)

#endif
