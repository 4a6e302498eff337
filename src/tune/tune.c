/* tune.c - vggcl_tune(), and the quick tuning that train does on a device without a profile. */
#include "tune/tune.h"
#include "tune/timing.h"
#include "options/network.h"
#include "options/options.h"
#include "tune/checked.h"
#include "tune/profile.h"
#include "tune/search.h"
#include "ops/conv/conv.h"
#include "ops/gemm/clblast_parameters.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 3 };

static const double search_part = 0.85; /* fraction of vggcl_tune()'s budget; the rest is for whole training steps */

static size_t batch_of(const struct vggcl_config *config) {
    return (size_t)(config->micro_batch ? config->micro_batch : config->batch);
}

/* Makes a net without device memory, for its shapes. */
static enum vggcl_err shapes_of(const struct context *context, const struct vggcl_config *config,
                                const struct data_spec *data, struct net **net) {
    return network_create(context, config, data, batch_of(config), NULL, NULL, NET_TRAINS, net);
}

enum vggcl_err tune_lacks(const struct context *context, const struct vggcl_config *config,
                          const struct data_spec *data, bool *lacks) {
    struct net *net;
    *lacks = false;
    TRY(shapes_of(context, config, data, &net));
    for (const struct layer *l = net->layers; l < net->layers + net->layer_count; l++)
        *lacks |=
            layer_convolves(l) && !tuning_find(&context->tuning, layer_conv_shape(l, net->batch), context->dev->matrix);
    net_free(net);
    return VGGCL_OK;
}

enum vggcl_err tune_quick(struct context *context, const struct vggcl_config *config, const struct data_spec *data,
                          char **warnings) {
    enum vggcl_err err;
    struct net *net = NULL;
    struct search *s = search_new(context, TUNE_QUICK_BUDGET);
    if (!s)
        return err_no_memory("the search", sizeof *s);
    s->quick = true;
    s->limit = config->mem_limit;
    s->warnings = warnings;
    TRY_GOTO(shapes_of(context, config, data, &net), done);
    search_add_rows(s, net);
    err = search_run(s);
done:
    search_free(s);
    net_free(net);
    return err;
}

/* ------------------------------------------------------------------------------------------------- vggcl_tune() -- */

static int compare_places(const void *a, const void *b) {
    const struct row *x = a, *y = b;
    return x->place != y->place ? x->place - y->place : (int)x->direction - (int)y->direction;
}

static enum vggcl_err report(struct search *s, struct vggcl_tuning *result) {
    struct tuning before = context_untuned(s->context);
    result->rows = calloc(s->row_count, sizeof *result->rows);
    if (!result->rows)
        return err_no_memory("the result", s->row_count * sizeof *result->rows);
    qsort(s->rows, s->row_count, sizeof *s->rows, compare_places);
    for (const struct row *r = s->rows; r < s->rows + s->row_count; r++) {
        struct vggcl_tuning_row *to = &result->rows[result->row_count++];
        *to = (struct vggcl_tuning_row){.layers = r->layers,
                                        .direction = conv_direction_names[r->direction],
                                        .before = conv_describe(r->before),
                                        .after = conv_describe(r->now),
                                        .before_s = r->before_s,
                                        .after_s = r->now_s};
        snprintf(to->layer, sizeof to->layer, "%s", r->layer);
    }
    for (int i = 0; i < 2; i++) {
        gemm_tile_text(before.tile[i], result->gemm_before[i]);
        gemm_tile_text(s->tuning.tile[i], result->gemm_after[i]);
    }
    snprintf(result->clblast_before, sizeof result->clblast_before, "%s", clblast_set_name(before.clblast_set));
    snprintf(result->clblast_after, sizeof result->clblast_after, "%s", clblast_set_name(s->tuning.clblast_set));
    result->conv_bytes_before = 4 * before.conv_words;
    result->conv_bytes_after = 4 * s->tuning.conv_words;
    result->images = (int)s->images;
    result->measured = s->measured;
    result->complete = !search_time_is_up(s);
    result->seconds = search_elapsed(s);
    return VGGCL_OK;
}

