/* device.h - one OpenCL device: its context and in-order queue, its memory, and kernel launches. Only this folder calls
 * OpenCL; all other code refers to tensors and to kernels by name. Functions that return enum vggcl_err set the error
 * text: VGGCL_EOPENCL with the name of the OpenCL error, or VGGCL_ENOMEM for a failed allocation.
 *
 *     TRY(dev_run(d, "channel/broadcast", dev_vector_option(d, c), RANGE(rows * c / width),
 *                 ARGS(A_MEM(bias), A_INT(rows), A_INT(c), A_MEM(y))));
 */
#ifndef VGGCL_CL_DEVICE_H
#define VGGCL_CL_DEVICE_H

#include "base/activity.h"
#include "base/stored.h"
#include "cl/error.h"

struct matrix_backend;
struct program; /* a built kernel file with one set of options */

/* A buffer in device memory, or a view into one. Copies of the struct refer to the same memory, which belongs to the
 * arena, or to the caller of dev_grow(). */
struct tensor {
    cl_mem mem;
    size_t count;       /* number of elements: 32-bit integers, or floats stored as `stored` says */
    enum stored stored; /* kernels convert 16-bit ones from and to floats (see cl/common.cl) */
};

/* Number of 4-byte words that count elements occupy. */
static inline size_t storage_words(size_t count, enum stored stored) {
    return stored == STORED_FLOAT ? count : (count + 1) / 2;
}

struct dev {
    struct vggcl_device info;
    cl_device_id id;
    cl_context context;
    cl_command_queue queue;   /* in order: a kernel sees the results of all earlier ones */
    cl_command_queue uploads; /* of upload.h; in order; NULL before the first upload */
    struct tensor jobs_taken; /* job counter, one word, 0 between launches, not counted in `bytes`: see dev_jobs() */
    size_t alignment;         /* required alignment of a sub-buffer's origin, in bytes: 64 or more */
    int vector_width;         /* preferred floats per vector in kernels: 4 with simt, else 16 */
    const char *kernel_dir;   /* folder with .cl files that replace the embedded ones, or NULL; not owned */
    char cache_folder[VGGCL_PATH_MAX]; /* cache of built programs; "" for none */
    struct program *programs;
    unsigned generation; /* number of program_free_all() calls: kernel handles of older generations are invalid */
    int programs_built, programs_cached; /* number of programs built from source, loaded from the cache */
    bool fresh;                          /* kernels were created since the last wait: the next one may compile them */
    bool on_trial;                       /* tuning: programs looked up now are a candidate's, see program_free_all() */
    int trial_room;                      /* number of programs that may still be built on trial */
    size_t bytes, peak_bytes;            /* allocated in buffers: now, and at most since dev_open() */
    /* True if work-items map to SIMD lanes: on GPUs and accelerators, and on CPU drivers that report a native vector
     * width of 1 (Mesa's llvmpipe). Such devices need many work-items, in groups of adjacent ones. If false, a
     * work-item runs on a CPU core of its own and uses that core's vector registers. */
    bool simt;
    const struct matrix_backend *matrix; /* matrix instructions to multiply bfloat16 by; NULL: none (matrix.h) */
};

/* Opens the device that selector names (see vggcl_device_select()), to be closed with dev_close(). kernel_dir (NULL or
 * "" for none) is not copied and must stay valid until then. VGGCL_EDEVICE if there is no such device, VGGCL_EUSAGE if
 * selector names several. *device is NULL on failure. */
enum vggcl_err dev_open(const char *selector, const char *kernel_dir, struct dev **device);

/* Opens all devices named by a comma-separated list of selectors, in that order. Each device may be named once. A
 * selector with the suffix "/N" partitions its device into N sub-devices, each with 1/N of the compute units. Each of
 * the *count devices must be closed with dev_close(); on failure *count is 0. */
enum vggcl_err dev_open_all(const char *selectors, const char *kernel_dir, struct dev *devices[VGGCL_DEVICES],
                            size_t *count);

/* Releases a device's programs, queue and context. All tensors on it must have been freed. d may be NULL. */
void dev_close(struct dev *d);

/* ---------------------------------------------------------------------------------------------------- launches -- */

/* The index space (NDRange) of a launch: work-items in total and per work-group, in each dimension. The launch rounds
 * `global` up to a multiple of `local`, so kernels must check their bounds. Only a few fixed work-group sizes are used,
 * because some drivers (PoCL) compile a kernel again for each size. */
