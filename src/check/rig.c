#include "check/rig.h"
#include "base/stored.h"
#include "base/text.h"
#include "cl/arena.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Guard words after the data: as many as the last work-group writes if its work-items do not check the range. The guard
 * words before the data are as many as the device's alignment requires. */
enum { GUARD_WORDS = WORK_GROUP * 16 };

/* Two 16-bit floats, both NaN. */
static const uint32_t poison_halves = 0x7FCD7FCD;

/* A host array, or a tensor with its guard words in an arena. */
struct made {
    struct made *next;
    void *host;
    struct arena arena;
    struct tensor before, data; /* the guard words of data directly follow its last word */
};

void rig_start(struct rig *rig) {
    rig->random = rng_sequence(1, RNG_SYNTH, 0);
    rig->result = (struct comparison){0};
}

static struct made *make(struct rig *rig) {
    assert(!rig->running);
    struct made *m = rig->err == VGGCL_OK ? calloc(1, sizeof *m) : NULL;
    if (!m) {
        RIG_RUN(rig, err_no_memory("a check", sizeof *m));
        return NULL;
    }
    m->next = rig->made;
    return rig->made = m;
}

/* ------------------------------------------------------------------------------------------------- host arrays -- */

void *rig_zeros(struct rig *rig, size_t bytes) {
    struct made *m = make(rig);
    if (!m)
        return NULL;
    m->host = calloc(bytes ? bytes : 1, 1);
    if (!m->host)
        rig->err = err_no_memory("a check", bytes);
    return m->host;
}

/* Random numbers repeat with this period, because drawing millions of them would take longer than the checks. The
 * period is a prime number, so a wrong row, column, channel or image has different numbers. */
enum { PERIOD = 16381 };

/* How many of count numbers are drawn; repeat() copies them to the others. */
static size_t drawn(const float *x, size_t count) {
    return !x ? 0 : count < PERIOD ? count : PERIOD;
}

static float *repeat(float *x, size_t count) {
    for (size_t done = drawn(x, count); x && done < count; done += PERIOD)
        memcpy(x + done, x, (count - done < PERIOD ? count - done : PERIOD) * sizeof *x);
    return x;
}

float *rig_floats(struct rig *rig, size_t count, double low, double high) {
    float *x = rig_zeros(rig, count * sizeof *x);
    for (size_t i = 0; i < drawn(x, count); i++)
        x[i] = (float)(low + (high - low) * rng_uniform(&rig->random));
    return repeat(x, count);
}

float *rig_normal(struct rig *rig, size_t count, double mean, double deviation) {
    float *x = rig_zeros(rig, count * sizeof *x);
    for (size_t i = 0; i < drawn(x, count); i++)
        x[i] = (float)(mean + deviation * rng_normal(&rig->random));
    return repeat(x, count);
}

int32_t *rig_labels(struct rig *rig, size_t count, size_t classes) {
    int32_t *label = rig_zeros(rig, count * sizeof *label);
    for (size_t i = 0; label && i < count; i++)
        label[i] = (int32_t)rng_below(&rig->random, (uint32_t)classes);
    return label;
}

/* ----------------------------------------------------------------------------------------------- device memory -- */

static enum vggcl_err allocate(struct dev *d, struct made *m, size_t count, enum stored stored) {
    size_t words = storage_words(count, stored);
    TRY(arena_reserve(&m->arena, "guard words", d->alignment / 4, &m->before));
    TRY(arena_reserve(&m->arena, "an operand of a check", words + GUARD_WORDS, &m->data));
    TRY(arena_commit(&m->arena, d));
    TRY(dev_fill(d, m->before, 0, m->before.count, POISON));
    TRY(dev_fill(d, m->data, words, GUARD_WORDS, POISON));
    m->data.count = count;
    m->data.stored = stored;
    return VGGCL_OK;
}

/* count elements between guard words, not initialised. */
static struct tensor guarded(struct rig *rig, size_t count, enum stored stored) {
    struct made *m = make(rig);
    if (!m)
        return (struct tensor){0};
    RIG_RUN(rig, allocate(rig->dev, m, count, stored));
    return m->data;
}

