/* hang.c - a library to preload, under which a call of OpenCL never returns: the wait whose number, from 1, is
 * $VGGCL_HANG_AT, or the read whose number is $VGGCL_HANG_READ; it writes "hanging" to stderr. Where $VGGCL_HANG_HOW is
 * "abort", that call aborts the process; where it is "memory", it fails for lack of memory; where it is
 * "abort-at-exit", unloading the library after a read aborts. The other calls go to the real functions. */
#define _GNU_SOURCE
#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>

#include <dlfcn.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int how_is(const char *how) {
    const char *text = getenv("VGGCL_HANG_HOW");
    return text && strcmp(text, how) == 0;
}

static atomic_int waits, reads; /* number of calls so far */

__attribute__((destructor)) static void unload(void) {
    if (how_is("abort-at-exit") && reads)
        abort();
}

/* Hangs in the call whose number the variable has; true if that is to fail. */
static int count(atomic_int *calls, const char *variable) {
    const char *at = getenv(variable);
    if (++*calls != (at ? atoi(at) : 0))
        return 0;
    if (how_is("memory"))
        return 1;
    if (how_is("abort"))
        abort();
    if (write(STDERR_FILENO, "hanging\n", 8))
        for (;;)
            pause();
    return 0;
}

__attribute__((visibility("default"))) cl_int clWaitForEvents(cl_uint number, const cl_event *events) {
    union { /* ISO C does not allow a cast from void * to a function pointer */
        void *address;
        cl_int (*wait)(cl_uint number, const cl_event *events);
    } real = {dlsym(RTLD_NEXT, "clWaitForEvents")};
    return count(&waits, "VGGCL_HANG_AT") ? CL_MEM_OBJECT_ALLOCATION_FAILURE : real.wait(number, events);
}

__attribute__((visibility("default"))) cl_int clEnqueueReadBuffer(cl_command_queue queue, cl_mem buffer,
                                                                  cl_bool blocking, size_t offset, size_t size,
                                                                  void *to, cl_uint number, const cl_event *events,
                                                                  cl_event *event) {
    union {
        void *address;
        cl_int (*read)(cl_command_queue queue, cl_mem buffer, cl_bool blocking, size_t offset, size_t size, void *to,
                       cl_uint number, const cl_event *events, cl_event *event);
    } real = {dlsym(RTLD_NEXT, "clEnqueueReadBuffer")};
    if (count(&reads, "VGGCL_HANG_READ"))
        return CL_MEM_OBJECT_ALLOCATION_FAILURE;
    return real.read(queue, buffer, blocking, offset, size, to, number, events, event);
}
