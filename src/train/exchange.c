#include "train/exchange.h"
#include "base/activity.h"
#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

static bool has_gradient(const struct parameter *p) {
    return p->trained && !p->untouched;
}

/* Words of a layer's gradients. */
static size_t layer_words(const struct layer *l) {
    size_t words = 0;
    for (const struct parameter *p = l->parameters; p < l->parameters + l->parameter_count; p++)
        words += has_gradient(p) ? parameter_count(p) : 0;
    return words;
}

/* Cuts the layers into buckets. Layers without gradients belong to the bucket before them. */
static size_t cut(struct exchange *e) {
    size_t words = 0;
    struct bucket *b = e->buckets;
    *b = (struct bucket){.last = e->net->layer_count - 1};
    for (size_t i = e->net->layer_count; i-- > 0;) {
        b->count += layer_words(&e->net->layers[i]);
        b->first = i;
        if (layer_words(&e->net->layers[i]))
            b->final = i;
        bool full = b->count >= EXCHANGE_WORDS && b + 1 < e->buckets + EXCHANGE_BUCKETS;
        if (full && i > 0) {
            words += b->count;
            *++b = (struct bucket){.last = i - 1, .from = words};
        }
    }
    e->bucket_count = (size_t)(b - e->buckets) + 1;
    return words + b->count;
}

enum vggcl_err exchange_lay_out(struct exchange *e, struct net *net, enum stored sent, size_t parts) {
    size_t most = parts;
    void *all;
    enum vggcl_err err = ranks_collect(&parts, sizeof parts, &all);
    for (const size_t *other = all; err == VGGCL_OK && other < (size_t *)all + ranks_count(); other++)
        most = *other > most ? *other : most;
    free(all);
    TRY(err);
    *e = (struct exchange){.net = net, .sent = sent, .parts = most};
    e->part_words = 2 + net->group_bytes[NET_BATCH_STATISTICS] / sizeof(float);
    e->words = cut(e);
    return VGGCL_OK;
}

static size_t told_words(const struct exchange *e) {
    return (e->parts + 1) * e->part_words;
}

uint64_t exchange_bytes(const struct exchange *e) {
    uint64_t ranks = (uint64_t)ranks_count(), others = ranks - 1;
    uint64_t number = e->sent == STORED_BF16 ? sizeof(uint16_t) : sizeof(float);
    return 2 * number * e->words * others / ranks + sizeof(float) * told_words(e) * others;
}

enum vggcl_err exchange_make(struct exchange *e, struct net *net, enum stored sent, size_t parts) {
    TRY(exchange_lay_out(e, net, sent, parts));
    size_t ranks = (size_t)ranks_count(), words = e->words, told = told_words(e);
    e->gradients = malloc((words + 1) * sizeof(float));
    e->told = calloc(told, sizeof(float));
    e->all_told = calloc(ranks * told, sizeof(float));
    return e->gradients && e->told && e->all_told
               ? VGGCL_OK
               : err_no_memory("what the ranks tell each other", (words + (ranks + 1) * told) * sizeof(float));
}

void exchange_free(struct exchange *e) {
    for (size_t i = 0; i < e->bucket_count; i++) {
        fence_wait(&e->buckets[i].fence);
        ranks_sum_free(e->buckets[i].sum);
    }
    free(e->gradients);
    free(e->told);
    free(e->all_told);
    *e = (struct exchange){0};
}

static struct bucket *bucket_of(struct exchange *e, size_t layer) {
    struct bucket *b = e->buckets;
    while (layer < b->first)
        b++;
    return b;
}

enum vggcl_err exchange_read(struct exchange *e, size_t layer) {
    struct bucket *b = bucket_of(e, layer);
    const struct layer *l = &e->net->layers[layer];
    float *to = e->gradients + b->from, *end;
    for (size_t i = b->last; i > layer; i--)
        to += layer_words(&e->net->layers[i]);
    end = to + layer_words(l);
    for (const struct parameter *p = l->parameters; p < l->parameters + l->parameter_count; p++) {
        if (!has_gradient(p))
            continue;
        bool is_last = layer == b->final && to + parameter_count(p) == end;
        TRY(dev_read_later(e->net->dev, net_gradient(e->net, p), 0, parameter_count(p), to,
                           is_last ? &b->fence : NULL));
        to += parameter_count(p);
    }
    return VGGCL_OK;
}

float *exchange_total(struct exchange *e, size_t part) {
    return e->told + part * e->part_words;
}
float *exchange_statistics(struct exchange *e, size_t part) {
    return exchange_total(e, part) + 2;
}