struct tensor rig_poisoned(struct rig *rig, size_t count) {
    struct tensor t = guarded(rig, count, STORED_FLOAT);
    if (count)
        RIG_RUN(rig, dev_fill(rig->dev, t, 0, count, POISON));
    return t;
}

struct tensor rig_upload(struct rig *rig, size_t count, const void *host) {
    struct tensor t = guarded(rig, count, STORED_FLOAT);
    if (count)
        RIG_RUN(rig, dev_write(rig->dev, t, 0, count, host));
    return t;
}

float *rig_stored(struct rig *rig, size_t count, float *x) {
    for (size_t i = 0; x && i < count; i++)
        x[i] = stored_round(rig->context.stored, x[i]);
    return x;
}

float *rig_activations(struct rig *rig, size_t count) {
    return rig_stored(rig, count, rig_floats(rig, count, -1, 1));
}

struct tensor rig_poisoned_stored(struct rig *rig, size_t count) {
    struct tensor t = guarded(rig, count, rig->context.stored);
    if (count)
        RIG_RUN(rig, dev_fill(rig->dev, t, 0, storage_words(count, t.stored),
                              t.stored == STORED_FLOAT ? POISON : poison_halves));
    return t;
}

struct tensor rig_upload_stored(struct rig *rig, size_t count, const float *host) {
    struct tensor t = guarded(rig, count, rig->context.stored);
    if (count)
        RIG_RUN(rig, dev_write_floats(rig->dev, t, 0, count, host));
    return t;
}

void *rig_download(struct rig *rig, struct tensor t) {
    void *host = rig_zeros(rig, 4 * t.count);
    RIG_RUN(rig, dev_read_floats(rig->dev, t, 0, t.count, host));
    return rig->err == VGGCL_OK ? host : NULL;
}

/* Checks words [first, first + count) of t, guard words that start `distance` words after the first word of m's data.
 */
static enum vggcl_err check_guards(struct dev *d, const struct made *m, struct tensor t, size_t first, size_t count,
                                   long distance) {
    uint32_t words[GUARD_WORDS];
    for (size_t done = 0; done < count; done += GUARD_WORDS) {
        size_t part = count - done < GUARD_WORDS ? count - done : GUARD_WORDS;
        TRY(dev_read(d, t, first + done, part, words));
        for (size_t i = 0; i < part; i++)
            if (words[i] != POISON)
                return err_set(VGGCL_EWRONG, "a kernel wrote 0x%08x at word %ld of a tensor of %zu words", words[i],
                               distance + (long)(done + i), storage_words(m->data.count, m->data.stored));
    }
    return VGGCL_OK;
}

enum vggcl_err rig_end(struct rig *rig) {
    while (rig->made) {
        struct made *m = rig->made;
        rig->made = m->next;
        if (m->data.mem) {
            size_t words = storage_words(m->data.count, m->data.stored);
            struct tensor whole = {m->data.mem, words + GUARD_WORDS, STORED_FLOAT};
            RIG_RUN(rig, check_guards(rig->dev, m, m->before, 0, m->before.count, -(long)m->before.count));
            RIG_RUN(rig, check_guards(rig->dev, m, whole, words, GUARD_WORDS, (long)words));
        }
        arena_free(&m->arena);
        free(m->host);
        free(m);
    }
    enum vggcl_err err = rig->err;
    rig->err = VGGCL_OK;
    return err;
}

/* -------------------------------------------------------------------------------------------------- comparison -- */

struct rig_output rig_read(struct rig *rig, const char *name, enum rig_kind kind, struct tensor output,
                           double roundings) {
    struct rig_output r = {
        .name = name, .kind = kind, .roundings = roundings, .stored = output.stored, .count = output.count};
    r.compared = r.count < rig->sample ? r.count : rig->sample;
    r.words = rig_download(rig, output);
    r.exact = rig_zeros(rig, r.compared * sizeof *r.exact);
    r.open = rig->err == VGGCL_OK;
    return r;
}

