#define _XOPEN_SOURCE 700 /* mkdtemp, nftw */
#include "base/file.h"
#include "base/text.h"
#include "cli/child.h"
#include "cli/page.h"
#include "cli/record.h"
#include "cli/signals.h"
#include "cli/terminal.h"
#include "cli/verdict.h"

#include <errno.h>
#include <ftw.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { EARLIER_LIMIT = 1 << 24, NAME = 320, WHY = 640 };

static const char *selectors[FLAG_MOST + 1], *earlier[FLAG_MOST + 1];
static bool all, quick, as_json;
static const char *steps = "10", *timeout = "3600", *html, *missing_status;

/* A string of a record; "" if it is missing or not a string, because records from files are untrusted. */
static const char *text_of(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static double number_of(const json_t *object, const char *key) {
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : NAN;
}

/* E.g. "0:0 pthread-AMD EPYC", followed by the file that the record was read from, if any. */
static void name_of(const json_t *record, char name[NAME]) {
    const json_t *device = json_object_get(record, "device");
    const char *file = text_of(record, "file");
    snprintf(name, NAME, "%s %s%s%s%s", text_of(device, "selector"), text_of(device, "name"), *file ? " [" : "", file,
             *file ? "]" : "");
    text_make_printable(name, "");
}

/* -------------------------------------------------------------------------------------------- measuring a device -- */

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk) {
    (void)status, (void)type, (void)walk;
    return remove(path);
}

/* A compiler that a killed driver had started may still write to the folder. */
static void remove_folder(const char *path) {
    const struct timespec moment = {.tv_nsec = 100000000};
    for (int tries = 0; tries < 20 && nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0; tries++)
        nanosleep(&moment, NULL);
}

/* Names the device's stored profile explicitly, because it is not in the temporary cache folder that is used. */
static void name_profile(struct measuring *m, const json_t *device) {
    const json_t *profile = json_object_get(device, "profile");
    if (!*m->config.profile && strcmp(text_of(profile, "from"), "stored") == 0)
        snprintf(m->config.profile, sizeof m->config.profile, "%s", text_of(profile, "name"));
}

/* Which device is measured: index i of count, and the estimated time left ("" for the first device). */
struct turn {
    size_t i, count;
    char eta[32];
};

/* Prints the progress to stderr; a live line on a terminal. */
static void say(const json_t *record, const struct turn *turn, const char *what) {
    char name[NAME];
    struct line line = line_begin(stderr);
    name_of(record, name);
    line_add(&line, "%zu/%zu  %s", turn->i + 1, turn->count, what);
    if (*turn->eta)
        line_add(&line, "  ETA %s", turn->eta);
    line_add(&line, "  %s", name);
    line_show(&line);
}

/* Measures a part of the record in a child process. If that fails, the record then has an error. */
static enum verdict measure_part(json_t **record, const char *key, const char *what, json_t *(*work)(const void *),
                                 const struct measuring *m, double seconds) {
    char reason[CHILD_REASON];
    json_t *part;
    enum child_end end = child_run(&(struct child){.work = work, .job = m, .timeout = seconds}, &part, reason);
    enum verdict verdict = child_verdict(end, part);
    json_t *fault = json_object_get(part, "fault");
    if (verdict != VERDICT_RIGHT)
        json_put(record, "error", json_make_format("%s: %s", what, part ? text_of(part, "error") : reason));
    else
        json_put(record, key, json_incref(json_object_get(part, "value")));
    if (fault) {
        json_t *faults = json_incref(json_object_get(*record, "faults"));
        json_add(&faults, json_incref(fault));
        json_put(record, "faults", faults);
        verdict = VERDICT_WRONG;
    }
    json_decref(part);
    return verdict;
}

