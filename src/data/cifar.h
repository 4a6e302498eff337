/* cifar.h - what the binary files of CIFAR-10 and CIFAR-100 have in common: https://www.cs.toronto.edu/~kriz/cifar.html
 *
 * A file is a row of records. A record is one or more label bytes, then 3072 pixel bytes: 1024 red, 1024 green, 1024
 * blue, each plane row by row. A text file has the name of a class in each line. */
#ifndef VGGCL_DATA_CIFAR_H
#define VGGCL_DATA_CIFAR_H

#include "data/dataset.h"

#include <stdio.h>

enum { CIFAR_SIDE = 32, CIFAR_CHANNELS = 3, CIFAR_PIXELS = CIFAR_CHANNELS * CIFAR_SIDE * CIFAR_SIDE };

/* The files of one data set. */
struct cifar_set {
    const char *const *files; /* train_files of them with training images, then that with the test images */
    size_t train_files;
    const char *names; /* the file with the names of the classes */
    size_t classes;
    size_t label_bytes, label; /* of a record; which of them is its label, from 0 */
    const char *advice;        /* for a missing file: where to get the set */
};

struct data_spec cifar_spec(const struct cifar_set *set); /* without names */

/* Whether the folder has any of the set's files with images. */
bool cifar_recognise(const struct cifar_set *set, const char *folder);

/* The number of images, by the sizes of the files. */
enum vggcl_err cifar_count(const struct cifar_set *set, const char *folder, struct data_size *size);

/* Reads the set into an empty data; on an error it leaves what it has to data_free(). VGGCL_EIO for a missing file,
 * with the set's advice; VGGCL_EFORMAT for a file that is empty, above 2^31 bytes or not a multiple of a record,
 * training files of differing sizes (later ones may have one record less than earlier ones), a label or a number of
 * class names that the set does not have. Each error names the file and the byte. */
enum vggcl_err cifar_read(const struct cifar_set *set, const char *folder, struct data *data);

#endif
