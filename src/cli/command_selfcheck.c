#include "cli/child.h"
#include "cli/json.h"
#include "cli/progress.h"
#include "cli/signals.h"
#include "cli/terminal.h"
#include "cli/watchdog.h"
#include "cli/messages.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *only[FLAG_MOST + 1], *missing_status;
static bool quick, as_json, isolated;

/* --------------------------------------------------------------------------------- the checks, maybe in a child -- */

/* What is run: its messages, each an object, go to say(), which takes them over. */
struct job {
    const struct vggcl_config *config;
    void (*say)(json_t *message);
    struct vggcl_selfcheck result; /* has the device from the first check on */
    bool said_device;
};

static void say_device(struct job *job) {
    const struct vggcl_device *d = &job->result.device;
    if (!job->said_device)
        job->say(JSON_MAKE({"device", json_make_text(d->name)}, {"platform", json_make_text(d->platform_name)},
                           {"driver", json_make_text(d->driver)}));
    job->said_device = true;
}

static void starting(const struct vggcl_check *c, void *payload) {
    struct job *job = payload;
    say_device(job);
    signals_keep("it was in the check '%s' of %s", c->name, c->shape);
    job->say(JSON_MAKE({"starting", json_make_format("'%s' of %s", c->name, c->shape)}));
}

static void checked(const struct vggcl_check *c, void *payload) {
    struct job *job = payload;
    job->say(JSON_MAKE({"operator", json_make_text(c->name)}, {"kernels", json_make_text(c->kernels)},
                       {"shape", json_make_text(c->shape)}, {"error", json_make_number(c->error)},
                       {"tolerance", json_make_number(c->tolerance)}, {"ran", json_boolean(c->ran)},
                       {"passed", json_boolean(c->passed)}, {"fault", json_make_text(c->fault)}));
}

/* Returns {"seconds"}, or child_failure(). */
static json_t *run_checks(struct job *job) {
    const struct vggcl_selfcheck_run run = {
        .quick = quick, .only = only, .starting = starting, .checked = checked, .stop = signals_stop, .payload = job};
    watchdog_start(job->config->stall);
    enum vggcl_err err = vggcl_run_selfcheck(job->config, &run, &job->result);
    json_t *answer = err == VGGCL_OK ? json_object() : child_failure(err);
    json_put(&answer, "seconds", json_make_number(job->result.seconds));
    return answer;
}

static json_t *run_in_child(const void *config) {
    return run_checks(&(struct job){.config = config, .say = child_say});
}

/* ------------------------------------------------------------------------------------------------- their results -- */

/* What is known of the checks so far. */
static struct {
    json_t *device, *rows; /* device: {"device", "platform", "driver"}; NULL until it is known */
    char current[160];     /* the check that is running, and its shape; "" if none is */
    int checks, failures;
} found;

static void print_row(const json_t *row, bool passed) {
    progress_hide();
    const char *failed = json_is_true(json_object_get(row, "ran")) ? "WRONG" : "FAILED";
    printf("%-36s %-26s %9.2g %9.2g  %s\n", json_text_of(row, "operator"), json_text_of(row, "shape"),
           json_number_of(row, "error"), json_number_of(row, "tolerance"), passed ? "ok" : failed);
    if (!passed)
        printf("    %s: %s\n", json_text_of(row, "kernels"), json_text_of(row, "fault"));
    fflush(stdout);
}

static void take_row(const json_t *row) {
    const bool passed = json_is_true(json_object_get(row, "passed"));
    *found.current = '\0';
    found.checks++;
    found.failures += !passed;
    if (as_json)
        json_add(&found.rows, json_incref((json_t *)row));
    else
        print_row(row, passed);
}

static void hear(const json_t *message, void *payload) {
    (void)payload;
    if (json_object_get(message, "device"))
        found.device = json_incref((json_t *)message);
    else if (json_object_get(message, "starting"))
        snprintf(found.current, sizeof found.current, "%s", json_text_of(message, "starting"));
    else
        take_row(message);
}

static void hear_own(json_t *message) {
    hear(message, NULL);
    json_decref(message);
}

/* Sets the error of a child that did not answer: what happened, and when. */
static void set_reason(const char *reason) {
    char where[256];
    if (*found.current)
        snprintf(where, sizeof where, "in the check %s", found.current);
    else if (found.checks)
        snprintf(where, sizeof where, "after %d checks, while the driver was unloaded", found.checks);
    else
        snprintf(where, sizeof where, "%s", "before the first check, while drivers were loaded and kernels were built");
    err_set(VGGCL_EOPENCL,
            "%s%s%s%s%s %s; try another driver or device (OCL_ICD_VENDORS=FILE.icd takes that driver only)",
            json_text_of(found.device, "device"), found.device ? " (driver " : "", json_text_of(found.device, "driver"),
            found.device ? "): " : "the OpenCL driver: ", reason, where);
}

