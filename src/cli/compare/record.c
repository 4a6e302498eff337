#define _POSIX_C_SOURCE 200809L /* setenv */
#include "cli/compare/record.h"
#include "base/err.h"
#include "cli/child.h"
#include "options/options.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BENCH_STEPS = 5, BENCH_SECONDS = 30, NARROW_BATCH = 32 };
static const double narrow = 1.0 / 16; /* maximum width for comparing losses, because the host computes them too */

/* fault may be NULL. */
static json_t *answer(json_t *value, json_t *fault) {
    json_t *all = JSON_MAKE({"value", value});
    if (fault)
        json_put(&all, "fault", fault);
    return all;
}

/* -------------------------------------------------------------------------------------------------- the devices -- */

/* Marks the devices that the selectors name; without selectors the default device. Fails if there is none. */
static enum vggcl_err choose(const struct vggcl_device *list, size_t count, const char *const *selectors,
                             bool *chosen) {
    size_t position;
    do {
        TRY(vggcl_device_select(list, count, *selectors, &position));
        chosen[position] = true;
    } while (*selectors && *++selectors);
    return VGGCL_OK;
}

json_t *record_devices(const void *job) {
    const struct selection *s = job;
    enum vggcl_err err;
    struct vggcl_device *list = NULL;
    size_t count;
    bool *chosen = NULL;
    json_t *devices = json_array();
    TRY_GOTO(vggcl_devices(&list, &count), done);
    chosen = calloc(count + 1, sizeof *chosen);
    if (!chosen) {
        err = err_no_memory("the devices", count + 1);
        goto done;
    }
    if (!s->all || !count)
        TRY_GOTO(choose(list, count, s->selectors, chosen), done);
    for (size_t i = 0; i < count; i++)
        if (s->all || chosen[i])
            json_add(&devices, cli_device_json(&list[i], i, true));
done:
    vggcl_devices_free(list);
    free(chosen);
    if (err == VGGCL_OK)
        return JSON_MAKE({"devices", devices});
    json_decref(devices);
    return child_failure(err);
}

/* --------------------------------------------------------------------------------------------------- the start -- */

json_t *record_start(const void *job) {
    static const char *const variables[] = {"VGGCL_CACHE_DIR", "POCL_CACHE_DIR", "MESA_SHADER_CACHE_DIR",
                                            "CUDA_CACHE_PATH", "NEO_CACHE_DIR",  "AMD_COMGR_CACHE_DIR"};
    const struct measuring *m = job;
    double seconds;
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
        setenv(variables[i], m->caches, 1);
    enum vggcl_err err = vggcl_start_time(&m->config, &seconds);
    return err == VGGCL_OK ? answer(json_make_number(seconds), NULL) : child_failure(err);
}

/* ------------------------------------------------------------------------------------------------- the selfcheck -- */

struct findings {
    json_t *failed;
    double worst; /* largest error / tolerance; NaN or infinite if a value was not finite */
    json_t *fault;
};

static void add_check(const struct vggcl_check *c, void *payload) {
    struct findings *v = payload;
    double ratio = c->tolerance > 0 ? c->error / c->tolerance : 0; /* exact checks (copies, counts) have tolerance 0 */
    if (!(ratio <= v->worst))
        v->worst = ratio;
    if (c->passed)
        return;
    if (!v->fault)
        v->fault = json_make_format("gives wrong results: %s (%s) of %s: %s", c->name, c->kernels, c->shape, c->fault);
    json_add(&v->failed, JSON_MAKE({"operator", json_make_text(c->name)}, {"kernels", json_make_text(c->kernels)},
                                   {"shape", json_make_text(c->shape)}, {"fault", json_make_text(c->fault)}));
}

