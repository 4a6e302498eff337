#include "cli/completion.h"

#include <string.h>

static const char begin[] = "# fish completion of vggcl, made by `vggcl completion fish`\n"
                            "\n"
                            "# The command is one of these.\n"
                            "function __vggcl_is\n"
                            "    set -l words (commandline -opc)\n"
                            "    test (count $words) -gt 1; and contains -- $words[2] $argv\n"
                            "end\n"
                            "function __vggcl_devices\n"
                            "    printf '%s\\n' gpu cpu accelerator\n"
                            "    set -l words (commandline -opc)\n"
                            "    $words[1] " COMPLETION_DEVICES "\n"
                            "end\n"
                            "\n"
                            "complete -c vggcl -f\n";

/* Inside of single quotes. */
static void print_quoted(FILE *stream, const char *text) {
    for (; *text; text++)
        fprintf(stream, strchr("'\\", *text) ? "\\%c" : "%c", *text);
}

static void print_action(FILE *stream, const struct command *c, const struct taken *t) {
    const char *word;
    switch (completion_of(c, t)) {
    case COMPLETES_WORDS:
        fputs(" -x -a '", stream);
        for (size_t i = 0; (word = completion_word(c, t, i)); i++)
            fprintf(stream, "%s%s", i ? " " : "", word);
        putc('\'', stream);
        break;
    case COMPLETES_FOLDERS:
        fputs(" -x -a '(__fish_complete_directories)'", stream);
        break;
    case COMPLETES_FILES:
        if (*completion_suffix(t))
            fprintf(stream, " -x -k -a '(__fish_complete_suffix %s)'", completion_suffix(t));
        else
            fputs(" -r -F", stream);
        break;
    case COMPLETES_DEVICES:
        fputs(" -x -a '(__vggcl_devices)'", stream);
        break;
    case COMPLETES_DATA:
        fputs(" -x -a 'synthetic (__fish_complete_directories)'", stream);
        break;
    case COMPLETES_NOTHING:
        fputs(" -x", stream);
    }
}

static void print_taken(FILE *stream, const struct command *c, const struct taken *t) {
    fprintf(stream, "complete -c vggcl -n '__vggcl_is %s' -l %s", c->name, t->name);
    if (t->argument)
        print_action(stream, c, t);
    fputs(" -d '", stream);
    print_quoted(stream, completion_summary(t->help).text);
    fputs("'\n", stream);
}

static void print_command(FILE *stream, const struct command *c) {
    struct taken t, words = completion_words(c);
    fprintf(stream, "\ncomplete -c vggcl -n 'test (count (commandline -opc)) -eq 1' -a %s -d '", c->name);
    print_quoted(stream, c->summary);
    fputs("'\n", stream);
    for (size_t i = 0; command_next(c, &i, &t);)
        print_taken(stream, c, &t);
    if (words.argument) {
        fprintf(stream, "complete -c vggcl -n '__vggcl_is %s'", c->name);
        print_action(stream, c, &words);
        putc('\n', stream);
    }
}

void completion_print_fish(FILE *stream) {
    fputs(begin, stream);
    for (size_t i = 0; cli_commands[i]; i++)
        print_command(stream, cli_commands[i]);
}