struct range {
    size_t global[3], local[3];
};
enum { WORK_GROUP = 64 };
#define RANGE(n)              ((struct range){{(n), 1, 1}, {WORK_GROUP, 1, 1}}) /* n independent work-items */
#define RANGE_SINGLE(x, y, z) ((struct range){{(x), (y), (z)}, {1, 1, 1}})      /* work-groups of one work-item */

/* The range for x * y long-running work-items: work-groups of one work-item, or with d->simt of WORK_GROUP, as many of
 * them along x as x needs. */
struct range dev_grid(const struct dev *d, size_t x, size_t y);

/* The range for a kernel that distributes jobs dynamically, with FOR_EACH_JOB (cl/common.cl) and the arguments A_JOBS:
 * work-groups of one work-item, one per compute unit, at most `jobs`. Drivers that assign work-groups to compute units
 * in advance, as PoCL 3.1 does with half of the groups at a time, leave fast units waiting for the slowest one. */
struct range dev_jobs(const struct dev *d, size_t jobs);

/* The maximum number of loop iterations in one work-item, summed over all its loops: DEV_CPU_ROUNDS on CPUs, because
 * Mesa's llvmpipe leaves loops after 65535 iterations; unlimited (SIZE_MAX) elsewhere. */
enum { DEV_CPU_ROUNDS = 1 << 15 };
size_t dev_most_rounds(const struct dev *d);

struct arg {
    size_t size; /* bytes; 0 terminates a list */
    union {
        cl_mem mem;
        cl_int i;
        cl_uint u;
        cl_float f;
        cl_uint2 u2;
        cl_float4 f4;
    } value;
    bool local; /* `size` bytes of local memory instead of a value */
};
#define A_LOCAL(bytes)  ((struct arg){.size = (bytes), .local = true})
#define A_MEM(tensor)   ((struct arg){.size = sizeof(cl_mem), .value = {.mem = (tensor).mem}})
#define A_INT(x)        ((struct arg){.size = sizeof(cl_int), .value = {.i = (cl_int)(x)}})
#define A_UINT(x)       ((struct arg){.size = sizeof(cl_uint), .value = {.u = (cl_uint)(x)}})
#define A_FLOAT(x)      ((struct arg){.size = sizeof(cl_float), .value = {.f = (cl_float)(x)}})
#define A_UINT2(lo, hi) ((struct arg){.size = sizeof(cl_uint2), .value = {.u2 = {{(cl_uint)(lo), (cl_uint)(hi)}}}})
#define A_FLOAT4(v)                                                                                                    \
    ((struct arg){.size = sizeof(cl_float4),                                                                           \
                  .value = {.f4 = {{(cl_float)(v)[0], (cl_float)(v)[1], (cl_float)(v)[2], (cl_float)(v)[3]}}}})
#define A_JOBS(d, jobs) A_MEM((d)->jobs_taken), A_INT(jobs) /* two arguments: the counter, the number of jobs */
#define ARGS(...)       ((const struct arg[]){__VA_ARGS__, {0}})

/* Enqueues the kernel "file/function" of cl/file.cl, built with options ("" or "-DX=..."), over range, and returns
 * without waiting for it. args ends with {0}, see ARGS. Each pair of file and options is built once per run. Does
 * nothing if the range is empty. VGGCL_EOPENCL names kernel, device and OpenCL error; for a failed build the text has
 * the options, the compiler's log and the numbered source. */
enum vggcl_err dev_run(struct dev *d, const char *kernel, const char *options, struct range range,
                       const struct arg *args);

/* A kernel with its build options. The first launch builds it or looks it up; later launches use the handle. May be
 * copied. */
enum { KERNEL_OPTIONS = 192 };
struct kernel {
    const char *name; /* "file/function"; not copied */
    char options[KERNEL_OPTIONS];
    cl_kernel handle; /* NULL before the first launch; owned by the device, valid while generation is the device's */
    unsigned generation;
};

