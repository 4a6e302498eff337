#include "base/text.h"
#include "cli/compare/judge.h"
#include "cli/compare/measuring.h"
#include "cli/origin.h"
#include "cli/compare/records.h"
#include "cli/compare/report.h"
#include "cli/signals.h"
#include "cli/messages.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { SCHEMA = 1 }; /* the version of data/compare.schema.json */

static const char *selectors[FLAG_MOST + 1], *against[FLAG_MOST + 1];
static bool all, quick, as_json;
static const char *steps = "10", *timeout = "3600", *rounds, *only = "start,selfcheck,losses,speed", *slower_than;
static const char *html, *junit, *markdown, *missing_status;

/* Without a device to measure, records are compared with each other: the last file with those before it. */
static bool only_records(void) {
    return *against && !*selectors && !all;
}

/* -------------------------------------------------------------------------------------------------- the answer -- */

/* Reads the earlier records into `earlier`; if nothing is measured, those of the last file into `records`. */
static enum vggcl_err read_records(json_t *records, json_t *earlier) {
    for (size_t i = 0; against[i]; i++) {
        bool last = only_records() && !against[i + 1];
        TRY(records_read(last ? records : earlier, against[i], !last));
    }
    return VGGCL_OK;
}

/* Before anything is measured for long: whether --slower-than has a speed to compare with. */
static enum vggcl_err check_speeds(const json_t *earlier, double slower) {
    size_t i;
    json_t *record;
    json_array_foreach(earlier, i, record) {
        if (json_is_object(json_object_get(record, "benchmark")))
            return VGGCL_OK;
    }
    return isnan(slower) ? VGGCL_OK
                         : err_set(VGGCL_EUSAGE, "--slower-than: the earlier records of --against have no speed; make "
                                                 "one with vggcl compare --json");
}

static enum verdict measure(json_t *answer, const struct measuring_plan *plan) {
    signals_promise("stopping; what is measured is printed");
    signals_keep("nothing was printed");
    signals_finish(EXIT_INTERRUPTED);
    signals_catch(false);
    enum verdict verdict = measuring_run(answer, plan);
    if (verdict == VERDICT_INTERRUPTED)
        json_object_set_new(answer, "interrupted", json_true());
    return verdict;
}

/* Writes one file, if it is wanted. */
static enum verdict put_file(enum vggcl_err (*put)(const char *path, const json_t *answer), const char *path,
                             const json_t *answer) {
    if (!path || put(path, answer) == VGGCL_OK)
        return VERDICT_RIGHT;
    cli_failed(VGGCL_EIO);
    return VERDICT_UNWRITTEN;
}

/* Prints the table or JSON, writes the files, and says what is wrong. */
static enum verdict report(json_t *answer, enum verdict verdict) {
    if (as_json)
        cli_print_json(json_incref(answer), CLI_JSON);
    else if (json_array_size(json_object_get(answer, "devices")))
        report_table(answer);
    verdict = verdict_worse(verdict, put_file(report_page, html, answer));
    verdict = verdict_worse(verdict, put_file(report_junit, junit, answer));
    verdict = verdict_worse(verdict, put_file(report_markdown, markdown, answer));
    fflush(stdout);
    if (verdict == VERDICT_INTERRUPTED)
        fputs("vggcl: interrupted: this is what was measured until then\n", messages());
    else if (verdict > VERDICT_UNWRITTEN) {
        judge_explain(answer);
        cli_failed(VGGCL_EWRONG);
    }
    return verdict;
}

/* slower: a share, NaN if speed is not judged. */
static int compare(const struct measuring_plan *plan, double slower) {
    json_t *records = json_array(), *earlier = json_array(), *answer = origin_json();
    json_put(&answer, "schema", json_integer(SCHEMA));
    json_put(&answer, "slower_than", json_make_number(slower));
    json_put(&answer, "devices", json_incref(records));
    enum vggcl_err err = read_records(records, earlier);
    if (err == VGGCL_OK)
        err = check_speeds(earlier, slower);
    int status = err == VGGCL_OK ? EXIT_FINE : cli_failed(err);
    if (err == VGGCL_OK) {
        enum verdict verdict = only_records() ? VERDICT_RIGHT : measure(answer, plan);
        json_array_extend(records, earlier);
        status = verdict_status(report(answer, judge(answer, verdict, slower)));
    }
    json_decref(records);
    json_decref(earlier);
    json_decref(answer);
    return status;
}

/* -------------------------------------------------------------------------------------------------- the flags -- */

/* "10%" or "10" as 0.1; NaN without the flag. */
static int parse_share(double *share) {
    char *end = NULL;
    *share = slower_than ? text_number(slower_than, &end) / 100 : NAN;
    if (!slower_than)
        return EXIT_FINE;
    if (end == slower_than || (*end && strcmp(end, "%") != 0) || !(*share >= 0 && *share < 1))
        return cli_misused("--slower-than takes a percentage from 0 to 99, such as 10%%, not '%s'", slower_than);
    if (!*against || (only_records() && !against[1]))
        return cli_misused("--slower-than needs an earlier record to compare with: --against FILE");
    return EXIT_FINE;
}

