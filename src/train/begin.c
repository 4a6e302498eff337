#define _POSIX_C_SOURCE 200809L /* openat, fdopendir */
#include "train/begin.h"
#include "base/file.h"
#include "options/network.h"
#include "options/options.h"
#include "train/class_weights.h"
#include "train/deal.h"
#include "train/resume.h"
#include "train/save.h"
#include "train/share_data.h"
#include "train/weights.h"
#include "cl/device.h"
#include "tune/profile.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum vggcl_err open_locked(struct folder *folder, const char *path) {
    TRY(folder_open(folder, path));
    return folder_lock(folder, "wait until it ends, or set save to another folder");
}

static bool same_folder(const struct folder *folder, const char *path) {
    struct stat one, other;
    return fstat(folder->descriptor, &one) == 0 && stat(path, &other) == 0 && one.st_dev == other.st_dev &&
           one.st_ino == other.st_ino;
}

/* The first thing that exists among the folders above a path. */
static void find_above(const char *path, char above[static VGGCL_PATH_MAX]) {
    snprintf(above, VGGCL_PATH_MAX, "%s", path);
    do
        file_cut_to_folder(above);
    while (!file_exists(above));
}

/* Before any slow work: whether the save folder can be made, and the log of steps has a folder. */
static enum vggcl_err check_places(const struct vggcl_config *config) {
    const char *save = config->save, *log = config->log_steps;
    char above[VGGCL_PATH_MAX];
    find_above(save, above);
    if (!file_exists(save) && (!file_is_folder(above) || access(above, W_OK | X_OK) != 0))
        return err_set(VGGCL_EIO, "save %s: this folder cannot be made in %s: %s; set save to another folder", save,
                       above, file_is_folder(above) ? strerror(errno) : "this is not a directory");
    snprintf(above, sizeof above, "%s", log);
    file_cut_to_folder(above);
    if (*log && !file_is_folder(above))
        return err_set(VGGCL_EIO, "log-steps %s: there is no folder %s to write it to; make it, or name another file",
                       log, above);
    return VGGCL_OK;
}

/* Opens and locks the folders that already exist, so that a conflict is reported before any slow work. */
static enum vggcl_err take_folders(struct run *run) {
    struct vggcl_config *config = &run->config;
    if (*config->resume) {
        char folder[VGGCL_PATH_MAX];
        TRY(resume_find(config->resume, folder));
        strcpy(config->resume, folder);
        if (!config_gives(config, "save"))
            strcpy(config->save, config->resume);
        TRY(open_locked(&run->from, config->resume));
        if (same_folder(&run->from, config->save)) {
            run->folder = run->from;
            run->from = FOLDER_CLOSED;
            return VGGCL_OK;
        }
    }
    TRY(check_places(config));
    return file_exists(config->save) ? open_locked(&run->folder, config->save) : VGGCL_OK;
}

/* Whether a folder with a file of this name is that of a run. Other programs have a config.json too. */
static bool is_of_a_run(const char *name) {
    static const char *const names[] = {"accuracy.csv", "best.safetensors", "last.safetensors", "last.safetensors.1"};
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

/* Renames another program's file of that name, or that of a run which was killed before its first save. */
static enum vggcl_err keep_other_config(struct run *run) {
    char path[VGGCL_PATH_MAX];
    TRY(file_path(path, run->folder.path, "config.json"));
    return file_exists(path) ? file_move_aside(path, run->config_moved_to) : VGGCL_OK;
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
            return keep_other_config(run);
        TRY(file_move_aside(path, run->moved_to));
        folder_close(&run->folder);
    }
}

