/* check.h - runs the checks of operators.h on a device: each operator on random inputs, with poisoned outputs, against
 * its reference in double precision. */
#ifndef VGGCL_CHECK_CHECK_H
#define VGGCL_CHECK_CHECK_H

#include "nets/net.h"

/* The first check that found wrong results, and the methods that it stands for: those that launch what was checked.
 * None if the operator has a single implementation, or did not run. */
struct check_failure {
    struct vggcl_check check;
    struct conv_shape shape;
    struct device_method methods[CONV_DIRECTIONS];
    size_t method_count;
};

/* checked() is called after each operator and shape; the checks end when it returns false. wanted(), unless NULL, is
 * called before each, of which only name, kernels and shape are known: false leaves it out. failure, unless NULL, gets
 * the first failure. */
struct check_report {
    bool (*checked)(const struct vggcl_check *check, void *payload);
    void *payload;
    bool (*wanted)(const struct vggcl_check *check, void *payload);
    struct check_failure *failure;
};

/* Runs the checks on net's device; net needs no device memory. Checks all operators, with every algorithm and every
 * engine (only the user's choice, if there is one): on small odd shapes all elements, on the shapes of net's layers a
 * sample. With quick, checks only what net uses, on the shapes of its layers with a few images; of a net that only
 * evaluates, its convolutions and matrix products. Operators that fail or
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

/* The quick check_net() of a network that was made with *context. If a method is wrong and another one can replace it,
 * adds it to the wrong methods of the context's tuning and sets *replaced: the caller makes the network again and
 * repeats the check. Adds a line for the user to *warnings, a text that the caller frees: the device, what is wrong,
 * and what replaces it. Otherwise, and always if the context is strict, the error is check_net()'s. */
enum vggcl_err check_or_replace(const struct net *net, struct context *context, struct vggcl_selfcheck *result,
                                bool *replaced, char **warnings);

/* Checks a method for one direction of a convolution, with the context's tuning, on a few images of shape s, by a
 * sample. *right is false if it fails. What gives wrong results is then added to the wrong methods of the context's
 * tuning, with a line in *warnings as above. */
enum vggcl_err check_method(struct context *context, struct conv_shape s, enum conv_direction direction,
                            struct conv_method m, bool *right, char **warnings);

#endif
