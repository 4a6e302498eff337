/* cifar10.h - the binary version of CIFAR-10: its files, and writing it. Reading is format_cifar10 (format.h). */
#ifndef VGGCL_DATA_CIFAR10_H
#define VGGCL_DATA_CIFAR10_H

#include "data/dataset.h"

/* data_batch_1.bin to data_batch_5.bin, test_batch.bin, batches.meta.txt, NULL */
enum { CIFAR10_FILES = 7 };
extern const char *const cifar10_files[CIFAR10_FILES + 1];

/* The published set: 50000 training and 10000 test images. */
extern const struct data_size cifar10_size;

/* Writes data, whose images have CIFAR-10's size and ten classes, to folder, made where missing. The training images
 * are spread evenly over the five files; earlier ones get one more where that does not divide. Each file is renamed
 * into place when it is whole. */
enum vggcl_err cifar10_write(const char *folder, const struct data *data);

#endif
