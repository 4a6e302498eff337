#include "cli/json.h"
#include "cli/progress.h"
#include "options/options.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static bool as_json, by_layer;
static const char *steps = "10";

static void print_json(const struct vggcl_benchmark *b) {
    cli_print_json(cli_bench_json(b), CLI_JSON);
}

/* Prints done / seconds in units of 1e9; blank if either is not positive. */
static void print_rate(double done, double seconds, int decimals) {
    if (done > 0 && seconds > 0)
        printf(" %7.*f", decimals, 1e-9 * done / seconds);
    else
        printf(" %7s", "");
}

/* A layer's timing in one direction. */
struct direction {
    double seconds, bytes;
    struct vggcl_method method;
};

static struct direction direction_of(const struct vggcl_layer_time *l, int direction) {
    const struct direction all[] = {{l->forward, l->forward_bytes, l->forward_method},
                                    {l->data_gradient, l->data_gradient_bytes, l->data_gradient_method},
                                    {l->weight_gradient, l->weight_gradient_bytes, l->weight_gradient_method}};
    return all[direction];
}

/* Prints a table for each direction, with the layers that have it. */
static void print_layers(const struct vggcl_benchmark *b) {
    static const char *const directions[] = {"forward", "data gradient", "weight gradient"};
    for (int i = 0; i < 3; i++) {
        double total = 0;
        printf("\n%-15s %9s %7s %7s  %s\n", directions[i], "ms", "GFLOP/s", "GB/s", "algorithm");
        for (const struct vggcl_layer_time *l = b->layers; l < b->layers + b->layer_count; l++) {
            struct direction d = direction_of(l, i);
            if (d.seconds <= 0)
                continue;
            printf("%-15s %9.2f", l->name, 1e3 * d.seconds);
            print_rate(l->flops, d.seconds, 0);
            print_rate(d.bytes, d.seconds, 1);
            printf("  %s\n", cli_method(d.method).text);
            total += d.seconds;
        }
        printf("%-15s %9.2f\n", "all", 1e3 * total);
    }
    puts("\nGFLOP/s: counted as direct convolution.\n"
         "GB/s: activations, their gradients and weights, each read or written once.");
}

static void print_text(const struct vggcl_benchmark *b) {
    char shape[24];
    vggcl_config_get(&b->config, "shape", shape, sizeof shape);
    printf("device      %s (%s, driver %s)\n", b->device.name, b->device.platform_name, b->device.driver);
    printf("peak        %.0f GFLOP/s (multiply-adds), %.1f GB/s (copying)\n", 1e-9 * b->peak_flops,
           1e-9 * b->copy_bytes);
    printf("tuning      %s\n", b->tuning);
    printf("network     %s, width %g, batch %d, activations as %s; %.0f MB on the device\n", b->config.model,
           b->config.width, b->config.batch, config_stored_word(&b->config), 1e-6 * (double)b->device_bytes);
    printf("images      %s, %d classes\n", shape, b->config.classes);
    printf("first step  %.2f s, the selfcheck and building kernels included\n", b->first_step);
    printf("train       %.1f images/s (%.1f to %.1f), %.0f GFLOP/s or %.0f %% of the peak\n", b->train.median,
           b->train.least, b->train.largest, 1e-9 * b->train.median * b->step_flops, 100 * cli_flops_share(b));
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
    progress_hide();
    if (err != VGGCL_OK)
        return cli_failed(err);
    cli_warn(benchmark.warnings);
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
        "  vggcl bench --batch 32 --json\n"
        "  vggcl bench --shape 64x64x3 --classes 100\n",
    .options = VGGCL_FOR_BENCH | VGGCL_FOR_DEVICES,
    .flags = (const struct flag[]){{"steps", "N", "timed steps (default 10)", &steps, NULL},
                                   {"layers", NULL, "a table of the layers too", NULL, &by_layer},
                                   {"json", NULL, "for scripts: one object, layers included", NULL, &as_json},
                                   {0}},
    .run = run,
};
