/* replace.h - finds the methods (algorithms of convolutions, engines and tiles of matrix products) that give wrong
 * results on a device, and others in their place. */
#ifndef VGGCL_CHECK_REPLACE_H
#define VGGCL_CHECK_REPLACE_H

#include "nets/net.h"

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
