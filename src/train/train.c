#define _POSIX_C_SOURCE 200809L
/* train.c - vggcl_train(): trains the epochs of a run. */
#include "base/clock.h"
#include "base/phase.h"
#include "base/stop.h"
#include "files/events.h"
#include "nets/feed.h"
#include "options/network.h"
#include "options/options.h"
#include "train/begin.h"
#include "train/evaluate.h"
#include "train/follow.h"
#include "train/hints.h"
#include "train/save.h"
#include "train/schedule.h"
#include "train/tensorboard.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The observer is not asked again once it wants the run to end. payload: the run. */
static bool asks_to_stop(void *payload) {
    struct run *run = payload;
    const struct vggcl_observer *o = run->observer;
    run->asked = run->asked || (o && o->stop && o->stop(o->payload));
    return run->asked;
}

static void tell_other_device(const struct run *run) {
    const struct vggcl_device *d = &run->team.members[0].dev->info;
    char now[512];
    run_name_device(now, d->name, d->driver);
    if (*run->device_so_far && strcmp(run->device_so_far, now) != 0)
        run_notice(run,
                   "the device is %s from now on, %s so far: the weights will not be bit for bit those of a run on one "
                   "device",
                   now, run->device_so_far);
}

/* Reports the options that a resumed run changes, and warns if the learning rate jumps: a changed schedule or number of
 * epochs may do that as an unintended side effect. */
static void tell_changes(const struct run *run) {
    size_t count;
    const struct vggcl_option *options = vggcl_options(&count);
    const struct progress *p = &run->progress;
    for (size_t i = 0; i < count; i++) {
        char was[VGGCL_PATH_MAX], now[VGGCL_PATH_MAX];
        if (!(options[i].flags & VGGCL_CHANGEABLE))
            continue;
        vggcl_config_get(&run->stored, options[i].name, was, sizeof was);
        vggcl_config_get(&run->config, options[i].name, now, sizeof now);
        if (strcmp(was, now) != 0)
            run_notice(run, "%s: %s from now on, %s so far", options[i].name, *now ? now : "the default",
                       *was ? was : "the default");
    }
    tell_other_device(run);
    double before = schedule_lr(&run->stored, p->epoch, p->epoch_step, run_epoch_steps(run));
    double after = schedule_lr(&run->config, p->epoch, p->epoch_step, run_epoch_steps(run));
    if (fabs(after - before) > 1e-6 * before)
        run_notice(run, "warning: the learning rate of the next step is %.5g, not the %.5g of the schedule so far",
                   after, before);
}

/* The methods that give wrong results and were replaced, and what is said of the file of weights. */
static void tell_replaced(const struct run *run) {
    const char *line = run->team.warnings;
    if (!line)
        return;
    for (size_t length; *line; line += length + 1) {
        length = strcspn(line, "\n");
        run_notice(run, "%.*s", (int)length, line);
    }
    if (*run->config.resume)
        run_notice(run, "warning: the run goes on with another method than before: its weights will not be bit for bit "
                        "those of a run without interruption");
}

static enum vggcl_err open_logs(struct run *run) {
    char moved_to[VGGCL_PATH_MAX];
    const char *path = run->config.log_steps;
    TRY(step_log_open(&run->step_log, path, *run->config.resume, run->progress.step, moved_to));
    if (*moved_to)
        run_notice(run, "log-steps: the file that was in %s is now in %s", path, moved_to);
    return tensorboard_open(run);
}

/* In the run's own folder; continue_elsewhere() has written that of another one. */
static enum vggcl_err restore_record(const struct run *run) {
    char note[VGGCL_WARNING];
    if (!run->has_rows || run->from.descriptor >= 0)
        return VGGCL_OK;
    TRY(history_restore(&run->history, &run->folder, "accuracy.csv", note));
    if (*note)
        run_notice(run, "%s", note);
    return VGGCL_OK;
}

/* ------------------------------------------------------------------------------------------------------ an epoch -- */

static double learning_rate(const struct run *run, int epoch, int64_t epoch_step) {
    return schedule_lr(&run->config, epoch, epoch_step, run_epoch_steps(run));
}

/* Number of images in the first `steps` steps of an epoch. */
static size_t images_after(const struct run *run, int64_t steps) {
    size_t images = (size_t)steps * run_batch_size(run);
    return images < run_epoch_images(run) ? images : run_epoch_images(run);
}