static int parse_plan(struct measuring_plan *plan, bool judges_speed) {
    long step_count, seconds, round_count = judges_speed ? 3 : 1;
    plan->parts = measuring_parts(only);
    if (!cli_parse_count(steps, 1, RECORD_STEPS, &step_count))
        return cli_misused("--steps takes a whole number from 1 to %d, not '%s'", RECORD_STEPS, steps);
    if (!cli_parse_count(timeout, 1, 1000000, &seconds))
        return cli_misused("--timeout takes seconds, a whole number from 1 to 1000000, not '%s'", timeout);
    if (rounds && !cli_parse_count(rounds, 1, MEASURING_ROUNDS, &round_count))
        return cli_misused("--rounds takes a whole number from 1 to %d, not '%s'", MEASURING_ROUNDS, rounds);
    if (!plan->parts)
        return cli_misused("--only takes start, selfcheck, losses and speed, separated by commas, not '%s'", only);
    if (judges_speed && !(plan->parts & MEASURE_SPEED))
        return cli_misused("--slower-than needs the speed, which --only %s leaves out", only);
    plan->how.steps = (int)step_count;
    plan->seconds = (double)seconds;
    plan->rounds = (int)round_count;
    return EXIT_FINE;
}

static int run(const struct vggcl_config *config) {
    struct measuring_plan plan = {.how = {.config = *config, .quick = quick}, .which = {selectors, all}};
    double share;
    if (parse_share(&share) != EXIT_FINE || parse_plan(&plan, slower_than) != EXIT_FINE ||
        cli_set_missing(missing_status) != EXIT_FINE)
        return EXIT_USAGE;
    if (only_records())
        fputs("vggcl: only records are compared; --device or --all measures devices too\n", messages());
    return compare(&plan, share);
}

const struct command command_compare = {
    .name = "compare",
    .summary = "measures devices side by side: right, how fast, how much memory",
    .description =
        "Runs each device in child processes, so that a driver that crashes or hangs costs only its own row of the "
        "table:\n"
        "the time until the first step is done, with all kernels to be built (cold) and with none (warm); the\n"
        "selfcheck; the losses of the first training steps of a narrow network, against double precision and the\n"
        "other devices; training and evaluation speed, of five steps or what half a minute allows; what the device\n"
        "can do at most; memory. A gate for drivers, by its exit status: the worst of the devices' results, 1 where "
        "one\n"
        "gives wrong results; the manual page, vggcl(1), has the table. A signal to end (Ctrl-C) prints what is\n"
        "measured until then, as interrupted.\n\n"
        "--json keeps a record, on another machine or another day, for --against. Earlier records are compared with,\n"
        "and do not fail the gate. Without --device and --all nothing is measured: the records of the last file are\n"
        "judged and compared with those of the files before it. The manual page has the schema.\n\n"
        "  vggcl compare --all --html devices.html\n"
        "  vggcl compare --device gpu --json > gpu.json\n"
        "  vggcl compare --device gpu --against gpu.json --slower-than 10%\n"
        "  vggcl compare --against monday.json tuesday.json --junit report.xml\n",
    .options = VGGCL_FOR_BENCH,
    .flags =
        (const struct flag[]){
            {"device", "SEL...",
             "as vggcl devices has it; several are measured one after the other; default\n"
             "$VGGCL_DEVICE, else the first GPU, else any",
             selectors, NULL},
            {"all", NULL, "all devices", NULL, &all},
            {"only", "PARTS", "measure only these: start, selfcheck, losses, speed, separated by commas", &only, NULL},
            {"steps", "N", "training steps whose losses are compared (default 10)", &steps, NULL},
            {"quick", NULL, "check only what the network uses, on two images", NULL, &quick},
            {"timeout", "SECONDS", "give up on a device that takes longer than this for a part of it (default 3600)",
             &timeout, NULL},
            {"against", "FILE...", "compare with the records in these files of --json, which add rows", against, NULL},
            {"slower-than", "P%",
             "fail if a device trains or evaluates more than P percent fewer images per second than\n"
             "in the last of the earlier records of the same device and network, and the spread of\n"
             "the rounds does not explain it",
             &slower_than, NULL},
            {"rounds", "N",
             "measure the speed N times and take the median; several devices take turns (default 1,\n"
             "with --slower-than 3)",
             &rounds, NULL},
            {"missing-status", "N", CLI_MISSING_HELP, &missing_status, NULL},
            {"html", "FILE", "write a page with table, losses and layers too", &html, NULL},
            {"junit", "FILE", "write JUnit's XML, for a CI's list of tests", &junit, NULL},
            {"markdown", "FILE", "write a summary in Markdown, for a CI's summary page; replaces the file", &markdown,
             NULL},
            {"json", NULL, "for scripts: {\"verdict\": ..., \"devices\": [{...}, ...], ...}", NULL, &as_json},
            {0}},
    .choices = (const struct flag_words[]){{"only", measuring_part_name}, {0}},
    .gate = true,
    .run = run,
};
