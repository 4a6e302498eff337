/* train.c - vggcl_train(): sets a run up, anew or from its last checkpoint, and takes it through its epochs. */
#include "base/clock.h"
#include "base/file.h"
#include "train/checkpoint.h"
#include "train/config.h"
#include "train/evaluate.h"
#include "train/feed.h"
#include "train/history.h"
#include "train/schedule.h"
#include "train/team.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A step that was enqueued; no images where there is none. */
struct flight {
    struct step step;
    struct part *parts;
    size_t part_count;
};

struct run {
    struct vggcl_config config;
    const struct vggcl_observer *observer;
    struct data data;
    struct team team;
    struct progress progress;
    struct history history;
    FILE *step_log;
    struct flight flights[2]; /* the host prepares one step while the device works on the one before */
    uint64_t weights_hash;    /* when the weights were last checked */
    int64_t saved_step;       /* what last.safetensors holds */
    struct vggcl_selfcheck selfcheck;
    double call, start, epoch_start; /* of vggcl_train(), of this session's part of the run, of the epoch */
    struct {
        int epoch;
        double seconds, images;
    } cold; /* this session's first step, in which kernels are built: it does not count for the speed */
    int64_t session_steps;
    bool stopping;
    enum vggcl_end end;
    char moved_to[VGGCL_PATH_MAX];
};

static size_t batch_size(const struct run *run) {
    return (size_t)run->config.batch;
}

/* Of a whole epoch. */
static int64_t epoch_steps(const struct run *run) {
    return (int64_t)feed_parts(run->data.train.count, batch_size(run));
}

/* ---------------------------------------------------------------------------------------------------- setting up -- */

static enum vggcl_err saved_path(const struct run *run, const char *name, char path[VGGCL_PATH_MAX]) {
    return file_path(path, run->config.save, name);
}

/* A save folder that holds an earlier run is renamed to folder.1, folder.2, ...: a new run overwrites nothing. */
static enum vggcl_err make_save_folder(struct run *run) {
    char record[VGGCL_PATH_MAX], state[VGGCL_PATH_MAX];
    TRY(saved_path(run, "accuracy.csv", record));
    TRY(saved_path(run, "last.safetensors", state));
    if (file_exists(record) || file_exists(state))
        TRY(file_move_aside(run->config.save, run->moved_to));
    return file_make_folder(run->config.save);
}

/* With --resume: the run's state is read, and its options taken over. */
static enum vggcl_err open_resumed(struct run *run, struct safetensors *state, char path[VGGCL_PATH_MAX]) {
    struct vggcl_config *config = &run->config;
    char record[VGGCL_PATH_MAX];
    bool moved = *config->device && !*config->device_split; /* to other devices: the split was of those before */
    if (*config->profile)
        return err_set(VGGCL_EUSAGE, "--profile: a resumed run goes by the profile that it began with; leave it out");
    TRY(file_path(path, config->resume, "last.safetensors"));
    TRY(safetensors_read(path, state));
    TRY(checkpoint_config(state, path, config));
    TRY(checkpoint_progress(state, path, &run->progress));
    if (moved)
        *config->device_split = '\0';
    for (size_t i = 0; i < VGGCL_DEVICES; i++)
        TRY(checkpoint_profile(state, i, &run->team.profiles[i]));
    strcpy(config->save, config->resume);
    if (run->progress.epoch == 0)
        return VGGCL_OK;
    TRY(saved_path(run, "accuracy.csv", record));
    return history_read(&run->history, record, run->progress.epoch);
}

static enum vggcl_err open_data(struct run *run) {
    const struct vggcl_config *config = &run->config;
    struct dataset *train = &run->data.train;
    TRY(data_open(config->data, config->seed, (size_t)config->validate, &run->data));
    if (config->limit > 0 && (size_t)config->limit < train->count)
        train->count = (size_t)config->limit;
    return VGGCL_OK;
}

