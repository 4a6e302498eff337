/* network.h - the network and the data set that a run's options describe. */
#ifndef VGGCL_OPTIONS_NETWORK_H
#define VGGCL_OPTIONS_NETWORK_H

#include "data/format.h"
#include "nets/model.h"
#include "nets/net.h"
#include "ops/image.h"

/* The layers of config's network for images of `data`, *count of them. VGGCL_EUSAGE where the network does not take
 * images of that size. */
enum vggcl_err network_layers(const struct vggcl_config *config, const struct data_spec *data,
                              struct layer_spec specs[MODEL_LAYERS], size_t *count);

/* Makes config's network for up to batch images of `data`, or for one of the other numbers (see net_create()). conv
 * names the convolution algorithm; NULL for config's. The optimiser is config's. VGGCL_EUSAGE where the network does
 * not take images of that size.
 */
enum vggcl_err network_create(const struct context *context, const struct vggcl_config *config,
                              const struct data_spec *data, size_t batch, const size_t *others, const char *conv,
                              enum net_use use, struct net **net);

/* The images that the options shape and classes describe, for commands without a data set. */
struct data_spec network_spec(const struct vggcl_config *config);

/* The data set of config, after config_use_dataset(); its texts belong to config. */
struct data_source network_data(const struct vggcl_config *config);

/* How config augments the training images of an epoch, counted from 0; without mixup and CutMix, see mix_draw(). */
struct augmentation network_augmentation(const struct vggcl_config *config, int epoch);

/* How many images a training pass over n images needs, with their partners for mixup or CutMix. */
size_t network_staged(const struct vggcl_config *config, size_t n);

/* VGGCL_EUSAGE if config's augmentation needs larger images than those of data. */
enum vggcl_err network_check_augmentation(const struct vggcl_config *config, const struct data_spec *data);

/* config's hyperparameters of the first step, with the learning rate at its largest. */
struct hyperparameters network_hyperparameters(const struct vggcl_config *config);

#endif
