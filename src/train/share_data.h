/* share_data.h - the training images of rank 0 for the other ranks (ranks/ranks.h), which need no copy of the data set
 * then: the option data-from. */
#ifndef VGGCL_TRAIN_SHARE_DATA_H
#define VGGCL_TRAIN_SHARE_DATA_H

#include "data/dataset.h"

/* Copies rank 0's *data, which is open, to the other ranks, whose *data is empty: what its images are, the training
 * images and their labels. The others get neither test images, which rank 0 alone tests on, nor folder, notes and
 * fingerprints. They call data_free(), on failure too. */
enum vggcl_err share_data(struct data *data);

/* Sets *weights, of the other ranks, to a copy of rank 0's `classes` class weights, which the caller frees. */
enum vggcl_err share_class_weights(size_t classes, float **weights);

#endif
