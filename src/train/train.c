/* train.c - vggcl_train(): sets a run up, anew or from its last checkpoint, and takes it through its epochs. */
#include "base/file.h"
#include "train/checkpoint.h"
#include "train/config.h"
#include "train/evaluate.h"
#include "train/feed.h"
#include "train/history.h"
#include "train/plan.h"
#include "train/profile.h"
#include "train/selfcheck.h"
#include "train/tune.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* A micro-batch that was enqueued and whose loss is on its way. */
struct part {
    struct fence fence;
    float total[2]; /* sum of the losses, number right */
};

/* A step that was enqueued. */
struct flight {
    struct part *parts;
    size_t part_count, images;
    int64_t step; /* in all, from 0 */
};

struct run {
    struct vggcl_config config;
    const struct vggcl_observer *observer;
    struct data data;
    struct dev *dev;
    struct net *net;
    struct arena data_arena;
    struct vggcl_plan plan;
    struct tuned tuned;
    double tune_seconds;
    char *profile; /* what the device goes by, for the state; in a resumed run from there */
    struct feed train, test;
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
    return feed_steps(&run->train, batch_size(run));
}

/* ---------------------------------------------------------------------------------------------------- setting up -- */

static enum vggcl_err saved_path(const struct run *run, const char *name, char path[VGGCL_PATH_MAX]) {
    return file_path(path, run->config.save, name);
}

static bool exists(const char *path) {
    struct stat status;
    return stat(path, &status) == 0;
}

/* A save folder that holds an earlier run is renamed to folder.1, folder.2, ...: a new run overwrites nothing. */
static enum vggcl_err make_save_folder(struct run *run) {
    char record[VGGCL_PATH_MAX], state[VGGCL_PATH_MAX];
    TRY(saved_path(run, "accuracy.csv", record));
    TRY(saved_path(run, "last.safetensors", state));
    if (exists(record) || exists(state)) {
        for (int i = 1;; i++) {
            int length = snprintf(run->moved_to, sizeof run->moved_to, "%s.%d", run->config.save, i);
            if (length >= (int)sizeof run->moved_to)
                return err_set(VGGCL_EUSAGE, "--save: the path is longer than %d bytes", VGGCL_PATH_MAX);
            if (!exists(run->moved_to))
                break;
        }
        if (rename(run->config.save, run->moved_to) != 0)
            return err_set(VGGCL_EIO, "%s: holds an earlier run and cannot be renamed to %s: %s; choose another --save",
                           run->config.save, run->moved_to, strerror(errno));
    }
    return file_make_folder(run->config.save);
}

/* With --resume: the run's state is read, and its options taken over. */
static enum vggcl_err open_resumed(struct run *run, struct safetensors *state, char path[VGGCL_PATH_MAX]) {
    struct vggcl_config *config = &run->config;
    char record[VGGCL_PATH_MAX];
    if (*config->profile)
        return err_set(VGGCL_EUSAGE, "--profile: a resumed run goes by the profile that it began with; leave it out");
    TRY(file_path(path, config->resume, "last.safetensors"));
    TRY(safetensors_read(path, state));
    TRY(checkpoint_config(state, path, config));
    TRY(checkpoint_progress(state, path, &run->progress));
    TRY(checkpoint_profile(state, &run->profile));
    strcpy(config->save, config->resume);
    if (run->progress.epoch == 0)
        return VGGCL_OK;
    TRY(saved_path(run, "accuracy.csv", record));
    return history_read(&run->history, record, run->progress.epoch);
}

static enum vggcl_err open_data(struct run *run) {
    const struct vggcl_config *config = &run->config;
    struct dataset *train = &run->data.train;
    TRY(data_open(config->data, config->seed, &run->data));
    if (config->limit > 0 && (size_t)config->limit < train->count)
        train->count = (size_t)config->limit;
    return VGGCL_OK;
}

/* What the device's profile does not know of the network is measured, unless the user chose all there is to choose, or
 * the profile is the user's choice or ships with vggcl: those say the same to everybody. */
