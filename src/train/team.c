#include "train/team.h"
#include "base/clock.h"
#include "base/text.h"
#include "data/data.h"
#include "tune/timing.h"
#include "options/network.h"
#include "options/options.h"
#include "check/replace.h"
#include "train/mix.h"
#include "tune/tune.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SPLIT_STEPS = 3 }; /* timed for --device-split auto */

/* ---------------------------------------------------------------------------------------------------- the split -- */

/* Index of member i's first image when `images` images are split; `images` for i == t->count. */
static size_t first_of(const struct team *t, size_t images, size_t i) {
    return images * t->bounds[i] / t->bounds[t->count];
}

static bool is_auto(const struct vggcl_config *config) {
    return strcmp(config->device_split, "auto") == 0;
}

/* Sets the bounds from a split such as "3:1"; equal shares if the split is empty or "auto". */
static enum vggcl_err read_split(struct team *t) {
    const char *text = t->config->device_split, *at = text;
    bool equal = !*text || is_auto(t->config);
    for (size_t i = 0; i < t->count; i++) {
        char *end = NULL;
        unsigned long share = equal ? 1 : isdigit((unsigned char)*at) ? strtoul(at, &end, 10) : 0;
        if (share < 1 || share > 65536 || (end && *end != (i + 1 < t->count ? ':' : '\0')))
            return err_set(
                VGGCL_EUSAGE,
                "device-split %s: takes a number from 1 to 65536 for each of the %zu device%s, separated by colons, "
                "or auto",
                text, t->count, text_plural((long long)t->count));
        t->bounds[i + 1] = t->bounds[i] + share;
        at = end ? end + 1 : at;
    }
    return VGGCL_OK;
}

static enum vggcl_err check_split(const struct team *t) {
    size_t batch = (size_t)t->config->batch;
    for (size_t i = 0; i < t->count; i++)
        if (first_of(t, batch, i) == first_of(t, batch, i + 1))
            return err_set(VGGCL_EUSAGE,
                           "device-split: gives device %zu of %zu (%s) no image of a batch of %zu; use a larger batch, "
                           "or fewer devices",
                           i + 1, t->count, t->members[i].dev->info.name, batch);
    return VGGCL_OK;
}

/* --------------------------------------------------------------------------------------------------- the devices -- */

/* Gives all members' arenas the same layout, so that a whole group of tensors can be copied at once. */
static void lay_out_alike(struct team *t) {
    size_t alignment = 0;
    uint64_t largest = UINT64_MAX;
    for (size_t i = 0; i < t->count; i++) {
        const struct dev *d = t->members[i].dev;
        alignment = d->alignment > alignment ? d->alignment : alignment;
        largest = d->info.largest_allocation < largest ? d->info.largest_allocation : largest;
    }
    for (size_t i = 0; i < t->count; i++) {
        t->members[i].dev->alignment = alignment;
        t->members[i].dev->info.largest_allocation = largest;
    }
}

enum vggcl_err team_open(struct team *t, const struct vggcl_config *config, const struct data_spec *data) {
    struct dev *devices[VGGCL_DEVICES];
    t->config = config;
    t->data = data;
    TRY(dev_open_all(config->device, config->kernel_dir, devices, &t->count));
    for (size_t i = 0; i < t->count; i++)
        t->members[i].dev = devices[i];
    for (size_t i = 0; i < t->count; i++)
        TRY(profile_prepare(config, devices[i], &t->members[i].context, &t->members[i].tuned));
    lay_out_alike(t);
    TRY(read_split(t));
    return check_split(t);
}

/* Measures the convolutions that the device's profile lacks, unless the user chose the algorithm or the profile, or the
 * profile ships with vggcl: then everybody gets the same algorithms. */
static enum vggcl_err measure_unknown(struct member *m, const struct vggcl_config *config, const struct data_spec *data,
                                      char **warnings) {
    bool open = strcmp(config_word(config, "conv"), "auto") == 0 && !*config->profile, lacks;
    if (!open || m->tuned.by == TUNED_FILE || m->tuned.by == TUNED_SHIPPED || m->tuned.by == TUNED_RESUMED)
        return VGGCL_OK;
    TRY(tune_lacks(&m->context, config, data, &lacks));
    if (!lacks)
        return VGGCL_OK;
    double start = clock_seconds();
    TRY(tune_quick(&m->context, config, data, warnings));
    m->tune_seconds = clock_seconds() - start;
    m->tuned.by = TUNED_MEASURED;
    return VGGCL_OK;
}

