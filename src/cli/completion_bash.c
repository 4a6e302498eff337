#include "cli/completion.h"

/* Dynamic scope: the functions use _vggcl's variables. cur is what is completed, `before` what bash has split from it
 * at a colon. */
static const char begin[] =
    "# bash completion of vggcl, made by `vggcl completion bash`\n"
    "\n"
    "_vggcl_words() { mapfile -t COMPREPLY < <(compgen -W \"$*\" -- \"$before$cur\"); }\n"
    "_vggcl_folders() { compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- \"$cur\"); }\n"
    "# Folders, and files that end in $1.\n"
    "_vggcl_files() {\n"
    "    compopt -o filenames\n"
    "    mapfile -t COMPREPLY < <({ compgen -d -- \"$cur\"; compgen -f -X \"!*$1\" -- \"$cur\"; } | sort -u)\n"
    "}\n"
    "_vggcl_data() { _vggcl_folders; [[ synthetic != \"$cur\"* ]] || COMPREPLY+=(synthetic); }\n"
    "_vggcl_devices() { _vggcl_words gpu cpu accelerator \"$(\"$program\" " COMPLETION_DEVICES " | cut -f 1)\"; }\n"
    "\n"
    "_vggcl() {\n"
    "    local program=$1 at=$COMP_CWORD cur=${COMP_WORDS[COMP_CWORD]} before='' flags=''\n"
    "    COMPREPLY=()\n"
    "    # bash splits \"--device=0:1\" into --device, =, 0, :, 1; at: where the argument begins.\n"
    "    if [[ $cur == : || ${COMP_WORDS[at - 1]} == : ]]; then\n"
    "        if [[ $cur == : ]]; then cur=''; else ((at--)); fi\n"
    "        before=${COMP_WORDS[at - 1]}:\n"
    "        ((at--))\n"
    "    fi\n"
    "    if [[ $cur == = ]]; then\n"
    "        cur=''\n"
    "    elif [[ ${COMP_WORDS[at - 1]} == = ]]; then\n"
    "        ((at--))\n"
    "    fi\n"
    "    case ${COMP_WORDS[1]}/${COMP_WORDS[at - 1]} in\n";

static const char end[] = "\n"
                          "    elif [[ $flags && $cur == -* ]]; then\n"
                          "        _vggcl_words $flags\n"
                          "    fi\n"
                          "    COMPREPLY=(\"${COMPREPLY[@]#\"$before\"}\")\n"
                          "}\n"
                          "complete -F _vggcl vggcl\n";

static void print_words(FILE *stream, const struct command *c, const struct taken *t) {
    const char *word;
    for (size_t i = 0; (word = completion_word(c, t, i)); i++)
        fprintf(stream, " %s", word);
}

/* The call that completes an argument. */
static void print_call(FILE *stream, const struct command *c, const struct taken *t) {
    static const char *const calls[] = {[COMPLETES_NOTHING] = ":",
                                        [COMPLETES_WORDS] = "_vggcl_words",
                                        [COMPLETES_FOLDERS] = "_vggcl_folders",
                                        [COMPLETES_FILES] = "_vggcl_files ",
                                        [COMPLETES_DEVICES] = "_vggcl_devices",
                                        [COMPLETES_DATA] = "_vggcl_data"};
    enum completes what = completion_of(c, t);
    fputs(calls[what], stream);
    if (what == COMPLETES_WORDS)
        print_words(stream, c, t);
    else if (what == COMPLETES_FILES)
        fprintf(stream, "'%s'", completion_suffix(t));
}

/* A case for each option with an argument; then one for what is neither, the words and the list of flags. */
static void print_command(FILE *stream, const struct command *c) {
    struct taken t, words = completion_words(c);
    for (size_t i = 0; command_next(c, &i, &t);)
        if (t.argument) {
            fprintf(stream, "    %s/--%s) ", c->name, t.name);
            print_call(stream, c, &t);
            fputs(" ;;\n", stream);
        }
    fprintf(stream, "    %s/*)\n        flags='", c->name);
    for (size_t i = 0; command_next(c, &i, &t);)
        fprintf(stream, " --%s", t.name);
    fputs("'\n        [[ $cur == -* ]] || ", stream);
    print_call(stream, c, &words);
    fputs(" ;;\n", stream);
}

void completion_print_bash(FILE *stream) {
    fputs(begin, stream);
    for (size_t i = 0; cli_commands[i]; i++)
        print_command(stream, cli_commands[i]);
    fputs("    esac\n"
          "    if ((COMP_CWORD == 1)); then\n"
          "        _vggcl_words",
          stream);
    for (size_t i = 0; cli_commands[i]; i++)
        fprintf(stream, " %s", cli_commands[i]->name);
    fputs(end, stream);
}
