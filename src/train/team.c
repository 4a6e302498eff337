#include "train/team.h"
#include "base/clock.h"
#include "train/bench.h"
#include "train/config.h"
#include "train/selfcheck.h"
#include "train/tune.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SPLIT_STEPS = 3 }; /* timed for --device-split auto */

/* ---------------------------------------------------------------------------------------------------- the split -- */

/* The first of the images, so many in all, that are member i's or a later one's. */
static size_t first_of(const struct team *t, size_t images, size_t i) {
    return images * t->bounds[i] / t->bounds[t->count];
}

static bool is_auto(const struct vggcl_config *config) {
    return strcmp(config->device_split, "auto") == 0;
}

/* The bounds by "3:1", or by equal shares where nothing, or not yet, is said. */
static enum vggcl_err read_split(struct team *t) {
    const char *text = t->config->device_split, *at = text;
    bool equal = !*text || is_auto(t->config);
    for (size_t i = 0; i < t->count; i++) {
        char *end = NULL;
        unsigned long share = equal ? 1 : isdigit((unsigned char)*at) ? strtoul(at, &end, 10) : 0;
        if (share < 1 || share > 65536 || (end && *end != (i + 1 < t->count ? ':' : '\0')))
            return err_set(
                VGGCL_EUSAGE,
                "--device-split %s: takes a number from 1 to 65536 for each of the devices, of which there are "
                "%zu, with colons between; or auto",
                text, t->count);
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
                           "--device-split: leaves device %zu of %zu (%s) none of a batch of %zu images; use a larger "
                           "--batch, or fewer devices",
                           i + 1, t->count, t->members[i].dev->info.name, batch);
    return VGGCL_OK;
}

/* ------------------------------------------------------------------------------------------------- what they are -- */

/* Their arenas get equal layouts, so that a group of them is copied as a whole. */
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

enum vggcl_err team_open(struct team *t, const struct vggcl_config *config) {
    struct dev *devices[VGGCL_DEVICES];
    t->config = config;
    TRY(dev_open_all(config->device, config->kernel_dir, devices, &t->count));
    for (size_t i = 0; i < t->count; i++)
        t->members[i].dev = devices[i];
    for (size_t i = 0; i < t->count; i++)
        TRY(config_prepare(config, devices[i], &t->members[i].tuned));
    lay_out_alike(t);
    TRY(read_split(t));
    return check_split(t);
}

/* What the device's profile does not know of the network is measured, unless the user chose all there is to choose, or
 * the profile is the user's choice or ships with vggcl: those say the same to everybody. */
static enum vggcl_err measure_unknown(struct member *m, const struct vggcl_config *config) {
    bool open = strcmp(config_word(config, "conv"), "auto") == 0 && !*config->profile, lacks;
    if (!open || m->tuned.by == TUNED_FILE || m->tuned.by == TUNED_SHIPPED || m->tuned.by == TUNED_RESUMED)
        return VGGCL_OK;
    TRY(tune_lacks(m->dev, config, &lacks));
    if (!lacks)
        return VGGCL_OK;
    double start = clock_seconds();
    TRY(tune_quick(m->dev, config));
    m->tune_seconds = clock_seconds() - start;
    m->tuned.by = TUNED_MEASURED;
    return VGGCL_OK;
}

/* The first member that is such a device as member i, parts of one device included. */
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

/* Like devices go by the same, and compute the same. */
static enum vggcl_err tune_member(struct team *t, size_t i, const char *from) {
    struct member *m = &t->members[i];
    size_t like = alike(t, i);
    bool same = false;
    if (like < i) {
        snprintf(m->tuned.text, sizeof m->tuned.text, "as device %zu", like + 1);
        TRY(tuning_use(m->dev, t->members[like].dev->tuning));
    } else {
        if (t->profiles[i])
            TRY(profile_resume(m->dev, t->profiles[i], from, &m->tuned, &same));
        if (!same)
            TRY(measure_unknown(m, t->config));
    }
    struct profile now = profile_of(m->dev);
    free(t->profiles[i]);
    t->profiles[i] = profile_text(&now);
    return t->profiles[i] ? VGGCL_OK : err_no_memory("the profile", sizeof now);
}