/* Index of the first member whose device has the same name, platform and driver as member i's, such as another part of
 * one device. */
static size_t alike(const struct team *t, size_t i) {
    const struct vggcl_device *d = &t->members[i].dev->info;
    for (size_t k = 0; k < i; k++) {
        const struct vggcl_device *other = &t->members[k].dev->info;
        if (!strcmp(d->name, other->name) && !strcmp(d->platform_name, other->platform_name) &&
            !strcmp(d->driver, other->driver))
            return k;
    }
    return i;
}

/* Equal devices use one profile, so that they compute the same bits. */
static enum vggcl_err tune_member(struct team *t, size_t i, const char *from) {
    struct member *m = &t->members[i];
    size_t like = alike(t, i);
    bool same = false;
    if (like < i) {
        snprintf(m->tuned.text, sizeof m->tuned.text, "as device %zu", like + 1);
        TRY(context_tune(&m->context, &t->members[like].context.tuning));
        m->wrong = t->members[like].wrong;
    } else {
        if (t->profiles[i])
            TRY(profile_resume(&m->context, t->profiles[i], from, &m->tuned, &same));
        m->wrong = m->context.tuning.wrong_count;
        if (!same)
            TRY(measure_unknown(m, t->config, t->data, &t->warnings));
    }
    return VGGCL_OK;
}

/* For the run's checkpoints. */
static enum vggcl_err write_profile(struct team *t, size_t i) {
    struct profile now = profile_of(&t->members[i].context);
    free(t->profiles[i]);
    t->profiles[i] = profile_text(&now);
    return t->profiles[i] ? VGGCL_OK : err_no_memory("the profile", sizeof now);
}

/* Frees the profiles from index `first` on: a resumed run may have had more devices. */
static void forget_profiles(struct team *t, size_t first) {
    for (size_t i = first; i < VGGCL_DEVICES; i++) {
        free(t->profiles[i]);
        t->profiles[i] = NULL;
    }
}

enum vggcl_err team_tune(struct team *t, const char *from) {
    forget_profiles(t, t->count);
    for (size_t i = 0; i < t->count; i++)
        TRY(tune_member(t, i, from));
    return VGGCL_OK;
}

/* Stores what was measured, and what was found to be wrong, for the next run, after the device passed its check.
 * Failing to store it is no error. */
static void keep_profile(struct member *m, const struct vggcl_config *config) {
    char path[VGGCL_PATH_MAX];
    if (m->tuned.by != TUNED_MEASURED) {
        if (m->context.tuning.wrong_count > m->wrong)
            profile_keep_wrong(&m->context, config);
        return;
    }
    char *kept = err_keep();
    if (profile_store(&m->context, path) == VGGCL_OK)
        text_print(m->tuned.text, sizeof m->tuned.text, "measured in %.1f s, stored as %s", m->tune_seconds, path);
    else
        text_print(m->tuned.text, sizeof m->tuned.text,
                   "measured in %.1f s, not stored: %s; this command may end with other weights when it is run again; "
                   "use profile none, or a profile that vggcl tune exports",
                   m->tune_seconds, vggcl_error());
    err_put_back(kept);
}

/* -------------------------------------------------------------------------------------------------------- memory -- */

struct work team_work(const struct team *t, size_t i, size_t train, size_t test) {
    size_t batch = (size_t)t->config->batch, last = t->config->drop_last ? 0 : train % batch;
    return (struct work){.data = t->data,
                         .train = train,
                         .test = i == 0 ? test : 0,
                         .devices = i == 0 ? t->count : 0,
                         .batch = first_of(t, batch, i + 1) - first_of(t, batch, i),
                         .last = first_of(t, last, i + 1) - first_of(t, last, i)};
}

static enum vggcl_err plan_member(struct team *t, size_t i, size_t train, size_t test,
                                  const struct vggcl_config *config) {
    struct member *m = &t->members[i];
    struct work work = team_work(t, i, train, test);
    net_free(m->net);
    return plan_net(&m->context, config, &work, &m->net, &t->plans[i]);
}

