/* check.h - runs the checks of operators.h on a device: each operator on random inputs, with poisoned outputs, against
 * its reference in double precision. */
#ifndef VGGCL_CHECK_CHECK_H
#define VGGCL_CHECK_CHECK_H

#include "nets/net.h"

/* checked() is called after each operator and shape; the checks end when it returns false. */
struct check_report {
    bool (*checked)(const struct vggcl_check *check, void *payload);
    void *payload;
};

/* Runs the checks on net's device; net needs no device memory. Checks all operators, with every algorithm and every
 * engine (only the user's choice, if there is one): on small odd shapes all elements, on the shapes of net's layers a
 * sample. With quick, checks only what net uses, on the shapes of its layers with a few images. Operators that fail or
 * give wrong results are reported, not returned; the only errors are VGGCL_ENOMEM and VGGCL_ESTOPPED. */
enum vggcl_err check_operators(const struct net *net, bool quick, const struct check_report *report);

/* Runs the checks of layers of one type, or of all (layer is NULL), on one shape, comparing `sample` elements of each
 * output (SIZE_MAX: all). */
void check_shape(const struct context *context, const char *layer, struct conv_shape s, size_t sample,
                 const struct check_report *report);

/* check_operators() with a summary in *result. VGGCL_EWRONG, naming the first failure, if a check failed. Without a
 * listener (NULL) the first failure ends the checks; if that operator did not run, the error is VGGCL_EOPENCL with its
 * text. */
enum vggcl_err check_net(const struct net *net, bool quick, const struct check_report *listener,
                         struct vggcl_selfcheck *result);

#endif
