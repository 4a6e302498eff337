#include "cli/compare/records.h"
#include "cli/compare/report.h"

#include <math.h>
#include <stdio.h>

static double of(const json_t *record, const char *part, const char *key) {
    return json_number_of(json_object_get(record, part), key);
}

static double checks(const json_t *r) {
    return of(r, "selfcheck", "checks");
}
static double failures(const json_t *r) {
    return of(r, "selfcheck", "failures");
}
static double worst(const json_t *r) {
    return of(r, "selfcheck", "worst");
}
static double train(const json_t *r) {
    return of(r, "benchmark", "train_images_per_s");
}
static double eval(const json_t *r) {
    return of(r, "benchmark", "eval_images_per_s");
}
static double gigaflops(const json_t *r) {
    return 1e-9 * of(r, "benchmark", "peak_flops_per_s");
}
static double bound_used(const json_t *r) {
    return 100 * of(r, "benchmark", "train_bound_share");
}
static double gigabytes(const json_t *r) {
    return 1e-9 * of(r, "benchmark", "copy_bytes_per_s");
}
static double bytes_used(const json_t *r) {
    return 100 * of(r, "benchmark", "bytes_share");
}
static double mebibytes(const json_t *r) {
    return of(r, "benchmark", "device_bytes") / (1 << 20);
}
static double cold(const json_t *r) {
    return json_number_of(r, "cold_start_s");
}
static double warm(const json_t *r) {
    return json_number_of(r, "warm_start_s");
}

/* The largest absolute value of a list of the losses, or, with `from`, of its differences from another. */
static double largest(const json_t *record, const char *key, const char *from) {
    const json_t *losses = json_object_get(record, "losses");
    double found = NAN;
    for (size_t i = 0; i < json_array_size(json_object_get(losses, key)); i++)
        found = fmax(found, fabs(record_element(losses, key, i) - (from ? record_element(losses, from, i) : 0)));
    return found;
}
static double loss_off(const json_t *r) {
    return largest(r, "device", "reference");
}
static double from_others(const json_t *r) {
    return largest(r, "from_others", NULL);
}

const struct report_column report_columns[] = {
    {"check", "checks", 5, "%.0f", checks},
    {"wrong", "wrong", 5, "%.0f", failures},
    {"worst", "worst error / tolerance", 6, "%.2f", worst},
    {"loss off", "loss off", 8, "%.1e", loss_off},
    {"others", "from other devices", 8, "%.1e", from_others},
    {"train/s", "train images/s", 8, "%.1f", train},
    {"eval/s", "eval images/s", 8, "%.1f", eval},
    {"GFLOP/s", "peak GFLOP/s", 8, "%.0f", gigaflops},
    {"of bound", "training's share of the bound", 8, "%.0f%%", bound_used},
    {"GB/s", "copying GB/s", 7, "%.1f", gigabytes},
    {"of copy", "share of the copying speed", 7, "%.0f%%", bytes_used},
    {"MiB", "memory MiB", 7, "%.1f", mebibytes},
    {"cold s", "cold start s", 7, "%.1f", cold},
    {"warm s", "warm start s", 6, "%.1f", warm},
    {0},
};

void report_cell(const struct report_column *column, const json_t *record, char text[REPORT_CELL]) {
    double value = column->value(record);
    snprintf(text, REPORT_CELL, "-");
    if (isfinite(value))
        snprintf(text, REPORT_CELL, column->format, value);
}

void report_origin(const json_t *answer, char text[REPORT_ORIGIN]) {
    const json_t *vggcl = json_object_get(answer, "vggcl"), *host = json_object_get(answer, "host");
    const char *commit = json_text_of(vggcl, "commit"), *cpu = json_text_of(host, "cpu");
    snprintf(text, REPORT_ORIGIN, "vggcl %s%s%s%s, %s, %s, %s%s%s", json_text_of(vggcl, "version"), *commit ? " (" : "",
             commit, *commit ? ")" : "", json_text_of(answer, "time"), json_text_of(host, "name"),
             json_text_of(host, "system"), *cpu ? ", " : "", cpu);
}
