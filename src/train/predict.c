/* predict.c - vggcl_predict(): a trained network on images that have no labels. */
#include "base/phase.h"
#include "data/decode.h"
#include "options/options.h"
#include "plan/plan.h"
#include "train/checkpoint.h"
#include "train/evaluate.h"
#include "train/weights.h"
#include "tune/profile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct vggcl_predictor {
    struct vggcl_predictor_info info;
    struct data_spec spec;
    struct context context;
    struct net *net;
    struct arena arena; /* of feed */
    struct feed feed;
    struct dataset images; /* a whole batch: missing images are left as they are, their predictions are not used */
    float *logits;         /* [batch][classes] */
    char *warnings;        /* of weights_open() and evaluate_plan(); NULL for none */
    bool mirrored_too;
};

void vggcl_predictor_free(struct vggcl_predictor *p) {
    if (!p)
        return;
    free(p->logits);
    free(p->warnings);
    dataset_free(&p->images);
    feed_free(&p->feed);
    arena_free(&p->arena);
    net_free(p->net);
    dev_close(p->context.dev);
    free(p->spec.class_names);
    free(p);
}

static enum vggcl_err make_net(struct vggcl_predictor *p, const struct vggcl_config *config,
                               const struct safetensors *file, const struct normalisation *normalisation) {
    struct vggcl_plan plan;
    size_t batch = (size_t)config->batch;
    const struct work work = {.data = &p->spec, .test = batch, .batch = batch};
    TRY(evaluate_plan(&p->context, config, &work, &p->net, &plan, &p->warnings));
    p->net->normalisation = *normalisation;
    TRY(net_allocate(p->net));
    TRY(checkpoint_load(file, config->weights, p->net, CHECKPOINT_WEIGHTS));
    batch = p->net->batch;
    TRY(feed_reserve(&p->feed, p->context.dev, &p->spec, batch, 0, &p->arena));
    TRY(arena_commit(&p->arena, p->context.dev));
    TRY(dataset_allocate(&p->images, &p->spec, batch));
    p->logits = malloc(batch * p->spec.classes * sizeof *p->logits);
    return p->logits ? VGGCL_OK : err_no_memory("the predictions", batch * p->spec.classes * sizeof *p->logits);
}

static void describe(struct vggcl_predictor *p, const struct vggcl_config *config) {
    p->mirrored_too = config->tta;
    p->info = (struct vggcl_predictor_info){.device = p->context.dev->info,
                                            .width_factor = config->width,
                                            .height = p->spec.height,
                                            .width = p->spec.width,
                                            .channels = p->spec.channels,
                                            .batch = p->net->batch,
                                            .class_count = p->spec.classes,
                                            .classes = p->spec.class_names,
                                            .warnings = p->warnings};
    snprintf(p->info.model, sizeof p->info.model, "%s", config->model);
}

enum vggcl_err vggcl_predictor_open(const struct vggcl_config *given, struct vggcl_predictor **predictor) {
    enum vggcl_err err;
    struct vggcl_config config = *given;
    struct safetensors file = {0};
    struct normalisation normalisation;
    struct tuned tuned;
    struct vggcl_predictor *p = calloc(1, sizeof *p);
    *predictor = NULL;
    if (!p)
        return err_no_memory("a predictor", sizeof *p);
    TRY_GOTO(config_check(given), done);
    config.images = VGGCL_IMAGES_DEVICE; /* of a batch */
    if (!*config.weights) {
        err = err_set(
            VGGCL_EUSAGE,
            "weights: is missing; name the safetensors file of a trained network, such as save/best.safetensors");
        goto done;
    }
    TRY_GOTO(weights_open(&config, &file, &p->warnings), done);
    TRY_GOTO(checkpoint_network(&file, config.weights, &config), done);
    TRY_GOTO(checkpoint_images(&file, &config, &p->spec), done);
    TRY_GOTO(checkpoint_normalisation(&file, config.weights, &p->spec, NULL, &config, &normalisation), done);
    TRY_GOTO(profile_open(&config, &p->context, &tuned), done);
    TRY_GOTO(make_net(p, &config, &file, &normalisation), done);
    describe(p, &config);
    *predictor = p;
    p = NULL;
done:
    vggcl_predictor_free(p);
    safetensors_free(&file);
    return err;
}

const struct vggcl_predictor_info *vggcl_predictor_describe(const struct vggcl_predictor *p) {
    return &p->info;
}

enum vggcl_err vggcl_predictor_read(const struct vggcl_predictor *p, const char *path, uint8_t *pixels) {
    const struct picture_size size = {p->spec.height, p->spec.width, p->spec.channels};
    return decode_picture(path, &size, pixels);
}

/* Up to a batch of images. */
static enum vggcl_err predict_batch(struct vggcl_predictor *p, const uint8_t *pixels, size_t count,
                                    float *probabilities) {
    struct net *net = p->net;
    const struct pass pass = net_pass(net, net->batch, false, 0, 0);
    size_t classes = p->spec.classes;
    memcpy(p->images.pixels, pixels, count * data_image_bytes(&p->spec));
    TRY(feed_upload(&p->feed, &p->images));
    TRY(evaluate_logits(net, &p->feed, 0, &pass, p->mirrored_too));
    TRY(dev_read(net->dev, net_logits(net), 0, net->batch * classes, p->logits));
    for (size_t i = 0; i < count; i++)
        evaluate_softmax(p->logits + i * classes, classes, probabilities + i * classes);
    return VGGCL_OK;
}

enum vggcl_err vggcl_predict(struct vggcl_predictor *p, const uint8_t *pixels, size_t count, float *probabilities) {
    size_t batch = p->net->batch;
    phase_begin(p->net->dev->info.name, "prediction", 0);
    for (size_t first = 0; first < count; first += batch) {
        size_t n = count - first < batch ? count - first : batch;
        TRY(predict_batch(p, pixels + first * data_image_bytes(&p->spec), n, probabilities + first * p->spec.classes));
    }
    return VGGCL_OK;
}
