/* err.h - how every function of the library fails: it returns an enum vggcl_err, and whoever found the fault has set
 * the text once, where it happened: one line that names the thing and the fix. Callers only pass the code on. */
#ifndef VGGCL_BASE_ERR_H
#define VGGCL_BASE_ERR_H

#include "vggcl.h"

/* Sets this thread's error text, printf-like, and returns code: `return err_set(VGGCL_EFORMAT, "%s: ...", path);` */
enum vggcl_err err_set(enum vggcl_err code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* VGGCL_ENOMEM for a failed host allocation of bytes, for the purpose named. */
enum vggcl_err err_no_memory(const char *purpose, size_t bytes);

/* For what may fail without anybody hearing of it: errors between the two leave this thread's text as it was. */
char *err_keep(void);
void err_put_back(char *kept);

/* `TRY(f(x));` leaves the function with f's error code; `TRY_GOTO(f(x), done)` jumps, with the code in `err`. */
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
