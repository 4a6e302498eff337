/* rig.h - a test rig for operators: random inputs, poisoned outputs between guard words, and a comparison with exact
 * results, element by element.
 *
 *     const float *x = rig_floats(rig, 65, -1, 1);
 *     struct tensor in = rig_upload(rig, 65, x), out = rig_poisoned(rig, 65);
 *     RIG_RUN(rig, double_all(rig->dev, 65, in, out));
 *     RIG_COMPARE(rig, "out", RIG_FLOATS, out, 1, i, sum_of(2.0 * x[i]));
 *
 * After the first error all functions do nothing, so only the result of rig_end() has to be checked. What a call
 * needs is made before RIG_RUN(), not in the call's arguments: RIG_RUN() skips the call if one of them failed. */
#ifndef VGGCL_CHECK_RIG_H
#define VGGCL_CHECK_RIG_H

#include "base/rng.h"
#include "check/sum.h"
#include "ops/context.h"

/* A word that no kernel writes. It is a NaN, so all results that depend on it are NaN too. */
#define POISON 0x7FCDCDCDu

/* The comparison of an output with its exact values. */
struct comparison {
    const char *name;              /* of the output */
    double tolerance;              /* the largest error by rounding: roundings * FLT_EPSILON */
    double error;                  /* the largest |got - expected| / magnitude; INFINITY for an unexpected NaN */
    size_t compared, wrong;        /* elements; those with a larger error than the tolerance */
    size_t first;                  /* index of the first wrong element, */
    double got, expected, allowed; /* and its values */
};

struct made;

struct rig {
    struct dev *dev;
    struct context context; /* on dev: how operators are done, and how activations are stored */
    size_t sample;          /* maximum number of elements of an output that are compared; the others must be finite */
    enum vggcl_err err;     /* the first */
    bool running;           /* inside RIG_RUN() */
    struct rng random;
    struct made *made;
    struct comparison result; /* of the output with the largest error since rig_start(), relative to the tolerance */
};

/* Restarts the sequence of random numbers, and clears the result. */
void rig_start(struct rig *rig);

/* Frees everything. VGGCL_OK if nothing failed and no guard word changed; else the first error, or VGGCL_EWRONG with a
 * text that says where a kernel wrote. */
enum vggcl_err rig_end(struct rig *rig);

/* At least one byte of zeros on the host; NULL after an error, as with all functions below. */
void *rig_zeros(struct rig *rig, size_t bytes);

/* Uniform in [low, high); normal (both repeat after some thousand numbers); labels in 0 .. classes - 1. */
float *rig_floats(struct rig *rig, size_t count, double low, double high);
float *rig_normal(struct rig *rig, size_t count, double mean, double deviation);
int32_t *rig_labels(struct rig *rig, size_t count, size_t classes);

/* count words of device memory (floats or integers), all POISON, between guard words. */
struct tensor rig_poisoned(struct rig *rig, size_t count);

/* The same, with count words copied from host. */
struct tensor rig_upload(struct rig *rig, size_t count, const void *host);

/* For activations, which are stored as rig->context.stored says: x rounded as if it had been
 * stored, in place; a poisoned tensor of activations; a tensor with count floats from host. */
float *rig_stored(struct rig *rig, size_t count, float *x);
struct tensor rig_poisoned_stored(struct rig *rig, size_t count);
struct tensor rig_upload_stored(struct rig *rig, size_t count, const float *host);

/* Random activations in [-1, 1), rounded as if they had been stored. */
float *rig_activations(struct rig *rig, size_t count);

/* A copy of t on the host, converted to floats. */
void *rig_download(struct rig *rig, struct tensor t);

#define RIG_RUN(rig, call)                                                                                             \
    do {                                                                                                               \
        if ((rig)->err == VGGCL_OK) {                                                                                  \
            (rig)->running = true;                                                                                     \
            (rig)->err = (call);                                                                                       \
            (rig)->running = false;                                                                                    \
        }                                                                                                              \
    } while (0)

/* How an output is compared: as floats; as floats whose errors spread over many elements, so that the largest magnitude
 * is used for all of them; as integers, without tolerance. */
enum rig_kind { RIG_FLOATS, RIG_SPREAD, RIG_INTEGERS };

/* Compares an output with `expected`, an expression of type struct sum for its element i. The result is stored in
 * rig->result if it is worse than the one there. roundings: the allowed error, in FLT_EPSILON times the magnitude. An
 * error of FLT_MIN is always allowed, because a device may flush smaller numbers to zero. The
 * rounding error of storing 16-bit values is allowed in addition, and is not counted as an error. A NaN is right only
 * where one is expected. */
#define RIG_COMPARE(rig, name, kind, output, roundings, i, expected)                                                   \
    for (struct rig_output output_ = rig_read((rig), (name), (kind), (output), (roundings)); output_.open;             \
         rig_judge((rig), &output_))                                                                                   \
        for (size_t i; rig_next(&output_, &i);)                                                                        \
    rig_expect(&output_, (expected))

/* For RIG_COMPARE: a copy of the output, and the expected values of the elements that are compared. */
struct rig_output {
    const char *name;
    enum rig_kind kind;
    double roundings;
    bool open;
    enum stored stored;
    const void *words; /* 32-bit floats or integers */
    size_t count, compared, done;
    struct sum *exact;
};
struct rig_output rig_read(struct rig *rig, const char *name, enum rig_kind kind, struct tensor output,
                           double roundings);
bool rig_next(struct rig_output *output, size_t *i);
static inline void rig_expect(struct rig_output *output, struct sum exact) {
    output->exact[output->done - 1] = exact;
}
void rig_judge(struct rig *rig, struct rig_output *output);

/* "y[17] is 0.25, expected 0.5 +- 1e-07; 3 of 5040 compared are wrong": describes a result with wrong elements. */
enum { RIG_FAULT = 256 };
void rig_fault(const struct comparison *result, char text[RIG_FAULT]);

#endif
