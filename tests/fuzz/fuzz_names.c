/* The names of classes: byte 0 says how many there are, and which file the rest is: the lines of CIFAR's text file, or,
 * of an IDX set whose labels go from 0 to 3, names.txt or EMNIST's mapping. */
#include "common.h"
#include "data.h"

#include <stdlib.h>
#include <string.h>

enum { IMAGES = 4, SIDE = 8, MOST_NAMES = 63 };

static void split_lines(const struct fuzz_input *input, size_t count) {
    char *text = fuzz_text(input->bytes, input->count), *names[MOST_NAMES];
    if (fuzz_accepted(class_names_split(text, "names.txt", count, names)))
        for (size_t i = 0; i < count; i++)
            FUZZ_HOLDS(*names[i] && strlen(names[i]) <= CLASS_NAME_LONGEST && !strpbrk(names[i], "\r\n"));
    free(text);
}

static void write_set(const char *images, const char *labels) {
    uint8_t image_file[16 + IMAGES * SIDE * SIDE] = {0, 0, 8, 3, 0, 0, 0, IMAGES, 0, 0, 0, SIDE, 0, 0, 0, SIDE};
    const uint8_t label_file[8 + IMAGES] = {0, 0, 8, 1, 0, 0, 0, IMAGES, 0, 1, 2, 3};
    fuzz_file(images, image_file, sizeof image_file);
    fuzz_file(labels, label_file, sizeof label_file);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    struct fuzz_input input = {bytes, count};
    const struct data_source source = {.name = fuzz_folder()};
    uint8_t how = fuzz_byte(&input);
    fuzz_clear();
    if (how < MOST_NAMES)
        split_lines(&input, how);
    else {
        write_set("train-images-idx3-ubyte", "train-labels-idx1-ubyte");
        write_set("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte");
        fuzz_file(how & 1 ? "names.txt" : "mapping.txt", input.bytes, input.count);
        fuzz_open_data(&source);
    }
    return 0;
}
