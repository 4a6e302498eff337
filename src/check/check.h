/* check.h - every operator that a network is made of, put to the test on a device: random inputs, poisoned outputs and
 * the references of reference.h. Which operators there are says the table in operators.h. */
#ifndef VGGCL_CHECK_CHECK_H
#define VGGCL_CHECK_CHECK_H

#include "net/net.h"

/* Is told of each operator and shape as soon as it has been run; false ends the checks. */
struct check_report {
    void *user;
    bool (*checked)(void *user, const struct vggcl_check *check);
};

/* Runs the checks on net's device; net needs no memory. All operators, every algorithm and (unless gemm_use() chose
 * one) engine, on small odd shapes in full and on those of net's layers by a sample of elements; with quick only what
 * net uses, on its layers' shapes with a few images. An operator that computes wrong, or fails to run, is reported, not
 * returned: only the lack of memory on the host is. */
enum vggcl_err check_operators(const struct net *net, bool quick, const struct check_report *report);

/* Runs every check of the table on one shape, comparing `sample` elements of each output (SIZE_MAX: all). */
void check_shape(struct dev *d, struct conv_shape s, size_t sample, const struct check_report *report);

#endif
