#include "nets/naming.h"
#include "nets/model.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const naming_styles[] = {"vggcl", "torchvision", "kuangliu", NULL};

enum { STEM = 64, LAYERS = 2 * LIST_CONVOLUTIONS + LIST_LINEAR + 1 };

enum { WEIGHT, BIAS, MEAN, VARIANCE, TENSORS };
static const char *const suffixes[TENSORS] = {"weight", "bias", "running_mean", "running_var"};

/* A layer of the file. */
struct their_layer {
    char stem[STEM], ours[NAMING_NAME];
    bool linear;
    long number;                     /* in its part, features or classifier */
    struct record *tensors[TENSORS]; /* NULL where it has none */
};

/* The layers of a file, in the order of the network. */
struct their_network {
    struct their_layer layers[LAYERS];
    size_t count, convolutions, linear;
};

/* --------------------------------------------------------------------------------------------------- their names -- */

/* Copies all parts of the name but the last, and wrappers; returns the last. NULL if it is too long, or has one part.
 */
static const char *split(const char *name, char stem[STEM]) {
    const char *last = strrchr(name, '.');
    size_t used = 0;
    for (const char *part = name; last && part < last;) {
        size_t length = strcspn(part, ".");
        if (strncmp(part, "module.", length + 1) != 0 && strncmp(part, "_orig_mod.", length + 1) != 0) {
            if (used + length + 2 > STEM)
                return NULL;
            used += (size_t)snprintf(stem + used, STEM - used, "%s%.*s", used ? "." : "", (int)length, part);
        }
        part += length + 1;
    }
    return used ? last + 1 : NULL;
}

/* Whether text is a number of a layer. */
static bool is_number(const char *text, long *number) {
    char *end;
    *number = isdigit((unsigned char)*text) ? (long)strtoul(text, &end, 10) : -1;
    return *number >= 0 && *number < 100000 && !*end;
}

/* Where a layer is in the network; false for a name of none of these programs. timm has pre_logits.fc1, pre_logits.fc2
 * and head.fc. */
static bool place(const char *stem, bool *linear, long *number) {
    *linear = strncmp(stem, "features.", 9) != 0;
    if (!*linear)
        return is_number(stem + 9, number);
    *number = strcmp(stem, "head.fc") == 0 ? 3 : 0;
    return strcmp(stem, "classifier") == 0 || *number ||
           (strncmp(stem, "classifier.", 11) == 0 && is_number(stem + 11, number)) ||
           (strncmp(stem, "pre_logits.fc", 13) == 0 && is_number(stem + 13, number));
}

static int find_suffix(const char *text) {
    int i = 0;
    while (i < TENSORS && strcmp(text, suffixes[i]) != 0)
        i++;
    return i;
}

/* The layer with that stem, which is added if there is none; NULL if there are too many. */
static struct their_layer *layer_of(struct their_network *n, const char *stem) {
    for (size_t i = 0; i < n->count; i++)
        if (strcmp(n->layers[i].stem, stem) == 0)
            return &n->layers[i];
    if (n->count == LAYERS)
        return NULL;
    struct their_layer *l = &n->layers[n->count++];
    *l = (struct their_layer){.linear = false};
    strcpy(l->stem, stem);
    return l;
}

static enum vggcl_err no_vgg(const char *path, const char *name) {
    return err_set(
        VGGCL_EFORMAT,
        "%s: %s belongs to no VGG: one has 3x3 convolutions with biases, each followed by a ReLU or by batch "
        "normalisation and a ReLU, and up to %d linear layers",
        path, name, LIST_LINEAR + 1);
}

static int by_place(const void *a, const void *b) {
    const struct their_layer *x = a, *y = b;
    if (x->linear != y->linear)
        return x->linear ? 1 : -1;
    return (x->number > y->number) - (x->number < y->number);
}

static enum vggcl_err collect(struct safetensors *file, const char *path, struct their_network *n) {
    n->count = n->convolutions = n->linear = 0;
    for (size_t i = 0; i < file->count; i++) {
        struct record *r = &file->records[i];
        char stem[STEM];
        const char *last = split(r->name, stem);
        if (last && strcmp(last, "num_batches_tracked") == 0)
            continue;
        int suffix = last ? find_suffix(last) : TENSORS;
        struct their_layer *l = suffix < TENSORS ? layer_of(n, stem) : NULL;
        if (!l || !place(stem, &l->linear, &l->number) || l->tensors[suffix])
            return no_vgg(path, r->name);
        l->tensors[suffix] = r;
    }
    qsort(n->layers, n->count, sizeof *n->layers, by_place);
    return VGGCL_OK;
}

/* ----------------------------------------------------------------------------------------------------- our names -- */

static bool is_convolution(const struct their_layer *l) {
    const struct record *w = l->tensors[WEIGHT];
    return !l->linear && w->rank == 4 && w->shape[2] == 3 && w->shape[3] == 3;
}

