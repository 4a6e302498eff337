#define _POSIX_C_SOURCE 200809L /* open_memstream, strdup */
#include "cli/help.h"
#include "cli/terminal.h"

#include <stdlib.h>
#include <string.h>

const char help_purpose[] = "trains VGG networks to classify images on any OpenCL device";

void help_print_commands(FILE *stream) {
    fprintf(stream, "vggcl %s - %s\n\nusage: vggcl COMMAND [FLAGS]\n\n", vggcl_version(), help_purpose);
    for (size_t i = 0; cli_commands[i]; i++)
        fprintf(stream, "  %-11s%s\n", cli_commands[i]->name, cli_commands[i]->summary);
    fputs("\n"
          "Begin with:\n"
          "  vggcl devices                              what can be trained on\n"
          "  vggcl train --data synthetic --epochs 5    a first run that needs no download\n"
          "  vggcl fetch && vggcl train --recipe quick  CIFAR-10: 90.6 % in 8 epochs\n"
          "  vggcl train --recipe fast --data FOLDER    your own pictures, sorted by folder\n"
          "  vggcl train                                reproduces the published 300 epochs\n",
          stream);
}

char *help_of(const struct taken *t) {
    char *help = NULL;
    size_t size;
    const struct vggcl_option *o = t->option;
    FILE *text = open_memstream(&help, &size);
    if (!text)
        return NULL;
    fputs(t->help, text);
    fputs(o && o->choices ? " (" : "", text);
    for (const char *const *choice = o ? o->choices : NULL; choice && *choice; choice++)
        fprintf(text, "%s%s", choice == o->choices ? "" : ", ", *choice);
    if (o && o->argument && *o->value)
        fprintf(text, o->choices ? "; default %s)" : " (default %s)", o->value);
    if (fclose(text) == 0)
        return help;
    free(help);
    return NULL;
}

/* A row of the help text: "--NAME ARGUMENT", then the help from column COLUMN on. */
static void print_taken(const struct taken *t) {
    enum { COLUMN = 23 };
    char *help = help_of(t);
    int column = printf("  --%s%s%s", t->name, t->argument ? " " : "", t->argument ? t->argument : "");
    if (column < COLUMN)
        column += printf("%*s", COLUMN - column, "");
    print_wrapped(stdout, help ? help : "", column, COLUMN, text_columns(stdout));
    free(help);
}

void help_print_command(const struct command *c) {
    struct taken t;
    printf("usage: vggcl %s%s%s [FLAGS]\n\n", c->name, c->words ? " " : "", c->words ? c->words->argument : "");
    print_wrapped(stdout, c->description, 0, 0, text_columns(stdout));
    puts("\nFlags:");
    for (size_t i = 0; command_next(c, &i, &t);)
        print_taken(&t);
}
