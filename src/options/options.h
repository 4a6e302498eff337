/* options.h - the options of a run: one table with the name, kind, range, default and help of each. The command line,
 * the help text, files of options, checkpoints and resumed runs all use it. */
#ifndef VGGCL_OPTIONS_OPTIONS_H
#define VGGCL_OPTIONS_OPTIONS_H

#include "base/err.h"
#include "base/stored.h"

enum { CONFIG_TEXT = VGGCL_PATH_MAX }; /* bytes that any option fits into as text */

/* Whether option i, or the one of that name, was set by vggcl_config_set(). */
bool config_given(const struct vggcl_config *config, size_t i);
bool config_gives(const struct vggcl_config *config, const char *name);

/* Sets an option unless it was given before, and does not mark it as given. */
enum vggcl_err config_suggest(struct vggcl_config *config, const char *name, const char *text);

/* Sets the options that a checkpoint has stored: value(file, key) returns an option's text, or NULL if it is not
 * stored. An option that was given must have the stored value, unless it is VGGCL_CHANGEABLE: else VGGCL_EUSAGE.
 * An option that is not stored, because an earlier version wrote the checkpoint, has its default.
 * *stored receives all options as stored. from names the file in errors. */
enum vggcl_err config_resume(struct vggcl_config *config, const char *(*value)(const void *file, const char *key),
                             const void *file, const char *from, struct vggcl_config *stored);

/* VGGCL_EUSAGE if an option i with given[i] (as in config->given) belongs to other optimisers than the one that config
 * chooses. */
enum vggcl_err config_check_optimizer(const struct vggcl_config *config, const bool given[]);

/* VGGCL_EUSAGE, naming the option and what it takes, if any field is not what the table of options allows: called first
 * by every public function that takes a struct vggcl_config, which a C program may have filled in by hand. */
enum vggcl_err config_check(const struct vggcl_config *config);

/* If config->dataset is set, sets the options data and data-format accordingly, so that checkpoints store that the
 * images are in memory. */
enum vggcl_err config_use_dataset(struct vggcl_config *config);

/* How activations are stored, by the options storage and precision; "float", "half", "bf16" or,
 * with precision tf32, "float (tf32 products)". */
enum stored config_stored(const struct vggcl_config *config);
const char *config_stored_word(const struct vggcl_config *config);

/* The chosen word of an option of kind VGGCL_CHOICE or VGGCL_RECIPE: config_word(config, "conv"). */
const char *config_word(const struct vggcl_config *config, const char *name);

#endif
