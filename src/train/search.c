#include "train/search.h"
#include "base/clock.h"
#include "train/bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 5, QUICK_ROUNDS = 3, FEWEST_IMAGES = 8, SAMPLE = 2 };

static const double noise = 0.97;    /* of the time of what holds: what is not below it is no better */
static const double hopeless = 1.25; /* what is above that at once is not measured again */

const char *const search_direction_names[CONV_DIRECTIONS] = {"forward", "data gradient", "weight gradient"};

double search_elapsed(const struct search *s) {
    return clock_seconds() - s->start;
}

static bool time_is_up(const struct search *s) {
    return search_elapsed(s) >= s->budget;
}

void search_tell(struct search *s) {
    double seconds = search_elapsed(s), left = fmax(0, s->budget - seconds);
    if (s->measured > 0 && s->measured < s->candidates)
        left = fmin(left, seconds / s->measured * (s->candidates - s->measured));
    struct vggcl_tune_progress p = {
        .seconds = seconds, .eta = left, .measured = s->measured, .candidates = s->candidates};
    snprintf(p.what, sizeof p.what, "%s", s->what);
    if (s->progressed)
        s->progressed(s->user, &p);
}

/* ------------------------------------------------------------------------------------------------- what to time -- */

/* Adds the rows of a layer's shape, unless they are there or d's tuning knows them. */
static void add_rows(struct search *s, const struct layer *l, size_t batch) {
    struct conv_shape shape = {batch, l->in.h, l->in.w, l->in.c, l->out.c};
    bool there = false;
    for (size_t i = 0; i < s->row_count; i++) {
        struct row *r = &s->rows[i];
        if (r->s.h == shape.h && r->s.w == shape.w && r->s.c == shape.c && r->s.o == shape.o) {
            r->layers++;
            there = true;
        }
    }
    if (there || tuning_find(&s->tuning, shape) || s->row_count + CONV_DIRECTIONS > SEARCH_ROWS)
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
        if (net->layers[i].type == &layer_conv)
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
        TRY(grow(s, &s->image[0], storage_words(pixels * r->s.c, s->d->half)));
        TRY(grow(s, &s->image[1], storage_words(pixels * r->s.o, s->d->half)));
        s->image[0].half = s->image[1].half = s->d->half;
        TRY(grow(s, &s->weight, weights));
        TRY(grow(s, &s->gradient, weights));
        TRY(grow(s, &s->bias, r->s.o));
    }
    return VGGCL_OK;
}

void search_drop_operands(struct search *s) {
    struct tensor *all[] = {&s->image[0],       &s->image[1],      &s->weight,         &s->gradient,       &s->bias,
                            &s->scratch.weight, &s->scratch.input, &s->scratch.output, &s->d->gemm_scratch};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        dev_drop(s->d, all[i]);
}

/* ------------------------------------------------------------------------------------------------------- timing -- */

static enum vggcl_err run_row(struct search *s, const struct row *r, struct conv_method m) {
    struct dev *d = s->d;
    struct conv_shape of = shape(s, r);
    struct conv_scratch_words want = conv_scratch_words(m, d, of, r->direction);
    TRY(grow(s, &s->scratch.weight, want.weight));
    TRY(grow(s, &s->scratch.input, want.input));
    TRY(grow(s, &s->scratch.output, want.output));
    if (s->limit && d->bytes > s->limit)
        return err_set(VGGCL_ENOMEM, "a candidate takes more than --mem-limit");
    if (r->direction == CONV_FORWARD)
        TRY(conv_forward(m, d, of, s->image[0], s->weight, s->bias, s->image[1], (struct tensor){0}, s->scratch));
    else if (r->direction == CONV_DATA_GRADIENT)
        TRY(conv_data_gradient(m, d, of, s->weight, s->image[1], s->image[0], s->scratch));
    else
        TRY(conv_weight_gradient(m, d, of, s->image[0], s->image[1], s->gradient, s->scratch));
    return dev_finish(d);
}

/* Something that can be timed: rows, each by its own method, or all by one; with a tuning, and with the engine that it
 * is about or (GEMM_AUTO) the methods' own. */
struct subject {
    const struct tuning *tuning;
    const struct row *const *rows;
    size_t row_count;
    const struct conv_method *method; /* or NULL */
    enum gemm_engine engine;
};