/* The micro-batch size is one option of the whole run, which checkpoints store: all members use the smallest needed. */
static enum vggcl_err plan_all(struct team *t, size_t train, size_t test, struct vggcl_config *config) {
    int needed = 0, most = 0;
    for (size_t i = 0; i < t->count; i++) {
        const struct vggcl_plan *plan = &t->plans[i];
        TRY(plan_member(t, i, train, test, config));
        if (plan->micro_batches > 1 && (!needed || plan->config.micro_batch < needed))
            needed = plan->config.micro_batch;
    }
    for (size_t i = 0; i < t->count; i++) {
        if (needed && t->plans[i].config.micro_batch > needed) {
            config->micro_batch = needed;
            TRY(plan_member(t, i, train, test, config));
        }
        most = t->plans[i].config.micro_batch > most ? t->plans[i].config.micro_batch : most;
    }
    config->micro_batch = most;
    return VGGCL_OK;
}

/* Sets each member's share of a batch in proportion to its speed, at least one image. The speeds are measured on the
 * nets of an equal split, which are freed. */
static enum vggcl_err measure_split(struct team *t, struct vggcl_config *config) {
    double speeds[VGGCL_DEVICES], sum = 0, before = 0;
    size_t batch = (size_t)config->batch, used = 0;
    for (size_t i = 0; i < t->count; i++) {
        struct member *m = &t->members[i];
        TRY(timing_net(m->net, config->seed, SPLIT_STEPS, &speeds[i]));
        net_free(m->net);
        m->net = NULL;
        m->dev->peak_bytes = m->dev->bytes; /* the run's peak does not include the measurement's */
        sum += speeds[i];
    }
    for (size_t i = 0; i < t->count; i++) {
        size_t left = t->count - i - 1, least = t->bounds[i] + 1, most = batch - left;
        before += speeds[i];
        size_t bound = (size_t)lround((double)batch * before / sum);
        t->bounds[i + 1] = bound < least ? least : bound > most ? most : bound;
        used += (size_t)snprintf(config->device_split + used, sizeof config->device_split - used, "%s%zu", i ? ":" : "",
                                 t->bounds[i + 1] - t->bounds[i]);
    }
    return VGGCL_OK;
}

enum vggcl_err team_plan(struct team *t, size_t train, size_t test, struct vggcl_config *config) {
    struct vggcl_config given = *config;
    TRY(plan_all(t, train, test, config));
    if (is_auto(&given) && t->count > 1) {
        *config = given;
        TRY(measure_split(t, config));
        TRY(plan_all(t, train, test, config));
    }
    return VGGCL_OK;
}

/* *again: a method was replaced, in the context of every equal device. */
static enum vggcl_err check_member(struct team *t, size_t i, struct vggcl_selfcheck *check, bool *again) {
    struct vggcl_selfcheck own = {0};
    bool replaced;
    TRY(check_or_replace(t->members[i].net, &t->members[i].context, &own, &replaced, &t->warnings));
    check->checks += own.checks;
    check->seconds += own.seconds;
    *again |= replaced;
    for (size_t k = 0; replaced && k < t->count; k++)
        if (alike(t, k) == alike(t, i))
            TRY(context_tune(&t->members[k].context, &t->members[i].context.tuning));
    return VGGCL_OK;
}

static enum vggcl_err plan_and_check(struct team *t, size_t train, size_t test, struct vggcl_config *config,
                                     struct vggcl_selfcheck *check, bool *again) {
    *check = (struct vggcl_selfcheck){0};
    *again = false;
    TRY(team_plan(t, train, test, config));
    for (size_t i = 0; i < t->count && !config->no_selfcheck && !*again; i++)
        TRY(check_member(t, i, check, again));
    return VGGCL_OK;
}

enum vggcl_err team_plan_checked(struct team *t, size_t train, size_t test, struct vggcl_config *config,
                                 struct vggcl_selfcheck *check) {
    const struct vggcl_config given = *config;
    bool again;
    do {
        *config = given;
        TRY(plan_and_check(t, train, test, config, check, &again));
    } while (again);
    for (size_t i = 0; i < t->count; i++) {
        struct member *m = &t->members[i];
        keep_profile(m, config);
        profile_describe(&m->context, &m->tuned, t->plans[i].tuning, t->plans[i].wrong);
        TRY(write_profile(t, i));
    }
    return VGGCL_OK;
}

static size_t words_of(const struct net *net, enum net_group a, enum net_group b) {
    return (net->group_bytes[a] + net->group_bytes[b]) / 4;
}

static size_t gathered_words(const struct net *net) {
    return words_of(net, NET_GRADIENTS, NET_BATCH_STATISTICS);
}