/* The index of the k-th element to compare. A sample has the first and the last element; the others are spread evenly
 * but not periodically, by the fractional parts of multiples of the golden ratio. */
static size_t element(const struct rig_output *r, size_t k) {
    if (r->compared == r->count)
        return k;
    return k == r->compared - 1 ? r->count - 1 : (size_t)((uint64_t)((uint32_t)k * 0x9E3779B9u) * r->count >> 32);
}

bool rig_next(struct rig_output *r, size_t *i) {
    if (r->done == r->compared)
        return false;
    *i = element(r, r->done++);
    return true;
}

static double word(const struct rig_output *r, size_t i) {
    return r->kind == RIG_INTEGERS ? ((const int32_t *)r->words)[i] : ((const float *)r->words)[i];
}

/* The error relative to magnitude. `stored` is the rounding error of storing the result, which is not counted. */
static double error_of(double got, double expected, double magnitude, double stored) {
    if (got == expected || (isnan(got) && isnan(expected)))
        return 0;
    double error = fabs(got - expected) - stored;
    return error <= FLT_MIN ? 0 : isfinite(error) && magnitude > 0 ? error / magnitude : INFINITY;
}

static void count_element(struct comparison *c, enum stored kind, size_t i, double got, struct sum exact) {
    double magnitude = fmax(exact.magnitude, fabs(exact.value)), stored = stored_error(kind, exact.value);
    double error = error_of(got, exact.value, magnitude, stored);
    c->error = fmax(c->error, error);
    if (!(error > c->tolerance))
        return;
    if (!c->wrong++ || i < c->first) {
        c->first = i;
        c->got = got;
        c->expected = exact.value;
        c->allowed = c->tolerance * magnitude + stored;
    }
}

/* The error relative to the tolerance. */
static double badness(const struct comparison *c) {
    return c->tolerance > 0 ? c->error / c->tolerance : c->error > 0 ? INFINITY : 0;
}

/* Whether all floats are finite. No branch in the loop, because there may be many. */
static bool all_finite(const void *floats, size_t count) {
    const uint32_t *words = floats, exponent = 0x7F800000;
    bool finite = true;
    for (size_t i = 0; i < count; i++)
        finite &= (words[i] & exponent) != exponent;
    return finite;
}

/* Counts the elements outside of the sample that are not finite, so that all have been compared then. */
static void count_not_finite(struct comparison *c, const struct rig_output *r, double magnitude) {
    size_t sampled = 0, before = c->wrong;
    for (size_t k = 0; k < r->compared; k++)
        sampled += !isfinite(word(r, element(r, k)));
    for (size_t i = 0; i < r->count; i++)
        if (!isfinite(word(r, i)))
            count_element(c, r->stored, i, word(r, i), (struct sum){0, magnitude});
    c->wrong = c->wrong - before > sampled ? c->wrong - sampled : before;
    c->compared = r->count;
}

void rig_judge(struct rig *rig, struct rig_output *r) {
    struct comparison c = {.name = r->name, .tolerance = r->roundings * FLT_EPSILON, .compared = r->compared};
    double largest = 0;
    for (size_t k = 0; k < r->compared; k++)
        largest = fmax(largest, r->exact[k].magnitude);
    for (size_t k = 0; k < r->compared; k++) {
        struct sum exact = r->exact[k];
        if (r->kind == RIG_SPREAD)
            exact.magnitude = largest;
        count_element(&c, r->stored, element(r, k), word(r, element(r, k)), exact);
    }
    if (r->compared < r->count && r->kind != RIG_INTEGERS && !all_finite(r->words, r->count))
        count_not_finite(&c, r, largest);
    if (!rig->result.name || badness(&c) > badness(&rig->result))
        rig->result = c;
    r->open = false;
}

void rig_fault(const struct comparison *c, char text[RIG_FAULT]) {
    text_print(text, RIG_FAULT, "%s[%zu] is %.9g, expected %.9g +- %.2g; %zu of %zu compared are wrong", c->name,
               c->first, c->got, c->expected, c->allowed, c->wrong, c->compared);
}
