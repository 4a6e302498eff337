/* naming.h - the names that other programs give to the tensors of a VGG: those of torchvision, kuangliu's pytorch-cifar
 * and what was made after them. There "features.N" are the convolutions and batch normalisations, where N also counts
 * ReLUs and poolings, and "classifier" or "classifier.N" the linear layers. */
#ifndef VGGCL_NETS_NAMING_H
#define VGGCL_NETS_NAMING_H

#include "files/safetensors.h"
#include "nets/layer_list.h"

enum { NAMING_NAME = 48 };

/* Names that `vggcl convert` can give. */
enum naming_style { NAMING_VGGCL, NAMING_TORCHVISION, NAMING_KUANGLIU };
extern const char *const naming_styles[]; /* their words, ended by NULL */

/* What a file with other names is taken for. */
struct naming {
    const char *origin;             /* "torchvision"; NULL if the names are of none of these programs */
    const char *images;             /* those that it was trained on: "ImageNet"; NULL if that is not known */
    const char *normalize;          /* the option's word */
    const double *mean, *deviation; /* [3], of these images */
    const char *size;               /* of images, in pixels, as the option takes it; NULL if that is not known */
};

/* Gives the records of a file vggcl's names, "conv1_1.weight" for "features.0.weight", by their order and shapes, if it
 * has names of these programs. "module." and "_orig_mod." in names are skipped. VGGCL_EFORMAT, naming path and the
 * tensor, if they are not those of a VGG. */
enum vggcl_err naming_match(struct safetensors *file, const char *path, struct naming *naming);

/* The name in that style of a tensor of the network that has these layers; false if it has no such tensor. ours:
 * "bn1_1.bias".
 */
bool naming_name(enum naming_style style, const struct layer_list *layers, bool bn, const char *ours,
                 char name[static NAMING_NAME]);

#endif
