#include "cli/json.h"
#include "cli/progress.h"
#include "cli/several.h"
#include "options/options.h"
#include "ranks/ranks.h"
#include "train/lockstep.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool as_json, by_layer;
static const char *steps = "10";

static void print_json(const struct vggcl_benchmark *b) {
    cli_print_json(cli_bench_json(b), CLI_JSON);
}

/* Prints done / seconds in units of 1e9; blank if done is 0. */
static void print_rate(double done, double seconds, int width, int decimals) {
    if (done > 0)
        printf(" %*.*f", width, decimals, 1e-9 * done / seconds);
    else
        printf(" %*s", width, "");
}

static const struct vggcl_direction_time *direction_of(const struct vggcl_layer_time *l, int direction) {
    return direction == 0 ? &l->forward : direction == 1 ? &l->data_gradient : &l->weight_gradient;
}

static void print_direction(const char *name, const struct vggcl_direction_time *t) {
    printf("%-10s %9.2f", name, 1e3 * t->seconds);
    print_rate(t->flops, t->seconds, 6, 0);
    print_rate(t->operations, t->seconds, 7, 0);
    print_rate(t->reads + t->writes, t->seconds, 5, 1);
    printf(" %3.0f %% %-10s %s\n", 100 * t->bound_seconds / t->seconds, cli_bound(t->bound),
           cli_method(t->method).text);
}

/* Prints a table for each direction, with the layers that have it. */
static void print_layers(const struct vggcl_benchmark *b) {
    static const char *const directions[] = {"forward", "data gradient", "weight gradient"};
    for (int i = 0; i < 3; i++) {
        double total = 0, bound = 0;
        printf("\n%-15s %4s %6s %7s %5s %-16s %s\n", directions[i], "ms", "direct", "GFLOP/s", "GB/s", "of bound",
               "algorithm");
        for (const struct vggcl_layer_time *l = b->layers; l < b->layers + b->layer_count; l++) {
            const struct vggcl_direction_time *t = direction_of(l, i);
            if (t->seconds <= 0)
                continue;
            print_direction(l->name, t);
            total += t->seconds;
            bound += t->bound_seconds;
        }
        printf("%-10s %9.2f %24.0f %%\n", "all", 1e3 * total, 100 * bound / total);
    }
    puts("\nGFLOP/s: multiplications and additions of the algorithm's products, transforms not counted;\n"
         "direct: those of a direct convolution, in the same time.\n"
         "GB/s: activations, their gradients and weights, each read or written once.\n"
         "of bound: the time at the device's peaks, of the products or of the memory traffic, whichever is\n"
         "longer, as a share of the measured time (roofline model).");
}

static void print_peaks(const struct vggcl_peaks *peaks) {
    const struct vggcl_memory_peak *memory = &peaks->memory[VGGCL_MEMORY_PEAKS - 1];
    printf("peaks       %.0f GFLOP/s (multiply-adds)", 1e-9 * peaks->multiply_adds);
    if (peaks->matrix_products > 0)
        printf(", %.0f (matrix instructions, %s)", 1e-9 * peaks->matrix_products, peaks->matrix);
    printf("\nmemory      %.1f GB/s read, %.1f written, %.1f copied\n", 1e-9 * memory->reads, 1e-9 * memory->writes,
           1e-9 * memory->copies);
}

static void print_text(const struct vggcl_benchmark *b) {
    char shape[24];
    vggcl_config_get(&b->config, "shape", shape, sizeof shape);
    printf("device      %s (%s, driver %s)\n", b->device.name, b->device.platform_name, b->device.driver);
    print_peaks(&b->peaks);
    printf("tuning      %s\n", b->tuning);
    printf("network     %s, width %g, batch %d, activations as %s; %.0f MB on the device\n", b->config.model,
           b->config.width, b->config.batch, config_stored_word(&b->config), 1e-6 * (double)b->device_bytes);
    printf("images      %s, %d classes\n", shape, b->config.classes);
    printf("first step  %.2f s, the selfcheck and building kernels included\n", b->first_step);
    printf("train       %.1f images/s (%.1f to %.1f), %.0f %% of the bound\n", b->train.median, b->train.least,
           b->train.largest, 100 * b->train.median / b->train_bound);
    printf("eval        %.1f images/s (%.1f to %.1f), %.0f %% of the bound\n", b->eval.median, b->eval.least,
           b->eval.largest, 100 * b->eval.median / b->eval_bound);
    printf("arithmetic  %.0f GFLOP/s in training (%.0f as direct convolution)\n",
           1e-9 * b->train.median * b->step_operations, 1e-9 * b->train.median * b->step_flops);
    if (by_layer)
        print_layers(b);
}

/* ---------------------------------------------------------------------------------------------- several processes --
 */

