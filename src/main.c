/* main.c - the program vggcl: finds the command, parses its flags and runs it. */
#define _XOPEN_SOURCE 700 /* BUS_ADRERR */
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/help.h"
#include "cli/origin.h"
#include "cli/progress.h"
#include "cli/signals.h"
#include "cli/suggest.h"
#include "cli/watchdog.h"
#include "cli/messages.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Stores the argument of a flag, or a word without a flag. */
static int take_argument(const struct flag *f, const char *argument) {
    const char **text = f->text;
    if (strstr(f->argument, "..."))
        while (*text)
            text++;
    if (text == f->text + FLAG_MOST)
        return cli_misused("%s%s can be given %d times at most", *f->name ? "--" : f->argument, f->name, FLAG_MOST);
    if (!*f->name && *text)
        return cli_misused("%s can be given once; '%s' is one too many", f->argument, argument);
    *text = argument;
    return EXIT_FINE;
}

/* Stores the argument of a flag; in a command without words, that of a list takes those after it too: "--against a b".
 */
static int take_list(const struct command *c, const struct flag *f, const char *argument, int argc, char **argv,
                     int *i) {
    int status = take_argument(f, argument);
    while (status == EXIT_FINE && !c->words && strstr(f->argument, "...") && *i + 1 < argc && argv[*i + 1][0] != '-')
        status = take_argument(f, argv[++*i]);
    return status;
}

/* Finds the argument of "--name value" or "--name=value" and advances *i to the last word used. */
static int find_argument(const struct taken *t, int argc, char **argv, int *i, const char **text) {
    const char *equals = strchr(argv[*i], '='), *next = *i + 1 < argc ? argv[*i + 1] : NULL;
    *text = equals ? equals + 1 : NULL;
    if (!t->argument || *text)
        return EXIT_FINE;
    if (!next)
        return cli_misused("--%s needs an argument, %s", t->name, t->argument);
    if (strncmp(next, "--", 2) == 0)
        return cli_misused("--%s needs an argument, %s, but '%s' follows; if that is the argument, write --%s=%s",
                           t->name, t->argument, next, t->name, next);
    *text = next;
    ++*i;
    return EXIT_FINE;
}

/* Finds the option or flag that the word "--name" or "--name=value" begins. */
static bool find_taken(const struct command *c, const char *word, struct taken *t) {
    char name[64] = "";
    size_t length = strcspn(word, "=");
    if (strncmp(word, "--", 2) == 0 && length - 2 < sizeof name)
        memcpy(name, word + 2, length - 2);
    return command_takes(c, name, t);
}

/* Parses the flag at argv[*i] and advances *i to the last word used. A flag of the library may be switched off, e.g.
 * one that a recipe sets: "--nesterov=no". */
static int parse_flag(const struct command *c, int argc, char **argv, int *i, struct vggcl_config *config) {
    struct taken t;
    const char *text;
    if (!find_taken(c, argv[*i], &t))
        return argv[*i][0] == '-' ? suggest_option(c, argv[*i])
                                  : suggest_for_word(c, argv[*i], *i ? argv[*i - 1] : NULL);
    int status = find_argument(&t, argc, argv, i, &text);
    if (status != EXIT_FINE)
        return status;
    if (!t.option && !t.argument && text)
        return cli_misused("--%s takes no argument", t.name);
    if (t.option && t.option->kind == VGGCL_TEXT && !*text) /* "$UNSET": it would mean the default */
        return cli_misused("--%s: its argument is empty; give a %s, or leave the option out", t.name, t.argument);
    if (t.option) {
        enum vggcl_err err = vggcl_config_set(config, t.name, text);
        return err == VGGCL_OK ? EXIT_FINE : cli_failed(err);
    }
    if (t.argument)
        return take_list(c, t.flag, text, argc, argv, i);
    *t.flag->set = true;
    return EXIT_FINE;
}

/* Commands without options of the library use no cache, except devices, which names profiles. */
static void warn_of_cache(const struct command *c) {
    char text[2 * VGGCL_PATH_MAX];
    if ((c->options || c == &command_devices) && vggcl_cache_problem(text, sizeof text))
        fprintf(messages(), "vggcl: warning: %s\n", text);
}

