#include "train/epoch_field.h"
#include "base/text.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>

const struct epoch_field epoch_fields[FIELD_COUNT] = {
    [FIELD_EPOCH] = {"epoch", WHOLE, offsetof(struct vggcl_epoch, epoch)},
    [FIELD_LR] = {"lr", REAL, offsetof(struct vggcl_epoch, lr)},
    [FIELD_TRAIN_LOSS] = {"train_loss", REAL, offsetof(struct vggcl_epoch, train_loss)},
    [FIELD_TRAIN_ACCURACY] = {"train_accuracy", SHARE, offsetof(struct vggcl_epoch, train_accuracy)},
    [FIELD_TEST_LOSS] = {"test_loss", REAL, offsetof(struct vggcl_epoch, test_loss)},
    [FIELD_TEST_ACCURACY] = {"test_accuracy", SHARE, offsetof(struct vggcl_epoch, test_accuracy)},
    [FIELD_SECONDS] = {"seconds", REAL, offsetof(struct vggcl_epoch, seconds)},
    [FIELD_IMAGES_PER_SECOND] = {"images_per_second", REAL, offsetof(struct vggcl_epoch, images_per_second)},
    [FIELD_WEIGHTS_HASH] = {"weights_hash", HASH, offsetof(struct vggcl_epoch, weights_hash)},
};

struct vggcl_epoch epoch_unknown(void) {
    return (struct vggcl_epoch){-1, NAN, NAN, NAN, NAN, NAN, NAN, NAN, 0};
}

const char *epoch_field_kind(const struct epoch_field *field) {
    static const char *const kinds[] = {"whole number", "number", "number from 0 to 1", "hexadecimal number"};
    return kinds[field->kind];
}

bool epoch_field_parse(const struct epoch_field *field, const char *text, struct vggcl_epoch *row) {
    void *place = (char *)row + field->offset;
    char *end;
    if (!*text)
        return true;
    if (field->kind == HASH) {
        *(uint64_t *)place = strtoull(text, &end, 16);
        return !*end;
    }
    double value = text_number(text, &end);
    if (field->kind == WHOLE && value >= 0 && value <= INT_MAX && value == floor(value))
        *(int *)place = (int)value;
    else if (field->kind == REAL || (field->kind == SHARE && !(value < 0 || value > 1)))
        *(double *)place = value;
    else
        return false;
    return end != text && !*end;
}
