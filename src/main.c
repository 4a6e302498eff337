/* main.c - vggcl: finds the command, reads its flags, runs it. */
#define _POSIX_C_SOURCE 200809L /* sigaction */
#include "cli/cli.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct command *const commands[] = {
    &command_train,     &command_eval, &command_plan,    &command_bench, &command_compare, &command_tune,
    &command_selfcheck, &command_plot, &command_devices, &command_fetch, &command_synth,   &command_version};
enum { COMMANDS = sizeof commands / sizeof *commands };

static void print_usage(FILE *stream) {
    fprintf(stream,
            "vggcl %s - trains VGG networks on CIFAR-10 on any OpenCL device\n\nusage: vggcl COMMAND [FLAGS]\n\n",
            vggcl_version());
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(stream, "  %-10s%s\n", commands[i]->name, commands[i]->summary);
    fputs("  help      explains a command: vggcl help COMMAND, or vggcl COMMAND --help\n"
          "\n"
          "Begin with:\n"
          "  vggcl devices                              what can be trained on\n"
          "  vggcl train --data synthetic --epochs 5    a first run that needs no download\n"
          "  vggcl fetch && vggcl train                 CIFAR-10, the whole recipe\n",
          stream);
}

/* A flag's row of the help text; help may have several lines. */
static void print_flag(const char *name, const char *argument, const char *help, const char *value) {
    char left[64];
    snprintf(left, sizeof left, "--%s%s%s", name, argument ? " " : "", argument ? argument : "");
    printf("  %-20s ", left);
    for (; *help; help++) {
        putchar(*help);
        if (*help == '\n')
            printf("%23s", "");
    }
    if (argument && *value)
        printf(" (default %s)", value);
    putchar('\n');
}

/* The command's own flag of that name; else NULL. */
static const struct flag *own_flag(const struct command *c, const char *name) {
    for (const struct flag *f = c->flags; f->name; f++)
        if (strcmp(f->name, name) == 0)
            return f;
    return NULL;
}

static int print_help(const struct command *c) {
    size_t count;
    const struct vggcl_option *options = vggcl_options(&count);
    printf("usage: vggcl %s%s%s%s\n\n%s\n", c->name, c->words ? " " : "", c->words ? c->words->argument : "",
           c->options || c->flags[0].name ? " [FLAGS]" : "", c->description);
    if (c->options || c->flags[0].name)
        puts("Flags:");
    for (size_t i = 0; i < count; i++)
        if (options[i].flags & c->options && !own_flag(c, options[i].name))
            print_flag(options[i].name, options[i].argument, options[i].help, options[i].value);
    for (const struct flag *f = c->flags; f->name; f++)
        print_flag(f->name, f->argument, f->help, "");
    return cli_end(EXIT_FINE);
}

int cli_failed(enum vggcl_err err) {
    fflush(stdout);
    fprintf(stderr, "vggcl: error: %s\n", vggcl_error());
    return err == VGGCL_EUSAGE ? EXIT_USAGE : err == VGGCL_ENUMERIC ? EXIT_NOT_FINITE : EXIT_FAILED;
}

int cli_misused(const char *format, ...) {
    va_list arguments;
    fputs("vggcl: error: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    return EXIT_USAGE;
}

int cli_end(int status) {
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    perror("vggcl: error: standard output");
    return EXIT_FAILED;
}

void cli_make_printable(char *text) {
    json_t *utf8 = json_string(text);
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 127 || (!utf8 && (unsigned char)*text > 127))
            *text = '?';
    json_decref(utf8);
}

json_t *cli_text_json(const char *text) {
    json_t *json = json_string(text);
    return json ? json : json_string("(no UTF-8)");
}

json_t *cli_number_json(double value) {
    return isfinite(value) ? json_real(value) : json_null();
}

const char *cli_device_type(enum vggcl_device_type type) {
    return type == VGGCL_GPU ? "GPU" : type == VGGCL_CPU ? "CPU" : "accelerator";
}

bool cli_parse_count(const char *text, long minimum, long maximum, long *value) {
    char *end;
    errno = 0;
    *value = strtol(text, &end, 10);
    return end != text && !*end && !errno && *value >= minimum && *value <= maximum;
}

static volatile sig_atomic_t interrupted;

static void interrupt(int number) {
    interrupted = number;
    signal(number, SIG_DFL);
}

void cli_catch_signals(void) {
    struct sigaction action = {.sa_handler = interrupt};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

bool cli_interrupted(void *user) {
    (void)user;
    return interrupted != 0;
}

void cli_bar(double done, char bar[CLI_BAR]) {
    for (int i = 0; i < CLI_BAR - 1; i++)
        bar[i] = i < done * (CLI_BAR - 1) ? '#' : '.';
    bar[CLI_BAR - 1] = '\0';
}

void cli_duration(double seconds, char text[32]) {
    long whole = (long)(seconds + 0.5);
    if (seconds < 60)
        snprintf(text, 32, "%.1f s", seconds);
    else if (whole < 3600)
        snprintf(text, 32, "%ld min %02ld s", whole / 60, whole % 60);
    else
        snprintf(text, 32, "%ld h %02ld min", whole / 3600, whole / 60 % 60);
}

static const struct vggcl_option *option_for(const struct command *c, const char *name) {
    size_t count;
    const struct vggcl_option *options = vggcl_options(&count);
    for (size_t i = 0; i < count; i++)
        if (options[i].flags & c->options && strcmp(options[i].name, name) == 0)
            return &options[i];
    return NULL;
}

/* Puts an argument, or a word without a flag, where it belongs. */
static int take_argument(const struct flag *f, const char *argument) {
    const char **text = f->text;
    if (strstr(f->argument, "..."))
        while (*text)
            text++;
    if (text == f->text + FLAG_MOST)
        return cli_misused("%s%s can be given %d times at most", *f->name ? "--" : f->argument, f->name, FLAG_MOST);
    *text = argument;
    return EXIT_FINE;
}

/* Reads the flag at argv[*i], "--name value" or "--name=value", and moves *i to the last word it took. An option
 * without an argument may be taken back, as of a recipe: "--nesterov=no". */
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
    if (!own) {
        enum vggcl_err err = vggcl_config_set(config, name, text);
        return err == VGGCL_OK ? EXIT_FINE : cli_failed(err);
    }
    if (argument)
        return take_argument(own, text);
    *own->set = true;
    return EXIT_FINE;
}

static int run_command(const struct command *c, int argc, char **argv) {
    struct vggcl_config config;
    vggcl_config_init(&config);
    for (int i = 0; i < argc; i++)
        if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
            return print_help(c);
    for (int i = 0; i < argc; i++) {
        bool word = c->words && *argv[i] != '-';
        int status = word ? take_argument(c->words, argv[i]) : parse_flag(c, argc, argv, &i, &config);
        if (status != EXIT_FINE)
            return status;
    }
    return cli_end(c->run(&config));
}

static const struct command *find_command(const char *name) {
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}

int main(int argc, char **argv) {
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
