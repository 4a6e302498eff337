/* disk.c - a library for LD_PRELOAD: a disk that is full, or that fails, for a while.
 *
 *     VGGCL_TEST_SPACE=4:5:1000   the 4th and the 5th query of free space say that 1000 bytes are free
 *     VGGCL_TEST_FSYNC=2:2:5      the 2nd fsync() of last.safetensors fails with errno 5
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* Counts a call; true, with the value to use, if it is one of those that the variable names. */
static bool is_due(const char *variable, long *count, unsigned long *value) {
    const char *text = getenv(variable);
    long from, to;
    if (!text || sscanf(text, "%ld:%ld:%lu", &from, &to, value) != 3)
        return false;
    ++*count;
    return *count >= from && *count <= to;
}

static int answer(int result, struct statvfs *status) {
    static long count;
    unsigned long bytes;
    if (result == 0 && is_due("VGGCL_TEST_SPACE", &count, &bytes)) {
        status->f_frsize = 1;
        status->f_bavail = bytes;
    }
    return result;
}

int statvfs(const char *path, struct statvfs *status) {
    int (*next)(const char *, struct statvfs *);
    *(void **)&next = dlsym(RTLD_NEXT, "statvfs");
    return answer(next(path, status), status);
}

int fstatvfs(int descriptor, struct statvfs *status) {
    int (*next)(int, struct statvfs *);
    *(void **)&next = dlsym(RTLD_NEXT, "fstatvfs");
    return answer(next(descriptor, status), status);
}

static bool is_state(int descriptor) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path - 1);
    path[length > 0 ? length : 0] = '\0';
    return strstr(path, "/last.safetensors.");
}

int fsync(int descriptor) {
    static long count;
    unsigned long why;
    int (*next)(int);
    *(void **)&next = dlsym(RTLD_NEXT, "fsync");
    if (!is_state(descriptor) || !is_due("VGGCL_TEST_FSYNC", &count, &why))
        return next(descriptor);
    errno = (int)why;
    return -1;
}