static enum vggcl_err measure_unknown(struct run *run) {
    const struct vggcl_config *config = &run->config;
    bool open = strcmp(config_word(config, "conv"), "auto") == 0 && !*config->profile, lacks;
    if (!open || run->tuned.by == TUNED_FILE || run->tuned.by == TUNED_SHIPPED || run->tuned.by == TUNED_RESUMED)
        return VGGCL_OK;
    TRY(tune_lacks(run->dev, config, &lacks));
    if (!lacks)
        return VGGCL_OK;
    double start = clock_seconds();
    TRY(tune_quick(run->dev, config));
    run->tune_seconds = clock_seconds() - start;
    run->tuned.by = TUNED_MEASURED;
    return VGGCL_OK;
}

/* With from, a state's path, as its run began; where that was on another device, as a new run would. */
static enum vggcl_err choose_profile(struct run *run, const char *from) {
    bool same = false;
    if (run->profile)
        TRY(profile_resume(run->dev, run->profile, from, &run->tuned, &same));
    if (!same)
        TRY(measure_unknown(run));
    struct profile now = profile_of(run->dev);
    free(run->profile);
    run->profile = profile_text(&now);
    return run->profile ? VGGCL_OK : err_no_memory("the profile", sizeof now);
}

/* What was measured is kept for the next run, once the device has been checked; it need not be possible. */
static void keep_profile(struct run *run) {
    char path[VGGCL_PATH_MAX];
    if (run->tuned.by != TUNED_MEASURED)
        return;
    char *kept = err_keep();
    bool stored = profile_store(run->dev, path) == VGGCL_OK;
    snprintf(run->tuned.text, sizeof run->tuned.text, "measured in %.1f s%s%s", run->tune_seconds,
             stored ? ", stored as " : ", not stored", stored ? path : "");
    err_put_back(kept);
}

static enum vggcl_err make_net(struct run *run, const char *from) {
    const struct dataset *train = &run->data.train, *test = &run->data.test;
    TRY(config_device(&run->config, &run->dev, &run->tuned));
    TRY(choose_profile(run, from));
    TRY(plan_net(run->dev, &run->config, train->count, test->count, &run->net, &run->plan));
    run->config = run->plan.config;
    TRY(feed_reserve(&run->train, run->dev, train, &run->data_arena));
    TRY(feed_reserve(&run->test, run->dev, test, &run->data_arena));
    for (int side = 0; side < 2; side++) {
        size_t parts = (size_t)run->plan.micro_batches;
        run->flights[side].parts = calloc(parts, sizeof(struct part));
        if (!run->flights[side].parts)
            return err_no_memory("the micro-batches", parts * sizeof(struct part));
    }
    return VGGCL_OK;
}

/* The check gives its memory back before any is taken. */
static enum vggcl_err take_memory(struct run *run) {
    if (!run->config.no_selfcheck)
        TRY(selfcheck(run->net, true, NULL, &run->selfcheck));
    keep_profile(run);
    dev_drop(run->dev, &run->dev->gemm_scratch);
    TRY(net_allocate(run->net));
    return arena_commit(&run->data_arena, run->dev);
}

static enum vggcl_err upload_data(struct run *run) {
    TRY(feed_upload(&run->train, &run->data.train));
    return feed_upload(&run->test, &run->data.test);
}

static enum vggcl_err load_weights(struct run *run) {
    const char *path = run->config.weights;
    struct safetensors file = {0};
    enum vggcl_err err;
    TRY_GOTO(safetensors_read(path, &file), done);
    err = checkpoint_load(&file, path, run->net, CHECKPOINT_WEIGHTS);
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
    return run->dev->half ? "try --storage float, or a smaller --lr" : "try a smaller --lr";
}

