/* rng.h - counter-based random numbers: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3",
 * SC 2011). A number is a pure function of (seed, purpose, counter), so nothing has to be stored to draw it again:
 * every device draws the same, and a resumed run continues bit for bit. cl/common.cl has the same function. */
#ifndef VGGCL_BASE_RNG_H
#define VGGCL_BASE_RNG_H

#include <stdint.h>

/* What a number is drawn for: the fourth word of the counter, so that no two uses share numbers. Layers add their
 * index to RNG_DROPOUT, parameters theirs to RNG_INIT. */
enum rng_purpose { RNG_SHUFFLE = 1, RNG_AUGMENT = 2, RNG_SYNTH = 3, RNG_INIT = 0x1000, RNG_DROPOUT = 0x2000 };

/* The ten rounds: four 32-bit words for a counter of four words and a key of two. */
void rng_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

/* A sequence of numbers for host code: words of the counters (0, 0..), (1, 0..), ... under one seed, purpose, index. */
struct rng {
    uint32_t counter[4], key[2], words[4];
    unsigned used; /* of words */
};

/* The sequence for (seed, purpose, index): index is an epoch, an image or a parameter. */
struct rng rng_sequence(uint64_t seed, uint32_t purpose, uint64_t index);

uint32_t rng_u32(struct rng *r);

/* Uniform in 0 .. bound-1 without bias (Lemire 2019); bound > 0. */
uint32_t rng_below(struct rng *r, uint32_t bound);

/* Uniform in [0, 1), a multiple of 2^-32. */
double rng_uniform(struct rng *r);

/* Standard normal (Box-Muller; two uniforms for each). */
double rng_normal(struct rng *r);

#endif
