/* main.c - the program vggcl: finds the command, parses its flags and runs it. */
#define _XOPEN_SOURCE 700 /* open_memstream, BUS_ADRERR */
#include "cli/cli.h"
#include "cli/origin.h"
#include "cli/terminal.h"
#include "cli/watchdog.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct command *const commands[] = {
    &command_train,   &command_eval,    &command_predict, &command_inspect,   &command_plan,
    &command_bench,   &command_compare, &command_tune,    &command_selfcheck, &command_plot,
    &command_devices, &command_fetch,   &command_synth,   &command_version};
enum { COMMANDS = sizeof commands / sizeof *commands };

static void print_usage(FILE *stream) {
    fprintf(
        stream,
        "vggcl %s - trains VGG networks to classify images on any OpenCL device\n\nusage: vggcl COMMAND [FLAGS]\n\n",
        vggcl_version());
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(stream, "  %-10s%s\n", commands[i]->name, commands[i]->summary);
    fputs("  help      explains a command: vggcl help COMMAND, or vggcl COMMAND --help\n"
          "\n"
          "Begin with:\n"
          "  vggcl devices                              what can be trained on\n"
          "  vggcl train --data synthetic --epochs 5    a first run that needs no download\n"
          "  vggcl fetch && vggcl train                 CIFAR-10, the whole recipe\n"
          "  vggcl train --data FOLDER                  your own pictures, a subfolder for each class\n",
          stream);
}

/* A row of the help text: "--NAME ARGUMENT", then the help from column COLUMN on. */
static void print_flag(const char *name, const char *argument, const char *help) {
    enum { COLUMN = 23 };
    int column = printf("  --%s%s%s", name, argument ? " " : "", argument ? argument : "");
    if (column < COLUMN)
        column += printf("%*s", COLUMN - column, "");
    print_wrapped(stdout, help, column, COLUMN, text_columns(stdout));
}

/* The row of an option of the library: its choices and its default come after the help. */
static void print_option(const struct vggcl_option *o) {
    char *help = NULL;
    size_t size;
    FILE *text = open_memstream(&help, &size);
    if (!text)
        return;
    fputs(o->help, text);
    fputs(o->choices ? " (" : "", text);
    for (const char *const *choice = o->choices; choice && *choice; choice++)
        fprintf(text, "%s%s", choice == o->choices ? "" : ", ", *choice);
    if (o->argument && *o->value)
        fprintf(text, o->choices ? "; default %s)" : " (default %s)", o->value);
    if (fclose(text) == 0)
        print_flag(o->name, o->argument, help);
    free(help);
}

/* The command's own flag of that name; NULL if there is none. */
static const struct flag *own_flag(const struct command *c, const char *name) {
    for (const struct flag *f = c->flags; f->name; f++)
        if (strcmp(f->name, name) == 0)
            return f;
    return NULL;
}

static int print_help(const struct command *c) {
    size_t count;
    const struct vggcl_option *options = vggcl_options(&count);
    printf("usage: vggcl %s%s%s%s\n\n", c->name, c->words ? " " : "", c->words ? c->words->argument : "",
           c->options || c->flags[0].name ? " [FLAGS]" : "");
    print_wrapped(stdout, c->description, 0, 0, text_columns(stdout));
    putchar('\n');
    if (c->options || c->flags[0].name)
        puts("Flags:");
    for (size_t i = 0; i < count; i++)
        if (options[i].flags & c->options && !own_flag(c, options[i].name))
            print_option(&options[i]);
    for (const struct flag *f = c->flags; f->name; f++)
        print_flag(f->name, f->argument, f->help);
    return cli_end(EXIT_FINE);
}

static const struct vggcl_option *option_for(const struct command *c, const char *name) {
    size_t count;
    const struct vggcl_option *options = vggcl_options(&count);
    for (size_t i = 0; i < count; i++)
        if (options[i].flags & c->options && strcmp(options[i].name, name) == 0)
            return &options[i];
    return NULL;
}

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

