#include "check/check.h"
#include "check/operators.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Odd sizes, sizes below a tile, channels of every vector width. */
static const struct conv_shape small_shapes[] = {{3, 2, 2, 1, 1},   {7, 2, 2, 32, 48}, {3, 5, 3, 16, 13},
                                                 {2, 6, 7, 13, 48}, {1, 9, 6, 36, 2},  {5, 4, 8, 8, 32}};
enum { SMALL_SHAPES = sizeof small_shapes / sizeof *small_shapes };

/* Elements compared of an output of a network's shape, and images in a quick check. */
enum { SAMPLE = 64, QUICK_IMAGES = 2 };

/* s with 1 for the sizes that are not used. */
static struct conv_shape used(unsigned uses, struct conv_shape s) {
    return (struct conv_shape){uses & N ? s.n : 1, uses & H ? s.h : 1, uses & W ? s.w : 1, uses & C ? s.c : 1,
                               uses & O ? s.o : 1};
}

/* "128x32x32x3 to 64", of the sizes that are used. */
static void describe(unsigned uses, struct conv_shape s, char text[static 64]) {
    const size_t sizes[] = {s.n, s.h, s.w, s.c};
    int length = 0;
    *text = 0;
    for (int i = 0; i < 4; i++)
        if (uses & 1u << i)
            length += snprintf(text + length, 64 - (size_t)length, "%s%zu", length ? "x" : "", sizes[i]);
    if (uses & O)
        snprintf(text + length, 64 - (size_t)length, " to %zu", s.o);
}

/* The matrix products of a convolution are made by engine. */
static bool run_check(struct rig *rig, const struct check *check, struct conv_shape s, enum gemm_engine engine,
                      const struct check_report *report) {
    struct vggcl_check result = {.ran = true, .passed = true};
    struct conv_shape shape = used(check->uses, s);
    snprintf(result.name, sizeof result.name, "%s%s%s%s%s", check->name, check->algorithm ? ", " : "",
             check->algorithm ? check->algorithm->name : "", check->engine ? ", " : "",
             check->engine ? gemm_engine_names[check->engine] : "");
    describe(check->uses, shape, result.shape);
    enum gemm_engine chosen = gemm_switch(rig->dev, check->engine ? check->engine : engine);
    snprintf(result.kernels, sizeof result.kernels, "%s",
             check->kernels ? check->kernels : gemm_kernels(rig->dev, check->directions == WEIGHTS));
    rig_start(rig);
    check->run(rig, check, shape);
    if (rig_end(rig) != VGGCL_OK) {
        result.ran = result.passed = false;
        result.error = INFINITY;
        snprintf(result.fault, sizeof result.fault, "%.*s", (int)strcspn(vggcl_error(), "\n"), vggcl_error());
    } else if (rig->result.wrong) {
        result.passed = false;
        rig_fault(&rig->result, result.fault);
    }
    if (result.ran) {
        result.error = rig->result.error;
        result.tolerance = rig->result.tolerance;
    }
    gemm_switch(rig->dev, chosen);
    return report->checked(report->user, &result);
}

static struct conv_shape shape_of(const struct layer *l, size_t images) {
    return (struct conv_shape){images, l->in.h, l->in.w, l->in.c, l->out.c};
}

/* Whether the check is of such a layer: its operator, or one that stands in for it. */
static bool belongs(const struct check *check, const struct layer *l) {
    const struct layer_spec *spec = &l->spec;
    if (l->type != check->layer || l->type != &layer_activation)
        return l->type == check->layer;
    return check->statistics ? spec->bn
                             : spec->bn == check->normalise && spec->pool == check->pool &&
                                   (spec->p > 0 ? spec->dropout : DROPOUT_NONE) == check->dropout;
}

/* Whether net itself runs the check on this layer, and which engine makes its matrix products then. */
static bool runs(const struct check *check, const struct layer *l, enum gemm_engine *engine) {
    if (!check->algorithm)
        return (!check->engine || check->engine == *engine) && !check->extra;
    for (int i = 0; i < CONV_DIRECTIONS; i++) {
        struct conv_method m = l->methods[i];
        if (check->directions >> i & 1 && (i != CONV_DATA_GRADIENT || l->needs_dx) && m.algorithm == check->algorithm &&
            (!check->engine || check->engine == m.engine)) {
            *engine = m.engine;
            return true;
        }
    }
    return false;
}

/* An engine that the user has ruled out is not checked. */
static bool is_ruled_out(const struct dev *d, const struct check *check) {
    return check->engine && !gemm_allows(d, check->engine);
}

/* Whether the check is of a convolution that its algorithm leaves to another one, which has a check of its own. */
static bool is_left(const struct dev *d, const struct check *check, struct conv_shape s) {
    for (int i = 0; check->algorithm && i < CONV_DIRECTIONS; i++)
        if (check->directions >> i & 1 && !conv_can(check->algorithm, d, s, (enum conv_direction)i))
            return true;
    return false;
}

void check_shape(struct dev *d, struct conv_shape s, size_t sample, const struct check_report *report) {
    struct rig rig = {.dev = d, .sample = sample};
    for (const struct check *check = operator_checks; check->name; check++)
        if (!is_ruled_out(d, check) && !is_left(d, check, s) && !run_check(&rig, check, s, gemm_engine(d), report))
            return;
}

enum vggcl_err check_operators(const struct net *net, bool quick, const struct check_report *report) {
    struct rig rig = {.dev = net->dev};
    size_t images = quick && net->batch > QUICK_IMAGES ? QUICK_IMAGES : net->batch;
    char(*seen)[64] = calloc(net->layer_count, sizeof *seen);
    if (!seen)
        return err_no_memory("the checks", net->layer_count * sizeof *seen);
    for (const struct check *check = operator_checks; check->name; check++) {
        if (is_ruled_out(net->dev, check))
            continue;
        rig.sample = SIZE_MAX;
        for (size_t i = 0; !quick && i < SMALL_SHAPES; i++)
            if (!is_left(net->dev, check, small_shapes[i]) &&
                !run_check(&rig, check, small_shapes[i], gemm_engine(net->dev), report))
                goto done;
        rig.sample = SAMPLE;
        size_t distinct = 0;
        for (const struct layer *l = net->layers; l < net->layers + net->layer_count; l++) {
            struct conv_shape s = shape_of(l, images);
            enum gemm_engine engine = gemm_engine(net->dev);
            size_t same = 0;
            if (!belongs(check, l) || (quick ? !runs(check, l, &engine) : is_left(net->dev, check, s)))
                continue;
            describe(check->uses, s, seen[distinct]);
            while (strcmp(seen[same], seen[distinct]) != 0)
                same++;
            if (same == distinct) {
                if (!run_check(&rig, check, s, engine, report))
                    goto done;
                distinct++;
            }
        }
    }
done:
    free(seen);
    return VGGCL_OK;
}
