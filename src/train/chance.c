#include "train/chance.h"

#include <math.h>
#include <stdlib.h>

/* The share of the largest class; *entropy: of the classes' shares, in nats. counts: [classes], all zeros. */
static double largest_share(const struct dataset *set, size_t classes, size_t *counts, double *entropy) {
    size_t largest = 0;
    *entropy = 0;
    for (size_t i = 0; i < set->count; i++)
        counts[set->labels[i]]++;
    for (size_t k = 0; k < classes; k++) {
        double share = (double)counts[k] / (double)set->count;
        largest = counts[k] > largest ? counts[k] : largest;
        *entropy -= counts[k] ? share * log(share) : 0;
    }
    return (double)largest / (double)set->count;
}

/* Two standard deviations above a share of count images. */
static double limit_of(double share, size_t count) {
    return share + 2 * sqrt(share * (1 - share) / (double)count);
}

enum vggcl_err chance_of(const struct data *data, struct chance *chance) {
    size_t classes = data->spec.classes;
    size_t *counts = calloc(2 * classes, sizeof *counts);
    double unused;
    if (!counts)
        return err_no_memory("the sizes of the classes", 2 * classes * sizeof *counts);
    chance->train_accuracy = largest_share(&data->train, classes, counts, &unused);
    chance->test_accuracy = largest_share(&data->test, classes, counts + classes, &chance->test_loss);
    chance->train_limit = limit_of(chance->train_accuracy, data->train.count);
    chance->test_limit = limit_of(chance->test_accuracy, data->test.count);
    free(counts);
    return VGGCL_OK;
}

int chance_epochs(const struct history *h, const struct chance *chance) {
    const double loss_margin = 0.98;
    int count = 0;
    for (size_t i = h->count; i-- > 0; count++) {
        const struct vggcl_epoch *row = &h->rows[i];
        if (row->train_accuracy > chance->train_limit || row->test_accuracy > chance->test_limit ||
            row->test_loss < chance->test_loss * loss_margin)
            break;
    }
    return count;
}
