#include "cl/device.h"
#include "cl/select.h"
#include "base/cache_folder.h"
#include "base/file.h"
#include "base/phase.h"
#include "base/text.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Floats per vector. 16 fill an AVX-512 register; on CPUs with narrower registers PoCL splits such vectors at no cost.
 * If work-items map to SIMD lanes, a work-item uses vectors of 4. */
enum { VECTOR_WIDTH = 16, LANE_WIDTH = 4 };

static enum vggcl_err check_kernel_dir(const char *kernel_dir) {
    if (!file_is_folder(kernel_dir))
        return err_set(VGGCL_EIO, "kernel-dir %s: is not a directory", kernel_dir);
    return VGGCL_OK;
}

enum vggcl_err dev_fail(const struct dev *d, cl_int code, const char *what) {
    return err_set(code == CL_MEM_OBJECT_ALLOCATION_FAILURE || code == CL_OUT_OF_HOST_MEMORY ? VGGCL_ENOMEM
                                                                                             : VGGCL_EOPENCL,
                   "%s on %s: %s (%d)", what, d->info.name, cl_error_name(code), code);
}

void dev_begin_wait(const struct dev *d, const char *call) {
    activity_begin(call, d->info.name, d->fresh);
}

void dev_end_wait(struct dev *d) {
    activity_end();
    d->fresh = false;
}

/* Takes ownership of selected->id. On failure too, the caller must pass *device to dev_close(). */
static enum vggcl_err open_one(const struct selected *selected, const char *kernel_dir, struct dev **device) {
    cl_int code;
    struct dev *d = *device = calloc(1, sizeof *d);
    if (!d) {
        clReleaseDevice(selected->id);
        return err_no_memory("the device", sizeof *d);
    }
    d->info = selected->info;
    d->id = selected->id;
    d->simt = d->info.type != VGGCL_CPU || d->info.native_vector_width <= 1;
    d->vector_width = d->simt ? LANE_WIDTH : VECTOR_WIDTH;
    d->kernel_dir = kernel_dir && *kernel_dir ? kernel_dir : NULL;
    d->alignment = d->info.alignment > 64 ? d->info.alignment : 64;
    cache_folder("programs", d->cache_folder);
    activity_begin("creating a context", d->info.name, false);
    d->context = clCreateContext(NULL, 1, &d->id, NULL, NULL, &code);
    activity_end();
    if (code != CL_SUCCESS)
        return dev_fail(d, code, "creating a context");
    activity_begin("creating a queue", d->info.name, false);
    d->queue = clCreateCommandQueue(d->context, d->id, 0, &code);
    activity_end();
    if (code != CL_SUCCESS)
        return dev_fail(d, code, "creating a queue");
    cl_int none = 0;
    d->jobs_taken.count = 1;
    d->jobs_taken.mem = clCreateBuffer(d->context, CL_MEM_READ_WRITE | CL_MEM_COPY_HOST_PTR, sizeof none, &none, &code);
    return code == CL_SUCCESS ? VGGCL_OK : dev_fail(d, code, "creating a buffer");
}

enum vggcl_err dev_open_all(const char *selectors, const char *kernel_dir, struct dev *devices[VGGCL_DEVICES],
                            size_t *count) {
    struct selected chosen[VGGCL_DEVICES];
    enum vggcl_err err = VGGCL_OK;
    *count = 0;
    if (kernel_dir && *kernel_dir)
        TRY(check_kernel_dir(kernel_dir));
    phase_begin("", "loading drivers", 0);
    TRY(select_devices(selectors, chosen, count));
    for (size_t i = 0; i < *count; i++) {
        devices[i] = NULL;
        if (err == VGGCL_OK)
            err = open_one(&chosen[i], kernel_dir, &devices[i]);
        else
            clReleaseDevice(chosen[i].id);
    }
    while (err != VGGCL_OK && *count > 0)
        dev_close(devices[--*count]);
    return err;
}

enum vggcl_err dev_open(const char *selector, const char *kernel_dir, struct dev **device) {
    struct dev *devices[VGGCL_DEVICES];
    size_t count;
    *device = NULL;
    TRY(dev_open_all(selector, kernel_dir, devices, &count));
    if (count == 1) {
        *device = devices[0];
        return VGGCL_OK;
    }
    while (count > 0)
        dev_close(devices[--count]);
    return err_set(VGGCL_EUSAGE,
                   "device %s: names more than one device, but only train and plan use several; name one of them",
                   selector);
}

