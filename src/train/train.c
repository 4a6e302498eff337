#define _POSIX_C_SOURCE 200809L /* openat */
/* train.c - vggcl_train(): starts a run or resumes it from its last checkpoint, and trains its epochs. */
#include "base/clock.h"
#include "base/file.h"
#include "base/space.h"
#include "base/stop.h"
#include "base/text.h"
#include "data/data.h"
#include "train/checkpoint.h"
#include "train/class_weights.h"
#include "options/network.h"
#include "options/options.h"
#include "train/evaluate.h"
#include "nets/feed.h"
#include "train/history.h"
#include "train/schedule.h"
#include "train/step_log.h"
#include "train/team.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Weights that belong into the save folder, and are there after the next save that succeeds. */
struct unsaved {
    char name[32];
    struct checkpoint_copy *copy;
};
enum { UNSAVED = 8 };

/* A step that was enqueued and whose loss was not read yet; step.images is 0 if there is none. */
struct pending_step {
    struct step step;
    struct part *parts;
    size_t part_count;
};

struct run {
    struct vggcl_config config;
    const struct vggcl_observer *observer;
    struct data data;
    struct normalisation normalisation; /* of data's images */
    struct team team;
    struct progress progress;
    struct history history;
    struct step_log step_log;
    struct pending_step pending[2]; /* the host prepares one step while the device runs the one before */
    uint64_t weights_hash;          /* from the last check_weights() */
    int64_t saved_step;             /* number of completed steps in last.safetensors */
    bool keep_previous;             /* the next save keeps last.safetensors as last.safetensors.1 */
    char *warning;                  /* that a resumed run goes on from last.safetensors.1, and why; else NULL */
    struct vggcl_selfcheck selfcheck;
    double call, start, epoch_start; /* start times: of vggcl_train(), of its first step, of the epoch */
    struct {
        int epoch;
        double seconds, images;
    } cold; /* the first step since vggcl_train() began; it builds the kernels, so the speed excludes it */
    int64_t session_steps; /* completed since vggcl_train() began */
    bool stopping, asked;  /* asked: the observer wants the run to end */
    enum vggcl_end end;
    struct folder folder;       /* config.save; locked */
    struct folder from;         /* config.resume, if it is not config.save; locked */
    struct vggcl_config stored; /* of a resumed run: the options in its checkpoint */
    char moved_to[VGGCL_PATH_MAX];
    bool has_rows; /* of a resumed run: its state holds the accuracy record */
    struct unsaved unsaved[UNSAVED];
    size_t unsaved_count;
    bool record_due;   /* accuracy.csv lacks a row */
    bool save_failed;  /* the last one */
    char left_out[32]; /* the last checkpoint of an epoch for which unsaved[] had no room; "" for none */
};

/* The observer is not asked again once it wants the run to end. payload: the run. */
static bool asks_to_stop(void *payload) {
    struct run *run = payload;
    const struct vggcl_observer *o = run->observer;
    run->asked = run->asked || (o && o->stop && o->stop(o->payload));
    return run->asked;
}

static size_t batch_size(const struct run *run) {
    return (size_t)run->config.batch;
}

/* The images of an epoch: all training images, or with drop_last those of whole batches. */
static size_t epoch_images(const struct run *run) {
    size_t count = run->data.train.count;
    return run->config.drop_last ? count / batch_size(run) * batch_size(run) : count;
}

static int64_t epoch_steps(const struct run *run) {
    return (int64_t)feed_parts(epoch_images(run), batch_size(run));
}

/* ---------------------------------------------------------------------------------------------------- setting up -- */

static enum vggcl_err open_locked(struct folder *folder, const char *path) {
    TRY(folder_open(folder, path));
    return folder_lock(folder, "wait until it ends, or set save to another folder");
}

static bool same_folder(const struct folder *folder, const char *path) {
    struct stat one, other;
    return fstat(folder->descriptor, &one) == 0 && stat(path, &other) == 0 && one.st_dev == other.st_dev &&
           one.st_ino == other.st_ino;
}

