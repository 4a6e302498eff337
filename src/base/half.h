/* half.h - 16-bit floats (IEEE 754 binary16), which C11 has no type for: a sign, 5 bits of exponent, 10 of fraction. */
#ifndef VGGCL_BASE_HALF_H
#define VGGCL_BASE_HALF_H

#include <stdint.h>

/* What storing a number between HALF_NORMAL and HALF_LARGEST may change it by, relative to it: half a unit in its last
 * place. Numbers below are multiples of HALF_SMALLEST; those from HALF_LARGEST's next half unit on become infinite. */
#define HALF_ROUNDING 0x1p-11
#define HALF_LARGEST  65504.0
#define HALF_NORMAL   0x1p-14
#define HALF_SMALLEST 0x1p-24

/* The nearest one, of two equally near ones the even one. */
uint16_t half_from_float(float value);

/* Exactly. */
float half_to_float(uint16_t half);

#endif
