/* A loop on all cores: every item once, whatever their number, and the progress. */
#define _GNU_SOURCE /* sched_setaffinity */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/parallel.h"
#include "base/stop.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

struct work {
    atomic_int *times; /* [count]: how often each item was done */
    atomic_size_t done;
    size_t reports, first, last; /* of progress(): how many, and their numbers of items */
    bool fell, other_thread;
    pthread_t caller;
};

static atomic_int ended;

static void one(size_t i, void *payload) {
    struct work *work = payload;
    work->times[i]++;
    work->done++;
}

static void slow_one(size_t i, void *payload) {
    nanosleep(&(struct timespec){.tv_nsec = 60 * 1000 * 1000}, NULL);
    one(i, payload);
}

static void thread_ends(void) {
    ended++;
}

static void progress(size_t done, size_t count, void *payload) {
    struct work *work = payload;
    work->other_thread |= !pthread_equal(pthread_self(), work->caller);
    work->fell |= work->reports && done < work->last;
    assert_true(done <= work->done && done <= count);
    work->first = work->reports++ ? work->first : done;
    work->last = done;
}

static void each_item_once(size_t count, void (*item)(size_t, void *), size_t reports) {
    struct work work = {.times = calloc(count + 1, sizeof *work.times), .caller = pthread_self()};
    const struct parallel loop = {
        .one = item, .thread_ends = thread_ends, .payload = &work, .progress = progress, .progress_payload = &work};
    assert_non_null(work.times);
    ended = 0;
    parallel_for(count, &loop);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(work.times[i], 1);
    assert_int_equal(work.times[count], 0);
    assert_int_equal(work.first, 0);
    assert_int_equal(work.last, count);
    assert_true(work.reports >= reports);
    assert_false(work.fell);
    assert_false(work.other_thread);
    assert_true(count > 1 ? (size_t)ended < count : ended == 0); /* the caller does an item too */
    free(work.times);
}

static void any_number_of_items(void **state) {
    (void)state;
    static const size_t counts[] = {0, 1, 2, 3, 64, 65, 66, 10000};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        each_item_once(counts[i], one, 2);
}

/* On one core: the calling thread does all. */
static void reports_on_the_way(void **state) {
    (void)state;
    cpu_set_t all, first;
    int core = 0;
    assert_int_equal(sched_getaffinity(0, sizeof all, &all), 0);
    while (!CPU_ISSET(core, &all))
        core++;
    CPU_ZERO(&first);
    CPU_SET(core, &first);
    assert_int_equal(sched_setaffinity(0, sizeof first, &first), 0);
    each_item_once(5, slow_one, 4); /* 0.3 s, a report every 0.1 s or a little more */
    assert_int_equal(ended, 0);
    assert_int_equal(sched_setaffinity(0, sizeof all, &all), 0);
}

static void without_progress(void **state) {
    (void)state;
    struct work work = {.times = calloc(5, sizeof *work.times)};
    parallel_for(5, &(struct parallel){.one = one, .payload = &work});
    assert_int_equal(work.done, 5);
    free(work.times);
}

static bool after_ten(void *payload) {
    const struct work *work = payload;
    return work->done >= 10;
}

/* Items that were begun are done, and each once. */
static void stops(void **state) {
    (void)state;
    enum { COUNT = 10000 };
    struct work work = {.times = calloc(COUNT, sizeof *work.times), .caller = pthread_self()};
    size_t done = 0;
    stop_ask(after_ten, &work);
    assert_false(parallel_for(COUNT, &(struct parallel){.one = slow_one, .payload = &work}));
    stop_ask(NULL, NULL);
    for (size_t i = 0; i < COUNT; i++) {
        assert_true(work.times[i] <= 1);
        done += (size_t)work.times[i];
    }
    assert_true(done >= 10 && done < COUNT);
    assert_int_equal(done, work.done);
    free(work.times);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_number_of_items),
        cmocka_unit_test(reports_on_the_way),
        cmocka_unit_test(without_progress),
        cmocka_unit_test(stops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