/* Runs the checks; sets an error unless the verdict is VERDICT_RIGHT. *said: it is printed already. */
static enum verdict check(const struct vggcl_config *config, json_t **answer, bool *said) {
    char reason[CHILD_REASON] = "";
    const struct child child = {.work = run_in_child, .job = config, .timeout = INFINITY, .heard = hear};
    enum child_end end = CHILD_FINE;
    if (isolated)
        end = child_run(&child, answer, reason);
    else
        *answer = run_checks(&(struct job){.config = config, .say = hear_own});
    enum verdict verdict = child_verdict(end, *answer);
    *said = end == CHILD_HUNG && !*reason;
    if (end != CHILD_FINE)
        set_reason(*said ? "hangs" : reason);
    else if (isolated && verdict != VERDICT_RIGHT)
        err_set(child_err(*answer), "%s", json_text_of(*answer, "error"));
    bool found_wrong = end != CHILD_FINE && found.failures && verdict != VERDICT_INTERRUPTED;
    return found_wrong ? VERDICT_WRONG : verdict;
}

/* -------------------------------------------------------------------------------------------------- the command -- */

static json_t *of_device(const char *key) {
    return json_make_text(json_string_value(json_object_get(found.device, key)));
}

static void print_json(enum verdict verdict, const json_t *answer) {
    cli_print_json(JSON_MAKE({"device", of_device("device")}, {"platform", of_device("platform")},
                             {"driver", of_device("driver")}, {"verdict", json_make_text(verdict_word(verdict))},
                             {"error", json_make_text(verdict == VERDICT_RIGHT ? NULL : vggcl_error())},
                             {"passed", json_boolean(verdict == VERDICT_RIGHT)}, {"checks", json_integer(found.checks)},
                             {"failures", json_integer(found.failures)},
                             {"seconds", json_make_number(json_number_of(answer, "seconds"))},
                             {"rows", json_incref(found.rows)}),
                   CLI_JSON);
}

static void print_text(const json_t *answer) {
    if (answer && found.checks)
        printf("%s (driver %s): %d checks, %d failed, %.1f s\n", json_text_of(found.device, "device"),
               json_text_of(found.device, "driver"), found.checks, found.failures, json_number_of(answer, "seconds"));
}

static void print_error(enum verdict verdict) {
    fflush(stdout);
    if (verdict == VERDICT_INTERRUPTED)
        fprintf(messages(), "vggcl: interrupted after %d checks\n", found.checks);
    else
        cli_failed(VGGCL_EWRONG);
}

static int run(const struct vggcl_config *config) {
    json_t *answer = NULL;
    bool said;
    if (cli_set_missing(missing_status) != EXIT_FINE)
        return EXIT_USAGE;
    signals_promise("stopping");
    signals_finish(EXIT_INTERRUPTED);
    signals_catch(false);
    found.rows = json_array();
    if (!as_json && !terminal_size(messages()).columns)
        progress_watch(NULL); /* the rows are the progress */
    if (!as_json)
        printf("%-36s %-26s %9s %9s\n", "operator", "shape", "error", "tolerance");
    enum verdict verdict = check(config, &answer, &said);
    progress_hide();
    if (as_json)
        print_json(verdict, answer);
    else
        print_text(answer);
    if (verdict != VERDICT_RIGHT && !said)
        print_error(verdict);
    json_decref(answer);
    json_decref(found.rows);
    json_decref(found.device);
    return verdict_status(verdict);
}

const struct command command_selfcheck = {
    .name = "selfcheck",
    .summary = "checks a device's arithmetic, operator by operator",
    .description =
        "Runs every kernel, every convolution algorithm in each direction and every matrix product of the network on\n"
        "random numbers, and compares with references in double precision. The error of a row is the largest one,\n"
        "relative to the sum of the magnitudes that the element was summed from; the tolerance is what rounding\n"
        "explains; what storing a result as --storage half rounds counts in neither. A gate for drivers, by its exit\n"
        "status: 0 right, 1 wrong results, 2 usage, 4 crashed or hung, 5 the result could not be written, 6 no such\n"
        "device or driver, 8 the check could not be done, 130 interrupted. With --isolated, that holds whatever a\n"
        "driver does: the checks run in a child process. train runs the quick form first.\n\n"
        "  vggcl selfcheck\n"
        "  vggcl selfcheck --device gpu --json\n"
        "  vggcl selfcheck --quick --isolated --missing-status 125\n"
        "  vggcl selfcheck --only 'conv forward*,matrix*'\n"
        "  vggcl selfcheck --shape 28x28x1 --classes 47\n",
    .options = VGGCL_FOR_SELFCHECK | VGGCL_FOR_DEVICES,
    .flags =
        (const struct flag[]){
            {"quick", NULL, "only what the network uses, on two images", NULL, &quick},
            {"only", "PATTERN...",
             "only the checks whose name matches, as 'conv*'; several with commas, or given\nagain", only, NULL},
            {"isolated", NULL, "in a child process: a driver that crashes or hangs leads to exit status 4", NULL,
             &isolated},
            {"missing-status", "N", CLI_MISSING_HELP, &missing_status, NULL},
            {"json", NULL, "for scripts: one object, with the verdict and a row for each check", NULL, &as_json},
            {0}},
    .gate = true,
    .run = run,
};