/* A resumed run may have had more devices. */
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

/* What was measured is kept for the next run, once the device has been checked; it need not be possible. */
static void keep_profile(struct member *m) {
    char path[VGGCL_PATH_MAX];
    if (m->tuned.by != TUNED_MEASURED)
        return;
    char *kept = err_keep();
    bool stored = profile_store(m->dev, path) == VGGCL_OK;
    snprintf(m->tuned.text, sizeof m->tuned.text, "measured in %.1f s%s%s", m->tune_seconds,
             stored ? ", stored as " : ", not stored", stored ? path : "");
    err_put_back(kept);
}

/* -------------------------------------------------------------------------------------------------- their memory -- */

struct work team_work(const struct team *t, size_t i, size_t train, size_t test) {
    size_t batch = (size_t)t->config->batch, last = train % batch;
    return (struct work){.train = train,
                         .test = i == 0 ? test : 0,
                         .batch = first_of(t, batch, i + 1) - first_of(t, batch, i),
                         .last = first_of(t, last, i + 1) - first_of(t, last, i)};
}

static enum vggcl_err plan_member(struct team *t, size_t i, size_t train, size_t test,
                                  const struct vggcl_config *config) {
    struct member *m = &t->members[i];
    struct work work = team_work(t, i, train, test);
    net_free(m->net);
    return plan_net(m->dev, config, &work, &m->net, &t->plans[i]);
}

/* A micro-batch is an option, one for all, which a resumed run goes on with. */
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

