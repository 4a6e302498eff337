#include "cli/json.h"
#include "cli/progress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool as_json;
static const char *budget = "60", *export_path;

static json_t *method_json(struct vggcl_method m) {
    return JSON_MAKE({"algorithm", json_make_text(m.algorithm)}, {"engine", json_make_text(m.engine)});
}

static json_t *rows_json(const struct vggcl_tuning *t) {
    json_t *rows = json_array();
    for (size_t i = 0; i < t->row_count; i++) {
        const struct vggcl_tuning_row *r = &t->rows[i];
        json_add(&rows, JSON_MAKE({"layer", json_make_text(r->layer)}, {"layers", json_integer(r->layers)},
                                  {"direction", json_make_text(r->direction)}, {"before", method_json(r->before)},
                                  {"before_s", json_make_number(r->before_s)}, {"after", method_json(r->after)},
                                  {"after_s", json_make_number(r->after_s)}));
    }
    return rows;
}

static void print_json(const struct vggcl_tuning *t) {
    cli_print_json(
        JSON_MAKE(
            {"device", json_make_text(t->device.name)}, {"driver", json_make_text(t->device.driver)},
            {"seconds", json_make_number(t->seconds)}, {"complete", json_boolean(t->complete)},
            {"measured", json_integer(t->measured)}, {"images", json_integer(t->images)},
            {"gemm_before", json_make_text(t->gemm_before[0])}, {"gemm_after", json_make_text(t->gemm_after[0])},
            {"gemm_transposed_before", json_make_text(t->gemm_before[1])},
            {"gemm_transposed_after", json_make_text(t->gemm_after[1])},
            {"clblast_before", json_make_text(t->clblast_before)}, {"clblast_after", json_make_text(t->clblast_after)},
            {"conv_bytes_before", json_integer((json_int_t)t->conv_bytes_before)},
            {"conv_bytes_after", json_integer((json_int_t)t->conv_bytes_after)},
            {"step_before_s", json_make_number(t->step_before)}, {"step_after_s", json_make_number(t->step_after)},
            {"profile", json_make_text(t->path)}, {"rows", rows_json(t)}),
        CLI_JSON);
}

static void print_row(const struct vggcl_tuning_row *r) {
    char name[64];
    struct cli_method before = cli_method(r->before), after = cli_method(r->after);
    snprintf(name, sizeof name, "%s%s", r->layer, r->layers > 1 ? " ..." : "");
    printf("%-12s %-15s", name, r->direction);
    if (r->before_s > 0)
        printf(" %9.2f  %-21s %9.2f  %-21s", 1e3 * r->before_s, before.text, 1e3 * r->after_s, after.text);
    else
        printf(" %9s  %-21s %9s  %-21s", "", before.text, "", "not measured");
    if (strcmp(before.text, after.text) != 0 && r->before_s > r->after_s) /* else the difference is noise */
        printf(" %.2f times as fast", r->before_s / r->after_s);
    putchar('\n');
}

static void print_text(const struct vggcl_tuning *t) {
    printf("device      %s (%s, driver %s)\n", t->device.name, t->device.platform_name, t->device.driver);
    printf("measured    %d candidates on %d images in %.1f s%s\n\n", t->measured, t->images, t->seconds,
           t->complete ? "" : "; the budget was too small for all of them");
    printf("%-12s %-15s %9s  %-18s %9s  %-18s\n", "layer", "direction", "before ms", "", "after ms", "");
    for (size_t i = 0; i < t->row_count; i++)
        print_row(&t->rows[i]);
    printf("\nbuilt-in    %s, before %s\n", t->gemm_after[0], t->gemm_before[0]);
    printf("transposed  %s, before %s\n", t->gemm_after[1], t->gemm_before[1]);
    printf("CLBlast     %s parameters, before %s\n", t->clblast_after, t->clblast_before);
    printf("chunks      %.1f MiB, before %.1f MiB\n", cli_mebibytes(t->conv_bytes_after),
           cli_mebibytes(t->conv_bytes_before));
    printf("step        %.1f ms, before %.1f ms: %.2f times as fast\n", 1e3 * t->step_after, 1e3 * t->step_before,
           t->step_before / t->step_after);
    if (*t->path)
        printf("stored      %s\n", t->path);
    if (export_path)
        printf("exported    %s\n", export_path);
}

static int run(const struct vggcl_config *config) {
    struct vggcl_tuning tuning;
    char *end;
    double seconds = strtod(budget, &end);
    if (end == budget || *end || !(seconds >= 1 && seconds <= 86400))
        return cli_misused("--budget takes seconds, from 1 to 86400, not '%s'", budget);
    enum vggcl_err err = vggcl_tune(config, seconds, export_path, &tuning, NULL, NULL);
    progress_hide();
    if (err != VGGCL_OK)
        return cli_failed(err);
    cli_warn(tuning.warnings);
    (as_json ? print_json : print_text)(&tuning);
    vggcl_tuning_free(&tuning);
    return EXIT_FINE;
}

const struct command command_tune = {
    .name = "tune",
    .summary = "finds the fastest way to train on a device, by measuring",
    .description =
        "Measures, on the shapes of the network, how the own matrix product is cut up best, then for each convolution\n"
        "and direction the algorithms with each matrix product engine, then how much a convolution transforms at once\n"
        "and CLBlast's parameters, the likeliest gains first, until --budget is spent. Prints what the built-in rules\n"
        "take and what was chosen takes, by layer and as a whole training step, checks that the choice computes "
        "right,\n"
        "and stores it as the device's profile in ~/.cache/vggcl/profiles ($XDG_CACHE_HOME, $VGGCL_CACHE_DIR). train,\n"
        "eval, bench, selfcheck and plan use it unless --profile says otherwise. What is less than 3 % faster\n"
        "is not chosen.\n\n"
        "  vggcl tune\n"
        "  vggcl tune --shape 64x64x3 --classes 100\n"
        "  vggcl tune --device gpu --budget 300 --export my-gpu.json\n"
        "  vggcl train --profile my-gpu.json\n",
    .options = VGGCL_FOR_TUNE | VGGCL_FOR_DEVICES,
    .flags = (const struct flag[]){{"budget", "SECONDS", "how long to look, about (default 60)", &budget, NULL},
                                   {"export", "FILE", "write the profile there too", &export_path, NULL},
                                   {"json", NULL, "for scripts: one object, times in seconds", NULL, &as_json},
                                   {0}},
    .run = run,
};
