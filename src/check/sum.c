#include "check/sum.h"

#include <math.h>

/* A sum of n terms, in any order, has at most n - 1 roundings of half an epsilon each. If they are independent, they
 * stay below lambda * sqrt(n) half epsilons, except with a probability of 2 exp(-lambda^2 / 2): 2e-14 for lambda = 8
 * (Higham and Mary, "A new approach to probabilistic rounding error analysis", 2019). Products and biases add a
 * rounding each. */
double sum_roundings(double terms) {
    return fmin(terms, 4 * sqrt(terms)) + 2;
}
