#include "train/plan.h"
#include "train/config.h"
#include "train/feed.h"

#include <stdio.h>
#include <string.h>

/* What has to fit where. */
struct task {
    struct dev *dev;
    const struct vggcl_config *config;
    struct work work;
    size_t data_bytes;
};

/* One way to do it; no more than `words` of images are transformed by a convolution at once, 0 for what suits. */
struct draft {
    size_t batch, words;
    const char *conv;
    struct net *net;
    uint64_t bytes;
};

/* What feed_reserve() will take; it looks at nothing but the sets' sizes. */
static enum vggcl_err plan_data(struct task *t) {
    enum vggcl_err err = VGGCL_OK;
    struct arena arena = {0};
    struct feed feeds[2] = {{0}};
    const struct dataset sets[2] = {{.count = t->work.train}, {.count = t->work.test}};
    for (int i = 0; i < 2; i++)
        if (sets[i].count)
            TRY_GOTO(feed_reserve(&feeds[i], t->dev, &sets[i], &arena), done);
    err = arena_plan(&arena, t->dev, &t->data_bytes);
done:
    arena_free(&arena);
    feed_free(&feeds[0]);
    feed_free(&feeds[1]);
    return err;
}

/* Rehearses the parts of every size that batches of two sizes fall into; 0 for none. */
static enum vggcl_err rehearse(struct net *net, size_t batch, size_t last, bool training) {
    const size_t sizes[] = {batch, last};
    for (int i = 0; i < 2; i++) {
        size_t parts = feed_parts(sizes[i], net->batch);
        if (!parts)
            continue;
        TRY(net_rehearse(net, sizes[i] / parts, training));
        TRY(net_rehearse(net, (sizes[i] + parts - 1) / parts, training));
    }
    return VGGCL_OK;
}

static enum vggcl_err rehearse_all(const struct task *t, struct net *net) {
    const struct work *w = &t->work;
    if (w->train)
        TRY(rehearse(net, w->train < (size_t)t->config->batch ? 0 : w->batch, w->last, true));
    return rehearse(net, w->test < net->batch ? 0 : net->batch, w->test % net->batch, false);
}

/* Whether the draft takes at most limit bytes; then its net is made. Lowers *least to what it takes, or would take
 * where it is above both. */
static enum vggcl_err weigh(const struct task *t, struct draft *draft, uint64_t limit, uint64_t *least, bool *fits) {
    struct layer_spec specs[VGG_LAYERS];
    size_t count = vgg_layers(config_vgg(t->config), specs);
    bool averages = t->config->ema > 0 && t->work.test; /* which are what is tested */
    enum net_use use = !t->work.train ? NET_EVALUATES : averages ? NET_AVERAGES : NET_TRAINS;
    t->dev->conv_words = draft->words;
    *fits = false;
    enum vggcl_err err = net_create(t->dev, specs, count, vgg_input, draft->batch, draft->conv, use, &draft->net);
    if (err != VGGCL_OK) /* a tensor may be larger than any that the device gives */
        return err == VGGCL_ENOMEM && limit < UINT64_MAX ? VGGCL_OK : err;
    draft->bytes = draft->net->bytes + t->data_bytes;
    if (draft->bytes <= limit || draft->bytes < *least) {
        err = rehearse_all(t, draft->net);
        draft->bytes = draft->net->bytes + t->data_bytes;
        *fits = err == VGGCL_OK && draft->bytes <= limit;
    }
    if (err == VGGCL_OK && draft->bytes < *least)
        *least = draft->bytes;
    if (!*fits) {
        net_free(draft->net);
        draft->net = NULL;
    }
    return err;
}

/* With this batch and algorithm: chunks as large as fit. */
static enum vggcl_err search_chunks(const struct task *t, struct draft *draft, uint64_t limit, uint64_t *least,
                                    bool *fits) {
    draft->words = 0;
    TRY(weigh(t, draft, limit, least, fits));
    if (*fits)
        return VGGCL_OK;
    draft->words = 1;
    TRY(weigh(t, draft, limit, least, fits));
    if (!*fits)
        return VGGCL_OK;
    t->dev->conv_words = 0;
    for (draft->words = conv_words(t->dev) / 2;; draft->words /= 2) {
        net_free(draft->net);
        TRY(weigh(t, draft, limit, least, fits));
        if (*fits || draft->words <= 1)
            return VGGCL_OK;
    }
}

/* The first draft that takes at most limit bytes, from the fastest to the smallest; *fits is false where there is
 * none, and *least then the bytes of the smallest. */
