#include "train/team.h"
#include "base/clock.h"
#include "base/text.h"
#include "data/data.h"
#include "tune/timing.h"
#include "options/network.h"
#include "options/options.h"
#include "check/replace.h"
#include "train/mix.h"
#include "train/shard.h"
#include "tune/tune.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SPLIT_STEPS = 3 }; /* timed for --device-split auto */

/* ---------------------------------------------------------------------------------------------------- the split -- */

/* Index of member i's first image when `images` images are split; for i == t->count, that of the next rank's. */
static size_t first_of(const struct team *t, size_t images, size_t i) {
    return images * t->bounds[t->first + i] / t->bounds[t->all];
}

static bool is_auto(const struct vggcl_config *config) {
    return strcmp(config->device_split, "auto") == 0;
}

/* What the ranks tell each other before they plan. */
struct rank_devices {
    size_t count, shares[VGGCL_DEVICES];
    size_t alignment;            /* of the members' arenas */
    uint64_t largest_allocation; /* likewise */
    char device[512];            /* the lead's name and driver */
};

/* Sets the shares from a split such as "3:1"; equal ones if the split is empty or "auto". */
static enum vggcl_err read_split(const struct team *t, struct rank_devices *own) {
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
        own->shares[i] = share;
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
                           t->first + i + 1, t->all, t->members[i].dev->info.name, batch);
    return VGGCL_OK;
}

/* --------------------------------------------------------------------------------------------------- the devices -- */

static struct rank_devices describe_own(const struct team *t) {
    const struct vggcl_device *lead = &t->members[0].dev->info;
    struct rank_devices own = {.count = t->count, .largest_allocation = UINT64_MAX};
    snprintf(own.device, sizeof own.device, "%.250s %.250s", lead->name, lead->driver);
    for (size_t i = 0; i < t->count; i++) {
        const struct dev *d = t->members[i].dev;
        if (d->alignment > own.alignment)
            own.alignment = d->alignment;
        if (d->info.largest_allocation < own.largest_allocation)
            own.largest_allocation = d->info.largest_allocation;
    }
    return own;
}

/* Takes all ranks' shares, and gives all members' arenas the same layout, so that a whole group of tensors can be
 * copied at once. */
static enum vggcl_err arrange(struct team *t, const struct rank_devices *ranks) {
    struct rank_devices common = ranks[0];
    t->alike = true;
    for (int i = 0; i < ranks_count(); i++) {
        t->first += i < ranks_rank() ? ranks[i].count : 0;
        t->all += ranks[i].count;
        t->alike &= strcmp(ranks[i].device, ranks[0].device) == 0;
        if (ranks[i].alignment > common.alignment)
            common.alignment = ranks[i].alignment;
        if (ranks[i].largest_allocation < common.largest_allocation)
            common.largest_allocation = ranks[i].largest_allocation;
    }
    size_t *bound = t->bounds = calloc(t->all + 1, sizeof *t->bounds);
    if (!bound)
        return err_no_memory("the split", (t->all + 1) * sizeof *t->bounds);
    for (int i = 0; i < ranks_count(); i++)
        for (size_t k = 0; k < ranks[i].count; k++, bound++)
            bound[1] = bound[0] + ranks[i].shares[k];
    for (size_t i = 0; i < t->count; i++) {
        t->members[i].dev->alignment = common.alignment;
        t->members[i].dev->info.largest_allocation = common.largest_allocation;
    }
    return VGGCL_OK;
}

/* With the option shards all ranks take as many images of a batch. */
static enum vggcl_err check_equal(const struct team *t, const struct rank_devices *ranks) {
    const size_t *end = t->bounds;
    for (int i = 0; t->config->shards && i < ranks_count(); i++) {
        end += ranks[i].count;
        if (*end * (size_t)ranks_count() != t->bounds[t->all] * ((size_t)i + 1))
            return err_set(VGGCL_EUSAGE,
                           "shards: needs an equal share of each batch on every process, but %s has another one; give "
                           "all as many devices, and leave device-split out",
                           ranks_name(i));
    }
    return VGGCL_OK;
}

