#include "cli/compare/judge.h"
#include "cli/compare/records.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static bool same_text(const json_t *a, const json_t *b, const char *key) {
    return strcmp(json_text_of(a, key), json_text_of(b, key)) == 0;
}

/* ------------------------------------------------------------------------------------------------------ losses -- */

/* The largest difference between a step's loss and that of another device that trained the same network; NaN if there
 * is none. */
static double difference(const json_t *records, const json_t *losses, size_t step) {
    double largest = NAN;
    size_t i;
    json_t *record;
    json_array_foreach(records, i, record) {
        const json_t *others = json_object_get(record, "losses");
        if (others != losses && same_text(others, losses, "network"))
            largest =
                fmax(largest, fabs(record_element(losses, "device", step) - record_element(others, "device", step)));
    }
    return largest;
}

static void add_differences(const json_t *records) {
    size_t i;
    json_t *record;
    json_array_foreach(records, i, record) {
        json_t *losses = json_object_get(record, "losses"), *differences = json_array();
        for (size_t k = 0; k < json_array_size(json_object_get(losses, "device")); k++)
            json_add(&differences, json_make_number(difference(records, losses, k)));
        json_object_set_new(losses, "from_others", differences); /* not of a record without losses */
    }
}

/* The first step in which two devices' losses differ by more than both tolerances, as a text; NULL if there is none. */
static json_t *find_fault(const json_t *a, const json_t *b) {
    const json_t *of_a = json_object_get(a, "losses"), *of_b = json_object_get(b, "losses");
    size_t steps_a = json_array_size(json_object_get(of_a, "device"));
    size_t steps_b = json_array_size(json_object_get(of_b, "device"));
    char name_a[RECORD_NAME], name_b[RECORD_NAME];
    record_name(a, name_a);
    record_name(b, name_b);
    for (size_t i = 0; i < steps_a && i < steps_b; i++) {
        double loss_a = record_element(of_a, "device", i), loss_b = record_element(of_b, "device", i);
        double limit = record_element(of_a, "tolerance", i) + record_element(of_b, "tolerance", i);
        if (isnan(loss_a - loss_b) || isnan(limit))
            return json_make_format("%s and %s: the loss or the tolerance of step %zu is missing", name_a, name_b,
                                    i + 1);
        if (fabs(loss_a - loss_b) > limit)
            return json_make_format("%s and %s train differently: their losses of step %zu, %.9g and %.9g, differ by "
                                    "more than the sum of their tolerances, %.1e",
                                    name_a, name_b, i + 1, loss_a, loss_b, limit);
    }
    return NULL;
}

/* Whether two records' losses are to agree; what is wrong by itself is reported by itself. */
static bool is_pair(const json_t *a, const json_t *b) {
    return record_is(a, "passed") && record_is(b, "passed") && !(record_is_earlier(a) && record_is_earlier(b)) &&
           same_text(json_object_get(a, "losses"), json_object_get(b, "losses"), "network");
}

static json_t *find_faults(const json_t *records) {
    json_t *faults = json_array(), *a;
    size_t i;
    json_array_foreach(records, i, a) {
        for (size_t k = i + 1; k < json_array_size(records); k++) {
            const json_t *b = json_array_get(records, k);
            json_t *fault = is_pair(a, b) ? find_fault(a, b) : NULL;
            if (fault)
                json_add(&faults, fault);
        }
    }
    return faults;
}

/* ------------------------------------------------------------------------------------------------------- speed -- */

/* Whether two benchmarks are of the same network and batch. Earlier versions had no "network". */
static bool same_network(const json_t *a, const json_t *b) {
    static const char *const keys[] = {"model", "width", "storage", "batch", "shape", "classes"};
    if (*json_text_of(a, "network") && *json_text_of(b, "network"))
        return same_text(a, b, "network");
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (!json_equal(json_object_get(a, keys[i]), json_object_get(b, keys[i])))
            return false;
    return true;
}

/* The last earlier record of the same device and network; NULL if there is none. */
static const json_t *find_earlier(const json_t *records, const json_t *record) {
    const json_t *found = NULL;
    size_t i;
    json_t *other;
    json_array_foreach(records, i, other) {
        const json_t *benchmark = json_object_get(other, "benchmark");
        if (record_is_earlier(other) && json_is_object(benchmark) &&
            same_text(json_object_get(other, "device"), json_object_get(record, "device"), "name") &&
            same_network(benchmark, json_object_get(record, "benchmark")))
            found = other;
    }
    return found;
}

/* The least and the largest speed of the rounds, or, of one round, of its steps; NaN if the benchmark lacks them. */
struct range {
    double least, largest;
};

static struct range range_of(const json_t *benchmark, const char *key, const char *spread_key) {
    const json_t *rounds = json_object_get(benchmark, "rounds"), *spread = json_object_get(benchmark, spread_key);
    struct range r = {NAN, NAN};
    if (json_array_size(rounds) < 2)
        return (struct range){json_number_of(spread, "least"), json_number_of(spread, "largest")};
    for (size_t i = 0; i < json_array_size(rounds); i++) {
        double speed = json_number_of(json_array_get(rounds, i), key);
        r.least = fmin(r.least, speed);
        r.largest = fmax(r.largest, speed);
    }
    return r;
}

static json_t *range_json(struct range r) {
    return JSON_MAKE({"least", json_make_number(r.least)}, {"largest", json_make_number(r.largest)});
}

/* "train 812 images/s (805 to 815), 9 % slower than 893 (880 to 901)". */
static json_t *speed_text(const char *what, double now, struct range r, double before, struct range r_before,
                          const char *end) {
    int digits = fmin(now, before) < 100;
    return json_make_format("%s %.*f images/s (%.*f to %.*f), %.0f %% %s than %.*f (%.*f to %.*f)%s", what, digits, now,
                            digits, r.least, digits, r.largest, fabs(100 * (now / before - 1)),
                            now < before ? "slower" : "faster", digits, before, digits, r_before.least, digits,
                            r_before.largest, end);
}

