#include "cli/prose.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

enum { COLUMNS = 66 };

static const char status_label[] = "Exit status:"; /* the page has it as a heading */

/* At the start of a line "." and "'" begin a request. */
static void guard(FILE *stream, const char *line) {
    if (*line == '.' || *line == '\'')
        fputs("\\&", stream);
}

void prose_print_escaped(FILE *stream, const char *text, size_t length) {
    for (size_t i = 0; i < length; i++)
        if (text[i] == '\\')
            fputs("\\e", stream);
        else if (text[i] == '-')
            fputs("\\-", stream);
        else
            putc(text[i], stream);
}

/* Length of the option that text begins with: "--save-every"; 0 if it begins with none. */
static size_t option_length(const char *text, size_t length) {
    size_t n = 2;
    if (length < 3 || strncmp(text, "--", 2) != 0 || !islower((unsigned char)text[2]))
        return 0;
    while (n < length && (islower((unsigned char)text[n]) || isdigit((unsigned char)text[n]) || text[n] == '-'))
        n++;
    return n;
}

/* Prints a word; in bold: an option in it, and what stands between backquotes, which may begin and end in other words.
 */
static void print_word(FILE *stream, const char *word, size_t length, bool *quoted) {
    for (size_t i = 0, n; i < length; i += n) {
        size_t option = *quoted ? 0 : option_length(word + i, length - i);
        n = option ? option : 1;
        if (word[i] == '`') {
            *quoted = !*quoted;
            fputs(*quoted ? "\\fB" : "\\fR", stream);
            continue;
        }
        fputs(option ? "\\fB" : "", stream);
        prose_print_escaped(stream, word + i, n);
        fputs(option ? "\\fR" : "", stream);
    }
}

void prose_print_paragraph(FILE *stream, const char *text, size_t length) {
    const char *end = text + length;
    bool quoted = false, ended = false;
    int column = 0;
    while (text < end) {
        size_t word = strcspn(text, " \n");
        word = word < (size_t)(end - text) ? word : (size_t)(end - text);
        bool breaks = column && (ended || column + 1 + (int)word > COLUMNS);
        if (word) {
            fputs(breaks ? "\n" : column ? " " : "", stream);
            if (breaks || !column)
                guard(stream, text);
            print_word(stream, text, word, &quoted);
            column = (breaks ? 0 : column + 1) + (int)word;
            ended = text[word - 1] == '.' && !(word == 4 && strncmp(text, "e.g.", 4) == 0);
        }
        text += word + (text + word < end);
    }
    putc('\n', stream);
}

/* Length of the block that text begins with: lines that are all indented, or none of them, until an empty line. */
static size_t block_length(const char *text) {
    size_t length = 0;
    bool indented = *text == ' ';
    while (text[length] && text[length] != '\n' && (text[length] == ' ') == indented) {
        length += strcspn(text + length, "\n");
        length += text[length] == '\n';
    }
    return length;
}

static void print_lines(FILE *stream, const char *text, size_t length) {
    fputs(".RS -5\n.nf\n", stream); /* as far to the left as in the help: lines fit into 80 columns */
    for (const char *end = text + length; text < end; text++) {
        size_t line = strcspn(text, "\n"), indent = strspn(text, " ");
        indent = indent < 2 ? indent : 2;
        guard(stream, text + indent);
        prose_print_escaped(stream, text + indent, line - indent);
        putc('\n', stream);
        text += line;
    }
    fputs(".fi\n.RE\n", stream);
}

static enum prose kind_of(const char *text, enum prose before, bool follows) {
    if (strncmp(text, status_label, strlen(status_label)) == 0 || (follows && before == PROSE_STATUS && *text == ' '))
        return PROSE_STATUS;
    bool example = strncmp(text, "  vggcl ", 8) == 0 || strncmp(text, "  find ", 7) == 0;
    return example || (before == PROSE_EXAMPLE && *text == ' ') ? PROSE_EXAMPLE : PROSE_TEXT;
}

/* Returns false if the block is a label only. */
static bool print_block(FILE *stream, const char *text, size_t length, bool first) {
    size_t label = strncmp(text, status_label, strlen(status_label)) == 0 ? strlen(status_label) : 0;
    if (label)
        label += strspn(text + label, " ");
    if (label && text[label] == '\n')
        return false;
    fputs(first ? "" : ".PP\n", stream);
    if (*text == ' ')
        print_lines(stream, text, length);
    else
        prose_print_paragraph(stream, text + label, length - label - (text[length - 1] == '\n'));
    return true;
}

int prose_print_roff(FILE *stream, const char *text, int kinds) {
    enum prose kind = 0;
    int count = 0;
    for (bool follows = false; *text;) {
        size_t length = block_length(text);
        kind = kind_of(text, kind, follows);
        if (kind & kinds)
            count += !stream || print_block(stream, text, length, count == 0);
        text += length;
        follows = *text != '\n';
        text += strspn(text, "\n");
    }
    return count;
}