/* Parses all flags and words, and runs the command. words: room for argc + 1 pointers. */
static int parse_and_run(const struct command *c, int argc, char **argv, struct vggcl_config *config,
                         const char **words) {
    size_t count = 0;
    bool words_only = false; /* after "--" */
    for (int i = 0; i < argc; i++) {
        int status = EXIT_FINE;
        bool word = c->words && (words_only || argv[i][0] != '-' || !argv[i][1]);
        if (c->words && !words_only && strcmp(argv[i], "--") == 0)
            words_only = true;
        else if (word && c->word_list)
            words[count++] = argv[i];
        else
            status = word ? take_argument(c->words, argv[i]) : parse_flag(c, argc, argv, &i, config);
        if (status != EXIT_FINE)
            return status;
    }
    if (c->word_list)
        *c->word_list = words;
    warn_of_cache(c);
    if (command_uses_devices(c) && !cli_is_verbose())
        messages_keep_driver();
    if (c->options & VGGCL_FOR_DEVICES && !c->gate) /* a gate starts it in the process that calls the driver */
        watchdog_start(config->stall);
    if (c->options & VGGCL_FOR_DEVICES)
        progress_watch(messages());
    int status = cli_end(c->run(config));
    messages_end(status);
    return status;
}

/* Reading a mapped file beyond its end, or where the disk fails, raises SIGBUS. */
static void end_for_mapped_file(int number, siginfo_t *info, void *context) {
    static const char text[] =
        "vggcl: error: a file of the data set, or its decoded copy in the cache, was truncated or cannot "
        "be read any more; check it and start again (train --resume goes on from the last save)\n";
    (void)context;
    if (info->si_code == BUS_ADRERR && write(messages_descriptor(), text, sizeof text - 1) > 0) {
        messages_end(EXIT_FINE);
        _exit(EXIT_FAILED);
    }
    signal(number, SIG_DFL); /* and once more */
}

/* Not in a gate, which uses no data set: there it is the driver that crashes. */
static void catch_bus_errors(void) {
    struct sigaction action = {.sa_sigaction = end_for_mapped_file, .sa_flags = SA_SIGINFO};
    sigaction(SIGBUS, &action, NULL);
}

static bool is_one_of(const char *word, const char *const *words) {
    for (; *words; words++)
        if (strcmp(word, *words) == 0)
            return true;
    return false;
}
static const char *const help_words[] = {"--help", "-help", "-h", "-?", NULL};
static const char *const version_words[] = {"--version", "-version", "-V", NULL};

/* Whether one of the words is in the command line, before "--". */
static bool asks_for(const char *const *words, int argc, char **argv) {
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (is_one_of(argv[i], words))
            return true;
    return false;
}

static int run_command(const struct command *c, int argc, char **argv) {
    struct vggcl_config config;
    if (c->gate)
        cli_be_gate();
    else
        catch_bus_errors();
    enum vggcl_err err = vggcl_config_init(&config);
    if (err != VGGCL_OK)
        return cli_failed(err);
    if (asks_for(help_words, argc, argv)) {
        help_print_command(c);
        return cli_end(EXIT_FINE);
    }
    if (asks_for(version_words, argc, argv))
        return cli_end(command_version.run(&config));
    const char **words = calloc((size_t)argc + 1, sizeof *words);
    if (!words)
        return cli_no_memory();
    int status = parse_and_run(c, argc, argv, &config, words);
    free(words);
    return status;
}

/* A file that is opened while descriptor 0, 1 or 2 is closed would get that number, and what the program prints. Each
 * is opened so that its use fails, as that of a closed one does. */
static void take_standard_descriptors(void) {
    for (int i = 0; i <= 2; i++)
        if (fcntl(i, F_GETFD) < 0 && open("/dev/null", i == 0 ? O_WRONLY : O_RDONLY) != i)
            _exit(EXIT_FAILED);
}

int main(int argc, char **argv) {
    take_standard_descriptors();
    signals_begin();
    origin_keep_words(argv);
    if (argc < 2) {
        help_print_commands(messages());
        return EXIT_USAGE;
    }
    const char *name = argv[1];
    if (is_one_of(name, help_words))
        name = "help";
    else if (is_one_of(name, version_words) || strcmp(name, "-v") == 0)
        name = "version";
    const struct command *c = command_find(name);
    return c ? run_command(c, argc - 2, argv + 2) : suggest_command(name);
}
