#include "ops/gemm/gemm.h"
#include "ops/gemm/clblast.h"
#include "ops/gemm/gemm_matrix.h"
#include "ops/gemm/gemm_tiled.h"

#include <stdio.h>
#include <string.h>

const struct gemm_engine *const gemm_engines[] = {&gemm_tiled, &gemm_clblast, NULL};
const char *const gemm_engine_names[] = {"auto", "tiled", "clblast", NULL};

const struct gemm_engine *gemm_named(const char *name) {
    for (const struct gemm_engine *const *e = gemm_engines; *e; e++)
        if (strcmp(name, (*e)->name) == 0)
            return *e;
    return strcmp(name, gemm_matrix.name) == 0 ? &gemm_matrix : NULL;
}

enum vggcl_err gemm_find_engine(const char *name, const struct gemm_engine **engine) {
    *engine = strcmp(name, gemm_matrix.name) == 0 ? NULL : gemm_named(name);
    return *engine || strcmp(name, "auto") == 0 ? VGGCL_OK : err_choice("gemm", gemm_engine_names, name);
}

const struct gemm_engine *gemm_engine(const struct context *context, const struct gemm_engine *wanted) {
    const struct gemm_engine *first = context->engine ? context->engine : wanted ? wanted : gemm_engines[0];
    if (!tuning_engine_is_wrong(&context->tuning, first))
        return first;
    for (const struct gemm_engine *const *e = gemm_engines; *e; e++)
        if (!tuning_engine_is_wrong(&context->tuning, *e))
            return *e;
    return first;
}

const struct gemm_engine *gemm_linear_engine(const struct context *context) {
    return gemm_engine(context, gemm_matrix.can(context) ? &gemm_matrix : NULL);
}

bool gemm_allows(const struct context *context, const struct gemm_engine *engine) {
    if (engine->can && !engine->can(context))
        return false;
    return !context->engine || context->engine == engine || tuning_engine_is_wrong(&context->tuning, context->engine);
}

enum vggcl_err gemm_make_plan(const struct context *context, const struct gemm_engine *engine, struct gemm_shape shape,
                              struct matrix a, struct matrix b, struct matrix c, struct gemm_plan *p) {
    const struct tensor none = {0};
    a.data = b.data = c.data = none;
    *p = (struct gemm_plan){
        .engine = engine ? engine : gemm_engine(context, NULL), .shape = shape, .a = a, .b = b, .c = c};
    size_t longest = p->engine->longest_sum(context, a, b);
    p->last.k = shape.k > longest ? (shape.k - 1) % longest + 1 : shape.k;
    p->whole.k = shape.k > longest ? longest : 0;
    if (p->whole.k)
        TRY(p->engine->plan(context, p, &p->whole));
    TRY(p->engine->plan(context, p, &p->last));
    p->scratch_words = p->whole.scratch_words > p->last.scratch_words ? p->whole.scratch_words : p->last.scratch_words;
    return VGGCL_OK;
}

enum vggcl_err gemm_run(struct dev *d, struct gemm_plan *p, struct matrix a, struct matrix b, enum gemm_add add,
                        struct matrix c, struct tensor scratch) {
    for (size_t k = p->shape.k; k > p->last.k; k -= p->whole.k, add = GEMM_ADD) {
        TRY(p->engine->run(d, p, &p->whole, a, b, add, c, scratch));
        a.offset += p->whole.k * (a.transposed ? a.stride : 1);
        b.offset += p->whole.k * (b.transposed ? 1 : b.stride);
    }
    return p->engine->run(d, p, &p->last, a, b, add, c, scratch);
}
