#define _POSIX_C_SOURCE 200809L /* S_ISDIR */
#include "cli/suggest.h"
#include "base/nearest.h"
#include "cli/commands.h"
#include "options/synonyms.h"

#include <string.h>
#include <sys/stat.h>

enum { NAME_MOST = 64, LIST_MOST = 200 };

/* What other programs call the commands. */
static const struct synonym command_synonyms[] = {
    {"fit", "train"},
    {"finetune", "train --recipe finetune"},
    {"resume", "train --resume"},
    {"test", "eval"},
    {"val", "eval"},
    {"validate", "eval"},
    {"infer", "predict"},
    {"inference", "predict"},
    {"classify", "predict"},
    {"visualize", "inspect"},
    {"show", "inspect"},
    {"memory", "plan"},
    {"time", "bench"},
    {"profile", "tune"},
    {"autotune", "tune"},
    {"check", "selfcheck"},
    {"checks", "selfcheck"},
    {"doctor", "selfcheck"},
    {"diff", "compare"},
    {"draw", "plot"},
    {"list", "devices"},
    {"ls", "devices"},
    {"info", "devices"},
    {"gpus", "devices"},
    {"download", "fetch"},
    {"get", "fetch"},
    {"generate", "synth"},
    {"man", "help"},
    {NULL, NULL},
};

/* Options of other programs that vggcl needs none for. */
static const struct {
    const char *name, *reason;
} needless[] = {
    {"workers", "all CPU cores decode images; leave it out"},
    {"num-workers", "all CPU cores decode images; leave it out"},
    {"j", "all CPU cores decode images; leave it out"},
    {"threads", "all CPU cores are used; leave it out"},
    {"num-classes", "the data set says how many classes there are; leave it out"},
    {"nc", "the data set says how many classes there are; leave it out"},
    {"pin-memory", "batches are uploaded while the device computes; leave it out"},
    {"deterministic", "the same seed gives the same bits on the same device; leave it out"},
};

static const char *why_needless(const char *name) {
    struct nearest n = nearest_to(name);
    for (size_t i = 0; i < sizeof needless / sizeof *needless; i++) {
        nearest_consider_alias(&n, needless[i].name, needless[i].reason);
        if (n.rank == NEAREST_EXACT)
            return needless[i].reason;
    }
    return NULL;
}

/* The name in "--name=value", "-name" or "name=value". */
static void name_in(const char *word, char name[NAME_MOST]) {
    word += strspn(word, "-");
    snprintf(name, NAME_MOST, "%.*s", (int)strcspn(word, "="), word);
}

static void consider_options(struct nearest *n, const struct command *c) {
    struct taken t;
    for (size_t i = 0; command_next(c, &i, &t);) {
        nearest_consider(n, t.name);
        for (const struct synonym *s = option_synonyms; s->foreign; s++)
            if (synonym_is_of(s, t.name))
                nearest_consider_alias(n, s->foreign, s->ours);
    }
}

/* "train, eval and plan": the commands that take the option; "" if none does. */
static void list_commands(const char *option, char list[LIST_MOST]) {
    const char *names[NAME_MOST];
    struct taken t;
    size_t count = 0, used = 0;
    for (size_t i = 0; cli_commands[i] && count < NAME_MOST; i++)
        if (command_takes(cli_commands[i], option, &t))
            names[count++] = cli_commands[i]->name;
    *list = '\0';
    for (size_t i = 0; i < count && used < LIST_MOST; i++)
        used += (size_t)snprintf(list + used, LIST_MOST - used, "%s%s",
                                 !i               ? ""
                                 : i == count - 1 ? " and "
                                                  : ", ",
                                 names[i]);
}

/* The option of any command that the name means, except for few edits; NULL if there is none. */
static const char *option_elsewhere(const char *name) {
    struct nearest n = nearest_to(name);
    struct taken t;
    for (size_t i = 0; cli_commands[i]; i++)
        for (size_t k = 0; command_next(cli_commands[i], &k, &t);)
            nearest_consider_alias(&n, t.name, t.name);
    return n.count ? n.found[0] : NULL;
}

