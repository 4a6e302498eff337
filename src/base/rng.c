#define _GNU_SOURCE /* M_PI */
#include "base/rng.h"

#include <math.h>

void rng_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]) {
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3], k0 = key[0], k1 = key[1];
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = c0, out[1] = c1, out[2] = c2, out[3] = c3;
}

struct rng rng_sequence(uint64_t seed, uint32_t purpose, uint64_t index) {
    return (struct rng){.counter = {0, (uint32_t)index, (uint32_t)(index >> 32), purpose},
                        .key = {(uint32_t)seed, (uint32_t)(seed >> 32)},
                        .used = 4};
}

uint32_t rng_u32(struct rng *r) {
    if (r->used == 4) {
        rng_philox(r->counter, r->key, r->words);
        r->counter[0]++;
        r->used = 0;
    }
    return r->words[r->used++];
}

uint32_t rng_below(struct rng *r, uint32_t bound) {
    uint64_t product = (uint64_t)rng_u32(r) * bound;
    if ((uint32_t)product < bound) {
        uint32_t threshold = -bound % bound;
        while ((uint32_t)product < threshold)
            product = (uint64_t)rng_u32(r) * bound;
    }
    return (uint32_t)(product >> 32);
}

void rng_shuffle(struct rng *r, uint32_t *items, size_t count) {
    for (size_t i = count; i-- > 1;) {
        uint32_t other = rng_below(r, (uint32_t)i + 1), item = items[i];
        items[i] = items[other];
        items[other] = item;
    }
}

double rng_uniform(struct rng *r) {
    return rng_u32(r) * 0x1p-32;
}

double rng_normal(struct rng *r) {
    double radius = sqrt(-2.0 * log(1.0 - rng_uniform(r))); /* 1 - u is never 0 */
    return radius * cos(2.0 * M_PI * rng_uniform(r));
}

/* The logarithm of a number from Gamma(a, 1), which may underflow itself. For a < 1 it is one from Gamma(a + 1, 1)
 * times u^(1/a), with u uniform. */
static double log_gamma(struct rng *r, double a) {
    double d = (a < 1 ? a + 1 : a) - 1.0 / 3, c = 1 / sqrt(9 * d), x, v, u;
    double boost = a < 1 ? log(1 - rng_uniform(r)) / a : 0;
    do {
        do {
            x = rng_normal(r);
            v = 1 + c * x;
        } while (v <= 0);
        v = v * v * v;
        u = 1 - rng_uniform(r);
    } while (log(u) >= x * x / 2 + d * (1 - v + log(v)));
    return log(d * v) + boost;
}

double rng_beta(struct rng *r, double a) {
    a = fmax(a, 1e-300); /* so that no logarithm becomes infinite */
    double x = log_gamma(r, a), y = log_gamma(r, a);
    return 1 / (1 + exp(y - x));
}
