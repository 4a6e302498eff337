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

bool text_add_line(char **lines, const char *line) {
    size_t used = *lines ? strlen(*lines) : 0, room = strlen(line) + 2;
    char *longer = realloc(*lines, used + room);
    if (!longer)
        return false;
    *lines = longer;
    snprintf(longer + used, room, "%s\n", line);
    return true;
}

/* Number of bytes of the valid UTF-8 character at text; 0 if there is none. */
static size_t character(const char *text) {
    static const unsigned long least[] = {0, 0, 0x80, 0x800, 0x10000}; /* shorter forms exist below these */
    unsigned char first = (unsigned char)*text;
    size_t length = first < 0x80 ? 1 : first < 0xC0 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF8 ? 4 : 0;
    unsigned long code = length > 1 ? first & (0x7Fu >> length) : first;
    for (size_t i = 1; i < length; i++) {
        unsigned char next = (unsigned char)text[i];
        if ((next & 0xC0) != 0x80)
            return 0;
        code = code << 6 | (next & 0x3F);
    }
    return code < least[length] || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF) ? 0 : length;
}

void text_utf8(char *to, size_t size, const char *text) {
    static const char replacement[] = "\xEF\xBF\xBD";
    while (*text) {
        size_t valid = character(text), length = valid ? valid : TEXT_REPLACEMENT;
        if (length >= size)
            break;
        memcpy(to, valid ? text : replacement, length);
        to += length;
        size -= length;
        text += valid ? valid : 1;
    }
    *to = '\0';
}

bool text_is_utf8(const char *text) {
    while (*text && character(text))
        text += character(text);
    return !*text;
}

/* U+0080 to U+009F, two bytes each, are control characters too. */
void text_make_printable(char *text, const char *allowed) {
    bool utf8 = text_is_utf8(text);
    for (; *text; text++) {
        unsigned char first = (unsigned char)text[0], second = (unsigned char)text[1];
        if (((first < ' ' || first == 127) && !strchr(allowed, first)) || (!utf8 && first > 127))
            *text = '?';
        else if (first == 0xC2 && second < 0xA0)
            text[0] = text[1] = '?';
    }
}

double text_number(const char *text, char **end) {
    locale_t before = enter();
    double value = strtod(text, end);
    uselocale(before);
    return value;
}
