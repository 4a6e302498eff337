/* opencl.c - a library for LD_PRELOAD that makes OpenCL calls fail: the one with the number $VGGCL_FAULT_AT, counted
 * from 1 over the functions whose names begin with $VGGCL_FAULT_CALLS ("" for all of the ones below). With neither it
 * only counts. At the end the number of calls is written to the file $VGGCL_FAULT_COUNT. The driver's own calls, and
 * those of the ICD loader, do not come by here. */
#define _GNU_SOURCE              /* RTLD_NEXT */
#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>

#include <dlfcn.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static atomic_int calls;

static bool fails(const char *name) {
    const char *prefix = getenv("VGGCL_FAULT_CALLS"), *at = getenv("VGGCL_FAULT_AT");
    if (prefix && strncmp(name, prefix, strlen(prefix)) != 0)
        return false;
    int number = atomic_fetch_add(&calls, 1) + 1;
    bool now = at && number == atoi(at);
    if (now)
        fprintf(stderr, "fault: call %d, of %s, fails\n", number, name);
    return now;
}

__attribute__((destructor)) static void write_count(void) {
    const char *path = getenv("VGGCL_FAULT_COUNT");
    FILE *file = path && atomic_load(&calls) ? fopen(path, "w") : NULL; /* not by env and timeout, which start it */
    if (!file)
        return;
    fprintf(file, "%d\n", atomic_load(&calls));
    fclose(file);
}

