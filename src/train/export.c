/* export.c - vggcl_export_onnx(): a trained network as an ONNX model. The layers say their operators (to_onnx() in
 * layers/layer.h); the tensors are those of the weights file. */
#include "base/json.h"
#include "base/text.h"
#include "files/onnx.h"
#include "options/network.h"
#include "options/options.h"
#include "train/checkpoint.h"
#include "train/weights.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char input_name[] = "images", ending[] = ".safetensors";

struct export {
    struct vggcl_config config; /* with the network of the file */
    struct vggcl_onnx how;
    struct safetensors file;
    char *notices; /* of weights_open(); NULL for none */
    struct data_spec spec;
    struct normalisation normalisation;
    struct layer layers[MODEL_LAYERS];
    const struct record *tensors[MODEL_LAYERS][LAYER_PARAMETERS]; /* of the layers' parameters */
    size_t count;
    float scale[NORMALISE_CHANNELS], shift[NORMALISE_CHANNELS]; /* x * scale - shift normalises a byte x */
    struct onnx *model;
};

static void export_free(struct export *e) {
    onnx_free(e->model);
    free(e->spec.class_names);
    free(e->notices);
    safetensors_free(&e->file);
    free(e);
}

/* ------------------------------------------------------------------------------------------------ the network -- */

static enum vggcl_err find_tensors(struct export *e, size_t i) {
    const struct layer *l = &e->layers[i];
    char name[PARAMETER_NAME];
    for (int k = 0; k < l->parameter_count; k++) {
        layer_parameter_name(l, k, name);
        TRY(checkpoint_tensor(&e->file, e->config.weights, name, &l->parameters[k], CHECKPOINT_INCOMPLETE,
                              &e->tensors[i][k]));
    }
    return VGGCL_OK;
}

static enum vggcl_err make_layers(struct export *e) {
    struct layer_spec specs[MODEL_LAYERS];
    struct shape shape = {e->spec.height, e->spec.width, e->spec.channels};
    TRY(network_layers(&e->config, &e->spec, specs, &e->count));
    for (size_t i = 0; i < e->count; i++) {
        struct layer *l = &e->layers[i];
        *l = (struct layer){.type = specs[i].type, .spec = specs[i], .in = shape};
        TRY(l->type->configure(l));
        TRY(find_tensors(e, i));
        shape = l->out;
    }
    return VGGCL_OK;
}

/* Multiplies the weights and biases of a convolution by the batch normalisation that follows it. The tensors are those
 * of the layers' parameters. */
static void fold(const struct record *const conv[], const struct record *const bn[], size_t channels) {
    float *weights = conv[0]->values, *biases = conv[1]->values;
    const float *gamma = bn[0]->values, *beta = bn[1]->values, *mean = bn[2]->values, *variance = bn[3]->values;
    size_t inputs = record_count(conv[0]) / channels; /* of an output channel */
    for (size_t o = 0; o < channels; o++) {
        double scale = (double)gamma[o] / sqrt((double)variance[o] + BN_EPSILON);
        for (size_t i = o * inputs; i < (o + 1) * inputs; i++)
            weights[i] = (float)((double)weights[i] * scale);
        biases[o] = (float)(((double)biases[o] - (double)mean[o]) * scale + (double)beta[o]);
    }
}

static void fold_all(struct export *e) {
    for (size_t i = 1; i < e->count; i++) {
        struct layer *conv = &e->layers[i - 1], *activation = &e->layers[i];
        if (conv->type != &layer_conv || !conv->spec.bn)
            continue;
        fold(e->tensors[i - 1], e->tensors[i], conv->out.c);
        activation->spec.bn = false;
        activation->parameter_count = 0;
        snprintf(activation->spec.name, sizeof activation->spec.name, "%.12s.relu", conv->spec.name);
    }
}

static enum vggcl_err add_tensors(struct export *e, size_t i) {
    for (int k = 0; k < e->layers[i].parameter_count; k++) {
        const struct record *r = e->tensors[i][k];
        for (size_t j = 0; j < record_count(r); j++)
            if (!isfinite(r->values[j]))
                return err_set(VGGCL_EFORMAT,
                               "%s: %s has values that are not finite (NaN or infinity); use the weights of an earlier "
                               "checkpoint",
                               e->config.weights, r->name);
        onnx_tensor(e->model, r->name, r->rank, r->shape, r->values);
    }
    return VGGCL_OK;
}

/* -------------------------------------------------------------------------------------------------- the model -- */

/* Casts the images to float32 and normalises them. */
static void add_preprocessing(struct export *e) {
    static const struct onnx_attribute to_float[] = {{.name = "to", .whole = {ONNX_FLOAT}}, {0}};
    static const char scale_name[] = "preprocess.scale", shift_name[] = "preprocess.shift";
    const size_t channels = e->spec.channels, shape[ONNX_RANK] = {1, channels, 1, 1};
    for (size_t c = 0; c < channels; c++) {
        e->scale[c] = (float)(1 / (255 * e->normalisation.deviation[c]));
        e->shift[c] = (float)(e->normalisation.mean[c] / e->normalisation.deviation[c]);
    }
    onnx_tensor(e->model, scale_name, ONNX_RANK, shape, e->scale);
    onnx_tensor(e->model, shift_name, ONNX_RANK, shape, e->shift);
    onnx_node(e->model, "Cast", "preprocess.float", NULL, to_float);
    onnx_node(e->model, "Mul", "preprocess.scaled", (const char *const[]){scale_name, NULL}, NULL);
    onnx_node(e->model, "Sub", "preprocess", (const char *const[]){shift_name, NULL}, NULL);
}

