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
        return refuse(text, position, at, length, "is neither a number of channels from 1 to 8192 nor M for a pooling");
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

enum vggcl_err layer_list_read(const char *text, struct layer_list *list) {
    const char *at = text;
    *list = (struct layer_list){.count = 0};
    for (int position = 1;; position++) {
        size_t length = strcspn(at, ",");
        TRY(length == 1 && *at == 'M' ? add_pooling(list, text, position, at)
                                      : add_convolution(list, text, position, at, length));
        if (!at[length])
            return VGGCL_OK;
        at += length + 1;
    }
}
