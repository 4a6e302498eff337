#define _POSIX_C_SOURCE 200809L /* gmtime_r */
#include "cli/manual.h"
#include "base/embedded.h"
#include "cli/help.h"
#include "cli/prose.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ------------------------------------------------------------------------------------------- the written parts -- */

/* data/man/NAME.man; "" if there is none. */
static const char *written(const char *name) {
    for (const struct embedded_file *file = embedded_manual; file->stem; file++)
        if (strcmp(file->stem, name) == 0)
            return file->text;
    return "";
}

/* What data/man/options.man says about an option: the lines after `.\" NAME`, up to the next such line; *length is 0 if
 * it says nothing. */
static const char *written_of(const char *option, size_t *length) {
    static const char mark[] = ".\\\" ";
    size_t name = strlen(option);
    for (const char *text = written("options"); (text = strstr(text, mark));) {
        text += strlen(mark);
        if (strncmp(text, option, name) != 0 || text[name] != '\n')
            continue;
        const char *begin = text + name + 1, *end = strstr(begin, mark);
        *length = end ? (size_t)(end - begin) : strlen(begin);
        return begin;
    }
    *length = 0;
    return "";
}

/* --------------------------------------------------------------------------------------------------- man pages -- */

static void print_title(FILE *stream, const struct command *c) {
    const char *epoch = getenv("SOURCE_DATE_EPOCH");
    time_t now = epoch ? (time_t)strtoll(epoch, NULL, 10) : time(NULL);
    char date[32] = "";
    struct tm day;
    if (gmtime_r(&now, &day))
        strftime(date, sizeof date, "%Y-%m-%d", &day);
    fputs(".TH VGGCL", stream);
    fputs(c ? "\\-" : "", stream);
    for (const char *name = c ? c->name : ""; *name; name++)
        putc(toupper((unsigned char)*name), stream);
    fprintf(stream, " 1 \"%s\" \"vggcl %s\" \"vggcl manual\"\n.nh\n.ad l\n", date, vggcl_version());
}

static void print_heading(FILE *stream, const struct command *c) {
    fprintf(stream, ".SH NAME\nvggcl%s%s \\- ", c ? "\\-" : "", c ? c->name : "");
    prose_print_paragraph(stream, c ? c->summary : help_purpose, strlen(c ? c->summary : help_purpose));
    fprintf(stream, ".SH SYNOPSIS\n\\fBvggcl%s%s\\fR ", c ? " " : "", c ? c->name : "");
    if (c && c->words)
        fprintf(stream, "\\fI%s\\fR ", c->words->argument);
    fputs(c ? "[\\fIflags\\fR]\n" : "\\fIcommand\\fR [\\fIflags\\fR]\n", stream);
}

static void print_taken(FILE *stream, const struct taken *t) {
    char *help = help_of(t);
    size_t length;
    fputs(".TP\n\\fB\\-\\-", stream);
    prose_print_escaped(stream, t->name, strlen(t->name));
    fputs(t->argument ? "\\fR \\fI" : "\\fR", stream);
    prose_print_escaped(stream, t->argument ? t->argument : "", t->argument ? strlen(t->argument) : 0);
    fputs(t->argument ? "\\fR\n" : "\n", stream);
    if (help)
        prose_print_paragraph(stream, help, strlen(help));
    const char *more = t->option ? written_of(t->name, &length) : "";
    if (*more)
        fprintf(stream, ".IP\n%.*s", (int)length, more);
    free(help);
}

static void print_command_page(FILE *stream, const struct command *c) {
    struct taken t;
    fputs(".SH DESCRIPTION\n", stream);
    prose_print_roff(stream, c->description, PROSE_TEXT);
    fputs(".SH OPTIONS\n", stream);
    for (size_t i = 0; command_next(c, &i, &t);)
        print_taken(stream, &t);
    fputs(written(c->name), stream);
    if (prose_print_roff(NULL, c->description, PROSE_STATUS)) {
        fputs(".SH EXIT STATUS\n", stream);
        prose_print_roff(stream, c->description, PROSE_STATUS);
    }
    if (prose_print_roff(NULL, c->description, PROSE_EXAMPLE)) {
        fputs(".SH EXAMPLES\n", stream);
        prose_print_roff(stream, c->description, PROSE_EXAMPLE);
    }
    fputs(".SH SEE ALSO\n.BR vggcl (1)\n", stream);
}

static void print_program_page(FILE *stream) {
    static const char mark[] = ".\\\" COMMANDS\n"; /* where the list of the commands stands */
    const char *text = written("vggcl"), *at = strstr(text, mark);
    fprintf(stream, "%.*s.SH COMMANDS\n", at ? (int)(at - text) : 0, text);
    for (size_t i = 0; cli_commands[i]; i++) {
        fprintf(stream, ".TP\n.BR vggcl\\-%s (1)\n", cli_commands[i]->name);
        prose_print_paragraph(stream, cli_commands[i]->summary, strlen(cli_commands[i]->summary));
    }
    fputs(at ? at + strlen(mark) : text, stream);
}

void manual_print_roff(FILE *stream, const struct command *c) {
    print_title(stream, c);
    print_heading(stream, c);
    if (c)
        print_command_page(stream, c);
    else
        print_program_page(stream);
}

/* ---------------------------------------------------------------------------------------------------- Markdown -- */

/* A cell of a table: newlines are spaces, "|" does not end it, "<" and "*" are not markup. */
static void print_cell(FILE *stream, const char *text) {
    for (; *text; text++)
        if (strchr("|<*", *text))
            fprintf(stream, "\\%c", *text);
        else
            putc(*text == '\n' ? ' ' : *text, stream);
}

static void print_row(FILE *stream, const struct taken *t) {
    char *help = help_of(t);
    fprintf(stream, "| `--%s%s%s` | ", t->name, t->argument ? " " : "", t->argument ? t->argument : "");
    print_cell(stream, help ? help : "");
    free(help);
}

/* The options of the library, with the commands that take them. */
static void print_options(FILE *stream) {
    size_t count;
    const struct vggcl_option *o = vggcl_options(&count);
    fputs("| option | what it does | commands |\n|---|---|---|\n", stream);
    for (size_t i = 0; i < count; i++) {
        const char *between = " | ";
        struct taken t = {o[i].name, o[i].argument, o[i].help, &o[i], NULL};
        print_row(stream, &t);
        for (size_t k = 0; cli_commands[k]; k++)
            if (command_takes(cli_commands[k], o[i].name, &t) && t.option) {
                fprintf(stream, "%s%s", between, cli_commands[k]->name);
                between = ", ";
            }
        fputs(" |\n", stream);
    }
}

static void print_flags(FILE *stream, const struct command *c) {
    struct taken t;
    fprintf(stream, "\n## vggcl %s%s%s\n\n", c->name, c->words ? " " : "", c->words ? c->words->argument : "");
    print_cell(stream, c->summary);
    fputs(".\n", stream);
    if (c->flags[0].name || command_uses_devices(c))
        fputs("\n| flag | what it does |\n|---|---|\n", stream);
    for (size_t i = 0; command_next(c, &i, &t);)
        if (t.flag) {
            print_row(stream, &t);
            fputs(" |\n", stream);
        }
}

void manual_print_markdown(FILE *stream) {
    fputs("# Options\n\nMade by `vggcl help --markdown`. `vggcl help COMMAND` prints the same for one command.\n\n",
          stream);
    print_options(stream);
    fputs("\nThe commands have further flags of their own.\n", stream);
    for (size_t i = 0; cli_commands[i]; i++)
        print_flags(stream, cli_commands[i]);
}
