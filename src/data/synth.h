/* synth.h - generated images of ten classes. Opening them by name is format_synthetic (format.h). */
#ifndef VGGCL_DATA_SYNTH_H
#define VGGCL_DATA_SYNTH_H

#include "data/dataset.h"

enum { SYNTH_TRAIN = 5000, SYNTH_TEST = 1000 };                   /* images of "synthetic" alone */
enum { SYNTH_SIDE = 32, SYNTH_CHANNELS = 3, SYNTH_CLASSES = 10 }; /* CIFAR-10's; the side may be another one */

/* Draws training or test image i of side x side pixels, [channel][row][column]. It depends on these arguments alone,
 * and is the same on every machine; its class is i modulo SYNTH_CLASSES. */
void synth_draw(uint8_t *pixels, size_t side, bool test, size_t i, uint64_t seed);

const char *synth_class_name(size_t class);

/* What the images are; without class_names. */
struct data_spec synth_spec(size_t side);

/* VGGCL_EUSAGE for numbers of images or sides that a set cannot have. */
enum vggcl_err synth_check(size_t train, size_t test, size_t side);

/* Draws a set in memory; errors are those of synth_check(). Release with data_free(); on failure data is empty. */
enum vggcl_err synth_make(size_t train, size_t test, size_t side, uint64_t seed, struct data *data);

#endif
