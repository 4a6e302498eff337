/* class_weights.h - weights of the classes in the loss, for data sets whose classes differ in size. */
#ifndef VGGCL_TRAIN_CLASS_WEIGHTS_H
#define VGGCL_TRAIN_CLASS_WEIGHTS_H

#include "data/dataset.h"

/* Sets *weights, [classes], to images / (classes * images of the class), counted in the training set: scikit-learn's
 * "balanced". The mean over the training images is 1, so that a learning rate suits as it does without weights. The
 * caller frees *weights. VGGCL_EUSAGE, naming a class, if one has no training images. */
enum vggcl_err class_weights_balance(const struct data *data, float **weights);

#endif
