#include "train/lockstep.h"
#include "base/clock.h"
#include "base/phase.h"
#include "base/rng.h"
#include "options/network.h"
#include "options/options.h"
#include "train/deal.h"
#include "train/follow.h"
#include "tune/timing.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { WARM_UP = 2 };

struct bench {
    struct vggcl_config config;
    struct data data;
    struct team team;
    struct part *parts; /* of a step */
    double start;       /* clock_seconds() */
};

static void draw(struct dataset *set, const struct data_spec *spec) {
    struct rng r = rng_sequence(0, RNG_SYNTH, 0);
    for (size_t i = 0; i < set->count * data_image_bytes(spec); i++)
        set->pixels[i] = (uint8_t)rng_below(&r, 256);
    for (size_t i = 0; i < set->count; i++)
        set->labels[i] = (uint16_t)rng_below(&r, (uint32_t)spec->classes);
}

/* A batch of random images, and one to test on, which a team has to have. */
static enum vggcl_err make_images(struct bench *b) {
    struct data *data = &b->data;
    data->spec = network_spec(&b->config);
    TRY(dataset_allocate(&data->train, &data->spec, (size_t)b->config.batch));
    TRY(dataset_allocate(&data->test, &data->spec, 1));
    draw(&data->train, &data->spec);
    draw(&data->test, &data->spec);
    return VGGCL_OK;
}

static enum vggcl_err open_team(struct bench *b) {
    struct team *t = &b->team;
    struct vggcl_selfcheck check;
    TRY(make_images(b));
    TRY(deal_devices(&b->config));
    TRY(team_open(t, &b->config, &b->data.spec));
    TRY(team_tune(t, "rank 0"));
    TRY(team_plan_checked(t, b->data.train.count, b->data.test.count, &b->config, &check));
    b->parts = calloc(team_most_parts(t), sizeof *b->parts);
    if (!b->parts)
        return err_no_memory("the micro-batches", team_most_parts(t) * sizeof *b->parts);
    TRY(team_take_memory(t, &b->data));
    TRY(net_start(team_net(t), b->config.seed));
    TRY(team_share_weights(t));
    return team_upload(t, &b->data, &b->data.train, &normalisation_half);
}

/* One step of all ranks; the other ones follow the order in team_step(). */
static enum vggcl_err take_step(struct bench *b, int number) {
    size_t count;
    struct step step = {
        .number = number, .images = b->data.train.count, .hyperparameters = network_hyperparameters(&b->config)};
    step.hyperparameters.number = number + 1;
    TRY(team_step(&b->team, &step, b->parts, &count));
    return dev_finish(team_net(&b->team)->dev);
}

/* By rank 0 alone. */
static enum vggcl_err eval_step(struct net *net, uint64_t step) {
    TRY(team_wait());
    return timing_eval_step(net, step);
}

/* rates: [steps]: images per second of the steps after those to warm up. */
static enum vggcl_err time_steps(struct bench *b, int steps, double *rates, struct lockstep *result) {
    phase_begin(result->device.name, "training steps", (size_t)steps + WARM_UP);
    for (int i = 0; i < steps + WARM_UP; i++) {
        phase_item((size_t)i, "%s", "");
        if (i == WARM_UP)
            exchange_forget(&b->team.exchange);
        double start = clock_seconds();
        TRY(take_step(b, i));
        double end = clock_seconds();
        if (i == 0)
            result->first_step = end - b->start;
        if (i >= WARM_UP)
            rates[i - WARM_UP] = (double)b->config.batch / (end - start);
    }
    return VGGCL_OK;
}

static enum vggcl_err measure(struct bench *b, int steps, struct lockstep *result) {
    struct team *t = &b->team;
    double *rates = malloc((size_t)steps * sizeof *rates);
    if (!rates)
        return err_no_memory("the timings", (size_t)steps * sizeof *rates);
    enum vggcl_err err = time_steps(b, steps, rates, result);
    if (err == VGGCL_OK) {
        double median = timing_median(rates, steps);
        result->train = (struct vggcl_spread){median, rates[0], rates[steps - 1]};
        result->communication = t->exchange.seconds / steps;
        result->hidden = t->exchange.hidden / steps;
    }
    free(rates);
    TRY(err);
    return timing_steps(team_net(t), steps, INFINITY, eval_step, &result->eval, NULL);
}

/* What is known before the steps. */
static enum vggcl_err describe(struct bench *b, struct lockstep *result) {
    struct team *t = &b->team;
    const struct vggcl_plan *plan = &t->plans[0];
    result->config = b->config;
    result->device = t->members[0].dev->info;
    snprintf(result->tuning, sizeof result->tuning, "%s", plan->tuning);
    result->processes = ranks_count();
    result->devices = t->all;
    result->images = plan->images;
    result->eval_images = (int)team_net(t)->batch;
    return team_traffic(t, &result->sent, &result->received);
}

static enum vggcl_err lead(struct bench *b, int steps, struct lockstep *result) {
    TRY(describe(b, result));
    TRY(measure(b, steps, result));
    result->device_bytes = b->team.members[0].dev->peak_bytes;
    result->warnings = b->team.warnings;
    b->team.warnings = NULL;
    return VGGCL_OK;
}

enum vggcl_err lockstep_bench(const struct vggcl_config *config, int steps, struct lockstep *result) {
    TRY(config_check(config));
    TRY(timing_check_steps(steps));
    struct bench *b = calloc(1, sizeof *b);
    if (!b)
        return err_no_memory("the benchmark", sizeof *b);
    *result = (struct lockstep){0};
    b->config = *config;
    b->start = clock_seconds();
    enum vggcl_err err = open_team(b);
    if (err == VGGCL_OK)
        err = ranks_rank() == 0 ? lead(b, steps, result) : follow_orders(&b->team, b->parts);
    follow_end(err, true);
    team_free(&b->team);
    data_free(&b->data);
    free(b->parts);
    free(b);
    return err;
}
