/* rig.h - where operators are put to the test: random inputs, outputs full of poison between guard words, and a
 * comparison with exact results, element by element.
 *
 *     const float *x = rig_floats(rig, 65, -1, 1);
 *     struct tensor in = rig_upload(rig, 65, x), out = rig_poisoned(rig, 65);
 *     RIG_RUN(rig, double_all(rig->dev, 65, in, out));
 *     RIG_COMPARE(rig, "out", RIG_FLOATS, out, 1, i, sum_of(2.0 * x[i]));
 *
 * A rig remembers the first error of what it was asked to do, and does nothing after it: only the end has to look. */
#ifndef VGGCL_CHECK_RIG_H
#define VGGCL_CHECK_RIG_H

#include "base/rng.h"
#include "check/reference.h"

/* A word that no kernel writes: a NaN, so that it shows in whatever is computed from it. */
#define POISON 0x7FCDCDCDu

/* One output against its exact values. */
struct comparison {
    const char *name;              /* of the output */
    double tolerance;              /* what rounding explains: roundings * FLT_EPSILON */
    double error;                  /* the largest |got - expected| / magnitude; INFINITY for a NaN where none belongs */
    size_t compared, wrong;        /* elements; those that are beyond the tolerance */
    size_t first;                  /* of the wrong ones */
    double got, expected, allowed; /* there */
};

struct made;

struct rig {
    struct dev *dev;
    size_t sample;      /* how many elements of an output are compared at most; the others must be finite */
    enum vggcl_err err; /* the first */
    struct rng random;
    struct made *made;
    struct comparison result; /* of all outputs since rig_start(), the one that is farthest off */
};

/* Starts the same sequence of random numbers, and the result, anew. */
void rig_start(struct rig *rig);

/* Frees all that was made. VGGCL_OK where nothing failed and no guard word was touched; else the first error, or
 * VGGCL_EDEVICE with a text that says where a kernel wrote. */
enum vggcl_err rig_end(struct rig *rig);

/* bytes of zeros, at least one; NULL after an error, as with all functions below. */
void *rig_zeros(struct rig *rig, size_t bytes);

/* Uniform in [low, high); normal (both repeat themselves after some thousands); labels of 0 .. classes-1. */
float *rig_floats(struct rig *rig, size_t count, double low, double high);
float *rig_normal(struct rig *rig, size_t count, double mean, double deviation);
int32_t *rig_labels(struct rig *rig, size_t count, size_t classes);

/* count words (of floats or integers) of device memory between guard words, all of it POISON. */
struct tensor rig_poisoned(struct rig *rig, size_t count);

/* The same with what host holds, count words. */
struct tensor rig_upload(struct rig *rig, size_t count, const void *host);

/* Of activations, which the device stores as its nets' (rig->dev->half): x as it is once stored; such a tensor of
 * poison; and one of what host holds, count floats. */
float *rig_stored(struct rig *rig, size_t count, float *x);
struct tensor rig_poisoned_stored(struct rig *rig, size_t count);
struct tensor rig_upload_stored(struct rig *rig, size_t count, const float *host);

/* A copy of all of t, whose elements are floats on the host where they are 16-bit floats on the device. */
void *rig_download(struct rig *rig, struct tensor t);

#define RIG_RUN(rig, call)                                                                                             \
    do {                                                                                                               \
        if ((rig)->err == VGGCL_OK)                                                                                    \
            (rig)->err = (call);                                                                                       \
    } while (0)

/* How an output is compared: floats; floats whose errors are spread over many elements, so that the largest magnitude
 * counts for all of them; integers, which are right or wrong. */
enum rig_kind { RIG_FLOATS, RIG_SPREAD, RIG_INTEGERS };

/* Compares an output with `expected`, an expression of type struct sum for its element i, and keeps in rig->result what
 * it finds, if that is worse than what is there. roundings: how many FLT_EPSILON of its magnitude an element may be
 * off; FLT_MIN may always be lacking, for a device may take smaller numbers for zero. Of 16-bit floats, what storing
 * them rounds comes on top, and does not count. A NaN must be met by a NaN. */
#define RIG_COMPARE(rig, name, kind, output, roundings, i, expected)                                                   \
    for (struct reading reading_ = rig_read((rig), (name), (kind), (output), (roundings)); reading_.open;              \
         rig_judge((rig), &reading_))                                                                                  \
        for (size_t i; rig_next(&reading_, &i);)                                                                       \
    rig_expect(&reading_, (expected))

/* For RIG_COMPARE: an output that was read, and what is expected of the elements compared. */
struct reading {
    const char *name;
    enum rig_kind kind;
    double roundings;
    bool open, half;
    const void *words; /* 32-bit floats or integers */
    size_t count, compared, done;
    struct sum *exact;
};
struct reading rig_read(struct rig *rig, const char *name, enum rig_kind kind, struct tensor output, double roundings);
bool rig_next(struct reading *reading, size_t *i);
static inline void rig_expect(struct reading *reading, struct sum exact) {
    reading->exact[reading->done - 1] = exact;
}
void rig_judge(struct rig *rig, struct reading *reading);

/* "y[17] is 0.25, expected 0.5 +- 1e-07; 3 of 5040 compared are wrong", for a result with wrong elements. */
enum { RIG_FAULT = 256 };
void rig_fault(const struct comparison *result, char text[RIG_FAULT]);

#endif