/* Measures all parts of a device's record until one has an error. */
static enum verdict measure_parts(json_t **record, const struct measuring *m, const struct turn *turn, double seconds) {
    static const struct {
        const char *key, *what;
        json_t *(*work)(const void *);
    } parts[] = {{"cold_start_s", "cold start", record_start},
                 {"warm_start_s", "warm start", record_start}, /* uses the programs that the cold start cached */
                 {"selfcheck", "selfcheck", record_selfcheck},
                 {"losses", "first losses", record_losses},
                 {"benchmark", "benchmark", record_benchmark}};
    enum verdict worst = VERDICT_RIGHT;
    for (size_t i = 0; !json_object_get(*record, "error") && i < sizeof parts / sizeof *parts; i++) {
        say(*record, turn, parts[i].what);
        worst = verdict_worse(worst, measure_part(record, parts[i].key, parts[i].what, parts[i].work, m, seconds));
    }
    line_erase(stderr);
    return worst;
}

/* Appends the record of a device. Its status is "passed", or the verdict's word. */
static enum verdict measure(json_t *records, const json_t *device, struct measuring m, const struct turn *turn,
                            double seconds) {
    const char *temporary = getenv("TMPDIR");
    time_t start = time(NULL);
    enum verdict verdict = VERDICT_FAILED;
    json_t *record = JSON_MAKE({"device", json_incref((json_t *)device)}, {"faults", json_array()});
    snprintf(m.config.device, sizeof m.config.device, "%s", text_of(device, "selector"));
    name_profile(&m, device);
    snprintf(m.caches, sizeof m.caches, "%s/vggcl-XXXXXX", temporary && strlen(temporary) < 40 ? temporary : "/tmp");
    if (mkdtemp(m.caches)) {
        verdict = measure_parts(&record, &m, turn, seconds);
        remove_folder(m.caches);
    } else {
        json_put(&record, "error", json_make_format("%s: cannot make this folder: %s", m.caches, strerror(errno)));
    }
    json_put(&record, "status", json_make_text(verdict == VERDICT_RIGHT ? "passed" : verdict_word(verdict)));
    json_put(&record, "seconds", json_make_number(difftime(time(NULL), start)));
    return json_array_append_new(records, record) == 0 ? verdict : verdict_worse(verdict, VERDICT_FAILED);
}

enum { LISTING = 60 }; /* seconds: loading all drivers takes that long at most, whatever --timeout a device gets */

/* Lists the selected devices. Sets an error if there are none. */
static enum verdict list_devices(double seconds, json_t **devices) {
    char reason[CHILD_REASON];
    json_t *listed;
    const struct selection selection = {selectors, all};
    const struct child child = {.work = record_devices, .job = &selection, .timeout = fmax(seconds, LISTING)};
    enum child_end end = child_run(&child, &listed, reason);
    enum verdict verdict = child_verdict(end, listed);
    *devices = json_incref(json_object_get(listed, "devices"));
    if (!listed)
        err_set(VGGCL_EDEVICE, "listing the devices: %s; OCL_ICD_VENDORS=FILE.icd leaves other drivers out", reason);
    else if (!*devices)
        err_set(child_err(listed), "%s", text_of(listed, "error"));
    json_decref(listed);
    return verdict;
}

/* Measures the selected devices, and appends their records, until a signal asks to stop. Sets an error if the devices
 * cannot be listed. */
static enum verdict measure_all(json_t *records, struct measuring m, double seconds) {
    json_t *devices, *device;
    enum verdict worst = list_devices(seconds, &devices);
    struct turn turn = {.count = json_array_size(devices)};
    time_t start = time(NULL);
    json_array_foreach(devices, turn.i, device) {
        if (signals_stop(NULL))
            break;
        if (turn.i)
            cli_duration(difftime(time(NULL), start) / (double)turn.i * (double)(turn.count - turn.i), turn.eta);
        worst = verdict_worse(worst, measure(records, device, m, &turn, seconds));
    }
    json_decref(devices);
    return signals_stop(NULL) ? VERDICT_INTERRUPTED : worst;
}

