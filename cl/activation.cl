/* activation.cl - what lies between two convolutions, in one pass: y = dropout(pool(relu(x * scale + shift))).
 *
 * NORMALISE: scale and shift are those of batch normalisation; POOL: 2x2 max-pooling with stride 2; DROPOUT: 1 for
 * whole channels, 2 for elements. Each may be left out. The backward kernels compute again from x what forward made, so
 * nothing else is stored. Pixels are counted in y, over all images; a work-item has COLUMNS * VW channels of a run of
 * pixels.
 *
 * Of an odd height or width of x (ODD_HEIGHT, ODD_WIDTH) pooling leaves out the last row or column: these pixels are in
 * no window, and their gradient before batch normalisation is 0.
 *
 * Dropout: y = 0 with probability p, else y is multiplied by keep = 1 / (1 - p). Each unit, which is an (image,
 * channel) or an element of y, has a 32-bit random word: Philox of (seed, purpose, step, unit), where four units share
 * a counter. The unit is dropped if its word is below threshold = p * 2^32. Backward draws the same words again. Units
 * are counted over the whole batch: units_before of them belong to images before the first one here. */

#ifndef NORMALISE
#define NORMALISE 1
#endif
#ifndef POOL
#define POOL 0
#endif
#ifndef ODD_HEIGHT
#define ODD_HEIGHT 0 /* 1 only with POOL, as ODD_WIDTH */
#endif
#ifndef ODD_WIDTH
#define ODD_WIDTH 0
#endif
#ifndef DROPOUT
#define DROPOUT 0
#endif
#ifndef COLUMNS
#define COLUMNS 1 /* vectors of channels that a work-item takes, side by side */
#endif
enum { TAPS = POOL ? 4 : 1 };

/* What dropout draws its random words from. */
typedef struct {
    uint2 seed, step;
    uint purpose, threshold, units_before;
    float keep;
} dropout;

/* The factors of VW units from number `first` on, units_before not counted; VW divides both. */
static inline vec unit_factors(dropout d, uint first) {
    float factor[VW];
    first += d.units_before;
#if VW < 4
    for (int lane = 0; lane < VW; lane++) {
        uint unit = first + lane;
        uint4 words = philox((uint4)(unit / 4, d.step.x, d.step.y, d.purpose), d.seed);
        uint word = unit % 4 == 0 ? words.x : unit % 4 == 1 ? words.y : unit % 4 == 2 ? words.z : words.w;
        factor[lane] = word < d.threshold ? 0.0f : d.keep;
    }
#else
    lanes words[4] = {first / 4 + LANE_NUMBERS, d.step.x, d.step.y, d.purpose};
    philox_lanes(words, d.seed);
    for (int word = 0; word < 4; word++) {
        uint of_lane[LANES];
        LANE_STORE(words[word], of_lane);
        UNROLL for (int lane = 0; lane < LANES; lane++)
            factor[4 * lane + word] = of_lane[lane] < d.threshold ? 0.0f : d.keep;
    }
#endif
    return OF_LANES(factor);
}

/* Where in x the taps of a pixel begin, and how far tap lies from there, both in pixels; w is y's width, and plane the
 * number of y's pixels in an image. */
static inline size_t corner(int pixel, int plane, int w) {
    size_t row = (size_t)(pixel / w) * 2 + (ODD_HEIGHT ? pixel / plane : 0);
    return POOL ? row * (2 * w + ODD_WIDTH) + 2 * (pixel % w) : pixel;
}
static inline size_t tap_offset(int tap, int w) {
    return (size_t)(tap / 2) * (2 * w + ODD_WIDTH) + tap % 2;
}

static inline vec normalised(vec x, vec scale, vec shift) {
    return NORMALISE ? MAD(x, scale, shift) : x;
}

/* relu(x * scale + shift); a NaN stays one, so that the loss shows it. */
static inline vec rectified(vec x, vec scale, vec shift) {
    vec value = normalised(x, scale, shift);
    return CHOOSE(value < 0, 0, value);
}

/* The dropout factors of `pixel`, for COLUMNS vectors from `channel` of c on. The factors of whole channels hold for
 * all `plane` pixels of an image: *left is how many more pixels they hold for, 0 before a work-item's first pixel. */