/* Opens and locks the folders that already exist, so that a conflict is reported before any slow work. */
static enum vggcl_err take_folders(struct run *run) {
    struct vggcl_config *config = &run->config;
    if (*config->resume) {
        if (!config_gives(config, "save"))
            strcpy(config->save, config->resume);
        TRY(open_locked(&run->from, config->resume));
        if (same_folder(&run->from, config->save)) {
            run->folder = run->from;
            run->from = FOLDER_CLOSED;
            return VGGCL_OK;
        }
    }
    return file_exists(config->save) ? open_locked(&run->folder, config->save) : VGGCL_OK;
}

/* Whether a run writes a file of this name into its folder. */
static bool is_of_a_run(const char *name) {
    static const char *const names[] = {"config.json", "accuracy.csv", "best.safetensors", "last.safetensors",
                                        "last.safetensors.1"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    const char *end = strrchr(name, '.');
    return strncmp(name, "epoch-", 6) == 0 && end && strcmp(end, ".safetensors") == 0;
}

static enum vggcl_err has_run(const struct folder *folder, bool *has) {
    int descriptor = openat(folder->descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = descriptor < 0 ? NULL : fdopendir(descriptor);
    *has = false;
    if (!entries) {
        enum vggcl_err err = err_set(VGGCL_EIO, "%s: this folder cannot be read: %s", folder->path, strerror(errno));
        if (descriptor >= 0)
            close(descriptor);
        return err;
    }
    for (struct dirent *entry; !*has && (entry = readdir(entries));)
        *has = is_of_a_run(entry->d_name);
    closedir(entries);
    return VGGCL_OK;
}

/* A save folder that holds files of an earlier run is renamed to folder.1, folder.2, ...: a new run overwrites nothing.
 * A folder with other files alone is used as it is. */
static enum vggcl_err make_save_folder(struct run *run) {
    const char *path = run->config.save;
    bool has;
    for (;;) {
        if (run->folder.descriptor < 0) {
            TRY(file_make_folder(path));
            TRY(open_locked(&run->folder, path));
        }
        TRY(has_run(&run->folder, &has));
        if (!has)
            return VGGCL_OK;
        TRY(file_move_aside(path, run->moved_to));
        folder_close(&run->folder);
    }
}

/* Neither of the states can be read; why: that the newest one cannot. */
static enum vggcl_err no_state(const char *folder, const char *path, const char *older, const char *why) {
    if (!file_exists(path) && !file_exists(older))
        return err_set(
            VGGCL_EIO,
            "%s: has no last.safetensors, the state of a run; name the folder of a run (resume), or, to start "
            "a new run from trained weights, their file (weights)",
            folder);
    return err_set(VGGCL_EFORMAT,
                   "%s; the state before it cannot be used either: %s; to start a new run from the best weights, set "
                   "weights to %s/best.safetensors",
                   why, vggcl_error(), folder);
}

/* Whether the state is lost. One that only cannot be opened is not: it would be overwritten. */
static bool is_lost(enum vggcl_err err, const char *path) {
    return err == VGGCL_EFORMAT || (err == VGGCL_EIO && (!file_exists(path) || access(path, R_OK) == 0));
}

/* Reads last.safetensors, or, if that is damaged or missing, the state before it. path receives the file's. */
static enum vggcl_err read_state(struct run *run, struct safetensors *state, char path[VGGCL_PATH_MAX]) {
    char older[VGGCL_PATH_MAX];
    TRY(file_path(path, run->config.resume, "last.safetensors"));
    TRY(file_path(older, run->config.resume, "last.safetensors.1"));
    enum vggcl_err err = safetensors_read(path, state);
    if (err == VGGCL_OK || !is_lost(err, path))
        return err;
    char *why = err_keep();
    err = safetensors_read(older, state);
    if (err != VGGCL_OK) {
        err = no_state(run->config.resume, path, older, why);
    } else {
        err_set(err, "warning: %s; resumed from the state before it, %s", why, older);
        run->warning = err_keep();
        run->keep_previous = false;
        strcpy(path, older);
    }
    free(why);
    return err;
}

/* The rows are in the state; in one of an earlier version they are not. */
static enum vggcl_err open_history(struct run *run, const struct safetensors *state, const char *path) {
    const char *text = checkpoint_history(state);
    char record[VGGCL_PATH_MAX];
    run->has_rows = text != NULL;
    if (text)
        return history_parse(&run->history, text, path, run->progress.epoch);
    if (run->progress.epoch == 0)
        return VGGCL_OK;
    TRY(file_path(record, run->config.resume, "accuracy.csv"));
    return history_read(&run->history, record, run->progress.epoch);
}

/* With --resume: reads the run's state and options from its last checkpoint. */
static enum vggcl_err open_resumed(struct run *run, struct safetensors *state, char path[VGGCL_PATH_MAX]) {
    struct vggcl_config *config = &run->config;
    bool moved = *config->device && !*config->device_split; /* a stored split was for the previous devices */
    if (*config->profile)
        return err_set(VGGCL_EUSAGE,
                       "profile: a resumed run uses the profile that it began with; leave the option out");
    TRY(read_state(run, state, path));
    TRY(checkpoint_config(state, path, config, &run->stored));
    TRY(checkpoint_progress(state, path, &run->progress));
    if (moved)
        *config->device_split = '\0';
    for (size_t i = 0; i < VGGCL_DEVICES; i++)
        TRY(checkpoint_profile(state, i, &run->team.profiles[i]));
    return open_history(run, state, path);
}

/* name: as in struct data_source. */
static enum vggcl_err open_data(struct run *run, const char *name) {
    const struct vggcl_config *config = &run->config;
    struct data_source source = network_data(config);
    source.name = name;
    if (run->observer) {
        source.progress = run->observer->decoded;
        source.payload = run->observer->payload;
    }
    TRY(data_open(&source, &run->data));
    TRY(data_suffices(run->data.train.count, run->data.test.count, true));
    data_limit(&run->data, (size_t)config->limit);
    TRY(network_check_augmentation(config, &run->data.spec));
    if (config->drop_last && !epoch_images(run))
        return err_set(VGGCL_EUSAGE, "drop-last: leaves out all %zu training images, fewer than a batch of %d",
                       run->data.train.count, config->batch);
    return config->class_weights == VGGCL_CLASS_WEIGHTS_BALANCED
               ? class_weights_balance(&run->data, &run->team.class_weights)
               : VGGCL_OK;
}

/* Opens the data set that --data names; without --data, the folder that the checkpoint names, or, if that is missing,
 * the run's stored --data, which may be a relative path. */
static enum vggcl_err open_resumed_data(struct run *run, bool given, const struct safetensors *state,
                                        const char *path) {
    const char *folder = checkpoint_data(state);
    TRY(open_data(run, !given && folder && file_exists(folder) ? folder : run->config.data));
    TRY(checkpoint_same_data(state, path, &run->data));
    return checkpoint_check_progress(path, &run->progress, epoch_images(run), batch_size(run));
}

static enum vggcl_err make_team(struct run *run, const char *from) {
    struct team *t = &run->team;
    TRY(team_open(t, &run->config, &run->data.spec));
    TRY(team_tune(t, from));
    TRY(team_plan(t, run->data.train.count, run->data.test.count, &run->config));
    for (int i = 0; i < 2; i++) {
        size_t parts = team_most_parts(t);
        run->pending[i].parts = calloc(parts, sizeof(struct part));
        if (!run->pending[i].parts)
            return err_no_memory("the micro-batches", parts * sizeof(struct part));
    }
    return VGGCL_OK;
}

/* That of the file that the network comes from: a state, or weights. */
static enum vggcl_err read_normalisation(struct run *run, const struct safetensors *file, const char *path) {
    const struct data *data = &run->data;
    return checkpoint_normalisation(file, path, &data->spec, &data->train, &run->config, &run->normalisation);
}

/* That of the weights, unless there are none or the user chose another one. */
static enum vggcl_err choose_normalisation(struct run *run, const struct safetensors *weights) {
    if (*run->config.weights && !config_gives(&run->config, "normalize"))
        return read_normalisation(run, weights, run->config.weights);
    return normalise((enum vggcl_normalize)run->config.normalize, &run->data.spec, &run->data.train,
                     &run->normalisation);
}

/* A network whose linear layers are kept needs data of its classes. */
static enum vggcl_err check_data(const struct run *run, const struct safetensors *weights) {
    const char *path = run->config.weights;
    return *path && !run->config.reset_head ? checkpoint_takes_data(weights, path, &run->data, false) : VGGCL_OK;
}

static enum vggcl_err start_net(struct run *run, const struct safetensors *weights) {
    const char *path = run->config.weights;
    struct net *net = team_net(&run->team);
    if (!*path)
        return net_start(net, run->config.seed);
    if (!run->config.reset_head)
        return checkpoint_load(weights, path, net, CHECKPOINT_WEIGHTS);
    TRY(net_start(net, run->config.seed));
    return checkpoint_load(weights, path, net, CHECKPOINT_WITHOUT_HEAD);
}

/* The advice in errors about values that are not finite. */
static const char *remedy(const struct run *run) {
    return run->config.storage == VGGCL_STORAGE_HALF ? "try storage float, or a smaller lr" : "try a smaller lr";
}

/* Updates weights_hash; an error if the devices' weights differ or are not finite, so that such weights are never
 * saved. */
static enum vggcl_err check_weights(struct run *run) {
    enum vggcl_err err = team_hash(&run->team, &run->weights_hash);
    if (err != VGGCL_ENUMERIC)
        return err;
    return err_set(err, "after step %" PRId64 " %s; %s/last.safetensors keeps the state after %" PRId64 " steps; %s",
                   run->progress.step - 1, vggcl_error(), run->config.save, run->saved_step, remedy(run));
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

/* Before the first step: VGGCL_EIO if there is no room for what a save leaves in the folder and its temporary file. */
static enum vggcl_err check_space(const struct run *run) {
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
    return err_set(VGGCL_EIO, "%s/%s: cannot be written: its folder has %.1f MiB of free space, but it takes %.1f MiB",
                   run->config.save, name, mebibytes(space), mebibytes(needed));
}

/* The first call is before the first step, so that a run can be resumed even if it is killed during that step. */
static enum vggcl_err write_state(struct run *run) {
    char *rows;
    if (!checkpoint_by_seed(&run->config, &run->progress)) {
        TRY(check_weights(run));
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

/* The state comes after the weights: a run that is killed before it repeats the unsaved steps when resumed, and writes
 * the same files. accuracy.csv follows, because it can be restored from the state. The log of the steps has all those
 * of the state; if it fails, the state is still saved. */
static enum vggcl_err write_all(struct run *run) {
    enum vggcl_err logged = step_log_sync(&run->step_log);
    TRY(write_unsaved(run));
    TRY(write_state(run));
    TRY(write_record(run));
    return logged == VGGCL_OK ? VGGCL_OK : step_log_sync(&run->step_log);
}

/* Saves the options as the user gave them: run->config may differ, e.g. in a micro-batch that --mem-limit chose. */
static enum vggcl_err save_config(const struct run *run, const struct vggcl_config *given) {
    char *text;
    TRY(vggcl_config_text(given, &text));
    enum vggcl_err err = file_write_text(&run->folder, "config.json", text);
    vggcl_config_text_free(text);
    return err;
}

/* The network is that of the weights, where the options do not choose another one. */
static enum vggcl_err open_weights(struct vggcl_config *config, struct safetensors *weights) {
    if (!*config->weights)
        return VGGCL_OK;
    TRY(safetensors_read(config->weights, weights));
    return checkpoint_suggest_network(weights, config);
}

static enum vggcl_err begin_new(struct run *run, const struct vggcl_config *given) {
    enum vggcl_err err;
    struct safetensors weights = {0};
    if (run->config.reset_head && !*run->config.weights)
        return err_set(VGGCL_EUSAGE, "reset-head: needs weights, the file to take the convolutions from");
    if (run->config.freeze != VGGCL_FREEZE_NONE && !*run->config.weights)
        return err_set(VGGCL_EUSAGE,
                       "freeze conv: needs weights, a file with trained convolutions: without it they would stay the "
                       "random numbers that they begin with");
    TRY(config_check_optimizer(&run->config, run->config.given));
    TRY_GOTO(open_weights(&run->config, &weights), done);
    TRY_GOTO(take_folders(run), done);
    TRY_GOTO(open_data(run, run->config.data), done);
    TRY_GOTO(check_data(run, &weights), done);
    TRY_GOTO(choose_normalisation(run, &weights), done);
    TRY_GOTO(make_team(run, NULL), done);
    TRY_GOTO(team_take_memory(&run->team, &run->data, &run->selfcheck), done);
    TRY_GOTO(start_net(run, &weights), done);
    TRY_GOTO(team_share_weights(&run->team), done);
    TRY_GOTO(team_upload(&run->team, &run->data, &run->normalisation), done);
    TRY_GOTO(check_space(run), done);
    TRY_GOTO(make_save_folder(run), done);
    TRY_GOTO(save_config(run, given), done);
    err = write_state(run);
done:
    safetensors_free(&weights);
    return err;
}

/* Copies a file, if it exists, from the folder of the resumed run to the new save folder. */
static enum vggcl_err copy_saved(struct run *run, const char *name) {
    char path[VGGCL_PATH_MAX];
    TRY(file_path(path, run->config.resume, name));
    return file_exists(path) ? file_copy(path, &run->folder, name) : VGGCL_OK;
}

/* Copies everything that the resumed run has saved to its new save folder, so that the new folder is complete. */
static enum vggcl_err continue_elsewhere(struct run *run) {
    TRY(make_save_folder(run));
    TRY(copy_saved(run, "config.json"));
    TRY(copy_saved(run, "best.safetensors"));
    if (run->history.count)
        TRY(history_write(&run->history, &run->folder, "accuracy.csv"));
    return write_state(run);
}

static enum vggcl_err begin_resumed(struct run *run) {
    enum vggcl_err err;
    struct safetensors state = {0};
    char path[VGGCL_PATH_MAX];
    bool data_given = config_gives(&run->config, "data");
    TRY_GOTO(take_folders(run), done);
    TRY_GOTO(open_resumed(run, &state, path), done);
    TRY_GOTO(open_resumed_data(run, data_given, &state, path), done);
    TRY_GOTO(read_normalisation(run, &state, path), done);
    TRY_GOTO(make_team(run, path), done);
    TRY_GOTO(team_take_memory(&run->team, &run->data, &run->selfcheck), done);
    run->saved_step = run->progress.step;
    TRY_GOTO(checkpoint_by_seed(&run->config, &run->progress)
                 ? net_start(team_net(&run->team), run->config.seed)
                 : checkpoint_load(&state, path, team_net(&run->team), CHECKPOINT_STATE),
             done);
    TRY_GOTO(team_share_weights(&run->team), done);
    TRY_GOTO(team_upload(&run->team, &run->data, &run->normalisation), done);
    TRY_GOTO(check_weights(run), done);
    TRY_GOTO(checkpoint_same_weights(&state, path, run->weights_hash), done);
    TRY_GOTO(check_space(run), done);
    if (run->from.descriptor >= 0)
        err = continue_elsewhere(run);
    else if (run->warning)
        err = write_state(run); /* so that there is a newest state again */
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
    struct hyperparameters h = network_hyperparameters(&run->config);
    team_net(&run->team)->optimiser->describe(&h, start.optimizer, sizeof start.optimizer);
    snprintf(start.dataset, sizeof start.dataset, "%s", run->data.description);
    snprintf(start.moved_to, sizeof start.moved_to, "%s", run->moved_to);
    if (o && o->started)
        o->started(&start, o->payload);
}

static void notice(const struct run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void notice(const struct run *run, const char *format, ...) {
    const struct vggcl_observer *o = run->observer;
    char text[2 * VGGCL_PATH_MAX + 64];
    va_list arguments;
    va_start(arguments, format);
    text_print_list(text, sizeof text, format, arguments);
    va_end(arguments);
    if (o && o->noticed)
        o->noticed(text, o->payload);
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
            notice(run, "%s: %s from now on, %s so far", options[i].name, *now ? now : "the default",
                   *was ? was : "the default");
    }
    double before = schedule_lr(&run->stored, p->epoch, p->epoch_step, epoch_steps(run));
    double after = schedule_lr(&run->config, p->epoch, p->epoch_step, epoch_steps(run));
    if (fabs(after - before) > 1e-6 * before)
        notice(run, "warning: the learning rate of the next step is %.5g, not the %.5g of the schedule so far", after,
               before);
}

static enum vggcl_err open_step_log(struct run *run) {
    char moved_to[VGGCL_PATH_MAX];
    const char *path = run->config.log_steps;
    TRY(step_log_open(&run->step_log, path, *run->config.resume, run->progress.step, moved_to));
    if (*moved_to)
        notice(run, "log-steps: the file that was in %s is now in %s", path, moved_to);
    return VGGCL_OK;
}

/* In the run's own folder; continue_elsewhere() has written that of another one. */
static enum vggcl_err restore_record(const struct run *run) {
    char note[VGGCL_WARNING];
    if (!run->has_rows || run->from.descriptor >= 0)
        return VGGCL_OK;
    TRY(history_restore(&run->history, &run->folder, "accuracy.csv", note));
    if (*note)
        notice(run, "%s", note);
    return VGGCL_OK;
}

/* ------------------------------------------------------------------------------------------------------- saving -- */

static bool goes_on_after(const struct run *run, enum vggcl_err err) {
    return err == VGGCL_EIO && run->config.on_save_error == VGGCL_ON_SAVE_ERROR_RETRY;
}

/* Saves the state and what else is due. If that fails, and the run goes on, the next save does all of it. */
static enum vggcl_err save_state(struct run *run) {
    enum vggcl_err err = write_all(run);
    run->save_failed = err != VGGCL_OK;
    if (!goes_on_after(run, err))
        return err;
    notice(run, "warning: %s; %s has the state after %" PRId64 " steps; the run goes on, and its next save tries again",
           vggcl_error(), run->config.save, run->saved_step);
    return VGGCL_OK;
}

/* The end of a run: here a save that fails is an error. */
static enum vggcl_err save_last(struct run *run) {
    enum vggcl_err err = run->progress.epoch_step || run->save_failed ? write_all(run) : check_weights(run);
    if (goes_on_after(run, err))
        return err_set(err,
                       "%s; the last save of the run failed: %s has the state after %" PRId64 " of %" PRId64 " steps",
                       vggcl_error(), run->config.save, run->saved_step, run->progress.step);
    if (err == VGGCL_OK && *run->left_out)
        return err_set(VGGCL_EIO, "%s/%s: was left out when nothing could be saved; everything else is saved",
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

/* The next save writes the net's current weights to name. */
static enum vggcl_err keep_weights(struct run *run, const char *name) {
    struct checkpoint checkpoint = {.config = &run->config, .progress = &run->progress, .data = &run->data};
    struct checkpoint_copy *copy;
    TRY(checkpoint_copy(team_net(&run->team), &checkpoint, &copy));
    struct unsaved *place = unsaved_place(run, name);
    if (!place) {
        notice(run, "warning: %s/%s: is left out: %d files that could not be saved are in memory already",
               run->config.save, name, UNSAVED - 1);
        snprintf(run->left_out, sizeof run->left_out, "%s", name);
        checkpoint_copy_free(copy);
        return VGGCL_OK;
    }
    checkpoint_copy_free(place->copy);
    place->copy = copy;
    return VGGCL_OK;
}

/* ------------------------------------------------------------------------------------------------------ an epoch -- */

static double learning_rate(const struct run *run, int epoch, int64_t epoch_step) {
    return schedule_lr(&run->config, epoch, epoch_step, epoch_steps(run));
}

/* Number of images in the first `steps` steps of an epoch. */
static size_t images_after(const struct run *run, int64_t steps) {
    size_t images = (size_t)steps * batch_size(run);
    return images < epoch_images(run) ? images : epoch_images(run);
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
    int64_t steps = epoch_steps(run);
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
    size_t part = 0;
    while (part + 1 < pending->part_count && isfinite(pending->parts[part].total[0]))
        part++;
    TRY(team_feed(&run->team, &pending->step, &pending->parts[part], &pass));
    TRY(net_first_not_finite(run->team.members[pending->parts[part].member].net, &pass, &layer));
    return err_set(
        VGGCL_ENUMERIC,
        "the loss of step %" PRId64 " (epoch %d) is not finite; the first output that is not finite is that of %s; "
        "%s/last.safetensors keeps the state after %" PRId64 " steps; %s",
        pending->step.number, pending->step.epoch + 1, layer, run->config.save, run->saved_step, remedy(run));
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
    stop_ask(NULL, NULL); /* from now on steps are finished before the run ends */
    if (o && o->stepped_first)
        o->stepped_first(&first, o->payload);
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
    if (++run->session_steps == 1)
        tell_first_step(run, pending->step.images);
    pending->step.images = 0;
    struct step_row row = {pending->step.number, p->epoch + 1, pending->step.hyperparameters.lr, loss};
    enum vggcl_err logged = step_log_add(&run->step_log, &row);
    if (!goes_on_after(run, logged)) /* the next save reports it */
        TRY(logged);
    tell_progress(run);
    return VGGCL_OK;
}

/* Enqueues one step, which has number `epoch_step` in the epoch and `step` in the run, both counted from 0. */
static enum vggcl_err enqueue_step(struct run *run, struct pending_step *pending, int64_t epoch_step, int64_t step) {
    int epoch = run->progress.epoch;
    pending->step = (struct step){.number = step,
                                  .epoch_step = epoch_step,
                                  .epoch = epoch,
                                  .images = feed_size(&run->team.members[0].train, batch_size(run), epoch_step),
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
    run->progress.epoch_seconds += clock_seconds() - run->epoch_start;
    run->epoch_start = clock_seconds();
    return VGGCL_OK;
}

/* Trains the epoch's remaining steps; stops early if must_stop() says so. */
static enum vggcl_err train_epoch(struct run *run) {
    struct progress *p = &run->progress;
    int64_t steps = epoch_steps(run), epoch_step = p->epoch_step, step = p->step;
    if (!run->config.no_shuffle)
        TRY(team_shuffle(&run->team, (uint32_t)p->epoch));
    run->epoch_start = clock_seconds();
    for (int i = 0; epoch_step < steps && !must_stop(run, step); epoch_step++, step++, i = !i) {
        TRY(enqueue_step(run, &run->pending[i], epoch_step, step));
        /* With several devices the step is already finished. */
        TRY(finish_step(run, &run->pending[run->team.count > 1 ? i : !i]));
        if (must_save(run, step + 1)) {
            TRY(finish_all(run));
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
        TRY(keep_weights(run, "best.safetensors"));
    if (row->epoch % run->config.save_every != 0)
        return VGGCL_OK;
    snprintf(name, sizeof name, "epoch-%03d.safetensors", row->epoch);
    return keep_weights(run, name);
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
    double images = (double)epoch_images(run);
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
    run->record_due = true;
    TRY(save_state(run));
    if (o && o->epoch_ended)
        o->epoch_ended(&row, is_best, p->best_accuracy, o->payload);
    return VGGCL_OK;
}

/* Early stopping: whether the last config.patience epochs were not better than an earlier one. */
static bool is_out_of_patience(struct run *run) {
    const struct progress *p = &run->progress;
    int patience = run->config.patience;
    if (!patience || p->epoch_step || !p->best_epoch || p->epoch - p->best_epoch < patience)
        return false;
    run->end = VGGCL_END_PATIENCE;
    return true;
}

static enum vggcl_err train_epochs(struct run *run) {
    const struct progress *p = &run->progress;
    int64_t steps = epoch_steps(run);
    run->start = clock_seconds();
    run->end = VGGCL_END_EPOCHS;
    while (p->epoch < run->config.epochs && !is_out_of_patience(run) && !must_stop(run, p->step)) {
        TRY(train_epoch(run));
        if (p->epoch_step == steps)
            TRY(end_epoch(run));
    }
    return save_last(run);
}

static void tell_finish(const struct run *run) {
    const struct vggcl_observer *o = run->observer;
    const struct progress *p = &run->progress;
    uint64_t peak_bytes = 0;
    for (size_t i = 0; i < run->team.count; i++)
        peak_bytes += run->team.members[i].dev->peak_bytes;
    if (o && o->finished)
        o->finished(&(struct vggcl_finish){.end = run->end,
                                           .epoch = p->epoch,
                                           .step = p->step,
                                           .best_epoch = p->best_epoch,
                                           .best_accuracy = p->best_accuracy,
                                           .seconds = clock_seconds() - run->start,
                                           .weights_hash = run->weights_hash,
                                           .peak_bytes = peak_bytes},
                    o->payload);
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
    step_log_close(&run->step_log);
    folder_close(&run->folder);
    folder_close(&run->from);
    free(run->warning);
    history_free(&run->history);
    team_free(&run->team);
    data_free(&run->data);
    free(run);
}

enum vggcl_err vggcl_train(const struct vggcl_config *given, const struct vggcl_observer *observer) {
    enum vggcl_err err;
    bool begun = false;
    struct vggcl_config own = *given, *config = &own;
    TRY(config_check(config));
    TRY(config_use_dataset(config));
    struct run *run = calloc(1, sizeof *run);
    if (!run)
        return err_no_memory("the run", sizeof *run);
    run->config = *config;
    run->observer = observer;
    run->folder = run->from = FOLDER_CLOSED;
    run->keep_previous = true;
    run->step_log.descriptor = -1;
    run->call = clock_seconds();
    stop_ask(asks_to_stop, run);
    TRY_GOTO(*config->resume ? begin_resumed(run) : begin_new(run, config), done);
    begun = true;
    tell_start(run);
    TRY_GOTO(open_step_log(run), done);
    if (run->warning)
        notice(run, "%s", run->warning);
    if (run->data.notes)
        notice(run, "%s", run->data.notes);
    if (run->config.reset_head && !*config->resume)
        notice(run, "the convolutions are those of %s, the linear layers are new", run->config.weights);
    if (run->config.freeze != VGGCL_FREEZE_NONE)
        notice(run, "the convolutions and their batch normalisation are frozen; only the linear layers are trained");
    if (*config->resume)
        tell_changes(run);
    TRY_GOTO(restore_record(run), done);
    TRY_GOTO(train_epochs(run), done);
    TRY_GOTO(step_log_sync(&run->step_log), done); /* of a run without steps: the line of names */
    tell_finish(run);
done:
    if (err == VGGCL_ESTOPPED)
        err = stopped_early(run, begun);
    if (err != VGGCL_OK && *run->moved_to && !run->session_steps) /* later it was told long ago */
        err = err_set(err, "%s; the earlier run in %s is now in %s", vggcl_error(), run->config.save, run->moved_to);
    stop_ask(asks_to_stop, run); /* also while the programs are written to the cache */
    run_free(run);
    stop_ask(NULL, NULL);
    return err;
}