/* Each gets of a batch what its speed says, and one image at least; the nets are those of a split into equal parts. */
static enum vggcl_err measure_split(struct team *t, struct vggcl_config *config) {
    double speeds[VGGCL_DEVICES], sum = 0, before = 0;
    size_t batch = (size_t)config->batch, used = 0;
    for (size_t i = 0; i < t->count; i++) {
        struct member *m = &t->members[i];
        TRY(bench_net(m->net, config->seed, SPLIT_STEPS, &speeds[i]));
        net_free(m->net);
        m->net = NULL;
        dev_drop(m->dev, &m->dev->gemm_scratch);
        m->dev->peak_bytes = m->dev->bytes; /* it counts for the run */
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
    if (config->nesterov && team_most_parts(t) > 1)
        return err_set(VGGCL_EUSAGE,
                       "--nesterov: takes a batch as a whole, and here it goes in %zu parts, by device or micro-batch, "
                       "which gather in the momentum; say --nesterov=no",
                       team_most_parts(t));
    return VGGCL_OK;
}

static size_t words_of(const struct net *net, enum net_group a, enum net_group b) {
    return (net->group_bytes[a] + net->group_bytes[b]) / 4;
}

static size_t gathered_words(const struct net *net) {
    return words_of(net, NET_GRADIENTS, NET_BATCH_STATISTICS);
}

static enum vggcl_err take_host_memory(struct team *t) {
    size_t words = words_of(team_net(t), NET_WEIGHTS, NET_STATISTICS);
    for (size_t i = 1; i < t->count; i++) {
        size_t bytes = (size_t)t->plans[i].micro_batches * gathered_words(t->members[i].net) * sizeof(float);
        t->members[i].gathered = malloc(bytes);
        if (!t->members[i].gathered)
            return err_no_memory("the gradients of the devices", bytes);
    }
    t->weights = t->count > 1 ? malloc(words * sizeof *t->weights) : NULL;
    return t->count == 1 || t->weights ? VGGCL_OK : err_no_memory("the devices' weights", words * sizeof *t->weights);
}

/* The check gives its memory back before any is taken. */
static enum vggcl_err take_memory(struct team *t, struct member *m, const struct data *data,
                                  struct vggcl_selfcheck *check) {
    struct vggcl_selfcheck own = {0};
    if (!t->config->no_selfcheck)
        TRY(selfcheck(m->net, true, NULL, &own));
    check->checks += own.checks;
    check->seconds += own.seconds;
    keep_profile(m);
    strcpy(t->plans[m - t->members].tuning, m->tuned.text);
    dev_drop(m->dev, &m->dev->gemm_scratch);
    TRY(net_allocate(m->net));
    TRY(feed_reserve(&m->train, m->dev, &data->train, &m->data));
    if (m == t->members)
        TRY(feed_reserve(&t->test, m->dev, &data->test, &m->data));
    return arena_commit(&m->data, m->dev);
}

enum vggcl_err team_take_memory(struct team *t, const struct data *data, struct vggcl_selfcheck *check) {
    *check = (struct vggcl_selfcheck){0};
    for (size_t i = 0; i < t->count; i++)
        TRY(take_memory(t, &t->members[i], data, check));
    return take_host_memory(t);
}

enum vggcl_err team_upload(struct team *t, const struct data *data) {
    for (size_t i = 0; i < t->count; i++)
        TRY(feed_upload(&t->members[i].train, &data->train));
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

enum vggcl_err team_feed(struct team *t, const struct step *step, const struct part *part, struct pass *pass) {
    const struct vggcl_config *config = t->config;
    const struct member *m = &t->members[part->member];
    size_t start = first_of(t, step->images, part->member), n = first_of(t, step->images, part->member + 1) - start;
    size_t first = feed_part(n, m->net->batch, part->number), next = feed_part(n, m->net->batch, part->number + 1);
    *pass = net_pass(m->net, next - first, true, config->seed, (uint64_t)step->number);
    const struct augmentation augmentation = {config->no_flip ? MIRROR_NEVER : MIRROR_BY_COIN, config->crop,
                                              config->cutout, config->seed, (uint32_t)step->epoch};
    pass->first = start + first;
    pass->whole = step->images;
    pass->label_smoothing = config->label_smoothing;
    return feed_images(&m->train, m->net, (size_t)step->epoch_step * (size_t)config->batch + pass->first, pass->n,
                       &augmentation);
}

/* Micro-batches gather in the velocity: the first one's gradient as usual, the others' on top; with the last one the
 * weights move. */
static enum vggcl_err move_lead(struct team *t, const struct pass *pass, struct sgd sgd, bool first, bool last) {
    if (!first) {
        sgd.momentum = 1;
        sgd.weight_decay = 0;
    }
    if (!last)
        sgd.lr = 0;
    return net_update(team_net(t), pass, sgd);
}

static float *gathered(const struct member *m, const struct part *part) {
    return m->gathered + part->number * gathered_words(m->net);
}

/* Forward and backward; what that leaves, the lead takes in at once, and the others send to the host. */
static enum vggcl_err start_part(struct team *t, const struct step *step, struct part *part, bool first, bool last) {
    struct member *m = &t->members[part->member];
    struct pass pass;
    TRY(team_feed(t, step, part, &pass));
    TRY(net_forward(m->net, &pass));
    TRY(net_loss(m->net, &pass));
    TRY(net_backward(m->net, &pass));
    if (part->member == 0) {
        TRY(move_lead(t, &pass, step->sgd, first, last));
    } else {
        float *to = gathered(m, part);
        TRY(net_read_group(m->net, NET_GRADIENTS, to));
        TRY(net_read_group(m->net, NET_BATCH_STATISTICS, to + m->net->group_bytes[NET_GRADIENTS] / 4));
    }
    return dev_read_later(m->dev, m->net->total, 0, 2, part->total, &part->fence);
}

/* The lead takes in what another member's part left. A loss there that is not finite is as one of its own. */
static enum vggcl_err take_in(struct team *t, const struct step *step, struct part *part, bool first, bool last) {
    struct net *lead = team_net(t);
    const float *from = gathered(&t->members[part->member], part);
    struct pass pass = net_pass(lead, 0, true, t->config->seed, (uint64_t)step->number);
    pass.whole = step->images;
    TRY(fence_wait(&part->fence));
    if (!isfinite(part->total[0]))
        TRY(dev_fill(lead->dev, lead->failed, 0, 1, 1));
    TRY(net_write_group(lead, NET_GRADIENTS, from));
    TRY(net_write_group(lead, NET_BATCH_STATISTICS, from + lead->group_bytes[NET_GRADIENTS] / 4));
    return move_lead(t, &pass, step->sgd, first, last);
}

enum vggcl_err team_share_weights(struct team *t) {
    struct net *lead = team_net(t);
    if (t->count == 1)
        return VGGCL_OK;
    float *statistics = t->weights + lead->group_bytes[NET_WEIGHTS] / 4;
    TRY(net_read_group(lead, NET_WEIGHTS, t->weights));
    TRY(net_read_group(lead, NET_STATISTICS, statistics));
    TRY(dev_finish(lead->dev));
    for (size_t i = 1; i < t->count; i++) {
        TRY(net_write_group(t->members[i].net, NET_WEIGHTS, t->weights));
        TRY(net_write_group(t->members[i].net, NET_STATISTICS, statistics));
    }
    return VGGCL_OK;
}

/* At first the average is the weights; then it reaches back over a ninth of the steps so far, up to what --ema says. */
static double average_share(const struct vggcl_config *config, int64_t step) {
    return fmax(1 - config->ema, 9 / ((double)step + 9));
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
        TRY(start_part(t, step, &parts[i], i == 0, i + 1 == count));
    for (size_t i = 0; i < count; i++)
        if (parts[i].member != 0)
            TRY(take_in(t, step, &parts[i], i == 0, i + 1 == count));
    if (t->config->ema > 0)
        TRY(net_average(team_net(t), average_share(t->config, step->number)));
    return team_share_weights(t);
}

/* ---------------------------------------------------------------------------------------------------- afterwards -- */

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
                VGGCL_EDEVICE,
                "the weights on device %zu of %zu (%s, driver %s) are not those on the first (%s) any more: it "
                "lost or changed what was copied there; train without it",
                i + 1, t->count, d->name, d->driver, t->members[0].dev->info.name);
    }
    return VGGCL_OK;
}

