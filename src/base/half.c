#include "base/half.h"

#include <string.h>

enum { FRACTION_BITS = 23 - 10, BIAS = 127 - 15 }; /* what a float has more than a half */

static uint32_t bits_of(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static float float_of(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

uint16_t half_from_float(float value) {
    uint32_t bits = bits_of(value), magnitude = bits & 0x7FFFFFFF, half;
    if (magnitude > 0x7F800000)
        half = 0x7E00; /* a NaN */
    else if (magnitude >= bits_of((float)HALF_LARGEST + 16))
        half = 0x7C00; /* infinite */
    else if (magnitude < bits_of((float)HALF_NORMAL))
        half = bits_of(float_of(magnitude) + 0.5f) - bits_of(0.5f); /* the sum's last bit is worth HALF_SMALLEST */
    else /* half of what is cut off, less one where the number is even; a carry raises the exponent */
        half = (magnitude - ((uint32_t)BIAS << 23) + 0xFFF + (magnitude >> FRACTION_BITS & 1)) >> FRACTION_BITS;
    return (uint16_t)(bits >> 16 & 0x8000) | (uint16_t)half;
}

float half_to_float(uint16_t half) {
    uint32_t sign = (uint32_t)(half & 0x8000) << 16, exponent = half >> 10 & 31, fraction = half & 0x3FF;
    uint32_t bits = (exponent + (exponent == 31 ? 2 * BIAS : BIAS)) << 23 | fraction << FRACTION_BITS;
    float magnitude = exponent ? float_of(bits) : (float)fraction * (float)HALF_SMALLEST;
    return float_of(sign | bits_of(magnitude));
}
