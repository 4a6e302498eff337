#include "train/evaluate.h"
#include "base/clock.h"
#include "train/checkpoint.h"
#include "train/config.h"
#include "train/plan.h"
#include "train/profile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum vggcl_err view(struct net *net, const struct feed *feed, int64_t step, const struct pass *pass,
                           enum mirror mirror) {
    const struct augmentation augmentation = {.mirror = mirror};
    TRY(feed_images(feed, net, (size_t)step * net->batch, pass->n, &augmentation));
    return net_forward(net, pass);
}

static enum vggcl_err one_batch(struct net *net, const struct feed *feed, int64_t step, bool mirrored_too,
                                int32_t *predicted, struct tally *tally) {
    size_t n = feed_size(feed, net->batch, step);
    struct pass pass = net_pass(net, n, false, 0, 0);
    float total[2];
    if (mirrored_too) {
        TRY(view(net, feed, step, &pass, MIRROR_ALWAYS));
        TRY(net_keep_logits(net));
    }
    TRY(view(net, feed, step, &pass, MIRROR_NEVER));
    if (mirrored_too)
        TRY(net_average_logits(net));
    TRY(net_loss(net, &pass));
    TRY(dev_read(net->dev, net->total, 0, 2, total));
    TRY(dev_read(net->dev, net->predicted, 0, n, predicted));
    tally->images += n;
    tally->loss_sum += total[0];
    tally->correct += (size_t)total[1];
    return VGGCL_OK;
}

enum vggcl_err evaluate(struct net *net, const struct feed *feed, bool mirrored_too, evaluate_batch *batch_done,
                        void *user, struct tally *tally) {
    enum vggcl_err err = VGGCL_OK;
    int32_t *predicted = malloc(net->batch * sizeof *predicted);
    if (!predicted)
        return err_no_memory("the predictions", net->batch * sizeof *predicted);
    *tally = (struct tally){0};
    for (int64_t step = 0; step < feed_steps(feed, net->batch); step++) {
        size_t first = tally->images;
        TRY_GOTO(one_batch(net, feed, step, mirrored_too, predicted, tally), done);
        if (batch_done)
            batch_done(user, tally, first, tally->images - first, predicted);
    }
done:
    free(predicted);
    return err;
}

/* ------------------------------------------------------------------------------------------- vggcl_evaluate() -- */

/* Fills the confusion matrix while evaluate() runs. */
struct confusion {
    const struct dataset *set;
    struct vggcl_evaluation *evaluation;
};

static void count_confusion(void *user, const struct tally *so_far, size_t first, size_t n, const int32_t *predicted) {
    struct confusion *c = user;
    (void)so_far;
    for (size_t i = 0; i < n; i++)
        if (predicted[i] >= 0) /* a loss that is not a number predicts nothing */
            c->evaluation->confusion[c->set->labels[first + i]][predicted[i]]++;
}

static enum vggcl_err run(struct net *net, struct dev *d, const struct dataset *set, bool mirrored_too,
                          struct vggcl_evaluation *evaluation) {
    enum vggcl_err err;
    struct feed feed = {0};
    struct arena arena = {0};
    struct tally tally = {0};
    struct confusion confusion = {set, evaluation};
    double start;
    TRY_GOTO(feed_reserve(&feed, d, set, &arena), done);
    TRY_GOTO(arena_commit(&arena, d), done);
    TRY_GOTO(feed_upload(&feed, set), done);
    start = clock_seconds();
    TRY_GOTO(evaluate(net, &feed, mirrored_too, count_confusion, &confusion, &tally), done);
    evaluation->seconds = clock_seconds() - start;
    evaluation->images = tally.images;
    evaluation->correct = tally.correct;
    evaluation->loss = tally.loss_sum / (double)tally.images;
    evaluation->accuracy = (double)tally.correct / (double)tally.images;
    evaluation->images_per_second = (double)tally.images / evaluation->seconds;
done:
    arena_free(&arena);
    feed_free(&feed);
    return err;
}

static enum vggcl_err make_net(struct dev *d, const struct vggcl_config *config, const struct safetensors *file,
                               size_t images, struct net **net) {
    struct vggcl_plan plan;
    const struct work work = {.test = images, .batch = (size_t)config->batch};
    TRY(plan_net(d, config, &work, net, &plan));
    TRY(net_allocate(*net));
    return checkpoint_load(file, config->weights, *net, CHECKPOINT_WEIGHTS);
}

enum vggcl_err vggcl_evaluate(const struct vggcl_config *given, struct vggcl_evaluation *evaluation) {
    enum vggcl_err err;
    struct vggcl_config config = *given;
    struct safetensors file = {0};
    struct data data = {0};
    struct tuned tuned;
    struct dev *d = NULL;
    struct net *net = NULL;
    memset(evaluation, 0, sizeof *evaluation);
    if (!*config.weights)
        return err_set(VGGCL_EUSAGE, "--weights FILE is missing: the safetensors file to evaluate");
    TRY_GOTO(safetensors_read(config.weights, &file), done);
    TRY_GOTO(checkpoint_network(&file, config.weights, &config), done);
    TRY_GOTO(data_open(config.data, config.seed, (size_t)config.validate, &data), done);
    if (config.limit > 0 && (size_t)config.limit < data.test.count)
        data.test.count = (size_t)config.limit;
    TRY_GOTO(config_device(&config, &d, &tuned), done);
    TRY_GOTO(make_net(d, &config, &file, data.test.count, &net), done);
    TRY_GOTO(run(net, d, &data.test, config.tta, evaluation), done);
    evaluation->device = d->info;
    evaluation->width = config.width;
    snprintf(evaluation->model, sizeof evaluation->model, "%s", config_word(&config, "model"));
    snprintf(evaluation->dataset, sizeof evaluation->dataset, "%s", data.description);
    memcpy(evaluation->classes, data.classes, sizeof evaluation->classes);
done:
    net_free(net);
    dev_close(d);
    data_free(&data);
    safetensors_free(&file);
    return err;
}
