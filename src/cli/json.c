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

json_t *cli_spread_json(struct vggcl_spread s) {
    return JSON_MAKE({"median", json_make_number(s.median)}, {"least", json_make_number(s.least)},
                     {"largest", json_make_number(s.largest)});
}

const char *cli_bound(enum vggcl_bound bound) {
    return bound == VGGCL_MEMORY ? "memory" : "arithmetic";
}

/* Adds e.g. "forward_s" and "forward_algorithm". The names of the bound are null where a layer has no such direction.
 */
static void add_direction(json_t **layer, const char *direction, const struct vggcl_direction_time *t) {
    const struct {
        const char *key;
        json_t *value;
    } members[] = {{"s", json_make_number(t->seconds)},
                   {"bytes", json_make_number(t->reads + t->writes)},
                   {"operations", json_make_number(t->operations)},
                   {"bound_s", json_make_number(t->bound_seconds)},
                   {"bound", json_make_text(t->seconds > 0 ? cli_bound(t->bound) : NULL)},
                   {"algorithm", json_make_text(t->method.algorithm)},
                   {"engine", json_make_text(t->method.engine)}};
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        char key[40];
        snprintf(key, sizeof key, "%s_%s", direction, members[i].key);
        json_put(layer, key, members[i].value);
    }
}

static json_t *layers_json(const struct vggcl_benchmark *b) {
    json_t *layers = json_array();
    for (size_t i = 0; i < b->layer_count; i++) {
        const struct vggcl_layer_time *l = &b->layers[i];
        json_t *layer = JSON_MAKE({"name", json_make_text(l->name)}, {"type", json_make_text(l->type)},
                                  {"flops", json_make_number(l->forward.flops)});
        add_direction(&layer, "forward", &l->forward);
        add_direction(&layer, "data_gradient", &l->data_gradient);
        add_direction(&layer, "weight_gradient", &l->weight_gradient);
        json_add(&layers, layer);
    }
    return layers;
}

static json_t *memory_json(const struct vggcl_peaks *peaks) {
    json_t *list = json_array();
    for (size_t i = 0; i < VGGCL_MEMORY_PEAKS; i++) {
        const struct vggcl_memory_peak *m = &peaks->memory[i];
        json_add(&list, JSON_MAKE({"bytes", json_integer((json_int_t)m->bytes)},
                                  {"read_bytes_per_s", json_make_number(m->reads)},
                                  {"write_bytes_per_s", json_make_number(m->writes)},
                                  {"copy_bytes_per_s", json_make_number(m->copies)}));
    }
    return list;
}

/* Memory bandwidth of the activation layers' memory-bound forward pass, as a fraction of the copy bandwidth. */
static double bytes_share(const struct vggcl_benchmark *b) {
    double bytes = 0, seconds = 0;
    for (size_t i = 0; i < b->layer_count; i++)
        if (strcmp(b->layers[i].type, "activation") == 0) {
            bytes += b->layers[i].forward.reads + b->layers[i].forward.writes;
            seconds += b->layers[i].forward.seconds;
        }
    return bytes / seconds / b->peaks.memory[VGGCL_MEMORY_PEAKS - 1].copies;
}

json_t *cli_bench_json(const struct vggcl_benchmark *b) {
    const struct vggcl_memory_peak *memory = &b->peaks.memory[VGGCL_MEMORY_PEAKS - 1];
    char shape[24];
    vggcl_config_get(&b->config, "shape", shape, sizeof shape);
    return JSON_MAKE(
        {"device", json_make_text(b->device.name)}, {"driver", json_make_text(b->device.driver)},
        {"tuning", json_make_text(b->tuning)}, {"model", json_make_text(b->config.model)},
        {"width", json_make_number(b->config.width)}, {"storage", json_make_text(config_stored_word(&b->config))},
        {"batch", json_integer(b->config.batch)}, {"shape", json_make_text(shape)},
        {"classes", json_integer(b->config.classes)}, {"train_images_per_s", json_make_number(b->train.median)},
        {"eval_images_per_s", json_make_number(b->eval.median)}, {"train_spread", cli_spread_json(b->train)},
        {"eval_spread", cli_spread_json(b->eval)}, {"first_step_s", json_make_number(b->first_step)},
        {"peak_flops_per_s", json_make_number(b->peaks.multiply_adds)},
        {"matrix_instructions", json_make_text(*b->peaks.matrix ? b->peaks.matrix : NULL)},
        {"matrix_flops_per_s", b->peaks.matrix_products > 0 ? json_make_number(b->peaks.matrix_products) : json_null()},
        {"read_bytes_per_s", json_make_number(memory->reads)}, {"write_bytes_per_s", json_make_number(memory->writes)},
        {"copy_bytes_per_s", json_make_number(memory->copies)}, {"memory_peaks", memory_json(&b->peaks)},
        {"train_flops_per_image", json_make_number(b->step_flops)},
        {"train_operations_per_image", json_make_number(b->step_operations)},
        {"flops_share", json_make_number(b->train.median * b->step_arithmetic)},
        {"bytes_share", json_make_number(bytes_share(b))},
        {"train_bound_images_per_s", json_make_number(b->train_bound)},
        {"eval_bound_images_per_s", json_make_number(b->eval_bound)},
        {"train_bound_share", json_make_number(b->train.median / b->train_bound)},
        {"eval_bound_share", json_make_number(b->eval.median / b->eval_bound)},
        {"device_bytes", json_integer((json_int_t)b->device_bytes)}, {"layers", layers_json(b)});
}