static enum vggcl_err write_back(struct exchange *e, const struct bucket *b) {
    const float *from = e->gradients + b->from;
    for (size_t i = b->last + 1; i-- > b->first;) {
        const struct layer *l = &e->net->layers[i];
        for (const struct parameter *p = l->parameters; p < l->parameters + l->parameter_count; p++) {
            if (!has_gradient(p))
                continue;
            TRY(dev_write_later(e->net->dev, net_gradient(e->net, p), 0, parameter_count(p), from));
            from += parameter_count(p);
        }
    }
    return VGGCL_OK;
}

void exchange_forget(struct exchange *e) {
    e->seconds = e->hidden = 0;
}

/* Adds the time since the last look at the sums if any was under way; the time between two sums is no communication. */
static void look(struct exchange *e, bool under_way) {
    double now = clock_seconds();
    e->seconds += e->under_way ? now - e->last : 0;
    e->last = now;
    e->under_way = under_way;
}

/* Goes on with the sums that have begun. *left: those that are not done. */
static enum vggcl_err go_on(struct exchange *e, size_t begun, size_t *left) {
    *left = 0;
    for (size_t i = 0; i < begun; i++) {
        struct bucket *b = &e->buckets[i];
        if (b->done)
            continue;
        TRY(ranks_sum_go_on(b->sum, &b->done));
        if (b->done) {
            ranks_sum_free(b->sum);
            b->sum = NULL;
        } else
            ++*left;
    }
    look(e, *left > 0);
    return VGGCL_OK;
}

/* Waits for the bucket's gradients, while the sums of those before go on. */
static enum vggcl_err await(struct exchange *e, size_t number) {
    struct bucket *b = &e->buckets[number];
    size_t left = number;
    bool there = false;
    int pauses = 0;
    enum vggcl_err err = VGGCL_OK;
    activity_begin("waiting for a step", e->net->dev->info.name, false);
    while (err == VGGCL_OK && left && !there) {
        err = go_on(e, number, &left);
        if (err == VGGCL_OK)
            err = fence_is_done(&b->fence, &there);
        if (err == VGGCL_OK && left && !there)
            ranks_pause(&pauses);
    }
    activity_end();
    TRY(err);
    return fence_wait(&b->fence);
}

/* The rank that the first sum waits for. */
static int awaited(const struct exchange *e) {
    const struct bucket *b = e->buckets;
    while (!b->sum)
        b++;
    return ranks_sum_awaits(b->sum);
}

/* The device waits now, so that pauses are short. In the first step the other ranks may still build kernels. */
static enum vggcl_err finish(struct exchange *e, size_t left) {
    enum vggcl_err err = VGGCL_OK;
    int rank = -1;
    while (left && err == VGGCL_OK) {
        if (awaited(e) != rank) {
            if (rank >= 0)
                activity_end();
            rank = awaited(e);
            activity_begin_wait(ranks_name(rank), !e->stepped);
        }
        ranks_pause(&(int){0});
        err = go_on(e, e->bucket_count, &left);
    }
    if (rank >= 0)
        activity_end();
    return err;
}

enum vggcl_err exchange_sum(struct exchange *e) {
    size_t left = 0;
    double before = e->seconds;
    for (size_t i = 0; i < e->bucket_count; i++) {
        struct bucket *b = &e->buckets[i];
        TRY(await(e, i));
        look(e, true);
        if (i + 1 == e->bucket_count)
            e->hidden += e->seconds - before;
        b->done = false;
        TRY(ranks_sum_begin(e->gradients + b->from, b->count, e->sent, (int)i, &b->sum));
        TRY(go_on(e, i + 1, &left));
    }
    TRY(finish(e, left));
    for (size_t i = 0; i < e->bucket_count; i++)
        TRY(write_back(e, &e->buckets[i]));
    return VGGCL_OK;
}

enum vggcl_err exchange_tell(struct exchange *e, size_t count,
                             enum vggcl_err (*each)(const struct told *told, void *payload), void *payload) {
    size_t words = told_words(e);
    double start = clock_seconds();
    e->told[e->parts * e->part_words] = (float)count;
    TRY(ranks_gather(e->told, words * sizeof(float), e->all_told));
    e->seconds += clock_seconds() - start;
    e->stepped = true;
    for (int rank = 0; rank < ranks_count(); rank++) {
        const float *from = e->all_told + (size_t)rank * words;
        size_t parts = (size_t)from[e->parts * e->part_words];
        for (size_t i = 0; i < parts; i++, from += e->part_words)
            TRY(each(&(struct told){.rank = rank, .part = i, .total = from, .statistics = from + 2}, payload));
    }
    return VGGCL_OK;
}
