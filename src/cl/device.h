/* device.h - one OpenCL device: its context and in-order queue, its memory, and the one function that launches kernels.
 * Only this folder makes OpenCL calls; the floors above name tensors and kernels.
 *
 *     TRY(dev_run(d, "relu/relu_forward", dev_vector_option(d, c), RANGE(n / vw), ARGS(A_MEM(x), A_INT(n))));
 */
#ifndef VGGCL_CL_DEVICE_H
#define VGGCL_CL_DEVICE_H

#include "base/err.h"

#include <CL/cl.h>

struct tuning;  /* ops/tuning.h */
struct program; /* a built kernel file with one set of options */

/* A block of device memory, or a view into one. Copies share the memory; the arena that made it owns it. */
struct tensor {
    cl_mem mem;
    size_t count; /* of elements: floats or 32-bit integers, */
    bool half;    /* or, where this is set, 16-bit floats, which kernels load and store as floats (see cl/common.cl) */
};

/* The 4-byte words that count elements take. */
static inline size_t storage_words(size_t count, bool half) {
    return half ? (count + 1) / 2 : count;
}

struct dev {
    struct vggcl_device info;
    cl_device_id id;
    cl_context context;
    cl_command_queue queue;            /* in order: a launch sees what the ones before it wrote */
    struct tensor jobs_taken;          /* one word, not counted in bytes, 0 between launches: see dev_jobs() */
    size_t alignment;                  /* bytes; where a view into a buffer may begin */
    int vector_width;                  /* floats that a work-item should handle at once: a power of two, 1..16 */
    const char *kernel_dir;            /* a folder whose .cl files take the place of the embedded ones, or NULL */
    char cache_folder[VGGCL_PATH_MAX]; /* where built programs are kept; "" for nowhere */
    struct program *programs;
    int programs_built, programs_cached; /* from source, from cache_folder */
    bool on_trial;                       /* programs built now are not kept there */
    size_t bytes, peak_bytes;            /* of all buffers: now, and the most there have been */
    bool half;      /* nets made on it keep activations as 16-bit floats, from the input to where they are flattened */
    bool rehearses; /* launches do nothing; matrix products only find out what scratch memory they want */
    /* Work-items are lanes of the hardware's vectors, of which it wants many, side by side in groups: on what is no
     * CPU, and on a CPU whose driver says that its vectors hold one float (Mesa's llvmpipe). Elsewhere a work-item has
     * a core and its vectors for itself. */
    bool simt;
    /* Kept here for ops/gemm.c: the engine that multiplies, its scratch memory (dev_gemm_scratch()), and the words of
     * it that the products rehearsed want. */
    int gemm_engine;
    struct tensor gemm_scratch;
    size_t gemm_words;
    struct tuning *tuning; /* for ops/tuning.c: what was measured to be fastest; NULL for the built-in rules */
    size_t conv_words; /* for ops/conv.c: how much a convolution may transform at once; 0 for what suits the device */
};

/* Opens the device that selector names (see vggcl_device_select). kernel_dir (NULL or "" for none) must outlive it. */
enum vggcl_err dev_open(const char *selector, const char *kernel_dir, struct dev **device);

/* Opens all devices that selectors name, one selector or more with commas between, in that order: each device once.
 * With "/N" behind it a selector means N devices, the parts of an N-th of the device's compute units each. All are to
 * be closed. */
enum vggcl_err dev_open_all(const char *selectors, const char *kernel_dir, struct dev *devices[VGGCL_DEVICES],
                            size_t *count);
void dev_close(struct dev *d);

/* ---------------------------------------------------------------------------------------------------- launches -- */

/* Work-items by dimension; global is rounded up to a multiple of local, so a kernel has to check its bounds. Work-group
 * sizes are few and fixed, because some compilers (PoCL) build a kernel anew for each one. */
struct range {
    size_t global[3], local[3];
};
enum { WORK_GROUP = 64 };
#define RANGE(n)              ((struct range){{(n), 1, 1}, {WORK_GROUP, 1, 1}}) /* n independent work-items */
#define RANGE_SINGLE(x, y, z) ((struct range){{(x), (y), (z)}, {1, 1, 1}})      /* big work-items, each its own group */

/* x * y work-items that each do a good deal: their own groups, or where they are lanes groups of WORK_GROUP, as many of
 * them along x as it has. */
struct range dev_grid(const struct dev *d, size_t x, size_t y);

/* A work-group of one work-item for each compute unit, for a kernel that gives out jobs by next_job() (cl/common.cl)
 * and takes A_JOBS: a driver that deals out groups beforehand, as PoCL 3.1 does by halves, leaves the fast units
 * waiting for the slowest. */
struct range dev_jobs(const struct dev *d, size_t jobs);

/* How many rounds one work-item may go through all its loops: on CPUs DEV_CPU_ROUNDS, because Mesa's llvmpipe leaves
 * them after 65535. */
enum { DEV_CPU_ROUNDS = 1 << 15 };
size_t dev_most_rounds(const struct dev *d);

