/* tune.c - vggcl_tune(), and what train measures of a device that it knows nothing of: search.h, and what becomes of
 * what it finds. */
#include "train/tune.h"
#include "train/bench.h"
#include "train/config.h"
#include "train/evaluate.h"
#include "train/profile.h"
#include "train/search.h"
#include "train/selfcheck.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 3 };

static const double search_part = 0.85; /* of vggcl_tune()'s budget; the rest is for whole training steps */

/* A net for its shapes alone: it takes no device memory. */
static enum vggcl_err shapes_of(struct dev *d, const struct vggcl_config *config, struct net **net) {
    struct layer_spec specs[VGG_LAYERS];
    size_t batch = (size_t)(config->micro_batch ? config->micro_batch : config->batch);
    return net_create(d, specs, vgg_layers(config_vgg(config), specs), vgg_input, batch, config_word(config, "conv"),
                      NET_TRAINS, net);
}

enum vggcl_err tune_lacks(struct dev *d, const struct vggcl_config *config, bool *lacks) {
    struct net *net;
    *lacks = false;
    TRY(shapes_of(d, config, &net));
    for (const struct layer *l = net->layers; l < net->layers + net->layer_count; l++)
        *lacks |= l->type == &layer_conv &&
                  !tuning_find(d->tuning, (struct conv_shape){net->batch, l->in.h, l->in.w, l->in.c, l->out.c});
    net_free(net);
    return VGGCL_OK;
}

enum vggcl_err tune_quick(struct dev *d, const struct vggcl_config *config) {
    enum vggcl_err err;
    struct net *net = NULL;
    struct search *s = search_new(d, TUNE_QUICK_BUDGET);
    if (!s)
        return err_no_memory("the search", sizeof *s);
    s->quick = true;
    s->limit = config->mem_limit;
    TRY_GOTO(shapes_of(d, config, &net), done);
    search_add_rows(s, net);
    err = search_look(s);
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
    struct tuning before = tuning_built_in(s->d);
    result->rows = calloc(s->row_count, sizeof *result->rows);
    if (!result->rows)
        return err_no_memory("the result", s->row_count * sizeof *result->rows);
    qsort(s->rows, s->row_count, sizeof *s->rows, compare_places);
    for (const struct row *r = s->rows; r < s->rows + s->row_count; r++) {
        struct vggcl_tuning_row *to = &result->rows[result->row_count++];
        *to = (struct vggcl_tuning_row){.layers = r->layers,
                                        .direction = search_direction_names[r->direction],
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
    result->complete = search_elapsed(s) < s->budget;
    result->seconds = search_elapsed(s);
    return VGGCL_OK;
}

static enum vggcl_err time_step(struct search *s, const struct vggcl_config *config, const struct tuning *tuning,
                                double *least) {
    double seconds;
    search_tell(s);
    search_drop_operands(s);
    TRY(tuning_use(s->d, tuning));
    TRY(bench_step(s->d, config, STEPS, &seconds));
    if (*least == 0 || seconds < *least)
        *least = seconds;
    return VGGCL_OK;
}

/* Both twice, in turn; the faster ones count. */
static enum vggcl_err time_steps(struct search *s, const struct vggcl_config *config, struct vggcl_tuning *result) {
    struct tuning before = tuning_built_in(s->d);
    snprintf(s->what, sizeof s->what, "training steps before and after");
    for (int i = 0; i < 2; i++) {
        TRY(time_step(s, config, &before, &result->step_before));
        TRY(time_step(s, config, &s->tuning, &result->step_after));
    }
    return VGGCL_OK;
}

static enum vggcl_err search_all(struct search *s, const struct vggcl_config *config, struct vggcl_tuning *result) {
    bool better;
    TRY(search_look(s));
    TRY(time_steps(s, config, result));
    TRY(search_clblast(s, &better));
    if (!better)
        return VGGCL_OK;
    result->step_after = 0;
    return time_step(s, config, &s->tuning, &result->step_after);
}

/* No gain is worth a wrong result. */
static enum vggcl_err check_choice(struct dev *d, const struct vggcl_config *config) {
    struct vggcl_selfcheck verdict;
    struct net *net;
    TRY(shapes_of(d, config, &net));
    enum vggcl_err err = selfcheck(net, true, NULL, &verdict);
    net_free(net);
    return err;
}

/* A step that did not become faster as a whole: the built-in rules stay. */
static enum vggcl_err keep_better(struct search *s, struct vggcl_tuning *result) {
    if (result->step_after < result->step_before)
        return VGGCL_OK;
    s->tuning = tuning_built_in(s->d);
    for (struct row *r = s->rows; r < s->rows + s->row_count; r++) {
        r->now = r->before;
        r->now_s = r->before_s;
    }
    result->step_after = result->step_before;
    return search_enter(s);
}

static enum vggcl_err export_profile(const struct dev *d, const char *path) {
    struct profile p = profile_of(d);
    return profile_write(path, &p);
}

enum vggcl_err vggcl_tune(const struct vggcl_config *config, double budget, const char *export_path, void *user,
                          void (*progressed)(void *user, const struct vggcl_tune_progress *progress),
                          struct vggcl_tuning *result) {
    enum vggcl_err err;
    struct vggcl_config own = *config;
    struct tuned tuned;
    struct dev *d = NULL;
    struct net *net = NULL;
    struct search *s = NULL;
    memset(result, 0, sizeof *result);
    strcpy(own.profile, "none");
    TRY_GOTO(config_device(&own, &d, &tuned), done);
    result->device = d->info;
    s = search_new(d, search_part * budget);
    if (!s) {
        err = err_no_memory("the search", sizeof *s);
        goto done;
    }
    s->user = user;
    s->progressed = progressed;
    TRY_GOTO(shapes_of(d, &own, &net), done);
    search_add_rows(s, net);
    TRY_GOTO(search_all(s, &own, result), done);
    TRY_GOTO(keep_better(s, result), done);
    TRY_GOTO(report(s, result), done);
    TRY_GOTO(check_choice(d, &own), done);
    if (export_path)
        TRY_GOTO(export_profile(d, export_path), done);
    profile_path(&d->info, result->path);
    if (*result->path || !export_path)
        err = profile_store(d, result->path);
done:
    search_free(s);
    net_free(net);
    dev_close(d);
    if (err != VGGCL_OK)
        vggcl_tuning_free(result);
    return err;
}

void vggcl_tuning_free(struct vggcl_tuning *result) {
    free(result->rows);
    result->rows = NULL;
}
