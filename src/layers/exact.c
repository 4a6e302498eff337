#include "layers/exact.h"

#include <string.h>

void exact_multiply_forward(const struct exact *e, size_t n, size_t taps, exact_neighbour *neighbour) {
    const struct layer *l = e->layer;
    size_t c = l->in.c, o = l->out.c;
    for (size_t pixel = 0; pixel < n * l->out.h * l->out.w; pixel++) {
        double *y = e->y + pixel * o;
        memcpy(y, e->value[1], o * sizeof *y);
        for (size_t tap = 0; tap < taps; tap++) {
            long from = neighbour(l, pixel, tap);
            for (size_t i = 0; from >= 0 && i < c; i++) {
                const double *weight = e->value[0] + (tap * c + i) * o, x = e->x[(size_t)from * c + i];
                for (size_t k = 0; k < o; k++)
                    y[k] += x * weight[k];
            }
        }
    }
}

/* For one output pixel's dy[o] and one of its inputs x: returns the contribution to the input's gradient, and adds the
 * contribution to the weights' gradient. */
static double multiply_back(size_t o, const double *dy, double x, const double *weight, double *dweight) {
    double dx = 0;
    for (size_t k = 0; k < o; k++) {
        dx += dy[k] * weight[k];
        dweight[k] += dy[k] * x;
    }
    return dx;
}

void exact_multiply_backward(const struct exact *e, size_t n, size_t taps, exact_neighbour *neighbour) {
    const struct layer *l = e->layer;
    size_t c = l->in.c, o = l->out.c;
    for (size_t pixel = 0; pixel < n * l->out.h * l->out.w; pixel++) {
        const double *dy = e->dy + pixel * o;
        for (size_t k = 0; k < o; k++)
            e->gradient[1][k] += dy[k];
        for (size_t tap = 0; tap < taps; tap++) {
            long from = neighbour(l, pixel, tap);
            for (size_t i = 0; from >= 0 && i < c; i++) {
                size_t at = (size_t)from * c + i, row = (tap * c + i) * o;
                e->dx[at] += multiply_back(o, dy, e->x[at], e->value[0] + row, e->gradient[0] + row);
            }
        }
    }
}