static enum vggcl_err make_team(struct run *run, const char *from) {
    struct team *t = &run->team;
    TRY(team_open(t, &run->config));
    TRY(team_tune(t, from));
    TRY(team_plan(t, run->data.train.count, run->data.test.count, &run->config));
    for (int side = 0; side < 2; side++) {
        size_t parts = team_most_parts(t);
        run->flights[side].parts = calloc(parts, sizeof(struct part));
        if (!run->flights[side].parts)
            return err_no_memory("the micro-batches", parts * sizeof(struct part));
    }
    return VGGCL_OK;
}

static enum vggcl_err load_weights(struct run *run) {
    const char *path = run->config.weights;
    struct safetensors file = {0};
    enum vggcl_err err;
    TRY_GOTO(safetensors_read(path, &file), done);
    err = checkpoint_load(&file, path, team_net(&run->team), CHECKPOINT_WEIGHTS);
done:
    safetensors_free(&file);
    return err;
}

static enum vggcl_err open_step_log(struct run *run) {
    const char *path = run->config.log_steps;
    bool resumed = *run->config.resume;
    if (!*path)
        return VGGCL_OK;
    run->step_log = fopen(path, resumed ? "a" : "w");
    if (!run->step_log)
        return err_set(VGGCL_EIO, "--log-steps %s: cannot be written: %s", path, strerror(errno));
    if (!resumed)
        fputs("step,epoch,lr,loss\n", run->step_log);
    return VGGCL_OK;
}

/* What may help where numbers are not finite any more. */
static const char *remedy(const struct run *run) {
    return run->config.storage == VGGCL_STORAGE_HALF ? "try --storage float, or a smaller --lr" : "try a smaller --lr";
}

/* Takes the weights' hash, the same on all devices; weights that are not finite are never saved. */
static enum vggcl_err check_weights(struct run *run) {
    enum vggcl_err err = team_hash(&run->team, &run->weights_hash);
    if (err != VGGCL_ENUMERIC)
        return err;
    return err_set(err, "after step %" PRId64 " %s; %s/last.safetensors keeps the state after %" PRId64 " steps; %s",
                   run->progress.step - 1, vggcl_error(), run->config.save, run->saved_step, remedy(run));
}

/* What is saved at any stop; first of all at the start, so that a run can be resumed however early it is killed. */
static enum vggcl_err save_state(struct run *run) {
    char path[VGGCL_PATH_MAX];
    TRY(saved_path(run, "last.safetensors", path));
    if (!checkpoint_by_seed(&run->config, &run->progress))
        TRY(check_weights(run));
    TRY(checkpoint_write(path, team_net(&run->team), &run->config, &run->progress, run->team.profiles));
    run->saved_step = run->progress.step;
    return VGGCL_OK;
}

/* As it was given, not as it came out: --mem-limit may have chosen a micro-batch. */
static enum vggcl_err save_config(const struct run *run, const struct vggcl_config *given) {
    char path[VGGCL_PATH_MAX];
    TRY(saved_path(run, "config.json", path));
    char *text = vggcl_config_text(given);
    if (!text)
        return VGGCL_ENOMEM;
    enum vggcl_err err = file_write_text(path, text);
    free(text);
    return err;
}

static enum vggcl_err begin_new(struct run *run, const struct vggcl_config *given) {
    TRY(open_data(run));
    TRY(make_team(run, NULL));
    TRY(team_take_memory(&run->team, &run->data, &run->selfcheck));
    TRY(*run->config.weights ? load_weights(run) : net_start(team_net(&run->team), run->config.seed));
    TRY(team_share_weights(&run->team));
    TRY(team_upload(&run->team, &run->data));
    TRY(make_save_folder(run));
    TRY(save_config(run, given));
    return save_state(run);
}

