#define _DEFAULT_SOURCE /* TIOCGWINSZ, isatty, fileno */
#include "cli/terminal.h"
#include "base/text.h"
#include "cli/cli.h"

#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { BAR = 10, BAR_COLUMNS = 80 }; /* cells of a progress bar; minimum columns of the terminal to show one */

/* The positive integer in an environment variable, or a default. */
static int count_from(const char *variable, int otherwise) {
    const char *text = getenv(variable);
    long count;
    return text && cli_parse_count(text, 1, SHRT_MAX, &count) ? (int)count : otherwise;
}

/* Whether the stream is a terminal that knows escape sequences. */
static bool is_terminal(FILE *stream) {
    const char *term = getenv("TERM");
    return isatty(fileno(stream)) && !(term && strcmp(term, "dumb") == 0);
}

struct terminal_size terminal_size(FILE *stream) {
    struct winsize size = {0};
    if (!is_terminal(stream))
        return (struct terminal_size){0, 0};
    ioctl(fileno(stream), TIOCGWINSZ, &size);
    return (struct terminal_size){size.ws_col ? size.ws_col : count_from("COLUMNS", 80),
                                  size.ws_row ? size.ws_row : count_from("LINES", 24)};
}

int text_columns(FILE *stream) {
    int columns = terminal_size(stream).columns;
    return !columns ? 80 : columns < 40 ? 40 : columns > 100 ? 100 : columns;
}

/* Prints the words of one line of text, wrapped; returns the column after them. */
static int print_words(FILE *stream, const char *line, size_t length, int column, int indent, int columns) {
    const char *end = line + length;
    while (line < end) {
        size_t word = strcspn(line, " \n");
        if (column > indent && column + 1 + (int)word > columns)
            column = fprintf(stream, "\n%*s", indent, "") - 1;
        else if (column > indent)
            column += fprintf(stream, " ");
        column += fprintf(stream, "%.*s", (int)word, line);
        line += word;
        line += line < end;
    }
    return column;
}

void print_wrapped(FILE *stream, const char *text, int column, int indent, int columns) {
    while (*text) {
        size_t length = strcspn(text, "\n");
        bool as_it_is = length == 0 || *text == ' ';
        if (as_it_is)
            fprintf(stream, "%s%.*s\n", column > indent ? "\n" : "", (int)length, text);
        column = as_it_is ? indent : print_words(stream, text, length, column, indent, columns);
        text += length;
        text += *text == '\n';
    }
    if (column > indent)
        putc('\n', stream);
}

/* An upper bound of the columns of UTF-8 text: characters of three or more bytes, among them East Asian wide
 * characters, count as two columns. */
static int columns_of(const char *text) {
    int columns = 0;
    for (; *text; text++) {
        unsigned char byte = (unsigned char)*text;
        columns += ((byte & 0xC0) != 0x80) + (byte >= 0xE0);
    }
    return columns;
}

struct line line_begin(FILE *stream) {
    int columns = terminal_size(stream).columns;
    line_erase(stream);
    return (struct line){stream, columns,
                         columns ? columns - 1 : INT_MAX}; /* some terminals wrap when the last column is written */
}

void line_add(struct line *l, const char *format, ...) {
    char field[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(field, sizeof field, format, arguments);
    va_end(arguments);
    text_make_printable(field, "");
    int columns = columns_of(field);
    if (columns > l->room) {
        l->room = 0;
        return;
    }
    l->room -= columns;
    fputs(field, l->stream);
}

void line_bar(struct line *l, double done) {
    char bar[BAR + 1] = "";
    if (l->columns < BAR_COLUMNS)
        return;
    for (int i = 0; i < BAR; i++)
        bar[i] = i < done * BAR ? '#' : '.';
    line_add(l, " [%s]", bar);
}

void line_end(struct line *l) {
    putc('\n', l->stream);
    fflush(l->stream);
}

void line_show(struct line *l) {
    if (!l->columns)
        putc('\n', l->stream);
    fflush(l->stream);
}

void line_erase(FILE *stream) {
    if (is_terminal(stream))
        fputs("\r\033[K", stream);
}
