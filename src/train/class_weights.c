#include "train/class_weights.h"

#include <stdlib.h>

static enum vggcl_err no_images(const struct data *data, size_t class) {
    return err_set(VGGCL_EUSAGE,
                   "class-weights balanced: class %s has none of the %zu training images: %s; add images of it, or set "
                   "class-weights none",
                   data->spec.class_names[class], data->train.count, data->description);
}

enum vggcl_err class_weights_balance(const struct data *data, float **weights) {
    size_t classes = data->spec.classes, empty = classes;
    size_t *images = calloc(classes, sizeof *images);
    *weights = malloc(classes * sizeof **weights);
    if (!images || !*weights) {
        free(images);
        return err_no_memory("the class weights", classes * (sizeof *images + sizeof **weights));
    }
    for (size_t i = 0; i < data->train.count; i++)
        images[data->train.labels[i]]++;
    for (size_t k = classes; k-- > 0;) {
        (*weights)[k] = (float)((double)data->train.count / ((double)classes * (double)images[k]));
        empty = images[k] ? empty : k;
    }
    free(images);
    return empty == classes ? VGGCL_OK : no_images(data, empty);
}
