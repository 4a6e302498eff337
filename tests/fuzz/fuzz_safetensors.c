/* A safetensors file: every value of every tensor that it is said to have can be read. */
#include "common.h"
#include "mutate.h"
#include "files/safetensors.h"

#include <string.h>

FUZZ_MUTATOR(mutate_safetensors)

static void read_all(const struct safetensors *file) {
    volatile float value;
    for (size_t i = 0; i < file->count; i++) {
        const struct record *r = &file->records[i];
        FUZZ_HOLDS(r->rank >= 0 && r->rank <= SAFETENSORS_RANK);
        FUZZ_HOLDS(safetensors_find(file, r->name) == r);
        for (size_t k = 0; k < record_count(r); k++)
            value = r->values[k];
    }
    (void)value;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    struct safetensors file;
    if (fuzz_accepted(safetensors_read(fuzz_file("weights.safetensors", bytes, count), &file))) {
        read_all(&file);
        const char *format = safetensors_metadata(&file, "format");
        FUZZ_HOLDS(!format || strlen(format) < count);
        safetensors_free(&file);
    }
    FUZZ_HOLDS(!file.records && !file.storage && !file.header);
    return 0;
}