static enum vggcl_err take_host_memory(struct team *t) {
    size_t words = words_of(team_net(t), NET_WEIGHTS, NET_STATISTICS) + team_net(t)->group_bytes[NET_FROZEN] / 4;
    for (size_t i = 1; i < t->count; i++) {
        size_t bytes = (size_t)t->plans[i].micro_batches * gathered_words(t->members[i].net) * sizeof(float);
        t->members[i].gathered = malloc(bytes);
        if (!t->members[i].gathered)
            return err_no_memory("the gradients of the devices", bytes);
    }
    t->weights = t->count > 1 ? malloc(words * sizeof *t->weights) : NULL;
    return t->count == 1 || t->weights ? VGGCL_OK : err_no_memory("the devices' weights", words * sizeof *t->weights);
}

static enum vggcl_err take_memory(struct team *t, struct member *m, const struct data *data) {
    size_t staged = t->plans[m - t->members].config.images == VGGCL_IMAGES_HOST ? m->net->batch : 0;
    TRY(net_allocate(m->net));
    TRY(feed_reserve(&m->train, m->dev, &data->spec, data->train.count, network_staged(t->config, staged), &m->data));
    if (m == t->members)
        TRY(feed_reserve(&t->test, m->dev, &data->spec, data->test.count, staged, &m->data));
    return arena_commit(&m->data, m->dev);
}

enum vggcl_err team_take_memory(struct team *t, const struct data *data) {
    for (size_t i = 0; i < t->count; i++)
        TRY(take_memory(t, &t->members[i], data));
    return take_host_memory(t);
}

enum vggcl_err team_upload(struct team *t, const struct data *data, const struct normalisation *normalisation) {
    for (size_t i = 0; i < t->count; i++) {
        t->members[i].net->normalisation = *normalisation;
        TRY(feed_upload(&t->members[i].train, &data->train));
        if (t->class_weights)
            TRY(net_weigh_classes(t->members[i].net, t->class_weights));
    }
    return feed_upload(&t->test, &data->test);
}

enum vggcl_err team_shuffle(struct team *t, uint32_t epoch) {
    for (size_t i = 0; i < t->count; i++)
        TRY(feed_shuffle(&t->members[i].train, t->config->seed, epoch));
    return VGGCL_OK;
}

/* ------------------------------------------------------------------------------------------------------- a step -- */

size_t team_most_parts(const struct team *t) {
    size_t parts = 0;
    for (size_t i = 0; i < t->count; i++)
        parts += (size_t)t->plans[i].micro_batches;
    return parts;
}

size_t team_least_part(const struct team *t, size_t images) {
    size_t least = images;
    for (size_t i = 0; i < t->count; i++) {
        size_t n = first_of(t, images, i + 1) - first_of(t, images, i);
        size_t part = n ? n / feed_parts(n, t->members[i].net->batch) : least;
        least = part < least ? part : least;
    }
    return least;
}

enum vggcl_err team_feed(struct team *t, const struct step *step, const struct part *part, struct pass *pass) {
    const struct vggcl_config *config = t->config;
    struct member *m = &t->members[part->member];
    size_t start = first_of(t, step->images, part->member), n = first_of(t, step->images, part->member + 1) - start;
    size_t first = feed_part(n, m->net->batch, part->number), next = feed_part(n, m->net->batch, part->number + 1);
    size_t batch_first = (size_t)step->epoch_step * (size_t)config->batch;
    *pass = net_pass(m->net, next - first, true, config->seed, (uint64_t)step->number);
    struct augmentation augmentation = network_augmentation(config, step->epoch);
    augmentation.mix = mix_draw(config, &m->train.set, step->number, batch_first, step->images);
    pass->first = start + first;
    pass->whole = step->images;
    pass->label_smoothing = config->label_smoothing;
    pass->label_share = augmentation.mix.share;
    return feed_images(&m->train, m->net, batch_first + pass->first, pass->n, &augmentation);
}

/* Where a part's gradients and batch statistics go on the host. */
static float *gathered(const struct member *m, const struct part *part) {
    return m->gathered + part->number * gathered_words(m->net);
}

/* Enqueues the forward and backward pass of a part. The lead's gradients are accumulated on the device; the other
 * members' are copied to the host, with the statistics. */
static enum vggcl_err start_part(struct team *t, const struct step *step, struct part *part) {
    struct member *m = &t->members[part->member];
    struct pass pass;
    TRY(team_feed(t, step, part, &pass));
    TRY(net_forward(m->net, &pass));
    TRY(net_loss(m->net, &pass));
    TRY(net_backward(m->net, &pass));
    if (part->member == 0) {
        TRY(net_move_statistics(m->net));
    } else {
        float *to = gathered(m, part);
        TRY(net_read_group(m->net, NET_GRADIENTS, to));
        TRY(net_read_group(m->net, NET_BATCH_STATISTICS, to + m->net->group_bytes[NET_GRADIENTS] / 4));
    }
    return dev_read_later(m->dev, m->net->total, 0, 2, part->total, &part->fence);
}

