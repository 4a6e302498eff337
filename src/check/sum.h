/* sum.h - exact results, with the magnitude that rounding errors are relative to. */
#ifndef VGGCL_CHECK_SUM_H
#define VGGCL_CHECK_SUM_H

/* A result in double precision, and the sum of the magnitudes of its terms. Rounding errors are relative to the
 * magnitude, not to the value, because terms are rounded before they cancel. */
struct sum {
    double value, magnitude;
};

/* A value that is only copied or counted: without rounding, so without tolerance. */
static inline struct sum sum_exactly(double value) {
    return (struct sum){value, 0};
}

/* A sum of one term. */
static inline struct sum sum_of(double term) {
    return (struct sum){term, term < 0 ? -term : term};
}

static inline void sum_add(struct sum *s, double term) {
    s->value += term;
    s->magnitude += term < 0 ? -term : term;
}

static inline struct sum sum_plus(struct sum s, double term) {
    sum_add(&s, term);
    return s;
}

/* The largest rounding error of a sum of `terms` terms or products, in FLT_EPSILON times its magnitude. */
double sum_roundings(double terms);

#endif