/* How one speed changed since the earlier record; NULL where one of the two lacks it. It is slower if it fell by more
 * than allowed and the ranges do not overlap: the difference is more than the noise. *slower is set then. */
static json_t *compare_speed(const json_t *now, const json_t *before, const char *what, double slower_than,
                             bool *slower) {
    char key[32], spread_key[32];
    snprintf(key, sizeof key, "%s_images_per_s", what);
    snprintf(spread_key, sizeof spread_key, "%s_spread", what);
    double speed = json_number_of(now, key), earlier = json_number_of(before, key), change = speed / earlier - 1;
    struct range range = range_of(now, key, spread_key), earlier_range = range_of(before, key, spread_key);
    bool fell = -change > slower_than, noise = range.largest >= earlier_range.least;
    if (!(earlier > 0) || !isfinite(change))
        return NULL;
    *slower = *slower || (fell && !noise);
    return JSON_MAKE(
        {"images_per_s", json_make_number(speed)}, {"range", range_json(range)},
        {"earlier_images_per_s", json_make_number(earlier)}, {"earlier_range", range_json(earlier_range)},
        {"change", json_make_number(change)}, {"slower", json_boolean(fell && !noise)},
        {"text", speed_text(what, speed, range, earlier, earlier_range, fell && noise ? ", within the noise" : "")});
}

/* Sets "speed_against" of a record; returns whether an earlier record has a speed to compare with. */
static bool judge_speed(const json_t *records, json_t *record, double slower_than) {
    const json_t *earlier = find_earlier(records, record), *before = json_object_get(earlier, "benchmark");
    const json_t *now = json_object_get(record, "benchmark");
    bool slower = false;
    if (!json_is_object(now) || !earlier)
        return false;
    json_t *train = compare_speed(now, before, "train", slower_than, &slower);
    json_t *eval = compare_speed(now, before, "eval", slower_than, &slower);
    if (!train || !eval) {
        json_decref(train);
        json_decref(eval);
        return false;
    }
    json_t *text = json_make_format("%s; %s; earlier: %s", json_text_of(train, "text"), json_text_of(eval, "text"),
                                    json_text_of(earlier, "file"));
    json_object_set_new(record, "speed_against",
                        JSON_MAKE({"file", json_make_text(json_text_of(earlier, "file"))}, {"train", train},
                                  {"eval", eval}, {"text", text}));
    if (slower && record_is(record, "passed"))
        json_object_set_new(record, "status", json_make_text("slower"));
    return true;
}

/* Returns whether speeds were to be judged, but no device has an earlier one. */
static bool lacks_earlier(const json_t *records, double slower_than) {
    size_t i, compared = 0;
    json_t *record;
    json_array_foreach(records, i, record) {
        if (!record_is_earlier(record))
            compared += judge_speed(records, record, slower_than);
    }
    return !isnan(slower_than) && !compared;
}

/* ----------------------------------------------------------------------------------------------------- verdict -- */

static enum verdict worst(const json_t *records, enum verdict found) {
    size_t i;
    json_t *record;
    json_array_foreach(records, i, record) {
        if (!record_is_earlier(record))
            found = verdict_worse(found, record_verdict(record));
    }
    return found;
}

enum verdict judge(json_t *answer, enum verdict verdict, double slower_than) {
    const json_t *records = json_object_get(answer, "devices");
    add_differences(records);
    json_t *faults = find_faults(records);
    bool lacks = lacks_earlier(records, slower_than), differ = json_array_size(faults) > 0;
    verdict = worst(records, differ ? verdict_worse(verdict, VERDICT_WRONG) : verdict);
    if (json_object_set_new(answer, "faults", faults) != 0) /* out of memory */
        verdict = verdict_worse(verdict, VERDICT_FAILED);
    if (lacks && verdict == VERDICT_RIGHT) {
        verdict = VERDICT_MISUSED;
        json_object_set_new(answer, "error",
                            json_make_text("--slower-than: no earlier record has the speed of one of these devices, of "
                                           "the same network; --against needs one that was made by the same flags"));
    }
    json_object_set_new(answer, "verdict", json_make_text(verdict_word(verdict)));
    return verdict;
}

/* Appends a printf-like text to `all`, as far as there is room. */
static void add(char *all, size_t size, const char *before, const char *name, const char *why) {
    size_t used = strlen(all);
    snprintf(all + used, size - used, "%s%s%s%s", used ? before : "", name, *name ? ": " : "", why);
}

void judge_explain(const json_t *answer) {
    const json_t *records = json_object_get(answer, "devices"), *faults = json_object_get(answer, "faults");
    size_t i, bad = 0, count = 0;
    json_t *record, *fault;
    char all[4096] = "", name[RECORD_NAME], why[RECORD_WHY];
    json_array_foreach(records, i, record) {
        count += !record_is_earlier(record);
        if (record_is_earlier(record) || record_is(record, "passed"))
            continue;
        record_name(record, name);
        record_why(record, why);
        add(all, sizeof all, "; ", name, why);
        bad++;
    }
    json_array_foreach(faults, i, fault) add(all, sizeof all, "; ", "", json_string_value(fault));
    if (*json_text_of(answer, "error"))
        add(all, sizeof all, "; ", "", json_text_of(answer, "error"));
    if (bad)
        err_set(VGGCL_EWRONG, "%zu of %zu devices did not pass: %s", bad, count, all);
    else
        err_set(VGGCL_EWRONG, "%s", all);
}
