#define _XOPEN_SOURCE 700 /* mkdtemp, nftw */
#include "cli/compare/measuring.h"
#include "base/clock.h"
#include "cli/child.h"
#include "cli/compare/records.h"
#include "cli/progress.h"
#include "cli/signals.h"
#include "cli/terminal.h"
#include "cli/messages.h"

#include <errno.h>
#include <ftw.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LISTING = 60 }; /* seconds: loading all drivers takes that long at most, whatever --timeout a device gets */

static const struct {
    const char *name;
    enum measuring_part part;
} names[] = {
    {"start", MEASURE_START}, {"selfcheck", MEASURE_SELFCHECK}, {"losses", MEASURE_LOSSES}, {"speed", MEASURE_SPEED}};

const char *measuring_part_name(size_t i) {
    return i < sizeof names / sizeof *names ? names[i].name : NULL;
}

unsigned measuring_parts(const char *text) {
    unsigned parts = 0;
    for (size_t length;; text += length + 1) {
        unsigned found = 0;
        length = strcspn(text, ",");
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            if (strlen(names[i].name) == length && strncmp(text, names[i].name, length) == 0)
                found = names[i].part;
        if (!found)
            return 0;
        parts |= found;
        if (!text[length])
            return parts;
    }
}

/* ------------------------------------------------------------------------------------------------------ progress -- */

/* How many devices of a pass are done, how many of these were measured, and since when. */
struct turn {
    size_t done, count, measured;
    double start;
};

/* Prints the progress to stderr; a live line on a terminal. */
static void say(const json_t *record, const struct turn *turn, const char *what) {
    char name[RECORD_NAME], title[64], eta[32];
    struct line line = line_begin(messages());
    record_name(record, name);
    snprintf(title, sizeof title, "%zu/%zu  %s", turn->done + 1, turn->count, what);
    progress_title(title);
    line_add(&line, "%s", title);
    if (turn->measured) {
        double mean = (clock_seconds() - turn->start) / (double)turn->measured;
        cli_duration(mean * (double)(turn->count - turn->done), eta);
        line_add(&line, "  ETA %s", eta);
    }
    line_add(&line, "  %s", name);
    line_show(&line);
}

/* --------------------------------------------------------------------------------------------- parts of a record -- */

/* Adds a part's seconds and status to the record's "parts"; to the same part if it is the last one there. */
static void note_part(json_t **record, const char *what, double seconds, const char *status, const char *text) {
    json_t *parts = json_incref(json_object_get(*record, "parts"));
    json_t *last = json_array_get(parts, json_array_size(parts) - 1);
    if (strcmp(json_text_of(last, "name"), what) == 0) {
        seconds += json_number_of(last, "seconds");
        json_array_remove(parts, json_array_size(parts) - 1);
    }
    json_t *part = JSON_MAKE({"name", json_make_text(what)}, {"status", json_make_text(status)},
                             {"seconds", json_make_number(seconds)});
    if (*text)
        json_put(&part, "text", json_make_text(text));
    json_add(&parts, part);
    json_put(record, "parts", parts);
}

static const char *status_of(enum verdict verdict) {
    return verdict == VERDICT_RIGHT ? "passed" : verdict_word(verdict);
}

static void add_fault(json_t **record, const char *fault) {
    json_t *faults = json_incref(json_object_get(*record, "faults"));
    json_add(&faults, json_make_text(fault));
    json_put(record, "faults", faults);
}

/* Measures a part in a child process. *value: what it measured, owned by the caller; NULL if that failed, and the
 * record then has an error. */
static enum verdict measure_part(json_t **record, const char *what, json_t *(*work)(const void *),
                                 const struct measuring *m, double seconds, json_t **value) {
    char reason[CHILD_REASON];
    json_t *part;
    double start = clock_seconds();
    messages_forget_driver();
    enum child_end end = child_run(&(struct child){.work = work, .job = m, .timeout = seconds}, &part, reason);
    enum verdict verdict = child_verdict(end, part);
    const char *fault = json_text_of(part, "fault"), *error = part ? json_text_of(part, "error") : reason;
    if (verdict != VERDICT_RIGHT)
        json_put(record, "error", json_make_format("%s: %s", what, error));
    *value = verdict == VERDICT_RIGHT ? json_incref(json_object_get(part, "value")) : NULL;
    if (*fault) {
        add_fault(record, fault);
        verdict = VERDICT_WRONG;
    }
    if (verdict != VERDICT_RIGHT) {
        line_erase(messages());
        messages_show_driver();
    }
    note_part(record, what, clock_seconds() - start, status_of(verdict), *fault ? fault : *value ? "" : error);
    json_decref(part);
    return verdict;
}

