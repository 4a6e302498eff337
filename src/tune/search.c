#include "tune/search.h"
#include "base/clock.h"
#include "base/phase.h"
#include "base/stop.h"
#include "base/text.h"
#include "check/replace.h"
#include "ops/conv/conv.h"
#include "ops/gemm/clblast.h"
#include "ops/gemm/clblast_parameters.h"
#include "ops/gemm/gemm.h"
#include "ops/gemm/gemm_tiled.h"
#include "tune/timing.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 5, QUICK_ROUNDS = 3, FEWEST_IMAGES = 8, SAMPLE = 2 };

static const double noise = 0.97;    /* a challenger must be below this fraction of the holder's time */
static const double hopeless = 1.25; /* a challenger whose first time is above this multiple is not measured again */

double search_elapsed(const struct search *s) {
    return clock_seconds() - s->start;
}

/* The share of the budget that is spent, 0 to 1 and above. Building the kernels of the built-in rules does not count,
 * nor, in a quick search, building the challengers': else a driver that builds slowly leaves no time to measure. */
static double spent(const struct search *s) {
    return (search_elapsed(s) - s->first_runs - (s->quick ? s->trials : 0)) / s->budget;
}

bool search_time_is_up(const struct search *s) {
    return spent(s) >= 1;
}

/* The most programs that a quick search builds for challengers. A number, because the choice of candidates would depend
 * on the machine's load if time alone limited it; some drivers take seconds for each program, so time does, too. */
enum { QUICK_PROGRAMS = 24 };

/* The share that is spent of what a quick search may build for challengers. */
static double spent_on_trials(const struct search *s) {
    return s->quick ? fmax((double)s->built / QUICK_PROGRAMS, s->trials / s->budget) : 0;
}

void search_tell(struct search *s) {
    double seconds = search_elapsed(s), left = fmax(0, (1 - spent(s)) * s->budget);
    if (s->measured > 0 && s->measured < s->candidates)
        left = fmin(left, seconds / s->measured * (s->candidates - s->measured));
    struct vggcl_tune_progress p = {
        .seconds = seconds, .eta = left, .measured = s->measured, .candidates = s->candidates};
    snprintf(p.what, sizeof p.what, "%s", s->what);
    phase_item_eta((size_t)s->measured, left, "%s", s->what);
    if (s->progressed)
        s->progressed(&p, s->payload);
}

/* ------------------------------------------------------------------------------------------------- rows and operands
 * -- */

/* Adds the rows of a layer's shape, unless they exist already or are in the tuning. */
static void add_rows(struct search *s, const struct layer *l, size_t batch) {
    struct conv_shape shape = layer_conv_shape(l, batch);
    bool there = false;
    for (size_t i = 0; i < s->row_count; i++) {
        struct row *r = &s->rows[i];
        if (r->s.h == shape.h && r->s.w == shape.w && r->s.c == shape.c && r->s.o == shape.o) {
            r->layers++;
            there = true;
        }
    }
    if (there || tuning_renew(&s->tuning, shape, s->d->matrix) || s->row_count + CONV_DIRECTIONS > SEARCH_ROWS)
        return;
    for (int i = 0; i < CONV_DIRECTIONS; i++)
        if (i != CONV_DATA_GRADIENT || l->needs_dx)
            s->rows[s->row_count++] = (struct row){.s = shape,
                                                   .direction = (enum conv_direction)i,
                                                   .layer = l->spec.name,
                                                   .place = l->index,
                                                   .layers = 1,
                                                   .before = l->methods[i],
                                                   .now = l->methods[i]};
}

void search_add_rows(struct search *s, const struct net *net) {
    for (size_t i = 0; i < net->layer_count; i++)
        if (layer_convolves(&net->layers[i]))
            add_rows(s, &net->layers[i], net->batch);
}

static struct conv_shape shape(const struct search *s, const struct row *r) {
    return (struct conv_shape){s->images, r->s.h, r->s.w, r->s.c, r->s.o};
}

