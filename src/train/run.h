/* run.h - a training run, from vggcl_train()'s call to its return: begin.c sets it up, train.c trains its epochs,
 * save.c writes what it has. */
#ifndef VGGCL_TRAIN_RUN_H
#define VGGCL_TRAIN_RUN_H

#include "data/data.h"
#include "train/checkpoint.h"
#include "train/history.h"
#include "train/shard.h"
#include "train/step_log.h"
#include "train/team.h"

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
    struct data data;                   /* with the option shards, a rank but 0 may lack the pixels and labels */
    struct dataset shard;               /* with the option shards: this rank's training images; else empty */
    char data_name[VGGCL_PATH_MAX];     /* what it was opened by, see struct data_source */
    struct normalisation normalisation; /* of data's images */
    struct team team;
    struct progress progress;
    struct history history;
    struct log_file step_log, tensorboard; /* tensorboard: see train/tensorboard.h */
    struct pending_step pending[2];        /* the host prepares one step while the device runs the one before */
    uint64_t weights_hash;                 /* from the last save_check_weights() */
    int64_t saved_step;                    /* number of completed steps in last.safetensors */
    bool keep_previous;                    /* the next save keeps last.safetensors as last.safetensors.1 */
    char *warning;                         /* that a resumed run goes on from last.safetensors.1, and why; else NULL */
    struct vggcl_selfcheck selfcheck;
    double call, start, epoch_start; /* start times: of vggcl_train(), of its first step, of the epoch */
    struct {
        int epoch;
        double seconds, images;
    } cold; /* the first step since vggcl_train() began; it builds the kernels, so the speed excludes it */
    int64_t session_steps;                  /* completed since vggcl_train() began, */
    double session_images, session_seconds; /* their images, and the time in epochs without tests */
    bool stopping, asked;                   /* asked: the observer wants the run to end */
    bool told_chance;                       /* that the run guesses, see hints.h */
    bool complete; /* a resumed run with nothing left to train; no device is open, and there is no data */
    enum vggcl_end end;
    struct folder folder;       /* config.save; locked */
    struct folder from;         /* config.resume, if it is not config.save; locked */
    struct vggcl_config stored; /* of a resumed run: the options in its checkpoint */
    char device_so_far[512];    /* of a resumed run: name and driver of its first device; "" if unknown */
    char moved_to[VGGCL_PATH_MAX], config_moved_to[VGGCL_PATH_MAX]; /* an earlier run; another config.json; or "" */
    bool has_rows; /* of a resumed run: its state holds the accuracy record */
    struct unsaved unsaved[UNSAVED];
    size_t unsaved_count;
    bool record_due;   /* accuracy.csv lacks a row */
    bool save_failed;  /* the last one */
    char left_out[32]; /* the last checkpoint of an epoch for which unsaved[] had no room; "" for none */
};

static inline size_t run_batch_size(const struct run *run) {
    return (size_t)run->config.batch;
}

/* The images of an epoch: all training images, or with drop_last those of whole batches. */
static inline size_t run_epoch_images(const struct run *run) {
    size_t count = run->data.train.count;
    return run->config.drop_last ? count / run_batch_size(run) * run_batch_size(run) : count;
}

/* The training images of this rank. */
static inline const struct dataset *run_train_set(const struct run *run) {
    return run->shard.count ? &run->shard : &run->data.train;
}

static inline int64_t run_epoch_steps(const struct run *run) {
    return (int64_t)feed_parts(run_epoch_images(run), run_batch_size(run));
}

/* A device's name and driver, in UTF-8, as device_so_far. */
void run_name_device(char text[static 512], const char *name, const char *driver);

/* Whether all epochs or steps are done, or patience is at its end; if so, *end is which. */
bool run_is_over(const struct run *run, enum vggcl_end *end);

/* Tells the observer that the devices are open, and, when all is planned and checked, that the run starts. */
enum vggcl_err run_tell_opened(struct run *run);
void run_tell_started(struct run *run);

/* Passes a message on to the observer. */
void run_notice(const struct run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A learning rate to try where that of the run is too high. */
double run_lower_lr(const struct run *run);

/* The advice in errors about values that are not finite. */
enum { REMEDY = 2 * VGGCL_PATH_MAX + 256 };
const char *run_remedy(const struct run *run, char text[static REMEDY]);

#endif