static void print_ranks_json(const struct lockstep *l) {
    char shape[24];
    vggcl_config_get(&l->config, "shape", shape, sizeof shape);
    cli_print_json(
        JSON_MAKE({"processes", json_integer(l->processes)}, {"devices", json_integer((json_int_t)l->devices)},
                  {"device", json_make_text(l->device.name)}, {"driver", json_make_text(l->device.driver)},
                  {"tuning", json_make_text(l->tuning)}, {"model", json_make_text(l->config.model)},
                  {"width", json_make_number(l->config.width)},
                  {"storage", json_make_text(config_stored_word(&l->config))}, {"batch", json_integer(l->config.batch)},
                  {"images", json_integer(l->images)}, {"shape", json_make_text(shape)},
                  {"classes", json_integer(l->config.classes)},
                  {"train_images_per_s", json_make_number(l->train.median)},
                  {"train_spread", cli_spread_json(l->train)}, {"communication_s", json_make_number(l->communication)},
                  {"hidden_s", json_make_number(l->hidden)}, {"sent_bytes_per_step", json_integer((json_int_t)l->sent)},
                  {"received_bytes_per_step", json_integer((json_int_t)l->received)},
                  {"eval_images_per_s", json_make_number(l->eval.median)}, {"eval_spread", cli_spread_json(l->eval)},
                  {"eval_batch", json_integer(l->eval_images)}, {"first_step_s", json_make_number(l->first_step)},
                  {"device_bytes", json_integer((json_int_t)l->device_bytes)}),
        CLI_JSON);
}

static void print_ranks_text(const struct lockstep *l) {
    char shape[24];
    vggcl_config_get(&l->config, "shape", shape, sizeof shape);
    printf("processes   %d, with %zu devices together\n", l->processes, l->devices);
    printf("rank 0      %s (%s, driver %s), for %d of a batch's %d images\n", l->device.name, l->device.platform_name,
           l->device.driver, l->images, l->config.batch);
    printf("tuning      %s\n", l->tuning);
    printf("network     %s, width %g, batch %d, activations as %s; %.0f MB on the device\n", l->config.model,
           l->config.width, l->config.batch, config_stored_word(&l->config), 1e-6 * (double)l->device_bytes);
    printf("images      %s, %d classes\n", shape, l->config.classes);
    printf("first step  %.2f s, the selfcheck and building kernels included\n", l->first_step);
    printf("train       %.1f images/s (%.1f to %.1f), all processes together\n", l->train.median, l->train.least,
           l->train.largest);
    printf("exchange    communication %.1f ms a step: %.1f ms behind the backward pass, %.1f ms not; %.2f MiB sent, "
           "%.2f received\n",
           1e3 * l->communication, 1e3 * l->hidden, 1e3 * (l->communication - l->hidden), cli_mebibytes(l->sent),
           cli_mebibytes(l->received));
    printf("eval        %.1f images/s (%.1f to %.1f), rank 0 alone, %d images at once\n", l->eval.median, l->eval.least,
           l->eval.largest, l->eval_images);
}

static int bench_ranks(const struct vggcl_config *config, int count) {
    struct lockstep lockstep;
    if (by_layer)
        return cli_misused("--layers measures one device; start this command without mpirun");
    enum vggcl_err err = lockstep_bench(config, count, &lockstep);
    progress_hide();
    if (err != VGGCL_OK)
        return cli_failed(err);
    cli_warn(lockstep.warnings);
    (as_json ? print_ranks_json : print_ranks_text)(&lockstep);
    free(lockstep.warnings);
    return EXIT_FINE;
}

/* ----------------------------------------------------------------------------------------------------- the command --
 */

/* 0 if --steps is not a number of them. */
static int step_count(void) {
    long count;
    return cli_parse_count(steps, 1, 100000, &count) ? (int)count : 0;
}

static enum vggcl_err bench_other(const struct vggcl_config *config) {
    struct lockstep lockstep;
    return lockstep_bench(config, step_count(), &lockstep);
}

static int bench(const struct vggcl_config *config) {
    struct vggcl_benchmark benchmark;
    int count = step_count();
    if (!count)
        return cli_misused("--steps takes a whole number from 1 to 100000, not '%s'", steps);
    if (ranks_count() > 1)
        return bench_ranks(config, count);
    enum vggcl_err err = vggcl_bench(config, count, INFINITY, &benchmark);
    progress_hide();
    if (err != VGGCL_OK)
        return cli_failed(err);
    cli_warn(benchmark.warnings);
    (as_json ? print_json : print_text)(&benchmark);
    vggcl_benchmark_free(&benchmark);
    return EXIT_FINE;
}

static int run(const struct vggcl_config *config) {
    return several_run(config, bench, bench_other);
}

const struct command command_bench = {
    .name = "bench",
    .summary = "measures how fast a device trains and evaluates",
    .description =
        "Times training steps and evaluations on made-up images: median, least and largest of --steps, after two to\n"
        "warm up; then each layer alone, and what the device can do at most.\n\n"
        "Several processes (mpirun) train together, each its share of the batch, as train does: images/s of all,\n"
        "and the time that rank 0 communicates or waits for others in a step. The part of it behind the backward\n"
        "pass, while its device still computes gradients, costs nothing. Rank 0 alone evaluates.\n\n"
        "  vggcl bench --layers\n"
        "  vggcl bench --batch 32 --json\n"
        "  vggcl bench --shape 64x64x3 --classes 100\n"
        "  mpirun -n 2 vggcl bench --batch 256\n",
    .options = VGGCL_FOR_BENCH | VGGCL_FOR_DEVICES,
    .flags = (const struct flag[]){{"steps", "N", "timed steps (default 10)", &steps, NULL},
                                   {"layers", NULL, "a table of the layers too", NULL, &by_layer},
                                   {"json", NULL, "for scripts: one object, layers included", NULL, &as_json},
                                   {0}},
    .run = run,
};
