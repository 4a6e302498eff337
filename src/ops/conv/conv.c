#include "ops/conv/conv.h"
#include "cl/matrix.h"
#include "ops/conv/direct.h"
#include "ops/conv/im2col.h"
#include "ops/conv/conv_matrix.h"
#include "ops/conv/winograd.h"
#include "ops/conv/winograd_local.h"
#include "ops/conv/winograd_matrix.h"
#include "ops/gemm/gemm.h"

#include <stdio.h>
#include <string.h>

/* With fewer channels the matrix products of Winograd's algorithm are too narrow to make up for its transforms. */
enum { WINOGRAD_CHANNELS = 8 };

/* With more slabs of statistics, bn_finish(), in which one work-item iterates over all slabs, would take longer than a
 * separate pass over the output (bn_partial()). */
enum { MOST_SLABS = 4096 };

/* The list of algorithms, with the names that are in their files. */
#define CONV_ALGORITHMS(row)                                                                                           \
    row(conv_direct, "direct"), row(conv_im2col, "im2col"), row(conv_winograd2, "winograd2"),                          \
        row(conv_winograd4, "winograd4"), row(conv_winograd4_fused, "winograd4-fused"),                                \
        row(conv_winograd4_sliced, "winograd4-sliced"), row(conv_winograd2_lone, "winograd2-lone"),                    \
        row(conv_winograd2_lone_sliced, "winograd2-lone-sliced"), row(conv_matrix, "matrix"),                          \
        row(conv_winograd2_matrix, "winograd2-matrix"), row(conv_winograd2_lone_matrix, "winograd2-lone-matrix")
#define ALGORITHM(algorithm, name) &algorithm
#define NAME(algorithm, name)      name

const struct conv_algorithm *const conv_algorithms[] = {CONV_ALGORITHMS(ALGORITHM), NULL};
const char *const conv_names[] = {"auto", CONV_ALGORITHMS(NAME), NULL};

const char *const conv_direction_names[CONV_DIRECTIONS] = {"forward", "data gradient", "weight gradient"};

static struct conv_shape reversed(struct conv_shape s) {
    return (struct conv_shape){s.n, s.h, s.w, s.o, s.c};
}

/* The shape of s as the kernels see it, see struct conv_plan. */
static struct conv_shape directed(struct conv_shape s, enum conv_direction direction) {
    return direction == CONV_DATA_GRADIENT ? reversed(s) : s;
}

bool conv_can(const struct conv_algorithm *a, const struct dev *d, struct conv_shape s, enum conv_direction direction) {
    return !a->can || a->can(a, d, directed(s, direction), direction);
}

/* The fastest variant of F(4x4, 3x3) on a CPU depends on what fits into its caches; the limits are measured. A fused
 * weight gradient reads and writes its sums once for each group of tiles, and these exceed the caches at smaller sizes
 * than the weights do. */
static const struct conv_algorithm *suitable_winograd4(const struct context *context, struct conv_shape s,
                                                       enum conv_direction direction) {
    const struct dev *d = context->dev;
    size_t image_words =
        winograd_points(WINOGRAD_F4) * winograd_tiles(WINOGRAD_F4, s.h, s.w) * s.n * (s.c > s.o ? s.c : s.o);
    bool fusable = s.c * s.o <= 256 * 256;
    bool sliceable =
        s.c * s.o >= 128 * 256 && (direction == CONV_WEIGHT_GRADIENT || image_words <= context_conv_words(context));
    if (sliceable && conv_can(&conv_winograd4_sliced, d, s, direction))
        return &conv_winograd4_sliced;
    if (fusable && conv_can(&conv_winograd4_fused, d, s, direction))
        return &conv_winograd4_fused;
    return &conv_winograd4;
}

/* The fastest algorithm by matrix instructions; NULL if there are none, or it does not support the shape. Instructions
 * on vector registers, which hold a single tile, multiply bfloat16 only twice as fast as others multiply floats, so
 * that they need Winograd's fewer products, and Winograd's weight gradient of floats is faster than a direct one.
 * Measured. */