void dev_close(struct dev *d) {
    if (!d)
        return;
    program_free_all(d);
    activity_begin("closing the device", d->info.name, false);
    if (d->jobs_taken.mem)
        clReleaseMemObject(d->jobs_taken.mem);
    if (d->uploads)
        clReleaseCommandQueue(d->uploads);
    if (d->queue)
        clReleaseCommandQueue(d->queue);
    if (d->context)
        clReleaseContext(d->context);
    /* A sub-device that has been used is kept until the process ends: contexts of PoCL 3.1 do not retain theirs, and
     * its threads read the device when they release an event, which can be after the last wait for the queue. */
    if (!d->context)
        clReleaseDevice(d->id);
    activity_end();
    free(d);
}

struct range dev_grid(const struct dev *d, size_t x, size_t y) {
    size_t along_x = 1;
    if (!d->simt)
        return RANGE_SINGLE(x, y, 1);
    while (along_x < WORK_GROUP && along_x < x)
        along_x *= 2;
    return (struct range){{x, y, 1}, {along_x, WORK_GROUP / along_x, 1}};
}

struct range dev_jobs(const struct dev *d, size_t jobs) {
    return RANGE_SINGLE(jobs < d->info.compute_units ? jobs : d->info.compute_units, 1, 1);
}

/* Halves the work-group until the device supports its size. Only kernels without local memory can be concerned: the
 * sizes of all others are checked in advance, see gemm_tile_check(). */
static void fit_groups(const struct dev *d, struct range *range) {
    while (range->local[0] * range->local[1] * range->local[2] > d->info.work_group_size)
        range->local[range->local[0] < range->local[1]] /= 2;
}

static enum vggcl_err enqueue(struct dev *d, const char *name, cl_kernel kernel, struct range range,
                              const struct arg *args) {
    for (cl_uint i = 0; args[i].size; i++) {
        cl_int code = clSetKernelArg(kernel, i, args[i].size, args[i].local ? NULL : &args[i].value);
        if (code != CL_SUCCESS)
            return err_set(VGGCL_EOPENCL, "kernel %s, argument %u: %s (%d)", name, i, cl_error_name(code), code);
    }
    fit_groups(d, &range);
    for (int i = 0; i < 3; i++) {
        if (range.global[i] == 0)
            return VGGCL_OK;
        range.global[i] = (range.global[i] + range.local[i] - 1) / range.local[i] * range.local[i];
    }
    activity_begin(name, d->info.name, d->fresh);
    cl_int code = clEnqueueNDRangeKernel(d->queue, kernel, 3, NULL, range.global, range.local, 0, NULL, NULL);
    activity_end();
    return code == CL_SUCCESS ? VGGCL_OK : dev_fail(d, code, name);
}

enum vggcl_err dev_run(struct dev *d, const char *name, const char *options, struct range range,
                       const struct arg *args) {
    cl_kernel kernel;
    TRY(program_kernel(d, name, options, &kernel));
    return enqueue(d, name, kernel, range, args);
}

struct kernel kernel_make(const char *name, const char *format, ...) {
    struct kernel kernel = {.name = name};
    va_list arguments;
    va_start(arguments, format);
    text_print_list(kernel.options, sizeof kernel.options, format, arguments);
    va_end(arguments);
    return kernel;
}

enum vggcl_err dev_launch(struct dev *d, struct kernel *k, struct range range, const struct arg *args) {
    if (!k->handle || k->generation != d->generation)
        TRY(program_kernel(d, k->name, k->options, &k->handle));
    k->generation = d->generation;
    return enqueue(d, k->name, k->handle, range, args);
}

size_t dev_most_rounds(const struct dev *d) {
    return d->info.type == VGGCL_CPU ? DEV_CPU_ROUNDS : SIZE_MAX;
}

size_t dev_register_width(const struct dev *d) {
    int native = (int)d->info.native_vector_width;
    return (size_t)(native >= 4 && native < d->vector_width ? native : d->vector_width);
}

size_t dev_cache_bytes(const struct dev *d) {
    cl_ulong bytes = 0;
    if (clGetDeviceInfo(d->id, CL_DEVICE_GLOBAL_MEM_CACHE_SIZE, sizeof bytes, &bytes, NULL) != CL_SUCCESS)
        return 0;
    return (size_t)bytes;
}

int dev_vector_width(const struct dev *d, int channels) {
    int width = d->vector_width;
    while (channels % width)
        width /= 2;
    return width;
}

