/* oclgrind.c - preloaded under Oclgrind, whose --uninitialized forgets what the host writes or fills unless it is a
 * whole buffer that is written: everything else goes through a mapping, which it remembers. */
#define _GNU_SOURCE
#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>
#include <dlfcn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool is_whole_buffer(cl_mem mem, size_t offset, size_t size) {
    cl_mem parent = NULL;
    size_t all = 0;
    clGetMemObjectInfo(mem, CL_MEM_ASSOCIATED_MEMOBJECT, sizeof parent, &parent, NULL);
    clGetMemObjectInfo(mem, CL_MEM_SIZE, sizeof all, &all, NULL);
    return !parent && offset == 0 && size == all;
}

cl_int clEnqueueWriteBuffer(cl_command_queue queue, cl_mem mem, cl_bool blocking, size_t offset, size_t size,
                            const void *host, cl_uint wait_count, const cl_event *wait, cl_event *event) {
    cl_int code;
    if (is_whole_buffer(mem, offset, size)) {
        cl_int (*original)(cl_command_queue, cl_mem, cl_bool, size_t, size_t, const void *, cl_uint, const cl_event *,
                           cl_event *) = dlsym(RTLD_NEXT, "clEnqueueWriteBuffer");
        return original(queue, mem, blocking, offset, size, host, wait_count, wait, event);
    }
    void *mapped = clEnqueueMapBuffer(queue, mem, CL_TRUE, CL_MAP_READ | CL_MAP_WRITE, offset, size, wait_count, wait,
                                      NULL, &code);
    if (!mapped)
        return code;
    memcpy(mapped, host, size);
    return clEnqueueUnmapMemObject(queue, mem, mapped, 0, NULL, event);
}

cl_int clEnqueueFillBuffer(cl_command_queue queue, cl_mem mem, const void *pattern, size_t pattern_size, size_t offset,
                           size_t size, cl_uint wait_count, const cl_event *wait, cl_event *event) {
    char *host = malloc(size);
    if (!host)
        return CL_OUT_OF_HOST_MEMORY;
    for (size_t i = 0; i < size; i += pattern_size)
        memcpy(host + i, pattern, pattern_size);
    cl_int code = clEnqueueWriteBuffer(queue, mem, CL_TRUE, offset, size, host, wait_count, wait, event);
    free(host);
    return code;
}

/* A new buffer at the address of a released one counts as uninitialised beyond that one's end, whatever is written to
 * it: nothing is released. */
cl_int clReleaseMemObject(cl_mem mem) {
    (void)mem;
    return CL_SUCCESS;
}
