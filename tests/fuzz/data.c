#include "data.h"
#include "common.h"

#include <string.h>

static void check_set(const struct data_spec *spec, const struct dataset *set) {
    volatile uint8_t pixel;
    size_t bytes = data_image_bytes(spec);
    for (size_t i = 0; i < set->count; i++) {
        FUZZ_HOLDS(set->labels[i] < spec->classes);
        pixel = dataset_pixels(set, bytes, i)[0];
        pixel = dataset_pixels(set, bytes, i)[bytes - 1];
    }
    (void)pixel;
}

static void check_spec(const struct data_spec *spec) {
    FUZZ_HOLDS(spec->height >= DATA_LEAST_SIDE && spec->height <= DATA_MOST_SIDE);
    FUZZ_HOLDS(spec->width >= DATA_LEAST_SIDE && spec->width <= DATA_MOST_SIDE);
    FUZZ_HOLDS(spec->channels == 1 || spec->channels == 3);
    FUZZ_HOLDS(spec->classes >= 2 && spec->classes <= DATA_MOST_CLASSES);
    for (size_t i = 0; spec->class_names && i < spec->classes; i++)
        FUZZ_HOLDS(*spec->class_names[i] && strlen(spec->class_names[i]) <= CLASS_NAME_LONGEST);
}

void fuzz_open_data(const struct data_source *source) {
    struct data_size size;
    struct data data;
    bool counted = fuzz_accepted(data_count(source, &size)), opened = fuzz_accepted(data_open(source, &data));
    if (!opened)
        return;
    FUZZ_HOLDS(counted && size.train == data.train.count && size.test == data.test.count);
    FUZZ_HOLDS(size.spec.classes == data.spec.classes && size.spec.height == data.spec.height);
    FUZZ_HOLDS(data.spec.class_names && data.train.count && data.test.count);
    check_spec(&data.spec);
    check_set(&data.spec, &data.train);
    check_set(&data.spec, &data.test);
    data_limit(&data, 1);
    data_free(&data);
}
