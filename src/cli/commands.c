#include "cli/commands.h"

#include <string.h>

#define TABLE_ROW(name) &command_##name,
const struct command *const cli_commands[] = {CLI_COMMANDS(TABLE_ROW) NULL};

const struct command *command_find(const char *name) {
    for (size_t i = 0; cli_commands[i]; i++)
        if (strcmp(cli_commands[i]->name, name) == 0)
            return cli_commands[i];
    return NULL;
}

bool command_uses_devices(const struct command *c) {
    return c->gate || c->options & VGGCL_FOR_DEVICES;
}

static const struct flag *find_flag(const struct command *c, const char *name) {
    for (const struct flag *f = c->flags; f->name; f++)
        if (strcmp(f->name, name) == 0)
            return f;
    return NULL;
}

/* The flag at a position: the command's own ones, then the common ones that these do not replace; NULL at the end. */
static const struct flag *flag_at(const struct command *c, size_t k) {
    for (const struct flag *f = c->flags; f->name; f++)
        if (k-- == 0)
            return f;
    for (const struct flag *f = cli_common_flags; command_uses_devices(c) && f->name; f++)
        if (!find_flag(c, f->name) && k-- == 0)
            return f;
    return NULL;
}

bool command_next(const struct command *c, size_t *i, struct taken *t) {
    size_t count, flags = 0;
    const struct vggcl_option *o = vggcl_options(&count);
    while (flag_at(c, flags))
        flags++;
    while (*i < count && !(o[*i].flags & c->options && !find_flag(c, o[*i].name)))
        ++*i;
    size_t k = (*i)++;
    const struct flag *f = k < count ? NULL : flag_at(c, k - count);
    if (k < count)
        *t = (struct taken){o[k].name, o[k].argument, o[k].help, &o[k], NULL};
    else if (f)
        *t = (struct taken){f->name, f->argument, f->help, NULL, f};
    else
        *t = (struct taken){"help", NULL, "print this help", NULL, NULL};
    return k <= count + flags;
}

bool command_takes(const struct command *c, const char *name, struct taken *t) {
    for (size_t i = 0; command_next(c, &i, t);)
        if (strcmp(t->name, name) == 0)
            return true;
    return false;
}
