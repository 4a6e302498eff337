#include "nets/layer_list.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static enum vggcl_err refuse(const char *text, int position, const char *at, size_t length, const char *why) {
    return err_set(VGGCL_EUSAGE, "model %s: element %d, '%.*s', %s", text, position, (int)(length < 40 ? length : 40),
                   at, why);
}

static enum vggcl_err add_pooling(struct layer_list *list, const char *text, int position, const char *at) {
    struct list_convolution *last = list->count ? &list->convolutions[list->count - 1] : NULL;
    if (!last || last->pooling)
        return refuse(text, position, at, 1, "is a pooling that does not follow a convolution; remove it");
    last->pooling = position;
    return VGGCL_OK;
}

static enum vggcl_err add_convolution(struct layer_list *list, const char *text, int position, const char *at,
                                      size_t length) {
    char *end = NULL;
    unsigned long channels = isdigit((unsigned char)*at) ? strtoul(at, &end, 10) : 0;
    if (end != at + length || channels < 1 || channels > LIST_CHANNELS)
        return refuse(text, position, at, length,
                      "is neither a number of channels from 1 to 8192 nor M for a pooling, nor L512 "
                      "for a linear layer of 512 outputs");
    if (list->count == LIST_CONVOLUTIONS)
        return refuse(text, position, at, length, "is one convolution more than the 64 that a network may have");
    struct list_convolution *c = &list->convolutions[list->count], *before = list->count ? c - 1 : NULL;
    bool begins_stage = !before || before->pooling;
    *c = (struct list_convolution){.channels = channels,
                                   .stage = (before ? before->stage : 0) + begins_stage,
                                   .number = begins_stage ? 1 : before->number + 1,
                                   .ends_stage = true};
    if (before)
        before->ends_stage = before->pooling;
    list->count++;
    return VGGCL_OK;
}

/* L0 stands alone. */
static enum vggcl_err add_linear(struct layer_list *list, const char *text, int position, const char *at,
                                 size_t length) {
    char *end = NULL;
    unsigned long outputs = isdigit((unsigned char)at[1]) ? strtoul(at + 1, &end, 10) : 0;
    bool first = !list->linear_given, none = !first && !list->linear_count;
    if (end != at + length || outputs > LIST_CHANNELS || (outputs == 0 && !first) || none)
        return refuse(text, position, at, length,
                      "is not a linear layer: L and its number of outputs from 1 to 8192, or L0 alone for none");
    if (first)
        list->linear_count = 0;
    list->linear_given = true;
    if (list->linear_count == LIST_LINEAR)
        return refuse(text, position, at, length, "is one linear layer more than the 3 before the last one");
    if (outputs)
        list->linear[list->linear_count++] = outputs;
    return VGGCL_OK;
}

static enum vggcl_err add(struct layer_list *list, const char *text, int position, const char *at, size_t length) {
    if (*at == 'L')
        return list->count ? add_linear(list, text, position, at, length)
                           : refuse(text, position, at, length, "is a linear layer without a convolution before it");
    if (list->linear_given)
        return refuse(text, position, at, length, "follows a linear layer, which only other linear layers can");
    return length == 1 && *at == 'M' ? add_pooling(list, text, position, at)
                                     : add_convolution(list, text, position, at, length);
}

/* at: the part of text, from the element at that position on, that is read. */
static enum vggcl_err read_elements(const char *text, int position, const char *at, struct layer_list *list) {
    for (;; position++) {
        size_t length = strcspn(at, ",");
        TRY(add(list, text, position, at, length));
        if (!at[length])
            return VGGCL_OK;
        at += length + 1;
    }
}

enum vggcl_err layer_list_read(const char *text, struct layer_list *list) {
    *list = (struct layer_list){.linear = {LIST_HIDDEN}, .linear_count = 1};
    return read_elements(text, 1, text, list);
}

enum vggcl_err layer_list_linear(const char *model, const char *text, struct layer_list *list) {
    return *text == 'L'
               ? read_elements(model, 2, text, list)
               : err_set(VGGCL_EUSAGE, "model %s: behind a model's name only linear layers can stand: L4096", model);
}