static enum vggcl_err grow(struct search *s, struct tensor *t, size_t count) {
    if (t->count >= count)
        return VGGCL_OK;
    TRY(dev_grow(s->d, t, count));
    return dev_fill(s->d, *t, 0, count, 0x3C000000); /* 1/128 */
}

static enum vggcl_err grow_operands(struct search *s) {
    for (const struct row *r = s->rows; r < s->rows + s->row_count; r++) {
        size_t pixels = s->images * r->s.h * r->s.w, weights = 9 * r->s.c * r->s.o;
        TRY(grow(s, &s->image[0], storage_words(pixels * r->s.c, s->context->stored)));
        TRY(grow(s, &s->image[1], storage_words(pixels * r->s.o, s->context->stored)));
        s->image[0].stored = s->image[1].stored = s->context->stored;
        TRY(grow(s, &s->weight, weights));
        TRY(grow(s, &s->gradient, weights));
        TRY(grow(s, &s->bias, r->s.o));
    }
    return VGGCL_OK;
}

static void drop_scratch(struct search *s) {
    struct tensor *all[] = {&s->scratch.weight, &s->scratch.input, &s->scratch.output, &s->scratch.product};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        dev_drop(s->d, all[i]);
}

void search_drop_operands(struct search *s) {
    struct tensor *all[] = {&s->image[0], &s->image[1], &s->weight, &s->gradient, &s->bias};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        dev_drop(s->d, all[i]);
    drop_scratch(s);
}

/* ------------------------------------------------------------------------------------------------------- timing -- */

static enum vggcl_err run_row(struct search *s, const struct row *r, struct conv_method m) {
    struct conv_plan p;
    TRY(stop_check());
    TRY(conv_make_plan(s->context, m, shape(s, r), r->direction, &p));
    TRY(grow(s, &s->scratch.weight, p.words.weight));
    TRY(grow(s, &s->scratch.input, p.words.input));
    TRY(grow(s, &s->scratch.output, p.words.output));
    TRY(grow(s, &s->scratch.product, p.words.product));
    if (s->limit && s->d->bytes > s->limit) {
        drop_scratch(s); /* else the next ones would take too much, too */
        return err_set(VGGCL_ENOMEM, "a candidate takes more than mem-limit");
    }
    struct conv_operands operands = {.x = s->image[0],
                                     .weight = r->direction == CONV_WEIGHT_GRADIENT ? s->gradient : s->weight,
                                     .bias = s->bias,
                                     .y = s->image[1],
                                     .scratch = s->scratch};
    TRY(conv_run(s->d, &p, &operands));
    return dev_finish(s->d);
}

/* Whether the search knows that a method, with the current tiles, gives wrong results. */
static bool is_wrong(const struct search *s, enum conv_direction direction, struct conv_method m) {
    return tuning_algorithm_is_wrong(&s->tuning, m.algorithm, direction) ||
           (m.algorithm->multiplies && tuning_engine_is_wrong(&s->tuning, m.engine));
}

/* What is timed: a tuning and rows. Each row runs with its current method, or all with `method` if that is not NULL;
 * `engine`, if not NULL, replaces the methods' engines. */
struct subject {
    const struct tuning *tuning;
    const struct row *const *rows;
    size_t row_count;
    const struct conv_method *method;
    const struct gemm_engine *engine;
};

static struct conv_method method_of(const struct subject *subject, size_t i) {
    struct conv_method m = subject->method ? *subject->method : subject->rows[i]->now;
    if (subject->engine)
        m.engine = subject->engine;
    return m;
}

static enum vggcl_err run(struct search *s, const struct subject *subject, double *seconds) {
    double start = clock_seconds();
    TRY(context_tune(s->context, subject->tuning));
    for (size_t i = 0; i < subject->row_count; i++)
        TRY(run_row(s, subject->rows[i], method_of(subject, i)));
    *seconds = clock_seconds() - start;
    return VGGCL_OK;
}