/* Neither of the states can be read; why: that the newest one cannot. */
static enum vggcl_err no_state(const char *folder, const char *why) {
    return err_set(VGGCL_EFORMAT,
                   "%s; the state before it cannot be used either: %s; to start a new run from the best weights, type "
                   "`vggcl train --weights %s/best.safetensors`",
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
        err = no_state(run->config.resume, why);
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

/* Sets run->device_so_far from the profile in the state. One that cannot be read is an error later. */
static void name_device(struct run *run, const char *path) {
    const char *text = run->team.profiles[0];
    struct profile profile;
    char *kept = err_keep();
    if (text && profile_parse(text, strlen(text), path, &profile) == VGGCL_OK)
        run_name_device(run->device_so_far, profile.device, profile.driver);
    err_put_back(kept);
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
    name_device(run, path);
    return open_history(run, state, path);
}

/* Whether a resumed run has nothing left to train, and the caller gets all that it asks for without a device: the run
 * stays in its folder, and no damaged state or log of steps is to be written again. */
static bool is_complete(struct run *run, const struct safetensors *state) {
    return run_is_over(run, &run->end) && run->from.descriptor < 0 && !run->warning && !*run->config.log_steps &&
           checkpoint_hash(state, &run->weights_hash);
}

static enum vggcl_err take_shard(struct run *run) {
    const struct shard shard = shard_of(&run->config, run->data.train.count, ranks_rank());
    return shard.ranks > 1 ? shard_take(&shard, &run->data.train, &run->shard) : VGGCL_OK;
}

/* name: as in struct data_source. */
static enum vggcl_err open_data(struct run *run, const char *name) {
    const struct vggcl_config *config = &run->config;
    snprintf(run->data_name, sizeof run->data_name, "%s", name);
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
    TRY(shard_check(config, run->data.train.count));
    TRY(take_shard(run));
    if (config->drop_last && !run_epoch_images(run))
        return err_set(
            VGGCL_EUSAGE,
            "drop-last: leaves out all %zu training images, fewer than a batch of %d; set batch to at most %zu, or "
            "leave drop-last out",
            run->data.train.count, config->batch, run->data.train.count);
    return config->class_weights == VGGCL_CLASS_WEIGHTS_BALANCED
               ? class_weights_balance(&run->data, &run->team.class_weights)
               : VGGCL_OK;
}

/* Opens the data set that --data names; without --data, the folder that the checkpoint names, or, if that is missing,
 * the run's stored --data, which may be a relative path. */
static enum vggcl_err open_resumed_data(struct run *run, bool given, const struct safetensors *state,
                                        const char *path) {
    const char *folder = checkpoint_data(state), *resume = run->config.resume;
    TRY(checkpoint_same_ranks(state, path, &run->config));
    bool there = folder && file_exists(folder);
    enum vggcl_err err = open_data(run, !given && there ? folder : run->config.data);
    if (err == VGGCL_EIO && !given && folder && !there)
        return err_set(
            err,
            "%s: there is no such folder any more, but the run in %s is trained on the data set in it; if it "
            "was moved, type `vggcl train --resume %s --data DIR`",
            folder, resume, resume);
    TRY(err);
    TRY(checkpoint_same_data(state, path, &run->data));
    return checkpoint_check_progress(path, &run->progress, run_epoch_images(run), run_batch_size(run));
}

/* What rank 0 tells the others before they open their devices. */
struct beginning {
    char version[64], data[VGGCL_PATH_MAX];
    size_t config_bytes;
    uint64_t kernels, fingerprint;
    struct vggcl_config config;
    struct normalisation normalisation;
};

/* The data set, which rank 0 alone has read. */
static enum vggcl_err share_images(struct run *run) {
    TRY(share_data(&run->config, &run->data, &run->shard));
    return run->config.class_weights == VGGCL_CLASS_WEIGHTS_BALANCED
               ? share_class_weights(run->data.spec.classes, &run->team.class_weights)
               : VGGCL_OK;
}

static enum vggcl_err tell_beginning(struct run *run) {
    struct beginning b = {.config_bytes = sizeof run->config,
                          .kernels = program_sources_hash(run->config.kernel_dir),
                          .fingerprint = run->data.fingerprint,
                          .config = run->config,
                          .normalisation = run->normalisation};
    struct order order = {.what = ORDER_START};
    snprintf(b.version, sizeof b.version, "%s", vggcl_version());
    snprintf(b.data, sizeof b.data, "%s", run->data_name);
    TRY(ranks_share(&order, sizeof order));
    TRY(ranks_share(&b, sizeof b));
    return run->config.data_from == VGGCL_DATA_FROM_RANK0 ? share_images(run) : VGGCL_OK;
}

static enum vggcl_err make_team(struct run *run, const char *from) {
    struct team *t = &run->team;
    if (ranks_count() > 1 && ranks_rank() == 0)
        TRY(tell_beginning(run));
    TRY(deal_devices(&run->config));
    TRY(team_open(t, &run->config, &run->data.spec));
    TRY(run_tell_opened(run));
    TRY(team_tune(t, from));
    TRY(team_plan_checked(t, run->data.train.count, run->data.test.count, &run->config, &run->selfcheck));
    for (int i = 0; i < 2; i++) {
        size_t parts = team_most_parts(t);
        run->pending[i].parts = calloc(parts, sizeof(struct part));
        if (!run->pending[i].parts)
            return err_no_memory("the micro-batches", parts * sizeof(struct part));
    }
    return VGGCL_OK;
}

/* The team of a resumed run. given: the user named its devices; else an error names those of the run. */
static enum vggcl_err make_team_again(struct run *run, bool given, const char *path) {
    const char *folder = run->config.resume, *device = run->config.device, *was = run->device_so_far;
    enum vggcl_err err = make_team(run, path);
    if (err != VGGCL_EDEVICE || given || !*device)
        return err;
    return err_set(err,
                   "the run in %s used device %s%s%s, which cannot be used now: %s; to go on with another device, type "
                   "`vggcl train --resume %s --device P:D`",
                   folder, device, *was ? ", " : "", was, vggcl_error(), folder);
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

/* Saves the options as the user gave them: run->config may differ, e.g. in a micro-batch that --mem-limit chose. */
static enum vggcl_err save_config(const struct run *run, const struct vggcl_config *given) {
    char *text;
    TRY(vggcl_config_text(given, &text));
    enum vggcl_err err = file_write_text(&run->folder, "config.json", text);
    vggcl_config_text_free(text);
    return err;
}

/* The network is that of the weights, where the options do not choose another one. */
static enum vggcl_err open_weights(struct vggcl_config *config, struct safetensors *weights, char **notices) {
    if (!*config->weights)
        return VGGCL_OK;
    TRY(weights_open(config, weights, notices));
    return checkpoint_suggest_network(weights, config);
}

static enum vggcl_err begin_new(struct run *run, const struct vggcl_config *given) {
    enum vggcl_err err;
    struct safetensors weights = {0};
    if (run->config.reset_head && !*run->config.weights)
        return err_set(VGGCL_EUSAGE, "reset-head: needs weights, the file to take the convolutions from, such as "
                                     "`vggcl train --reset-head --weights FILE`");
    if (run->config.freeze != VGGCL_FREEZE_NONE && !*run->config.weights)
        return err_set(VGGCL_EUSAGE,
                       "freeze conv: needs weights, a file with trained convolutions: without it they would stay the "
                       "random numbers that they begin with");
    TRY(config_check_optimizer(&run->config, run->config.given));
    TRY_GOTO(open_weights(&run->config, &weights, &run->team.warnings), done);
    TRY_GOTO(take_folders(run), done);
    TRY_GOTO(open_data(run, run->config.data), done);
    TRY_GOTO(check_data(run, &weights), done);
    TRY_GOTO(choose_normalisation(run, &weights), done);
    TRY_GOTO(make_team(run, NULL), done);
    TRY_GOTO(team_take_memory(&run->team, &run->data), done);
    TRY_GOTO(start_net(run, &weights), done);
    TRY_GOTO(team_share_weights(&run->team), done);
    TRY_GOTO(team_upload(&run->team, &run->data, run_train_set(run), &run->normalisation), done);
    TRY_GOTO(save_check_space(run), done);
    TRY_GOTO(make_save_folder(run), done);
    TRY_GOTO(save_config(run, given), done);
    err = save_first(run);
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
    return save_first(run);
}

static enum vggcl_err begin_resumed(struct run *run) {
    enum vggcl_err err;
    struct safetensors state = {0};
    char path[VGGCL_PATH_MAX];
    bool data_given = config_gives(&run->config, "data"), device_given = config_gives(&run->config, "device");
    TRY_GOTO(take_folders(run), done);
    TRY_GOTO(open_resumed(run, &state, path), done);
    run->complete = is_complete(run, &state);
    if (run->complete)
        goto done;
    TRY_GOTO(open_resumed_data(run, data_given, &state, path), done);
    TRY_GOTO(read_normalisation(run, &state, path), done);
    TRY_GOTO(make_team_again(run, device_given, path), done);
    TRY_GOTO(team_take_memory(&run->team, &run->data), done);
    run->saved_step = run->progress.step;
    TRY_GOTO(checkpoint_by_seed(&run->config, &run->progress)
                 ? net_start(team_net(&run->team), run->config.seed)
                 : checkpoint_load(&state, path, team_net(&run->team), CHECKPOINT_STATE),
             done);
    TRY_GOTO(team_share_weights(&run->team), done);
    TRY_GOTO(team_upload(&run->team, &run->data, run_train_set(run), &run->normalisation), done);
    TRY_GOTO(save_check_weights(run), done);
    TRY_GOTO(checkpoint_same_weights(&state, path, run->weights_hash), done);
    TRY_GOTO(save_check_space(run), done);
    if (run->from.descriptor >= 0)
        err = continue_elsewhere(run);
    else if (run->warning)
        err = save_first(run); /* so that there is a newest state again */
done:
    safetensors_free(&state);
    return err;
}

/* The options are rank 0's, except those that belong to the machine. */
static void take_config(struct vggcl_config *config, const struct vggcl_config *first) {
    const struct vggcl_config own = *config;
    *config = *first;
    config->dataset = NULL;
    strcpy(config->device, own.device);
    strcpy(config->kernel_dir, own.kernel_dir);
    *config->save = *config->log_steps = *config->tensorboard = '\0';
}

static enum vggcl_err open_own_data(struct run *run, const struct beginning *b) {
    TRY(open_data(run, b->data));
    return run->data.fingerprint == b->fingerprint
               ? VGGCL_OK
               : err_set(VGGCL_EUSAGE,
                         "%s: has other images than on rank 0; copy the data set to all machines, or set data-from to "
                         "rank0",
                         run->data.description);
}

enum vggcl_err run_begin_other(struct run *run) {
    struct order order;
    struct beginning b = {.version = ""};
    TRY(ranks_share(&order, sizeof order));
    if (order.what == ORDER_END) {
        run->complete = true;
        return VGGCL_OK;
    }
    TRY(ranks_share(&b, sizeof b));
    if (b.config_bytes != sizeof run->config || strcmp(b.version, vggcl_version()) != 0 ||
        b.kernels != program_sources_hash(run->config.kernel_dir))
        return err_set(
            VGGCL_EUSAGE,
            "is another build of vggcl: version %s here, %.60s on rank 0, or other kernels; install the same "
            "one on all machines",
            vggcl_version(), b.version);
    take_config(&run->config, &b.config);
    run->normalisation = b.normalisation;
    TRY(b.config.data_from == VGGCL_DATA_FROM_RANK0 ? share_images(run) : open_own_data(run, &b));
    TRY(make_team(run, "rank 0"));
    TRY(team_take_memory(&run->team, &run->data));
    TRY(team_share_weights(&run->team));
    return team_upload(&run->team, &run->data, run_train_set(run), &run->normalisation);
}

enum vggcl_err run_begin(struct run *run, const struct vggcl_config *given) {
    return *given->resume ? begin_resumed(run) : begin_new(run, given);
}
