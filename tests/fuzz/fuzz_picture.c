/* One picture file, decoded as grey and as colour. Byte 0 says to which size. Pictures of more than a megapixel are not
 * decoded, because that takes seconds. */
#include "common.h"
#include "data/decode.h"

#include <stdlib.h>

enum { MOST_PIXELS = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    struct fuzz_input input = {bytes, count};
    struct picture_size own, wanted = {.height = 8 + (fuzz_byte(&input) & 63)};
    const char *path = fuzz_file("picture", input.bytes, input.count);
    if (!fuzz_accepted(decode_size(path, &own)))
        return 0;
    FUZZ_HOLDS(own.height && own.width && (own.channels == 1 || own.channels == 3));
    FUZZ_HOLDS(own.height * own.width <= DECODE_MOST_PIXELS);
    if (own.height * own.width > MOST_PIXELS)
        return 0;
    for (wanted.channels = 1; wanted.channels <= 3; wanted.channels += 2) {
        wanted.width = wanted.height + wanted.channels;
        uint8_t *pixels = malloc(wanted.height * wanted.width * wanted.channels);
        FUZZ_HOLDS(pixels);
        fuzz_accepted(decode_picture(path, &wanted, pixels));
        free(pixels);
    }
    return 0;
}
