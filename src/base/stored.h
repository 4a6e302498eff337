/* stored.h - how activations and their gradients are stored in device memory: as floats, as 16-bit floats (half.h), or
 * as bfloat16: the upper half of a float, with its sign, its 8 bits of exponent, and 7 of its 23 bits of fraction.
 * Floats may be rounded to tf32 when they are multiplied: to 10 of the 23 bits. */
#ifndef VGGCL_BASE_STORED_H
#define VGGCL_BASE_STORED_H

#include <stdint.h>

/* The numbers are those of -DSTORED in cl/common.cl. */
enum stored { STORED_FLOAT, STORED_HALF, STORED_BF16 };

/* The largest relative rounding error of normal numbers: half a unit in the last of 8 places. */
#define BF16_ROUNDING 0x1p-8
#define TF32_ROUNDING 0x1p-11 /* of 11 places */

/* Rounds to nearest, ties to even; a NaN stays a NaN. Numbers that are larger than the largest finite bfloat16,
 * 0x1.FEp127, by half a unit in its last place or more become infinite. */
uint16_t bf16_from_float(float value);

/* Exact. */
float bf16_to_float(uint16_t bf16);

/* The float with 10 bits of fraction that is nearest; ties away from zero, as NVIDIA's cvt.rna.tf32.f32 rounds. A NaN
 * stays a NaN. */
float tf32_round(float value);

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
