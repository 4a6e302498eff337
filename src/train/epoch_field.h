/* epoch_field.h - the columns of accuracy.csv, and the fields of struct vggcl_epoch that they are. */
#ifndef VGGCL_TRAIN_EPOCH_FIELD_H
#define VGGCL_TRAIN_EPOCH_FIELD_H

#include "vggcl.h"

#include <stdbool.h>

enum {
    FIELD_EPOCH,
    FIELD_LR,
    FIELD_TRAIN_LOSS,
    FIELD_TRAIN_ACCURACY,
    FIELD_TEST_LOSS,
    FIELD_TEST_ACCURACY,
    FIELD_SECONDS,
    FIELD_IMAGES_PER_SECOND,
    FIELD_WEIGHTS_HASH,
    FIELD_COUNT
};

/* SHARE: an accuracy, 0 to 1. */
struct epoch_field {
    const char *name;
    enum { WHOLE, REAL, SHARE, HASH } kind;
    size_t offset; /* in struct vggcl_epoch */
};
extern const struct epoch_field epoch_fields[FIELD_COUNT]; /* in the order of the file's columns */

/* An epoch of which nothing is known: NaN; -1 as the number. */
struct vggcl_epoch epoch_unknown(void);

/* Stores a value in the row; false if the text is not of the field's kind, which epoch_field_kind() describes. An empty
 * text leaves the row unchanged. */
bool epoch_field_parse(const struct epoch_field *field, const char *text, struct vggcl_epoch *row);
const char *epoch_field_kind(const struct epoch_field *field);

#endif
