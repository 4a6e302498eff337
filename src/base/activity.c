#include "base/activity.h"

#include <pthread.h>
#include <stdio.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
    uint64_t calls;
    const char *call, *device; /* call is NULL between calls */
    bool compiles, rank;
} now;

static _Thread_local int depth; /* activities that the thread is in */

static void begin(const char *call, const char *device, bool compiles, bool rank) {
    pthread_mutex_lock(&lock);
    now.calls++;
    if (depth++ == 0) {
        now.call = call;
        now.device = device;
        now.compiles = compiles;
        now.rank = rank;
    }
    pthread_mutex_unlock(&lock);
}

void activity_begin(const char *call, const char *device, bool compiles) {
    begin(call, device, compiles, false);
}

void activity_begin_wait(const char *rank, bool idle) {
    begin("waiting for another process", rank, idle, true);
}

void activity_end(void) {
    if (--depth > 0)
        return;
    pthread_mutex_lock(&lock);
    now.call = NULL;
    pthread_mutex_unlock(&lock);
}

void vggcl_activity(struct vggcl_activity *activity) {
    *activity = (struct vggcl_activity){0};
    pthread_mutex_lock(&lock);
    activity->calls = now.calls;
    if (now.call) {
        activity->compiles = now.compiles;
        activity->rank = now.rank;
        snprintf(activity->call, sizeof activity->call, "%s", now.call);
        snprintf(activity->device, sizeof activity->device, "%s", now.device);
    }
    pthread_mutex_unlock(&lock);
}