/* ------------------------------------------------------------------------------------------------------ a device -- */

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

/* Sets the device. Names its stored profile explicitly, because it is not in the temporary cache folder that is used.
 */
static void choose_device(struct measuring *m, const json_t *device) {
    const json_t *profile = json_object_get(device, "profile");
    snprintf(m->config.device, sizeof m->config.device, "%s", json_text_of(device, "selector"));
    if (!*m->config.profile && strcmp(json_text_of(profile, "from"), "stored") == 0)
        snprintf(m->config.profile, sizeof m->config.profile, "%s", json_text_of(profile, "name"));
}

/* Measures what is measured once, until one part has an error. */
static enum verdict measure_parts(json_t **record, const struct measuring *m, const struct measuring_plan *plan,
                                  const struct turn *turn) {
    static const struct {
        enum measuring_part part;
        const char *key, *what;
        json_t *(*work)(const void *);
    } parts[] = {{MEASURE_START, "cold_start_s", "cold start", record_start},
                 {MEASURE_START, "warm_start_s", "warm start", record_start}, /* of programs that the cold one cached */
                 {MEASURE_SELFCHECK, "selfcheck", "selfcheck", record_selfcheck},
                 {MEASURE_LOSSES, "losses", "first losses", record_losses}};
    enum verdict worst = VERDICT_RIGHT;
    for (size_t i = 0; !json_object_get(*record, "error") && i < sizeof parts / sizeof *parts; i++) {
        json_t *value;
        if (!(plan->parts & parts[i].part))
            continue;
        say(*record, turn, parts[i].what);
        worst = verdict_worse(worst, measure_part(record, parts[i].what, parts[i].work, m, plan->seconds, &value));
        if (value)
            json_put(record, parts[i].key, value);
    }
    return worst;
}

/* The record of a device, without its speed. */
static enum verdict measure_once(json_t **record, const struct measuring_plan *plan, const struct turn *turn) {
    const char *temporary = getenv("TMPDIR");
    enum verdict verdict = VERDICT_FAILED;
    struct measuring m = plan->how;
    choose_device(&m, json_object_get(*record, "device"));
    snprintf(m.caches, sizeof m.caches, "%s/vggcl-XXXXXX", temporary && strlen(temporary) < 40 ? temporary : "/tmp");
    if (mkdtemp(m.caches)) {
        verdict = measure_parts(record, &m, plan, turn);
        remove_folder(m.caches);
    } else {
        json_put(record, "error", json_make_format("%s: cannot make this folder: %s", m.caches, strerror(errno)));
    }
    return verdict;
}

/* -------------------------------------------------------------------------------------------------------- speed -- */

