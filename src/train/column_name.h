/* column_name.h - what a column of a CSV file holds, by its name as training programs write them: "val_loss",
 * "Test Acc@1 (%)", "metrics/accuracy_top1". */
#ifndef VGGCL_TRAIN_COLUMN_NAME_H
#define VGGCL_TRAIN_COLUMN_NAME_H

#include "train/epoch_field.h"

/* Meanings besides the fields of an epoch. */
enum {
    COLUMN_LOSS = FIELD_COUNT, /* a loss or an accuracy, not said of which images */
    COLUMN_ACCURACY,
    COLUMN_UNKNOWN
};

/* A FIELD_ or COLUMN_ number. *steps: whether its values are those of single steps ("train_loss_step"). */
int column_meaning(const char *name, bool *steps);

/* Whether two names differ only in case and in what is neither a letter nor a digit. */
bool column_same_name(const char *a, const char *b);

#endif
