/* inspect.c - vggcl_inspect(): the images that a network trains on and gets wrong, and its first layer's weights. */
#include "base/rng.h"
#include "options/network.h"
#include "train/evaluate.h"
#include "train/mix.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void vggcl_inspection_free(struct vggcl_inspection *i) {
    if (!i)
        return;
    vggcl_evaluation_free(&i->evaluation);
    free(i->trained);
    free(i->trained_labels);
    free(i->wrong);
    free(i->wrong_images);
    free(i->filters);
    memset(i, 0, sizeof *i);
}

/* ------------------------------------------------------------------------------------------- training images -- */

/* The run that wrote the weights: its options, and how many images it trained on. */
static enum vggcl_err read_run(const struct evaluator *e, struct vggcl_config *run, size_t *train_count) {
    struct vggcl_config none;
    TRY(vggcl_config_init(&none));
    TRY(checkpoint_config(&e->file, e->config.weights, &none, run));
    TRY(network_check_augmentation(run, &e->data.spec));
    size_t held_out = e->config.validate ? 0 : (size_t)run->validate; /* data_open() leaves out config.validate */
    *train_count = e->data.train.count;
    if (held_out < *train_count)
        *train_count -= held_out;
    if (run->limit && (size_t)run->limit < *train_count)
        *train_count = (size_t)run->limit;
    return VGGCL_OK;
}

/* Takes images in the shuffled order, up to most / classes of each class, at least one; gives their number. */
static size_t take_of_each(const uint16_t *labels, const uint32_t *order, size_t count, size_t *taken, size_t classes,
                           size_t most, uint32_t *chosen) {
    size_t each = most / classes ? most / classes : 1, total = 0;
    for (size_t i = 0; i < count && total < most; i++)
        if (taken[labels[order[i]]]++ < each)
            chosen[total++] = order[i];
    return total;
}

/* Insertion sort, stable: there are few of them. */
static void sort_by_class(const uint16_t *labels, uint32_t *chosen, size_t count) {
    for (size_t i = 1; i < count; i++) {
        uint32_t image = chosen[i];
        size_t at = i;
        for (; at > 0 && labels[chosen[at - 1]] > labels[image]; at--)
            chosen[at] = chosen[at - 1];
        chosen[at] = image;
    }
}

/* chosen has room for `most` indices of the first train_count training images. */
static enum vggcl_err choose(const struct data *data, size_t train_count, uint64_t seed, size_t most, uint32_t *chosen,
                             size_t *count) {
    size_t classes = data->spec.classes, *taken = calloc(classes, sizeof *taken);
    uint32_t *order = malloc(train_count * sizeof *order);
    enum vggcl_err err = VGGCL_OK;
    if (taken && order) {
        struct rng r = rng_sequence(seed, RNG_SHUFFLE, 0);
        for (size_t i = 0; i < train_count; i++)
            order[i] = (uint32_t)i;
        rng_shuffle(&r, order, train_count);
        *count = take_of_each(data->train.labels, order, train_count, taken, classes, most, chosen);
        sort_by_class(data->train.labels, chosen, *count);
    } else
        err = err_no_memory("the order of the images", train_count * sizeof *order);
    free(taken);
    free(order);
    return err;
}

static enum vggcl_err copy_images(const struct data *data, const uint32_t *chosen, size_t count, struct dataset *set) {
    size_t bytes = data_image_bytes(&data->spec);
    TRY(dataset_allocate(set, &data->spec, count));
    for (size_t i = 0; i < count; i++) {
        memcpy(set->pixels + i * bytes, dataset_pixels(&data->train, bytes, chosen[i]), bytes);
        set->labels[i] = data->train.labels[chosen[i]];
    }
    return VGGCL_OK;
}

/* The byte of a channel that is normalised to x. */
static uint8_t byte_of(float x, const struct normalisation *n, size_t channel) {
    return (uint8_t)lround(fmin(fmax((x * n->deviation[channel] + n->mean[channel]) * 255, 0), 255));
}

/* x is NHWC, n images; bytes are NCHW. */
static void to_bytes(const struct image_set *set, const struct normalisation *normalisation, const float *x, size_t n,
                     uint8_t *bytes) {
    size_t plane = set->height * set->width, channels = set->channels;
    for (size_t i = 0; i < n; i++)
        for (size_t at = 0; at < plane; at++)
            for (size_t channel = 0; channel < channels; channel++)
                bytes[(i * channels + channel) * plane + at] =
                    byte_of(x[(i * plane + at) * channels + channel], normalisation, channel);
}

/* Makes the network's input of all images of feed, batch after batch as run would train on them, and reads it back. */
static enum vggcl_err read_inputs(struct net *net, struct feed *feed, const struct vggcl_config *run, uint8_t *bytes) {
    enum vggcl_err err = VGGCL_OK;
    size_t image = feed->set.height * feed->set.width * feed->set.channels;
    struct augmentation augmentation = network_augmentation(run, 0);
    float *x = malloc(net->batch * image * sizeof *x);
    if (!x)
        return err_no_memory("the training images", net->batch * image * sizeof *x);
    for (int64_t step = 0; step < feed_steps(feed, net->batch); step++) {
        size_t first = (size_t)step * net->batch, n = feed_size(feed, net->batch, step);
        augmentation.mix = mix_draw(run, &feed->set, step, first, n);
        TRY_GOTO(feed_images(feed, net, first, n, &augmentation), done);
        TRY_GOTO(dev_read_floats(net->dev, net->input, 0, n * image, x), done);
        to_bytes(&feed->set, &net->normalisation, x, n, bytes + first * image);
    }
done:
    free(x);
    return err;
}