/* [enum stored][vector width]: constant strings, so that a launch formats none. */
#define VECTOR_OPTIONS(before)                                                                                         \
    {[1] = before "-DVW=1",                                                                                            \
     [2] = before "-DVW=2",                                                                                            \
     [4] = before "-DVW=4",                                                                                            \
     [8] = before "-DVW=8",                                                                                            \
     [16] = before "-DVW=16"}
static const char *const vector_options[][17] = {[STORED_FLOAT] = VECTOR_OPTIONS(""),
                                                 [STORED_HALF] = VECTOR_OPTIONS("-DSTORED=1 "),
                                                 [STORED_BF16] = VECTOR_OPTIONS("-DSTORED=2 ")};

const char *dev_vector_option(const struct dev *d, int channels) {
    return vector_options[STORED_FLOAT][dev_vector_width(d, channels)];
}

const char *dev_stored_option(const struct dev *d, int channels, enum stored stored) {
    return vector_options[stored][dev_vector_width(d, channels)];
}

enum vggcl_err dev_write(struct dev *d, struct tensor t, size_t offset, size_t count, const void *host) {
    assert(offset + count <= storage_words(t.count, t.stored));
    if (count == 0) /* an error in OpenCL */
        return VGGCL_OK;
    dev_begin_wait(d, "writing to a buffer");
    cl_int code = clEnqueueWriteBuffer(d->queue, t.mem, CL_TRUE, 4 * offset, 4 * count, host, 0, NULL, NULL);
    dev_end_wait(d);
    return code == CL_SUCCESS ? VGGCL_OK : dev_fail(d, code, "writing to a buffer");
}

enum vggcl_err dev_write_later(struct dev *d, struct tensor t, size_t offset, size_t count, const void *host) {
    assert(offset + count <= t.count);
    activity_begin("writing to a buffer", d->info.name, d->fresh);
    cl_int code = clEnqueueWriteBuffer(d->queue, t.mem, CL_FALSE, 4 * offset, 4 * count, host, 0, NULL, NULL);
    if (code == CL_SUCCESS)
        code = clFlush(d->queue);
    activity_end();
    return code == CL_SUCCESS ? VGGCL_OK : dev_fail(d, code, "writing to a buffer");
}

enum vggcl_err dev_read(struct dev *d, struct tensor t, size_t offset, size_t count, void *host) {
    assert(offset + count <= storage_words(t.count, t.stored));
    if (count == 0) /* an error in OpenCL */
        return VGGCL_OK;
    dev_begin_wait(d, "reading from a buffer");
    cl_int code = clEnqueueReadBuffer(d->queue, t.mem, CL_TRUE, 4 * offset, 4 * count, host, 0, NULL, NULL);
    dev_end_wait(d);
    return code == CL_SUCCESS ? VGGCL_OK : dev_fail(d, code, "reading from a buffer");
}

enum vggcl_err dev_write_floats(struct dev *d, struct tensor t, size_t offset, size_t count, const float *host) {
    if (t.stored == STORED_FLOAT || count == 0)
        return dev_write(d, t, offset, count, host);
    assert(offset + count <= t.count);
    uint16_t *values = malloc(count * sizeof *values + 1);
    if (!values)
        return err_no_memory("a tensor's copy", count * sizeof *values);
    for (size_t i = 0; i < count; i++)
        values[i] = stored_from_float(t.stored, host[i]);
    dev_begin_wait(d, "writing to a buffer");
    cl_int code = clEnqueueWriteBuffer(d->queue, t.mem, CL_TRUE, 2 * offset, 2 * count, values, 0, NULL, NULL);
    dev_end_wait(d);
    free(values);
    return code == CL_SUCCESS ? VGGCL_OK : dev_fail(d, code, "writing to a buffer");
}

enum vggcl_err dev_read_floats(struct dev *d, struct tensor t, size_t offset, size_t count, float *host) {
    if (t.stored == STORED_FLOAT || count == 0)
        return dev_read(d, t, offset, count, host);
    assert(offset + count <= t.count);
    uint16_t *values = malloc(count * sizeof *values + 1);
    if (!values)
        return err_no_memory("a tensor's copy", count * sizeof *values);
    dev_begin_wait(d, "reading from a buffer");
    cl_int code = clEnqueueReadBuffer(d->queue, t.mem, CL_TRUE, 2 * offset, 2 * count, values, 0, NULL, NULL);
    dev_end_wait(d);
    for (size_t i = 0; code == CL_SUCCESS && i < count; i++)
        host[i] = stored_to_float(t.stored, values[i]);
    free(values);
    return code == CL_SUCCESS ? VGGCL_OK : dev_fail(d, code, "reading from a buffer");
}

