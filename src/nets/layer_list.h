/* layer_list.h - the convolutions and poolings of a network as a list, in the notation of PyTorch's VGG:
 * "64,64,M,128,M". A number is a 3x3 convolution with that many channels, M a 2x2 max-pooling, which follows a
 * convolution. Behind them there may be the linear layers before the last one: "L4096,L4096" are two, of 4096 outputs
 * each, "L0" is none; without them it is one of 512. The last linear layer has an output for each class. */
#ifndef VGGCL_NETS_LAYER_LIST_H
#define VGGCL_NETS_LAYER_LIST_H

#include "base/err.h"

/* The most convolutions and linear layers of a list, and outputs of each. */
enum { LIST_CONVOLUTIONS = 64, LIST_LINEAR = 3, LIST_CHANNELS = 8192, LIST_HIDDEN = 512 };

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
    size_t linear[LIST_LINEAR]; /* outputs */
    size_t linear_count;
    bool linear_given; /* by the list */
};

/* VGGCL_EUSAGE, naming the first wrong element and its position, if text is not such a list. */
enum vggcl_err layer_list_read(const char *text, struct layer_list *list);

/* Sets the linear layers to those of text, "L4096,L4096". VGGCL_EUSAGE, naming the model, if they are others. */
enum vggcl_err layer_list_linear(const char *model, const char *text, struct layer_list *list);

#endif