static const struct conv_algorithm *suitable_matrix(const struct context *context, struct conv_shape s,
                                                    enum conv_direction direction) {
    const struct dev *d = context->dev;
    const struct matrix_backend *m = d->matrix;
    if (!m || context->stored != m->operands)
        return NULL;
    if (m->rows * m->columns > 1)
        return conv_can(&conv_matrix, d, s, direction) ? &conv_matrix : NULL;
    if (conv_can(&conv_winograd2_lone_matrix, d, s, direction))
        return &conv_winograd2_lone_matrix;
    return conv_can(&conv_winograd2_matrix, d, s, direction) ? &conv_winograd2_matrix : NULL;
}

static const struct conv_algorithm *suitable(const struct context *context, struct conv_shape s,
                                             enum conv_direction direction) {
    const struct dev *d = context->dev;
    if (s.c <= DIRECT_CHANNELS)
        return &conv_direct;
    if (s.c < WINOGRAD_CHANNELS)
        return &conv_im2col;
    const struct conv_algorithm *matrix = suitable_matrix(context, s, direction);
    if (matrix)
        return matrix;
    if (conv_can(&conv_winograd2_lone_sliced, d, s, direction))
        return &conv_winograd2_lone_sliced;
    if (conv_can(&conv_winograd2_lone, d, s, direction))
        return &conv_winograd2_lone;
    if (s.h < 4 || s.w < 4)
        return &conv_winograd2;
    return suitable_winograd4(context, s, direction);
}

const struct conv_algorithm *conv_routed(const struct conv_algorithm *a, const struct dev *d, struct conv_shape s,
                                         enum conv_direction direction) {
    while (a && !conv_can(a, d, s, direction))
        a = a->otherwise;
    return a;
}

static bool is_wrong(const struct context *context, const struct conv_algorithm *a, struct conv_shape s,
                     enum conv_direction direction) {
    return tuning_algorithm_is_wrong(&context->tuning, conv_routed(a, context->dev, s, direction), direction);
}

/* The built-in rule's algorithm, or if that is wrong, the first right one, beginning with those that suit the shape. */
static const struct conv_algorithm *right(const struct context *context, struct conv_shape s,
                                          enum conv_direction direction) {
    static const struct conv_algorithm *const others[] = {&conv_winograd4, &conv_winograd2, &conv_im2col, &conv_direct};
    enum { OTHERS = sizeof others / sizeof *others };
    const struct conv_algorithm *rule = suitable(context, s, direction);
    size_t first = s.c < WINOGRAD_CHANNELS ? 2 : s.h < 4 || s.w < 4 ? 1 : 0;
    if (!is_wrong(context, rule, s, direction))
        return rule;
    for (size_t i = first; i < first + OTHERS; i++)
        if (!is_wrong(context, others[i % OTHERS], s, direction))
            return others[i % OTHERS];
    return rule;
}

/* NULL for "auto". */
static enum vggcl_err find(const char *name, const struct conv_algorithm **algorithm) {
    *algorithm = NULL;
    if (strcmp(name, "auto") == 0)
        return VGGCL_OK;
    for (const struct conv_algorithm *const *a = conv_algorithms; *a; a++)
        if (strcmp(name, (*a)->name) == 0)
            *algorithm = *a;
    return *algorithm ? VGGCL_OK : err_choice("conv", conv_names, name);
}