static inline void draw_factors(dropout d, int pixel, int plane, int c, int channel, int *left, vec factor[COLUMNS]) {
#if DROPOUT == 0
    UNROLL for (int j = 0; j < COLUMNS; j++)
        factor[j] = 1;
#else
    uint row = pixel;
#if DROPOUT == 1
    if ((*left)-- > 0)
        return;
    *left = plane - pixel % plane - 1;
    row = pixel / plane;
#endif
    UNROLL for (int j = 0; j < COLUMNS; j++)
        factor[j] = unit_factors(d, row * c + channel + j * VW);
#endif
}

/* A work-item's COLUMNS vectors from `channel` on, of an array of all channels. */
static inline void load_channels(global const float *from, int channel, vec to[COLUMNS]) {
    UNROLL for (int j = 0; j < COLUMNS; j++)
        to[j] = VLOAD(j, from + channel);
}

/* y has `pixels` pixels in all images, `plane` of them in each: plane is h * w. */
kernel void activation_forward(global const stored *x, int pixels, int run_pixels, int plane, int w, int c,
                               global const float *scale, global const float *shift, uint2 seed, uint purpose,
                               uint2 step, uint threshold, float keep, uint units_before, global stored *y) {
    int channel = get_global_id(0) * COLUMNS * VW, first = get_global_id(1) * run_pixels;
    int last = min(first + run_pixels, pixels), left = 0;
    if (channel >= c || first >= last)
        return;
    dropout d = {seed, step, purpose, threshold, units_before, keep};
    vec factor[COLUMNS], a[COLUMNS], b[COLUMNS];
    if (NORMALISE) {
        load_channels(scale, channel, a);
        load_channels(shift, channel, b);
    }
    for (int pixel = first; pixel < last; pixel++) {
        global const stored *from = x + corner(pixel, plane, w) * c + channel;
        draw_factors(d, pixel, plane, c, channel, &left, factor);
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

/* What dropout and the relu let through of dy, where `best` is the normalised value of the largest tap. */
static inline vec passed(vec dy, vec best, vec factor) {
    return CHOOSE(best > 0, DROPOUT ? dy * factor : dy, 0);
}

/* The gradient of a pixel's taps: all of dy goes to the first of the largest taps, if it is positive; the largest value
 * before the relu is then the largest one after it too. hit[tap] is -1 in each lane where that tap is the one, else 0.
 */
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

/* The same, with the value of the tap to which it goes. */
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

/* taps[tap] = vector j of each tap; `from` is where the first tap begins. */
static inline void load_taps(global const stored *from, int w, int c, int j, vec taps[TAPS]) {
    UNROLL for (int tap = 0; tap < TAPS; tap++)
        taps[tap] = ALOAD(j, from + tap_offset(tap, w) * c);
}

/* For NORMALISE, where g is the gradient of x * scale + shift: partial[run][0][c] = the sum of g over the run,
 * partial[run][1][c] = the sum of g * (x - mean) / deviation. bn_gradient_finish() adds the runs up. */
kernel void activation_sums(global const stored *x, global const stored *dy, int pixels, int run_pixels, int plane,
                            int w, int c, global const float *scale, global const float *shift, uint2 seed,
                            uint purpose, uint2 step, uint threshold, float keep, uint units_before,
                            global const float *mean, global const float *inverse_deviation, global float *partial) {
    int channel = get_global_id(0) * COLUMNS * VW, first = get_global_id(1) * run_pixels;
    int last = min(first + run_pixels, pixels), left = 0;
    if (channel >= c || first >= last)
        return;
    dropout d = {seed, step, purpose, threshold, units_before, keep};
    vec factor[COLUMNS], a[COLUMNS], b[COLUMNS], m[COLUMNS], inverse[COLUMNS], sum[COLUMNS], product[COLUMNS];
    load_channels(scale, channel, a);
    load_channels(shift, channel, b);
    load_channels(mean, channel, m);
    UNROLL for (int j = 0; j < COLUMNS; j++)
        sum[j] = product[j] = 0;
    for (int pixel = first; pixel < last; pixel++) {
        global const stored *from = x + corner(pixel, plane, w) * c + channel, *back = dy + (size_t)pixel * c + channel;
        draw_factors(d, pixel, plane, c, channel, &left, factor);
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

/* dx of a pixel of x with gradient g: with NORMALISE that of the batch normalisation's input. */
static inline vec gradient_of_input(vec g, vec x, vec scale, vec slope, vec offset) {
    return NORMALISE ? scale * (g - MAD(slope, x, offset)) : g;
}

#if ODD_HEIGHT || ODD_WIDTH
/* Writes dx of the pixels of x that are in no window and next to that of `pixel`: right of it in the last column, below
 * it in the last row. x and dx are where its first tap begins. */
static inline void gradient_of_rest(int pixel, int plane, int w, int c, global const stored *x,
                                    const vec scale[COLUMNS], const vec slope[COLUMNS], const vec offset[COLUMNS],
                                    global stored *dx) {
    int columns = 2 + (ODD_WIDTH && pixel % w == w - 1), rows = 2 + (ODD_HEIGHT && pixel % plane >= plane - w);
    for (int row = 0; row < rows; row++)
        for (int column = row < 2 ? 2 : 0; column < columns; column++) {
            size_t at = ((size_t)row * (2 * w + ODD_WIDTH) + column) * c;
            UNROLL for (int j = 0; j < COLUMNS; j++) {
                vec value = NORMALISE ? ALOAD(j, x + at) : (vec)0;
                ASTORE(gradient_of_input(0, value, scale[j], slope[j], offset[j]), j, dx + at);
            }
        }
}
#endif

/* dx = g, or with NORMALISE gamma / deviation * (g - dbeta / count - (x - mean) / deviation * dgamma / count), where
 * count is the number of pixels of x over which the statistics were taken. */
kernel void activation_gradient(global const stored *x, global const stored *dy, int pixels, int run_pixels, int plane,
                                int w, int c, global const float *scale, global const float *shift, uint2 seed,
                                uint purpose, uint2 step, uint threshold, float keep, uint units_before,
                                global const float *mean, global const float *inverse_deviation,
                                global const float *dgamma, global const float *dbeta, float count, global stored *dx) {
    int channel = get_global_id(0) * COLUMNS * VW, first = get_global_id(1) * run_pixels;
    int last = min(first + run_pixels, pixels), left = 0;
    if (channel >= c || first >= last)
        return;
    dropout d = {seed, step, purpose, threshold, units_before, keep};
    vec factor[COLUMNS], a[COLUMNS], b[COLUMNS], slope[COLUMNS], offset[COLUMNS];
    if (NORMALISE) { /* dx = scale * (g - (slope * x + offset)) */
        load_channels(scale, channel, a);
        load_channels(shift, channel, b);
        UNROLL for (int j = 0; j < COLUMNS; j++) {
            slope[j] = VLOAD(j, inverse_deviation + channel) * VLOAD(j, dgamma + channel) / count;
            offset[j] = VLOAD(j, dbeta + channel) / count - slope[j] * VLOAD(j, mean + channel);
        }
    }
    for (int pixel = first; pixel < last; pixel++) {
        size_t at = corner(pixel, plane, w) * c + channel;
        draw_factors(d, pixel, plane, c, channel, &left, factor);
        UNROLL for (int j = 0; j < COLUMNS; j++) {
            vec taps[TAPS];
            ivec hit[TAPS];
            load_taps(x + at, w, c, j, taps);
            vec g = gradient_of_taps(ALOAD(j, dy + (size_t)pixel * c + channel), taps, a[j], b[j], factor[j], hit);
            UNROLL for (int tap = 0; tap < TAPS; tap++) {
                vec gradient = gradient_of_input(select((vec)0, g, hit[tap]), taps[tap], a[j], slope[j], offset[j]);
                ASTORE(gradient, j, dx + at + tap_offset(tap, w) * c);
            }
        }
#if ODD_HEIGHT || ODD_WIDTH
        gradient_of_rest(pixel, plane, w, c, x + at, a, slope, offset, dx + at);
#endif
    }
}
