#include "cli/cli.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static bool as_json, by_layer;
static const char *steps = "10";

static json_t *spread_json(struct vggcl_spread s) {
    return json_pack("{s:f, s:f, s:f}", "median", s.median, "least", s.least, "largest", s.largest);
}

/* "forward_algorithm", "forward_engine". */
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

/* Of the copying speed, what the activations between convolutions reach forward, which only move memory. */
static double bytes_share(const struct vggcl_benchmark *b) {
    double bytes = 0, seconds = 0;
    for (size_t i = 0; i < b->layer_count; i++)
        if (strcmp(b->layers[i].type, "activation") == 0) {
            bytes += b->layers[i].forward_bytes;
            seconds += b->layers[i].forward;
        }
    return bytes / seconds / b->copy_bytes;
}

/* Of the peak, what a training step reaches. */
static double flops_share(const struct vggcl_benchmark *b) {
    return b->train.median * b->step_flops / b->peak_flops;
}

json_t *cli_bench_json(const struct vggcl_benchmark *b) {
    char model[16], storage[16];
    vggcl_config_get(&b->config, "model", model, sizeof model);
    vggcl_config_get(&b->config, "storage", storage, sizeof storage);
    return json_pack(
        "{s:o, s:o, s:s, s:s, s:f, s:s, s:i, s:f, s:f, s:o, s:o, s:f, s:f, s:f, s:f, s:o, s:o, s:I, s:o}", "device",
        cli_text_json(b->device.name), "driver", cli_text_json(b->device.driver), "tuning", b->tuning, "model", model,
        "width", b->config.width, "storage", storage, "batch", b->config.batch, "train_images_per_s", b->train.median,
        "eval_images_per_s", b->eval.median, "train_spread", spread_json(b->train), "eval_spread", spread_json(b->eval),
        "first_step_s", b->first_step, "peak_flops_per_s", b->peak_flops, "copy_bytes_per_s", b->copy_bytes,
        "train_flops_per_image", b->step_flops, "flops_share", cli_number_json(flops_share(b)), "bytes_share",
        cli_number_json(bytes_share(b)), "device_bytes", (json_int_t)b->device_bytes, "layers", layers_json(b));
}

static void print_json(const struct vggcl_benchmark *b) {
    json_t *all = cli_bench_json(b);
    json_dumpf(all, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    putchar('\n');
    json_decref(all);
}

/* What was done in so many seconds, in billions a second; blank where that means nothing. */
static void print_rate(double done, double seconds, int decimals) {
    if (done > 0 && seconds > 0)
        printf(" %7.*f", decimals, 1e-9 * done / seconds);
    else
        printf(" %7s", "");
}

struct cli_method cli_method(struct vggcl_method m) {
    struct cli_method by;
    snprintf(by.text, sizeof by.text, "%s%s%s", m.algorithm, *m.engine ? "/" : "", m.engine);
    return by;
}

/* Milliseconds, the GFLOP/s and GB/s that they mean, and the method. */
static void print_direction(double seconds, double flops, double bytes, struct vggcl_method method) {
    if (seconds > 0)
        printf("  %9.2f", 1e3 * seconds);
    else
        printf("  %9s", "");
    print_rate(flops, seconds, 0);
    print_rate(bytes, seconds, 1);
    printf(" %-21s", cli_method(method).text);
}

static void print_layers(const struct vggcl_benchmark *b) {
    static const char *const directions[] = {"forward", "data grad", "weights"};
    double totals[3] = {0};
    printf("\n%-9s", "layer");
    for (int i = 0; i < 3; i++)
        printf("  %9s %7s %7s %-15s", directions[i], "GFLOP/s", "GB/s", "");
    putchar('\n');
    for (size_t i = 0; i < b->layer_count; i++) {
        const struct vggcl_layer_time *l = &b->layers[i];
        printf("%-9s", l->name);
        print_direction(l->forward, l->flops, l->forward_bytes, l->forward_method);
        print_direction(l->data_gradient, l->flops, l->data_gradient_bytes, l->data_gradient_method);
        print_direction(l->weight_gradient, l->flops, l->weight_gradient_bytes, l->weight_gradient_method);
        putchar('\n');
        totals[0] += l->forward;
        totals[1] += l->data_gradient;
        totals[2] += l->weight_gradient;
    }
    printf("%-9s", "all, ms");
    for (int i = 0; i < 3; i++)
        print_direction(totals[i], 0, 0, (struct vggcl_method){"", ""});
    puts("\nGFLOP/s: counted as direct convolution; GB/s: activations, their gradients and weights, each read or "
         "written once");
}

static void print_text(const struct vggcl_benchmark *b) {
    char model[16], storage[16];
    vggcl_config_get(&b->config, "model", model, sizeof model);
    vggcl_config_get(&b->config, "storage", storage, sizeof storage);
    printf("device      %s (%s, driver %s)\n", b->device.name, b->device.platform_name, b->device.driver);
    printf("peak        %.0f GFLOP/s (multiply-adds), %.1f GB/s (copying)\n", 1e-9 * b->peak_flops,
           1e-9 * b->copy_bytes);
    printf("tuning      %s\n", b->tuning);
    printf("network     %s, width %g, batch %d, activations as %s; %.0f MB on the device\n", model, b->config.width,
           b->config.batch, storage, 1e-6 * (double)b->device_bytes);
    printf("first step  %.2f s, building kernels included\n", b->first_step);
    printf("train       %.1f images/s (%.1f to %.1f), %.0f GFLOP/s or %.0f %% of the peak\n", b->train.median,
           b->train.least, b->train.largest, 1e-9 * b->train.median * b->step_flops, 100 * flops_share(b));
    printf("eval        %.1f images/s (%.1f to %.1f)\n", b->eval.median, b->eval.least, b->eval.largest);
    if (by_layer)
        print_layers(b);
}

static int run(const struct vggcl_config *config) {
    struct vggcl_benchmark benchmark;
    long count;
    if (!cli_parse_count(steps, 1, 100000, &count))
        return cli_misused("--steps takes a whole number from 1 to 100000, not '%s'", steps);
    enum vggcl_err err = vggcl_bench(config, (int)count, INFINITY, &benchmark);
    if (err != VGGCL_OK)
        return cli_failed(err);
    (as_json ? print_json : print_text)(&benchmark);
    vggcl_benchmark_free(&benchmark);
    return EXIT_FINE;
}

const struct command command_bench = {
    .name = "bench",
    .summary = "measures how fast a device trains and evaluates",
    .description =
        "Times training steps and evaluations on made-up images: median, least and largest of --steps, after two to\n"
        "warm up; then each layer alone, and what the device can do at most.\n\n"
        "  vggcl bench --layers\n"
        "  vggcl bench --batch 32 --json\n",
    .options = VGGCL_FOR_BENCH,
    .flags = (const struct flag[]){{"steps", "N", "timed steps (default 10)", &steps, NULL},
                                   {"layers", NULL, "a table of the layers too", NULL, &by_layer},
                                   {"json", NULL, "for scripts: one object, layers included", NULL, &as_json},
                                   {0}},
    .run = run,
};
