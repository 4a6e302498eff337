#include "cli/completion.h"

#include <string.h>

/* What an argument is, by its name in the help text, or the beginning of that. */
static const struct {
    const char *argument;
    enum completes what;
} arguments[] = {{"DIR", COMPLETES_FOLDERS}, {"FILE", COMPLETES_FILES},  {"SEL", COMPLETES_DEVICES},
                 {"PLACE", COMPLETES_FILES}, {"IMAGE", COMPLETES_FILES}, {"[NAME=]SAVE", COMPLETES_FILES}};

static const struct {
    const char *option, *suffix;
} suffixes[] = {{"weights", ".safetensors"}, {"config", ".json"}, {"profile", ".json"}, {"against", ".json"}};

struct taken completion_words(const struct command *c) {
    return (struct taken){.name = "", .argument = c->words ? c->words->argument : NULL, .help = ""};
}

const char *completion_word(const struct command *c, const struct taken *t, size_t i) {
    if (t->option)
        return t->option->choices ? t->option->choices[i] : NULL;
    for (const struct flag_words *w = c->choices; w && w->flag; w++)
        if (strcmp(w->flag, t->name) == 0)
            return w->word(i);
    return NULL;
}

enum completes completion_of(const struct command *c, const struct taken *t) {
    if (completion_word(c, t, 0))
        return COMPLETES_WORDS;
    if (strcmp(t->name, "data") == 0)
        return COMPLETES_DATA;
    for (size_t i = 0; i < sizeof arguments / sizeof *arguments; i++)
        if (t->argument && strncmp(t->argument, arguments[i].argument, strlen(arguments[i].argument)) == 0)
            return arguments[i].what;
    return COMPLETES_NOTHING;
}

const char *completion_suffix(const struct taken *t) {
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++)
        if (strcmp(suffixes[i].option, t->name) == 0)
            return suffixes[i].suffix;
    return "";
}

/* Length of the first sentence, or of the words of it that fit. */
static size_t summary_length(const char *help, size_t most) {
    size_t fits = 0, i = 0;
    for (; help[i] && i < most; i++) {
        bool ends = (help[i] == '.' || help[i] == ';') && (help[i + 1] == ' ' || help[i + 1] == '\n' || !help[i + 1]);
        if (ends && !(i >= 3 && strncmp(help + i - 3, "e.g", 3) == 0))
            return i;
        if (help[i] == ' ' || help[i] == '\n')
            fits = i;
    }
    return help[i] ? fits : i;
}

struct completion_summary completion_summary(const char *help) {
    struct completion_summary s = {""};
    size_t length = summary_length(help, sizeof s.text - 1), used = 0;
    while (length && strchr(",:", help[length - 1]))
        length--;
    for (size_t i = 0; i < length; i++)
        if (help[i] != '`')
            s.text[used++] = help[i] == '\n' ? ' ' : help[i];
    return s;
}
