#include "options/network.h"
#include "options/options.h"

/* Convolutions that are frozen give the same features in training as in evaluation. */
static bool drops_between_convolutions(const struct vggcl_config *config) {
    return !config->no_dropout && config->freeze == VGGCL_FREEZE_NONE;
}

static struct model_options model_options(const struct vggcl_config *config) {
    static const enum dropout between_convolutions[] = {[VGGCL_DROPOUT_CHANNEL] = DROPOUT_CHANNEL,
                                                        [VGGCL_DROPOUT_ELEMENT] = DROPOUT_ELEMENT,
                                                        [VGGCL_DROPOUT_CLASSIFIER] = DROPOUT_NONE};
    return (struct model_options){.width = config->width,
                                  .bn = !config->no_bn,
                                  .dropout = drops_between_convolutions(config) ? between_convolutions[config->dropout]
                                                                                : DROPOUT_NONE,
                                  .classifier_dropout = !config->no_dropout,
                                  .avgpool = config->head == VGGCL_HEAD_AVGPOOL,
                                  .identity = config->init == VGGCL_INIT_IDENTITY};
}

enum vggcl_err network_layers(const struct vggcl_config *config, const struct data_spec *data,
                              struct layer_spec specs[MODEL_LAYERS], size_t *count) {
    struct model model;
    const struct model_options options = model_options(config);
    TRY(model_find(config->model, &model));
    return model.build(&model, &options, data, specs, count);
}

enum vggcl_err network_create(const struct context *context, const struct vggcl_config *config,
                              const struct data_spec *data, size_t batch, const size_t *others, const char *conv,
                              enum net_use use, struct net **net) {
    struct layer_spec specs[MODEL_LAYERS];
    const struct shape input = {data->height, data->width, data->channels};
    size_t count;
    TRY(network_layers(config, data, specs, &count));
    return net_create(context, specs, count, input, batch, others, conv ? conv : config_word(config, "conv"), use,
                      optimisers[config->optimizer], net);
}

struct data_spec network_spec(const struct vggcl_config *config) {
    return (struct data_spec){.height = (size_t)config->shape.height,
                              .width = (size_t)config->shape.width,
                              .channels = (size_t)config->shape.channels,
                              .classes = (size_t)config->classes};
}

struct data_source network_data(const struct vggcl_config *config) {
    return (struct data_source){.name = config->data,
                                .dataset = config->dataset,
                                .format = config_word(config, "data-format"),
                                .labels = config->dataset ? DATA_FINE : (enum data_labels)config->labels,
                                .seed = config->seed,
                                .validate = (size_t)config->validate,
                                .side = (size_t)config->size,
                                .test_share = config->test_share,
                                .bad_share = config->bad_images / 100};
}

struct augmentation network_augmentation(const struct vggcl_config *config, int epoch) {
    return (struct augmentation){.mirror = config->no_flip ? MIRROR_NEVER : MIRROR_RANDOM,
                                 .shift = config->crop,
                                 .cutout = config->cutout,
                                 .seed = config->seed,
                                 .epoch = (uint32_t)epoch,
                                 .color_jitter = config->color_jitter,
                                 .resized_crop = config->resized_crop,
                                 .mix = MIX_NONE};
}

size_t network_staged(const struct vggcl_config *config, size_t n) {
    return config->mixup > 0 || config->cutmix > 0 ? 2 * n : n;
}

enum vggcl_err network_check_augmentation(const struct vggcl_config *config, const struct data_spec *data) {
    if ((size_t)config->crop < (data->height < data->width ? data->height : data->width))
        return VGGCL_OK;
    return err_set(VGGCL_EUSAGE, "crop %d: must be less than the sides of the images, which have %zux%zu pixels",
                   config->crop, data->height, data->width);
}

struct hyperparameters network_hyperparameters(const struct vggcl_config *config) {
    return (struct hyperparameters){.lr = config->lr,
                                    .weight_decay = config->weight_decay,
                                    .no_bias_decay = config->no_bias_decay,
                                    .number = 1,
                                    .scale = 1,
                                    .momentum = config->momentum,
                                    .nesterov = config->nesterov,
                                    .beta1 = config->beta1,
                                    .beta2 = config->beta2,
                                    .eps = config->eps};
}