/* Images per second of the current epoch, whose first `images` images took `seconds`; without the step of run->cold. */
static double speed(const struct run *run, double images, double seconds) {
    if (run->cold.epoch != run->progress.epoch || images <= run->cold.images)
        return images / seconds;
    return (images - run->cold.images) / (seconds - run->cold.seconds);
}

static void tell_progress(const struct run *run) {
    const struct vggcl_observer *o = run->observer;
    const struct progress *p = &run->progress;
    int64_t steps = run_epoch_steps(run);
    double images = (double)images_after(run, p->epoch_step);
    double seconds = p->epoch_seconds + clock_seconds() - run->epoch_start;
    double session = clock_seconds() - run->start, warm_steps = (double)run->session_steps - 1;
    double per_step = warm_steps > 0 ? (session - run->cold.seconds) / warm_steps : session;
    int64_t last_step = steps * run->config.epochs;
    if (run->config.steps && run->config.steps < last_step)
        last_step = run->config.steps;
    if (o && o->progressed)
        o->progressed(&(struct vggcl_progress){.epoch = p->epoch + 1,
                                               .step = p->epoch_step,
                                               .steps = steps,
                                               .loss = p->loss_sum / images,
                                               .accuracy = (double)p->correct / images,
                                               .images_per_second = speed(run, images, seconds),
                                               .epoch_eta = per_step * (double)(steps - p->epoch_step),
                                               .run_eta = per_step * (double)(last_step - p->step)},
                      o->payload);
}

/* Finds the first layer whose output is not finite by running the step again; its weights are unchanged since then,
 * because an optimiser does nothing after a loss that is not finite (see struct optimised). */
static enum vggcl_err loss_not_finite(struct run *run, const struct pending_step *pending) {
    struct pass pass;
    const char *layer;
    char remedy[REMEDY];
    size_t part = 0;
    while (part + 1 < pending->part_count && isfinite(pending->parts[part].total[0]))
        part++;
    if (pending->parts[part].rank != 0)
        return err_set(VGGCL_ENUMERIC,
                       "the loss of step %" PRId64
                       " (epoch %d) is not finite on %s; %s/last.safetensors keeps the state "
                       "after %" PRId64 " steps; %s",
                       pending->step.number, pending->step.epoch + 1, ranks_name(pending->parts[part].rank),
                       run->config.save, run->saved_step, run_remedy(run, remedy));
    TRY(team_feed(&run->team, &pending->step, &pending->parts[part], &pass));
    TRY(net_first_not_finite(run->team.members[pending->parts[part].member].net, &pass, &layer));
    return err_set(VGGCL_ENUMERIC,
                   "the loss of step %" PRId64
                   " (epoch %d) is not finite; the first output that is not finite is that of %s; "
                   "%s/last.safetensors keeps the state after %" PRId64 " steps; %s",
                   pending->step.number, pending->step.epoch + 1, layer, run->config.save, run->saved_step,
                   run_remedy(run, remedy));
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
    exchange_forget(&run->team.exchange);
    stop_ask(NULL, NULL); /* from now on steps are finished before the run ends */
    if (o && o->stepped_first)
        o->stepped_first(&first, o->payload);
}

/* The result of a write to a log. After an error that the run survives, the next save tries again, and reports it. */
static enum vggcl_err unless_retried(const struct run *run, enum vggcl_err logged) {
    return save_may_fail(run, logged) ? VGGCL_OK : logged;
}

/* Waits until a step is finished, and adds its loss to the progress; a no-op if no step is pending. */
static enum vggcl_err finish_step(struct run *run, struct pending_step *pending) {
    struct progress *p = &run->progress;
    double loss_sum = 0;
    if (!pending->step.images)
        return VGGCL_OK;
    for (size_t i = 0; i < pending->part_count; i++) {
        TRY(fence_wait(&pending->parts[i].fence));
        loss_sum += pending->parts[i].total[0];
    }
    double loss = loss_sum / (double)pending->step.images;
    if (!isfinite(loss))
        return loss_not_finite(run, pending);
    for (size_t i = 0; i < pending->part_count; i++)
        p->correct += (int64_t)pending->parts[i].total[1];
    p->loss_sum += loss_sum;
    p->step++;
    p->epoch_step++;
    run->session_images += (double)pending->step.images;
    if (++run->session_steps == 1)
        tell_first_step(run, pending->step.images);
    pending->step.images = 0;
    struct step_row row = {pending->step.number, p->epoch + 1, pending->step.hyperparameters.lr, loss};
    TRY(unless_retried(run, step_log_add(&run->step_log, &row)));
    TRY(unless_retried(run, tensorboard_step(run, &row)));
    tell_progress(run);
    return VGGCL_OK;
}

