/* stored.h - how activations and their gradients are stored in device memory: as floats, as 16-bit floats (half.h), or
 * as bfloat16: the upper half of a float, with its sign, its 8 bits of exponent, and 7 of its 23 bits of fraction. */
#ifndef VGGCL_BASE_STORED_H
#define VGGCL_BASE_STORED_H

#include <stdint.h>

/* The numbers are those of -DSTORED in cl/common.cl. */
enum stored { STORED_FLOAT, STORED_HALF, STORED_BF16 };

/* The largest relative rounding error of normal numbers: half a unit in the last of 8 places. */
#define BF16_ROUNDING 0x1p-8

/* Rounds to nearest, ties to even; a NaN stays a NaN. Numbers that are larger than the largest finite bfloat16,
 * 0x1.FEp127, by half a unit in its last place or more become infinite. */
uint16_t bf16_from_float(float value);

/* Exact. */
float bf16_to_float(uint16_t bf16);

/* Converts a value from and to one of the two 16-bit types. */
uint16_t stored_from_float(enum stored stored, float value);
float stored_to_float(enum stored stored, uint16_t value);

/* The value as it is read again after it was stored. */
float stored_round(enum stored stored, float value);

/* The largest error that storing a value makes: 0 for floats. */
double stored_error(enum stored stored, double value);

/* The largest relative rounding error of normal numbers: 0 for floats. */
double stored_rounding(enum stored stored);

#endif