static enum vggcl_err measure(struct search *s, const struct subject *subject, double *seconds) {
    double times[ROUNDS];
    int rounds = s->quick ? QUICK_ROUNDS : ROUNDS;
    TRY(run(s, subject, &times[0])); /* builds the kernels */
    s->first_runs += times[0];
    for (int i = 0; i < rounds; i++)
        TRY(run(s, subject, &times[i]));
    *seconds = timing_median(times, rounds);
    return VGGCL_OK;
}

/* *right: the subject's results are. What is wrong is not tried again, and its tile leaves the search's tuning. */
static enum vggcl_err check(struct search *s, const struct subject *subject, bool *right) {
    enum vggcl_err err = context_tune(s->context, subject->tuning);
    double start = clock_seconds();
    *right = err == VGGCL_OK;
    for (size_t i = 0; i < subject->row_count && *right; i++) {
        const struct row *r = subject->rows[i];
        err = check_method(s->context, r->s, r->direction, method_of(subject, i), right, s->warnings);
        *right &= err == VGGCL_OK;
    }
    tuning_take_wrong(&s->tuning, &s->context->tuning);
    if (err == VGGCL_OK && (err = context_tune(s->context, &s->tuning)) == VGGCL_OK)
        s->tuning = s->context->tuning;
    s->first_runs += clock_seconds() - start;
    return err;
}

/* The first run of a challenger, which builds its kernels. A quick search that has built enough for challengers fails
 * where this one needs more. */
static enum vggcl_err first_run(struct search *s, const struct subject *challenger) {
    double start = clock_seconds(), seconds;
    int built = s->d->programs_built;
    s->d->trial_room = !s->quick ? INT_MAX : spent_on_trials(s) < 1 ? QUICK_PROGRAMS - s->built : 0;
    enum vggcl_err err = run(s, challenger, &seconds);
    s->d->trial_room = INT_MAX;
    s->built += s->d->programs_built - built;
    s->trials += clock_seconds() - start;
    return err;
}

/* *won: the challenger is faster than the holder by more than noise, and its results are right. With in_turn the two
 * are measured interleaved and *holder_s is updated, else only the challenger is measured. *challenger_s is its time,
 * unless it failed to run or was hopelessly slow; it loses then. */
static enum vggcl_err challenge(struct search *s, const struct subject *holder, double *holder_s,
                                const struct subject *challenger, double *challenger_s, bool in_turn, bool *won) {
    double times[2][ROUNDS], once = 0;
    int rounds = s->quick ? QUICK_ROUNDS : ROUNDS;
    char *kept = err_keep();
    bool runs = first_run(s, challenger) == VGGCL_OK && run(s, challenger, &once) == VGGCL_OK;
    err_put_back(kept);
    TRY(stop_check());
    s->measured++;
    search_tell(s);
    *won = false;
    if (!runs || once > hopeless * *holder_s)
        return VGGCL_OK;
    for (int i = 0; i < rounds; i++) {
        if (in_turn)
            TRY(run(s, holder, &times[0][i]));
        TRY(run(s, challenger, &times[1][i]));
    }
    if (in_turn)
        *holder_s = timing_median(times[0], rounds);
    *challenger_s = timing_median(times[1], rounds);
    *won = *challenger_s < noise * *holder_s;
    return *won ? check(s, challenger, won) : VGGCL_OK;
}

/* ------------------------------------------------------------------------------------------------------ methods -- */

/* Sorts rows by their total time over all layers, largest first. */
static int compare_rows(const void *a, const void *b) {
    const struct row *x = a, *y = b;
    double difference = y->before_s * y->layers - x->before_s * x->layers;
    return difference < 0 ? -1 : difference > 0;
}

/* Sets s->images: as many, up to the batch, as one run of the largest convolution computes within about 1/1000 of the
 * budget. */
