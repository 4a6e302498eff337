/* half.h - conversion of 16-bit floats (IEEE 754 binary16: a sign, 5 bits of exponent, 10 of fraction). */
#ifndef VGGCL_BASE_HALF_H
#define VGGCL_BASE_HALF_H

#include <stdint.h>

/* HALF_ROUNDING is the largest relative rounding error of numbers between HALF_NORMAL and HALF_LARGEST: half a unit in
 * the last place. Smaller numbers are rounded to multiples of HALF_SMALLEST. Numbers that are larger than HALF_LARGEST
 * by half a unit in its last place or more become infinite. */
#define HALF_ROUNDING 0x1p-11
#define HALF_LARGEST  65504.0
#define HALF_NORMAL   0x1p-14
#define HALF_SMALLEST 0x1p-24

/* Rounds to nearest, ties to even. */
uint16_t half_from_float(float value);

/* Exact. */
float half_to_float(uint16_t half);

#endif