static enum vggcl_err begin_resumed(struct run *run) {
    enum vggcl_err err;
    struct safetensors state = {0};
    char path[VGGCL_PATH_MAX];
    TRY_GOTO(open_resumed(run, &state, path), done);
    TRY_GOTO(open_data(run), done);
    TRY_GOTO(make_team(run, path), done);
    if (run->progress.epoch_step > epoch_steps(run)) { /* all of them: the epoch's end is still to be done */
        err = err_set(VGGCL_EFORMAT,
                      "%s: stands at step %" PRId64 " of an epoch of %" PRId64 ": it was made with other data", path,
                      run->progress.epoch_step, epoch_steps(run));
        goto done;
    }
    TRY_GOTO(team_take_memory(&run->team, &run->data, &run->selfcheck), done);
    run->saved_step = run->progress.step;
    TRY_GOTO(checkpoint_by_seed(&run->config, &run->progress)
                 ? net_start(team_net(&run->team), run->config.seed)
                 : checkpoint_load(&state, path, team_net(&run->team), CHECKPOINT_STATE),
             done);
    TRY_GOTO(team_share_weights(&run->team), done);
    TRY_GOTO(team_upload(&run->team, &run->data), done);
    err = check_weights(run);
done:
    safetensors_free(&state);
    return err;
}

static void tell_start(struct run *run) {
    const struct vggcl_observer *o = run->observer;
    struct vggcl_start start = {.device_count = run->team.count,
                                .plans = run->team.plans,
                                .config = run->config,
                                .parameters = net_trained_count(team_net(&run->team)),
                                .train_images = run->data.train.count,
                                .test_images = run->data.test.count,
                                .first_epoch = run->progress.epoch + 1,
                                .first_step = run->progress.step,
                                .steps_per_epoch = epoch_steps(run),
                                .checks = run->selfcheck.checks,
                                .check_seconds = run->selfcheck.seconds};
    snprintf(start.dataset, sizeof start.dataset, "%s", run->data.description);
    snprintf(start.moved_to, sizeof start.moved_to, "%s", run->moved_to);
    if (o && o->started)
        o->started(o->user, &start);
}

/* ------------------------------------------------------------------------------------------------------ an epoch -- */

static double learning_rate(const struct run *run, int epoch, int64_t epoch_step) {
    return schedule_lr(&run->config, epoch, epoch_step, epoch_steps(run));
}

/* Images done in the epoch so far, after `steps` steps of it. */
static size_t images_after(const struct run *run, int64_t steps) {
    size_t images = (size_t)steps * batch_size(run);
    return images < run->data.train.count ? images : run->data.train.count;
}

/* Images per second of the epoch, of which images were done in seconds. */
static double speed(const struct run *run, double images, double seconds) {
    if (run->cold.epoch != run->progress.epoch || images <= run->cold.images)
        return images / seconds;
    return (images - run->cold.images) / (seconds - run->cold.seconds);
}

static void tell_progress(const struct run *run) {
    const struct vggcl_observer *o = run->observer;
    const struct progress *p = &run->progress;
    int64_t steps = epoch_steps(run);
    double images = (double)images_after(run, p->epoch_step);
    double seconds = p->epoch_seconds + clock_seconds() - run->epoch_start;
    double session = clock_seconds() - run->start, warm_steps = (double)run->session_steps - 1;
    double per_step = warm_steps > 0 ? (session - run->cold.seconds) / warm_steps : session;
    int64_t last_step = steps * run->config.epochs;
    if (run->config.steps && run->config.steps < last_step)
        last_step = run->config.steps;
    if (o && o->progressed)
        o->progressed(o->user, &(struct vggcl_progress){.epoch = p->epoch + 1,
                                                        .step = p->epoch_step,
                                                        .steps = steps,
                                                        .loss = p->loss_sum / images,
                                                        .accuracy = (double)p->correct / images,
                                                        .images_per_second = speed(run, images, seconds),
                                                        .epoch_eta = per_step * (double)(steps - p->epoch_step),
                                                        .run_eta = per_step * (double)(last_step - p->step)});
}