static enum vggcl_err time_step(struct search *s, const struct vggcl_config *config, const struct tuning *tuning,
                                double *least) {
    double seconds;
    search_tell(s);
    search_drop_operands(s);
    TRY(context_tune(s->context, tuning));
    TRY(timing_step(s->context, config, STEPS, &seconds));
    if (*least == 0 || seconds < *least)
        *least = seconds;
    return VGGCL_OK;
}

/* Measures both tunings twice, interleaved, and keeps the faster time of each. */
static enum vggcl_err time_steps(struct search *s, const struct vggcl_config *config, struct vggcl_tuning *result) {
    struct tuning before = context_untuned(s->context);
    snprintf(s->what, sizeof s->what, "training steps before and after");
    for (int i = 0; i < 2; i++) {
        TRY(time_step(s, config, &before, &result->step_before));
        TRY(time_step(s, config, &s->tuning, &result->step_after));
    }
    return VGGCL_OK;
}

static enum vggcl_err search_all(struct search *s, const struct vggcl_config *config, struct vggcl_tuning *result) {
    bool better;
    TRY(search_run(s));
    TRY(time_steps(s, config, result));
    TRY(search_clblast(s, &better));
    if (!better)
        return VGGCL_OK;
    result->step_after = 0;
    return time_step(s, config, &s->tuning, &result->step_after);
}

/* Runs the quick selfcheck with the new tuning, so that no tuning with wrong results is stored. */
static enum vggcl_err check_choice(struct context *context, const struct vggcl_config *config, char **warnings) {
    const struct data_spec spec = network_spec(config);
    struct net *net;
    enum vggcl_err err = checked_net(context, config, &spec, batch_of(config), &net, warnings);
    net_free(net);
    return err;
}

/* Restores the built-in rules unless whole training steps became faster. */
static enum vggcl_err keep_better(struct search *s, struct vggcl_tuning *result) {
    if (result->step_after < result->step_before)
        return VGGCL_OK;
    s->tuning = context_untuned(s->context);
    for (struct row *r = s->rows; r < s->rows + s->row_count; r++) {
        r->now = r->before;
        r->now_s = r->before_s;
    }
    result->step_after = result->step_before;
    return search_apply(s);
}

static enum vggcl_err export_profile(const struct context *context, const char *path) {
    struct profile p = profile_of(context);
    return profile_write(path, &p);
}

enum vggcl_err vggcl_tune(const struct vggcl_config *config, double budget, const char *export_path,
                          struct vggcl_tuning *result, vggcl_tune_callback *progressed, void *payload) {
    enum vggcl_err err;
    struct vggcl_config untuned = *config; /* config without a profile */
    const struct data_spec spec = network_spec(config);
    struct tuned tuned;
    struct context context = {0};
    struct net *net = NULL;
    struct search *s = NULL;
    memset(result, 0, sizeof *result);
    TRY(config_check(config));
    if (!(budget > 0))
        return err_set(VGGCL_EUSAGE, "budget: takes a number of seconds above 0, not %g", budget);
    strcpy(untuned.profile, "none");
    TRY_GOTO(profile_open(&untuned, &context, &tuned), done);
    result->device = context.dev->info;
    TRY_GOTO(checked_net(&context, &untuned, &spec, batch_of(&untuned), &net, &result->warnings), done);
    s = search_new(&context, search_part * budget);
    if (!s) {
        err = err_no_memory("the search", sizeof *s);
        goto done;
    }
    s->progressed = progressed;
    s->payload = payload;
    s->warnings = &result->warnings;
    search_add_rows(s, net);
    TRY_GOTO(search_all(s, &untuned, result), done);
    TRY_GOTO(keep_better(s, result), done);
    TRY_GOTO(search_keep(s), done);
    TRY_GOTO(report(s, result), done);
    TRY_GOTO(check_choice(&context, &untuned, &result->warnings), done);
    if (export_path)
        TRY_GOTO(export_profile(&context, export_path), done);
    profile_path(&context, result->path);
    if (*result->path || !export_path)
        err = profile_store(&context, result->path);
done:
    search_free(s);
    net_free(net);
    dev_close(context.dev);
    if (err != VGGCL_OK)
        vggcl_tuning_free(result);
    return err;
}

void vggcl_tuning_free(struct vggcl_tuning *result) {
    if (!result)
        return;
    free(result->rows);
    free(result->warnings);
    result->rows = NULL;
    result->warnings = NULL;
}
