#include "nets/model.h"
#include "base/nearest.h"
#include "base/text.h"
#include "nets/layer_list.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TABLE_ROW(name) &model_##name,
const struct model *const models[] = {MODELS(TABLE_ROW) NULL};

#define NAME_ROW(name) #name,
const char *const model_names[] = {MODELS(NAME_ROW) NULL};

static enum vggcl_err unknown(const char *text) {
    char *known = text_join(model_names);
    enum vggcl_err err = known ? err_set(VGGCL_EUSAGE,
                                         "model: takes one of %s, or a list of numbers of channels and M, such as "
                                         "64,64,M,128,128,M, not '%s'%s",
                                         known, text, nearest_choice(text, model_names).text)
                               : err_no_memory("the names of the models", 0);
    free(known);
    return err;
}

/* linear: what follows the name in text; NULL if nothing does. */
static enum vggcl_err known_model(const struct model *known, const char *text, const char *linear, struct model *m) {
    struct layer_list list;
    *m = *known;
    if (!linear)
        return VGGCL_OK;
    TRY(layer_list_read("1", &list));
    TRY(layer_list_linear(text, linear, &list));
    m->name = text;
    m->linear = linear;
    return VGGCL_OK;
}

enum vggcl_err model_find(const char *text, struct model *m) {
    struct layer_list list;
    size_t length = strcspn(text, ",");
    for (const struct model *const *known = models; *known; known++)
        if (strncmp((*known)->name, text, length) == 0 && !(*known)->name[length])
            return known_model(*known, text, text[length] ? text + length + 1 : NULL, m);
    if (!strchr(text, ',') && !isdigit((unsigned char)*text))
        return unknown(text);
    TRY(layer_list_read(text, &list));
    *m = vgg_of(text);
    return VGGCL_OK;
}

static bool is_model(const struct model *m, const struct model_tensors *tensors, double width,
                     struct model_found *found) {
    *found = (struct model_found){.width = width};
    if (!m->recognise(m, tensors, found))
        return false;
    snprintf(found->model, sizeof found->model, "%s", m->name);
    return true;
}

static bool is_text(const char *text, const struct model_tensors *tensors, struct model_found *found) {
    struct model m;
    return model_find(text, &m) == VGGCL_OK && is_model(&m, tensors, 0, found);
}

static bool is_list(const struct model_tensors *tensors, struct model_found *found) {
    char text[VGGCL_MODEL_MAX];
    return (vgg_list(tensors, false, text) && is_text(text, tensors, found)) ||
           (vgg_list(tensors, true, text) && is_text(text, tensors, found));
}

/* The model with other linear layers than its own. */
static bool is_model_with_linear(const struct model *m, const struct model_tensors *tensors,
                                 struct model_found *found) {
    char text[VGGCL_MODEL_MAX], linear[VGGCL_MODEL_MAX];
    if (!vgg_linear(tensors, linear))
        return false;
    snprintf(text, sizeof text, "%s%.64s", m->name, linear);
    return is_text(text, tensors, found);
}

/* Of a width from a file: numbers of channels stay far below SIZE_MAX. */
static bool width_is_possible(double width) {
    return width > 0 && width < 0x1p20;
}

bool model_recognise(const struct model_tensors *tensors, const char *text, double width, struct model_found *found) {
    struct model said;
    if (text && width_is_possible(width) && strlen(text) < VGGCL_MODEL_MAX && model_find(text, &said) == VGGCL_OK &&
        is_model(&said, tensors, width, found))
        return true;
    for (const struct model *const *m = models; *m; m++)
        if (is_model(*m, tensors, 0, found))
            return true;
    for (const struct model *const *m = models; *m; m++)
        if (is_model_with_linear(*m, tensors, found))
            return true;
    return is_list(tensors, found);
}
