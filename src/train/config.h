/* config.h - the options of a run: one table says what each is called, takes, means and starts as; flags, --help, the
 * checkpoints and --resume all go by it. */
#ifndef VGGCL_TRAIN_CONFIG_H
#define VGGCL_TRAIN_CONFIG_H

#include "base/err.h"
#include "cl/device.h"
#include "net/vgg.h"

enum { CONFIG_TEXT = VGGCL_PATH_MAX };

/* Whether option i was set by vggcl_config_set(). */
bool config_given(const struct vggcl_config *config, size_t i);

/* Sets an option as vggcl_config_set() does, but not one that was given, and without its counting as given. */
enum vggcl_err config_suggest(struct vggcl_config *config, const char *name, const char *text);

/* Fills in what a checkpoint stored: value(key) gives an option's text, or NULL where it has none. An option that was
 * given too must say the same, unless it is changeable: else VGGCL_EUSAGE. from names the file in errors. */
enum vggcl_err config_resume(struct vggcl_config *config, const char *(*value)(const void *file, const char *key),
                             const void *file, const char *from);

/* The network that config describes. */
struct vgg config_vgg(const struct vggcl_config *config);

/* Opens the device that config names, with its matrix product engine and the profile that it goes by. */
struct tuned;
enum vggcl_err config_device(const struct vggcl_config *config, struct dev **d, struct tuned *tuned);

/* The same for a device that is open. */
enum vggcl_err config_prepare(const struct vggcl_config *config, struct dev *d, struct tuned *tuned);

/* The word of a choice option: config_word(config, "conv"). */
const char *config_word(const struct vggcl_config *config, const char *name);

#endif