/* Appends the records in a file of compare --json, with the file's name. */
static enum vggcl_err read_earlier(json_t *records, const char *path) {
    enum vggcl_err err = VGGCL_OK;
    json_t *file, *record;
    char *bytes, from[VGGCL_PATH_MAX];
    size_t size, i;
    TRY(file_read(path, EARLIER_LIMIT, &bytes, &size));
    snprintf(from, sizeof from, "--against %s", path);
    err = json_read(bytes, size, from, &file);
    const json_t *devices = json_object_get(file, "devices");
    free(bytes);
    if (err == VGGCL_OK && !json_is_array(devices))
        err = err_set(VGGCL_EFORMAT, "--against %s: has no \"devices\"; vggcl compare --json makes such files", path);
    json_array_foreach(devices, i, record) {
        if (err == VGGCL_OK && !(*text_of(json_object_get(record, "device"), "name") && *text_of(record, "status")))
            err =
                err_set(VGGCL_EFORMAT, "--against %s: devices[%zu]: is not a record of vggcl compare --json", path, i);
        if (err != VGGCL_OK)
            break;
        if (json_object_set_new(record, "file", json_make_text(path)) != 0 || json_array_append(records, record) != 0)
            err = err_no_memory("the records", 0);
    }
    json_decref(file);
    return err;
}

/* The largest difference between a step's loss and that of another device that trained the same network; NaN if there
 * is none. */
static double difference(const json_t *records, const json_t *losses, size_t step) {
    double largest = NAN;
    size_t i;
    json_t *record;
    const json_t *own = json_array_get(json_object_get(losses, "device"), step);
    json_array_foreach(records, i, record) {
        const json_t *others = json_object_get(record, "losses");
        const json_t *other = json_array_get(json_object_get(others, "device"), step);
        if (others == losses || strcmp(text_of(others, "network"), text_of(losses, "network")) != 0)
            continue;
        if (json_is_number(own) && json_is_number(other))
            largest = fmax(largest, fabs(json_number_value(own) - json_number_value(other)));
    }
    return largest;
}

static void add_differences(json_t *records) {
    size_t i;
    json_t *record;
    json_array_foreach(records, i, record) {
        json_t *losses = json_object_get(record, "losses"), *differences = json_array();
        for (size_t k = 0; k < json_array_size(json_object_get(losses, "device")); k++) {
            double value = difference(records, losses, k);
            json_add(&differences, json_make_number(value));
        }
        json_object_set_new(losses, "from_others", differences); /* not of an earlier record without losses */
    }
}

/* --------------------------------------------------------------------------------------------------- the output -- */

/* Prints a column: a number, or "-" if it is not finite. */
static void print_number(const char *format, int width, double value) {
    char text[32] = "-";
    if (isfinite(value))
        snprintf(text, sizeof text, format, value);
    printf(" %*s", width, text);
}

/* The largest difference between two lists of numbers, or, if `from` is NULL, the largest absolute value of one. */
static double largest(const json_t *losses, const char *key, const char *from) {
    double largest = NAN;
    const json_t *list = json_object_get(losses, key), *other = from ? json_object_get(losses, from) : NULL;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *value = json_array_get(list, i), *zero = json_array_get(other, i);
        if (json_is_number(value))
            largest = fmax(largest, fabs(json_number_value(value) - json_number_value(zero)));
    }
    return largest;
}

