#include "base/stored.h"
#include "base/half.h"

#include <float.h>
#include <math.h>
#include <string.h>

uint16_t bf16_from_float(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    if (isnan(value))
        return (uint16_t)(bits >> 16 | 0x40); /* quiet: the fraction that is kept is not 0 */
    return (uint16_t)((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

float bf16_to_float(uint16_t bf16) {
    uint32_t bits = (uint32_t)bf16 << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

float tf32_round(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    bits = (isnan(value) ? bits | 0x400000 : bits + 0x1000) & 0xFFFFE000u;
    memcpy(&value, &bits, sizeof value);
    return value;
}

uint16_t stored_from_float(enum stored stored, float value) {
    return stored == STORED_HALF ? half_from_float(value) : bf16_from_float(value);
}

float stored_to_float(enum stored stored, uint16_t value) {
    return stored == STORED_HALF ? half_to_float(value) : bf16_to_float(value);
}

float stored_round(enum stored stored, float value) {
    return stored == STORED_FLOAT ? value : stored_to_float(stored, stored_from_float(stored, value));
}

double stored_rounding(enum stored stored) {
    return stored == STORED_FLOAT ? 0 : stored == STORED_HALF ? HALF_ROUNDING : BF16_ROUNDING;
}

/* Numbers below the normal ones are multiples of the smallest one. */
double stored_error(enum stored stored, double value) {
    double smallest = stored == STORED_FLOAT ? 0 : stored == STORED_HALF ? HALF_SMALLEST : 2 * BF16_ROUNDING * FLT_MIN;
    return fmax(fabs(value) * stored_rounding(stored), smallest / 2);
}
