#include "train/evaluate.h"
#include "base/clock.h"
#include "data/data.h"
#include "train/checkpoint.h"
#include "options/network.h"
#include "options/options.h"
#include "plan/plan.h"
#include "tune/profile.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum vggcl_err view(struct net *net, const struct feed *feed, size_t first, const struct pass *pass,
                           enum mirror mirror) {
    const struct augmentation augmentation = {.mirror = mirror};
    TRY(feed_images(feed, net, first, pass->n, &augmentation));
    return net_forward(net, pass);
}

enum vggcl_err evaluate_logits(struct net *net, const struct feed *feed, size_t first, const struct pass *pass,
                               bool mirrored_too) {
    if (!mirrored_too)
        return view(net, feed, first, pass, MIRROR_NEVER);
    TRY(view(net, feed, first, pass, MIRROR_ALWAYS));
    TRY(net_keep_logits(net));
    TRY(view(net, feed, first, pass, MIRROR_NEVER));
    return net_average_logits(net);
}

void evaluate_softmax(const float *logits, size_t count, float *probabilities) {
    double largest = logits[0], sum = 0;
    for (size_t k = 1; k < count; k++)
        largest = fmax(largest, logits[k]);
    for (size_t k = 0; k < count; k++)
        sum += exp(logits[k] - largest);
    for (size_t k = 0; k < count; k++)
        probabilities[k] = (float)(exp(logits[k] - largest) / sum);
}

static enum vggcl_err one_batch(struct net *net, const struct feed *feed, int64_t step, bool mirrored_too,
                                int32_t *predicted, struct tally *tally) {
    size_t n = feed_size(feed, net->batch, step);
    struct pass pass = net_pass(net, n, false, 0, 0);
    float total[2];
    TRY(evaluate_logits(net, feed, (size_t)step * net->batch, &pass, mirrored_too));
    TRY(net_loss(net, &pass));
    TRY(dev_read(net->dev, net->total, 0, 2, total));
    TRY(dev_read(net->dev, net->predicted, 0, n, predicted));
    tally->images += n;
    tally->loss_sum += total[0];
    tally->correct += (size_t)total[1];
    return VGGCL_OK;
}

enum vggcl_err evaluate(struct net *net, const struct feed *feed, bool mirrored_too, evaluate_batch *batch_done,
                        void *payload, struct tally *tally) {
    enum vggcl_err err = VGGCL_OK;
    int32_t *predicted = malloc(net->batch * sizeof *predicted);
    if (!predicted)
        return err_no_memory("the predictions", net->batch * sizeof *predicted);
    *tally = (struct tally){0};
    for (int64_t step = 0; step < feed_steps(feed, net->batch); step++) {
        size_t first = tally->images;
        TRY_GOTO(one_batch(net, feed, step, mirrored_too, predicted, tally), done);
        if (batch_done)
            TRY_GOTO(batch_done(tally, first, tally->images - first, predicted, payload), done);
    }
done:
    free(predicted);
    return err;
}

/* ------------------------------------------------------------------------------------------- vggcl_evaluate() -- */

/* Fills the confusion matrix and the predictions while evaluate() runs. */
struct results {
    struct net *net;
    const struct dataset *set;
    struct vggcl_evaluation *evaluation;
    float *logits; /* [batch][classes] */
};

/* predicted is -1 if the logits were NaN. */
static void record_one(const struct results *r, size_t i, int32_t predicted, float *logits) {
    struct vggcl_evaluation *e = r->evaluation;
    struct vggcl_prediction *p = &e->predictions[i];
    *p = (struct vggcl_prediction){
        .file = e->files ? e->files[i] : NULL, .label = r->set->labels[i], .predicted = predicted, .probability = NAN};
    if (predicted < 0)
        return;
    evaluate_softmax(logits, e->class_count, logits);
    p->probability = logits[predicted];
    e->confusion[(size_t)p->label * e->class_count + (size_t)predicted]++;
}

static enum vggcl_err record_batch(const struct tally *so_far, size_t first, size_t n, const int32_t *predicted,
                                   void *payload) {
    struct results *r = payload;
    size_t classes = r->evaluation->class_count;
    (void)so_far;
    TRY(dev_read(r->net->dev, net_logits(r->net), 0, n * classes, r->logits));
    for (size_t i = 0; i < n; i++)
        record_one(r, first + i, predicted[i], r->logits + i * classes);
    return VGGCL_OK;
}