/* Waits for a part of another member and adds its gradients on the lead. If its loss is not finite, the lead's weights
 * stay as they are, as after such a loss of its own. */
static enum vggcl_err collect(struct team *t, struct part *part, bool first) {
    struct net *lead = team_net(t);
    const float *from = gathered(&t->members[part->member], part);
    TRY(fence_wait(&part->fence));
    if (!isfinite(part->total[0]))
        TRY(dev_fill(lead->dev, lead->failed, 0, 1, 1));
    TRY(net_write_group(lead, NET_GRADIENTS, from));
    TRY(net_write_group(lead, NET_BATCH_STATISTICS, from + lead->group_bytes[NET_GRADIENTS] / 4));
    TRY(net_collect(lead, first));
    return net_move_statistics(lead);
}

/* The share of the weights in their average after a step, counted from 0. The first average is the weights; later ones
 * reach back over a ninth of the steps so far, at most as far as --ema says. */
static double average_share(const struct vggcl_config *config, int64_t step) {
    return fmax(1 - config->ema, 9 / ((double)step + 9));
}

/* The optimiser's step on the lead, with the gradients of all parts. */
static enum vggcl_err step_lead(struct team *t, const struct step *step) {
    struct net *lead = team_net(t);
    struct pass pass = net_pass(lead, 0, true, t->config->seed, (uint64_t)step->number);
    pass.whole = step->images;
    TRY(net_step(lead, &pass, step->hyperparameters));
    return t->config->ema > 0 ? net_average(lead, average_share(t->config, step->number)) : VGGCL_OK;
}

/* Copies groups of the lead's net to the other members. */
static enum vggcl_err share(struct team *t, const enum net_group *groups, size_t count) {
    struct net *lead = team_net(t);
    float *at = t->weights;
    if (t->count == 1)
        return VGGCL_OK;
    for (size_t k = 0; k < count; at += lead->group_bytes[groups[k++]] / 4)
        TRY(net_read_group(lead, groups[k], at));
    TRY(dev_finish(lead->dev));
    for (size_t i = 1; i < t->count; i++) {
        at = t->weights;
        for (size_t k = 0; k < count; at += lead->group_bytes[groups[k++]] / 4)
            TRY(net_write_group(t->members[i].net, groups[k], at));
    }
    return VGGCL_OK;
}

/* Steps change the first two. */
static const enum net_group shared[] = {NET_WEIGHTS, NET_STATISTICS, NET_FROZEN};
enum { SHARED_BY_STEPS = 2, SHARED = 3 };

enum vggcl_err team_share_weights(struct team *t) {
    return share(t, shared, SHARED);
}

enum vggcl_err team_step(struct team *t, const struct step *step, struct part *parts, size_t *part_count) {
    size_t count = 0;
    for (size_t i = 0; i < t->count; i++) {
        size_t images = first_of(t, step->images, i + 1) - first_of(t, step->images, i);
        for (size_t k = 0; k < feed_parts(images, t->members[i].net->batch); k++)
            parts[count++] = (struct part){.member = i, .number = k};
    }
    *part_count = count;
    for (size_t i = 0; i < count; i++)
        TRY(start_part(t, step, &parts[i]));
    for (size_t i = 0; i < count; i++)
        if (parts[i].member != 0)
            TRY(collect(t, &parts[i], i == 0));
    TRY(step_lead(t, step));
    return share(t, shared, SHARED_BY_STEPS);
}

/* ------------------------------------------------------------------------------------------------------- the end -- */

enum vggcl_err team_hash(struct team *t, uint64_t *hash) {
    TRY(net_hash(team_net(t), hash));
    for (size_t i = 1; i < t->count; i++) {
        const struct vggcl_device *d = &t->members[i].dev->info;
        uint64_t other;
        enum vggcl_err err = net_hash(t->members[i].net, &other);
        if (err != VGGCL_OK && err != VGGCL_ENUMERIC)
            return err;
        if (err == VGGCL_ENUMERIC || other != *hash)
            return err_set(
                VGGCL_EWRONG,
                "the weights on device %zu of %zu (%s, driver %s) are not those on the first (%s) any more: it "
                "lost or changed what was copied there; train without it",
                i + 1, t->count, d->name, d->driver, t->members[0].dev->info.name);
    }
    return VGGCL_OK;
}

