#define _POSIX_C_SOURCE 200809L /* uselocale */
#include "base/text.h"

#include <locale.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static pthread_once_t made = PTHREAD_ONCE_INIT;
static locale_t c_locale;

/* Where memory is out, c_locale stays 0, with which uselocale() changes nothing. */
static void make(void) {
    c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

/* The thread's locale becomes C's; returns what it was, for uselocale(). */
static locale_t enter(void) {
    pthread_once(&made, make);
    return uselocale(c_locale);
}

int text_print_list(char *text, size_t size, const char *format, va_list arguments) {
    locale_t before = enter();
    int length = vsnprintf(text, size, format, arguments);
    uselocale(before);
    return length;
}

int text_print(char *text, size_t size, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int length = text_print_list(text, size, format, arguments);
    va_end(arguments);
    return length;
}

int text_print_real(char *text, size_t size, double value) {
    int length = text_print(text, size, "%.15g", value);
    return text_number(text, NULL) == value ? length : text_print(text, size, "%.17g", value);
}

int text_print_file(FILE *file, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    locale_t before = enter();
    int length = vfprintf(file, format, arguments);
    uselocale(before);
    va_end(arguments);
    return length;
}

char *text_join(const char *const *words) {
    size_t size = 1;
    for (const char *const *word = words; *word; word++)
        size += strlen(*word) + 2;
    char *all = malloc(size), *end = all;
    if (!all)
        return NULL;
    *all = '\0';
    for (const char *const *word = words; *word; word++)
        end += sprintf(end, "%s%s", word == words ? "" : ", ", *word);
    return all;
}

double text_number(const char *text, char **end) {
    locale_t before = enter();
    double value = strtod(text, end);
    uselocale(before);
    return value;
}