static enum vggcl_err choose_images(struct search *s) {
    size_t batch = s->rows[0].s.n;
    const struct row *largest = s->rows;
    double seconds = 0;
    for (const struct row *r = s->rows; r < s->rows + s->row_count; r++)
        if (r->s.h * r->s.w * r->s.c * r->s.o > largest->s.h * largest->s.w * largest->s.c * largest->s.o)
            largest = r;
    for (size_t images = FEWEST_IMAGES; s->images < batch && 2 * seconds <= s->budget / 1000; images *= 2) {
        s->images = images < batch ? images : batch;
        TRY(grow_operands(s));
        double start = clock_seconds();
        TRY(run_row(s, largest, largest->before)); /* builds the kernels */
        s->first_runs += clock_seconds() - start;
        TRY(run(s, &(struct subject){&s->tuning, &largest, 1, &largest->before, NULL}, &seconds));
    }
    return VGGCL_OK;
}

/* Replaces the rules' methods that give wrong results, unless the context is strict: then the selfcheck refuses them.
 */
static enum vggcl_err check_before(struct search *s) {
    phase_begin(s->d->info.name, "checking the convolutions", (size_t)s->row_count);
    for (struct row *r = s->rows; r < s->rows + s->row_count && !s->context->strict; r++) {
        struct conv_method methods[CONV_DIRECTIONS];
        const struct row *one = r;
        size_t known;
        bool right;
        phase_item((size_t)(r - s->rows), "%s %s", r->layer, conv_direction_names[r->direction]);
        do {
            known = s->tuning.wrong_count;
            TRY(check(s, &(struct subject){&s->tuning, &one, 1, &r->before, NULL}, &right));
            TRY(conv_choose(s->context, r->s, "auto", methods));
            if (!right)
                r->before = r->now = methods[r->direction];
        } while (!right && s->tuning.wrong_count > known);
    }
    return VGGCL_OK;
}

static enum vggcl_err measure_before(struct search *s) {
    snprintf(s->what, sizeof s->what, "the built-in rules");
    for (struct row *r = s->rows; r < s->rows + s->row_count && !search_time_is_up(s); r++) {
        search_tell(s);
        const struct row *one = r;
        TRY(measure(s, &(struct subject){&s->tuning, &one, 1, &r->before, NULL}, &r->before_s));
        r->now_s = r->before_s;
    }
    qsort(s->rows, s->row_count, sizeof *s->rows, compare_rows);
    return VGGCL_OK;
}

/* Tries every algorithm with one engine, on every measured row. */
static enum vggcl_err try_methods(struct search *s, const struct gemm_engine *engine) {
    for (struct row *r = s->rows; r < s->rows + s->row_count; r++) {
        for (const struct conv_algorithm *const *a = conv_algorithms; *a; a++) {
            struct conv_method m = {*a, engine};
            bool same = m.algorithm == r->now.algorithm && (m.engine == r->now.engine || !m.algorithm->multiplies);
            double seconds;
            bool won;
            if (search_time_is_up(s))
                return VGGCL_OK;
            if (same || !r->before_s || is_wrong(s, r->direction, m) || !conv_can(*a, s->d, shape(s, r), r->direction))
                continue;
            snprintf(s->what, sizeof s->what, "%s %s: %s, %s", r->layer, conv_direction_names[r->direction], (*a)->name,
                     engine->name);
            const struct row *one = r;
            TRY(challenge(s, &(struct subject){&s->tuning, &one, 1, &r->now, NULL}, &r->now_s,
                          &(struct subject){&s->tuning, &one, 1, &m, NULL}, &seconds, true, &won));
            if (won) {
                r->now = m;
                r->now_s = seconds;
            }
        }
    }
    return VGGCL_OK;
}

/* Compares each choice with the built-in rules again, so that no choice is stored because of one lucky measurement. The
 * user sees these times. CLBlast's parameters stay unchanged: see try_sets(). */