/* Replaces the pixels of set by what the network gets of them. */
static enum vggcl_err augment(const struct evaluator *e, const struct vggcl_config *run, struct dataset *set) {
    enum vggcl_err err;
    struct feed feed = {0};
    struct arena arena = {0};
    struct dev *d = e->context.dev;
    TRY_GOTO(feed_reserve(&feed, d, &e->data.spec, set->count, 0, &arena), done);
    TRY_GOTO(arena_commit(&arena, d), done);
    TRY_GOTO(feed_upload(&feed, set), done);
    TRY_GOTO(read_inputs(e->net, &feed, run, set->pixels), done);
done:
    arena_free(&arena);
    feed_free(&feed);
    return err;
}

static enum vggcl_err show_trained(const struct evaluator *e, size_t most, struct vggcl_inspection *i) {
    enum vggcl_err err;
    struct vggcl_config run;
    struct dataset set = {0};
    size_t train_count, count = 0;
    uint32_t *chosen = malloc((most + 1) * sizeof *chosen);
    if (!chosen)
        return err_no_memory("the training images", most * sizeof *chosen);
    TRY_GOTO(read_run(e, &run, &train_count), done);
    TRY_GOTO(choose(&e->data, train_count, run.seed, most, chosen, &count), done);
    if (!count)
        goto done;
    TRY_GOTO(copy_images(&e->data, chosen, count, &set), done);
    TRY_GOTO(augment(e, &run, &set), done);
    i->trained_count = count;
    i->trained = set.pixels;
    i->trained_labels = set.labels;
    set = (struct dataset){0};
done:
    dataset_free(&set);
    free(chosen);
    return err;
}

/* ---------------------------------------------------------------------------------------------- wrong images -- */

/* The larger probability first; of equal ones, the first image. */
static int by_probability(const void *a, const void *b) {
    const struct vggcl_prediction *x = *(const struct vggcl_prediction *const *)a,
                                  *y = *(const struct vggcl_prediction *const *)b;
    if (x->probability != y->probability)
        return x->probability < y->probability ? 1 : -1;
    return x < y ? -1 : x > y;
}

static bool is_wrong(const struct vggcl_prediction *p) {
    return p->predicted >= 0 && p->predicted != p->label;
}

/* list has room for the wrong predictions of all images; gives their number. */
static size_t list_wrong(const struct vggcl_evaluation *evaluation, const struct vggcl_prediction **list) {
    size_t count = 0;
    for (size_t k = 0; k < evaluation->images; k++)
        if (is_wrong(&evaluation->predictions[k]))
            list[count++] = &evaluation->predictions[k];
    qsort(list, count, sizeof *list, by_probability);
    return count;
}

static enum vggcl_err show_wrong(const struct evaluator *e, size_t most, struct vggcl_inspection *i) {
    const struct vggcl_evaluation *evaluation = &i->evaluation;
    size_t bytes = data_image_bytes(&e->data.spec), room = evaluation->images;
    const struct vggcl_prediction **list = malloc((room + 1) * sizeof *list);
    size_t all = list ? list_wrong(evaluation, list) : 0, count = all < most ? all : most;
    i->wrong = malloc((count + 1) * sizeof *i->wrong);
    i->wrong_images = malloc(count * bytes + 1);
    if (!list || !i->wrong || !i->wrong_images) {
        free(list);
        return err_no_memory("the wrong images", room * sizeof *list + count * bytes);
    }
    i->wrong_count = count;
    for (size_t k = 0; k < count; k++) {
        i->wrong[k] = (size_t)(list[k] - evaluation->predictions);
        memcpy(i->wrong_images + k * bytes, dataset_pixels(&e->data.test, bytes, i->wrong[k]), bytes);
    }
    free(list);
    return VGGCL_OK;
}

/* ------------------------------------------------------------------------------------------------ the filters -- */

static enum vggcl_err show_filters(const struct evaluator *e, struct vggcl_inspection *i) {
    const struct parameter *first = net_parameter(e->net, 0);
    size_t shape[4], count = parameter_count(first);
    if (parameter_shape(first, shape) != 4)
        return err_set(VGGCL_EFORMAT, "%s: the network's first layer is not a convolution", e->config.weights);
    i->filters = malloc(count * sizeof *i->filters);
    if (!i->filters)
        return err_no_memory("the filters", count * sizeof *i->filters);
    i->filter_count = shape[0];
    i->filter_height = shape[2];
    i->filter_width = shape[3];
    return parameter_read(e->net->dev, first, first->value, i->filters);
}

enum vggcl_err vggcl_inspect(const struct vggcl_config *config, size_t trained_most, size_t wrong_most,
                             struct vggcl_inspection *inspection) {
    enum vggcl_err err;
    struct evaluator e;
    memset(inspection, 0, sizeof *inspection);
    TRY_GOTO(evaluator_open(&e, config), done);
    inspection->height = e.data.spec.height;
    inspection->width = e.data.spec.width;
    inspection->channels = e.data.spec.channels;
    inspection->steps = checkpoint_steps(&e.file);
    TRY_GOTO(show_trained(&e, trained_most, inspection), done);
    TRY_GOTO(evaluator_run(&e, &inspection->evaluation), done);
    TRY_GOTO(show_wrong(&e, wrong_most, inspection), done);
    TRY_GOTO(show_filters(&e, inspection), done);
done:
    if (err != VGGCL_OK)
        vggcl_inspection_free(inspection);
    evaluator_close(&e);
    return err;
}
