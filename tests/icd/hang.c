/* hang.c - a library to preload, under which a wait for an OpenCL device never returns: the one whose number, from 1,
 * is $VGGCL_HANG_AT; it writes "hanging" to stderr. The others go to the real clWaitForEvents(). */
#define _GNU_SOURCE
#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>

#include <dlfcn.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

__attribute__((visibility("default"))) cl_int clWaitForEvents(cl_uint count, const cl_event *events) {
    static atomic_int calls;
    const char *at = getenv("VGGCL_HANG_AT");
    union { /* ISO C does not allow a cast from void * to a function pointer */
        void *address;
        cl_int (*wait)(cl_uint count, const cl_event *events);
    } real = {dlsym(RTLD_NEXT, "clWaitForEvents")};
    if (at && ++calls == atoi(at) && write(STDERR_FILENO, "hanging\n", 8))
        for (;;)
            pause();
    return real.wait(count, events);
}