static enum vggcl_err run(struct search *s, const struct subject *subject, double *seconds) {
    double start = clock_seconds();
    TRY(tuning_use(s->d, subject->tuning));
    for (size_t i = 0; i < subject->row_count; i++) {
        struct conv_method m = subject->method ? *subject->method : subject->rows[i]->now;
        if (subject->engine)
            m.engine = subject->engine;
        TRY(run_row(s, subject->rows[i], m));
    }
    *seconds = clock_seconds() - start;
    return VGGCL_OK;
}

static enum vggcl_err measure(struct search *s, const struct subject *subject, double *seconds) {
    double times[ROUNDS];
    int rounds = s->quick ? QUICK_ROUNDS : ROUNDS;
    TRY(run(s, subject, &times[0])); /* builds the kernels */
    for (int i = 0; i < rounds; i++)
        TRY(run(s, subject, &times[i]));
    *seconds = bench_median(times, rounds);
    return VGGCL_OK;
}

/* Whether the challenger is faster than what holds by more than noise, both measured in turn unless that is dear;
 * *challenger_s is its time then. One that does not run at all loses. */
static enum vggcl_err challenge(struct search *s, const struct subject *holder, double *holder_s,
                                const struct subject *challenger, double *challenger_s, bool in_turn, bool *won) {
    double times[2][ROUNDS], once = 0;
    int rounds = s->quick ? QUICK_ROUNDS : ROUNDS;
    char *kept = err_keep();
    bool runs = run(s, challenger, &once) == VGGCL_OK && run(s, challenger, &once) == VGGCL_OK;
    err_put_back(kept);
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
        *holder_s = bench_median(times[0], rounds);
    *challenger_s = bench_median(times[1], rounds);
    *won = *challenger_s < noise * *holder_s;
    return VGGCL_OK;
}

/* ------------------------------------------------------------------------------------------------------ methods -- */

/* The rows by what they took in all layers, most first. */
static int compare_rows(const void *a, const void *b) {
    const struct row *x = a, *y = b;
    double difference = y->before_s * y->layers - x->before_s * x->layers;
    return difference < 0 ? -1 : difference > 0;
}

/* As many images as keep one measurement within a small part of the budget. */
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
        TRY(run_row(s, largest, largest->before)); /* builds the kernels */
        TRY(run(s, &(struct subject){&s->tuning, &largest, 1, &largest->before, GEMM_AUTO}, &seconds));
    }
    return VGGCL_OK;
}

static enum vggcl_err measure_before(struct search *s) {
    snprintf(s->what, sizeof s->what, "the built-in rules");
    for (struct row *r = s->rows; r < s->rows + s->row_count && !time_is_up(s); r++) {
        search_tell(s);
        const struct row *one = r;
        TRY(measure(s, &(struct subject){&s->tuning, &one, 1, &r->before, GEMM_AUTO}, &r->before_s));
        r->now_s = r->before_s;
    }
    qsort(s->rows, s->row_count, sizeof *s->rows, compare_rows);
    return VGGCL_OK;
}

/* Every algorithm with one engine, on every row that was measured. */
static enum vggcl_err try_methods(struct search *s, enum gemm_engine engine) {
    for (struct row *r = s->rows; r < s->rows + s->row_count; r++) {
        for (const struct conv_algorithm *const *a = conv_algorithms; *a; a++) {
            struct conv_method m = {*a, engine};
            bool same = m.algorithm == r->now.algorithm && (m.engine == r->now.engine || !conv_multiplies(m.algorithm));
            double seconds;
            bool won;
            if (time_is_up(s))
                return VGGCL_OK;
            if (same || !r->before_s || !conv_can(*a, s->d, shape(s, r), r->direction))
                continue;
            snprintf(s->what, sizeof s->what, "%s %s: %s, %s", r->layer, search_direction_names[r->direction],
                     (*a)->name, gemm_engine_names[engine]);
            const struct row *one = r;
            TRY(challenge(s, &(struct subject){&s->tuning, &one, 1, &r->now, GEMM_AUTO}, &r->now_s,
                          &(struct subject){&s->tuning, &one, 1, &m, GEMM_AUTO}, &seconds, true, &won));
            if (won) {
                r->now = m;
                r->now_s = seconds;
            }
        }
    }
    return VGGCL_OK;
}

/* What was chosen against the built-in rules once more, so that no run of luck is stored; these times are the ones that
 * are shown. CLBlast's parameters are left as they are: see try_sets(). */