static enum vggcl_err settle(struct search *s) {
    struct tuning before = context_untuned(s->context);
    before.clblast_set = s->tuning.clblast_set;
    bool others = memcmp(before.tile, s->tuning.tile, sizeof before.tile) || before.conv_words != s->tuning.conv_words;
    for (struct row *r = s->rows; r < s->rows + s->row_count; r++) {
        const struct row *one = r;
        bool won, same = r->now.algorithm == r->before.algorithm && r->now.engine == r->before.engine;
        if (!r->before_s || (same && !others))
            continue;
        snprintf(s->what, sizeof s->what, "%s %s once more", r->layer, conv_direction_names[r->direction]);
        TRY(challenge(s, &(struct subject){&before, &one, 1, &r->before, NULL}, &r->before_s,
                      &(struct subject){&s->tuning, &one, 1, &r->now, NULL}, &r->now_s, true, &won));
        if (won || same)
            continue;
        r->now = r->before;
        r->now_s = r->before_s;
    }
    return context_tune(s->context, &s->tuning);
}

/* ------------------------------------------------------------------------------------------- tuning of all rows -- */

/* The rows of the SAMPLE shapes that take the most time (s->rows is sorted by time); transposed: rows of directions
 * whose products have a transposed matrix a, plain: rows of the other directions. */
static size_t sample(const struct search *s, bool plain, bool transposed,
                     const struct row *chosen[SAMPLE * CONV_DIRECTIONS]) {
    struct conv_shape shapes[SAMPLE];
    size_t count = 0, shape_count = 0;
    for (const struct row *r = s->rows; r < s->rows + s->row_count; r++) {
        size_t k = 0;
        while (k < shape_count && memcmp(&shapes[k], &r->s, sizeof r->s) != 0)
            k++;
        bool wanted = r->direction == CONV_WEIGHT_GRADIENT ? transposed : plain;
        if (!r->before_s || !wanted || !r->now.algorithm->multiplies || k == SAMPLE)
            continue;
        if (k == shape_count)
            shapes[shape_count++] = r->s;
        chosen[count++] = r;
    }
    return count;
}

/* Makes challenger the search's tuning if it wins on these rows. *holder_s is 0 if the holder was not measured yet. */
static enum vggcl_err try_tuning(struct search *s, const struct tuning *challenger, const struct row *const *rows,
                                 size_t row_count, const struct gemm_engine *engine, double *holder_s, bool in_turn) {
    const struct subject holder = {&s->tuning, rows, row_count, NULL, engine};
    const struct subject other = {challenger, rows, row_count, NULL, engine};
    double seconds;
    bool won;
    if (!*holder_s)
        TRY(measure(s, &holder, holder_s));
    TRY(challenge(s, &holder, holder_s, &other, &seconds, in_turn, &won));
    if (won) {
        s->tuning = *challenger;
        *holder_s = seconds;
    }
    return context_tune(s->context, &s->tuning);
}

static const struct gemm_tile core_tiles[] = {
    {.rows = 6, .vectors = 4, .width = 16, .panel = 96},  {.rows = 8, .vectors = 2, .width = 16, .panel = 64},
    {.rows = 8, .vectors = 3, .width = 16, .panel = 64},  {.rows = 12, .vectors = 2, .width = 16, .panel = 96},
    {.rows = 6, .vectors = 4, .width = 16, .panel = 48},  {.rows = 6, .vectors = 2, .width = 8, .panel = 48},
    {.rows = 4, .vectors = 3, .width = 8, .panel = 64},   {.rows = 16, .vectors = 1, .width = 16, .panel = 64},
    {.rows = 8, .vectors = 2, .width = 16, .panel = 128}, {.rows = 4, .vectors = 2, .width = 4, .panel = 32},
};
static const struct gemm_tile simt_tiles[] = {
    {.rows = 8, .vectors = 1, .width = 4, .group_rows = 8, .group_columns = 16, .depth = 16},
    {.rows = 8, .vectors = 2, .width = 4, .group_rows = 16, .group_columns = 8, .depth = 16},
    {.rows = 8, .vectors = 2, .width = 4, .group_rows = 16, .group_columns = 16, .depth = 8},
    {.rows = 8, .vectors = 1, .width = 4, .group_rows = 8, .group_columns = 16, .depth = 8},
    {.rows = 8, .vectors = 2, .width = 4, .group_rows = 8, .group_columns = 8, .depth = 16},
    {.rows = 4, .vectors = 1, .width = 4, .group_rows = 8, .group_columns = 8, .depth = 16},
    {.rows = 8, .vectors = 4, .width = 1, .group_rows = 16, .group_columns = 16, .depth = 16},
    {.rows = 4, .vectors = 2, .width = 4, .panel = 16},
    {.rows = 8, .vectors = 1, .width = 4, .panel = 32},
};

