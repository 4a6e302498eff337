/* format.h - the interface of a data format, and the list of formats.
 *
 * To add a format: write a file that defines a `const struct data_format format_NAME`, and add NAME to DATA_FORMATS.
 * The words of --data-format, the errors that list the formats and `--data-format auto` follow from that list. */
#ifndef VGGCL_DATA_FORMAT_H
#define VGGCL_DATA_FORMAT_H

#include "data/dataset.h"

/* In the order in which --data-format auto asks them. */
#define DATA_FORMATS(ROW) ROW(synthetic) ROW(cifar10) ROW(cifar100) ROW(idx) ROW(folder) ROW(memory)

/* Called before a set is read, about ten times a second, and at the end: done of count images are decoded. */
typedef void data_progress(size_t done, size_t count, void *payload);

/* Which labels of a data set that has two kinds. */
enum data_labels { DATA_FINE, DATA_COARSE };

/* Which data set, and how to read it. */
struct data_source {
    const char *name;                    /* --data: a folder, or "synthetic[:TRAIN,TEST]"; "" for the default folder */
    const struct vggcl_dataset *dataset; /* of the format memory; NULL for others */
    const char *format;      /* --data-format: a format's name; NULL or "auto" for the first that recognises the set */
    enum data_labels labels; /* --labels */
    uint64_t seed;           /* of generated images */
    size_t validate;         /* number of the last training images that replace the test set; 0 for none */
    size_t side;             /* --size: of the images, in pixels; 0 for a format's default */
    double test_share;       /* --test-share: of each class's pictures, where a folder has none to test on */
    double bad_share;        /* --bad-images: the largest share of pictures that may be left out */
    data_progress *progress; /* called while pictures are decoded; NULL for none */
    void *payload;           /* for progress */
};

struct data_format {
    const char *name;  /* for --data-format: "cifar10" */
    const char *title; /* for descriptions: "CIFAR-10" */
    const char *files; /* what a folder of it holds, in a few words: "IDX files"; NULL where a set is not a folder */
    bool varies;       /* the images' size and the classes differ from set to set, so descriptions name them */
    bool has_coarse_labels; /* else source->labels is always DATA_FINE */
    bool any_side;          /* read() makes images of source->side; else they have the size that they have */

    /* Whether the set of that name is probably in this format. Cheap: looks at names of files, not into them. */
    bool (*recognise)(const char *name);

    /* The number of images that read() would find, by the sizes of files; class_names may stay NULL. */
    enum vggcl_err (*count)(const struct data_source *source, struct data_size *size);

    /* Fills spec, train and test of an empty data; on an error it leaves them to data_free(). Every size, label and
     * name that a file has is checked, and errors name the file and the byte. */
    enum vggcl_err (*read)(const struct data_source *source, struct data *data);
};

#define DATA_FORMAT_DECLARE(name) extern const struct data_format format_##name;
DATA_FORMATS(DATA_FORMAT_DECLARE)
#undef DATA_FORMAT_DECLARE

#endif