static enum vggcl_err search(const struct task *t, uint64_t limit, struct draft *draft, uint64_t *least, bool *fits) {
    static const char *const algorithms[] = {"auto", "winograd2", "im2col", NULL};
    const char *const chosen[] = {config_word(t->config, "conv"), NULL};
    const char *const *names = strcmp(chosen[0], "auto") == 0 ? algorithms : chosen;
    size_t batch = t->work.batch, fixed = t->work.train ? (size_t)t->config->micro_batch : 0;
    size_t most_parts = fixed ? 1 : batch;
    if (fixed > batch)
        fixed = batch;
    *least = UINT64_MAX;
    /* What is probably the smallest comes first: what is larger need not be rehearsed then. */
    for (int i = 0; names[i] && limit < UINT64_MAX; i++) {
        *draft = (struct draft){.batch = fixed ? fixed : 1, .words = 1, .conv = names[i]};
        TRY(weigh(t, draft, 0, least, fits));
    }
    for (size_t parts = 1, last = 0; parts <= most_parts; parts++, last = draft->batch) {
        draft->batch = fixed ? fixed : feed_parts(batch, parts);
        for (int i = 0; names[i] && draft->batch != last; i++) {
            draft->conv = names[i];
            TRY(search_chunks(t, draft, limit, least, fits));
            if (*fits)
                return VGGCL_OK;
        }
    }
    return VGGCL_OK;
}

static enum vggcl_err too_small(const struct vggcl_config *config, uint64_t least) {
    char limit[32], part[48] = "";
    vggcl_config_get(config, "mem-limit", limit, sizeof limit);
    if (config->micro_batch && config->micro_batch < config->batch)
        snprintf(part, sizeof part, " in micro-batches of %d", config->micro_batch);
    return err_set(VGGCL_ENOMEM,
                   "--mem-limit %s: too small; the least that works for this network, data and batch%s is %llu (%.1fM)",
                   limit, part, (unsigned long long)least, (double)least / (1 << 20));
}

static void describe(const struct task *t, const struct draft *draft, struct vggcl_plan *plan) {
    static const char *const names[VGGCL_MEMORY_GROUPS] = {
        [NET_WEIGHTS] = "weights",
        [NET_GRADIENTS] = "weight gradients",
        [NET_VELOCITIES] = "momentum",
        [NET_STATISTICS] = "running statistics",
        [NET_BATCH_STATISTICS] = "batch statistics",
        [NET_AVERAGED_WEIGHTS] = "averaged weights",
        [NET_AVERAGED_STATISTICS] = "averaged statistics",
        [NET_ACTIVATIONS] = "activations and their gradients",
        [NET_SCRATCH] = "scratch",
        [NET_REST] = "images and labels of a batch",
        [NET_GROUPS] = "data set",
    };
    *plan = (struct vggcl_plan){.device = t->dev->info,
                                .config = *t->config,
                                .images = (int)t->work.batch,
                                .bytes = draft->bytes,
                                .micro_batches = (int)feed_parts(t->work.batch, draft->batch),
                                .conv_bytes = 4 * conv_words(t->dev)};
    plan->config.micro_batch = (int)draft->batch;
    for (int i = 0; i < VGGCL_MEMORY_GROUPS; i++)
        plan->groups[i] = (struct vggcl_memory){names[i], i < NET_GROUPS ? draft->net->group_bytes[i] : t->data_bytes};
    snprintf(plan->conv, sizeof plan->conv, "%s", draft->conv);
}

static enum vggcl_err check_micro_batch(const struct vggcl_config *config) {
    if (config->micro_batch <= config->batch)
        return VGGCL_OK;
    return err_set(VGGCL_EUSAGE, "--micro-batch %d: is larger than --batch %d", config->micro_batch, config->batch);
}

enum vggcl_err plan_net(struct dev *d, const struct vggcl_config *config, const struct work *work, struct net **net,
                        struct vggcl_plan *plan) {
    struct task task = {d, config, *work, 0};
    struct draft draft = {0};
    uint64_t least;
    bool fits;
    *net = NULL;
    TRY(check_micro_batch(config));
    TRY(plan_data(&task));
    TRY(search(&task, config->mem_limit ? config->mem_limit : UINT64_MAX, &draft, &least, &fits));
    if (!fits)
        return least == UINT64_MAX ? VGGCL_ENOMEM : too_small(config, least); /* on this device at any limit; or not */
    describe(&task, &draft, plan);
    *net = draft.net;
    return VGGCL_OK;
}

enum vggcl_err plan_least(struct dev *d, const struct vggcl_config *config, const struct work *work, uint64_t *least) {
    struct task task = {d, config, *work, 0};
    struct draft draft = {0};
    bool fits;
    TRY(plan_data(&task));
    return search(&task, 0, &draft, least, &fits);
}
