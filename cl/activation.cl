/* activation.cl - what stands between two convolutions, in one pass: y = dropout(pool(relu(x * scale + shift))).
 *
 * NORMALISE: scale and shift are batch normalisation's; POOL: 2x2 max-pooling, stride 2, of even sides; DROPOUT: 1 of
 * whole channels, 2 of elements. Each may be left out. Backward recomputes from x what forward made, so nothing else is
 * stored. A pixel is one of y, over all images; a work-item is COLUMNS * VW channels of a run of pixels.
 *
 * Dropout: y = 0 with probability p, else factor 1 / (1 - p). A coin is one 32-bit word of Philox under (seed, purpose,
 * step, unit), drawn anew backward; it drops where it is below threshold = p * 2^32. Four units share a counter. The
 * unit is (image, channel), or the element of y; those of the images before these in their batch come before. */

#ifndef NORMALISE
#define NORMALISE 1
#endif
#ifndef POOL
#define POOL 0
#endif
#ifndef DROPOUT
#define DROPOUT 0
#endif
#ifndef COLUMNS
#define COLUMNS 1 /* vectors of channels that a work-item takes, side by side */
#endif
enum { TAPS = POOL ? 4 : 1 };

#define COINS uint2 seed, uint purpose, uint2 step, uint threshold, float keep, uint units_before

/* The factors of VW units from first on, those before not counted; VW divides both. */
static inline vec coin_factors(uint first, COINS) {
    float factor[VW];
    first += units_before;
#if VW < 4
    for (int lane = 0; lane < VW; lane++) {
        uint unit = first + lane;
        uint4 words = philox((uint4)(unit / 4, step.x, step.y, purpose), seed);
        uint word = unit % 4 == 0 ? words.x : unit % 4 == 1 ? words.y : unit % 4 == 2 ? words.z : words.w;
        factor[lane] = word < threshold ? 0.0f : keep;
    }
#else
    lanes words[4] = {first / 4 + LANE_NUMBERS, step.x, step.y, purpose};
    philox_lanes(words, seed);
    for (int word = 0; word < 4; word++) {
        uint of_lane[LANES];
        LANE_STORE(words[word], of_lane);
        UNROLL for (int lane = 0; lane < LANES; lane++) factor[4 * lane + word] =
            of_lane[lane] < threshold ? 0.0f : keep;
    }
#endif
    return OF_LANES(factor);
}

/* Where in x the taps of a pixel begin, and how far tap lies from there, both in pixels; w is y's width. */
static inline size_t corner(int pixel, int w) {
    return POOL ? (size_t)(pixel / w) * 4 * w + 2 * (pixel % w) : pixel;
}
static inline size_t tap_offset(int tap, int w) {
    return (size_t)(tap / 2) * 2 * w + tap % 2;
}

static inline vec normalised(vec x, vec scale, vec shift) {
    return NORMALISE ? MAD(x, scale, shift) : x;
}

/* relu(x * scale + shift); a NaN stays one, so that the loss shows it. */
static inline vec rectified(vec x, vec scale, vec shift) {
    vec value = normalised(x, scale, shift);
    return CHOOSE(value < 0, 0, value);
}

/* A work-item's run of pixels and its channels, COLUMNS vectors from number `channel` on, with their dropout factors. */
#define RUN(pixels, run_pixels)                                                                                        \
    int channel = get_global_id(0) * COLUMNS * VW, first = get_global_id(1) * run_pixels;                              \
    int last = min(first + run_pixels, pixels);                                                                        \
    if (channel >= c || first >= last)                                                                                 \
        return;                                                                                                        \
    vec factor[COLUMNS];                                                                                               \
    int left = 0 /* pixels of the image that the channels' factors still hold for */
#define THROW_COINS_OF(unit)                                                                                           \
    UNROLL for (int j = 0; j < COLUMNS; j++) factor[j] =                                                               \
        coin_factors((uint)(unit) * c + channel + j * VW, seed, purpose, step, threshold, keep, units_before)
#if DROPOUT == 0
#define THROW_COINS(pixel) UNROLL for (int j = 0; j < COLUMNS; j++) factor[j] = 1
#elif DROPOUT == 1
#define THROW_COINS(pixel)                                                                                             \
    if (left-- == 0) {                                                                                                 \
        THROW_COINS_OF((pixel) / plane);                                                                               \
        left = plane - (pixel) % plane - 1;                                                                            \
    }
#else
#define THROW_COINS(pixel) THROW_COINS_OF(pixel)
#endif

/* The work-item's channels of a vector over all of them. */
static inline void load_channels(global const float *from, int channel, vec to[COLUMNS]) {
    UNROLL for (int j = 0; j < COLUMNS; j++) to[j] = VLOAD(j, from + channel);
}

/* plane is h * w of y, pixels that of all images. */
kernel void activation_forward(global const stored *x, int pixels, int run_pixels, int plane, int w, int c,
                               global const float *scale, global const float *shift, COINS, global stored *y) {
    RUN(pixels, run_pixels);
    vec a[COLUMNS], b[COLUMNS];
    if (NORMALISE) {
        load_channels(scale, channel, a);
        load_channels(shift, channel, b);
    }
    for (int pixel = first; pixel < last; pixel++) {
        global const stored *from = x + corner(pixel, w) * c + channel;
        THROW_COINS(pixel);
        UNROLL for (int j = 0; j < COLUMNS; j++) {
            vec best = rectified(ALOAD(j, from), a[j], b[j]);
            UNROLL for (int tap = 1; tap < TAPS; tap++) {
                vec value = rectified(ALOAD(j, from + tap_offset(tap, w) * c), a[j], b[j]);
                best = CHOOSE((best >= value) | (best != best), best, value);
            }
            ASTORE(DROPOUT ? best * factor[j] : best, j, y + (size_t)pixel * c + channel);
        }
    }
}