static void print_record(const json_t *record) {
    const json_t *check = json_object_get(record, "selfcheck"), *losses = json_object_get(record, "losses");
    const json_t *bench = json_object_get(record, "benchmark");
    char name[NAME], status[12];
    name_of(record, name);
    snprintf(status, sizeof status, "%s", text_of(record, "status"));
    text_make_printable(status, "");
    printf("%-30.30s %-11.11s", name, status);
    print_number("%.0f", 5, number_of(check, "checks"));
    print_number("%.0f", 5, number_of(check, "failures"));
    print_number("%.2f", 6, number_of(check, "worst"));
    print_number("%.1e", 8, largest(losses, "device", "reference"));
    print_number("%.1e", 8, largest(losses, "from_others", NULL));
    print_number("%.1f", 8, number_of(bench, "train_images_per_s"));
    print_number("%.1f", 8, number_of(bench, "eval_images_per_s"));
    print_number("%.0f", 8, 1e-9 * number_of(bench, "peak_flops_per_s"));
    print_number("%.0f%%", 5, 100 * number_of(bench, "flops_share"));
    print_number("%.1f", 7, 1e-9 * number_of(bench, "copy_bytes_per_s"));
    print_number("%.0f%%", 5, 100 * number_of(bench, "bytes_share"));
    print_number("%.1f", 7, number_of(bench, "device_bytes") / (1 << 20));
    print_number("%.1f", 7, number_of(record, "cold_start_s"));
    print_number("%.1f", 6, number_of(record, "warm_start_s"));
    putchar('\n');
}

static void print_table(const json_t *records) {
    size_t i;
    json_t *record;
    printf("%-30s %-11s %5s %5s %6s %8s %8s %8s %8s %8s %5s %7s %5s %7s %7s %6s\n", "device", "", "check", "wrong",
           "worst", "loss off", "others", "train/s", "eval/s", "GFLOP/s", "used", "GB/s", "used", "MiB", "cold s",
           "warm s");
    json_array_foreach(records, i, record) print_record(record);
    puts("\nworst: the largest error by its tolerance; loss off: from double precision; others: from the other "
         "devices;\n"
         "used: of the peak by a training step, of the copying speed by the activations");
}

/* Why a device has not passed: the first line of its error or of its first fault. */
static void explain(const json_t *record, char why[WHY]) {
    const char *error = text_of(record, "error");
    const char *fault = json_string_value(json_array_get(json_object_get(record, "faults"), 0));
    const char *text = *error || !fault ? error : fault;
    snprintf(why, WHY, "%.*s", (int)strcspn(text, "\n"), text);
    text_make_printable(why, "");
}

/* Sets an error that names all devices that have not passed. */
static enum vggcl_err name_bad(const json_t *records) {
    size_t i, bad = 0;
    json_t *record;
    char all_names[4096] = "", name[NAME], why[WHY];
    json_array_foreach(records, i, record) {
        size_t used = strlen(all_names);
        if (strcmp(text_of(record, "status"), "passed") == 0)
            continue;
        name_of(record, name);
        explain(record, why);
        snprintf(all_names + used, sizeof all_names - used, "%s%s: %s", bad++ ? "; " : "", name, why);
    }
    if (!bad)
        return VGGCL_OK;
    return err_set(VGGCL_EWRONG, "%zu of %zu devices failed or gave wrong results: %s", bad, json_array_size(records),
                   all_names);
}

static enum vggcl_err put_records(FILE *stream, const void *answer) {
    return page_put_json(stream, answer);
}

static enum vggcl_err write_page(const char *path, const json_t *answer) {
    static const struct page_mark marks[] = {{"RECORDS", put_records}, {0}};
    return page_write(&folder_current, path, "compare", marks, answer);
}

/* Prints the table or JSON, and writes the page. */
static enum vggcl_err put(json_t *answer, json_t *records) {
    add_differences(records);
    if (signals_stop(NULL))
        json_object_set_new(answer, "interrupted", json_true());
    if (as_json)
        cli_print_json(json_incref(answer), CLI_JSON);
    else
        print_table(records);
    return html ? write_page(html, answer) : VGGCL_OK;
}

/* Prints all records, old ones too, and what is wrong with those that were measured. */
static enum verdict report(json_t *measured, const json_t *old, enum verdict worst) {
    json_t *records = json_copy(measured), *answer = JSON_MAKE({"devices", json_incref(records)});
    json_array_extend(records, (json_t *)old);
    enum vggcl_err err = put(answer, records);
    json_decref(records);
    json_decref(answer);
    if (err != VGGCL_OK) {
        cli_failed(err);
        worst = verdict_worse(worst, VERDICT_UNWRITTEN);
    }
    fflush(stdout);
    if (worst == VERDICT_INTERRUPTED)
        fputs("vggcl: interrupted: this is what was measured until then\n", stderr);
    else if (worst > VERDICT_UNWRITTEN)
        cli_failed(name_bad(measured));
    return worst;
}