/* Finds out where it began. No weight has moved since that step (see sgd_step()), so it can be done again. */
static enum vggcl_err loss_not_finite(struct run *run, const struct flight *f) {
    struct pass pass;
    const char *layer;
    size_t part = 0;
    while (part + 1 < f->part_count && isfinite(f->parts[part].total[0]))
        part++;
    TRY(team_feed(&run->team, &f->step, &f->parts[part], &pass));
    TRY(net_first_not_finite(run->team.members[f->parts[part].member].net, &pass, &layer));
    return err_set(VGGCL_ENUMERIC,
                   "the loss of step %" PRId64 " (epoch %d) is not finite, first of all the output of %s; "
                   "%s/last.safetensors keeps the state after %" PRId64 " steps; %s",
                   f->step.number, f->step.epoch + 1, layer, run->config.save, run->saved_step, remedy(run));
}

static void tell_first_step(struct run *run, size_t images) {
    const struct vggcl_observer *o = run->observer;
    double now = clock_seconds();
    struct vggcl_first_step first = {.seconds = now - run->call};
    for (size_t i = 0; i < run->team.count; i++) {
        first.programs_built += run->team.members[i].dev->programs_built;
        first.programs_cached += run->team.members[i].dev->programs_cached;
    }
    run->cold.epoch = run->progress.epoch;
    run->cold.seconds = now - run->epoch_start;
    run->cold.images = (double)images;
    if (o && o->stepped_first)
        o->stepped_first(o->user, &first);
}

/* Waits for a step's loss and counts it. */
static enum vggcl_err land(struct run *run, struct flight *f) {
    struct progress *p = &run->progress;
    double loss_sum = 0;
    if (!f->step.images)
        return VGGCL_OK;
    for (size_t i = 0; i < f->part_count; i++) {
        TRY(fence_wait(&f->parts[i].fence));
        loss_sum += f->parts[i].total[0];
    }
    double loss = loss_sum / (double)f->step.images;
    if (!isfinite(loss))
        return loss_not_finite(run, f);
    for (size_t i = 0; i < f->part_count; i++)
        p->correct += (int64_t)f->parts[i].total[1];
    p->loss_sum += loss_sum;
    p->step++;
    p->epoch_step++;
    if (++run->session_steps == 1)
        tell_first_step(run, f->step.images);
    f->step.images = 0;
    if (run->step_log &&
        fprintf(run->step_log, "%" PRId64 ",%d,%.9g,%.9g\n", f->step.number, p->epoch + 1, f->step.sgd.lr, loss) < 0)
        return err_set(VGGCL_EIO, "--log-steps %s: cannot be written: %s", run->config.log_steps, strerror(errno));
    tell_progress(run);
    return VGGCL_OK;
}

/* Enqueues one whole step: number `epoch_step` of the epoch, `step` in all. */
static enum vggcl_err take_off(struct run *run, struct flight *f, int64_t epoch_step, int64_t step) {
    const struct vggcl_config *config = &run->config;
    int epoch = run->progress.epoch;
    f->step = (struct step){.number = step,
                            .epoch_step = epoch_step,
                            .epoch = epoch,
                            .images = feed_size(&run->team.members[0].train, batch_size(run), epoch_step),
                            .sgd = {learning_rate(run, epoch, epoch_step), config->momentum, config->weight_decay,
                                    config->nesterov, config->no_bias_decay}};
    return team_step(&run->team, &f->step, f->parts, &f->part_count);
}

/* Whether `step` steps in all are enough, or somebody asks for a stop. */
static bool must_stop(struct run *run, int64_t step) {
    const struct vggcl_observer *o = run->observer;
    if (!run->stopping && run->config.steps && step >= run->config.steps) {
        run->stopping = true;
        run->end = VGGCL_END_STEPS;
    }
    if (!run->stopping && o && o->stop && o->stop(o->user)) {
        run->stopping = true;
        run->end = VGGCL_END_STOPPED;
    }
    return run->stopping;
}

