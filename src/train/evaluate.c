#include "train/evaluate.h"
#include "base/clock.h"
#include "base/phase.h"
#include "check/replace.h"
#include "data/data.h"
#include "options/network.h"
#include "options/options.h"
#include "plan/plan.h"
#include "train/weights.h"
#include "tune/profile.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum vggcl_err view(struct net *net, struct feed *feed, size_t first, const struct pass *pass,
                           enum mirror mirror) {
    const struct augmentation augmentation = {.mirror = mirror};
    TRY(feed_images(feed, net, first, pass->n, &augmentation));
    return net_forward(net, pass);
}

enum vggcl_err evaluate_logits(struct net *net, struct feed *feed, size_t first, const struct pass *pass,
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

/* While the device computes, the host prepares the next batch. */
static enum vggcl_err one_batch(struct net *net, struct feed *feed, int64_t step, bool mirrored_too, int32_t *predicted,
                                struct tally *tally) {
    size_t n = feed_size(feed, net->batch, step);
    struct pass pass = net_pass(net, n, false, 0, 0);
    float total[2];
    TRY(evaluate_logits(net, feed, (size_t)step * net->batch, &pass, mirrored_too));
    TRY(net_loss(net, &pass));
    if (step + 1 < feed_steps(feed, net->batch))
        TRY(feed_prepare(feed, (size_t)(step + 1) * net->batch, feed_size(feed, net->batch, step + 1)));
    TRY(dev_read(net->dev, net->total, 0, 2, total));
    TRY(dev_read(net->dev, net->predicted, 0, n, predicted));
    tally->images += n;
    tally->loss_sum += total[0];
    tally->correct += (size_t)total[1];
    return VGGCL_OK;
}

enum vggcl_err evaluate(struct net *net, struct feed *feed, bool mirrored_too, evaluate_batch *batch_done,
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

/* ------------------------------------------------------------------------------------------- an evaluator -- */

enum vggcl_err evaluate_plan(struct context *context, const struct vggcl_config *config, const struct work *work,
                             struct net **net, struct vggcl_plan *plan, char **warnings) {
    struct vggcl_selfcheck check;
    bool replaced = false, any = false;
    *net = NULL;
    do {
        net_free(*net);
        TRY(plan_net(context, config, work, net, plan));
        if (!config->no_selfcheck)
            TRY(check_or_replace(*net, context, &check, &replaced, warnings));
        any |= replaced;
    } while (replaced);
    if (any)
        profile_keep_wrong(context, config);
    return VGGCL_OK;
}

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
    phase_item(so_far->images, "%s", "");
    TRY(dev_read(r->net->dev, net_logits(r->net), 0, n * classes, r->logits));
    for (size_t i = 0; i < n; i++)
        record_one(r, first + i, predicted[i], r->logits + i * classes);
    return VGGCL_OK;
}

static enum vggcl_err run(struct evaluator *e, struct vggcl_evaluation *evaluation) {
    const struct data_spec *spec = &e->data.spec;
    const struct dataset *set = &e->data.test;
    struct dev *d = e->context.dev;
    enum vggcl_err err;
    struct feed feed = {0};
    struct arena arena = {0};
    struct tally tally = {0};
    struct results results = {e->net, set, evaluation, malloc(e->net->batch * spec->classes * sizeof(float))};
    double start;
    if (!results.logits) {
        err = err_no_memory("the logits", e->net->batch * spec->classes * sizeof(float));
        goto done;
    }
    size_t staged = e->config.images == VGGCL_IMAGES_HOST ? e->net->batch : 0;
    TRY_GOTO(feed_reserve(&feed, d, spec, set->count, staged, &arena), done);
    TRY_GOTO(arena_commit(&arena, d), done);
    TRY_GOTO(feed_upload(&feed, set), done);
    start = clock_seconds();
    phase_begin(d->info.name, "evaluation", set->count);
    TRY_GOTO(evaluate(e->net, &feed, e->config.tta, record_batch, &results, &tally), done);
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
    free(evaluation->warnings);
    evaluation->warnings = NULL;
    evaluation->files = NULL;
    evaluation->classes = NULL;
    evaluation->confusion = NULL;
    evaluation->predictions = NULL;
}

static enum vggcl_err make_net(struct evaluator *e) {
    struct vggcl_plan plan;
    const struct work work = {.data = &e->data.spec, .test = e->data.test.count, .batch = (size_t)e->config.batch};
    TRY(evaluate_plan(&e->context, &e->config, &work, &e->net, &plan, &e->warnings));
    e->config.images = plan.config.images;
    TRY(checkpoint_normalisation(&e->file, e->config.weights, &e->data.spec, &e->data.train, &e->config,
                                 &e->net->normalisation));
    TRY(net_allocate(e->net));
    return checkpoint_load(&e->file, e->config.weights, e->net, CHECKPOINT_WEIGHTS);
}

static void decoded(size_t done, size_t count, void *payload) {
    (void)payload;
    if (done == 0)
        phase_begin("", "decoding pictures", count);
    phase_item(done, "%s", "");
}

static enum vggcl_err open_data(struct evaluator *e) {
    struct vggcl_config *config = &e->config;
    struct data *data = &e->data;
    TRY(weights_open(config, &e->file, &e->warnings));
    TRY(checkpoint_network(&e->file, config->weights, config));
    TRY(checkpoint_suggest_data(&e->file, config->weights, config));
    struct data_source source = network_data(config);
    source.progress = decoded;
    TRY(data_open(&source, data));
    TRY(data_suffices(data->train.count, data->test.count, false));
    TRY(checkpoint_takes_data(&e->file, config->weights, data, true));
    if (config->limit > 0 && (size_t)config->limit < data->test.count)
        data->test.count = (size_t)config->limit;
    return VGGCL_OK;
}

enum vggcl_err evaluator_open(struct evaluator *e, const struct vggcl_config *config) {
    struct tuned tuned;
    *e = (struct evaluator){.config = *config};
    TRY(config_check(config));
    TRY(config_use_dataset(&e->config));
    if (!*config->weights)
        return err_set(VGGCL_EUSAGE,
                       "weights: is missing; name the safetensors file of a network, such as save/best.safetensors");
    TRY(open_data(e));
    TRY(profile_open(&e->config, &e->context, &tuned));
    return make_net(e);
}

void evaluator_close(struct evaluator *e) {
    net_free(e->net);
    dev_close(e->context.dev);
    data_free(&e->data);
    safetensors_free(&e->file);
    free(e->warnings);
}

enum vggcl_err evaluator_run(struct evaluator *e, struct vggcl_evaluation *evaluation) {
    enum vggcl_err err;
    *evaluation = (struct vggcl_evaluation){.device = e->context.dev->info, .width = e->config.width};
    snprintf(evaluation->model, sizeof evaluation->model, "%s", e->config.model);
    evaluation->warnings = e->warnings;
    e->warnings = NULL;
    snprintf(evaluation->dataset, sizeof evaluation->dataset, "%s", e->data.description);
    checkpoint_other_data(&e->file, e->config.weights, &e->data, evaluation->warning);
    TRY_GOTO(allocate_results(evaluation, &e->data), done);
    TRY_GOTO(run(e, evaluation), done);
done:
    if (err != VGGCL_OK)
        vggcl_evaluation_free(evaluation);
    return err;
}

enum vggcl_err vggcl_evaluate(const struct vggcl_config *config, struct vggcl_evaluation *evaluation) {
    struct evaluator e;
    memset(evaluation, 0, sizeof *evaluation);
    enum vggcl_err err = evaluator_open(&e, config);
    if (err == VGGCL_OK)
        err = evaluator_run(&e, evaluation);
    evaluator_close(&e);
    return err;
}
