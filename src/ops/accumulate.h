/* accumulate.h - gradient accumulation: the gradients of several micro-batches are added up before a step. */
#ifndef VGGCL_OPS_ACCUMULATE_H
#define VGGCL_OPS_ACCUMULATE_H

#include "cl/device.h"

/* sum += addend, for all words, or sum = addend if `first` is set. Both tensors have the same size. */
enum vggcl_err accumulate(struct dev *d, bool first, struct tensor addend, struct tensor sum);

#endif