void team_free(struct team *t) {
    char *kept = err_keep();
    for (size_t i = 0; i < t->count; i++) /* host memory may be in use */
        dev_finish(t->members[i].dev);
    err_put_back(kept);
    for (size_t i = 0; i < t->count; i++) {
        struct member *m = &t->members[i];
        arena_free(&m->data);
        feed_free(&m->train);
        net_free(m->net);
        dev_close(m->dev);
        free(m->gathered);
    }
    forget_profiles(t, 0);
    feed_free(&t->test);
    free(t->weights);
}

/* ----------------------------------------------------------------------------------------------- vggcl_plan() -- */

static enum vggcl_err plan_eval(struct team *t, size_t test) {
    const struct work work = {.test = test, .batch = (size_t)t->config->batch};
    struct member *m = &t->members[0];
    if (t->count > 1)
        return err_set(VGGCL_EUSAGE, "--device %s: is more than one device; eval takes one", t->config->device);
    TRY(plan_net(m->dev, t->config, &work, &m->net, &t->plans[0]));
    return plan_least(m->dev, t->config, &work, &t->plans[0].least);
}

static enum vggcl_err plan_train(struct team *t, size_t train, size_t test) {
    struct vggcl_config config = *t->config;
    if (strcmp(config.device_split, "auto") == 0)
        return err_set(VGGCL_EUSAGE, "--device-split auto: is measured when a run begins; give plan the numbers");
    TRY(team_plan(t, train, test, &config));
    for (size_t i = 0; i < t->count; i++) {
        const struct work work = team_work(t, i, train, test);
        TRY(plan_least(t->members[i].dev, t->config, &work, &t->plans[i].least));
    }
    return VGGCL_OK;
}

enum vggcl_err vggcl_plan(const struct vggcl_config *config, bool eval, struct vggcl_plan **plans, size_t *count) {
    enum vggcl_err err;
    size_t train, test, *limited = eval ? &test : &train;
    struct team *t = calloc(1, sizeof *t);
    *plans = NULL;
    if (!t)
        return err_no_memory("the devices", sizeof *t);
    TRY_GOTO(data_count(config->data, (size_t)config->validate, &train, &test), done);
    if (config->limit > 0 && (size_t)config->limit < *limited)
        *limited = (size_t)config->limit;
    TRY_GOTO(team_open(t, config), done);
    TRY_GOTO(eval ? plan_eval(t, test) : plan_train(t, train, test), done);
    for (size_t i = 0; i < t->count; i++)
        strcpy(t->plans[i].tuning, t->members[i].tuned.text);
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
