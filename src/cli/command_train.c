#include "cli/counted.h"
#include "cli/json.h"
#include "cli/progress.h"
#include "cli/several.h"
#include "cli/signals.h"
#include "cli/terminal.h"
#include "cli/messages.h"
#include "base/clock.h"
#include "base/text.h"
#include "options/options.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How progress is printed: a live line on a terminal, plain lines elsewhere. */
struct face {
    bool live;
    double last_shown; /* clock_seconds() */
    struct counted decoding;
    int epochs;
    char save[VGGCL_PATH_MAX];
    size_t devices;
    char wrong[VGGCL_DEVICES][VGGCL_WRONG]; /* of each device's plan */
    uint64_t planned;                       /* device memory of the plan in bytes */
    bool saved;                             /* there is a state to resume from */
    bool save_asked;                        /* by SIGUSR1 */
    bool unchosen;                          /* by the default recipe, and advise() has said nothing so far */
    size_t train_images;
    bool split_measured; /* the devices' shares of a batch, after opened() */
    enum vggcl_end end;
    struct vggcl_finish so_far; /* epochs only */
};

static const double live_interval = 0.1, plain_interval = 60; /* seconds between updates */

static bool only_print, as_json;

/* Whether progress and details are left out. */
static bool is_terse(void) {
    return as_json || cli_is_quiet();
}

static void print_devices(const struct vggcl_start *s) {
    for (size_t i = 0; i < s->device_count; i++) {
        const struct vggcl_device *d = s->devices[i];
        printf("device   ");
        if (s->device_count > 1)
            printf("%zu of %zu", i + 1, s->device_count);
        if (s->device_count > 1 && s->images)
            printf(", for %zu of a batch's %d images", s->images[i], s->config.batch);
        printf(s->device_count > 1 ? ": " : "");
        printf("%s (%s, driver %s)\n", d->name, d->platform_name, d->driver);
    }
}

/* Prints a device's plan. number: the device's number, from 1, if there are several, else 0. */
static void print_plan(const struct vggcl_plan *p, int number) {
    char which[32] = "the device";
    enum stored stored = config_stored(&p->config);
    if (number)
        snprintf(which, sizeof which, "device %d", number);
    printf("tuning   %s%s%s\n", number ? which : "", number ? ": " : "", p->tuning);
    printf("memory   %.1f MiB planned on %s%s%s\n", cli_mebibytes(p->bytes), which,
           stored == STORED_HALF                         ? ", activations as 16-bit floats"
           : stored == STORED_BF16                       ? ", activations as bfloat16"
           : p->config.precision == VGGCL_PRECISION_TF32 ? ", products of tf32"
                                                         : "",
           p->config.images == VGGCL_IMAGES_HOST ? "; the images stay on the host" : "");
    if (p->micro_batches > 1)
        printf("batches  in %d micro-batches of up to %d images%s\n", p->micro_batches, p->config.micro_batch,
               cli_batch_statistics(&p->config) ? ": batch normalisation takes each one's own statistics" : "");
    else if (number && cli_batch_statistics(&p->config))
        printf("batches  batch normalisation takes the %d images' own statistics\n", p->images);
}

/* Prints the recipe; options with default values are left out. */
static void print_recipe(const struct vggcl_start *s) {
    const struct vggcl_config *c = &s->config;
    char name[16], schedule[16], normalize[16];
    vggcl_config_get(c, "recipe", name, sizeof name);
    vggcl_config_get(c, "schedule", schedule, sizeof schedule);
    printf("recipe   %s: batch %d, lr %g", name, c->batch, c->lr);
    if (c->warmup > 0)
        printf(" after %g epochs of warm-up", c->warmup);
    if (c->schedule == VGGCL_SCHEDULE_STEP)
        printf(" times %g every %d epochs", c->lr_gamma, c->lr_step);
    else
        printf(", %s to 0", schedule);
    printf(", %s, weight decay %g%s", s->optimizer, c->weight_decay,
           c->no_bias_decay ? " except on biases and batch-norm parameters" : "");
    if (c->label_smoothing > 0)
        printf(", label smoothing %g", c->label_smoothing);
    if (c->class_weights != VGGCL_CLASS_WEIGHTS_NONE)
        printf(", balanced class weights");
    if (c->ema > 0)
        printf(", average %g", c->ema);
    if (c->init == VGGCL_INIT_IDENTITY)
        printf(", from near the identity");
    printf(", seed %llu\nimages   %s", (unsigned long long)c->seed, c->no_flip ? "not flipped" : "flipped");
    if (c->crop)
        printf(", cropped by up to %d pixels", c->crop);
    if (c->cutout)
        printf(", cut out %dx%d", c->cutout, c->cutout);
    if (c->resized_crop > 0)
        printf(", boxes of %g to 1 resized", c->resized_crop);
    if (c->color_jitter > 0)
        printf(", colours by up to %g", c->color_jitter);
    if (c->mixup > 0)
        printf(", mixup %g", c->mixup);
    if (c->cutmix > 0)
        printf(", CutMix %g", c->cutmix);
    vggcl_config_get(c, "normalize", normalize, sizeof normalize);
    if (c->normalize != VGGCL_NORMALIZE_HALF)
        printf(", normalised by %s", normalize);
    puts(c->tta ? "; test-time augmentation: horizontal flip" : "");
}

