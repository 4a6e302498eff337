#include "check/check.h"
#include "check/operators.h"
#include "base/clock.h"
#include "base/phase.h"
#include "base/stop.h"
#include "ops/conv/conv.h"
#include "ops/gemm/gemm.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Odd sizes, sizes smaller than a tile, and channels for every vector width. Grey images have one channel. */
static const struct conv_shape small_shapes[] = {{3, 7, 5, 1, 1},   {7, 2, 2, 32, 48}, {3, 5, 3, 16, 13},
                                                 {2, 6, 7, 13, 48}, {1, 9, 6, 36, 2},  {5, 4, 8, 8, 32}};
enum { SMALL_SHAPES = sizeof small_shapes / sizeof *small_shapes };
static const struct conv_shape no_shapes[] = {{0}};

/* The elements that are compared of an output of a network's shape, and the images of a quick check. */
enum { SAMPLE = 64, QUICK_IMAGES = 2 };

/* s, with 1 for each size that is not used. */
static struct conv_shape used(unsigned uses, struct conv_shape s) {
    return (struct conv_shape){uses & N ? s.n : 1, uses & H ? s.h : 1, uses & W ? s.w : 1, uses & C ? s.c : 1,
                               uses & O ? s.o : 1};
}

/* "128x32x32x3 to 64", with the sizes that are used. */
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

static const char *kernels_of(const struct rig *rig, const struct check *check) {
    if (check->kernels)
        return check->kernels;
    return check->engine ? check->engine->kernels(&rig->context, check->directions == WEIGHTS)
                         : check->algorithm->kernels;
}

/* The methods that a failed check of shape s stands for. */
static void find_methods(const struct rig *rig, const struct check *check, struct conv_shape s,
                         struct check_failure *failure) {
    bool transposed = check->directions == WEIGHTS;
    if (check->engine)
        failure->methods[failure->method_count++] = tuning_product(&rig->context.tuning, check->engine, transposed);
    for (int i = 0; !check->engine && check->algorithm && i < CONV_DIRECTIONS; i++) {
        enum conv_direction direction = (enum conv_direction)i;
        const struct conv_algorithm *routed = conv_routed(check->algorithm, rig->dev, s, direction);
        if (check->directions >> i & 1 && routed)
            failure->methods[failure->method_count++] =
                (struct device_method){.algorithm = routed, .direction = direction};
    }
}

/* Keeps the first failure, or the first one that is not for lack of memory. err: why it did not run. */
static void keep_failure(const struct rig *rig, const struct check *check, struct conv_shape s,
                         const struct vggcl_check *result, enum vggcl_err err, struct check_failure *failure) {
    if (*failure->check.name && (failure->err != VGGCL_ENOMEM || err == VGGCL_ENOMEM))
        return;
    *failure = (struct check_failure){.check = *result, .err = err, .shape = s};
    if (err == VGGCL_EWRONG || err == VGGCL_OK)
        find_methods(rig, check, s, failure);
}

/* engine: for the matrix products of a convolution. Returns false to end the checks: the report says so, or the caller
 * of the library. */
static bool run_check(struct rig *rig, const struct check *check, struct conv_shape s, const struct gemm_engine *engine,
                      const struct check_report *report) {
    struct vggcl_check result = {.ran = true, .passed = true};
    struct conv_shape shape = used(check->uses, s);
    snprintf(result.name, sizeof result.name, "%s%s%s%s%s", check->name, check->algorithm ? ", " : "",
             check->algorithm ? check->algorithm->name : "", check->engine ? ", " : "",
             check->engine ? check->engine->name : "");
    describe(check->uses, shape, result.shape);
    const struct gemm_engine *chosen = rig->context.engine;
    rig->context.engine = check->engine ? check->engine : engine;
    snprintf(result.kernels, sizeof result.kernels, "%s", kernels_of(rig, check));
    if (report->wanted && !report->wanted(&result, report->payload)) {
        rig->context.engine = chosen;
        return true;
    }
    if (report->starting)
        report->starting(&result, report->payload);
    rig_start(rig);
    check->run(rig, check, shape);
    enum vggcl_err err = rig_end(rig);
    if (err != VGGCL_OK) {
        result.ran = err == VGGCL_EWRONG; /* wrote where it must not */
        result.passed = false;
        result.error = INFINITY;
        snprintf(result.fault, sizeof result.fault, "%.*s", (int)strcspn(vggcl_error(), "\n"), vggcl_error());
    } else {
        result.error = rig->result.error;
        result.tolerance = rig->result.tolerance;
        result.passed = !rig->result.wrong;
        if (!result.passed)
            rig_fault(&rig->result, result.fault);
    }
    if (report->failure && !result.passed)
        keep_failure(rig, check, s, &result, err, report->failure);
    rig->context.engine = chosen;
    if (stop_asked())
        return false;
    return report->checked(&result, report->payload);
}