/* Defines NAME, which calls the real one; ISO C has no cast from void * to a pointer to a function. */
#define REAL(name)                                                                                                     \
    union {                                                                                                            \
        void *address;                                                                                                 \
        __typeof__(name) *function;                                                                                    \
    } real = {dlsym(RTLD_NEXT, #name)}
#define CODE(name, code, parameters, arguments)                                                                        \
    CL_API_ENTRY cl_int CL_API_CALL name parameters {                                                                  \
        REAL(name);                                                                                                    \
        return fails(#name) ? (code) : real.function arguments;                                                        \
    }
#define OBJECT(type, name, code, parameters, arguments)                                                                \
    CL_API_ENTRY type CL_API_CALL name parameters {                                                                    \
        REAL(name);                                                                                                    \
        if (!fails(#name))                                                                                             \
            return real.function arguments;                                                                            \
        if (error)                                                                                                     \
            *error = (code);                                                                                           \
        return NULL;                                                                                                   \
    }

CODE(clGetPlatformIDs, CL_OUT_OF_HOST_MEMORY, (cl_uint n, cl_platform_id *ids, cl_uint *count), (n, ids, count))
CODE(clGetPlatformInfo, CL_OUT_OF_HOST_MEMORY,
     (cl_platform_id id, cl_platform_info what, size_t size, void *to, size_t *got), (id, what, size, to, got))
CODE(clGetDeviceIDs, CL_OUT_OF_HOST_MEMORY,
     (cl_platform_id id, cl_device_type type, cl_uint n, cl_device_id *ids, cl_uint *count), (id, type, n, ids, count))
CODE(clGetDeviceInfo, CL_OUT_OF_RESOURCES, (cl_device_id id, cl_device_info what, size_t size, void *to, size_t *got),
     (id, what, size, to, got))
CODE(clGetContextInfo, CL_OUT_OF_RESOURCES, (cl_context c, cl_context_info what, size_t size, void *to, size_t *got),
     (c, what, size, to, got))
CODE(clGetCommandQueueInfo, CL_OUT_OF_RESOURCES,
     (cl_command_queue q, cl_command_queue_info what, size_t size, void *to, size_t *got), (q, what, size, to, got))
CODE(clGetMemObjectInfo, CL_OUT_OF_RESOURCES, (cl_mem m, cl_mem_info what, size_t size, void *to, size_t *got),
     (m, what, size, to, got))
CODE(clGetProgramInfo, CL_OUT_OF_RESOURCES, (cl_program p, cl_program_info what, size_t size, void *to, size_t *got),
     (p, what, size, to, got))
CODE(clGetProgramBuildInfo, CL_OUT_OF_RESOURCES,
     (cl_program p, cl_device_id id, cl_program_build_info what, size_t size, void *to, size_t *got),
     (p, id, what, size, to, got))
CODE(clGetKernelWorkGroupInfo, CL_OUT_OF_RESOURCES,
     (cl_kernel k, cl_device_id id, cl_kernel_work_group_info what, size_t size, void *to, size_t *got),
     (k, id, what, size, to, got))
CODE(clGetEventInfo, CL_OUT_OF_RESOURCES, (cl_event e, cl_event_info what, size_t size, void *to, size_t *got),
     (e, what, size, to, got))

CODE(clBuildProgram, CL_BUILD_PROGRAM_FAILURE,
     (cl_program p, cl_uint n, const cl_device_id *ids, const char *options,
      void(CL_CALLBACK *notify)(cl_program program, void *user), void *user),
     (p, n, ids, options, notify, user))
CODE(clSetKernelArg, CL_OUT_OF_RESOURCES, (cl_kernel k, cl_uint i, size_t size, const void *value), (k, i, size, value))
CODE(clEnqueueNDRangeKernel, CL_OUT_OF_RESOURCES,
     (cl_command_queue q, cl_kernel k, cl_uint dimensions, const size_t *offset, const size_t *global,
      const size_t *local, cl_uint n, const cl_event *wait, cl_event *event),
     (q, k, dimensions, offset, global, local, n, wait, event))
CODE(clEnqueueReadBuffer, CL_OUT_OF_RESOURCES,
     (cl_command_queue q, cl_mem m, cl_bool blocking, size_t offset, size_t size, void *to, cl_uint n,
      const cl_event *wait, cl_event *event),
     (q, m, blocking, offset, size, to, n, wait, event))
CODE(clEnqueueWriteBuffer, CL_OUT_OF_RESOURCES,
     (cl_command_queue q, cl_mem m, cl_bool blocking, size_t offset, size_t size, const void *from, cl_uint n,
      const cl_event *wait, cl_event *event),
     (q, m, blocking, offset, size, from, n, wait, event))
CODE(clEnqueueFillBuffer, CL_OUT_OF_RESOURCES,
     (cl_command_queue q, cl_mem m, const void *pattern, size_t pattern_size, size_t offset, size_t size, cl_uint n,
      const cl_event *wait, cl_event *event),
     (q, m, pattern, pattern_size, offset, size, n, wait, event))
CODE(clEnqueueMarkerWithWaitList, CL_OUT_OF_RESOURCES,
     (cl_command_queue q, cl_uint n, const cl_event *wait, cl_event *event), (q, n, wait, event))
CODE(clEnqueueBarrierWithWaitList, CL_OUT_OF_RESOURCES,
     (cl_command_queue q, cl_uint n, const cl_event *wait, cl_event *event), (q, n, wait, event))
CODE(clWaitForEvents, CL_OUT_OF_RESOURCES, (cl_uint n, const cl_event *events), (n, events))
CODE(clFlush, CL_OUT_OF_RESOURCES, (cl_command_queue q), (q))

OBJECT(cl_context, clCreateContext, CL_OUT_OF_HOST_MEMORY,
       (const cl_context_properties *properties, cl_uint n, const cl_device_id *ids,
        void(CL_CALLBACK *notify)(const char *text, const void *info, size_t size, void *user), void *user,
        cl_int *error),
       (properties, n, ids, notify, user, error))
OBJECT(cl_command_queue, clCreateCommandQueue, CL_OUT_OF_HOST_MEMORY,
       (cl_context c, cl_device_id id, cl_command_queue_properties properties, cl_int *error),
       (c, id, properties, error))
OBJECT(cl_mem, clCreateBuffer, CL_MEM_OBJECT_ALLOCATION_FAILURE,
       (cl_context c, cl_mem_flags flags, size_t size, void *host, cl_int *error), (c, flags, size, host, error))
OBJECT(cl_mem, clCreateSubBuffer, CL_MEM_OBJECT_ALLOCATION_FAILURE,
       (cl_mem m, cl_mem_flags flags, cl_buffer_create_type type, const void *region, cl_int *error),
       (m, flags, type, region, error))
OBJECT(cl_program, clCreateProgramWithSource, CL_OUT_OF_HOST_MEMORY,
       (cl_context c, cl_uint n, const char **texts, const size_t *lengths, cl_int *error),
       (c, n, texts, lengths, error))
OBJECT(cl_program, clCreateProgramWithBinary, CL_OUT_OF_HOST_MEMORY,
       (cl_context c, cl_uint n, const cl_device_id *ids, const size_t *lengths, const unsigned char **binaries,
        cl_int *status, cl_int *error),
       (c, n, ids, lengths, binaries, status, error))
OBJECT(cl_kernel, clCreateKernel, CL_OUT_OF_HOST_MEMORY, (cl_program p, const char *name, cl_int *error),
       (p, name, error))
