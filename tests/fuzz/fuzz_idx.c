/* The IDX files of MNIST and EMNIST, plain and compressed, with the files of their classes' names: an input as of
 * fuzz_files(). */
#include "common.h"
#include "data.h"

#define ENDINGS(name, dimensions)                                                                                      \
    name "-idx" dimensions "-ubyte", name ".idx" dimensions "-ubyte", name "-idx" dimensions "-ubyte.gz",              \
        name ".idx" dimensions "-ubyte.gz"
#define PART(name) ENDINGS(name "-images", "3"), ENDINGS(name "-labels", "1")

static const char *const names[] = {PART("train"),
                                    PART("t10k"),
                                    PART("emnist-letters-train"),
                                    PART("emnist-letters-test"),
                                    "names.txt",
                                    "mapping.txt",
                                    "emnist-letters-mapping.txt",
                                    ENDINGS("train-images", "4"),
                                    ENDINGS("t10k-images", "4"),
                                    "emnist-letters-train-images-idx4-ubyte",
                                    "emnist-letters-test-images-idx4-ubyte"};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    const struct data_source source = {.name = fuzz_folder()};
    fuzz_clear();
    fuzz_files(bytes, count, names, sizeof names / sizeof *names);
    fuzz_open_data(&source);
    return 0;
}
