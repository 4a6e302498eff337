/* recipes.h - recipes: named sets of option values, as data. */
#ifndef VGGCL_OPTIONS_RECIPES_H
#define VGGCL_OPTIONS_RECIPES_H

#include <stddef.h>

struct recipe_setting {
    const char *option, *value; /* the value as vggcl_config_set() takes it */
};

/* A recipe sets its own settings, and gives the options that only other recipes set their defaults. */
struct recipe {
    const char *name;
    const struct recipe_setting *settings; /* ended by a NULL option */
};

extern const struct recipe recipes[];    /* ended by a NULL name; the first one is the default */
extern const char *const recipe_names[]; /* in the same order; ended by NULL */

#endif