static enum vggcl_err add_network(struct export *e, const char *preprocessing) {
    const struct data_spec *spec = &e->spec;
    const struct onnx_type input = {e->how.with_preprocess, 3, {spec->channels, spec->height, spec->width}};
    const struct onnx_type output = {.rank = 1, .shape = {spec->classes}};
    onnx_input(e->model, input_name, &input, preprocessing);
    if (e->how.with_preprocess)
        add_preprocessing(e);
    for (size_t i = 0; i < e->count; i++) {
        TRY(add_tensors(e, i));
        e->layers[i].type->to_onnx(&e->layers[i], e->model);
    }
    if (e->how.with_preprocess)
        onnx_node(e->model, "Softmax", "softmax", NULL, NULL);
    onnx_output(e->model, e->how.with_preprocess ? "probabilities" : "logits", &output);
    return VGGCL_OK;
}

static enum vggcl_err add_classes(struct export *e) {
    json_t *names = json_array();
    for (size_t i = 0; i < e->spec.classes; i++)
        json_add(&names, json_make_text(e->spec.class_names[i]));
    char *text = json_print(names, JSON_COMPACT);
    json_decref(names);
    if (!text)
        return err_no_memory("the names of the classes", e->spec.classes);
    onnx_metadata(e->model, "classes", text);
    free(text);
    return VGGCL_OK;
}

static enum vggcl_err add_metadata(struct export *e, const char *preprocessing) {
    char text[NORMALISE_TEXT];
    onnx_metadata(e->model, "model", e->config.model);
    text_print_real(text, sizeof text, e->config.width);
    onnx_metadata(e->model, "width", text);
    onnx_metadata(e->model, "preprocessing", preprocessing);
    normalise_list(e->normalisation.mean, e->spec.channels, text);
    onnx_metadata(e->model, "image.mean", text);
    normalise_list(e->normalisation.deviation, e->spec.channels, text);
    onnx_metadata(e->model, "image.std", text);
    return add_classes(e);
}

/* ------------------------------------------------------------------------------------------------- exporting -- */

static enum vggcl_err check_path(const struct vggcl_config *config, const char *path) {
    size_t length = strlen(path), end = sizeof ending - 1;
    if (!*config->weights)
        return err_set(VGGCL_EUSAGE, "weights: is missing; set it to the safetensors file of a trained network");
    if (strcmp(path, config->weights) == 0 || (length >= end && strcmp(path + length - end, ending) == 0))
        return err_set(VGGCL_EUSAGE,
                       "%s: is the name of a weights file, which would be lost; name the ONNX file "
                       "otherwise, e.g. network.onnx",
                       path);
    return onnx_available(path);
}

static enum vggcl_err check_size(const struct export *e) {
    size_t side = (size_t)e->config.size;
    if (!side || (side == e->spec.height && side == e->spec.width))
        return VGGCL_OK;
    return err_set(VGGCL_EUSAGE, "size %zu: the network in %s takes images of %zux%zu pixels; leave the option out",
                   side, e->config.weights, e->spec.height, e->spec.width);
}

static enum vggcl_err read_network(struct export *e) {
    struct vggcl_config *config = &e->config;
    TRY(weights_open(config, &e->file, &e->notices));
    TRY(checkpoint_network(&e->file, config->weights, config));
    TRY(checkpoint_images(&e->file, config, &e->spec));
    TRY(check_size(e));
    TRY(checkpoint_normalisation(&e->file, config->weights, &e->spec, NULL, config, &e->normalisation));
    TRY(make_layers(e));
    if (e->how.fold_bn)
        fold_all(e);
    return VGGCL_OK;
}

static void describe(const struct export *e, struct vggcl_exported *exported) {
    *exported = (struct vggcl_exported){.width_factor = e->config.width,
                                        .height = e->spec.height,
                                        .width = e->spec.width,
                                        .channels = e->spec.channels,
                                        .class_count = e->spec.classes};
    snprintf(exported->model, sizeof exported->model, "%s", e->config.model);
    snprintf(exported->warnings, sizeof exported->warnings, "%s", e->notices ? e->notices : "");
    if (e->how.with_preprocess)
        snprintf(exported->preprocessing, sizeof exported->preprocessing, "%s, NCHW, uint8",
                 e->spec.channels == 1 ? "grey" : "RGB");
    else
        checkpoint_preprocessing(&e->normalisation, e->spec.channels, exported->preprocessing);
}

enum vggcl_err vggcl_export_onnx(const struct vggcl_config *config, const char *path, const struct vggcl_onnx *how,
                                 struct vggcl_exported *exported) {
    enum vggcl_err err;
    struct vggcl_exported ours;
    TRY(config_check(config));
    TRY(check_path(config, path));
    struct export *e = calloc(1, sizeof *e);
    if (!e)
        return err_no_memory("an ONNX model", sizeof *e);
    e->config = *config;
    e->how = *how;
    TRY_GOTO(read_network(e), done);
    describe(e, &ours);
    TRY_GOTO(onnx_create(&e->model), done);
    TRY_GOTO(add_network(e, ours.preprocessing), done);
    TRY_GOTO(add_metadata(e, ours.preprocessing), done);
    TRY_GOTO(onnx_write(e->model, &folder_current, path, &ours.bytes), done);
    if (exported)
        *exported = ours;
done:
    export_free(e);
    return err;
}