static int compare_numbers(const void *a, const void *b) {
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* The median of a member of the rounds. */
static double median_of(const json_t *rounds, const char *key) {
    double values[MEASURING_ROUNDS];
    size_t count = json_array_size(rounds);
    for (size_t i = 0; i < count; i++)
        values[i] = json_number_of(json_array_get(rounds, i), key);
    qsort(values, count, sizeof *values, compare_numbers);
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

/* Sets a speed, and the shares that are proportional to it. shares ends with NULL. */
static void put_speed(json_t **benchmark, const char *key, double speed, const char *const *shares) {
    double factor = speed / json_number_of(*benchmark, key);
    for (; *shares; shares++)
        json_put(benchmark, *shares, json_make_number(factor * json_number_of(*benchmark, *shares)));
    json_put(benchmark, key, json_make_number(speed));
}

/* Adds the speeds of one more round to those of the rounds before it; takes value over. The benchmark is that of the
 * first round, with the medians of all. */
static void add_round(json_t **record, json_t *value) {
    static const char *const keys[] = {"train_images_per_s", "eval_images_per_s", "first_step_s"};
    static const char *const shares[][3] = {{"flops_share", "train_bound_share", NULL}, {"eval_bound_share", NULL}};
    json_t *benchmark = json_incref(json_object_get(*record, "benchmark")), *round = json_object();
    if (!benchmark)
        benchmark = json_incref(value);
    json_t *rounds =
        json_object_get(benchmark, "rounds") ? json_incref(json_object_get(benchmark, "rounds")) : json_array();
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        json_put(&round, keys[i], json_make_number(json_number_of(value, keys[i])));
    json_add(&rounds, round);
    for (size_t i = 0; i < 2; i++)
        put_speed(&benchmark, keys[i], median_of(rounds, keys[i]), shares[i]);
    json_put(&benchmark, "rounds", rounds);
    json_put(record, "benchmark", benchmark);
    json_decref(value);
}

static enum verdict measure_round(json_t **record, const struct measuring_plan *plan, const struct turn *turn,
                                  int round) {
    struct measuring m = plan->how;
    char what[32] = "benchmark";
    json_t *value;
    if (plan->rounds > 1)
        snprintf(what, sizeof what, "benchmark %d/%d", round + 1, plan->rounds);
    choose_device(&m, json_object_get(*record, "device"));
    say(*record, turn, what);
    enum verdict verdict = measure_part(record, "benchmark", record_benchmark, &m, plan->seconds, &value);
    if (value)
        add_round(record, value);
    return verdict;
}

/* -------------------------------------------------------------------------------------------------- all devices -- */

/* Lists the selected devices; answer["error"] says why that fails. The caller owns *devices. */
static enum verdict list_devices(json_t *answer, const struct measuring_plan *plan, json_t **devices) {
    char reason[CHILD_REASON];
    json_t *listed;
    const struct child child = {.work = record_devices, .job = &plan->which, .timeout = fmax(plan->seconds, LISTING)};
    enum child_end end = child_run(&child, &listed, reason);
    enum verdict verdict = child_verdict(end, listed);
    *devices = json_incref(json_object_get(listed, "devices"));
    if (!listed)
        json_object_set_new(
            answer, "error",
            json_make_format("listing the devices: %s; OCL_ICD_VENDORS=FILE.icd leaves other drivers out", reason));
    else if (!*devices)
        json_object_set_new(answer, "error", json_make_text(json_text_of(listed, "error")));
    json_decref(listed);
    return verdict;
}

/* Measures a part of the plan of record i: what is measured once, or, from round 0 on, a round of the speed. */
static enum verdict measure(json_t *records, const struct measuring_plan *plan, struct turn *turn, int round) {
    json_t *record = json_incref(json_array_get(records, turn->done));
    enum verdict verdict = round < 0 ? measure_once(&record, plan, turn) : measure_round(&record, plan, turn, round);
    enum verdict worst = verdict_worse(verdict, record ? record_verdict(record) : VERDICT_FAILED);
    json_object_set_new(record, "status", json_make_text(status_of(worst)));
    json_decref(record);
    turn->measured++;
    return worst;
}

static enum verdict measure_all_once(json_t *records, const struct measuring_plan *plan, const json_t *devices) {
    struct turn turn = {.count = json_array_size(devices), .start = clock_seconds()};
    enum verdict worst = VERDICT_RIGHT;
    for (; turn.done < turn.count && !signals_stop(NULL); turn.done++) {
        json_t *record =
            JSON_MAKE({"device", json_incref(json_array_get(devices, turn.done))}, {"status", json_make_text("passed")},
                      {"faults", json_array()}, {"parts", json_array()});
        if (json_array_append_new(records, record) != 0)
            return VERDICT_FAILED;
        worst = verdict_worse(worst, measure(records, plan, &turn, -1));
    }
    return worst;
}

/* A round of the speed of all devices that have no error. */
static enum verdict measure_all_speeds(json_t *records, const struct measuring_plan *plan, int round) {
    struct turn turn = {.count = json_array_size(records), .start = clock_seconds()};
    enum verdict worst = VERDICT_RIGHT;
    for (; turn.done < turn.count && !signals_stop(NULL); turn.done++)
        if (!json_object_get(json_array_get(records, turn.done), "error"))
            worst = verdict_worse(worst, measure(records, plan, &turn, round));
    return worst;
}

/* Sums up the seconds of each record's parts, and marks those whose speed a signal kept from being measured. */
static void finish(const json_t *records, unsigned parts) {
    size_t i, k;
    json_t *record, *part;
    json_array_foreach(records, i, record) {
        double seconds = 0;
        json_array_foreach(json_object_get(record, "parts"), k, part) seconds += json_number_of(part, "seconds");
        json_object_set_new(record, "seconds", json_make_number(seconds));
        if (parts & MEASURE_SPEED && !json_object_get(record, "error") && !json_object_get(record, "benchmark")) {
            json_object_set_new(record, "error", json_make_text("benchmark: interrupted"));
            json_object_set_new(record, "status", json_make_text(status_of(VERDICT_INTERRUPTED)));
        }
    }
}

enum verdict measuring_run(json_t *answer, const struct measuring_plan *plan) {
    json_t *devices, *records = json_object_get(answer, "devices");
    progress_watch(messages());
    enum verdict worst = list_devices(answer, plan, &devices);
    worst = verdict_worse(worst, measure_all_once(records, plan, devices));
    for (int i = 0; plan->parts & MEASURE_SPEED && i < plan->rounds; i++)
        worst = verdict_worse(worst, measure_all_speeds(records, plan, i));
    line_erase(messages());
    finish(records, plan->parts);
    json_decref(devices);
    return signals_stop(NULL) ? VERDICT_INTERRUPTED : worst;
}
