/* check.h - runs the checks of operators.h on a device: each operator on random inputs, with poisoned outputs, against
 * its reference in double precision. */
#ifndef VGGCL_CHECK_CHECK_H
#define VGGCL_CHECK_CHECK_H

#include "nets/net.h"

/* The first check that failed, or the first one not for lack of memory, and the methods that it stands for: those that
 * launch what was checked. None if the operator has a single implementation, or did not run. */
struct check_failure {
    struct vggcl_check check;
    enum vggcl_err err; /* why it did not run; VGGCL_EWRONG if it wrote where it must not; else VGGCL_OK */
    struct conv_shape shape;
    struct device_method methods[CONV_DIRECTIONS];
    size_t method_count;
};

/* checked() is called after each operator and shape; the checks end when it returns false. Before each, of which only
 * name, kernels and shape are known then, wanted() is called, unless NULL: false leaves it out; and then starting(),
 * unless NULL. failure, unless NULL and initialised with {0}, gets the first failure. */
struct check_report {
    bool (*checked)(const struct vggcl_check *check, void *payload);
    void *payload;
    bool (*wanted)(const struct vggcl_check *check, void *payload);
    void (*starting)(const struct vggcl_check *check, void *payload);
    struct check_failure *failure;
};

/* Runs the checks on net's device; net needs no device memory. Checks all operators, with every algorithm and every
 * engine (only the user's choice, if there is one): on small odd shapes all elements, on the shapes of net's layers a
 * sample. With quick, checks only what net uses, on the shapes of its layers with a few images; of a net that only
 * evaluates, its convolutions and matrix products. Operators that fail or give wrong results are reported, not
 * returned; the only errors are VGGCL_ENOMEM and VGGCL_ESTOPPED. */
enum vggcl_err check_operators(const struct net *net, bool quick, const struct check_report *report);

/* Runs the checks of layers of one type, or of all (layer is NULL), on one shape, comparing `sample` elements of each
 * output (SIZE_MAX: all). */
void check_shape(const struct context *context, const char *layer, struct conv_shape s, size_t sample,
                 const struct check_report *report);

/* Runs the checks of a method for one direction of a convolution on a few images of shape s, comparing a sample: of the
 * convolution itself, or of all operators that it launches, until one fails. check.name is "" in *failure if none does.
 */
void check_convolution(const struct context *context, struct conv_shape s, enum conv_direction direction,
                       struct conv_method m, bool all, struct check_failure *failure);

/* check_operators() with a summary in *result, and the first failure, if there is one, in *failure. VGGCL_EWRONG, with
 * the text of check_failure_text(), if a check failed; VGGCL_ENOMEM if all that failed had too little memory. Without a
 * listener (NULL) the first failure ends the checks; if that operator did not run, its error is returned. The
 * listener's wanted() is called twice for each check, because they are counted first. */
enum vggcl_err check_net(const struct net *net, bool quick, const struct check_report *listener,
                         struct vggcl_selfcheck *result, struct check_failure *failure);

/* "DEVICE (driver DRIVER) gives wrong results: conv forward, winograd4 (winograd/...) of SHAPE: FAULT" */
enum { CHECK_TEXT = 1536 };
void check_failure_text(const struct check_failure *failure, const struct vggcl_device *device,
                        char text[static CHECK_TEXT]);

#endif
