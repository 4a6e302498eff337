#include "layers/parameter.h"
#include "base/rng.h"

#include <stdlib.h>

static size_t taps(const struct parameter *p) {
    return p->layout == LAYOUT_CONV ? 9 : 1;
}

size_t parameter_count(const struct parameter *p) {
    return p->o * p->c * taps(p);
}

int parameter_shape(const struct parameter *p, size_t shape[4]) {
    shape[0] = p->o;
    shape[1] = p->c;
    shape[2] = shape[3] = 3;
    return p->layout == LAYOUT_CONV ? 4 : p->layout == LAYOUT_LINEAR ? 2 : 1;
}

static double draw(enum start start, struct rng *r) {
    switch (start) {
    case START_CONSTANT:
        return 1;
    case START_UNIFORM:
        return 2 * rng_uniform(r) - 1;
    default:
        return rng_normal(r);
    }
}

void parameter_start(const struct parameter *p, uint64_t seed, uint32_t index, float *values) {
    enum { CENTRE = 4 }; /* of a kernel's 3x3 weights */
    struct rng r = rng_sequence(seed, RNG_INIT + index, 0);
    size_t count = parameter_count(p);
    for (size_t i = 0; i < count; i++)
        values[i] = (float)(draw(p->start, &r) * p->start_value);
    for (size_t o = 0; p->start == START_IDENTITY && o < p->o && o < p->c; o++)
        values[(o * p->c + o) * taps(p) + CENTRE] += 1;
}

/* Element [o][c][tap] in PyTorch's order is at [tap][c][o] on the device. With this order of the loops, the cache lines
 * of the strided side stay in the cache until all their elements are used. */
static void reorder(const struct parameter *p, const float *from, float *to, bool to_device) {
    for (size_t c = 0; c < p->c; c++) {
        for (size_t tap = 0; tap < taps(p); tap++) {
            size_t device = (tap * p->c + c) * p->o, host = c * taps(p) + tap, stride = p->c * taps(p);
            for (size_t o = 0; o < p->o; o++)
                to[to_device ? device + o : host + o * stride] = from[to_device ? host + o * stride : device + o];
        }
    }
}

void parameter_order(const struct parameter *p, const float *values, float *ordered) {
    reorder(p, values, ordered, true);
}

enum vggcl_err parameter_write(struct dev *d, const struct parameter *p, struct tensor t, const float *values) {
    size_t count = parameter_count(p);
    if (p->layout == LAYOUT_VECTOR)
        return dev_write(d, t, 0, count, values);
    float *ordered = malloc(count * sizeof *ordered);
    if (!ordered)
        return err_no_memory("a parameter", count * sizeof *ordered);
    reorder(p, values, ordered, true);
    enum vggcl_err err = dev_write(d, t, 0, count, ordered);
    free(ordered);
    return err;
}

enum vggcl_err parameter_read(struct dev *d, const struct parameter *p, struct tensor t, float *values) {
    size_t count = parameter_count(p);
    if (p->layout == LAYOUT_VECTOR)
        return dev_read(d, t, 0, count, values);
    float *ordered = malloc(count * sizeof *ordered);
    if (!ordered)
        return err_no_memory("a parameter", count * sizeof *ordered);
    enum vggcl_err err = dev_read(d, t, 0, count, ordered);
    if (err == VGGCL_OK)
        reorder(p, ordered, values, false);
    free(ordered);
    return err;
}