static void decoded(size_t done, size_t count, void *payload) {
    counted_show(&((struct face *)payload)->decoding, done, count);
}

/* Before vggcl_train(): what signals do until the first state is saved. */
static void expect(struct face *face, const struct vggcl_config *config) {
    const char *resume = config->resume;
    face->saved = *resume;
    strcpy(face->save, resume);
    signals_promise("stopping before the first step; again to stop at once");
    if (*resume)
        signals_keep("the run in %s is as it was", resume);
    else
        signals_keep("nothing was saved");
}

/* The folder has the state after this number of steps. */
static void know_state(struct face *face, const char *folder, int64_t step) {
    face->saved = true;
    strcpy(face->save, folder);
    signals_promise("finishing the step, then saving to %s; again to stop without saving", folder);
    signals_keep("%s/last.safetensors has the state after %lld steps", folder, (long long)step);
}

static void saved(const char *folder, int64_t step, void *payload) {
    struct face *face = payload;
    know_state(face, folder, step);
    face->save_asked |= signals_save(NULL);
    if (!face->save_asked)
        return;
    face->save_asked = false;
    if (is_terse())
        return;
    line_erase(stdout);
    printf("saved    the state after %lld steps, in %s\n", (long long)step, folder);
    fflush(stdout);
}

/* Before the parts of the start that take long. */
static void opened(const struct vggcl_start *s, void *payload) {
    struct face *face = payload;
    char dropout[16];
    bool frozen = s->config.freeze != VGGCL_FREEZE_NONE;
    progress_hide();
    face->split_measured = s->device_count > 1 && !s->images;
    vggcl_config_get(&s->config, "dropout", dropout, sizeof dropout);
    if (frozen)
        strcpy(dropout, "classifier");
    print_devices(s);
    printf("network  %s, width %g: %zu %sparameters, %s batch normalisation, %s dropout%s\n", s->config.model,
           s->config.width, s->parameters, frozen ? "trained " : "", s->config.no_bn ? "no" : "with",
           s->config.no_dropout ? "no" : dropout,
           s->config.head == VGGCL_HEAD_AVGPOOL ? ", global average pooling" : "");
    printf("data     %s", s->dataset);
    if (s->config.limit)
        printf(", limited to %zu training images", s->train_images);
    putchar('\n');
    print_recipe(s);
    fflush(stdout);
}

static void print_split(const struct vggcl_start *s) {
    printf("split    ");
    for (size_t i = 0; i < s->device_count; i++)
        printf("%s%zu", i ? ", " : "", s->images[i]);
    printf(" of a batch's %d images, by the measured speeds\n", s->config.batch);
}

static void print_start(const struct vggcl_start *s, bool split_measured) {
    if (split_measured)
        print_split(s);
    for (size_t i = 0; i < s->device_count; i++)
        print_plan(&s->plans[i], s->device_count > 1 ? (int)i + 1 : 0);
    if (s->checks)
        printf("check    %d operators compute right on %s (%.1f s)\n", s->checks,
               s->device_count > 1 ? "these devices" : "this device", s->check_seconds);
    if (*s->moved_to)
        printf("save     %s; the earlier run there is now in %s\n", s->config.save, s->moved_to);
    else
        printf("save     %s\n", s->config.save);
    if (*s->config.resume)
        printf("resumed  %s, in epoch %d, after step %lld\n", s->config.resume, s->first_epoch,
               (long long)s->first_step);
    fflush(stdout);
}

