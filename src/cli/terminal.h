/* terminal.h - the terminal's size, and lines that fit it. Only this file and terminal.c know escape sequences. */
#ifndef VGGCL_CLI_TERMINAL_H
#define VGGCL_CLI_TERMINAL_H

#include <stdio.h>

/* The size of the terminal that the stream writes to: as the terminal reports it, else $COLUMNS and $LINES, else 80x24.
 * Both are 0 if the stream is not a terminal, or one without escape sequences ($TERM is "dumb"). */
struct terminal_size {
    int columns, rows;
};
struct terminal_size terminal_size(FILE *stream);

/* The column at which to wrap text: the terminal's width, limited to 40 to 100; 80 if the stream is not a terminal. */
int text_columns(FILE *stream);

/* Prints text, starting at a column and wrapped at `columns`; later lines are indented. Newlines are replaced by
 * spaces, except around empty lines and lines that begin with a space, which are kept. Ends with a newline. */
void print_wrapped(FILE *stream, const char *text, int column, int indent, int columns);

/* A line of fields, the most important first. On a terminal the first field that does not fit, and all fields after it,
 * are omitted; on files and pipes lines are complete. The terminal's size is read for each line, so resizing works.
 *
 *     struct line line = line_begin(stdout);
 *     line_add(&line, "epoch %d/%d", 3, 12);
 *     line_add(&line, "  loss %.4f", loss);
 *     line_show(&line); */
struct line {
    FILE *stream;
    int columns; /* of the terminal; 0: the stream is not a terminal */
    int room;    /* columns left for fields */
};

/* Starts a line; on a terminal, it replaces the live line. */
struct line line_begin(FILE *stream);

/* Appends a field. Bytes that could move the cursor become '?'. */
void line_add(struct line *l, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Appends a progress bar, " [####......]", for a fraction of 0 to 1; only on terminals of at least 80 columns. */
void line_bar(struct line *l, double done);

/* Ends the line. */
void line_end(struct line *l);

/* Shows the line: as the live line on a terminal, which the next line_begin() or line_erase() removes; elsewhere as
 * line_end(). */
void line_show(struct line *l);

/* Removes the live line, if there is one. */
void line_erase(FILE *stream);

#endif
