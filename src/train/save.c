#define _POSIX_C_SOURCE 200809L /* fstatat */
#include "train/save.h"
#include "base/file.h"
#include "base/space.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum vggcl_err save_check_weights(struct run *run) {
    enum vggcl_err err = team_hash(&run->team, &run->weights_hash);
    char remedy[REMEDY];
    if (err != VGGCL_ENUMERIC)
        return err;
    return err_set(err, "after step %" PRId64 " %s; %s/last.safetensors keeps the state after %" PRId64 " steps; %s",
                   run->progress.step - 1, vggcl_error(), run->config.save, run->saved_step, run_remedy(run, remedy));
}

static double mebibytes(uint64_t bytes) {
    return (double)bytes / (1 << 20);
}

static void tell_saved(const struct run *run) {
    const struct vggcl_observer *o = run->observer;
    if (o && o->saved)
        o->saved(run->config.save, run->saved_step, o->payload);
}

/* The size of a file in the save folder; 0 if there is none. */
static uint64_t size_of(const struct run *run, const char *name) {
    struct stat status;
    return fstatat(run->folder.descriptor, name, &status, 0) == 0 ? (uint64_t)status.st_size : 0;
}

enum vggcl_err save_check_space(const struct run *run) {
    static const char *const names[] = {"last.safetensors", "last.safetensors.1", "best.safetensors"};
    bool same = *run->config.resume && run->from.descriptor < 0; /* else files in the folder are moved, not replaced */
    uint64_t needed = 3 * checkpoint_bytes(team_net(&run->team), CHECKPOINT_STATE) +
                      checkpoint_bytes(team_net(&run->team), CHECKPOINT_WEIGHTS);
    uint64_t there = 0, space;
    for (size_t i = 0; same && i < sizeof names / sizeof *names; i++)
        there += size_of(run, names[i]);
    needed = needed > there ? needed - there : 0;
    if (!(run->folder.descriptor >= 0 ? space_free_in(run->folder.descriptor, &space)
                                      : space_free_at(run->config.save, &space)) ||
        space >= needed)
        return VGGCL_OK;
    return err_set(VGGCL_EIO,
                   "%s: has %.1f MiB of free space, but saves need %.1f MiB: for the state and the one before it, the "
                   "best weights and a temporary file; make room, or set save to a folder on another disk",
                   run->config.save, mebibytes(space), mebibytes(needed));
}

/* Before a file is written. */
static enum vggcl_err check_room(const struct run *run, const char *name, enum contents contents) {
    uint64_t needed = checkpoint_bytes(team_net(&run->team), contents), space;
    if (!space_free_in(run->folder.descriptor, &space) || space >= needed)
        return VGGCL_OK;
    return err_set(
        VGGCL_EIO,
        "%s/%s: cannot be written: its folder has %.1f MiB of free space, but it takes %.1f MiB; make room there",
        run->config.save, name, mebibytes(space), mebibytes(needed));
}

enum vggcl_err save_first(struct run *run) {
    char *rows;
    if (!checkpoint_by_seed(&run->config, &run->progress)) {
        TRY(save_check_weights(run));
        TRY(check_room(run, "last.safetensors", CHECKPOINT_STATE));
    }
    TRY(history_text(&run->history, &rows));
    struct checkpoint checkpoint = {.config = &run->config,
                                    .progress = &run->progress,
                                    .data = &run->data,
                                    .profiles = run->team.profiles,
                                    .history = rows,
                                    .weights_hash = run->weights_hash,
                                    .keep_previous = run->keep_previous};
    enum vggcl_err err = checkpoint_write(&run->folder, "last.safetensors", team_net(&run->team), &checkpoint);
    free(rows);
    if (err == VGGCL_OK) {
        run->saved_step = run->progress.step;
        run->keep_previous = true;
        tell_saved(run);
    }
    return err;
}

static enum vggcl_err write_unsaved(struct run *run) {
    while (run->unsaved_count) {
        struct unsaved *first = run->unsaved;
        TRY(check_room(run, first->name, CHECKPOINT_WEIGHTS));
        TRY(checkpoint_copy_write(first->copy, &run->folder, first->name));
        checkpoint_copy_free(first->copy);
        memmove(first, first + 1, --run->unsaved_count * sizeof *first);
    }
    return VGGCL_OK;
}

