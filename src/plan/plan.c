#include "plan/plan.h"
#include "options/network.h"
#include "options/options.h"
#include "nets/feed.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* The input of the search. */
struct task {
    const struct context *context;
    const struct vggcl_config *config;
    struct work work;
    uint64_t resident; /* bytes of its data set on the device; UINT64_MAX if it cannot be there */
};

/* A candidate plan. words: most words of images that a convolution transforms at once (chunk size); 0: the default. */
struct draft {
    size_t batch, words;
    const char *conv;
    struct net *net;
    bool staged;                /* the data set stays on the host */
    uint64_t data_bytes, bytes; /* of the data set on the device; in total */
};

/* Sets *bytes to what feed_reserve() needs; it depends only on the sizes of the data sets. batch: the most images of a
 * pass if they are staged, else 0. */
static enum vggcl_err plan_data(const struct task *t, size_t batch, uint64_t *bytes) {
    enum vggcl_err err = VGGCL_OK;
    struct arena arena = {0};
    struct feed feeds[2] = {{0}};
    const size_t counts[2] = {t->work.train, t->work.test}, most[2] = {network_staged(t->config, batch), batch};
    size_t sum = 0;
    for (int i = 0; i < 2; i++)
        if (counts[i])
            TRY_GOTO(feed_reserve(&feeds[i], t->context->dev, t->work.data, counts[i], most[i], &arena), done);
    TRY_GOTO(arena_plan(&arena, t->context->dev, &sum), done);
    *bytes = sum;
done:
    arena_free(&arena);
    feed_free(&feeds[0]);
    feed_free(&feeds[1]);
    return err;
}

/* Sets t->resident. Images that do not fit into the device's largest allocation are staged, unless the user does not
 * want that. */
static enum vggcl_err plan_resident(struct task *t) {
    t->resident = UINT64_MAX;
    if (t->config->images == VGGCL_IMAGES_HOST)
        return VGGCL_OK;
    enum vggcl_err err = plan_data(t, 0, &t->resident);
    return err == VGGCL_ENOMEM && t->config->images == VGGCL_IMAGES_AUTO ? VGGCL_OK : err;
}

/* Decides where the data set of a draft is: on the device if the user wants it there, or if it fits into limit and the
 * device's memory. */
static enum vggcl_err place_data(const struct task *t, struct draft *draft, uint64_t limit) {
    uint64_t memory = t->context->dev->info.memory, room = limit < memory ? limit : memory;
    bool fits = t->resident <= room && draft->net->bytes <= room - t->resident;
    draft->staged = false;
    draft->data_bytes = t->resident;
    if (t->config->images != VGGCL_IMAGES_DEVICE && !fits) {
        uint64_t staging;
        TRY(plan_data(t, draft->batch, &staging));
        draft->staged = staging < t->resident;
        draft->data_bytes = draft->staged ? staging : t->resident;
    }
    draft->bytes = draft->net->bytes + draft->data_bytes;
    return VGGCL_OK;
}

/* Adds the sizes of the parts into which n images are split if a part has at most `most` images. */
static void add_parts(size_t sizes[LAYER_SIZES], size_t *count, size_t n, size_t most) {
    size_t parts = feed_parts(n, most);
    if (!parts)
        return;
    sizes[(*count)++] = n / parts;
    sizes[(*count)++] = (n + parts - 1) / parts;
}

/* Lists the batch sizes that a net for up to `batch` images will process besides full batches; ended by 0. */
static void list_sizes(const struct task *t, size_t batch, size_t sizes[LAYER_SIZES]) {
    const struct work *w = &t->work;
    size_t count = 0;
    if (w->train)
        add_parts(sizes, &count, w->last, batch);
    if (w->train >= (size_t)t->config->batch)
        add_parts(sizes, &count, w->batch, batch);
    if (w->test % batch)
        sizes[count++] = w->test % batch;
    sizes[count] = 0;
}