/* Measures and prints. */
static int compare(struct measuring m, const json_t *old, double seconds) {
    signals_promise("stopping; what is measured is printed");
    signals_keep("nothing was printed");
    signals_finish(EXIT_INTERRUPTED);
    signals_catch(false);
    json_t *records = json_array();
    enum verdict worst = measure_all(records, m, seconds);
    if (json_array_size(records) || worst == VERDICT_INTERRUPTED || worst == VERDICT_RIGHT)
        worst = report(records, old, worst);
    else
        cli_failed(VGGCL_EDEVICE);
    json_decref(records);
    return verdict_status(worst);
}

static int run(const struct vggcl_config *config) {
    struct measuring m = {.config = *config, .quick = quick};
    long step_count, seconds;
    if (!cli_parse_count(steps, 1, RECORD_STEPS, &step_count))
        return cli_misused("--steps takes a whole number from 1 to %d, not '%s'", RECORD_STEPS, steps);
    if (!cli_parse_count(timeout, 1, 1000000, &seconds))
        return cli_misused("--timeout takes seconds, a whole number from 1 to 1000000, not '%s'", timeout);
    if (cli_set_missing(missing_status) != EXIT_FINE)
        return EXIT_USAGE;
    m.steps = (int)step_count;
    json_t *old = json_array();
    enum vggcl_err err = VGGCL_OK;
    for (size_t i = 0; earlier[i] && err == VGGCL_OK; i++)
        err = read_earlier(old, earlier[i]);
    int status = err == VGGCL_OK ? compare(m, old, (double)seconds) : cli_failed(err);
    json_decref(old);
    return status;
}

const struct command command_compare = {
    .name = "compare",
    .summary = "measures devices side by side: right, how fast, how much memory",
    .description =
        "Runs each device in child processes, so that a driver that crashes or hangs costs only its own row of the "
        "table:\n"
        "the selfcheck; the losses of the first training steps of a narrow network, against double precision and the\n"
        "other devices; training and evaluation speed, of five steps or what half a minute allows; what the device\n"
        "can do at most; memory; the time until the first step is done, with all kernels to be built (cold) and with\n"
        "none (warm). A gate for drivers, by its exit status: the worst of the devices' results, 1 where one gives\n"
        "wrong results; the manual page, vggcl(1), has the table. A signal to end (Ctrl-C) prints what is measured\n"
        "until then, as interrupted. --json is for\n"
        "--against, on another machine or another day; the manual page, vggcl(1), has its schema.\n\n"
        "  vggcl compare --all --html devices.html\n"
        "  vggcl compare --device gpu --json > here.json\n"
        "  vggcl compare --device gpu --against here.json --against there.json\n",
    .options = VGGCL_FOR_BENCH,
    .flags =
        (const struct flag[]){
            {"device", "SEL...",
             "as vggcl devices has it, and again for each one more; default $VGGCL_DEVICE, else\n"
             "the first GPU, else any",
             selectors, NULL},
            {"all", NULL, "all devices", NULL, &all},
            {"steps", "N", "training steps whose losses are compared (default 10)", &steps, NULL},
            {"quick", NULL, "check only what the network uses, on two images", NULL, &quick},
            {"timeout", "SECONDS", "give up on a device that takes longer than this for a part of it (default 3600)",
             &timeout, NULL},
            {"against", "FILE...", "add the rows of this earlier answer of --json; may be given again", earlier, NULL},
            {"missing-status", "N", CLI_MISSING_HELP, &missing_status, NULL},
            {"html", "FILE", "write a page with table, losses and layers too", &html, NULL},
            {"json", NULL, "for scripts: {\"devices\": [{...}, ...]}", NULL, &as_json},
            {0}},
    .gate = true,
    .run = run,
};
