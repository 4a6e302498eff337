/* convert.c - vggcl_convert(): a weights file under the names of another program. */
#include "base/text.h"
#include "nets/model.h"
#include "nets/naming.h"
#include "train/checkpoint.h"
#include "train/weights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PAIRS = 256, WORD = VGGCL_MODEL_MAX };

/* Metadata that is written: what the network is, and of what was read all but the state of a run. */
struct description {
    const char *pairs[2 * PAIRS + 1];
    char values[4][WORD];
};

static const char *const network_keys[] = {"model", "width", "head", "no-bn", NULL};

static bool is_kept(const char *key) {
    for (const char *const *own = network_keys; *own; own++)
        if (strcmp(key, *own) == 0)
            return false;
    return strncmp(key, "state.", 6) != 0 && strncmp(key, "profile", 7) != 0;
}

static void describe(const struct safetensors *file, const struct vggcl_config *config, struct description *d) {
    size_t kept = 0, count = safetensors_pairs(file, PAIRS - 4, d->pairs);
    for (size_t i = 0; i < count; i++)
        if (is_kept(d->pairs[2 * i])) {
            d->pairs[2 * kept] = d->pairs[2 * i];
            d->pairs[2 * kept++ + 1] = d->pairs[2 * i + 1];
        }
    for (int i = 0; network_keys[i]; i++) {
        vggcl_config_get(config, network_keys[i], d->values[i], WORD);
        d->pairs[2 * kept] = network_keys[i];
        d->pairs[2 * kept++ + 1] = d->values[i];
    }
    d->pairs[2 * kept] = NULL;
}

/* Renames the file's records, leaving out those that are not weights, and lists them. */
static enum vggcl_err rename_all(struct safetensors *file, enum naming_style style, const struct layer_list *layers,
                                 bool bn, struct vggcl_conversion *c) {
    c->tensors = calloc(file->count + 1, sizeof *c->tensors);
    if (!c->tensors)
        return err_no_memory("the names of tensors", file->count * sizeof *c->tensors);
    for (size_t i = 0; i < file->count; i++) {
        struct vggcl_renamed *t = &c->tensors[c->count];
        struct record *kept = &file->records[c->count];
        if (!naming_name(style, layers, bn, file->records[i].name, t->to))
            continue;
        *kept = file->records[i];
        snprintf(t->from, sizeof t->from, "%s", file->stored[i]);
        t->rank = kept->rank;
        memcpy(t->shape, kept->shape, sizeof t->shape);
        kept->name = t->to;
        c->count++;
    }
    file->count = c->count;
    return VGGCL_OK;
}

static enum vggcl_err check_style(enum naming_style style, const struct layer_list *layers, const char *path) {
    if (style != NAMING_KUANGLIU || !layers->linear_count)
        return VGGCL_OK;
    return err_set(
        VGGCL_EUSAGE,
        "%s: its network has %zu linear layers, and kuangliu's names are for one; use torchvision's, or train a "
        "network with model vgg16,L0",
        path, layers->linear_count + 1);
}

static enum vggcl_err find_style(const char *names, int *style) {
    for (*style = 0; names && naming_styles[*style]; ++*style)
        if (strcmp(names, naming_styles[*style]) == 0)
            return VGGCL_OK;
    return names ? err_choice("to", naming_styles, names) : VGGCL_OK;
}

static enum vggcl_err convert(struct vggcl_config *config, struct safetensors *file, enum naming_style style,
                              const char *to, struct vggcl_conversion *c) {
    struct model model;
    struct layer_list layers;
    struct data_spec spec;
    struct description description;
    TRY(weights_open(config, file, &c->notices));
    TRY(checkpoint_network(file, config->weights, config));
    TRY(checkpoint_spec(file, config->weights, &spec));
    free(spec.class_names);
    TRY(model_find(config->model, &model));
    vgg_layers(&model, &layers);
    TRY(check_style(style, &layers, config->weights));
    snprintf(c->model, sizeof c->model, "%s", config->model);
    c->width = config->width;
    c->bn = !config->no_bn;
    c->classes = spec.classes;
    TRY(rename_all(file, style, &layers, !config->no_bn, c));
    describe(file, config, &description);
    return safetensors_write(&folder_current, to, file->records, file->count, description.pairs);
}

enum vggcl_err vggcl_convert(const char *from, const char *names, const char *to, struct vggcl_conversion *conversion) {
    struct vggcl_config config;
    struct safetensors file = {0};
    int style;
    *conversion = (struct vggcl_conversion){.tensors = NULL};
    TRY(find_style(names, &style));
    TRY(vggcl_config_init(&config));
    TRY(vggcl_config_set(&config, "weights", from));
    enum vggcl_err err = convert(&config, &file, (enum naming_style)style, to, conversion);
    safetensors_free(&file);
    if (err != VGGCL_OK)
        vggcl_conversion_free(conversion);
    return err;
}

void vggcl_conversion_free(struct vggcl_conversion *conversion) {
    if (!conversion)
        return;
    free(conversion->tensors);
    free(conversion->notices);
    conversion->tensors = NULL;
    conversion->notices = NULL;
}