struct arg {
    size_t size; /* bytes; 0 ends a list */
    union {
        cl_mem mem;
        cl_int i;
        cl_uint u;
        cl_float f;
        cl_uint2 u2;
    } value;
    bool local; /* size bytes of local memory; no value */
};
#define A_LOCAL(bytes)  ((struct arg){.size = (bytes), .local = true})
#define A_MEM(tensor)   ((struct arg){.size = sizeof(cl_mem), .value = {.mem = (tensor).mem}})
#define A_INT(x)        ((struct arg){.size = sizeof(cl_int), .value = {.i = (cl_int)(x)}})
#define A_UINT(x)       ((struct arg){.size = sizeof(cl_uint), .value = {.u = (cl_uint)(x)}})
#define A_FLOAT(x)      ((struct arg){.size = sizeof(cl_float), .value = {.f = (cl_float)(x)}})
#define A_UINT2(lo, hi) ((struct arg){.size = sizeof(cl_uint2), .value = {.u2 = {{(cl_uint)(lo), (cl_uint)(hi)}}}})
#define A_JOBS(d, jobs) A_MEM((d)->jobs_taken), A_INT(jobs) /* two: the counter, and how many there are */
#define ARGS(...)       ((const struct arg[]){__VA_ARGS__, {0}})

/* Enqueues kernel "file/function" of cl/file.cl, built with options ("" or "-DX=..."; each program is built once per
 * run), over range. Returns at once. VGGCL_EOPENCL names kernel, device and OpenCL error; a failed build carries the
 * options, the compiler's log and the numbered source. */
enum vggcl_err dev_run(struct dev *d, const char *kernel, const char *options, struct range range,
                       const struct arg *args);

/* The floats that one of its registers holds, up to the device's vector width, where the driver says it. */
size_t dev_register_width(const struct dev *d);

/* The largest power of two up to the device's vector width that divides channels, and the build option naming it. */
int dev_vector_width(const struct dev *d, int channels);
const char *dev_vector_option(const struct dev *d, int channels);

/* The same for a kernel whose activations are stored as x is. */
const char *dev_stored_option(const struct dev *d, int channels, struct tensor x);

/* ------------------------------------------------------------------------------------------------------ memory -- */

/* Blocking copies between the host and words [offset, offset + count) of a tensor. */
enum vggcl_err dev_write(struct dev *d, struct tensor t, size_t offset, size_t count, const void *host);
enum vggcl_err dev_read(struct dev *d, struct tensor t, size_t offset, size_t count, void *host);

/* The same of elements, which are floats on the host, however the tensor stores them. */
enum vggcl_err dev_write_floats(struct dev *d, struct tensor t, size_t offset, size_t count, const float *host);
enum vggcl_err dev_read_floats(struct dev *d, struct tensor t, size_t offset, size_t count, float *host);

/* A buffer of its own, counted in d->bytes; arenas are made of them. Answers OpenCL's code. dev_free takes NULL too. */
cl_int dev_allocate(struct dev *d, size_t words, cl_mem *mem);
void dev_free(struct dev *d, cl_mem mem, size_t words);

/* Makes *t at least count words large, its contents lost; freed by dev_close() if it is the device's own. */
enum vggcl_err dev_grow(struct dev *d, struct tensor *t, size_t count);

/* Makes d->gemm_scratch at least so many words large, or while d rehearses notes that in d->gemm_words. */
enum vggcl_err dev_gemm_scratch(struct dev *d, size_t words);

/* Frees *t, a buffer of its own, and leaves it empty. */
void dev_drop(struct dev *d, struct tensor *t);

/* Sets count words from offset on to word. */
enum vggcl_err dev_fill(struct dev *d, struct tensor t, size_t offset, size_t count, uint32_t word);

/* Waits until everything enqueued has been done. */
enum vggcl_err dev_finish(struct dev *d);

/* A read that has been enqueued: host is filled when fence_wait() returns, for that fence or a later one of the device;
 * fence may be NULL. A fence that was waited for is empty. */
struct fence {
    cl_event event;
};
enum vggcl_err dev_read_later(struct dev *d, struct tensor t, size_t offset, size_t count, void *host,
                              struct fence *fence);
enum vggcl_err fence_wait(struct fence *fence);

/* A write that has been enqueued: host must stay as it is until something later was waited for. */
enum vggcl_err dev_write_later(struct dev *d, struct tensor t, size_t offset, size_t count, const void *host);

/* VGGCL_EOPENCL with the name of an OpenCL error code, for what was being done on d. */
enum vggcl_err dev_fail(const struct dev *d, cl_int code, const char *what);

/* "CL_OUT_OF_RESOURCES" for -5, ... */
const char *cl_error_name(cl_int code);

/* For dev_run: the kernel "file/function" built with options; program.c keeps what it built in d->programs. */
enum vggcl_err program_kernel(struct dev *d, const char *name, const char *options, cl_kernel *kernel);
void program_free_all(struct dev *d);

/* A hash of all embedded kernel files. */
uint64_t program_sources_hash(void);

#endif
