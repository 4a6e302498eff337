#include "cli/completion.h"

#include <string.h>

static const char begin[] =
    "#compdef vggcl\n"
    "# zsh completion of vggcl, made by `vggcl completion zsh`\n"
    "\n"
    "_vggcl_devices() {\n"
    "    local -a devices\n"
    "    devices=(gpu cpu accelerator ${(f)\"$($program " COMPLETION_DEVICES " | sed 's/:/\\\\:/; s/\\t/:/')\"})\n"
    "    _describe device devices\n"
    "}\n";

/* Inside of single quotes: text in an explanation or a message of _arguments or _describe. */
static void print_quoted(FILE *stream, const char *text) {
    for (; *text; text++)
        if (*text == '\'')
            fputs("'\\''", stream);
        else
            fprintf(stream, strchr("[]:\\", *text) ? "\\%c" : "%c", *text);
}

static void print_action(FILE *stream, const struct command *c, const struct taken *t) {
    const char *word;
    switch (completion_of(c, t)) {
    case COMPLETES_WORDS:
        for (size_t i = 0; (word = completion_word(c, t, i)); i++)
            fprintf(stream, "%s%s", i ? " " : "(", word);
        putc(')', stream);
        break;
    case COMPLETES_FOLDERS:
        fputs("_files -/", stream);
        break;
    case COMPLETES_FILES:
        fprintf(stream, *completion_suffix(t) ? "_files -g \"*%s\"" : "_files", completion_suffix(t));
        break;
    case COMPLETES_DEVICES:
        fputs("_vggcl_devices", stream);
        break;
    case COMPLETES_DATA:
        fputs("_vggcl_data", stream);
        break;
    case COMPLETES_NOTHING:
        putc(' ', stream); /* only the message */
    }
}

/* "--recipe=[help]:NAME:(seed fast)"; "*" before it if it may be repeated. */
static void print_taken(FILE *stream, const struct command *c, const struct taken *t) {
    bool list = (t->option && t->option->kind == VGGCL_LIST) || (t->argument && strstr(t->argument, "..."));
    fprintf(stream, " \\\n            '%s--%s%s[", list ? "*" : "", t->name, t->argument ? "=" : "");
    print_quoted(stream, completion_summary(t->help).text);
    putc(']', stream);
    if (t->argument) {
        putc(':', stream);
        print_quoted(stream, t->argument);
        putc(':', stream);
        print_action(stream, c, t);
    }
    putc('\'', stream);
}

static void print_command(FILE *stream, const struct command *c) {
    struct taken t, words = completion_words(c);
    fprintf(stream, "    %s)\n        _arguments", c->name);
    for (size_t i = 0; command_next(c, &i, &t);)
        print_taken(stream, c, &t);
    if (words.argument) {
        fprintf(stream, " \\\n            '%s:", strstr(words.argument, "...") ? "*" : "1");
        print_quoted(stream, words.argument);
        putc(':', stream);
        print_action(stream, c, &words);
        putc('\'', stream);
    }
    fputs("\n        ;;\n", stream);
}

void completion_print_zsh(FILE *stream) {
    fputs(begin, stream);
    fputs("_vggcl_data() { _files -/ || true; local -a words=(synthetic); _describe word words }\n"
          "\n"
          "_vggcl() {\n"
          "    local curcontext=$curcontext state program=$words[1]\n"
          "    local -a commands\n"
          "    commands=(\n",
          stream);
    for (size_t i = 0; cli_commands[i]; i++) {
        fprintf(stream, "        '%s:", cli_commands[i]->name);
        print_quoted(stream, cli_commands[i]->summary);
        fputs("'\n", stream);
    }
    fputs("    )\n"
          "    if ((CURRENT == 2)); then\n"
          "        _describe command commands\n"
          "        return\n"
          "    fi\n"
          "    shift words\n"
          "    ((CURRENT--))\n"
          "    case $words[1] in\n",
          stream);
    for (size_t i = 0; cli_commands[i]; i++)
        print_command(stream, cli_commands[i]);
    fputs("    esac\n}\n\n"
          "if [[ $funcstack[1] == _vggcl ]]; then _vggcl \"$@\"; else compdef _vggcl vggcl; fi\n",
          stream);
}