json_t *record_selfcheck(const void *job) {
    const struct measuring *m = job;
    struct vggcl_selfcheck result;
    struct findings v = {.failed = json_array()};
    const struct vggcl_selfcheck_run run = {.quick = m->quick, .checked = add_check, .payload = &v};
    enum vggcl_err err = vggcl_run_selfcheck(&m->config, &run, &result);
    if (err == VGGCL_OK || err == VGGCL_EWRONG)
        return answer(JSON_MAKE({"quick", json_boolean(m->quick)}, {"checks", json_integer(result.checks)},
                                {"failures", json_integer(result.failures)}, {"worst", json_make_number(v.worst)},
                                {"seconds", json_make_number(result.seconds)}, {"failed", v.failed}),
                      v.fault);
    json_decref(v.failed);
    json_decref(v.fault);
    return child_failure(err);
}

/* ---------------------------------------------------------------------------------------------------- the losses -- */

/* ", 64x64x3 images of 100 classes"; "" for those that are the default, which earlier versions did not name. */
static void describe_images(const struct vggcl_config *c, char text[64]) {
    char shape[24], usual_shape[24];
    struct vggcl_config usual;
    *text = '\0';
    vggcl_config_init(&usual);
    vggcl_config_get(c, "shape", shape, sizeof shape);
    vggcl_config_get(&usual, "shape", usual_shape, sizeof usual_shape);
    if (c->classes != usual.classes || strcmp(shape, usual_shape) != 0)
        snprintf(text, 64, ", %s images of %d classes", shape, c->classes);
}

/* Everything that the losses depend on, except the device: only losses and speeds of equal networks are compared. */
static json_t *describe_network(const struct vggcl_config *c) {
    char dropout[16], images[64];
    describe_images(c, images);
    vggcl_config_get(c, "dropout", dropout, sizeof dropout);
    return json_make_format(
        "%s, width %g, batch %d, %s batch normalisation, %s dropout, activations as %s, seed %llu%s%s", c->model,
        c->width, c->batch, c->no_bn ? "no" : "with", c->no_dropout ? "no" : dropout, config_stored_word(c),
        (unsigned long long)c->seed, c->head == VGGCL_HEAD_AVGPOOL ? ", global average pooling" : "", images);
}

/* The first loss that is out of tolerance or NaN, as a text; NULL if there is none. */
static json_t *find_fault(const struct vggcl_loss *losses, int steps) {
    for (int i = 0; i < steps; i++) {
        const struct vggcl_loss *l = &losses[i];
        if (!(fabs(l->device - l->reference) <= l->tolerance))
            return json_make_format("trains wrong: the loss of step %d is %.9g, not %.9g +- %.1e", i + 1, l->device,
                                    l->reference, l->tolerance);
    }
    return NULL;
}

json_t *record_losses(const void *job) {
    const struct measuring *m = job;
    struct vggcl_config config = m->config;
    struct vggcl_loss losses[RECORD_STEPS];
    config.width = fmin(config.width, narrow);
    config.batch = config.batch < NARROW_BATCH ? config.batch : NARROW_BATCH;
    enum vggcl_err err = vggcl_first_losses(&config, m->steps, losses);
    if (err != VGGCL_OK)
        return child_failure(err);
    json_t *device = json_array(), *reference = json_array(), *tolerance = json_array();
    for (int i = 0; i < m->steps; i++) {
        json_add(&device, json_make_number(losses[i].device));
        json_add(&reference, json_make_number(losses[i].reference));
        json_add(&tolerance, json_make_number(losses[i].tolerance));
    }
    return answer(JSON_MAKE({"network", describe_network(&config)}, {"device", device}, {"reference", reference},
                            {"tolerance", tolerance}),
                  find_fault(losses, m->steps));
}

/* --------------------------------------------------------------------------------------------------- the speed -- */

json_t *record_benchmark(const void *job) {
    const struct measuring *m = job;
    struct vggcl_benchmark b;
    enum vggcl_err err = vggcl_bench(&m->config, BENCH_STEPS, BENCH_SECONDS, &b);
    if (err != VGGCL_OK)
        return child_failure(err);
    json_t *value = cli_bench_json(&b);
    vggcl_benchmark_free(&b);
    json_put(&value, "network", describe_network(&m->config));
    return answer(value, NULL);
}