/* What the draft's net must be able to do. */
static enum net_use use_of(const struct task *t, const struct draft *draft) {
    const struct work *w = &t->work;
    enum net_use use = NET_TRAINS;
    if (!w->train)
        return NET_EVALUATES;
    if (t->config->ema > 0 && w->test) /* the averaged weights are the ones that are tested */
        use |= NET_AVERAGES;
    if (t->config->class_weights != VGGCL_CLASS_WEIGHTS_NONE)
        use |= NET_WEIGHS;
    if (t->config->freeze != VGGCL_FREEZE_NONE)
        use |= NET_FREEZES;
    if (w->devices * feed_parts(w->batch, draft->batch) > 1)
        use |= NET_ACCUMULATES;
    return w->devices > 1 ? use | NET_COLLECTS : use;
}

/* *fits: the draft needs at most limit bytes; its net is kept then. Lowers *least to the bytes that it needs. */
static enum vggcl_err try_draft(const struct task *t, struct draft *draft, uint64_t limit, uint64_t *least,
                                bool *fits) {
    size_t sizes[LAYER_SIZES];
    struct context context = *t->context;
    context.conv_limit = draft->words;
    list_sizes(t, draft->batch, sizes);
    *fits = false;
    enum vggcl_err err = network_create(&context, t->config, t->work.data, draft->batch, sizes, draft->conv,
                                        use_of(t, draft), &draft->net);
    if (err != VGGCL_OK) /* a single tensor may exceed the device's maximum allocation size */
        return err == VGGCL_ENOMEM && limit < UINT64_MAX ? VGGCL_OK : err;
    err = place_data(t, draft, limit);
    if (err != VGGCL_OK) {
        net_free(draft->net);
        draft->net = NULL;
        return err;
    }
    *fits = draft->bytes <= limit;
    if (draft->bytes < *least)
        *least = draft->bytes;
    if (!*fits) {
        net_free(draft->net);
        draft->net = NULL;
    }
    return VGGCL_OK;
}

/* Finds the largest chunk size that fits with the draft's batch and algorithm. */
static enum vggcl_err search_chunks(const struct task *t, struct draft *draft, uint64_t limit, uint64_t *least,
                                    bool *fits) {
    draft->words = 0;
    TRY(try_draft(t, draft, limit, least, fits));
    if (*fits)
        return VGGCL_OK;
    draft->words = 1;
    TRY(try_draft(t, draft, limit, least, fits));
    if (!*fits)
        return VGGCL_OK;
    for (draft->words = context_conv_words(t->context) / 2;; draft->words /= 2) {
        net_free(draft->net);
        TRY(try_draft(t, draft, limit, least, fits));
        if (*fits || draft->words <= 1)
            return VGGCL_OK;
    }
}

/* Tries drafts from the fastest to the smallest, and returns the first that needs at most limit bytes. If there is
 * none, *fits is false and *least is what the smallest needs. */
static enum vggcl_err search(const struct task *t, uint64_t limit, struct draft *draft, uint64_t *least, bool *fits) {
    static const char *const algorithms[] = {"auto", "winograd2", "im2col", NULL};
    const char *const chosen[] = {config_word(t->config, "conv"), NULL};
    const char *const *names = strcmp(chosen[0], "auto") == 0 ? algorithms : chosen;
    size_t batch = t->work.batch, fixed = t->work.train ? (size_t)t->config->micro_batch : 0;
    size_t most_parts = fixed ? 1 : batch;
    if (fixed > batch)
        fixed = batch;
    *least = UINT64_MAX;
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
                   "mem-limit %s: too small; the least that works for this network, data and batch%s is %llu bytes "
                   "(%.1f MiB): set mem-limit to %.0fM or more, or use a smaller width or batch",
                   limit, part, (unsigned long long)least, (double)least / (1 << 20), ceil((double)least / (1 << 20)));
}