/* What of dy gets through where the largest tap's normalised value is `best`. */
static inline vec passed(vec dy, vec best, vec factor) {
    return CHOOSE(best > 0, DROPOUT ? dy * factor : dy, 0);
}

/* What reaches the pixel's taps of dy: all of it the first largest one, where that is positive: there, the largest one
 * is also that before the relu. hit[tap]: whether it is
 * that one, -1 or 0 in each lane. */
static inline vec gradient_of_taps(vec dy, const vec x[TAPS], vec scale, vec shift, vec factor, ivec hit[TAPS]) {
    vec value[TAPS], best = value[0] = normalised(x[0], scale, shift);
    UNROLL for (int tap = 1; tap < TAPS; tap++) {
        value[tap] = normalised(x[tap], scale, shift);
        best = CHOOSE(value[tap] > best, value[tap], best);
    }
    ivec open = -1;
    UNROLL for (int tap = 0; tap < TAPS; tap++) {
        hit[tap] = TO_MASK(value[tap] == best) & open;
        open &= ~hit[tap];
    }
    return passed(dy, best, factor);
}

/* The same, and the tap that it reaches. */
static inline vec gradient_of_largest(vec dy, const vec x[TAPS], vec scale, vec shift, vec factor, vec *largest) {
    vec best = normalised(x[0], scale, shift);
    *largest = x[0];
    UNROLL for (int tap = 1; tap < TAPS; tap++) {
        vec value = normalised(x[tap], scale, shift);
        *largest = CHOOSE(value > best, x[tap], *largest);
        best = CHOOSE(value > best, value, best);
    }
    return passed(dy, best, factor);
}

/* Of vector j behind `from`, the first of them. */
static inline void load_taps(global const stored *from, int w, int c, int j, vec taps[TAPS]) {
    UNROLL for (int tap = 0; tap < TAPS; tap++) taps[tap] = ALOAD(j, from + tap_offset(tap, w) * c);
}

/* Of NORMALISE: partial[run][0][c] = sum over the run of the gradient g of the normalised value times gamma, plus beta;
 * partial[run][1][c] = sum of g times the normalised value. bn_gradient_finish adds them up. */
kernel void activation_sums(global const stored *x, global const stored *dy, int pixels, int run_pixels, int plane,
                            int w, int c, global const float *scale, global const float *shift, COINS,
                            global const float *mean, global const float *inverse_deviation, global float *partial) {
    RUN(pixels, run_pixels);
    vec a[COLUMNS], b[COLUMNS], m[COLUMNS], inverse[COLUMNS], sum[COLUMNS], product[COLUMNS];
    load_channels(scale, channel, a);
    load_channels(shift, channel, b);
    load_channels(mean, channel, m);
    UNROLL for (int j = 0; j < COLUMNS; j++) sum[j] = product[j] = 0;
    for (int pixel = first; pixel < last; pixel++) {
        global const stored *from = x + corner(pixel, w) * c + channel, *back = dy + (size_t)pixel * c + channel;
        THROW_COINS(pixel);
        UNROLL for (int j = 0; j < COLUMNS; j++) {
            vec taps[TAPS], largest;
            load_taps(from, w, c, j, taps);
            vec g = gradient_of_largest(ALOAD(j, back), taps, a[j], b[j], factor[j], &largest);
            sum[j] += g;
            product[j] = MAD(g, largest - m[j], product[j]);
        }
    }
    load_channels(inverse_deviation, channel, inverse);
    partial += (size_t)get_global_id(1) * 2 * c + channel;
    UNROLL for (int j = 0; j < COLUMNS; j++) {
        VSTORE(sum[j], j, partial);
        VSTORE(product[j] * inverse[j], j, partial + c);
    }
}

/* dx = g, or with NORMALISE gamma / deviation * (g - dbeta / count - normalised x * dgamma / count), count pixels of x
 * having been normalised together. */
kernel void activation_gradient(global const stored *x, global const stored *dy, int pixels, int run_pixels, int plane,
                                int w, int c, global const float *scale, global const float *shift, COINS,
                                global const float *mean, global const float *inverse_deviation,
                                global const float *dgamma, global const float *dbeta, global stored *dx) {
    RUN(pixels, run_pixels);
    vec a[COLUMNS], b[COLUMNS], slope[COLUMNS], offset[COLUMNS];
    if (NORMALISE) { /* dx = scale * (g - (slope * x + offset)) */
        float count = (float)pixels * TAPS;
        load_channels(scale, channel, a);
        load_channels(shift, channel, b);
        UNROLL for (int j = 0; j < COLUMNS; j++) {
            slope[j] = VLOAD(j, inverse_deviation + channel) * VLOAD(j, dgamma + channel) / count;
            offset[j] = VLOAD(j, dbeta + channel) / count - slope[j] * VLOAD(j, mean + channel);
        }
    }
    for (int pixel = first; pixel < last; pixel++) {
        size_t at = corner(pixel, w) * c + channel;
        THROW_COINS(pixel);
        UNROLL for (int j = 0; j < COLUMNS; j++) {
            vec taps[TAPS];
            ivec hit[TAPS];
            load_taps(x + at, w, c, j, taps);
            vec g = gradient_of_taps(ALOAD(j, dy + (size_t)pixel * c + channel), taps, a[j], b[j], factor[j], hit);
            UNROLL for (int tap = 0; tap < TAPS; tap++) {
                vec gradient = select((vec)0, g, hit[tap]);
                if (NORMALISE)
                    gradient = a[j] * (gradient - MAD(slope[j], taps[tap], offset[j]));
                ASTORE(gradient, j, dx + at + tap_offset(tap, w) * c);
            }
        }
    }
}
