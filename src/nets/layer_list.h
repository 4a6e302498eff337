/* layer_list.h - the convolutions and poolings of a network as a list, in the notation of PyTorch's VGG:
 * "64,64,M,128,M". A number is a 3x3 convolution with that many channels, M a 2x2 max-pooling, which follows a
 * convolution. */
#ifndef VGGCL_NETS_LAYER_LIST_H
#define VGGCL_NETS_LAYER_LIST_H

#include "base/err.h"

enum { LIST_CONVOLUTIONS = 64, LIST_CHANNELS = 8192 }; /* the most of a list, and of a convolution */

/* A pooling ends a stage. */
struct list_convolution {
    size_t channels;     /* outputs */
    short stage, number; /* number: in its stage; both from 1 */
    bool ends_stage;     /* no convolution of the same stage follows */
    int pooling;         /* position in the list, from 1, of the pooling that follows; 0 if none does */
};

struct layer_list {
    struct list_convolution convolutions[LIST_CONVOLUTIONS];
    size_t count;
};

/* VGGCL_EUSAGE, naming the first wrong element and its position, if text is not such a list. */
enum vggcl_err layer_list_read(const char *text, struct layer_list *list);

#endif
