#include "mutate.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef VGGCL_FUZZ
size_t LLVMFuzzerMutate(uint8_t *bytes, size_t count, size_t most);
#else
static size_t LLVMFuzzerMutate(uint8_t *bytes, size_t count, size_t most) {
    (void)bytes, (void)most;
    return count;
}
#endif

size_t mutate(uint8_t *bytes, size_t count, size_t most, unsigned seed,
              size_t (*fix)(uint8_t *bytes, size_t count, size_t most)) {
    count = LLVMFuzzerMutate(bytes, count, most);
    return seed % 8 ? fix(bytes, count, most) : count;
}

/* -------------------------------------------------------------------------------------------------- safetensors -- */

enum { LENGTH_BYTES = 8 };

/* Bytes of the JSON object that text begins with; count if it does not end. */
static size_t object_bytes(const uint8_t *text, size_t count) {
    int depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < count; i++) {
        if (quoted && text[i] == '\\')
            i++;
        else if (text[i] == '"')
            quoted = !quoted;
        else if (!quoted && text[i] == '{')
            depth++;
        else if (!quoted && text[i] == '}' && --depth <= 0)
            return i + 1;
    }
    return count;
}

/* The largest number in the header that stands before a ']': where the last tensor ends, if its shape is smaller. */
static size_t last_offset(const uint8_t *header, size_t count) {
    size_t largest = 0, number = 0;
    for (size_t i = 0; i < count; i++) {
        if (header[i] == ']' && number > largest)
            largest = number;
        number = header[i] >= '0' && header[i] <= '9' && number < 1 << 20 ? 10 * number + (header[i] - '0') : 0;
    }
    return largest;
}

size_t mutate_safetensors(uint8_t *bytes, size_t count, size_t most) {
    if (count < LENGTH_BYTES)
        return count;
    uint64_t header = object_bytes(bytes + LENGTH_BYTES, count - LENGTH_BYTES);
    size_t end = LENGTH_BYTES + header, whole = end + last_offset(bytes + LENGTH_BYTES, header);
    for (int i = 0; i < LENGTH_BYTES; i++)
        bytes[i] = (uint8_t)(header >> 8 * i);
    if (whole > most)
        return count;
    if (whole > count)
        memset(bytes + count, 0, whole - count);
    return whole;
}

/* ---------------------------------------------------------------------------------------------------------- tar -- */

enum { BLOCK = 512, CHECKSUM = 148, CHECKSUM_BYTES = 8, MAGIC = 257 };

size_t mutate_tar(uint8_t *bytes, size_t count, size_t most) {
    (void)most;
    for (uint8_t *block = bytes; (size_t)(bytes + count - block) >= BLOCK; block += BLOCK) {
        char text[CHECKSUM_BYTES + 1];
        unsigned sum = 0;
        if (memcmp(block + MAGIC, "ustar", 5) != 0)
            continue;
        memset(block + CHECKSUM, ' ', CHECKSUM_BYTES);
        for (int i = 0; i < BLOCK; i++)
            sum += block[i];
        snprintf(text, sizeof text, "%06o", sum);
        memcpy(block + CHECKSUM, text, CHECKSUM_BYTES - 1);
    }
    return count;
}
