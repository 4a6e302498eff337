#define _GNU_SOURCE /* ppoll, setns */
/* delay.c - a network link with a delay, for kernels without netem: cluster.sh builds and starts it.
 *
 * delay MILLISECONDS NAMESPACE1 DEVICE1 NAMESPACE2 DEVICE2: makes a TAP device in each of two network namespaces (those
 * of ip netns), and passes what the first one sends to the second one that much later, what the second one sends to the
 * first one at once. The link lasts as long as the process. Prints a line when both devices are there. Needs root. */
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { LONGEST = 65536 + 256, QUEUED = 8192 }; /* bytes of a packet that TCP leaves the device to cut; packets */

static struct packet {
    double due; /* seconds */
    ssize_t size;
    char *bytes;
} queue[QUEUED];
static size_t first, end; /* counted on; modulo QUEUED */

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Opens a TAP device that takes large packets and checksums that are not yet computed, as a veth pair does. */
static int open_tap(const char *space, const char *name) {
    char path[4096];
    struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR};
    snprintf(path, sizeof path, "/run/netns/%s", space);
    int there = open(path, O_RDONLY | O_CLOEXEC);
    if (there < 0 || setns(there, CLONE_NEWNET) != 0)
        fail(path);
    close(there);
    int tap = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", name);
    if (tap < 0 || ioctl(tap, TUNSETIFF, &request) != 0 ||
        ioctl(tap, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6) != 0)
        fail("/dev/net/tun");
    return tap;
}

/* Reads what a device has sent; drops it, as a network would, if the queue is full. */
static void receive(int tap, double delay) {
    static char dropped[LONGEST];
    for (;;) {
        struct packet *p = &queue[end % QUEUED];
        bool full = end - first == QUEUED;
        if (!full && !p->bytes && !(p->bytes = malloc(LONGEST)))
            fail("out of memory");
        ssize_t size = read(tap, full ? dropped : p->bytes, LONGEST);
        if (size <= 0)
            return;
        p->size = size;
        p->due = now() + delay;
        end += !full;
    }
}

static void pass_on(int from, int to) {
    static char bytes[LONGEST];
    for (ssize_t size; (size = read(from, bytes, sizeof bytes)) > 0;)
        if (write(to, bytes, (size_t)size) < 0)
            continue; /* the device is down */
}

static void send_due(int tap) {
    for (; first < end && queue[first % QUEUED].due <= now(); first++)
        if (write(tap, queue[first % QUEUED].bytes, (size_t)queue[first % QUEUED].size) < 0)
            continue;
}

int main(int argc, char **argv) {
    if (argc != 6) {
        fprintf(stderr, "usage: delay MILLISECONDS NAMESPACE1 DEVICE1 NAMESPACE2 DEVICE2\n");
        return 2;
    }
    double delay = atof(argv[1]) / 1000;
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* with the script */
    struct pollfd taps[] = {{open_tap(argv[2], argv[3]), POLLIN, 0}, {open_tap(argv[4], argv[5]), POLLIN, 0}};
    prctl(PR_SET_TIMERSLACK, 1UL); /* else it wakes up to 50 microseconds late */
    puts("ready");
    fflush(stdout);
    for (;;) {
        double wait = first < end ? queue[first % QUEUED].due - now() : 1;
        struct timespec timeout = {0, wait <= 0 ? 0 : wait >= 1 ? 999999999 : (long)(wait * 1e9)};
        ppoll(taps, 2, &timeout, NULL);
        send_due(taps[1].fd);
        receive(taps[0].fd, delay);
        pass_on(taps[1].fd, taps[0].fd);
    }
}
