#define _GNU_SOURCE /* sched_getaffinity */
#include "base/parallel.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/stop.h"

#include <pthread.h>
#include <sched.h>

enum { MOST_THREADS = 64 };

struct loop {
    const struct parallel *p;
    size_t count;
    pthread_mutex_t lock; /* for the numbers below */
    size_t next, done;
    bool stopped;
};

/* Returns the next item, for a thread that has finished `finished` items since its last call; *done: the number of
 * items that all threads have finished. */
static size_t take_next(struct loop *l, size_t finished, size_t *done) {
    pthread_mutex_lock(&l->lock);
    size_t i = l->stopped ? l->count : l->next++;
    *done = l->done += finished;
    pthread_mutex_unlock(&l->lock);
    return i;
}

static void stop(struct loop *l) {
    pthread_mutex_lock(&l->lock);
    l->stopped = true;
    pthread_mutex_unlock(&l->lock);
}

/* What the calling thread does between items. */
static void report(struct loop *l, size_t done) {
    if (l->p->progress)
        l->p->progress(done, l->count, l->p->progress_payload);
    if (stop_asked())
        stop(l);
}

static void take_items(struct loop *l, bool is_caller) {
    double reported = clock_seconds();
    size_t done;
    for (size_t i = take_next(l, 0, &done); i < l->count; i = take_next(l, 1, &done)) {
        if (is_caller && clock_seconds() - reported > 0.1) {
            reported = clock_seconds();
            report(l, done);
        }
        l->p->one(i, l->p->payload);
    }
}

static void *run_thread(void *loop) {
    struct loop *l = loop;
    take_items(l, false);
    if (l->p->thread_ends)
        l->p->thread_ends();
    err_put_back(NULL); /* frees the text of an error in this thread */
    return NULL;
}

/* The number of cores that this process may use, at least 1. */
static size_t count_cores(void) {
    cpu_set_t cores;
    int count = sched_getaffinity(0, sizeof cores, &cores) == 0 ? CPU_COUNT(&cores) : 1;
    return count > 1 ? (size_t)count : 1;
}

bool parallel_for(size_t count, const struct parallel *p) {
    pthread_t threads[MOST_THREADS];
    struct loop l = {.p = p, .count = count, .lock = PTHREAD_MUTEX_INITIALIZER};
    size_t cores = count_cores(), started = 0;
    char *kept = err_keep();
    if (p->progress)
        p->progress(0, count, p->progress_payload);
    while (started + 1 < cores && started + 1 < count && started < MOST_THREADS &&
           pthread_create(&threads[started], NULL, run_thread, &l) == 0)
        started++;
    take_items(&l, true);
    while (started > 0)
        pthread_join(threads[--started], NULL);
    if (p->progress && !l.stopped)
        p->progress(count, count, p->progress_payload);
    err_put_back(kept);
    return !l.stopped;
}