/* Waits for every step that was enqueued. */
static enum vggcl_err land_all(struct run *run) {
    for (int side = 0; side < 2; side++)
        TRY(land(run, &run->flights[side]));
    run->progress.epoch_seconds += clock_seconds() - run->epoch_start;
    run->epoch_start = clock_seconds();
    return VGGCL_OK;
}

/* The epoch's remaining steps, or those until a stop. */
static enum vggcl_err train_epoch(struct run *run) {
    struct progress *p = &run->progress;
    int64_t steps = epoch_steps(run), epoch_step = p->epoch_step, step = p->step;
    if (!run->config.no_shuffle)
        TRY(team_shuffle(&run->team, (uint32_t)p->epoch));
    run->epoch_start = clock_seconds();
    for (int side = 0; epoch_step < steps && !must_stop(run, step); epoch_step++, step++, side = !side) {
        TRY(take_off(run, &run->flights[side], epoch_step, step));
        TRY(land(run, &run->flights[run->team.count > 1 ? side : !side])); /* with several devices it is down already */
        if (run->config.checkpoint_every && (step + 1) % run->config.checkpoint_every == 0) {
            TRY(land_all(run));
            TRY(save_state(run));
        }
    }
    return land_all(run);
}

/* ------------------------------------------------------------------------------------------------ after an epoch -- */

static void tell_testing(void *user, const struct tally *so_far, size_t first, size_t n, const int32_t *predicted) {
    const struct run *run = user;
    const struct vggcl_observer *o = run->observer;
    (void)predicted, (void)n;
    size_t batch = team_net(&run->team)->batch;
    double seconds = clock_seconds() - run->epoch_start, images = (double)so_far->images;
    if (o && o->progressed)
        o->progressed(o->user, &(struct vggcl_progress){.epoch = run->progress.epoch,
                                                        .testing = true,
                                                        .step = (int64_t)(first / batch) + 1,
                                                        .steps = feed_steps(&run->team.test, batch),
                                                        .loss = so_far->loss_sum / images,
                                                        .accuracy = (double)so_far->correct / images,
                                                        .images_per_second = images / seconds});
}

static enum vggcl_err test_epoch(struct run *run, struct vggcl_epoch *row) {
    struct tally tally;
    run->epoch_start = clock_seconds();
    TRY(evaluate(team_net(&run->team), &run->team.test, run->config.tta, tell_testing, run, &tally));
    row->test_loss = tally.loss_sum / (double)tally.images;
    row->test_accuracy = (double)tally.correct / (double)tally.images;
    return VGGCL_OK;
}

/* Adds the row to the record, and writes that and the weights that were tested. */
static enum vggcl_err save_epoch(struct run *run, const struct vggcl_epoch *row, bool is_best) {
    char path[VGGCL_PATH_MAX], name[64];
    TRY(history_add(&run->history, row));
    TRY(saved_path(run, "accuracy.csv", path));
    TRY(history_write(&run->history, path));
    if (is_best) {
        TRY(saved_path(run, "best.safetensors", path));
        TRY(checkpoint_write(path, team_net(&run->team), &run->config, &run->progress, NULL));
    }
    if (row->epoch % run->config.save_every == 0) {
        snprintf(name, sizeof name, "epoch-%03d.safetensors", row->epoch);
        TRY(saved_path(run, name, path));
        TRY(checkpoint_write(path, team_net(&run->team), &run->config, &run->progress, NULL));
    }
    return VGGCL_OK;
}

/* With --ema the averages stand for the weights while the net is tested and what was tested saved. The state comes
 * last: a run killed before it is done does its last epoch again, and writes the same. */