static void started(const struct vggcl_start *s, void *payload) {
    struct face *face = payload;
    progress_hide();
    face->epochs = s->config.epochs;
    face->train_images = s->train_images;
    know_state(face, s->config.save, s->first_step);
    face->devices = s->device_count;
    for (size_t i = 0; i < s->device_count; i++) {
        face->planned += s->plans[i].bytes;
        strcpy(face->wrong[i], s->plans[i].wrong);
    }
    if (!is_terse())
        print_start(s, face->split_measured);
}

static void noticed(const char *text, void *payload) {
    (void)payload;
    progress_hide();
    line_erase(stdout);
    fflush(stdout);
    bool warns = strncmp(text, "warning: ", 9) == 0;
    if (warns || (as_json && !cli_is_quiet()))
        fprintf(messages(), "vggcl: %s%s\n", warns ? "" : "note: ", text);
    else if (!is_terse())
        printf("note     %s\n", text);
    fflush(stdout);
}

static void stepped_first(const struct vggcl_first_step *f, void *payload) {
    (void)payload;
    progress_hide();
    progress_watch(NULL); /* from now on progressed() shows a line */
    printf("start    first step after %.1f s (kernel programs built: %d, from the cache: %d)\n", f->seconds,
           f->programs_built, f->programs_cached);
    fflush(stdout);
}

/* Whether nobody chose how long the run takes. */
static bool is_unchosen(const struct vggcl_config *config) {
    struct vggcl_config usual;
    return vggcl_config_init(&usual) == VGGCL_OK && config->epochs == usual.epochs && !*config->resume &&
           !config_gives(config, "recipe") && !config_gives(config, "epochs") && !config_gives(config, "steps");
}

/* Says once, when the speed is known, how long a run of the default recipe takes, and what is faster. */
static void advise(struct face *face, const struct vggcl_progress *p) {
    enum { STEPS = 20, WORTH_IT = 900 }; /* WORTH_IT: seconds */
    char all[32], quick[32];
    struct vggcl_config other;
    if (!face->unchosen || p->testing || p->step < STEPS)
        return;
    face->unchosen = false;
    if (p->run_eta < WORTH_IT || vggcl_config_init(&other) != VGGCL_OK ||
        vggcl_config_set(&other, "recipe", "quick") != VGGCL_OK)
        return;
    cli_duration(p->run_eta, all);
    cli_duration((double)other.epochs * (double)face->train_images / p->images_per_second, quick);
    line_erase(stdout);
    printf("note     recipe seed reproduces the published %d epochs: about %s at this speed; --recipe quick is as "
           "accurate on CIFAR-10 in %d epochs, about %s (Ctrl-C saves; then: the same command with --recipe quick)\n",
           face->epochs, all, other.epochs, quick);
    fflush(stdout);
}

static void progressed(const struct vggcl_progress *p, void *payload) {
    struct face *face = payload;
    advise(face, p);
    double interval = face->live ? live_interval : plain_interval;
    char left[32], all[32];
    if (clock_seconds() - face->last_shown < interval)
        return;
    face->last_shown = clock_seconds();
    cli_duration(p->epoch_eta, left);
    cli_duration(p->run_eta, all);
    struct line line = line_begin(stdout);
    line_add(&line, "epoch %d/%d", p->epoch, face->epochs);
    line_bar(&line, (double)p->step / (double)p->steps);
    line_add(&line, " %s %lld/%lld", p->testing ? "test" : "step", (long long)p->step, (long long)p->steps);
    line_add(&line, "  loss %.4f", p->loss);
    if (!p->testing)
        line_add(&line, "  ETA %s", left);
    line_add(&line, "  accuracy %.2f %%", 100 * p->accuracy);
    line_add(&line, "  %.0f images/s", p->images_per_second);
    if (!p->testing)
        line_add(&line, "  run ETA %s", all);
    line_show(&line);
}

/* The members are the columns of accuracy.csv. */
static void print_epoch_json(const struct vggcl_epoch *r, bool is_best) {
    progress_hide();
    cli_print_json(
        JSON_MAKE(
            {"epoch", json_integer(r->epoch)}, {"lr", json_make_number(r->lr)},
            {"train_loss", json_make_number(r->train_loss)}, {"train_accuracy", json_make_number(r->train_accuracy)},
            {"test_loss", json_make_number(r->test_loss)}, {"test_accuracy", json_make_number(r->test_accuracy)},
            {"seconds", json_make_number(r->seconds)}, {"images_per_second", json_make_number(r->images_per_second)},
            {"weights_hash", json_make_format("%016" PRIx64, r->weights_hash)}, {"best", json_boolean(is_best)}),
        JSON_LINE);
    fflush(stdout);
}

