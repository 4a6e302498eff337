/* weights.h - the file of trained weights that the option weights names: vggcl's own, or what others use as such. */
#ifndef VGGCL_TRAIN_WEIGHTS_H
#define VGGCL_TRAIN_WEIGHTS_H

#include "files/safetensors.h"

/* Reads the file config->weights. Of a folder it is the best weights in it, and config->weights becomes that file. What
 * all names have in front, as "module." of DataParallel and "_orig_mod." of torch.compile(), is taken off; names of
 * other programs become vggcl's (nets/naming.h), and the metadata says how these normalise images. Adds a line to
 * *notices, a text that the caller frees, for what the user may not expect. The errors are those of safetensors_read()
 * and naming_match(), and VGGCL_EIO for a folder without weights. */
enum vggcl_err weights_open(struct vggcl_config *config, struct safetensors *file, char **notices);

#endif