/* Enqueues one step, which has number `epoch_step` in the epoch and `step` in the run, both counted from 0. */
static enum vggcl_err enqueue_step(struct run *run, struct pending_step *pending, int64_t epoch_step, int64_t step) {
    int epoch = run->progress.epoch;
    pending->step = (struct step){.number = step,
                                  .epoch_step = epoch_step,
                                  .epoch = epoch,
                                  .images = images_after(run, epoch_step + 1) - images_after(run, epoch_step),
                                  .hyperparameters = network_hyperparameters(&run->config)};
    pending->step.hyperparameters.lr = learning_rate(run, epoch, epoch_step);
    pending->step.hyperparameters.number = step + 1;
    return team_step(&run->team, &pending->step, pending->parts, &pending->part_count);
}

/* True if the run must stop after `step` steps: the limit config.steps is reached, or the observer asks for a stop. */
static bool must_stop(struct run *run, int64_t step) {
    if (!run->stopping && run->config.steps && step >= run->config.steps) {
        run->stopping = true;
        run->end = VGGCL_END_STEPS;
    }
    if (!run->stopping && asks_to_stop(run)) {
        run->stopping = true;
        run->end = VGGCL_END_STOPPED;
    }
    return run->stopping;
}

/* Whether the state must be saved after `step` steps. */
static bool must_save(const struct run *run, int64_t step) {
    const struct vggcl_observer *o = run->observer;
    bool asked = o && o->save && o->save(o->payload);
    return asked || (run->config.checkpoint_every && step % run->config.checkpoint_every == 0);
}

static enum vggcl_err finish_all(struct run *run) {
    for (int i = 0; i < 2; i++)
        TRY(finish_step(run, &run->pending[i]));
    double now = clock_seconds();
    run->progress.epoch_seconds += now - run->epoch_start;
    run->session_seconds += now - run->epoch_start;
    run->epoch_start = now;
    return VGGCL_OK;
}

/* Trains the epoch's remaining steps; stops early if must_stop() says so. */
static enum vggcl_err train_epoch(struct run *run) {
    struct progress *p = &run->progress;
    int64_t steps = run_epoch_steps(run), epoch_step = p->epoch_step, step = p->step;
    if (!run->config.no_shuffle)
        TRY(team_shuffle(&run->team, (uint32_t)p->epoch));
    run->epoch_start = clock_seconds();
    for (int i = 0; epoch_step < steps && !must_stop(run, step); epoch_step++, step++, i = !i) {
        TRY(enqueue_step(run, &run->pending[i], epoch_step, step));
        /* With several devices the step is already finished. */
        TRY(finish_step(run, &run->pending[run->team.all > 1 ? i : !i]));
        if (must_save(run, step + 1)) {
            TRY(finish_all(run));
            TRY(team_wait());
            TRY(save_state(run));
        }
    }
    return finish_all(run);
}

/* ------------------------------------------------------------------------------------------------ after an epoch -- */

static enum vggcl_err tell_testing(const struct tally *so_far, size_t first, size_t n, const int32_t *predicted,
                                   void *payload) {
    const struct run *run = payload;
    const struct vggcl_observer *o = run->observer;
    (void)predicted, (void)n;
    TRY(stop_check());
    TRY(team_wait());
    size_t batch = team_net(&run->team)->batch;
    double seconds = clock_seconds() - run->epoch_start, images = (double)so_far->images;
    if (o && o->progressed)
        o->progressed(&(struct vggcl_progress){.epoch = run->progress.epoch,
                                               .testing = true,
                                               .step = (int64_t)(first / batch) + 1,
                                               .steps = feed_steps(&run->team.test, batch),
                                               .loss = so_far->loss_sum / images,
                                               .accuracy = (double)so_far->correct / images,
                                               .images_per_second = images / seconds},
                      o->payload);
    return VGGCL_OK;
}

static enum vggcl_err test_epoch(struct run *run, struct vggcl_epoch *row) {
    struct tally tally;
    run->epoch_start = clock_seconds();
    stop_ask(asks_to_stop, run);
    enum vggcl_err err = evaluate(team_net(&run->team), &run->team.test, run->config.tta, tell_testing, run, &tally);
    stop_ask(NULL, NULL);
    TRY(err);
    row->test_loss = tally.loss_sum / (double)tally.images;
    row->test_accuracy = (double)tally.correct / (double)tally.images;
    return VGGCL_OK;
}