/* error: why the run failed or was stopped before a step was done; NULL if it was neither. With it, only the epochs of
 * f are known. */
static void print_result_json(const struct vggcl_finish *f, const char *result, const char *save, const char *error) {
    progress_hide();
    json_t *json = JSON_MAKE({"result", json_make_text(result)}, {"epochs", json_integer(f->epoch)},
                             {"steps", error ? json_null() : json_integer(f->step)},
                             {"best_epoch", f->best_epoch ? json_integer(f->best_epoch) : json_null()},
                             {"best_accuracy", f->best_epoch ? json_make_number(f->best_accuracy) : json_null()},
                             {"seconds", json_make_number(error ? NAN : f->seconds)},
                             {"peak_bytes", error ? json_null() : json_integer((json_int_t)f->peak_bytes)},
                             {"weights_hash", error ? json_null() : json_make_format("%016" PRIx64, f->weights_hash)},
                             {"save", json_make_text(save)}, {"error", json_make_text(error)});
    if (f->images_per_second > 0) {
        json_put(&json, "processes", json_integer(f->processes));
        json_put(&json, "images_per_s", json_make_number(f->images_per_second));
        json_put(&json, "communication_s", json_make_number(f->communication));
        json_put(&json, "hidden_s", json_make_number(f->hidden));
    }
    cli_print_json(json, JSON_LINE);
}

static void epoch_ended(const struct vggcl_epoch *r, bool is_best, double best, void *payload) {
    struct face *face = payload;
    face->so_far.epoch = r->epoch;
    face->so_far.best_accuracy = best;
    if (is_best)
        face->so_far.best_epoch = r->epoch;
    if (as_json)
        print_epoch_json(r, is_best);
    if (is_terse())
        return;
    struct line line = line_begin(stdout);
    line_add(&line, "epoch %d/%d", r->epoch, face->epochs);
    line_add(&line, "  loss %.4f", r->train_loss);
    line_add(&line, "  train %.2f %%", 100 * r->train_accuracy);
    line_add(&line, "  test %.2f %%%s", 100 * r->test_accuracy, is_best ? " best" : "     ");
    line_add(&line, "  %.1f s", r->seconds);
    line_add(&line, "  lr %.5g", r->lr);
    line_add(&line, "  test loss %.4f", r->test_loss);
    line_add(&line, "  %.0f images/s", r->images_per_second);
    line_add(&line, "  best %.2f %%", 100 * best);
    line_end(&line);
}

/* Of a run of several processes. */
static void print_communication(const struct vggcl_finish *f) {
    if (f->images_per_second > 0)
        printf(
            "ranks    %d processes, %.1f images/s together; communication %.1f ms a step: %.1f ms behind the backward "
            "pass, %.1f ms not\n",
            f->processes, f->images_per_second, 1e3 * f->communication, 1e3 * f->hidden,
            1e3 * (f->communication - f->hidden));
}

/* What gave wrong results on a device and was not used. */
static void print_replaced(const struct face *face) {
    for (size_t i = 0; i < face->devices; i++) {
        if (*face->wrong[i])
            printf("without  %s: wrong results on this device", face->wrong[i]);
        if (*face->wrong[i] && face->devices > 1)
            printf(", number %zu", i + 1);
        if (*face->wrong[i])
            putchar('\n');
    }
}

static void print_best(const struct vggcl_finish *f) {
    if (f->best_epoch)
        printf("; best test accuracy %.2f %% in epoch %d", 100 * f->best_accuracy, f->best_epoch);
    putchar('\n');
}

/* Of a resumed run with nothing left to train: that it is complete, and what to type to train on. */
static void print_complete(const struct vggcl_finish *f) {
    int more = f->epoch + (f->epoch + 2) / 3;
    printf("complete the run in %s has done ", f->save);
    if (f->end == VGGCL_END_STEPS)
        printf("%lld step%s, and --steps asks for no more", (long long)f->step, text_plural(f->step));
    else if (f->epoch > f->epochs)
        printf("%d epochs, more than --epochs %d", f->epoch, f->epochs);
    else
        printf("%d of %d epoch%s, %lld step%s", f->epoch, f->epochs, text_plural(f->epochs), (long long)f->step,
               text_plural(f->step));
    if (f->end == VGGCL_END_PATIENCE)
        printf(", and ended because the accuracy does not improve any more (--patience)");
    print_best(f);
    printf("to train on, type: vggcl train --resume %s", f->save);
    if (f->end == VGGCL_END_PATIENCE)
        printf(" --patience 0");
    else if (f->end == VGGCL_END_EPOCHS)
        printf(" --epochs %d", more);
    printf("\nweights  %016" PRIx64 "\n", f->weights_hash);
}