/* The word is an option: it stands after a command, such as the first one that takes it. */
static int suggest_order(const char *word, const char *option) {
    struct taken t = {0};
    const struct command *const *c = cli_commands;
    while (*c && !command_takes(*c, option, &t))
        c++;
    return cli_misused("there is no command '%s'; did you mean vggcl %s --%s%s%s?", word, *c ? (*c)->name : "COMMAND",
                       option, t.argument ? " " : "", t.argument ? t.argument : "");
}

int suggest_command(const char *word) {
    char name[NAME_MOST];
    struct nearest n = nearest_to(word);
    for (size_t i = 0; cli_commands[i]; i++)
        nearest_consider(&n, cli_commands[i]->name);
    for (const struct synonym *s = command_synonyms; s->foreign; s++)
        nearest_consider_alias(&n, s->foreign, s->ours);
    if (n.count)
        return cli_misused("there is no command '%s'%s", word, nearest_question(&n, "vggcl ").text);
    name_in(word, name);
    const char *option = option_elsewhere(name);
    return option ? suggest_order(word, option) : cli_misused("there is no command '%s'; see vggcl help", word);
}

int suggest_option(const struct command *c, const char *word) {
    char name[NAME_MOST], list[LIST_MOST];
    int length = (int)strcspn(word, "=");
    name_in(word, name);
    struct nearest own = nearest_to(name);
    consider_options(&own, c);
    const char *reason = why_needless(name), *option = option_elsewhere(name);
    bool exact = own.rank == NEAREST_EXACT;
    if (!exact && reason)
        return cli_misused("vggcl %s takes no '%.*s': %s", c->name, length, word, reason);
    if (exact || (own.count && !(option && strcmp(option, name) == 0)))
        return cli_misused("vggcl %s takes no '%.*s'%s", c->name, length, word, nearest_question(&own, "--").text);
    if (!option)
        return cli_misused("vggcl %s takes no '%.*s'; see vggcl help %s", c->name, length, word, c->name);
    list_commands(option, list);
    return cli_misused("vggcl %s takes no '%.*s'; --%s is an option of %s", c->name, length, word, option, list);
}

/* The option that a file or folder without one is probably for; NULL if there is none. */
static const char *option_for_path(const struct command *c, const char *path) {
    struct stat s;
    struct taken t;
    bool there = stat(path, &s) == 0;
    if (((there && S_ISDIR(s.st_mode)) || strncmp(path, "synthetic", 9) == 0) && command_takes(c, "data", &t))
        return "data";
    return there && S_ISREG(s.st_mode) && command_takes(c, "weights", &t) ? "weights" : NULL;
}

int suggest_for_word(const struct command *c, const char *word, const char *before) {
    char name[NAME_MOST];
    const char *value = strchr(word, '='), *option = option_for_path(c, word);
    struct taken t;
    name_in(word, name);
    struct nearest own = nearest_to(name);
    consider_options(&own, c);
    if (strcmp(word, "help") == 0)
        return cli_misused("vggcl %s takes no 'help'; write vggcl help %s", c->name, c->name);
    if (option)
        return cli_misused("vggcl %s takes no '%s'; did you mean --%s %s?", c->name, word, option, word);
    if (value && own.count && !strchr(own.found[0], ' '))
        return cli_misused("vggcl %s takes no '%s'; write --%s %s", c->name, word, own.found[0], value + 1);
    if (own.rank == NEAREST_EXACT)
        return cli_misused("vggcl %s takes no '%s'%s", c->name, word, nearest_question(&own, "--").text);
    if (before && strncmp(before, "--", 2) == 0 && command_takes(c, before + 2, &t) && !t.argument)
        return cli_misused("vggcl %s takes no '%s'; %s takes no argument%s", c->name, word, before,
                           t.option ? ", but can be switched off by =no" : "");
    return cli_misused("vggcl %s takes no '%s'; see vggcl help %s", c->name, word, c->name);
}
