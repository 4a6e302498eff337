/* synth.h - generated images of ten classes. Opening them by name is format_synthetic (format.h). */
#ifndef VGGCL_DATA_SYNTH_H
#define VGGCL_DATA_SYNTH_H

#include "data/dataset.h"

enum { SYNTH_TRAIN = 5000, SYNTH_TEST = 1000 };                   /* images of "synthetic" alone */
enum { SYNTH_SIDE = 32, SYNTH_CHANNELS = 3, SYNTH_CLASSES = 10 }; /* CIFAR-10's, whose files they can be written to */

/* Makes training and test images, 10 to 1000000 of each, else VGGCL_EUSAGE. An image depends on seed and its index
 * alone, i for training image i and 2^32 + i for test image i, and is the same on every machine; its class is i modulo
 * 10. Release with data_free(); on failure data is empty. */
enum vggcl_err synth_make(size_t train, size_t test, uint64_t seed, struct data *data);

#endif