static enum vggcl_err write_record(struct run *run) {
    if (run->record_due)
        TRY(history_write(&run->history, &run->folder, "accuracy.csv"));
    run->record_due = false;
    return VGGCL_OK;
}

/* Both are tried. */
static enum vggcl_err sync_logs(struct run *run) {
    enum vggcl_err err = log_file_sync(&run->tensorboard);
    TRY(log_file_sync(&run->step_log));
    return err;
}

/* The state comes after the weights: a run that is killed before it repeats the unsaved steps when resumed, and writes
 * the same files. accuracy.csv follows, because it can be restored from the state. The logs have all steps
 * of the state; if one fails, the state is still saved. */
static enum vggcl_err write_all(struct run *run) {
    enum vggcl_err logged = sync_logs(run);
    TRY(write_unsaved(run));
    TRY(save_first(run));
    TRY(write_record(run));
    return logged == VGGCL_OK ? VGGCL_OK : sync_logs(run);
}

bool save_may_fail(const struct run *run, enum vggcl_err err) {
    return err == VGGCL_EIO && run->config.on_save_error == VGGCL_ON_SAVE_ERROR_RETRY;
}

enum vggcl_err save_state(struct run *run) {
    enum vggcl_err err = write_all(run);
    run->save_failed = err != VGGCL_OK;
    if (!save_may_fail(run, err))
        return err;
    run_notice(run,
               "warning: %s; %s has the state after %" PRId64 " steps; the run goes on, and its next save tries again",
               vggcl_error(), run->config.save, run->saved_step);
    return VGGCL_OK;
}

static enum vggcl_err last_failed(const struct run *run, enum vggcl_err err) {
    const char *save = run->config.save;
    int64_t saved = run->saved_step, all = run->progress.step;
    char advice[VGGCL_PATH_MAX + 96] = "";
    if (saved < all)
        snprintf(advice, sizeof advice, "; once it can be written again, go on with `vggcl train --resume %s`", save);
    return err_set(err,
                   "%s; the last save of the run failed: %s has the state after %" PRId64 " of %" PRId64 " steps%s",
                   vggcl_error(), save, saved, all, advice);
}

enum vggcl_err save_last(struct run *run) {
    enum vggcl_err err = run->progress.epoch_step || run->save_failed ? write_all(run) : save_check_weights(run);
    if (save_may_fail(run, err))
        return last_failed(run, err);
    if (err == VGGCL_OK && *run->left_out)
        return err_set(VGGCL_EIO,
                       "%s/%s: was not written, because nothing could be saved at that time; everything else is saved",
                       run->config.save, run->left_out);
    return err;
}

/* Where the weights are kept until they are saved; NULL if there is no room. */
static struct unsaved *unsaved_place(struct run *run, const char *name) {
    static const char best[] = "best.safetensors"; /* for which there is always room */
    bool has_best = strcmp(name, best) == 0;
    for (size_t i = 0; i < run->unsaved_count; i++) {
        if (strcmp(run->unsaved[i].name, name) == 0)
            return &run->unsaved[i];
        has_best |= strcmp(run->unsaved[i].name, best) == 0;
    }
    if (run->unsaved_count + !has_best >= UNSAVED)
        return NULL;
    struct unsaved *place = &run->unsaved[run->unsaved_count++];
    *place = (struct unsaved){.copy = NULL};
    snprintf(place->name, sizeof place->name, "%s", name);
    return place;
}

enum vggcl_err save_weights_later(struct run *run, const char *name) {
    struct checkpoint checkpoint = {.config = &run->config, .progress = &run->progress, .data = &run->data};
    struct checkpoint_copy *copy;
    TRY(checkpoint_copy(team_net(&run->team), &checkpoint, &copy));
    struct unsaved *place = unsaved_place(run, name);
    if (!place) {
        run_notice(run, "warning: %s/%s: is left out: %d files that could not be saved are in memory already",
                   run->config.save, name, UNSAVED - 1);
        snprintf(run->left_out, sizeof run->left_out, "%s", name);
        checkpoint_copy_free(copy);
        return VGGCL_OK;
    }
    checkpoint_copy_free(place->copy);
    place->copy = copy;
    return VGGCL_OK;
}