/* Linear layers may be stored as convolutions over all pixels that are left. */
static bool is_linear(const struct their_layer *l) {
    return l->linear && (l->tensors[WEIGHT]->rank == 2 || l->tensors[WEIGHT]->rank == 4);
}

static bool is_normalisation(const struct their_layer *l, const struct their_layer *before) {
    return before && is_convolution(before) && !l->linear && l->number == before->number + 1 &&
           l->tensors[WEIGHT]->rank == 1 && l->tensors[MEAN] && l->tensors[VARIANCE];
}

/* Whether there is room for the ReLU that a VGG has before each convolution and each linear layer but the first ones.
 */
static bool follows_activation(const struct their_layer *l, const struct their_layer *before) {
    bool numbered = strncmp(l->stem, "pre_logits.", 11) != 0 && strcmp(l->stem, "head.fc") != 0;
    return !before || before->linear != l->linear || !numbered || l->number - before->number >= 2;
}

static enum vggcl_err check_layers(const char *path, struct their_network *n) {
    for (struct their_layer *l = n->layers; l < n->layers + n->count; l++) {
        if (!l->tensors[WEIGHT] || !l->tensors[BIAS])
            return no_vgg(path, l->stem);
        const struct their_layer *before = l > n->layers ? l - 1 : NULL;
        bool computes = (is_convolution(l) || is_linear(l)) && follows_activation(l, before);
        if (!computes && !is_normalisation(l, before))
            return no_vgg(path, l->stem);
        n->convolutions += is_convolution(l);
        n->linear += is_linear(l);
    }
    if (n->linear && n->convolutions && n->convolutions <= LIST_CONVOLUTIONS && n->linear <= LIST_LINEAR + 1)
        return VGGCL_OK;
    return err_set(VGGCL_EFORMAT, "%s: has %zu convolutions and %zu linear layers; a VGG has 1 to %d and 1 to %d", path,
                   n->convolutions, n->linear, LIST_CONVOLUTIONS, LIST_LINEAR + 1);
}

/* Whether the convolutions have the numbers of channels of a list, times any width. */
static bool same_channels(const struct their_network *n, const struct layer_list *list) {
    const struct list_convolution *c = list->convolutions;
    double width = (double)n->layers->tensors[WEIGHT]->shape[0] / (double)c->channels;
    if (list->count != n->convolutions)
        return false;
    for (const struct their_layer *l = n->layers; l < n->layers + n->count; l++)
        if (is_convolution(l) && (double)l->tensors[WEIGHT]->shape[0] != rint((double)c++->channels * width))
            return false;
    return true;
}

/* The convolutions as one of the named models has them, or else with a pooling wherever a number of features is left
 * out: between two convolutions there is a ReLU, and a pooling or not. */
static void find_stages(const struct their_network *n, struct layer_list *list) {
    for (const struct model *const *m = models; *m; m++)
        if (vgg_layers(*m, list) && same_channels(n, list))
            return;
    list->count = 0;
    long last = -1;
    for (const struct their_layer *l = n->layers; !l->linear; l++) {
        if (is_convolution(l)) {
            struct list_convolution *c = &list->convolutions[list->count];
            bool begins = !list->count++ || l->number - last > 2;
            *c = (struct list_convolution){.stage = 1, .number = 1};
            if (c > list->convolutions)
                c->stage = c[-1].stage + begins;
            if (!begins)
                c->number = c[-1].number + 1;
        }
        last = l->number;
    }
}

static void name_layers(struct their_network *n) {
    struct layer_list list;
    size_t convolution = 0, linear = 0;
    const struct list_convolution *c = NULL;
    find_stages(n, &list);
    for (struct their_layer *l = n->layers; l < n->layers + n->count; l++) {
        if (is_convolution(l))
            c = &list.convolutions[convolution++];
        if (is_linear(l))
            snprintf(l->ours, sizeof l->ours, "fc%zu", ++linear);
        else
            snprintf(l->ours, sizeof l->ours, "%s%d_%d", is_convolution(l) ? "conv" : "bn", c->stage, c->number);
    }
}

/* Takes the names over into the file. */
static enum vggcl_err rename_records(struct safetensors *file, const struct their_network *n) {
    char(*names)[NAMING_NAME] = malloc(LAYERS * TENSORS * sizeof *names);
    if (!names)
        return err_no_memory("the names of tensors", LAYERS * TENSORS * sizeof *names);
    file->names = names;
    for (const struct their_layer *l = n->layers; l < n->layers + n->count; l++)
        for (int i = 0; i < TENSORS; i++) {
            struct record *r = l->tensors[i];
            if (!r)
                continue;
            snprintf(*names, sizeof *names, "%.24s.%s", l->ours, suffixes[i]);
            r->name = *names++;
            if (l->linear && r->rank == 4) {
                r->rank = 2;
                r->shape[1] *= r->shape[2] * r->shape[3];
            }
        }
    return VGGCL_OK;
}

/* -------------------------------------------------------------------------------------------------- their images -- */

