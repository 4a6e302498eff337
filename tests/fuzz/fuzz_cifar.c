/* The files of CIFAR-10 and CIFAR-100. Byte 0 of the input says which labels and how many images are held out; then it
 * is as of fuzz_files(), except that a file of images is 1 byte, which says how much is missing at its end, and the
 * labels of its records: their pixels, 3072 bytes each, are made here. */
#include "common.h"
#include "data.h"
#include "data/cifar.h"

#include <stdlib.h>
#include <string.h>

enum { RECORDS = 32, MISSING = 13 }; /* most records of a file; bytes for each 1 of byte 0 */

static const struct {
    const char *name;
    size_t label_bytes; /* 0: not a file of images */
} files[] = {
    {"data_batch_1.bin", 1}, {"data_batch_2.bin", 1},     {"data_batch_3.bin", 1},      {"data_batch_4.bin", 1},
    {"data_batch_5.bin", 1}, {"test_batch.bin", 1},       {"batches.meta.txt", 0},      {"train.bin", 2},
    {"test.bin", 2},         {"fine_label_names.txt", 0}, {"coarse_label_names.txt", 0}};
enum { FILES = sizeof files / sizeof *files };

static void write_images(const char *name, size_t label_bytes, struct fuzz_input labels) {
    size_t missing = fuzz_byte(&labels) * MISSING, record = label_bytes + CIFAR_PIXELS;
    size_t count = labels.count < RECORDS ? labels.count : RECORDS, size = count * record;
    uint8_t *bytes = calloc(RECORDS, record);
    FUZZ_HOLDS(bytes);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < label_bytes; k++)
            bytes[i * record + k] = k + 1 < label_bytes ? labels.bytes[i] % 21 : labels.bytes[i];
    fuzz_file(name, bytes, missing < size ? size - missing : 0);
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    struct fuzz_input input = {bytes, count};
    struct data_source source = {.name = fuzz_folder()};
    uint8_t how = fuzz_byte(&input);
    source.labels = how & 1 ? DATA_COARSE : DATA_FINE;
    source.validate = how >> 1 & 3;
    fuzz_clear();
    while (input.count) {
        size_t i = fuzz_byte(&input) % FILES, size = fuzz_byte(&input);
        struct fuzz_input file = {input.bytes, size < input.count ? size : input.count};
        input.bytes += file.count;
        input.count -= file.count;
        if (files[i].label_bytes)
            write_images(files[i].name, files[i].label_bytes, file);
        else
            fuzz_file(files[i].name, file.bytes, file.count);
    }
    fuzz_open_data(&source);
    return 0;
}