static enum vggcl_err settle(struct search *s) {
    struct tuning before = tuning_built_in(s->d);
    before.clblast_set = s->tuning.clblast_set;
    bool others = memcmp(before.tile, s->tuning.tile, sizeof before.tile) || before.conv_words != s->tuning.conv_words;
    for (struct row *r = s->rows; r < s->rows + s->row_count; r++) {
        const struct row *one = r;
        bool won, same = r->now.algorithm == r->before.algorithm && r->now.engine == r->before.engine;
        if (!r->before_s || (same && !others))
            continue;
        snprintf(s->what, sizeof s->what, "%s %s once more", r->layer, search_direction_names[r->direction]);
        TRY(challenge(s, &(struct subject){&before, &one, 1, &r->before, GEMM_AUTO}, &r->before_s,
                      &(struct subject){&s->tuning, &one, 1, &r->now, GEMM_AUTO}, &r->now_s, true, &won));
        if (won || same)
            continue;
        r->now = r->before;
        r->now_s = r->before_s;
    }
    return tuning_use(s->d, &s->tuning);
}

/* --------------------------------------------------------------------------------------- what holds for all rows -- */

/* The rows of the SAMPLE shapes that take the most time, of the directions whose products have an a that is transposed
 * or not. They are sorted by that. */
static size_t sample(const struct search *s, bool plain, bool transposed,
                     const struct row *chosen[SAMPLE * CONV_DIRECTIONS]) {
    struct conv_shape shapes[SAMPLE];
    size_t count = 0, shape_count = 0;
    for (const struct row *r = s->rows; r < s->rows + s->row_count; r++) {
        size_t k = 0;
        while (k < shape_count && memcmp(&shapes[k], &r->s, sizeof r->s) != 0)
            k++;
        bool wanted = r->direction == CONV_WEIGHT_GRADIENT ? transposed : plain;
        if (!r->before_s || !wanted || !conv_multiplies(r->now.algorithm) || k == SAMPLE)
            continue;
        if (k == shape_count)
            shapes[shape_count++] = r->s;
        chosen[count++] = r;
    }
    return count;
}