/* Takes the weights' hash; weights that are not finite are never saved. */
static enum vggcl_err check_weights(struct run *run) {
    enum vggcl_err err = net_hash(run->net, &run->weights_hash);
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
    TRY(checkpoint_write(path, run->net, &run->config, &run->progress, run->profile));
    run->saved_step = run->progress.step;
    return VGGCL_OK;
}

static enum vggcl_err begin_new(struct run *run) {
    TRY(open_data(run));
    TRY(make_net(run, NULL));
    TRY(take_memory(run));
    TRY(*run->config.weights ? load_weights(run) : net_start(run->net, run->config.seed));
    TRY(upload_data(run));
    TRY(make_save_folder(run));
    return save_state(run);
}

static enum vggcl_err begin_resumed(struct run *run) {
    enum vggcl_err err;
    struct safetensors state = {0};
    char path[VGGCL_PATH_MAX];
    TRY_GOTO(open_resumed(run, &state, path), done);
    TRY_GOTO(open_data(run), done);
    TRY_GOTO(make_net(run, path), done);
    if (run->progress.epoch_step > epoch_steps(run)) { /* all of them: the epoch's end is still to be done */
        err = err_set(VGGCL_EFORMAT,
                      "%s: stands at step %" PRId64 " of an epoch of %" PRId64 ": it was made with other data", path,
                      run->progress.epoch_step, epoch_steps(run));
        goto done;
    }
    TRY_GOTO(take_memory(run), done);
    TRY_GOTO(upload_data(run), done);
    run->saved_step = run->progress.step;
    TRY_GOTO(checkpoint_by_seed(&run->config, &run->progress)
                 ? net_start(run->net, run->config.seed)
                 : checkpoint_load(&state, path, run->net, CHECKPOINT_STATE),
             done);
    err = check_weights(run);
done:
    safetensors_free(&state);
    return err;
}

static void tell_start(struct run *run) {
    const struct vggcl_observer *o = run->observer;
    struct vggcl_start start = {.device = run->dev->info,
                                .config = run->config,
                                .parameters = net_trained_count(run->net),
                                .train_images = run->data.train.count,
                                .test_images = run->data.test.count,
                                .plan = run->plan,
                                .first_epoch = run->progress.epoch + 1,
                                .first_step = run->progress.step,
                                .steps_per_epoch = epoch_steps(run),
                                .checks = run->selfcheck.checks,
                                .check_seconds = run->selfcheck.seconds};
    snprintf(start.dataset, sizeof start.dataset, "%s", run->data.description);
    snprintf(start.tuning, sizeof start.tuning, "%s", run->tuned.text);
    snprintf(start.moved_to, sizeof start.moved_to, "%s", run->moved_to);
    if (o && o->started)
        o->started(o->user, &start);
}

/* ------------------------------------------------------------------------------------------------------ an epoch -- */

static double learning_rate(const struct vggcl_config *config, int epoch) {
    return config->lr * pow(config->lr_gamma, epoch / config->lr_step);
}

