/* config_file.h - a run's options as a JSON file: {"recipe": "fast", "lr": 0.1, "nesterov": true, ...}. */
#ifndef VGGCL_TRAIN_CONFIG_FILE_H
#define VGGCL_TRAIN_CONFIG_FILE_H

#include "base/err.h"

/* Sets the options that the file at path has and that were not given: VGGCL_EIO or VGGCL_EFORMAT, naming the file and
 * the line or the option, where it cannot be read, is no such object, or has what no option is or takes. */
enum vggcl_err config_read(struct vggcl_config *config, const char *path);

#endif