static size_t tiles_for(const struct dev *d, const struct gemm_tile **tiles) {
    *tiles = d->simt ? simt_tiles : core_tiles;
    return d->simt ? sizeof simt_tiles / sizeof *simt_tiles : sizeof core_tiles / sizeof *core_tiles;
}

/* Stops when the share `until` of the budget is spent, or of what may be built for challengers. */
static enum vggcl_err try_tiles(struct search *s, bool transposed, double until) {
    const struct row *rows[SAMPLE * CONV_DIRECTIONS];
    const struct gemm_tile *tiles;
    size_t row_count = sample(s, !transposed, transposed, rows), tile_count = tiles_for(s->d, &tiles);
    double holder_s = 0;
    for (size_t i = 0; i < tile_count && row_count && fmax(spent(s), spent_on_trials(s)) < until; i++) {
        struct tuning t = s->tuning;
        char text[GEMM_TILE_TEXT];
        if (memcmp(&t.tile[transposed], &tiles[i], sizeof tiles[i]) == 0)
            continue;
        t.tile[transposed] = tiles[i];
        if (tuning_engine_is_wrong(&t, &gemm_tiled))
            continue;
        gemm_tile_text(tiles[i], text);
        snprintf(s->what, sizeof s->what, "built-in kernel: %s%s", text, transposed ? ", transposed" : "");
        TRY(try_tuning(s, &t, rows, row_count, &gemm_tiled, &holder_s, true));
    }
    return VGGCL_OK;
}

/* Tries other chunk sizes, measured on the sum of all rows. */
static enum vggcl_err try_chunks(struct search *s) {
    static const double factors[] = {0.5, 2, 0.25, 4};
    const struct row *rows[SEARCH_ROWS];
    double holder_s = 0;
    size_t start = s->tuning.conv_words, count = 0;
    for (const struct row *r = s->rows; r < s->rows + s->row_count; r++)
        if (r->before_s)
            rows[count++] = r;
    for (size_t i = 0; i < sizeof factors / sizeof *factors && count && !search_time_is_up(s); i++) {
        struct tuning t = s->tuning;
        t.conv_words = (size_t)(factors[i] * (double)start);
        text_print(s->what, sizeof s->what, "convolution chunks of %.1f MiB", (double)t.conv_words / (1 << 18));
        TRY(try_tuning(s, &t, rows, count, NULL, &holder_s, true));
    }
    return VGGCL_OK;
}

/* Tries CLBlast's parameter sets. Each takes seconds to compile, so they are not measured interleaved with the holder.
 * They come last because they may not be reversible (see clblast_set_name()). *better: another set won, so the
 * algorithms must be searched again. */
static enum vggcl_err try_sets(struct search *s, bool *better) {
    const struct row *rows[SAMPLE * CONV_DIRECTIONS];
    size_t row_count = sample(s, true, true, rows);
    double holder_s = 0;
    int before = s->tuning.clblast_set;
    for (int set = 1; clblast_set_name(set) && row_count && spent(s) < 0.9; set++) {
        struct tuning t = s->tuning;
        t.clblast_set = set;
        if (set == before)
            continue;
        snprintf(s->what, sizeof s->what, "CLBlast's parameters: %s", clblast_set_name(set));
        TRY(try_tuning(s, &t, rows, row_count, &gemm_clblast, &holder_s, false));
    }
    *better = s->tuning.clblast_set != before;
    return VGGCL_OK;
}