void team_free(struct team *t) {
    char *kept = err_keep();
    for (size_t i = 0; i < t->count; i++) /* copies from and to host memory may still run */
        dev_finish(t->members[i].dev);
    err_put_back(kept);
    feed_free(&t->test);
    for (size_t i = 0; i < t->count; i++) {
        struct member *m = &t->members[i];
        arena_free(&m->data);
        feed_free(&m->train);
        net_free(m->net);
        dev_close(m->dev);
        free(m->gathered);
    }
    forget_profiles(t, 0);
    free(t->warnings);
    free(t->weights);
    free(t->class_weights);
}

/* ----------------------------------------------------------------------------------------------- vggcl_plan() -- */

static enum vggcl_err plan_eval(struct team *t, size_t test) {
    const struct work work = {.data = t->data, .test = test, .batch = (size_t)t->config->batch};
    struct member *m = &t->members[0];
    if (t->count > 1)
        return err_set(VGGCL_EUSAGE, "device %s: names more than one device, but eval uses one; name one of them",
                       t->config->device);
    TRY(plan_net(&m->context, t->config, &work, &m->net, &t->plans[0]));
    return plan_least(&m->context, t->config, &work, &t->plans[0].least);
}

static enum vggcl_err plan_train(struct team *t, size_t train, size_t test) {
    struct vggcl_config config = *t->config;
    if (strcmp(config.device_split, "auto") == 0)
        return err_set(VGGCL_EUSAGE, "device-split auto: is measured when a run begins, not by plan; give plan the "
                                     "shares as numbers, such as 3:1");
    TRY(team_plan(t, train, test, &config));
    for (size_t i = 0; i < t->count; i++) {
        const struct work work = team_work(t, i, train, test);
        TRY(plan_least(&t->members[i].context, t->config, &work, &t->plans[i].least));
    }
    return VGGCL_OK;
}

/* Whether the options shape and classes describe the images to plan for. */
static bool has_own_spec(const struct vggcl_config *config) {
    const struct data_spec spec = network_spec(config), *usual = &data_default()->spec;
    return config_gives(config, "shape") || config_gives(config, "classes") || memcmp(&spec, usual, sizeof spec) != 0;
}

/* The images to plan for: those of the data set, or as many of the shape that config describes. */
static enum vggcl_err count_images(const struct vggcl_config *config, struct data_size *size) {
    const struct data_source source = network_data(config);
    bool own = has_own_spec(config);
    if (own && (*config->data || config->dataset))
        return err_set(VGGCL_EUSAGE,
                       "shape, classes: the data set %s has its own; leave these options out, or leave data out",
                       config->dataset ? "in memory" : config->data);
    TRY(data_count(&source, size));
    if (own)
        size->spec = network_spec(config);
    return VGGCL_OK;
}

enum vggcl_err vggcl_plan(const struct vggcl_config *given, bool eval, struct vggcl_plan **plans, size_t *count) {
    enum vggcl_err err;
    struct vggcl_config own = *given, *config = &own;
    struct data_size size;
    size_t *limited = eval ? &size.test : &size.train;
    *plans = NULL;
    *count = 0;
    TRY(config_check(config));
    TRY(config_use_dataset(config));
    struct team *t = calloc(1, sizeof *t);
    if (!t)
        return err_no_memory("the devices", sizeof *t);
    TRY_GOTO(count_images(config, &size), done);
    TRY_GOTO(data_suffices(size.train, size.test, !eval), done);
    if (config->limit > 0 && (size_t)config->limit < *limited)
        *limited = (size_t)config->limit;
    TRY_GOTO(team_open(t, config, &size.spec), done);
    TRY_GOTO(eval ? plan_eval(t, size.test) : plan_train(t, size.train, size.test), done);
    for (size_t i = 0; i < t->count; i++)
        profile_describe(&t->members[i].context, &t->members[i].tuned, t->plans[i].tuning, t->plans[i].wrong);
    *count = t->count;
    *plans = malloc(t->count * sizeof **plans);
    if (*plans)
        memcpy(*plans, t->plans, t->count * sizeof **plans);
    else
        err = err_no_memory("the plans", t->count * sizeof **plans);
done:
    team_free(t);
    free(t);
    return err;
}

void vggcl_plans_free(struct vggcl_plan *plans) {
    free(plans);
}
