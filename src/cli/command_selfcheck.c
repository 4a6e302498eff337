#include "cli/json.h"

#include <stdio.h>

static bool quick, as_json;

static void print_row(const struct vggcl_check *c, void *payload) {
    (void)payload;
    printf("%-36s %-26s %9.2g %9.2g  %s\n", c->name, c->shape, c->error, c->tolerance, c->passed ? "ok" : "WRONG");
    if (!c->passed)
        printf("    %s: %s\n", c->kernels, c->fault);
    fflush(stdout);
}

static void add_row(const struct vggcl_check *c, void *payload) {
    json_add(payload, JSON_MAKE({"operator", json_make_text(c->name)}, {"kernels", json_make_text(c->kernels)},
                                {"shape", json_make_text(c->shape)}, {"error", json_make_number(c->error)},
                                {"tolerance", json_make_number(c->tolerance)}, {"passed", json_boolean(c->passed)},
                                {"fault", json_make_text(c->fault)}));
}

static void print_json(const struct vggcl_selfcheck *r, json_t *rows) {
    cli_print_json(JSON_MAKE({"device", json_make_text(r->device.name)},
                             {"platform", json_make_text(r->device.platform_name)},
                             {"driver", json_make_text(r->device.driver)},
                             {"passed", json_boolean(r->checks > 0 && r->failures == 0)},
                             {"checks", json_integer(r->checks)}, {"failures", json_integer(r->failures)},
                             {"seconds", json_make_number(r->seconds)}, {"rows", json_incref(rows)}),
                   CLI_JSON);
}

static int run(const struct vggcl_config *config) {
    struct vggcl_selfcheck result;
    json_t *rows = json_array();
    if (!as_json)
        printf("%-36s %-26s %9s %9s\n", "operator", "shape", "error", "tolerance");
    enum vggcl_err err = vggcl_run_selfcheck(config, quick, &result, as_json ? add_row : print_row, &rows);
    if (result.checks && as_json)
        print_json(&result, rows);
    else if (result.checks)
        printf("%s (driver %s): %d checks, %d failed, %.1f s\n", result.device.name, result.device.driver,
               result.checks, result.failures, result.seconds);
    json_decref(rows);
    return err == VGGCL_OK ? EXIT_FINE : cli_failed(err);
}

const struct command command_selfcheck = {
    .name = "selfcheck",
    .summary = "checks a device's arithmetic, operator by operator",
    .description =
        "Runs every kernel, every convolution algorithm in each direction and every matrix product of the network on\n"
        "random numbers, and compares with references in double precision. The error of a row is the largest one,\n"
        "relative to the sum of the magnitudes that the element was summed from; the tolerance is what rounding\n"
        "explains; what storing a result as --storage half rounds counts in neither. Exit status 1 where anything is\n"
        "wrong: a gate for drivers. train runs the quick form first.\n\n"
        "  vggcl selfcheck\n"
        "  vggcl selfcheck --device gpu --json\n"
        "  vggcl selfcheck --shape 28x28x1 --classes 47\n",
    .options = VGGCL_FOR_SELFCHECK | VGGCL_FOR_DEVICES,
    .flags = (const struct flag[]){{"quick", NULL, "only what the network uses, on two images", NULL, &quick},
                                   {"json", NULL, "for scripts: one object, a row for each check", NULL, &as_json},
                                   {0}},
    .gate = true,
    .run = run,
};
