#include "cli/json.h"
#include "options/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void cli_print_json(json_t *json, size_t flags) {
    char *text = json_print(json, flags);
    if (text)
        puts(text);
    else
        cli_complain("out of memory while writing JSON");
    free(text);
    json_decref(json);
}

static void add_details(json_t **json, const struct vggcl_device *d) {
    static const char *const from[] = {[VGGCL_PROFILE_STORED] = "stored", [VGGCL_PROFILE_SHIPPED] = "shipped"};
    char name[VGGCL_PATH_MAX];
    enum vggcl_profile profile = vggcl_device_profile(d, name);
    json_put(json, "c_version", json_make_text(d->c_version));
    json_put(json, "preferred_vector_width_float", json_integer(d->preferred_vector_width));
    json_put(json, "native_vector_width_float", json_integer(d->native_vector_width));
    json_put(json, "half", json_boolean(d->half));
    json_put(json, "sub_buffer_alignment_bytes", json_integer((json_int_t)d->alignment));
    json_put(json, "profile",
             profile ? JSON_MAKE({"from", json_make_text(from[profile])}, {"name", json_make_text(name)})
                     : json_null());
}

/* null for 0: the driver does not say. */
static json_t *known(uint64_t number) {
    return number ? json_integer((json_int_t)number) : json_null();
}

json_t *cli_device_json(const struct vggcl_device *d, size_t index, bool details) {
    json_t *json = JSON_MAKE(
        {"index", json_integer((json_int_t)index)}, {"selector", json_make_format("%d:%d", d->platform, d->device)},
        {"default", json_boolean(d->is_default)}, {"type", json_make_text(cli_device_type(d->type))},
        {"name", json_make_text(d->name)}, {"platform", json_make_text(d->platform_name)},
        {"vendor", json_make_text(d->vendor)}, {"driver", json_make_text(d->driver)},
        {"version", json_make_text(d->version)}, {"compute_units", known(d->compute_units)},
        {"clock_mhz", known(d->clock_mhz)}, {"memory_bytes", known(d->memory)},
        {"largest_allocation_bytes", known(d->largest_allocation)},
        {"local_memory_bytes", json_integer((json_int_t)d->local_memory)},
        {"work_group_size", json_integer((json_int_t)d->work_group_size)},
        {"problem", json_make_text(*d->problem ? d->problem : NULL)});
    if (details)
        add_details(&json, d);
    return json;
}

static json_t *spread_json(struct vggcl_spread s) {
    return JSON_MAKE({"median", json_make_number(s.median)}, {"least", json_make_number(s.least)},
                     {"largest", json_make_number(s.largest)});
}

/* Adds e.g. "forward_algorithm" and "forward_engine". */
static void add_method(json_t **layer, const char *direction, struct vggcl_method method) {
    char key[32];
    snprintf(key, sizeof key, "%s_algorithm", direction);
    json_put(layer, key, json_make_text(method.algorithm));
    snprintf(key, sizeof key, "%s_engine", direction);
    json_put(layer, key, json_make_text(method.engine));
}

static json_t *layers_json(const struct vggcl_benchmark *b) {
    json_t *layers = json_array();
    for (size_t i = 0; i < b->layer_count; i++) {
        const struct vggcl_layer_time *l = &b->layers[i];
        json_t *layer = JSON_MAKE(
            {"name", json_make_text(l->name)}, {"type", json_make_text(l->type)},
            {"forward_s", json_make_number(l->forward)}, {"data_gradient_s", json_make_number(l->data_gradient)},
            {"weight_gradient_s", json_make_number(l->weight_gradient)}, {"flops", json_make_number(l->flops)},
            {"forward_bytes", json_make_number(l->forward_bytes)},
            {"data_gradient_bytes", json_make_number(l->data_gradient_bytes)},
            {"weight_gradient_bytes", json_make_number(l->weight_gradient_bytes)});
        add_method(&layer, "forward", l->forward_method);
        add_method(&layer, "data_gradient", l->data_gradient_method);
        add_method(&layer, "weight_gradient", l->weight_gradient_method);
        json_add(&layers, layer);
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
    char shape[24];
    vggcl_config_get(&b->config, "shape", shape, sizeof shape);
    return JSON_MAKE(
        {"device", json_make_text(b->device.name)}, {"driver", json_make_text(b->device.driver)},
        {"tuning", json_make_text(b->tuning)}, {"model", json_make_text(b->config.model)},
        {"width", json_make_number(b->config.width)}, {"storage", json_make_text(config_stored_word(&b->config))},
        {"batch", json_integer(b->config.batch)}, {"shape", json_make_text(shape)},
        {"classes", json_integer(b->config.classes)}, {"train_images_per_s", json_make_number(b->train.median)},
        {"eval_images_per_s", json_make_number(b->eval.median)}, {"train_spread", spread_json(b->train)},
        {"eval_spread", spread_json(b->eval)}, {"first_step_s", json_make_number(b->first_step)},
        {"peak_flops_per_s", json_make_number(b->peak_flops)}, {"copy_bytes_per_s", json_make_number(b->copy_bytes)},
        {"train_flops_per_image", json_make_number(b->step_flops)},
        {"flops_share", json_make_number(cli_flops_share(b))}, {"bytes_share", json_make_number(bytes_share(b))},
        {"device_bytes", json_integer((json_int_t)b->device_bytes)}, {"layers", layers_json(b)});
}
