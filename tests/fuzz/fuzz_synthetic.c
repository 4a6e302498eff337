/* The text of a generated data set, "synthetic:TRAIN,TEST"; small ones are made. */
#include "common.h"
#include "data.h"

#include <stdlib.h>

enum { MOST_IMAGES = 20 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    char *text = fuzz_text(bytes, count);
    const struct data_source source = {.name = text, .format = "synthetic"};
    struct data_size size;
    if (*text && fuzz_accepted(data_count(&source, &size)) && size.train <= MOST_IMAGES && size.test <= MOST_IMAGES) {
        struct data data;
        if (fuzz_accepted(data_open(&source, &data)))
            FUZZ_HOLDS(data.train.count == size.train && data.test.count == size.test);
        data_free(&data);
    }
    free(text);
    return 0;
}