static struct conv_shape shape_of(const struct layer *l, size_t images) {
    return (struct conv_shape){images, l->in.h, l->in.w, l->in.c, l->out.c};
}

/* Whether l has shapes for the check: it is of the check's type and, for an activation, of its variant. */
static bool belongs(const struct check *check, const struct layer *l) {
    if (check->first)
        return !l->before;
    return strcmp(l->type->name, check->layer) == 0 && (!check->fits || check->fits(check, &l->spec));
}

/* Whether the net itself runs the operator in this layer; stores the engine of the layer's matrix products. */
static bool runs(const struct net *net, const struct check *check, const struct layer *l,
                 const struct gemm_engine **engine) {
    if (check->optimiser)
        return check->optimiser == net->optimiser;
    if (!check->algorithm)
        return (!check->engine || check->engine == *engine) && !check->extra;
    for (int i = 0; i < CONV_DIRECTIONS; i++) {
        struct conv_method m = l->methods[i];
        bool backward = net->use & NET_TRAINS && (i == CONV_DATA_GRADIENT ? l->needs_dx : !l->frozen);
        bool in_use = i == CONV_FORWARD || backward;
        if (check->directions >> i & 1 && in_use && m.algorithm == check->algorithm &&
            (!check->engine || check->engine == m.engine)) {
            *engine = m.engine;
            return true;
        }
    }
    return false;
}

/* Engines that the user has excluded are not checked. */
static bool is_ruled_out(const struct context *context, const struct check *check) {
    return check->engine && !gemm_allows(context, check->engine);
}

/* A net that only evaluates has forward convolutions and products; the other operators have no alternative. */
static bool is_for_training(const struct net *net, const struct check *check) {
    return net->use == NET_EVALUATES && !(check->directions & FORWARD);
}

/* Whether the algorithm does not support the shape and leaves it to another one, which has its own check, or no network
 * pools images that are so small. */
static bool is_left(const struct dev *d, const struct check *check, struct conv_shape s) {
    if (check->pool && (s.h < 2 || s.w < 2))
        return true;
    for (int i = 0; check->algorithm && i < CONV_DIRECTIONS; i++)
        if (check->directions >> i & 1 && !conv_can(check->algorithm, d, s, (enum conv_direction)i))
            return true;
    return false;
}

static bool is_of(const struct check *check, const char *layer) {
    return !layer || (check->layer && strcmp(check->layer, layer) == 0);
}

void check_shape(const struct context *context, const char *layer, struct conv_shape s, size_t sample,
                 const struct check_report *report) {
    struct rig rig = {.dev = context->dev, .context = *context, .sample = sample};
    const struct gemm_engine *engine = gemm_engine(context, NULL);
    struct check_cursor cursor = {0};
    struct check check;
    while (check_next(&cursor, &check))
        if (is_of(&check, layer) && !is_ruled_out(context, &check) && !is_left(context->dev, &check, s) &&
            !run_check(&rig, &check, s, engine, report))
            return;
}

/* On the small shapes, in full. */
static bool check_small(struct rig *rig, const struct check *check, const struct check_report *report) {
    rig->sample = SIZE_MAX;
    const struct gemm_engine *engine = gemm_engine(&rig->context, NULL);
    for (size_t i = 0; i < SMALL_SHAPES; i++)
        if (!is_left(rig->dev, check, small_shapes[i]) && !run_check(rig, check, small_shapes[i], engine, report))
            return false;
    for (const struct conv_shape *s = check->shapes ? check->shapes : no_shapes; s->n; s++)
        if (!run_check(rig, check, *s, engine, report))
            return false;
    return true;
}

/* On the net's distinct shapes, by a sample. A part of an algorithm (`kernels` names its own) is left out where the
 * layer is left to another algorithm, also if the user named this one for all layers. seen has room for a text for each
 * layer. */
static bool check_layers(struct rig *rig, const struct check *check, const struct net *net, bool quick,
                         char (*seen)[64], const struct check_report *report) {
    size_t images = quick && net->batch > QUICK_IMAGES ? QUICK_IMAGES : net->batch, distinct = 0;
    rig->sample = SAMPLE;
    for (const struct layer *l = net->layers; l < net->layers + net->layer_count; l++) {
        struct conv_shape s = shape_of(l, images);
        const struct gemm_engine *engine =
            l->type == &layer_linear ? gemm_linear_engine(&net->context) : gemm_engine(&net->context, NULL);
        size_t same = 0;
        if (!belongs(check, l) || (quick && !runs(net, check, l, &engine)) ||
            ((!quick || check->kernels) && is_left(net->dev, check, s)))
            continue;
        describe(check->uses, s, seen[distinct]);
        while (strcmp(seen[same], seen[distinct]) != 0)
            same++;
        if (same == distinct && !run_check(rig, check, s, engine, report))
            return false;
        distinct += same == distinct;
    }
    return true;
}