/* The tested weights become best and epoch-NNN.safetensors where due. */
static enum vggcl_err keep_tested(struct run *run, const struct vggcl_epoch *row, bool is_best) {
    char name[32];
    if (is_best)
        TRY(save_weights_later(run, "best.safetensors"));
    if (row->epoch % run->config.save_every != 0)
        return VGGCL_OK;
    snprintf(name, sizeof name, "epoch-%03d.safetensors", row->epoch);
    return save_weights_later(run, name);
}

/* The state before the test, from which a resumed run repeats it. */
static enum vggcl_err leave_untested(struct run *run, const struct progress *trained) {
    run->progress = *trained;
    return net_swap_averages(team_net(&run->team));
}

/* Tests the net and saves the results, unless the run is stopped during the test. With --ema the averaged weights are
 * tested and saved. */
static enum vggcl_err end_epoch(struct run *run) {
    struct progress *p = &run->progress, trained = *p;
    const struct vggcl_observer *o = run->observer;
    double images = (double)run_epoch_images(run);
    struct vggcl_epoch row = {.epoch = p->epoch + 1,
                              .lr = learning_rate(run, p->epoch, run_epoch_steps(run) - 1),
                              .train_loss = p->loss_sum / images,
                              .train_accuracy = (double)p->correct / images,
                              .seconds = p->epoch_seconds,
                              .images_per_second = speed(run, images, p->epoch_seconds)};
    TRY(save_check_weights(run));
    row.weights_hash = run->weights_hash;
    TRY(tensorboard_weights(run));
    p->epoch++;
    p->epoch_step = 0;
    p->loss_sum = p->epoch_seconds = 0;
    p->correct = 0;
    TRY(net_swap_averages(team_net(&run->team)));
    enum vggcl_err err = test_epoch(run, &row);
    if (err == VGGCL_ESTOPPED)
        return leave_untested(run, &trained);
    TRY(err);
    bool is_best = p->best_epoch == 0 || row.test_accuracy > p->best_accuracy;
    if (is_best) {
        p->best_epoch = row.epoch;
        p->best_accuracy = row.test_accuracy;
    }
    TRY(keep_tested(run, &row, is_best));
    TRY(net_swap_averages(team_net(&run->team)));
    TRY(history_add(&run->history, &row));
    TRY(unless_retried(run, tensorboard_epoch(run, &row)));
    run->record_due = true;
    TRY(team_wait());
    TRY(save_state(run));
    if (o && o->epoch_ended)
        o->epoch_ended(&row, is_best, p->best_accuracy, o->payload);
    return hints_after_epoch(run);
}

static enum vggcl_err train_epochs(struct run *run) {
    const struct progress *p = &run->progress;
    int64_t steps = run_epoch_steps(run);
    run->start = clock_seconds();
    phase_begin(run->team.members[0].dev->info.name, "first step", 0);
    while (!run_is_over(run, &run->end) && !must_stop(run, p->step)) {
        TRY(train_epoch(run));
        if (p->epoch_step == steps)
            TRY(end_epoch(run));
    }
    TRY(team_wait());
    return save_last(run);
}

/* What several processes do together, after the first step, which waits until all have built their kernels. */
static void add_communication(const struct run *run, struct vggcl_finish *f) {
    const struct exchange *e = &run->team.exchange;
    double steps = (double)run->session_steps - 1;
    f->processes = ranks_count();
    if (f->processes == 1 || steps < 1)
        return;
    f->images_per_second = (run->session_images - run->cold.images) / (run->session_seconds - run->cold.seconds);
    f->communication = e->seconds / steps;
    f->hidden = e->hidden / steps;
}

static void tell_finish(const struct run *run) {
    const struct vggcl_observer *o = run->observer;
    const struct progress *p = &run->progress;
    uint64_t peak_bytes = 0;
    for (size_t i = 0; i < run->team.count; i++)
        peak_bytes += run->team.members[i].dev->peak_bytes;
    struct vggcl_finish finish = {.end = run->end,
                                  .epoch = p->epoch,
                                  .step = p->step,
                                  .best_epoch = p->best_epoch,
                                  .best_accuracy = p->best_accuracy,
                                  .seconds = run->complete ? 0 : clock_seconds() - run->start,
                                  .weights_hash = run->weights_hash,
                                  .peak_bytes = peak_bytes,
                                  .epochs = run->config.epochs,
                                  .was_complete = run->complete,
                                  .save = run->config.save};
    add_communication(run, &finish);
    if (o && o->finished)
        o->finished(&finish, o->payload);
}

