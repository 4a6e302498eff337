/* data.h - labelled 32x32 colour images in host memory, from CIFAR-10's binary files or made up. No OpenCL here.
 *
 * CIFAR-10's format (https://www.cs.toronto.edu/~kriz/cifar.html): each record is one label byte 0..9 and 3072 pixel
 * bytes, 1024 red, 1024 green, 1024 blue, each plane row by row; batches.meta.txt has one class name a line. */
#ifndef VGGCL_DATA_DATA_H
#define VGGCL_DATA_DATA_H

#include "base/err.h"

enum { DATA_SIDE = 32, DATA_CHANNELS = 3, DATA_PIXELS = 3 * 32 * 32, DATA_RECORD = 1 + DATA_PIXELS };

/* count images: pixels is [count][3][32][32], labels [count], each 0..9. */
struct dataset {
    size_t count;
    uint8_t *pixels, *labels;
};

struct data {
    struct dataset train, test;
    char classes[VGGCL_CLASSES][32];
    char description[VGGCL_PATH_MAX]; /* one line for people: what it is and where it came from */
};

/* Opens what --data names: a folder in CIFAR-10's format, "synthetic" or "synthetic:TRAIN,TEST"; "" takes
 * $VGGCL_CIFAR10, else data/cifar-10-batches-bin. seed is the synthetic set's. Where validate is not 0, the last so
 * many training images are held out and take the test set's place. Release with data_free(). Errors are cifar_read()'s
 * and synth_make()'s, and VGGCL_EUSAGE where TRAIN,TEST does not parse or validate leaves none to train with. This
 * function and the two below that fill data leave it empty on failure; only this one writes the description. */
enum vggcl_err data_open(const char *spec, uint64_t seed, size_t validate, struct data *data);

/* How many images data_open() would find, by the files' sizes; where spec is "" and there are no files, CIFAR-10's
 * 50000 and 10000. */
enum vggcl_err data_count(const char *spec, size_t validate, size_t *train, size_t *test);

/* data_batch_1..5.bin, test_batch.bin, batches.meta.txt */
enum { CIFAR_FILES = 7 };
extern const char *const cifar_files[CIFAR_FILES];

/* How many images folder's files hold, as cifar_read() would find, though only their sizes are looked at. */
enum vggcl_err cifar_count(const char *folder, size_t *train, size_t *test);

/* Reads data_batch_1..5.bin, test_batch.bin and batches.meta.txt from folder. VGGCL_EIO for a missing file, with how
 * to get the data set; VGGCL_EFORMAT for a size that is no multiple of 3073 or zero, training files of differing
 * sizes (the later ones may have one record less than the earlier), a label above 9, fewer than 10 class names: each
 * names the file and the byte. What is larger than 2^31 bytes is not read. */
enum vggcl_err cifar_read(const char *folder, struct data *data);

/* Writes data to folder (made where missing) in CIFAR-10's format, the training images spread evenly over the five
 * files, the earlier ones one more where it does not divide; each file is renamed into place when whole. */
enum vggcl_err cifar_write(const char *folder, const struct data *data);

enum { CIFAR_TRAIN = 50000, CIFAR_TEST = 10000 };
enum { SYNTH_TRAIN = 5000, SYNTH_TEST = 1000 }; /* what "synthetic" alone makes */

/* Makes train + test images of ten classes, 10 to 1000000 each, else VGGCL_EUSAGE. An image is a function of seed and
 * its index, i for training image i, 2^32 + i for test image i, on every machine; its class is i modulo 10. */
enum vggcl_err synth_make(size_t train, size_t test, uint64_t seed, struct data *data);

/* Allocates room for count images, all bytes 0; what was there is not freed. On failure set is empty. */
enum vggcl_err dataset_allocate(struct dataset *set, size_t count);

/* Frees what data holds and leaves it empty; fine on an empty one. */
void data_free(struct data *data);

#endif
