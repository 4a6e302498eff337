#include "ops/tuning.h"

#include <stdio.h>
#include <string.h>

static double ratio(size_t a, size_t b) {
    return a > b ? (double)a / (double)b : (double)b / (double)a;
}

/* Whether `a` images are nearer to n than b are. If both are as near, the smaller number is. */
static bool is_nearer(size_t a, size_t b, size_t n) {
    return ratio(a, n) < ratio(b, n) || (ratio(a, n) == ratio(b, n) && a < b);
}

const struct tuned_conv *tuning_find(const struct tuning *t, struct conv_shape s, const struct matrix_backend *matrix) {
    const struct tuned_conv *nearest = NULL;
    for (const struct tuned_conv *row = t->convs; row < t->convs + t->conv_count; row++)
        if (row->s.h == s.h && row->s.w == s.w && row->s.c == s.c && row->s.o == s.o && row->matrix == matrix &&
            ratio(row->s.n, s.n) <= 2 && (!nearest || is_nearer(row->s.n, nearest->s.n, s.n)))
            nearest = row;
    return nearest;
}

/* Removes entry i, and returns it. */
static struct tuned_conv take_out(struct tuning *t, size_t i) {
    struct tuned_conv taken = t->convs[i];
    t->conv_count--;
    memmove(&t->convs[i], &t->convs[i + 1], (t->conv_count - i) * sizeof *t->convs);
    return taken;
}

struct tuned_conv *tuning_add(struct tuning *t, struct conv_shape s, const struct matrix_backend *matrix) {
    for (struct tuned_conv *row = t->convs; row < t->convs + t->conv_count; row++)
        if (memcmp(&row->s, &s, sizeof s) == 0 && row->matrix == matrix)
            return row;
    if (t->conv_count == TUNED_CONVS)
        take_out(t, 0);
    t->convs[t->conv_count] = (struct tuned_conv){.s = s, .matrix = matrix};
    return &t->convs[t->conv_count++];
}

bool tuning_renew(struct tuning *t, struct conv_shape s, const struct matrix_backend *matrix) {
    const struct tuned_conv *found = tuning_find(t, s, matrix);
    if (!found)
        return false;
    struct tuned_conv last = take_out(t, (size_t)(found - t->convs));
    t->convs[t->conv_count++] = last;
    return true;
}

static bool is_same_tile(struct gemm_tile a, struct gemm_tile b) {
    return memcmp(&a, &b, sizeof a) == 0;
}

static bool is_same(const struct device_method *a, const struct device_method *b) {
    return a->algorithm == b->algorithm && a->engine == b->engine && is_same_tile(a->tile, b->tile) &&
           a->direction == b->direction && a->transposed == b->transposed;
}

struct device_method tuning_product(const struct tuning *t, const struct gemm_engine *engine, bool transposed) {
    if (!engine->tiled)
        return (struct device_method){.engine = engine};
    return (struct device_method){.tile = t->tile[transposed], .transposed = transposed};
}

bool tuning_is_wrong(const struct tuning *t, const struct device_method *m) {
    for (size_t i = 0; i < t->wrong_count; i++)
        if (is_same(&t->wrong[i], m))
            return true;
    return false;
}

bool tuning_add_wrong(struct tuning *t, const struct device_method *m) {
    if (tuning_is_wrong(t, m) || t->wrong_count == WRONG_METHODS)
        return false;
    t->wrong[t->wrong_count++] = *m;
    return true;
}

void tuning_take_wrong(struct tuning *t, const struct tuning *from) {
    for (size_t i = 0; i < from->wrong_count; i++)
        tuning_add_wrong(t, &from->wrong[i]);
}

bool tuning_algorithm_is_wrong(const struct tuning *t, const struct conv_algorithm *a, enum conv_direction direction) {
    return tuning_is_wrong(t, &(struct device_method){.algorithm = a, .direction = direction});
}

bool tuning_engine_is_wrong(const struct tuning *t, const struct gemm_engine *engine) {
    const struct device_method plain = tuning_product(t, engine, false), transposed = tuning_product(t, engine, true);
    return tuning_is_wrong(t, &plain) || tuning_is_wrong(t, &transposed);
}

static void describe(const struct device_method *m, char *text, size_t size) {
    char tile[GEMM_TILE_TEXT];
    gemm_tile_text(m->tile, tile);
    if (m->algorithm)
        snprintf(text, size, "%s %s", m->algorithm->name, conv_direction_names[m->direction]);
    else if (m->engine)
        snprintf(text, size, "matrix product (%s)", m->engine->name);
    else
        snprintf(text, size, "matrix product (%s%s)", tile, m->transposed ? ", transposed" : "");
}

void tuning_methods_text(const struct device_method *methods, size_t count, char *text, size_t size) {
    size_t used = 0;
    *text = '\0';
    for (size_t i = 0; i < count && used < size; i++) {
        char one[GEMM_TILE_TEXT + 64];
        describe(&methods[i], one, sizeof one);
        used += (size_t)snprintf(text + used, size - used, "%s%s", i ? ", " : "", one);
    }
}
