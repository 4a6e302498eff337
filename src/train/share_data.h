/* share_data.h - the training images of rank 0 for the other ranks (ranks/ranks.h), which need no copy of the data set
 * then: the option data-from. With the option shards each of them gets its shard. */
#ifndef VGGCL_TRAIN_SHARE_DATA_H
#define VGGCL_TRAIN_SHARE_DATA_H

#include "data/dataset.h"

/* Copies rank 0's *data, which is open, to the other ranks, whose *data is empty: what its images are, the training
 * images and their labels. The others get neither test images, which rank 0 alone tests on, nor folder, notes and
 * fingerprints. With config->shards *shard of the other ranks gets their images, and data->train their number alone.
 * They call data_free() and dataset_free(shard), on failure too. */
enum vggcl_err share_data(const struct vggcl_config *config, struct data *data, struct dataset *shard);

/* Sets *weights, of the other ranks, to a copy of rank 0's `classes` class weights, which the caller frees. */
enum vggcl_err share_class_weights(size_t classes, float **weights);

#endif