/* Images done in the epoch so far, after `steps` steps of it. */
static size_t images_after(const struct run *run, int64_t steps) {
    size_t images = (size_t)steps * batch_size(run);
    return images < run->train.set.count ? images : run->train.set.count;
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

/* The images and the pass of a step's micro-batch: step number epoch_step of the epoch, step in all. */
static enum vggcl_err feed_step(struct run *run, int64_t epoch_step, int64_t step, size_t part, struct pass *pass) {
    const struct vggcl_config *config = &run->config;
    size_t most = run->net->batch, batch = batch_size(run), whole = feed_size(&run->train, batch, epoch_step);
    size_t first = feed_part(whole, most, part), next = feed_part(whole, most, part + 1);
    *pass = net_pass(run->net, next - first, true, config->seed, (uint64_t)step);
    pass->first = first;
    pass->whole = whole;
    return feed_images(&run->train, run->net, (size_t)epoch_step * batch + first, pass->n, !config->no_flip,
                       config->seed, (uint32_t)run->progress.epoch);
}

/* Finds out where it began. No weight has moved since that step (see sgd_step()), so it can be done again. */
static enum vggcl_err loss_not_finite(struct run *run, const struct flight *f) {
    struct pass pass;
    const char *layer;
    size_t part = 0;
    while (part + 1 < f->part_count && isfinite(f->parts[part].total[0]))
        part++;
    TRY(feed_step(run, run->progress.epoch_step, f->step, part, &pass));
    TRY(net_first_not_finite(run->net, &pass, &layer));
    return err_set(VGGCL_ENUMERIC,
                   "the loss of step %" PRId64 " (epoch %d) is not finite, first of all the output of %s; "
                   "%s/last.safetensors keeps the state after %" PRId64 " steps; %s",
                   f->step, run->progress.epoch + 1, layer, run->config.save, run->saved_step, remedy(run));
}

static void tell_first_step(struct run *run, size_t images) {
    const struct vggcl_observer *o = run->observer;
    double now = clock_seconds();
    run->cold.epoch = run->progress.epoch;
    run->cold.seconds = now - run->epoch_start;
    run->cold.images = (double)images;
    if (o && o->stepped_first)
        o->stepped_first(o->user, &(struct vggcl_first_step){.seconds = now - run->call,
                                                             .programs_built = run->dev->programs_built,
                                                             .programs_cached = run->dev->programs_cached});
}

/* Waits for a step's loss and counts it. */
static enum vggcl_err land(struct run *run, struct flight *f) {
    struct progress *p = &run->progress;
    double loss_sum = 0;
    if (!f->images)
        return VGGCL_OK;
    for (size_t i = 0; i < f->part_count; i++) {
        TRY(fence_wait(&f->parts[i].fence));
        loss_sum += f->parts[i].total[0];
    }
    double loss = loss_sum / (double)f->images;
    if (!isfinite(loss))
        return loss_not_finite(run, f);
    for (size_t i = 0; i < f->part_count; i++)
        p->correct += (int64_t)f->parts[i].total[1];
    p->loss_sum += loss_sum;
    p->step++;
    p->epoch_step++;
    if (++run->session_steps == 1)
        tell_first_step(run, f->images);
    f->images = 0;
    if (run->step_log && fprintf(run->step_log, "%" PRId64 ",%d,%.9g,%.9g\n", f->step, p->epoch + 1,
                                 learning_rate(&run->config, p->epoch), loss) < 0)
        return err_set(VGGCL_EIO, "--log-steps %s: cannot be written: %s", run->config.log_steps, strerror(errno));
    tell_progress(run);
    return VGGCL_OK;
}

/* Micro-batches gather in the velocity: the first one's gradient as usual, the others' on top; with the last one the
 * weights move. */
static struct sgd micro_step(struct sgd sgd, bool first, bool last) {
    if (!first) {
        sgd.momentum = 1;
        sgd.weight_decay = 0;
    }
    if (!last)
        sgd.lr = 0;
    return sgd;
}

/* Enqueues one whole step: number `epoch_step` of the epoch, `step` in all. The host does not wait for it. */
static enum vggcl_err take_off(struct run *run, struct flight *f, int64_t epoch_step, int64_t step) {
    const struct vggcl_config *config = &run->config;
    const struct sgd sgd = {learning_rate(config, run->progress.epoch), config->momentum, config->weight_decay};
    struct net *net = run->net;
    size_t images = feed_size(&run->train, batch_size(run), epoch_step);
    f->part_count = feed_parts(images, net->batch);
    for (size_t i = 0; i < f->part_count; i++) {
        struct pass pass;
        TRY(feed_step(run, epoch_step, step, i, &pass));
        TRY(net_forward(net, &pass));
        TRY(net_loss(net, &pass));
        TRY(net_backward(net, &pass));
        TRY(net_update(net, &pass, micro_step(sgd, i == 0, i + 1 == f->part_count)));
        TRY(dev_read_later(run->dev, net->total, 0, 2, f->parts[i].total, &f->parts[i].fence));
    }
    f->images = images;
    f->step = step;
    return VGGCL_OK;
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
        TRY(feed_shuffle(&run->train, run->config.seed, (uint32_t)p->epoch));
    run->epoch_start = clock_seconds();
    for (int side = 0; epoch_step < steps && !must_stop(run, step); epoch_step++, step++, side = !side) {
        TRY(take_off(run, &run->flights[side], epoch_step, step));
        TRY(land(run, &run->flights[!side]));
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
    double seconds = clock_seconds() - run->epoch_start, images = (double)so_far->images;
    if (o && o->progressed)
        o->progressed(o->user, &(struct vggcl_progress){.epoch = run->progress.epoch,
                                                        .testing = true,
                                                        .step = (int64_t)(first / run->net->batch) + 1,
                                                        .steps = feed_steps(&run->test, run->net->batch),
                                                        .loss = so_far->loss_sum / images,
                                                        .accuracy = (double)so_far->correct / images,
                                                        .images_per_second = images / seconds});
}

static enum vggcl_err test_epoch(struct run *run, struct vggcl_epoch *row) {
    struct tally tally;
    run->epoch_start = clock_seconds();
    TRY(evaluate(run->net, &run->test, tell_testing, run, &tally));
    row->test_loss = tally.loss_sum / (double)tally.images;
    row->test_accuracy = (double)tally.correct / (double)tally.images;
    return VGGCL_OK;
}

/* The record first, then the weights, then the state: a run killed in between does its last epoch again, and writes the
 * same. */
static enum vggcl_err save_epoch(struct run *run, const struct vggcl_epoch *row, bool is_best) {
    char path[VGGCL_PATH_MAX], name[64];
    TRY(history_add(&run->history, row));
    TRY(saved_path(run, "accuracy.csv", path));
    TRY(history_write(&run->history, path));
    if (is_best) {
        TRY(saved_path(run, "best.safetensors", path));
        TRY(checkpoint_write(path, run->net, &run->config, &run->progress, NULL));
    }
    if (row->epoch % run->config.save_every == 0) {
        snprintf(name, sizeof name, "epoch-%03d.safetensors", row->epoch);
        TRY(saved_path(run, name, path));
        TRY(checkpoint_write(path, run->net, &run->config, &run->progress, NULL));
    }
    return save_state(run);
}

static enum vggcl_err end_epoch(struct run *run) {
    struct progress *p = &run->progress;
    const struct vggcl_observer *o = run->observer;
    double images = (double)run->train.set.count;
    struct vggcl_epoch row = {.epoch = p->epoch + 1,
                              .lr = learning_rate(&run->config, p->epoch),
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
    TRY(test_epoch(run, &row));
    bool is_best = p->best_epoch == 0 || row.test_accuracy > p->best_accuracy;
    if (is_best) {
        p->best_epoch = row.epoch;
        p->best_accuracy = row.test_accuracy;
    }
    TRY(save_epoch(run, &row, is_best));
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
    if (o && o->finished)
        o->finished(o->user, &(struct vggcl_finish){.end = run->end,
                                                    .epoch = p->epoch,
                                                    .step = p->step,
                                                    .best_epoch = p->best_epoch,
                                                    .best_accuracy = p->best_accuracy,
                                                    .seconds = clock_seconds() - run->start,
                                                    .weights_hash = run->weights_hash,
                                                    .peak_bytes = run->dev->peak_bytes});
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
    arena_free(&run->data_arena);
    feed_free(&run->train);
    feed_free(&run->test);
    net_free(run->net);
    dev_close(run->dev);
    data_free(&run->data);
    free(run->profile);
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
    TRY_GOTO(*config->resume ? begin_resumed(run) : begin_new(run), done);
    TRY_GOTO(open_step_log(run), done);
    tell_start(run);
    TRY_GOTO(train_epochs(run), done);
    TRY_GOTO(close_step_log(run), done);
    tell_finish(run);
done:
    run_free(run);
    return err;
}
