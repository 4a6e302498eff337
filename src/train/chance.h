/* chance.h - whether a run learns anything, or guesses. */
#ifndef VGGCL_TRAIN_CHANCE_H
#define VGGCL_TRAIN_CHANCE_H

#include "data/dataset.h"
#include "train/history.h"

/* What a network reaches that does not look at the images: the share of the largest class among the training and the
 * test images, and the loss of predicting each class by its share of the test images (its entropy). */
struct chance {
    double train_accuracy, test_accuracy, test_loss;
    double train_limit,
        test_limit; /* the accuracies that guessing exceeds in one of 40 epochs: two standard deviations */
};

/* VGGCL_ENOMEM. */
enum vggcl_err chance_of(const struct data *data, struct chance *chance);

/* Number of the last epochs, without one between them that was better, that were no better than guessing: neither
 * accuracy above its limit, and the loss at least 98 % of chance's. A slow start is far above: the seed's recipe has
 * 16.9 % of the training images right in its first epoch of CIFAR-10, where the limit is 10.3 %. */
int chance_epochs(const struct history *h, const struct chance *chance);

#endif
