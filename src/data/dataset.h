/* dataset.h - labelled images in host memory, and the description of what they are. No OpenCL here. */
#ifndef VGGCL_DATA_DATASET_H
#define VGGCL_DATA_DATASET_H

#include "base/err.h"
#include "base/mapping.h"

enum { DATA_MOST_CLASSES = 65535 };                 /* labels are 16-bit */
enum { DATA_LEAST_SIDE = 8, DATA_MOST_SIDE = 256 }; /* heights and widths of images, in pixels */

/* What the images of a data set are. It comes from the data set, and is the only place where the program has these
 * numbers from. Copies share class_names, which the struct data owns. */
struct data_spec {
    size_t height, width, channels; /* of every image, in pixels */
    size_t classes;                 /* 2 to DATA_MOST_CLASSES */
    char **class_names;             /* [classes]; NULL where the images were only counted */
};

/* Bytes of one image. */
static inline size_t data_image_bytes(const struct data_spec *spec) {
    return spec->height * spec->width * spec->channels;
}

/* An image's pixels are bytes [channels][height][width]; dataset_pixels() finds them. */
struct dataset {
    size_t count;
    uint8_t *pixels;
    uint32_t *records; /* [count]: each image's place among pixels, which are in one of struct data's mapped files
                          then; NULL: the images are in their order, and the set owns pixels */
    uint16_t *labels;  /* [count], each below the number of classes */
    char **files;  /* [count]: the path of each image's own file, as names_copy() makes them; NULL if there are none */
    bool borrowed; /* pixels and labels belong to a struct vggcl_dataset: they are neither changed nor freed */
};

/* A data set in memory, or in a file that is mapped there. */
struct data {
    struct data_spec spec;
    struct dataset train, test;
    struct mapping mapped[2];         /* files with the pixels of sets with records; else {0} */
    char description[VGGCL_PATH_MAX]; /* one line for people: what it is, where it is, how many images */
    char folder[VGGCL_PATH_MAX];      /* its absolute path; "" for synthetic images */
    char *notes;                      /* for people: a line about what was left out; owned, NULL for none */
    uint64_t set_fingerprint;         /* of the whole data set, whatever is held out or left out */
    uint64_t fingerprint;             /* of the images that are left, see data_limit(); 0 if it was not computed yet */
};

/* A data set that was only counted. */
struct data_size {
    struct data_spec spec;
    size_t train, test; /* images */
};

/* Allocates count images, all zeros, for an empty set. On failure (VGGCL_ENOMEM) set is empty. */
enum vggcl_err dataset_allocate(struct dataset *set, const struct data_spec *spec, size_t count);
void dataset_free(struct dataset *set);

/* The same for images among pixels, which stay their owner's; their records and labels are zeros. */
enum vggcl_err dataset_refer(struct dataset *set, uint8_t *pixels, size_t count);

/* The pixels of image i; bytes: data_image_bytes(). */
static inline const uint8_t *dataset_pixels(const struct dataset *set, size_t bytes, size_t i) {
    return set->pixels + (set->records ? set->records[i] : i) * bytes;
}

/* Tells the system that images numbers[0 .. count - 1] will be read soon, if they are in a file. numbers: NULL for the
 * images from `first` on. */
void dataset_want(const struct dataset *set, size_t bytes, const uint32_t *numbers, size_t first, size_t count);

/* Copies count images of `bytes` bytes each, numbers[0], numbers[1], ..., and their labels. */
void dataset_gather(const struct dataset *set, size_t bytes, const uint32_t *numbers, size_t count, uint8_t *pixels,
                    uint16_t *labels);

/* Frees what data owns and leaves it empty; data may be empty already. */
void data_free(struct data *data);

/* A copy of the names in one block, which the caller gives to free(). NULL, with the error's text set, where memory is
 * out. */
char **names_copy(size_t count, char *const *names);

/* The same with the names "0", "1", ... */
char **names_numbered(size_t count);

/* Splits text, the contents of the file at path, into lines: ends each of the first `count` lines with a NUL and stores
 * where they begin in names. Empty lines between names are skipped. VGGCL_EFORMAT, with the byte, for a name that is
 * missing or longer than CLASS_NAME_LONGEST bytes. */
enum { CLASS_NAME_LONGEST = 31 };
enum vggcl_err class_names_split(char *text, const char *path, size_t count, char **names);

#endif