/* Makes challenger the search's tuning where it is better on these rows. *holder_s is 0 where it is not known yet. */
static enum vggcl_err try_tuning(struct search *s, const struct tuning *challenger, const struct row *const *rows,
                                 size_t row_count, enum gemm_engine engine, double *holder_s, bool in_turn) {
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
    return tuning_use(s->d, &s->tuning);
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

/* Until a part of the budget is spent. */
static enum vggcl_err try_tiles(struct search *s, bool transposed, double until) {
    const struct row *rows[SAMPLE * CONV_DIRECTIONS];
    const struct gemm_tile *tiles;
    size_t row_count = sample(s, !transposed, transposed, rows), tile_count = tiles_for(s->d, &tiles);
    double holder_s = 0;
    for (size_t i = 0; i < tile_count && row_count && search_elapsed(s) < until * s->budget; i++) {
        struct tuning t = s->tuning;
        char text[GEMM_TILE_TEXT];
        if (memcmp(&t.tile[transposed], &tiles[i], sizeof tiles[i]) == 0)
            continue;
        t.tile[transposed] = tiles[i];
        gemm_tile_text(tiles[i], text);
        snprintf(s->what, sizeof s->what, "own kernel: %s%s", text, transposed ? ", transposed" : "");
        TRY(try_tuning(s, &t, rows, row_count, GEMM_TILED, &holder_s, true));
    }
    return VGGCL_OK;
}

/* Other chunks, on all rows: their gain shows in the sum. */
static enum vggcl_err try_words(struct search *s) {
    static const double factors[] = {0.5, 2, 0.25, 4};
    const struct row *rows[SEARCH_ROWS];
    double holder_s = 0;
    size_t start = s->tuning.conv_words, count = 0;
    for (const struct row *r = s->rows; r < s->rows + s->row_count; r++)
        if (r->before_s)
            rows[count++] = r;
    for (size_t i = 0; i < sizeof factors / sizeof *factors && count && !time_is_up(s); i++) {
        struct tuning t = s->tuning;
        t.conv_words = (size_t)(factors[i] * (double)start);
        snprintf(s->what, sizeof s->what, "convolution chunks of %.1f MiB", (double)t.conv_words / (1 << 18));
        TRY(try_tuning(s, &t, rows, count, GEMM_AUTO, &holder_s, true));
    }
    return VGGCL_OK;
}

/* CLBlast's parameters. Each takes seconds to compile, so they do not take turns, and come last: there may be no way
 * back (see clblast_set_name()). *better: then the rows have to be asked again. */
static enum vggcl_err try_sets(struct search *s, bool *better) {
    const struct row *rows[SAMPLE * CONV_DIRECTIONS];
    size_t row_count = sample(s, true, true, rows);
    double holder_s = 0;
    int before = s->tuning.clblast_set;
    for (int set = 1; clblast_set_name(set) && row_count && search_elapsed(s) < 0.9 * s->budget; set++) {
        struct tuning t = s->tuning;
        t.clblast_set = set;
        if (set == before)
            continue;
        snprintf(s->what, sizeof s->what, "CLBlast's parameters: %s", clblast_set_name(set));
        TRY(try_tuning(s, &t, rows, row_count, GEMM_CLBLAST, &holder_s, false));
    }
    *better = s->tuning.clblast_set != before;
    return VGGCL_OK;
}

/* --------------------------------------------------------------------------------------------------- the search -- */

static bool asks(const struct search *s, enum gemm_engine engine) {
    bool slow_to_compile = engine == GEMM_CLBLAST && s->d->info.type == VGGCL_CPU;
    return gemm_allows(s->d, engine) && !(s->quick && slow_to_compile);
}

static void count_candidates(struct search *s) {
    const struct gemm_tile *tiles;
    int engines = asks(s, GEMM_TILED) + asks(s, GEMM_CLBLAST);
    s->candidates = 0;
    for (const struct row *r = s->rows; r < s->rows + s->row_count; r++)
        for (const struct conv_algorithm *const *a = conv_algorithms; *a; a++)
            s->candidates += conv_can(*a, s->d, shape(s, r), r->direction) ? engines : 0;
    s->candidates -= (int)s->row_count; /* what holds already */
    s->candidates += asks(s, GEMM_TILED) ? 2 * (int)tiles_for(s->d, &tiles) : 0;
    for (int i = 1; !s->quick && clblast_set_name(i); i++)
        s->candidates++;
}

enum vggcl_err search_enter(struct search *s) {
    struct tuning *t = &s->tuning;
    for (const struct row *r = s->rows; r < s->rows + s->row_count; r++) {
        size_t i = 0;
        while (i < t->conv_count && memcmp(&t->convs[i].s, &r->s, sizeof r->s) != 0)
            i++;
        if (!r->before_s || i == TUNED_CONVS)
            continue;
        if (i == t->conv_count)
            t->convs[t->conv_count++] = (struct tuned_conv){.s = r->s};
        t->convs[i].methods[r->direction] = r->now;
    }
    return tuning_use(s->d, t);
}

enum vggcl_err search_look(struct search *s) {
    enum gemm_engine first = gemm_engine(s->d), second = first == GEMM_TILED ? GEMM_CLBLAST : GEMM_TILED;
    TRY(choose_images(s));
    count_candidates(s);
    TRY(measure_before(s));
    for (int transposed = 0; asks(s, GEMM_TILED) && !s->tuning.conv_count && transposed < 2; transposed++)
        TRY(try_tiles(s, transposed, transposed ? 0.3 : 0.2));
    TRY(try_methods(s, first));
    if (asks(s, second))
        TRY(try_methods(s, second));
    if (!s->quick)
        TRY(try_words(s));
    if (!s->quick)
        TRY(settle(s));
    return search_enter(s);
}

enum vggcl_err search_clblast(struct search *s, bool *better) {
    *better = false;
    if (!asks(s, GEMM_CLBLAST))
        return VGGCL_OK;
    TRY(grow_operands(s));
    TRY(try_sets(s, better));
    if (!*better)
        return VGGCL_OK;
    TRY(try_methods(s, GEMM_CLBLAST));
    TRY(settle(s));
    return search_enter(s);
}

struct search *search_new(struct dev *d, double budget) {
    struct search *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->d = d;
    s->start = clock_seconds();
    s->budget = budget;
    s->tuning = d->tuning ? *d->tuning : tuning_built_in(d);
    d->on_trial = true; /* what loses is not worth keeping on disk */
    return s;
}

void search_free(struct search *s) {
    if (!s)
        return;
    search_drop_operands(s);
    program_free_all(s->d);
    s->d->on_trial = false;
    free(s);
}
