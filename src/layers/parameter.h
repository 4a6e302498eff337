/* parameter.h - the named arrays of a layer: their initial values, and their order in files and on the device. */
#ifndef VGGCL_LAYERS_PARAMETER_H
#define VGGCL_LAYERS_PARAMETER_H

#include "ops/optimisers/optimiser.h"

/* The order of a parameter's elements. On the host and in files it is PyTorch's; on the device, the outputs of a matrix
 * that a GEMM multiplies by are contiguous. */
enum layout {
    LAYOUT_VECTOR, /* [c] in both */
    LAYOUT_CONV,   /* PyTorch [o][c][3][3], device [3][3][c][o] */
    LAYOUT_LINEAR  /* PyTorch [o][c], device [c][o] */
};

enum start {
    START_CONSTANT, /* all are start_value */
    START_NORMAL,   /* N(0, start_value^2) */
    START_UNIFORM,  /* U(-start_value, start_value) */
    START_IDENTITY  /* of LAYOUT_CONV: N(0, start_value^2), plus 1 from the pixel's own channel */
};

struct parameter {
    const char *suffix; /* "weight": the whole name is the layer's name, a dot and this */
    enum layout layout;
    size_t o, c; /* outputs and inputs; a vector has c = 1 */
    enum start start;
    double start_value;
    bool trained;   /* false: a running statistic, whose `gradient` is the last batch's statistic; or frozen */
    bool frozen;    /* stays as it is: has neither gradient nor average, and a weight is not trained */
    bool untouched; /* the backward pass does not write its gradient, which stays 0: the loss does not depend on it */
    /* Only what is trained has a state. */
    struct tensor value, gradient, state[OPTIMISER_STATES], average;
    struct tensor accumulated; /* sum of the gradients of several passes */
};

/* Number of elements. */
size_t parameter_count(const struct parameter *p);

/* Sets shape to PyTorch's shape and returns its rank, 1 to 4. */
int parameter_shape(const struct parameter *p, size_t shape[4]);

/* Sets values, in PyTorch's order, to the parameter's initial values, drawn from the sequence (seed, RNG_INIT + index).
 */
void parameter_start(const struct parameter *p, uint64_t seed, uint32_t index, float *values);

/* Copies values, in PyTorch's order, to `ordered`, in the device's order. */
void parameter_order(const struct parameter *p, const float *values, float *ordered);

/* Copies between tensor t (p's value, average or an optimiser state) and values in PyTorch's order, parameter_count()
 * long. */
enum vggcl_err parameter_write(struct dev *d, const struct parameter *p, struct tensor t, const float *values);
enum vggcl_err parameter_read(struct dev *d, const struct parameter *p, struct tensor t, float *values);

#endif