static void print_result(const struct face *face, const struct vggcl_finish *f) {
    char seconds[32];
    line_erase(stdout);
    cli_duration(f->seconds, seconds);
    bool done = f->end == VGGCL_END_EPOCHS || f->end == VGGCL_END_PATIENCE;
    printf("%s after %d epoch%s, %lld step%s, in %s%s", done ? "done" : "stopped", f->epoch, text_plural(f->epoch),
           (long long)f->step, text_plural(f->step), seconds,
           f->end == VGGCL_END_PATIENCE ? ", because the accuracy does not improve any more" : "");
    print_best(f);
    print_replaced(face);
    if (is_terse())
        return;
    print_communication(f);
    printf("memory   %.1f MiB (%" PRIu64 " bytes) at the peak on the device%s, %s\nweights  %016" PRIx64 "\n",
           cli_mebibytes(f->peak_bytes), f->peak_bytes, face->devices > 1 ? "s together" : "",
           f->peak_bytes == face->planned ? "as planned" : "not as planned", f->weights_hash);
}

static void finished(const struct vggcl_finish *f, void *payload) {
    static const char *const results[] = {[VGGCL_END_EPOCHS] = "done",
                                          [VGGCL_END_STEPS] = "steps",
                                          [VGGCL_END_STOPPED] = "stopped",
                                          [VGGCL_END_PATIENCE] = "patience"};
    struct face *face = payload;
    progress_hide();
    if (f->was_complete) {
        if (as_json)
            print_result_json(f, "complete", f->save, NULL);
        else
            print_complete(f);
        return;
    }
    face->end = f->end;
    signals_promise("ending; the state is saved");
    signals_finish(f->end == VGGCL_END_STOPPED ? EXIT_INTERRUPTED : EXIT_FINE);
    if (as_json)
        print_result_json(f, results[f->end], face->save, NULL);
    else
        print_result(face, f);
}

static int print_config(const struct vggcl_config *config) {
    char *text;
    enum vggcl_err err = vggcl_config_text(config, &text);
    if (err != VGGCL_OK)
        return cli_failed(err);
    puts(text);
    vggcl_config_text_free(text);
    return EXIT_FINE;
}

static bool stop(void *payload) {
    cli_outlive_stdout();
    return signals_stop(payload);
}

static bool save(void *payload) {
    struct face *face = payload;
    face->save_asked |= signals_save(NULL);
    return face->save_asked;
}

/* The exit status of a run that a signal stopped. */
static int interrupted(const struct face *face) {
    if (face->saved)
        fprintf(as_json ? messages() : stdout, "the state is saved; continue with: vggcl train --resume %s\n",
                face->save);
    return face->saved ? EXIT_INTERRUPTED : EXIT_UNSAVED;
}

/* The exit status of a run that did not end in finished(). */
static int unfinished(const struct face *face, enum vggcl_err err) {
    const char *text = vggcl_error();
    bool stopped = err == VGGCL_ESTOPPED;
    if (as_json)
        print_result_json(&face->so_far, stopped ? "stopped" : "failed", face->saved ? face->save : NULL, text);
    else if (stopped)
        printf("%s\n", text);
    return stopped ? EXIT_FINE : cli_failed(err);
}

/* Another rank than the first. */
static enum vggcl_err run_other_rank(const struct vggcl_config *config) {
    return vggcl_train(config, NULL);
}

static int train(const struct vggcl_config *config) {
    const bool terse = is_terse();
    struct face face = {.live = terminal_size(stdout).columns > 0};
    face.last_shown = clock_seconds();
    face.decoding = counted_begin("pictures", "decoded");
    face.unchosen = is_unchosen(config);
    const struct vggcl_observer observer = {.decoded = terse ? NULL : decoded,
                                            .opened = terse ? NULL : opened,
                                            .started = started,
                                            .stepped_first = terse ? NULL : stepped_first,
                                            .progressed = terse ? NULL : progressed,
                                            .epoch_ended = epoch_ended,
                                            .finished = finished,
                                            .noticed = noticed,
                                            .stop = stop,
                                            .save = save,
                                            .saved = saved,
                                            .payload = &face};
    expect(&face, config);
    signals_catch(true);
    progress_watch(as_json ? messages() : stdout);
    enum vggcl_err err = vggcl_train(config, &observer);
    progress_hide();
    if (err != VGGCL_OK && face.live && !terse)
        putchar('\n');
    int status = err == VGGCL_OK ? EXIT_FINE : unfinished(&face, err);
    if (err == VGGCL_ESTOPPED || face.end == VGGCL_END_STOPPED)
        status = interrupted(&face);
    cli_outlive_stdout();
    return status;
}

