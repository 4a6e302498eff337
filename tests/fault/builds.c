/* builds.c - a library for LD_PRELOAD: a driver without a profile, whose builds are watched.
 *
 *     VGGCL_TEST_BUILDS=FILE   appends a line to FILE for each program that is built from source: a hash of its sources
 *                              and the options
 *     VGGCL_TEST_SIGNAL=3      SIGINT at the third of these builds
 *     VGGCL_TEST_PRINTS=3      prints "1 warning generated." at each build, and at the third one aborts; 0: never
 *     VGGCL_TEST_HASTE=1000    the monotonic clock runs a thousand times as fast: there is no time for measurements
 *
 * The platform's name is "Nobody's driver", for which no profile ships with vggcl. */
#define _GNU_SOURCE
#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { PROGRAMS = 512 };

static struct source {
    cl_program program;
    uint64_t hash; /* FNV-1a */
} sources[PROGRAMS];
static size_t count;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* programs are built by several threads */

#define NEXT(function)                                                                                                 \
    static __typeof__(&(function)) next;                                                                               \
    if (!next)                                                                                                         \
    *(void **)&next = dlsym(RTLD_NEXT, #function)

cl_program clCreateProgramWithSource(cl_context context, cl_uint parts, const char **texts, const size_t *lengths,
                                     cl_int *code) {
    NEXT(clCreateProgramWithSource);
    uint64_t hash = 0xcbf29ce484222325;
    for (cl_uint i = 0; i < parts; i++)
        for (const char *c = texts[i]; *c; c++)
            hash = (hash ^ (unsigned char)*c) * 0x100000001b3;
    cl_program program = next(context, parts, texts, lengths, code);
    pthread_mutex_lock(&mutex);
    sources[count++ % PROGRAMS] = (struct source){program, hash};
    pthread_mutex_unlock(&mutex);
    return program;
}

cl_program clCreateProgramWithBinary(cl_context context, cl_uint devices, const cl_device_id *ids,
                                     const size_t *lengths, const unsigned char **binaries, cl_int *status,
                                     cl_int *code) {
    NEXT(clCreateProgramWithBinary);
    cl_program program = next(context, devices, ids, lengths, binaries, status, code);
    pthread_mutex_lock(&mutex);
    for (size_t i = 0; i < PROGRAMS; i++) /* its handle may be that of a program that was released */
        if (sources[i].program == program)
            sources[i].program = NULL;
    pthread_mutex_unlock(&mutex);
    return program;
}

static void watch(const struct source *source, const char *options) {
    static long builds;
    const char *path = getenv("VGGCL_TEST_BUILDS"), *at = getenv("VGGCL_TEST_SIGNAL"),
               *prints = getenv("VGGCL_TEST_PRINTS");
    FILE *file = path ? fopen(path, "a") : NULL;
    if (file) {
        fprintf(file, "%016llx %s\n", (unsigned long long)source->hash, options);
        fclose(file);
    }
    builds++;
    if (at && builds == atol(at))
        raise(SIGINT);
    if (prints) {
        fprintf(stderr, "1 warning generated.\n");
        if (builds == atol(prints))
            abort();
    }
}

cl_int clBuildProgram(cl_program program, cl_uint devices, const cl_device_id *ids, const char *options,
                      void(CL_CALLBACK *notify)(cl_program, void *), void *payload) {
    NEXT(clBuildProgram);
    pthread_mutex_lock(&mutex);
    for (size_t i = 0; i < PROGRAMS; i++)
        if (sources[i].program == program)
            watch(&sources[i], options);
    pthread_mutex_unlock(&mutex);
    return next(program, devices, ids, options, notify, payload);
}

cl_int clGetPlatformInfo(cl_platform_id platform, cl_platform_info what, size_t room, void *value, size_t *size) {
    static const char name[] = "Nobody's driver";
    NEXT(clGetPlatformInfo);
    if (what != CL_PLATFORM_NAME)
        return next(platform, what, room, value, size);
    if (size)
        *size = sizeof name;
    if (value && room < sizeof name)
        return CL_INVALID_VALUE;
    if (value)
        memcpy(value, name, sizeof name);
    return CL_SUCCESS;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    const char *haste = getenv("VGGCL_TEST_HASTE");
    int result = (int)syscall(SYS_clock_gettime, clock, now);
    if (result == 0 && clock == CLOCK_MONOTONIC && haste) {
        double seconds = atof(haste) * ((double)now->tv_sec + 1e-9 * (double)now->tv_nsec);
        now->tv_sec = (time_t)seconds;
        now->tv_nsec = (long)(1e9 * (seconds - (double)now->tv_sec));
    }
    return result;
}
