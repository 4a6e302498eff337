/* parameter.h - the named arrays of a layer: how they start, and how they lie in a file and on the device. */
#ifndef VGGCL_LAYERS_PARAMETER_H
#define VGGCL_LAYERS_PARAMETER_H

#include "cl/device.h"

/* How a parameter's elements are ordered. On the host and in files everything is as in PyTorch; on the device, what a
 * GEMM multiplies by has its outputs running fastest. */
enum layout {
    LAYOUT_VECTOR, /* [c] in both */
    LAYOUT_CONV,   /* PyTorch [o][c][3][3], device [3][3][c][o] */
    LAYOUT_LINEAR  /* PyTorch [o][c], device [c][o] */
};

enum start {
    START_CONSTANT, /* start_value */
    START_NORMAL,   /* N(0, start_value^2) */
    START_UNIFORM   /* U(-start_value, start_value) */
};

struct parameter {
    const char *suffix; /* "weight": the name is the layer's, a dot, and this */
    enum layout layout;
    size_t o, c; /* outputs and inputs; a vector has c = 1 */
    enum start start;
    double start_value;
    bool trained; /* false: a running statistic, without velocity, its gradient the last batch's own statistic */
    struct tensor value, gradient, velocity, average;
};

size_t parameter_count(const struct parameter *p);

/* PyTorch's shape: returns the rank, 1 to 4. */
int parameter_shape(const struct parameter *p, size_t shape[4]);

/* Sets values, in PyTorch's order, to what the parameter starts as: the sequence of (seed, RNG_INIT + index). */
void parameter_start(const struct parameter *p, uint64_t seed, uint32_t index, float *values);

/* Writes values, in PyTorch's order, to ordered in the device's. */
void parameter_order(const struct parameter *p, const float *values, float *ordered);

/* Copies between tensor t (the value or the velocity) and values in PyTorch's order, parameter_count() long. */
enum vggcl_err parameter_write(struct dev *d, const struct parameter *p, struct tensor t, const float *values);
enum vggcl_err parameter_read(struct dev *d, const struct parameter *p, struct tensor t, float *values);

#endif