static int run(const struct vggcl_config *config) {
    return only_print ? print_config(config) : several_run(config, train, run_other_rank);
}

const struct command command_train = {
    .name = "train",
    .summary = "trains a network and saves it, epoch by epoch",
    .description =
        "Trains a VGG network on CIFAR-10, by default as in \"89.89% on CIFAR-10 in Pytorch\": VGG16, batch\n"
        "normalisation and dropout, SGD, 300 epochs. --recipe quick is as accurate in 8. The "
        "folder --save gets config.json (the options, for --config),\n"
        "accuracy.csv (a row an epoch), best.safetensors, epoch-NNN.safetensors (weights, as PyTorch's\n"
        "load_state_dict takes them) and last.safetensors (the whole state, written after each epoch and when the\n"
        "run is stopped by --steps or a signal; the one before it is last.safetensors.1). A folder\n"
        "belongs to one run at a time. An earlier run in it is moved to save.1, save.2, ...; while another\n"
        "process trains there, the new run fails.\n\n"
        "--resume continues a run with the options stored in it. Only --epochs, --patience, --steps, --data,\n"
        "--data-format, --data-from, --bad-images, --lr, --lr-step, --lr-gamma, --schedule, --warmup, --nesterov,\n"
        "--device, --device-split, --conv, --gemm, --storage, --precision, --matrix, --grad-dtype, --mem-limit,\n"
        "--images and --save-every may be changed then; --data may name another folder that has the same images. With\n"
        "--save the run continues in another folder, and the first one is only read.\n\n"
        "Several devices train together: each step's batch is split over them, and the first one adds up the\n"
        "gradients and gives the others its weights. Batch normalisation takes the statistics of each device's\n"
        "images, as of a micro-batch; --mem-limit holds for each device; the first one tests.\n\n"
        "  vggcl train --data synthetic --width 0.25 --epochs 5\n"
        "  vggcl train --recipe quick                      90.6 % of CIFAR-10 in 8 epochs\n"
        "  vggcl train --recipe fast                       92.75 % in 30\n"
        "  vggcl train --recipe best                       95.2 % in 100\n"
        "  vggcl train                                     the published 300 epochs\n"
        "  vggcl train --data DIR --weights w.safetensors --reset-head --recipe finetune\n"
        "  vggcl train --config save/config.json --seed 1      same run, other seed\n"
        "  vggcl train --device 0:0 --device 1:0 --device-split 3:1\n"
        "  vggcl train --device 0:0/2                          one device, cut into two\n"
        "  mpirun -n 2 vggcl train                           two processes share batches\n"
        "  vggcl train --resume save --epochs 350\n"
        "  vggcl train --resume save --lr 0.001 --save save-2  lower rate, new folder\n\n"
        "Several processes, on one machine or many, train together when mpirun or srun starts them: each has its\n"
        "share of every batch, and --device auto, the default then, deals a machine's devices over its processes.\n"
        "The first one alone prints and saves; a process that fails or does not answer ends all.\n\n"
        "Ctrl-C, SIGTERM and SIGHUP end a run after the step it is in, and save its state; a second one, after a\n"
        "second or more, ends it at once. SIGUSR1 saves the state, and the run goes on.\n\n"
        "Exit status:\n"
        "  0    completed: all epochs, --steps or --patience\n"
        "  1    failed\n"
        "  2    wrong flags\n"
        "  3    the loss is not finite any more; the last finite state is kept\n"
        "  4    an OpenCL call did not return for --stall seconds; the last save is kept\n"
        "  5    stopped by a signal without saving: steps since the last save are lost\n"
        "  6    no such OpenCL device or driver\n"
        "  130  stopped by a signal, and the state is saved: --resume goes on there\n",
    .options = VGGCL_FOR_TRAIN | VGGCL_FOR_DEVICES,
    .flags =
        (const struct flag[]){
            {"json", NULL, "for scripts: a line an epoch, with the columns of accuracy.csv, then the result", NULL,
             &as_json},
            {"print-config", NULL, "print the options of the run, as --config takes them, and stop", NULL, &only_print},
            {0}},
    .run = run,
};
