/* prose.h - the plain text of helps and descriptions, as roff (man pages). */
#ifndef VGGCL_CLI_PROSE_H
#define VGGCL_CLI_PROSE_H

#include <stdio.h>

/* The blocks of a command's description: paragraphs and tables; examples (indented lines that begin with a command);
 * and the exit status ("Exit status: ..." until an empty line). */
enum prose { PROSE_TEXT = 1, PROSE_EXAMPLE = 2, PROSE_STATUS = 4 };

/* Prints the blocks of the kinds (enum prose, or-ed) in text. Returns how many there were. stream may be NULL to count.
 */
int prose_print_roff(FILE *stream, const char *text, int kinds);

/* Prints one paragraph, whose newlines are spaces: filled, a sentence begins a line; options and `commands` are bold.
 */
void prose_print_paragraph(FILE *stream, const char *text, size_t length);

/* Prints text as it is, with the characters escaped that roff would take for its own. */
void prose_print_escaped(FILE *stream, const char *text, size_t length);

#endif