cl_int dev_allocate(struct dev *d, size_t words, cl_mem *mem) {
    cl_int code;
    activity_begin("allocating a buffer", d->info.name, false);
    *mem = clCreateBuffer(d->context, CL_MEM_READ_WRITE, 4 * words, NULL, &code);
    activity_end();
    if (code == CL_SUCCESS)
        d->bytes += 4 * words;
    if (d->peak_bytes < d->bytes)
        d->peak_bytes = d->bytes;
    return code;
}

void dev_free(struct dev *d, cl_mem mem, size_t words) {
    if (!mem)
        return;
    clReleaseMemObject(mem); /* what is enqueued keeps it until done */
    d->bytes -= 4 * words;
}

void dev_drop(struct dev *d, struct tensor *t) {
    dev_free(d, t->mem, t->count);
    *t = (struct tensor){0};
}

enum vggcl_err dev_grow(struct dev *d, struct tensor *t, size_t count) {
    if (t->count >= count)
        return VGGCL_OK;
    dev_drop(d, t);
    cl_int code = dev_allocate(d, count, &t->mem);
    if (code != CL_SUCCESS)
        return dev_fail(d, code, "scratch memory");
    t->count = count;
    return VGGCL_OK;
}

enum vggcl_err dev_fill(struct dev *d, struct tensor t, size_t offset, size_t count, uint32_t word) {
    assert(offset + count <= storage_words(t.count, t.stored));
    if (count == 0) /* an error in OpenCL */
        return VGGCL_OK;
    activity_begin("filling a buffer", d->info.name, d->fresh);
    cl_int code = clEnqueueFillBuffer(d->queue, t.mem, &word, sizeof word, 4 * offset, 4 * count, 0, NULL, NULL);
    activity_end();
    return code == CL_SUCCESS ? VGGCL_OK : dev_fail(d, code, "filling a buffer");
}

/* Waits for a marker, because clFinish() of rusticl in Mesa 22.3 does not wait for commands that were flushed earlier.
 */
enum vggcl_err dev_finish(struct dev *d) {
    struct fence fence = {.dev = d};
    cl_int code = clEnqueueMarkerWithWaitList(d->queue, 0, NULL, &fence.event);
    return code == CL_SUCCESS ? fence_wait(&fence) : dev_fail(d, code, "waiting for the queue");
}

enum vggcl_err dev_read_later(struct dev *d, struct tensor t, size_t offset, size_t count, void *host,
                              struct fence *fence) {
    assert(offset + count <= t.count && !(fence && fence->event));
    activity_begin("reading from a buffer", d->info.name, d->fresh);
    cl_int code = clEnqueueReadBuffer(d->queue, t.mem, CL_FALSE, 4 * offset, 4 * count, host, 0, NULL,
                                      fence ? &fence->event : NULL);
    if (code == CL_SUCCESS)
        code = clFlush(d->queue);
    activity_end();
    if (fence)
        fence->dev = d;
    return code == CL_SUCCESS ? VGGCL_OK : dev_fail(d, code, "reading from a buffer");
}

enum vggcl_err fence_is_done(const struct fence *fence, bool *done) {
    cl_int status = CL_COMPLETE;
    cl_int code = CL_SUCCESS;
    if (fence->event) /* not an activity of its own, but a part of the wait in which it is called */
        code = clGetEventInfo(fence->event, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof status, &status, NULL);
    *done = status <= CL_COMPLETE; /* errors are negative */
    return code == CL_SUCCESS ? VGGCL_OK : dev_fail(fence->dev, code, "asking for the state of a step");
}

enum vggcl_err fence_wait(struct fence *fence) {
    if (!fence->event)
        return VGGCL_OK;
    dev_begin_wait(fence->dev, "waiting for a step");
    cl_int code = clWaitForEvents(1, &fence->event);
    clReleaseEvent(fence->event);
    dev_end_wait(fence->dev);
    *fence = (struct fence){0};
    return code == CL_SUCCESS ? VGGCL_OK
                              : err_set(VGGCL_EOPENCL, "waiting for a step: %s (%d)", cl_error_name(code), code);
}