/* Whether an algorithm that the user named for all layers can be used for any of them. */
static enum vggcl_err check_named(const struct context *context, const struct conv_algorithm *named) {
    if (!named || !named->matrix)
        return VGGCL_OK;
    const struct matrix_backend *m = context->dev->matrix;
    bool tf32 = m && m->operands == STORED_FLOAT && named == &conv_matrix;
    if (context->stored != STORED_BF16 && !tf32)
        return err_set(VGGCL_EUSAGE, "conv: %s multiplies bfloat16; set precision to bf16, or conv to auto",
                       named->name);
    return m ? VGGCL_OK
             : err_set(VGGCL_EUSAGE,
                       "conv: %s needs matrix instructions, and those of %s are not known; set matrix too "
                       "(plain does without, on CPUs)",
                       named->name, context->dev->info.name);
}

enum vggcl_err conv_choose(const struct context *context, struct conv_shape s, const char *name,
                           struct conv_method methods[CONV_DIRECTIONS]) {
    const struct conv_algorithm *named;
    TRY(find(name, &named));
    TRY(check_named(context, named));
    const struct tuned_conv *tuned = tuning_find(&context->tuning, s, context->dev->matrix);
    for (int i = 0; i < CONV_DIRECTIONS; i++) {
        enum conv_direction direction = (enum conv_direction)i;
        const struct conv_method *found = tuned ? &tuned->methods[i] : NULL;
        const struct conv_algorithm *forced = named && !is_wrong(context, named, s, direction) ? named : NULL;
        methods[i] = (struct conv_method){forced ? forced : right(context, s, direction), gemm_engine(context, NULL)};
        if (!found || !found->algorithm || (forced && forced != found->algorithm) ||
            !conv_can(found->algorithm, context->dev, s, direction) ||
            is_wrong(context, found->algorithm, s, direction))
            continue;
        methods[i] = (struct conv_method){found->algorithm, gemm_engine(context, found->engine)};
    }
    return VGGCL_OK;
}

struct vggcl_method conv_describe(struct conv_method m) {
    struct vggcl_method text;
    snprintf(text.algorithm, sizeof text.algorithm, "%s", m.algorithm->name);
    snprintf(text.engine, sizeof text.engine, "%s", m.algorithm->multiplies ? m.engine->name : "");
    return text;
}

enum vggcl_err conv_make_plan(const struct context *context, struct conv_method m, struct conv_shape s,
                              enum conv_direction direction, struct conv_plan *p) {
    const struct conv_algorithm *a = conv_routed(m.algorithm, context->dev, s, direction);
    if (!a)
        return err_set(VGGCL_EUSAGE,
                       "convolution algorithm %s does not support this shape and names no other one for it",
                       m.algorithm->name);
    *p = (struct conv_plan){.algorithm = a,
                            .engine = m.engine,
                            .direction = direction,
                            .s = directed(s, direction),
                            .stored = context->stored};
    TRY(a->plan(context, p));
    if (direction != CONV_FORWARD || p->slabs > MOST_SLABS)
        p->slabs = 0;
    return VGGCL_OK;
}

double conv_operations(const struct conv_plan *p) {
    const struct conv_shape *s = &p->s;
    return p->algorithm->operations ? p->algorithm->operations(p)
                                    : 18.0 * (double)(s->n * s->h * s->w) * (double)(s->c * s->o);
}

enum vggcl_err conv_run(struct dev *d, struct conv_plan *p, const struct conv_operands *operands) {
    struct conv_operands o = *operands;
    if (p->direction == CONV_WEIGHT_GRADIENT)
        return p->algorithm->weight_gradient(d, p, &o);
    if (p->direction == CONV_DATA_GRADIENT) {
        const struct tensor none = {0};
        o.x = operands->y;
        o.y = operands->x;
        o.bias = o.statistics = none;
    }
    return p->algorithm->forward(d, p, &o);
}

long conv_neighbour(struct conv_shape s, size_t pixel, size_t tap) {
    long h = (long)s.h, w = (long)s.w, at = (long)pixel;
    long row = at / w % h + (long)tap / 3 - 1, column = at % w + (long)tap % 3 - 1;
    if (row < 0 || row >= h || column < 0 || column >= w)
        return -1;
    return at / (w * h) * w * h + row * w + column;
}
