/* storage.h - converts between activations, which may be stored as 16-bit floats, and the 32-bit floats that matrix
 * products read and write. */
#ifndef VGGCL_OPS_STORAGE_H
#define VGGCL_OPS_STORAGE_H

#include "cl/device.h"

/* to[pixel][c] = x[first + pixel][c], for `pixels` pixels of c channels. */
enum vggcl_err storage_widen(struct dev *d, size_t pixels, size_t c, struct tensor x, size_t first, struct tensor to);

/* y[first + pixel][c] = from[pixel][c] + bias[c], for `pixels` pixels; no bias if bias.mem is NULL. */
enum vggcl_err storage_narrow(struct dev *d, size_t pixels, size_t c, struct tensor from, struct tensor bias,
                              struct tensor y, size_t first);

#endif