/* As these programs normalise them, where they were trained. */
static const double imagenet_mean[] = {0.485, 0.456, 0.406}, imagenet_deviation[] = {0.229, 0.224, 0.225};
static const double cifar10_mean[] = {0.4914, 0.4822, 0.4465}, cifar10_deviation[] = {0.2023, 0.1994, 0.2010};
static const double cifar100_mean[] = {0.5070, 0.4865, 0.4409}, cifar100_deviation[] = {0.2673, 0.2564, 0.2761};

/* first: the first linear layer. */
static const char *origin_of(const struct their_layer *first, bool small) {
    if (strncmp(first->stem, "pre_logits.", 11) == 0 || strcmp(first->stem, "head.fc") == 0)
        return "timm";
    if (strcmp(first->stem, "classifier") == 0)
        return "kuangliu/pytorch-cifar";
    if (first->number == 1)
        return "chengyangfu/pytorch-vgg-cifar10";
    return small ? "torchvision, in the form for CIFAR (chenyaofo/pytorch-cifar-models)" : "torchvision";
}

/* Images that the five poolings reduce to one pixel are those of CIFAR. */
static void find_images(const struct their_network *n, struct naming *naming) {
    const struct their_layer *first = n->layers, *last = n->layers + n->count - 1;
    size_t channels = 0;
    for (; !first->linear; first++)
        if (is_convolution(first))
            channels = first->tensors[WEIGHT]->shape[0];
    bool small = first->tensors[WEIGHT]->shape[1] == channels;
    size_t classes = last->tensors[WEIGHT]->shape[0];
    *naming = (struct naming){.origin = origin_of(first, small)};
    if (n->layers[0].tensors[WEIGHT]->shape[1] != 3)
        return;
    if (first->tensors[WEIGHT]->shape[1] == 49 * channels || strncmp(naming->origin, "chengyangfu", 11) == 0) {
        naming->images = "ImageNet";
        naming->normalize = "imagenet";
        naming->mean = imagenet_mean;
        naming->deviation = imagenet_deviation;
        naming->size = small ? "32" : "224";
    } else if (small && (classes == 10 || classes == 100)) {
        naming->images = classes == 10 ? "CIFAR-10" : "CIFAR-100";
        naming->normalize = "dataset";
        naming->mean = classes == 10 ? cifar10_mean : cifar100_mean;
        naming->deviation = classes == 10 ? cifar10_deviation : cifar100_deviation;
        naming->size = "32";
    }
}

/* Whether a file has names of these programs at all. */
static bool has_features(const struct safetensors *file) {
    char stem[STEM];
    bool linear;
    long number;
    for (size_t i = 0; i < file->count; i++)
        if (split(file->records[i].name, stem) && place(stem, &linear, &number) && !linear)
            return true;
    return false;
}

enum vggcl_err naming_match(struct safetensors *file, const char *path, struct naming *naming) {
    struct their_network network;
    *naming = (struct naming){.origin = NULL};
    if (!has_features(file))
        return VGGCL_OK;
    TRY(collect(file, path, &network));
    TRY(check_layers(path, &network));
    name_layers(&network);
    TRY(rename_records(file, &network));
    find_images(&network, naming);
    return VGGCL_OK;
}

/* ------------------------------------------------------------------------------------------- the other direction -- */

/* If ours is a tensor of that layer, writes its name with another layer's name. */
static bool is_of(const char *ours, const char *layer, const char *other, char name[static NAMING_NAME]) {
    size_t length = strlen(layer);
    if (strncmp(ours, layer, length) != 0 || ours[length] != '.')
        return false;
    snprintf(name, NAMING_NAME, "%s%s", other, ours + length);
    return true;
}

/* i, from 0: of the linear layers. */
static void linear_name(enum naming_style style, size_t i, char name[static NAMING_NAME]) {
    if (style == NAMING_VGGCL)
        snprintf(name, NAMING_NAME, "fc%zu", i + 1);
    else if (style == NAMING_KUANGLIU)
        snprintf(name, NAMING_NAME, "classifier");
    else
        snprintf(name, NAMING_NAME, "classifier.%zu", 3 * i); /* a ReLU and a dropout follow each */
}

bool naming_name(enum naming_style style, const struct layer_list *layers, bool bn, const char *ours,
                 char name[static NAMING_NAME]) {
    char layer[NAMING_NAME], other[NAMING_NAME];
    size_t number = 0;
    for (const struct list_convolution *c = layers->convolutions; c < layers->convolutions + layers->count; c++) {
        for (int i = 0; i < 1 + bn; i++, number++) {
            snprintf(layer, sizeof layer, "%s%d_%d", i ? "bn" : "conv", c->stage, c->number);
            snprintf(other, sizeof other, "features.%zu", number);
            if (is_of(ours, layer, style == NAMING_VGGCL ? layer : other, name))
                return true;
        }
        number += c->pooling ? 2 : 1;
    }
    for (size_t i = 0; i <= layers->linear_count; i++) {
        linear_name(NAMING_VGGCL, i, layer);
        linear_name(style, i, other);
        if (is_of(ours, layer, other, name))
            return true;
    }
    return false;
}
