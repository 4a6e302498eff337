/* rng.h - counter-based random numbers: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3",
 * SC 2011). A number is a pure function of (seed, purpose, counter), so none has to be stored to be used again, every
 * device draws the same numbers, and a resumed run continues bit for bit. cl/common.cl has the same function; the
 * checks of dropout and of images compare the two. */
#ifndef VGGCL_BASE_RNG_H
#define VGGCL_BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

/* What a number is used for: the fourth word of the counter, so that different uses never draw the same number. A layer
 * adds its index to RNG_DROPOUT, a parameter its index to RNG_INIT. */
enum rng_purpose {
    RNG_SHUFFLE = 1,
    RNG_AUGMENT = 2,
    RNG_SYNTH = 3,
    RNG_HOLD_OUT = 4,
    RNG_MIX = 5,
    RNG_INIT = 0x1000,
    RNG_DROPOUT = 0x2000
};

/* The ten rounds: from a counter and a key, four random 32-bit words. */
void rng_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

/* A sequence of random numbers for host code: the words of counters 0, 1, ... of one seed, purpose and index. */
struct rng {
    uint32_t counter[4], key[2], words[4];
    unsigned used; /* of words */
};

/* index is an epoch, an image or a parameter. */
struct rng rng_sequence(uint64_t seed, uint32_t purpose, uint64_t index);

uint32_t rng_u32(struct rng *r);

/* Uniform in 0 .. bound - 1, without bias (Lemire 2019); bound > 0. */
uint32_t rng_below(struct rng *r, uint32_t bound);

/* Shuffles count items, fewer than 2^32 (Fisher and Yates): every order is as likely as any other. */
void rng_shuffle(struct rng *r, uint32_t *items, size_t count);

/* Uniform in [0, 1), a multiple of 2^-32. */
double rng_uniform(struct rng *r);

/* Standard normal (Box-Muller, from two uniform numbers). */
double rng_normal(struct rng *r);

/* Beta(a, a), in [0, 1], for a > 0: x / (x + y) of two numbers from Gamma(a, 1), which are drawn by the method of
 * Marsaglia and Tsang (2000). */
double rng_beta(struct rng *r, double a);

#endif