/* Parses the flag at argv[*i], "--name value" or "--name=value", and advances *i to the last word used. A flag of the
 * library may be switched off, e.g. one that a recipe sets: "--nesterov=no". */
static int parse_flag(const struct command *c, int argc, char **argv, int *i, struct vggcl_config *config) {
    char name[64] = "";
    const char *word = argv[*i], *equals = strchr(word, '=');
    size_t length = equals ? (size_t)(equals - word) : strlen(word);
    if (strncmp(word, "--", 2) == 0 && length - 2 < sizeof name)
        memcpy(name, word + 2, length - 2);
    const struct flag *own = own_flag(c, name);
    const struct vggcl_option *option = option_for(c, name);
    if (!own && !option)
        return cli_misused("vggcl %s takes no '%s'; see vggcl %s --help", c->name, word, c->name);
    const char *argument = own ? own->argument : option->argument, *text = equals ? equals + 1 : NULL;
    if (argument && !text && *i + 1 < argc)
        text = argv[++*i];
    if (argument && !text)
        return cli_misused("--%s needs an argument, %s", name, argument);
    if (own && !argument && text)
        return cli_misused("--%s takes no argument", name);
    if (option && option->kind == VGGCL_TEXT && !*text) /* "$UNSET": it would mean the default */
        return cli_misused("--%s: its argument is empty; give a %s, or leave the option out", name, argument);
    if (!own) {
        enum vggcl_err err = vggcl_config_set(config, name, text);
        return err == VGGCL_OK ? EXIT_FINE : cli_failed(err);
    }
    if (argument)
        return take_list(c, own, text, argc, argv, i);
    *own->set = true;
    return EXIT_FINE;
}

/* Commands without options of the library use no cache, except devices, which names profiles. */
static void warn_of_cache(const struct command *c) {
    char text[2 * VGGCL_PATH_MAX];
    if ((c->options || c == &command_devices) && vggcl_cache_problem(text, sizeof text))
        fprintf(stderr, "vggcl: warning: %s\n", text);
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
    if (c->options & VGGCL_FOR_DEVICES && !c->gate) /* a gate starts it in the process that calls the driver */
        watchdog_start(config->stall);
    return cli_end(c->run(config));
}

/* Reading a mapped file beyond its end, or where the disk fails, raises SIGBUS. */
static void end_for_mapped_file(int number, siginfo_t *info, void *context) {
    static const char text[] =
        "vggcl: error: a file of the data set, or its decoded copy in the cache, was truncated or cannot "
        "be read any more; check it and start again (train --resume goes on from the last save)\n";
    (void)context;
    if (info->si_code == BUS_ADRERR && write(STDERR_FILENO, text, sizeof text - 1) > 0)
        _exit(EXIT_FAILED);
    signal(number, SIG_DFL); /* and once more */
}

/* Not in a gate, which uses no data set: there it is the driver that crashes. */
static void catch_bus_errors(void) {
    struct sigaction action = {.sa_sigaction = end_for_mapped_file, .sa_flags = SA_SIGINFO};
    sigaction(SIGBUS, &action, NULL);
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
    for (int i = 0; i < argc; i++)
        if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
            return print_help(c);
    const char **words = calloc((size_t)argc + 1, sizeof *words);
    if (!words)
        return cli_no_memory();
    int status = parse_and_run(c, argc, argv, &config, words);
    free(words);
    return status;
}

static const struct command *find_command(const char *name) {
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
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
    origin_keep_words(argv);
    const char *name = argc > 1 ? argv[1] : "";
    bool help = !strcmp(name, "help") || !strcmp(name, "--help") || !strcmp(name, "-h");
    if (!strcmp(name, "--version"))
        name = "version";
    if (help && argc > 2)
        name = argv[2];
    else if (help || argc < 2) {
        print_usage(help ? stdout : stderr);
        return help ? cli_end(EXIT_FINE) : EXIT_USAGE;
    }
    const struct command *c = find_command(name);
    if (!c)
        return cli_misused("there is no command '%s'; see vggcl help", name);
    return help ? print_help(c) : run_command(c, argc - 2, argv + 2);
}