/* A kernel with build options formatted as by printf(), independently of the locale. */
struct kernel kernel_make(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* As dev_run(), for a struct kernel. */
enum vggcl_err dev_launch(struct dev *d, struct kernel *kernel, struct range range, const struct arg *args);

/* Floats per vector register as the driver reports it (the native vector width), if that is 4 to the device's vector
 * width; else the device's vector width. */
size_t dev_register_width(const struct dev *d);

/* Bytes of the device's largest cache as the driver reports it; 0 if it does not. */
size_t dev_cache_bytes(const struct dev *d);

/* The largest power of two up to the device's vector width that divides channels, and the build option that sets it,
 * "-DVW=16". */
int dev_vector_width(const struct dev *d, int channels);
const char *dev_vector_option(const struct dev *d, int channels);

/* The same option, with "-DSTORED=1" or 2 for a kernel whose activations are not stored as floats. */
const char *dev_stored_option(const struct dev *d, int channels, enum stored stored);

/* ------------------------------------------------------------------------------------------------------ memory -- */

/* Blocking copies between the host and the 4-byte words [offset, offset + count) of a tensor. */
enum vggcl_err dev_write(struct dev *d, struct tensor t, size_t offset, size_t count, const void *host);
enum vggcl_err dev_read(struct dev *d, struct tensor t, size_t offset, size_t count, void *host);

/* The same for the elements [offset, offset + count), converted between the tensor's storage and floats on the host. */
enum vggcl_err dev_write_floats(struct dev *d, struct tensor t, size_t offset, size_t count, const float *host);
enum vggcl_err dev_read_floats(struct dev *d, struct tensor t, size_t offset, size_t count, float *host);

/* Allocates a buffer of 4-byte words, counted in d->bytes; arenas consist of such buffers. Returns OpenCL's error code,
 * sets no error text. dev_free() needs the same number of words; mem may be NULL. */
cl_int dev_allocate(struct dev *d, size_t words, cl_mem *mem);
void dev_free(struct dev *d, cl_mem mem, size_t words);

/* Replaces *t by a larger buffer if it has fewer than count words; its contents are lost then. *t must be {0} or from
 * dev_grow(); free it with dev_drop(). */
enum vggcl_err dev_grow(struct dev *d, struct tensor *t, size_t count);

/* Frees the buffer of dev_grow() and sets *t to {0}. */
void dev_drop(struct dev *d, struct tensor *t);

/* Enqueues: sets the 4-byte words [offset, offset + count) to word. */
enum vggcl_err dev_fill(struct dev *d, struct tensor t, size_t offset, size_t count, uint32_t word);

/* Waits until all enqueued commands have finished. */
enum vggcl_err dev_finish(struct dev *d);

/* A non-blocking read. host is filled, and must stay valid, until fence_wait() has returned for this fence or for a
 * later one of the same device. dev_read_later() sets *fence, which must be {0}; fence may be NULL. fence_wait() resets
 * the fence to {0} and returns at once for {0}. */
struct fence {
    cl_event event;
    struct dev *dev; /* that the event is of */
};
enum vggcl_err dev_read_later(struct dev *d, struct tensor t, size_t offset, size_t count, void *host,
                              struct fence *fence);
enum vggcl_err fence_wait(struct fence *fence);

/* Whether fence_wait() would return at once. */
enum vggcl_err fence_is_done(const struct fence *fence, bool *done);

/* A non-blocking write: host must not change until a later command of the device has been waited for. */
enum vggcl_err dev_write_later(struct dev *d, struct tensor t, size_t offset, size_t count, const void *host);

/* Sets the error "what on DEVICE: CODE" and returns VGGCL_ENOMEM for codes that mean lack of memory, else
 * VGGCL_EOPENCL. */
enum vggcl_err dev_fail(const struct dev *d, cl_int code, const char *what);

/* Before and after a call of the driver that waits for the device: see base/activity.h. */
void dev_begin_wait(const struct dev *d, const char *call);
void dev_end_wait(struct dev *d);

/* Used by dev_run() and dev_launch(): returns the kernel "file/function" built with options; d->programs owns it.
 * program_free_all() writes the built programs to the cache, except those that were looked up on trial only, and frees
 * all, which invalidates all kernel handles. */
enum vggcl_err program_kernel(struct dev *d, const char *name, const char *options, cl_kernel *kernel);
void program_free_all(struct dev *d);

/* A 64-bit hash of all kernel files, with those in the folder kernel_dir (NULL or "" for none) in place of the embedded
 * ones of the same names. */
uint64_t program_sources_hash(const char *kernel_dir);

#endif