static enum vggcl_err join_ranks(struct team *t) {
    struct rank_devices own = describe_own(t);
    void *all;
    TRY(read_split(t, &own));
    if (ranks_count() > 1 && is_auto(t->config))
        return err_set(VGGCL_EUSAGE, "device-split auto: measures the devices of one process; with several, give the "
                                     "shares of each one's devices as numbers, such as 3:1");
    enum vggcl_err err = ranks_collect(&own, sizeof own, &all);
    if (err == VGGCL_OK)
        err = arrange(t, all);
    if (err == VGGCL_OK)
        err = check_equal(t, all);
    free(all);
    return err;
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
    TRY(join_ranks(t));
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

/* Rank 0 gives its lead's profile to the other ranks, so that equal devices compute the same bits. */
static enum vggcl_err tell_profile(struct team *t) {
    if (ranks_count() == 1)
        return VGGCL_OK;
    TRY(write_profile(t, 0));
    size_t size = strlen(t->profiles[0]) + 1;
    TRY(ranks_share(&size, sizeof size));
    return ranks_share(t->profiles[0], size);
}

static enum vggcl_err hear_profile(struct team *t) {
    size_t size;
    TRY(ranks_share(&size, sizeof size));
    t->profiles[0] = calloc(1, size);
    return t->profiles[0] ? ranks_share(t->profiles[0], size) : err_no_memory("the profile", size);
}

enum vggcl_err team_tune(struct team *t, const char *from) {
    forget_profiles(t, ranks_rank() > 0 ? 0 : t->count);
    if (ranks_rank() > 0)
        TRY(hear_profile(t));
    for (size_t i = 0; i < t->count; i++)
        TRY(tune_member(t, i, from));
    return ranks_rank() == 0 ? tell_profile(t) : VGGCL_OK;
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
    const struct shard shard = shard_of(t->config, train, ranks_rank());
    return (struct work){.data = t->data,
                         .train = shard_size(&shard),
                         .test = i == 0 && ranks_rank() == 0 ? test : 0,
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

/* The least of the micro-batch sizes that ranks need, *needed, 0 for none; the largest of *most. */
static enum vggcl_err agree(int *needed, int *most) {
    const int own[2] = {*needed, *most};
    void *all;
    enum vggcl_err err = ranks_collect(own, sizeof own, &all);
    for (int i = 0; err == VGGCL_OK && i < ranks_count(); i++) {
        const int *other = (const int *)all + 2 * (size_t)i;
        if (other[0] && (!*needed || other[0] < *needed))
            *needed = other[0];
        *most = other[1] > *most ? other[1] : *most;
    }
    free(all);
    return err;
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
    TRY(agree(&needed, &most));
    for (size_t i = 0; i < t->count; i++) {
        if (needed && t->plans[i].config.micro_batch > needed) {
            config->micro_batch = needed;
            TRY(plan_member(t, i, train, test, config));
        }
        most = t->plans[i].config.micro_batch > most ? t->plans[i].config.micro_batch : most;
    }
    TRY(agree(&needed, &most));
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

static size_t own_most_parts(const struct team *t) {
    size_t parts = 0;
    for (size_t i = 0; i < t->count; i++)
        parts += (size_t)t->plans[i].micro_batches;
    return parts;
}

static enum stored gradients_sent(const struct team *t) {
    return t->config->grad_dtype == VGGCL_GRAD_DTYPE_BF16 ? STORED_BF16 : STORED_FLOAT;
}

static enum vggcl_err make_exchange(struct team *t) {
    size_t parts = own_most_parts(t);
    t->parts = calloc(parts, sizeof *t->parts);
    if (!t->parts)
        return err_no_memory("the micro-batches", parts * sizeof *t->parts);
    return exchange_make(&t->exchange, team_net(t), gradients_sent(t), parts);
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
    return ranks_count() > 1 ? make_exchange(t) : VGGCL_OK;
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
    const struct shard shard = shard_of(t->config, data->train.count, ranks_rank());
    TRY(net_allocate(m->net));
    TRY(feed_reserve(&m->train, m->dev, &data->spec, shard_size(&shard), network_staged(t->config, staged), &m->data));
    if (m == t->members && ranks_rank() == 0)
        TRY(feed_reserve(&t->test, m->dev, &data->spec, data->test.count, staged, &m->data));
    return arena_commit(&m->data, m->dev);
}

enum vggcl_err team_take_memory(struct team *t, const struct data *data) {
    for (size_t i = 0; i < t->count; i++)
        TRY(take_memory(t, &t->members[i], data));
    return take_host_memory(t);
}

enum vggcl_err team_upload(struct team *t, const struct data *data, const struct dataset *train,
                           const struct normalisation *normalisation) {
    for (size_t i = 0; i < t->count; i++) {
        t->members[i].net->normalisation = *normalisation;
        TRY(feed_upload(&t->members[i].train, train));
        if (t->class_weights)
            TRY(net_weigh_classes(t->members[i].net, t->class_weights));
    }
    return ranks_rank() == 0 ? feed_upload(&t->test, &data->test) : VGGCL_OK;
}

/* The other ranks do what rank 0 does. */
static enum vggcl_err tell(struct order order) {
    return ranks_rank() == 0 ? ranks_order(&order, sizeof order) : VGGCL_OK;
}

enum vggcl_err team_wait(void) {
    return tell((struct order){.what = ORDER_WAIT});
}

enum vggcl_err team_shuffle(struct team *t, uint32_t epoch) {
    TRY(tell((struct order){.what = ORDER_SHUFFLE, .epoch = epoch}));
    for (size_t i = 0; i < t->count; i++)
        TRY(feed_shuffle(&t->members[i].train, shard_seed(t->config), epoch));
    return VGGCL_OK;
}

/* ------------------------------------------------------------------------------------------------------- a step -- */

size_t team_most_parts(const struct team *t) {
    return ranks_count() > 1 ? t->exchange.parts * (size_t)ranks_count() : own_most_parts(t);
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
    const struct shard shard = shard_of(config, 0, ranks_rank()); /* whose share of a batch is the same for any set */
    size_t batch_first = (size_t)step->epoch_step * shard_share(&shard, (size_t)config->batch);
    *pass = net_pass(m->net, next - first, true, config->seed, (uint64_t)step->number);
    struct augmentation augmentation = network_augmentation(config, step->epoch);
    augmentation.mix = mix_draw(config, &m->train.set, step->number, batch_first, shard_share(&shard, step->images));
    augmentation.seed = shard_seed(config);
    pass->first = start + first;
    pass->whole = step->images;
    pass->adds = part->member > 0 || part->number > 0;
    pass->label_smoothing = config->label_smoothing;
    pass->label_share = augmentation.mix.share;
    return feed_images(&m->train, m->net, batch_first + pass->first - shard_first(&shard, step->images), pass->n,
                       &augmentation);
}

/* Where a part's gradients and batch statistics go on the host. */
static float *gathered(const struct member *m, const struct part *part) {
    return m->gathered + part->number * gathered_words(m->net);
}

/* Enqueues the forward and backward pass of a part. The lead's gradients are accumulated on the device; the other
 * members' are copied to the host, with the statistics. last: the step has no other part, so that with several ranks
 * the gradients of a layer are read as soon as they are there. */
static enum vggcl_err start_part(struct team *t, const struct step *step, struct part *part, bool last) {
    struct member *m = &t->members[part->member];
    struct pass pass;
    TRY(team_feed(t, step, part, &pass));
    TRY(net_forward(m->net, &pass));
    TRY(net_loss(m->net, &pass));
    for (size_t i = m->net->layer_count; i-- > 0;) {
        TRY(net_backward_layer(m->net, &pass, i));
        if (last && ranks_count() > 1)
            TRY(exchange_read(&t->exchange, i));
    }
    if (part->member == 0 && ranks_count() > 1) {
        TRY(net_read_group(m->net, NET_BATCH_STATISTICS, exchange_statistics(&t->exchange, part->number)));
    } else if (part->member == 0) {
        TRY(net_move_statistics(m->net));
    } else {
        float *to = gathered(m, part);
        TRY(net_read_group(m->net, NET_GRADIENTS, to));
        TRY(net_read_group(m->net, NET_BATCH_STATISTICS, to + m->net->group_bytes[NET_GRADIENTS] / 4));
    }
    return dev_read_later(m->dev, m->net->total, 0, 2, part->total, &part->fence);
}

/* A loss is not finite: the lead's weights stay as they are. */
static enum vggcl_err fail_step(struct team *t) {
    return dev_fill(team_net(t)->dev, team_net(t)->failed, 0, 1, 1);
}

static enum vggcl_err move_statistics(struct team *t, const float *of_batch) {
    TRY(net_write_group(team_net(t), NET_BATCH_STATISTICS, of_batch));
    return net_move_statistics(team_net(t));
}

/* Waits for a part of another member, number `index` of the rank's in this step, and adds its gradients on the lead. */
static enum vggcl_err collect(struct team *t, struct part *part, size_t index) {
    struct net *lead = team_net(t);
    const float *from = gathered(&t->members[part->member], part);
    const float *statistics = from + lead->group_bytes[NET_GRADIENTS] / 4;
    TRY(fence_wait(&part->fence));
    if (!isfinite(part->total[0]))
        TRY(fail_step(t));
    TRY(net_write_group(lead, NET_GRADIENTS, from));
    TRY(net_collect(lead, index == 0));
    if (ranks_count() == 1)
        return move_statistics(t, statistics);
    memcpy(exchange_statistics(&t->exchange, index), statistics, lead->group_bytes[NET_BATCH_STATISTICS]);
    return VGGCL_OK;
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
    bool averages = t->config->ema > 0 && ranks_rank() == 0;
    return averages ? net_average(lead, average_share(t->config, step->number)) : VGGCL_OK;
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

/* Copies a group of rank 0's lead to the leads of the others. */
static enum vggcl_err share_with_ranks(struct team *t, enum net_group group) {
    struct net *lead = team_net(t);
    size_t bytes = lead->group_bytes[group];
    if (ranks_count() == 1 || !bytes)
        return VGGCL_OK;
    float *host = malloc(bytes);
    if (!host)
        return err_no_memory("the ranks' weights", bytes);
    enum vggcl_err err = ranks_rank() == 0 ? net_read_group(lead, group, host) : VGGCL_OK;
    if (err == VGGCL_OK)
        err = dev_finish(lead->dev);
    if (err == VGGCL_OK)
        err = ranks_share(host, bytes);
    if (err == VGGCL_OK && ranks_rank() > 0)
        err = net_write_group(lead, group, host);
    if (err == VGGCL_OK)
        err = dev_finish(lead->dev);
    free(host);
    return err;
}

/* Steps change the first two. */
static const enum net_group shared[] = {NET_WEIGHTS, NET_STATISTICS, NET_FROZEN};
enum { SHARED_BY_STEPS = 2, SHARED = 3 };

/* The other ranks take the optimiser's steps too. Averages are rank 0's alone, which tests. */
enum vggcl_err team_share_weights(struct team *t) {
    for (size_t i = 0; i < SHARED; i++)
        TRY(share_with_ranks(t, shared[i]));
    for (enum net_group state = NET_STATES; state <= NET_LAST_STATE; state++)
        TRY(share_with_ranks(t, state));
    return share(t, shared, SHARED);
}

/* The micro-batches of this rank. */
static size_t list_parts(const struct team *t, size_t images, struct part *parts) {
    size_t count = 0;
    for (size_t i = 0; i < t->count; i++) {
        size_t n = first_of(t, images, i + 1) - first_of(t, images, i);
        for (size_t k = 0; k < feed_parts(n, t->members[i].net->batch); k++)
            parts[count++] = (struct part){.rank = ranks_rank(), .member = i, .number = k};
    }
    return count;
}

/* The micro-batches of all ranks; own: those of this rank. */
struct all_parts {
    struct team *team;
    const struct part *own;
    struct part *parts;
    size_t count;
};

static enum vggcl_err take_part(const struct told *told, void *payload) {
    struct all_parts *all = payload;
    struct part *part = &all->parts[all->count++];
    *part = told->rank == ranks_rank() ? all->own[told->part] : (struct part){.rank = told->rank};
    memcpy(part->total, told->total, sizeof part->total);
    if (!isfinite(part->total[0]))
        TRY(fail_step(all->team));
    return move_statistics(all->team, told->statistics);
}

/* Adds up the gradients of all ranks, and makes own, `count` micro-batches of this one, those of all: *parts. */
static enum vggcl_err join(struct team *t, struct part *own, size_t count, struct part *parts, size_t *part_count) {
    struct all_parts all = {.team = t, .own = own, .parts = parts};
    for (size_t i = team_net(t)->layer_count; t->count > 1 && i-- > 0;)
        TRY(exchange_read(&t->exchange, i));
    TRY(exchange_sum(&t->exchange));
    for (size_t i = 0; i < count; i++) {
        TRY(fence_wait(&own[i].fence));
        memcpy(exchange_total(&t->exchange, i), own[i].total, sizeof own[i].total);
    }
    TRY(exchange_tell(&t->exchange, count, take_part, &all));
    *part_count = all.count;
    return VGGCL_OK;
}

enum vggcl_err team_step(struct team *t, const struct step *step, struct part *parts, size_t *part_count) {
    bool several = ranks_count() > 1;
    struct part *own = several ? t->parts : parts;
    TRY(tell((struct order){.what = ORDER_STEP, .step = *step}));
    size_t count = *part_count = list_parts(t, step->images, own);
    for (size_t i = 0; i < count; i++)
        TRY(start_part(t, step, &own[i], t->count == 1 && i + 1 == count));
    for (size_t i = 0; i < count; i++)
        if (own[i].member != 0)
            TRY(collect(t, &own[i], i));
    if (several)
        TRY(join(t, own, count, parts, part_count));
    TRY(step_lead(t, step));
    double start = clock_seconds();
    for (size_t i = 0; !t->alike && i < SHARED_BY_STEPS; i++)
        TRY(share_with_ranks(t, shared[i]));
    t->exchange.seconds += t->alike ? 0 : clock_seconds() - start;
    return share(t, shared, SHARED_BY_STEPS);
}

enum vggcl_err team_traffic(struct team *t, uint64_t *sent, uint64_t *received) {
    const struct net *lead = team_net(t);
    uint64_t others = (uint64_t)ranks_count() - 1;
    *sent = *received = 0;
    if (!others)
        return VGGCL_OK;
    if (!t->exchange.net)
        TRY(exchange_lay_out(&t->exchange, team_net(t), gradients_sent(t), own_most_parts(t)));
    *sent = *received = exchange_bytes(&t->exchange);
    for (size_t i = 0; !t->alike && i < SHARED_BY_STEPS; i++) {
        if (ranks_rank() == 0)
            *sent += lead->group_bytes[shared[i]] * others;
        else
            *received += lead->group_bytes[shared[i]];
    }
    return VGGCL_OK;
}

/* ------------------------------------------------------------------------------------------------------- the end -- */

/* VGGCL_EWRONG if the leads of the ranks do not have the same weights. */
static enum vggcl_err compare_ranks(uint64_t own) {
    void *all;
    enum vggcl_err err = ranks_collect(&own, sizeof own, &all);
    const uint64_t *hashes = all;
    for (int i = 1; i < ranks_count() && err == VGGCL_OK; i++)
        if (hashes[i] != hashes[0])
            err =
                err_set(VGGCL_EWRONG,
                        "the weights of %s are not those of rank 0 any more: its device or its machine computes other "
                        "bits, or lost some; train without it",
                        ranks_name(i));
    free(all);
    return err;
}

enum vggcl_err team_hash(struct team *t, uint64_t *hash) {
    TRY(tell((struct order){.what = ORDER_HASH}));
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
    return compare_ranks(*hash);
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
    exchange_free(&t->exchange);
    free(t->parts);
    free(t->bounds);
    forget_profiles(t, 0);
    free(t->warnings);
    free(t->weights);
    free(t->class_weights);
}