static enum vggcl_err run(struct net *net, struct dev *d, const struct data *data, bool mirrored_too,
                          struct vggcl_evaluation *evaluation) {
    const struct dataset *set = &data->test;
    enum vggcl_err err;
    struct feed feed = {0};
    struct arena arena = {0};
    struct tally tally = {0};
    struct results results = {net, set, evaluation, malloc(net->batch * data->spec.classes * sizeof(float))};
    double start;
    if (!results.logits) {
        err = err_no_memory("the logits", net->batch * data->spec.classes * sizeof(float));
        goto done;
    }
    TRY_GOTO(feed_reserve(&feed, d, &data->spec, set->count, &arena), done);
    TRY_GOTO(arena_commit(&arena, d), done);
    TRY_GOTO(feed_upload(&feed, set), done);
    start = clock_seconds();
    TRY_GOTO(evaluate(net, &feed, mirrored_too, record_batch, &results, &tally), done);
    evaluation->seconds = clock_seconds() - start;
    evaluation->images = tally.images;
    evaluation->correct = tally.correct;
    evaluation->loss = tally.loss_sum / (double)tally.images;
    evaluation->accuracy = (double)tally.correct / (double)tally.images;
    evaluation->images_per_second = (double)tally.images / evaluation->seconds;
done:
    free(results.logits);
    arena_free(&arena);
    feed_free(&feed);
    return err;
}

static enum vggcl_err make_net(const struct context *context, const struct vggcl_config *config,
                               const struct safetensors *file, const struct data *data, struct net **net) {
    struct vggcl_plan plan;
    const struct work work = {.data = &data->spec, .test = data->test.count, .batch = (size_t)config->batch};
    TRY(plan_net(context, config, &work, net, &plan));
    TRY(net_allocate(*net));
    return checkpoint_load(file, config->weights, *net, CHECKPOINT_WEIGHTS);
}

/* Allocates what run() fills. The files' names now belong to the evaluation. */
static enum vggcl_err allocate_results(struct vggcl_evaluation *evaluation, struct data *data) {
    size_t count = data->spec.classes, images = data->test.count;
    evaluation->class_count = count;
    evaluation->classes = names_copy(count, data->spec.class_names);
    evaluation->confusion = calloc(count * count, sizeof *evaluation->confusion);
    evaluation->predictions = calloc(images, sizeof *evaluation->predictions);
    evaluation->images = images;
    evaluation->files = data->test.files;
    data->test.files = NULL;
    if (!evaluation->classes)
        return VGGCL_ENOMEM;
    if (!evaluation->confusion || !evaluation->predictions)
        return err_no_memory("the predictions",
                             count * count * sizeof *evaluation->confusion + images * sizeof *evaluation->predictions);
    return VGGCL_OK;
}

void vggcl_evaluation_free(struct vggcl_evaluation *evaluation) {
    if (!evaluation)
        return;
    free(evaluation->files);
    free(evaluation->classes);
    free(evaluation->confusion);
    free(evaluation->predictions);
    evaluation->files = NULL;
    evaluation->classes = NULL;
    evaluation->confusion = NULL;
    evaluation->predictions = NULL;
}

enum vggcl_err vggcl_evaluate(const struct vggcl_config *given, struct vggcl_evaluation *evaluation) {
    enum vggcl_err err;
    struct vggcl_config config = *given;
    struct safetensors file = {0};
    struct data_source source;
    struct data data = {0};
    struct tuned tuned;
    struct context context = {0};
    struct net *net = NULL;
    memset(evaluation, 0, sizeof *evaluation);
    TRY(config_check(given));
    if (!*config.weights)
        return err_set(VGGCL_EUSAGE, "weights: is missing; set it to the safetensors file to evaluate");
    TRY_GOTO(safetensors_read(config.weights, &file), done);
    TRY_GOTO(checkpoint_network(&file, config.weights, &config), done);
    TRY_GOTO(checkpoint_suggest_data(&file, config.weights, &config), done);
    source = network_data(&config);
    TRY_GOTO(data_open(&source, &data), done);
    TRY_GOTO(checkpoint_takes_data(&file, config.weights, &data, true), done);
    if (config.limit > 0 && (size_t)config.limit < data.test.count)
        data.test.count = (size_t)config.limit;
    TRY_GOTO(profile_open(&config, &context, &tuned), done);
    TRY_GOTO(make_net(&context, &config, &file, &data, &net), done);
    TRY_GOTO(allocate_results(evaluation, &data), done);
    TRY_GOTO(run(net, context.dev, &data, config.tta, evaluation), done);
    evaluation->device = context.dev->info;
    evaluation->width = config.width;
    snprintf(evaluation->model, sizeof evaluation->model, "%s", config_word(&config, "model"));
    snprintf(evaluation->dataset, sizeof evaluation->dataset, "%s", data.description);
done:
    if (err != VGGCL_OK)
        vggcl_evaluation_free(evaluation);
    net_free(net);
    dev_close(context.dev);
    data_free(&data);
    safetensors_free(&file);
    return err;
}