static enum vggcl_err end_epoch(struct run *run) {
    struct progress *p = &run->progress;
    const struct vggcl_observer *o = run->observer;
    double images = (double)run->data.train.count;
    struct vggcl_epoch row = {.epoch = p->epoch + 1,
                              .lr = learning_rate(run, p->epoch, epoch_steps(run) - 1),
                              .train_loss = p->loss_sum / images,
                              .train_accuracy = (double)p->correct / images,
                              .seconds = p->epoch_seconds,
                              .images_per_second = speed(run, images, p->epoch_seconds)};
    TRY(check_weights(run));
    row.weights_hash = run->weights_hash;
    p->epoch++;
    p->epoch_step = 0;
    p->loss_sum = p->epoch_seconds = 0;
    p->correct = 0;
    TRY(net_swap_averages(team_net(&run->team)));
    TRY(test_epoch(run, &row));
    bool is_best = p->best_epoch == 0 || row.test_accuracy > p->best_accuracy;
    if (is_best) {
        p->best_epoch = row.epoch;
        p->best_accuracy = row.test_accuracy;
    }
    TRY(save_epoch(run, &row, is_best));
    TRY(net_swap_averages(team_net(&run->team)));
    TRY(save_state(run));
    if (o && o->epoch_ended)
        o->epoch_ended(o->user, &row, is_best, p->best_accuracy);
    return VGGCL_OK;
}

static enum vggcl_err train_epochs(struct run *run) {
    const struct progress *p = &run->progress;
    int64_t steps = epoch_steps(run);
    run->start = clock_seconds();
    run->end = VGGCL_END_EPOCHS;
    while (p->epoch < run->config.epochs && !must_stop(run, p->step)) {
        TRY(train_epoch(run));
        if (p->epoch_step == steps)
            TRY(end_epoch(run));
    }
    return p->epoch_step ? save_state(run) : check_weights(run);
}

static void tell_finish(const struct run *run) {
    const struct vggcl_observer *o = run->observer;
    const struct progress *p = &run->progress;
    uint64_t peak_bytes = 0;
    for (size_t i = 0; i < run->team.count; i++)
        peak_bytes += run->team.members[i].dev->peak_bytes;
    if (o && o->finished)
        o->finished(o->user, &(struct vggcl_finish){.end = run->end,
                                                    .epoch = p->epoch,
                                                    .step = p->step,
                                                    .best_epoch = p->best_epoch,
                                                    .best_accuracy = p->best_accuracy,
                                                    .seconds = clock_seconds() - run->start,
                                                    .weights_hash = run->weights_hash,
                                                    .peak_bytes = peak_bytes});
}

static enum vggcl_err close_step_log(struct run *run) {
    FILE *log = run->step_log;
    run->step_log = NULL;
    if (log && fclose(log) != 0)
        return err_set(VGGCL_EIO, "--log-steps %s: cannot be written: %s", run->config.log_steps, strerror(errno));
    return VGGCL_OK;
}

static void run_free(struct run *run) {
    for (int side = 0; side < 2; side++) {
        struct flight *f = &run->flights[side];
        for (size_t i = 0; i < f->part_count; i++)
            fence_wait(&f->parts[i].fence);
        free(f->parts);
    }
    if (run->step_log)
        fclose(run->step_log);
    history_free(&run->history);
    team_free(&run->team);
    data_free(&run->data);
    free(run);
}

enum vggcl_err vggcl_train(const struct vggcl_config *config, const struct vggcl_observer *observer) {
    enum vggcl_err err;
    struct run *run = calloc(1, sizeof *run);
    if (!run)
        return err_no_memory("the run", sizeof *run);
    run->config = *config;
    run->observer = observer;
    run->call = clock_seconds();
    TRY_GOTO(*config->resume ? begin_resumed(run) : begin_new(run, config), done);
    TRY_GOTO(open_step_log(run), done);
    tell_start(run);
    TRY_GOTO(train_epochs(run), done);
    TRY_GOTO(close_step_log(run), done);
    tell_finish(run);
done:
    run_free(run);
    return err;
}