/* --------------------------------------------------------------------------------------------------- the search -- */

static bool is_searched(const struct search *s, const struct gemm_engine *engine) {
    bool slow_to_compile = engine == &gemm_clblast && s->d->info.type == VGGCL_CPU;
    return gemm_allows(s->context, engine) && !(s->quick && slow_to_compile);
}

static void count_candidates(struct search *s) {
    const struct gemm_tile *tiles;
    int engines = 0;
    for (const struct gemm_engine *const *e = gemm_engines; *e; e++)
        engines += is_searched(s, *e);
    s->candidates = 0;
    for (const struct row *r = s->rows; r < s->rows + s->row_count; r++)
        for (const struct conv_algorithm *const *a = conv_algorithms; *a; a++)
            s->candidates += conv_can(*a, s->d, shape(s, r), r->direction) ? engines : 0;
    s->candidates -= (int)s->row_count; /* the current methods */
    s->candidates += is_searched(s, &gemm_tiled) ? 2 * (int)tiles_for(s->d, &tiles) : 0;
    for (int i = 1; !s->quick && clblast_set_name(i); i++)
        s->candidates++;
}

enum vggcl_err search_apply(struct search *s) {
    struct tuning *t = &s->tuning;
    for (const struct row *r = s->rows; r < s->rows + s->row_count; r++)
        tuning_add(t, r->s, s->d->matrix)->methods[r->direction] = r->now;
    return context_tune(s->context, t);
}

enum vggcl_err search_run(struct search *s) {
    const struct gemm_engine *first = gemm_engine(s->context, NULL);
    if (s->quick)
        TRY(check_before(s));
    TRY(choose_images(s));
    count_candidates(s);
    phase_begin(s->d->info.name, "tuning", (size_t)s->candidates);
    TRY(measure_before(s));
    for (int transposed = 0; is_searched(s, &gemm_tiled) && !s->tuning.conv_count && transposed < 2; transposed++)
        TRY(try_tiles(s, transposed, transposed ? 0.3 : 0.2));
    TRY(try_methods(s, first));
    for (const struct gemm_engine *const *e = gemm_engines; *e; e++)
        if (*e != first && is_searched(s, *e))
            TRY(try_methods(s, *e));
    if (!s->quick)
        TRY(try_chunks(s));
    if (!s->quick)
        TRY(settle(s));
    return search_apply(s);
}

enum vggcl_err search_clblast(struct search *s, bool *better) {
    *better = false;
    if (!is_searched(s, &gemm_clblast))
        return VGGCL_OK;
    TRY(grow_operands(s));
    TRY(try_sets(s, better));
    if (!*better)
        return VGGCL_OK;
    TRY(try_methods(s, &gemm_clblast));
    TRY(settle(s));
    return search_apply(s);
}

struct search *search_new(struct context *context, double budget) {
    struct search *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->context = context;
    s->d = context->dev;
    s->start = clock_seconds();
    s->budget = budget;
    s->tuning = context->tuning;
    s->d->on_trial = true;
    s->d->trial_room = INT_MAX;
    return s;
}

/* A run of each row looks up its programs. Those of a row that fails, e.g. for lack of memory, are built later. */
enum vggcl_err search_keep(struct search *s) {
    TRY(grow_operands(s));
    s->d->on_trial = false;
    char *kept = err_keep();
    for (const struct row *r = s->rows; r < s->rows + s->row_count; r++)
        (void)run_row(s, r, r->now);
    err_put_back(kept);
    return stop_check();
}

void search_free(struct search *s) {
    if (!s)
        return;
    search_drop_operands(s);
    s->d->on_trial = false;
    free(s);
}
