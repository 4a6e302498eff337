/* text.h - prints and parses numbers independently of the locale: always with a decimal point, also after the program
 * has called setlocale(LC_ALL, ""). The library prints and parses all numbers by these functions. */
#ifndef VGGCL_BASE_TEXT_H
#define VGGCL_BASE_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* snprintf(), vsnprintf() and fprintf(), as in the C locale. */
int text_print(char *text, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
int text_print_list(char *text, size_t size, const char *format, va_list arguments);
int text_print_real(char *text, size_t size,
                    double value); /* with all digits that are needed to read back the same bits */
int text_print_file(FILE *file, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Joins a NULL-terminated list of words: "a, b, c". The caller frees it with free(). NULL if memory is out. */
char *text_join(const char *const *words);

/* Adds a line and a line's end to *lines, which the caller frees; NULL is an empty text. False if memory is out: *lines
 * is then as before. */
bool text_add_line(char **lines, const char *line);

/* Copies text to `to`, with U+FFFD in place of each byte that is not part of valid UTF-8 (as JSON requires it: without
 * surrogates); the end that does not fit into size bytes is left out, by whole characters. A text of n bytes fits into
 * TEXT_REPLACEMENT * n + 1 bytes. */
enum { TEXT_REPLACEMENT = 3 };
void text_utf8(char *to, size_t size, const char *text);
bool text_is_utf8(const char *text);

/* Replaces control characters by '?', except those in `allowed`, so that a text from a file or a driver cannot control
 * a terminal; and everything beyond ASCII if the text is not UTF-8. */
void text_make_printable(char *text, const char *allowed);

/* The ending of a noun that a number stands before: "%d epoch%s". */
static inline const char *text_plural(long long count) {
    return count == 1 ? "" : "s";
}

/* strtod(), as in the C locale. */
double text_number(const char *text, char **end);

#endif