enum vggcl_err check_operators(const struct net *net, bool quick, const struct check_report *report) {
    struct rig rig = {.dev = net->dev, .context = net->context};
    struct check_cursor cursor = {0};
    struct check check;
    char(*seen)[64] = calloc(net->layer_count, sizeof *seen);
    if (!seen)
        return err_no_memory("the checks", net->layer_count * sizeof *seen);
    while (check_next(&cursor, &check))
        if (!is_ruled_out(&net->context, &check) && !(quick && is_for_training(net, &check)) &&
            ((!quick && !check_small(&rig, &check, report)) || !check_layers(&rig, &check, net, quick, seen, report)))
            break;
    free(seen);
    return stop_check();
}

static bool first_only(const struct vggcl_check *check, void *payload) {
    (void)payload;
    return check->passed;
}

/* Whether the method launches the operator. The convolution itself is one that has neither kernels nor an engine of its
 * own. */
static bool is_part(const struct check *check, enum conv_direction direction, struct conv_method m) {
    return check->algorithm && check->algorithm == m.algorithm && check->directions >> direction & 1 &&
           (!check->engine || check->engine == m.engine);
}

void check_convolution(const struct context *context, struct conv_shape s, enum conv_direction direction,
                       struct conv_method m, bool all, struct check_failure *failure) {
    struct rig rig = {.dev = context->dev, .context = *context, .sample = SAMPLE};
    struct check_cursor cursor = {0};
    struct check check;
    s.n = s.n < QUICK_IMAGES ? s.n : QUICK_IMAGES;
    *failure = (struct check_failure){0};
    while (check_next(&cursor, &check)) {
        bool whole = !check.kernels && !check.engine;
        if (is_part(&check, direction, m) && (all || whole) &&
            !run_check(&rig, &check, s, m.engine, &(struct check_report){.checked = first_only, .failure = failure}))
            return;
    }
}

/* ----------------------------------------------------------------------------------------------------- summary -- */

struct check_count {
    const struct check_report *listener;
    struct vggcl_selfcheck *result;
    size_t all; /* number of checks that will run */
};

static bool wanted(const struct vggcl_check *check, void *payload) {
    const struct check_report *listener = ((struct check_count *)payload)->listener;
    return !listener || !listener->wanted || listener->wanted(check, listener->payload);
}

static bool only_count(const struct vggcl_check *check, void *payload) {
    ((struct check_count *)payload)->all += wanted(check, payload);
    return false;
}

static void starting(const struct vggcl_check *check, void *payload) {
    const struct check_count *so_far = payload;
    const struct check_report *listener = so_far->listener;
    phase_item((size_t)so_far->result->checks, "%s of %s", check->name, check->shape);
    if (listener && listener->starting)
        listener->starting(check, listener->payload);
}

static bool count(const struct vggcl_check *check, void *payload) {
    struct check_count *so_far = payload;
    so_far->result->checks++;
    so_far->result->failures += !check->passed;
    return so_far->listener ? so_far->listener->checked(check, so_far->listener->payload) : check->passed;
}

void check_failure_text(const struct check_failure *failure, const struct vggcl_device *device,
                        char text[static CHECK_TEXT]) {
    const struct vggcl_check *c = &failure->check;
    snprintf(text, CHECK_TEXT, "%s (driver %s) %s: %s (%s) of %s: %s", device->name, device->driver,
             failure->err == VGGCL_ENOMEM ? "has too little memory for a check" : "gives wrong results", c->name,
             c->kernels, c->shape, c->fault);
}

enum vggcl_err check_net(const struct net *net, bool quick, const struct check_report *listener,
                         struct vggcl_selfcheck *result, struct check_failure *failure) {
    char text[CHECK_TEXT];
    *result = (struct vggcl_selfcheck){.device = net->dev->info};
    *failure = (struct check_failure){0};
    struct check_count counted = {.listener = listener, .result = result};
    double start = clock_seconds();
    TRY(check_operators(net, quick, &(struct check_report){.wanted = only_count, .payload = &counted}));
    if (!counted.all)
        return VGGCL_OK;
    phase_begin(net->dev->info.name, "selfcheck", counted.all);
    TRY(check_operators(net, quick, &(struct check_report){count, &counted, wanted, starting, failure}));
    result->seconds = clock_seconds() - start;
    if (!result->failures)
        return VGGCL_OK;
    if (!listener && failure->err != VGGCL_OK && failure->err != VGGCL_EWRONG)
        return failure->err; /* its text gives the reason */
    check_failure_text(failure, &result->device, text);
    return failure->err == VGGCL_ENOMEM ? err_set(VGGCL_ENOMEM, "%s; try a smaller batch or width", text)
                                        : err_set(VGGCL_EWRONG, "%s; try another driver or device", text);
}