/* The end of a call that has nothing to train: the record is as the state says, and the observer is told. */
static enum vggcl_err end_complete(const struct run *run) {
    TRY(restore_record(run));
    tell_finish(run);
    return VGGCL_OK;
}

/* The error of a call that is stopped before it has done a step: what is kept of the run. */
static enum vggcl_err stopped_early(const struct run *run, bool saved) {
    const char *resume = run->config.resume, *folder = saved ? run->config.save : resume;
    if (!*folder)
        return err_set(VGGCL_ESTOPPED, "stopped before the first step; nothing is saved");
    return err_set(VGGCL_ESTOPPED,
                   "stopped before a step was done; %s/last.safetensors keeps the state after %" PRId64 " steps",
                   folder, run->progress.step);
}

static void run_free(struct run *run) {
    for (int i = 0; i < 2; i++) {
        struct pending_step *pending = &run->pending[i];
        for (size_t part = 0; part < pending->part_count; part++)
            fence_wait(&pending->parts[part].fence);
        free(pending->parts);
    }
    for (size_t i = 0; i < run->unsaved_count; i++)
        checkpoint_copy_free(run->unsaved[i].copy);
    log_file_close(&run->step_log);
    log_file_close(&run->tensorboard);
    folder_close(&run->folder);
    folder_close(&run->from);
    free(run->warning);
    history_free(&run->history);
    team_free(&run->team);
    dataset_free(&run->shard);
    data_free(&run->data);
    free(run);
}

enum vggcl_err vggcl_train(const struct vggcl_config *given, const struct vggcl_observer *observer) {
    enum vggcl_err err;
    bool begun = false;
    struct vggcl_config own = *given, *config = &own;
    TRY(config_check(config));
    TRY(config_use_dataset(config));
    if (*config->tensorboard)
        TRY(events_available());
    struct run *run = calloc(1, sizeof *run);
    if (!run)
        return err_no_memory("the run", sizeof *run);
    run->config = *config;
    run->observer = observer;
    run->folder = run->from = FOLDER_CLOSED;
    run->keep_previous = true;
    run->step_log = run->tensorboard = LOG_FILE_CLOSED;
    run->call = clock_seconds();
    stop_ask(asks_to_stop, run);
    if (ranks_rank() > 0) {
        err = follow(run);
        goto done;
    }
    TRY_GOTO(run_begin(run, config), done);
    begun = true;
    if (run->complete) {
        err = end_complete(run);
        goto done;
    }
    run_tell_started(run);
    TRY_GOTO(open_logs(run), done);
    if (*run->config_moved_to)
        run_notice(run, "config.json: the file that was in %s is now %s", run->config.save, run->config_moved_to);
    if (run->warning)
        run_notice(run, "%s", run->warning);
    tell_replaced(run);
    if (run->data.notes)
        run_notice(run, "%s", run->data.notes);
    if (run->config.reset_head && !*config->resume)
        run_notice(run, "the convolutions are those of %s, the linear layers are new", run->config.weights);
    if (run->config.freeze != VGGCL_FREEZE_NONE)
        run_notice(run,
                   "the convolutions and their batch normalisation are frozen; only the linear layers are trained");
    if (*config->resume)
        tell_changes(run);
    else
        hints_at_start(run);
    TRY_GOTO(restore_record(run), done);
    TRY_GOTO(train_epochs(run), done);
    TRY_GOTO(log_file_sync(&run->step_log), done); /* of a run without steps: the line of names */
    TRY_GOTO(tensorboard_end(run), done);
    tell_finish(run);
done:
    if (err == VGGCL_ESTOPPED)
        err = stopped_early(run, begun);
    if (err != VGGCL_OK && *run->moved_to && !run->session_steps) /* later it was told long ago */
        err = err_set(err, "%s; the earlier run in %s is now in %s", vggcl_error(), run->config.save, run->moved_to);
    follow_end(err, begun);
    stop_ask(asks_to_stop, run); /* also while the programs are written to the cache */
    run_free(run);
    stop_ask(NULL, NULL);
    return err;
}