/* The rows of a plan: the net's groups from first to last together; the data set follows. */
static const struct {
    const char *name; /* NULL: the optimiser says it */
    enum net_group first, last;
} memory[] = {{"weights", NET_WEIGHTS, NET_WEIGHTS},
              {"frozen weights and statistics", NET_FROZEN, NET_FROZEN},
              {"weight gradients", NET_GRADIENTS, NET_GRADIENTS},
              {"accumulated gradients", NET_ACCUMULATED, NET_ACCUMULATED},
              {NULL, NET_STATES, NET_LAST_STATE},
              {"running statistics", NET_STATISTICS, NET_STATISTICS},
              {"batch statistics", NET_BATCH_STATISTICS, NET_BATCH_STATISTICS},
              {"averaged weights", NET_AVERAGED_WEIGHTS, NET_AVERAGED_WEIGHTS},
              {"averaged statistics", NET_AVERAGED_STATISTICS, NET_AVERAGED_STATISTICS},
              {"activations and their gradients", NET_ACTIVATIONS, NET_ACTIVATIONS},
              {"scratch", NET_SCRATCH, NET_SCRATCH},
              {"images and labels of a batch", NET_REST, NET_REST}};
enum { MEMORY = sizeof memory / sizeof *memory };
_Static_assert(MEMORY + 1 == VGGCL_MEMORY_GROUPS, "a plan has a row for each, and one for the data set");

static void describe(const struct task *t, const struct draft *draft, struct vggcl_plan *plan) {
    *plan = (struct vggcl_plan){.device = t->context->dev->info,
                                .config = *t->config,
                                .images = (int)t->work.batch,
                                .bytes = draft->bytes,
                                .micro_batches = (int)feed_parts(t->work.batch, draft->batch),
                                .conv_bytes = 4 * context_conv_words(&draft->net->context)};
    plan->config.micro_batch = (int)draft->batch;
    plan->config.shape =
        (struct vggcl_shape){(int)t->work.data->height, (int)t->work.data->width, (int)t->work.data->channels};
    plan->config.classes = (int)t->work.data->classes;
    for (int i = 0; i < MEMORY; i++) {
        plan->groups[i].name = memory[i].name ? memory[i].name : draft->net->optimiser->memory;
        for (int k = (int)memory[i].first; k <= (int)memory[i].last; k++)
            plan->groups[i].bytes += draft->net->group_bytes[k];
    }
    plan->config.images = draft->staged ? VGGCL_IMAGES_HOST : VGGCL_IMAGES_DEVICE;
    plan->groups[MEMORY] =
        (struct vggcl_memory){draft->staged ? "staging buffers of the data set" : "data set", draft->data_bytes};
    snprintf(plan->conv, sizeof plan->conv, "%s", draft->conv);
}

static enum vggcl_err check_micro_batch(const struct vggcl_config *config) {
    if (config->micro_batch <= config->batch)
        return VGGCL_OK;
    return err_set(VGGCL_EUSAGE, "micro-batch %d: is larger than batch %d; set it to at most %d", config->micro_batch,
                   config->batch, config->batch);
}

enum vggcl_err plan_net(const struct context *context, const struct vggcl_config *config, const struct work *work,
                        struct net **net, struct vggcl_plan *plan) {
    struct task task = {context, config, *work, 0};
    struct draft draft = {0};
    uint64_t least;
    bool fits;
    *net = NULL;
    TRY(check_micro_batch(config));
    TRY(plan_resident(&task));
    TRY(search(&task, config->mem_limit ? config->mem_limit : UINT64_MAX, &draft, &least, &fits));
    if (!fits)
        return least == UINT64_MAX
                   ? VGGCL_ENOMEM
                   : too_small(config, least); /* UINT64_MAX: a tensor is too large for the device at any limit */
    describe(&task, &draft, plan);
    *net = draft.net;
    return VGGCL_OK;
}

enum vggcl_err plan_least(const struct context *context, const struct vggcl_config *config, const struct work *work,
                          uint64_t *least) {
    struct task task = {context, config, *work, 0};
    struct draft draft = {0};
    bool fits;
    TRY(plan_resident(&task));
    return search(&task, 0, &draft, least, &fits);
}
