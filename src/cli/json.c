#include "cli/json.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

json_t *cli_text_json(const char *text) {
    json_t *json = json_string(text);
    return json ? json : json_string("(no UTF-8)");
}

json_t *cli_number_json(double value) {
    return isfinite(value) ? json_real(value) : json_null();
}

static void add_details(json_t *json, const struct vggcl_device *d) {
    static const char *const from[] = {[VGGCL_PROFILE_STORED] = "stored", [VGGCL_PROFILE_SHIPPED] = "shipped"};
    char name[VGGCL_PATH_MAX];
    enum vggcl_profile profile = vggcl_device_profile(d, name);
    json_object_set_new(json, "c_version", cli_text_json(d->c_version));
    json_object_set_new(json, "preferred_vector_width_float", json_integer(d->preferred_vector_width));
    json_object_set_new(json, "native_vector_width_float", json_integer(d->native_vector_width));
    json_object_set_new(json, "half", json_boolean(d->half));
    json_object_set_new(json, "sub_buffer_alignment_bytes", json_integer((json_int_t)d->alignment));
    json_object_set_new(json, "profile",
                        profile ? json_pack("{s:s, s:o}", "from", from[profile], "name", cli_text_json(name))
                                : json_null());
}

json_t *cli_device_json(const struct vggcl_device *d, size_t index, bool details) {
    json_t *json =
        json_pack("{s:i, s:o, s:b, s:s, s:o, s:o, s:o, s:o, s:o, s:i, s:i, s:I, s:I, s:I, s:i}", "index", (int)index,
                  "selector", json_sprintf("%d:%d", d->platform, d->device), "default", d->is_default, "type",
                  cli_device_type(d->type), "name", cli_text_json(d->name), "platform", cli_text_json(d->platform_name),
                  "vendor", cli_text_json(d->vendor), "driver", cli_text_json(d->driver), "version",
                  cli_text_json(d->version), "compute_units", (int)d->compute_units, "clock_mhz", (int)d->clock_mhz,
                  "memory_bytes", (json_int_t)d->memory, "largest_allocation_bytes", (json_int_t)d->largest_allocation,
                  "local_memory_bytes", (json_int_t)d->local_memory, "work_group_size", (int)d->work_group_size);
    if (details)
        add_details(json, d);
    return json;
}

static json_t *spread_json(struct vggcl_spread s) {
    return json_pack("{s:f, s:f, s:f}", "median", s.median, "least", s.least, "largest", s.largest);
}

/* Adds e.g. "forward_algorithm" and "forward_engine". */
static void add_method(json_t *layer, const char *direction, struct vggcl_method method) {
    char key[32];
    snprintf(key, sizeof key, "%s_algorithm", direction);
    json_object_set_new(layer, key, json_string(method.algorithm));
    snprintf(key, sizeof key, "%s_engine", direction);
    json_object_set_new(layer, key, json_string(method.engine));
}

static json_t *layers_json(const struct vggcl_benchmark *b) {
    json_t *layers = json_array();
    for (size_t i = 0; i < b->layer_count; i++) {
        const struct vggcl_layer_time *l = &b->layers[i];
        json_t *layer =
            json_pack("{s:s, s:s, s:f, s:f, s:f, s:f, s:f, s:f, s:f}", "name", l->name, "type", l->type, "forward_s",
                      l->forward, "data_gradient_s", l->data_gradient, "weight_gradient_s", l->weight_gradient, "flops",
                      l->flops, "forward_bytes", l->forward_bytes, "data_gradient_bytes", l->data_gradient_bytes,
                      "weight_gradient_bytes", l->weight_gradient_bytes);
        add_method(layer, "forward", l->forward_method);
        add_method(layer, "data_gradient", l->data_gradient_method);
        add_method(layer, "weight_gradient", l->weight_gradient_method);
        json_array_append_new(layers, layer);
    }
    return layers;
}

/* Memory bandwidth of the activation layers' memory-bound forward pass, as a fraction of the copy bandwidth. */
static double bytes_share(const struct vggcl_benchmark *b) {
    double bytes = 0, seconds = 0;
    for (size_t i = 0; i < b->layer_count; i++)
        if (strcmp(b->layers[i].type, "activation") == 0) {
            bytes += b->layers[i].forward_bytes;
            seconds += b->layers[i].forward;
        }
    return bytes / seconds / b->copy_bytes;
}

double cli_flops_share(const struct vggcl_benchmark *b) {
    return b->train.median * b->step_flops / b->peak_flops;
}

json_t *cli_bench_json(const struct vggcl_benchmark *b) {
    char storage[16], shape[24];
    vggcl_config_get(&b->config, "shape", shape, sizeof shape);
    vggcl_config_get(&b->config, "storage", storage, sizeof storage);
    return json_pack(
        "{s:o, s:o, s:s, s:s, s:f, s:s, s:i, s:s, s:i, s:f, s:f, s:o, s:o, s:f, s:f, s:f, s:f, s:o, s:o, s:I, s:o}",
        "device", cli_text_json(b->device.name), "driver", cli_text_json(b->device.driver), "tuning", b->tuning,
        "model", b->config.model, "width", b->config.width, "storage", storage, "batch", b->config.batch, "shape",
        shape, "classes", b->config.classes, "train_images_per_s", b->train.median, "eval_images_per_s", b->eval.median,
        "train_spread", spread_json(b->train), "eval_spread", spread_json(b->eval), "first_step_s", b->first_step,
        "peak_flops_per_s", b->peak_flops, "copy_bytes_per_s", b->copy_bytes, "train_flops_per_image", b->step_flops,
        "flops_share", cli_number_json(cli_flops_share(b)), "bytes_share", cli_number_json(bytes_share(b)),
        "device_bytes", (json_int_t)b->device_bytes, "layers", layers_json(b));
}
