/* preload.c - a library for LD_PRELOAD that makes one system call, allocation or OpenCL call of vggcl fail, or kills
 * the process there; tests/fault/sweep.py uses it. It is configured by environment variables:
 *
 * VGGCL_FAULT          kill:N           SIGKILL before the N-th file call, counted from 1
 *                      torn:N           SIGKILL during the N-th write(), when the first half of its bytes is written
 *                      fail:CALL:N:E    the N-th CALL, e.g. fsync, fails with the error number E; a name of file_calls
 *                      alloc:N          the N-th allocation by vggcl, libvggcl or libjansson fails
 *                      opencl:N:CODE    the N-th OpenCL call fails with CODE, e.g. -5
 *                      query:N:CODE     the N-th of those that only ask, clGet...(), does
 *                      hang:N           the N-th OpenCL call never returns; clSetKernelArg(), which only keeps a value,
 *                                       does not count here
 *                      count            no fault
 * VGGCL_FAULT_FOLDER   File calls count if their file is below this folder, an absolute path without symbolic links:
 * the files of drivers do not count. VGGCL_FAULT_REPORT   File that gets lines: "struck CALL NUMBER OBJECT" when the
 * fault happens, and "count CALL NUMBER" for each kind of call when the process exits.
 *
 * glibc's streams call write() and close() inside the C library, where they cannot be replaced: streams that write to
 * counted files are made with fopencookie(), whose functions call the write() and close() of this file. */
#define _GNU_SOURCE
#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum call {
    OPEN,
    WRITE,
    PWRITE,
    FSYNC,
    FDATASYNC,
    CLOSE,
    RENAME,
    MKDIR,
    UNLINK,
    TRUNCATE,
    FALLOCATE,
    MMAP,
    FLOCK,
    FILE_CALLS, /* the number of these, and the counter of all of them */
    ALLOC,
    OPENCL,
    QUERY, /* of OPENCL, clGet...() */
    HANGS, /* the OpenCL calls that may hang */
    COUNTERS
};
static const char *const names[COUNTERS] = {"open",   "write", "pwrite", "fsync",     "fdatasync",       "close",
                                            "rename", "mkdir", "unlink", "ftruncate", "posix_fallocate", "mmap",
                                            "flock",  "file",  "alloc",  "opencl",    "query",           "hang"};

static struct {
    enum { COUNT, KILL, TORN, FAIL, HANG } kind;
    enum call counter;
    long number;
    int error; /* errno, or OpenCL's code */
} fault;
static atomic_long counts[COUNTERS];
static char folder[PATH_MAX];
static int report = -1;

/* --------------------------------------------------------------------------------------------- set up, report -- */

/* The code of the program, libvggcl and libjansson: calls from there are the program's own. */
static struct {
    uintptr_t begin, end;
} own[32];
static size_t own_count;

static int note_code(struct dl_phdr_info *info, size_t size, void *payload) {
    (void)size, (void)payload;
    if (*info->dlpi_name && !strstr(info->dlpi_name, "libvggcl.so") && !strstr(info->dlpi_name, "libjansson"))
        return 0;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        if (part->p_type != PT_LOAD || !(part->p_flags & PF_X) || own_count == sizeof own / sizeof *own)
            continue;
        own[own_count].begin = info->dlpi_addr + part->p_vaddr;
        own[own_count++].end = info->dlpi_addr + part->p_vaddr + part->p_memsz;
    }
    return 0;
}

static bool is_own(const void *address) {
    for (size_t i = 0; i < own_count; i++)
        if ((uintptr_t)address >= own[i].begin && (uintptr_t)address < own[i].end)
            return true;
    return false;
}

static void write_report(const char *format, ...) {
    char line[PATH_MAX + 128];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (report >= 0)
        syscall(SYS_write, report, line, (size_t)length);
}

static void give_up(const char *text) {
    write_report("misused %s\n", text);
    fprintf(stderr, "preload.c: VGGCL_FAULT=%s is not understood; see the head of this file\n", text);
    _exit(99);
}

static enum call find_call(const char *name, size_t length) {
    for (int i = 0; i < FILE_CALLS; i++)
        if (strlen(names[i]) == length && strncmp(names[i], name, length) == 0)
            return (enum call)i;
    return COUNTERS;
}

static void parse(const char *text) {
    char call[32];
    if (sscanf(text, "kill:%ld", &fault.number) == 1)
        fault.kind = KILL, fault.counter = FILE_CALLS;
    else if (sscanf(text, "torn:%ld", &fault.number) == 1)
        fault.kind = TORN, fault.counter = WRITE;
    else if (sscanf(text, "fail:%31[a-z_]:%ld:%d", call, &fault.number, &fault.error) == 3)
        fault.kind = FAIL, fault.counter = find_call(call, strlen(call));
    else if (sscanf(text, "alloc:%ld", &fault.number) == 1)
        fault.kind = FAIL, fault.counter = ALLOC, fault.error = ENOMEM;
    else if (sscanf(text, "opencl:%ld:%d", &fault.number, &fault.error) == 2)
        fault.kind = FAIL, fault.counter = OPENCL;
    else if (sscanf(text, "query:%ld:%d", &fault.number, &fault.error) == 2)
        fault.kind = FAIL, fault.counter = QUERY;
    else if (sscanf(text, "hang:%ld", &fault.number) == 1)
        fault.kind = HANG, fault.counter = HANGS;
    else if (strcmp(text, "count") != 0)
        give_up(text);
    if (fault.counter == COUNTERS)
        give_up(text);
}

__attribute__((constructor)) static void begin(void) {
    const char *text = getenv("VGGCL_FAULT"), *below = getenv("VGGCL_FAULT_FOLDER"), *to = getenv("VGGCL_FAULT_REPORT");
    if (to)
        report = (int)syscall(SYS_openat, AT_FDCWD, to, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    snprintf(folder, sizeof folder, "%s", below ? below : "");
    dl_iterate_phdr(note_code, NULL);
    if (text)
        parse(text);
}

__attribute__((destructor)) static void end(void) {
    for (int i = 0; i < COUNTERS; i++)
        write_report("count %s %ld\n", names[i], atomic_load(&counts[i]));
}

/* --------------------------------------------------------------------------------------------------- the fault -- */

static bool is_due(enum call counter) {
    long number = atomic_fetch_add(&counts[counter], 1) + 1;
    return fault.kind != COUNT && fault.counter == counter && fault.number == number;
}

_Noreturn static void die(void) {
    for (;;)
        syscall(SYS_kill, getpid(), SIGKILL);
}

/* Counts a file call; true if it is the one that fails: errno is set. */
static bool strikes(enum call call, const char *object) {
    bool all = is_due(FILE_CALLS), one = is_due(call);
    if (!all && !one)
        return false;
    write_report("struck %s %ld %s\n", names[call], atomic_load(&counts[call]), object);
    if (fault.kind == KILL)
        die();
    errno = fault.error;
    return fault.kind == FAIL;
}

static bool is_below(const char *path) {
    size_t length = strlen(folder);
    return length && strncmp(path, folder, length) == 0 && (path[length] == '/' || !path[length]);
}

/* The path of an open file, as the kernel names it; whether it counts. */
static bool file_counts(int descriptor, char path[PATH_MAX]) {
    char link[64];
    int before = errno;
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, link, path, (size_t)PATH_MAX - 1);
    path[length > 0 ? length : 0] = '\0';
    errno = before;
    return is_below(path);
}

/* The path of a name in a folder, which AT_FDCWD stands for the current one; whether it counts. */
static bool name_counts(int at, const char *name, char path[PATH_MAX]) {
    char parent[PATH_MAX] = "";
    if (*name != '/' && at == AT_FDCWD && !getcwd(parent, sizeof parent))
        *parent = '\0';
    if (*name != '/' && at != AT_FDCWD)
        file_counts(at, parent);
    if ((size_t)snprintf(path, PATH_MAX, "%s%s%s", *name == '/' ? "" : parent, *name == '/' ? "" : "/", name) >=
        PATH_MAX)
        *path = '\0';
    return is_below(path);
}

static bool file_strikes(enum call call, int descriptor) {
    char path[PATH_MAX];
    return file_counts(descriptor, path) && strikes(call, path);
}

static bool name_strikes(enum call call, int at, const char *name) {
    char path[PATH_MAX];
    return name_counts(at, name, path) && strikes(call, path);
}

/* The function that this library replaces. */
#define NEXT(name) (__extension__(__typeof__(&name)) dlsym(RTLD_NEXT, #name))

/* -------------------------------------------------------------------------------------------------- file calls -- */

static mode_t open_mode(int flags, va_list arguments) {
    return flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, mode_t) : 0;
}

int openat(int at, const char *name, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = open_mode(flags, arguments);
    va_end(arguments);
    return name_strikes(OPEN, at, name) ? -1 : NEXT(openat)(at, name, flags, mode);
}

int open(const char *name, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = open_mode(flags, arguments);
    va_end(arguments);
    return name_strikes(OPEN, AT_FDCWD, name) ? -1 : NEXT(open)(name, flags, mode);
}

ssize_t write(int descriptor, const void *bytes, size_t count) {
    char path[PATH_MAX];
    if (!file_counts(descriptor, path))
        return NEXT(write)(descriptor, bytes, count);
    if (strikes(WRITE, path))
        return -1;
    if (fault.kind == TORN && fault.number == atomic_load(&counts[WRITE])) {
        NEXT(write)(descriptor, bytes, count / 2);
        die();
    }
    return NEXT(write)(descriptor, bytes, count);
}

ssize_t pwrite(int descriptor, const void *bytes, size_t count, off_t offset) {
    return file_strikes(PWRITE, descriptor) ? -1 : NEXT(pwrite)(descriptor, bytes, count, offset);
}

int fsync(int descriptor) {
    return file_strikes(FSYNC, descriptor) ? -1 : NEXT(fsync)(descriptor);
}

int fdatasync(int descriptor) {
    return file_strikes(FDATASYNC, descriptor) ? -1 : NEXT(fdatasync)(descriptor);
}

/* Linux closes a file even if it reports an error. */
int close(int descriptor) {
    bool fails = file_strikes(CLOSE, descriptor);
    int error = errno, result = NEXT(close)(descriptor);
    if (fails)
        errno = error;
    return fails ? -1 : result;
}

int rename(const char *from, const char *to) {
    return name_strikes(RENAME, AT_FDCWD, to) ? -1 : NEXT(rename)(from, to);
}

int renameat(int from_at, const char *from, int at, const char *to) {
    return name_strikes(RENAME, at, to) ? -1 : NEXT(renameat)(from_at, from, at, to);
}

int renameat2(int from_at, const char *from, int at, const char *to, unsigned flags) {
    return name_strikes(RENAME, at, to) ? -1 : NEXT(renameat2)(from_at, from, at, to, flags);
}

/* Without a file to link to, no disk is too full for it. */
int linkat(int from_at, const char *from, int at, const char *to, int flags) {
    bool exists = faccessat(from_at, from, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
    return exists && name_strikes(RENAME, at, to) ? -1 : NEXT(linkat)(from_at, from, at, to, flags);
}

int link(const char *from, const char *to) {
    return linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int mkdir(const char *path, mode_t mode) {
    return name_strikes(MKDIR, AT_FDCWD, path) ? -1 : NEXT(mkdir)(path, mode);
}

int mkdirat(int at, const char *path, mode_t mode) {
    return name_strikes(MKDIR, at, path) ? -1 : NEXT(mkdirat)(at, path, mode);
}

int unlink(const char *path) {
    return name_strikes(UNLINK, AT_FDCWD, path) ? -1 : NEXT(unlink)(path);
}

int unlinkat(int at, const char *path, int flags) {
    return name_strikes(UNLINK, at, path) ? -1 : NEXT(unlinkat)(at, path, flags);
}

int rmdir(const char *path) {
    return name_strikes(UNLINK, AT_FDCWD, path) ? -1 : NEXT(rmdir)(path);
}

int remove(const char *path) {
    return name_strikes(UNLINK, AT_FDCWD, path) ? -1 : NEXT(remove)(path);
}

int ftruncate(int descriptor, off_t size) {
    return file_strikes(TRUNCATE, descriptor) ? -1 : NEXT(ftruncate)(descriptor, size);
}

int truncate(const char *path, off_t size) {
    return name_strikes(TRUNCATE, AT_FDCWD, path) ? -1 : NEXT(truncate)(path, size);
}

int posix_fallocate(int descriptor, off_t offset, off_t size) {
    return file_strikes(FALLOCATE, descriptor) ? errno : NEXT(posix_fallocate)(descriptor, offset, size);
}

int flock(int descriptor, int operation) {
    return file_strikes(FLOCK, descriptor) ? -1 : NEXT(flock)(descriptor, operation);
}

/* Without a file it counts where the program itself calls it. */
void *mmap(void *at, size_t size, int protection, int flags, int descriptor, off_t offset) {
    char path[PATH_MAX] = "";
    bool counts_here = descriptor < 0 ? is_own(__builtin_return_address(0)) : file_counts(descriptor, path);
    if (counts_here && strikes(MMAP, path))
        return MAP_FAILED;
    return (void *)syscall(SYS_mmap, at, size, protection, flags, descriptor, offset);
}

/* ----------------------------------------------------------------------------------------------------- streams -- */

/* Streams that write to counted files; a stream's cookie is its place here. */
static struct stream {
    FILE *stream;
    int descriptor;
} streams[64];

/* As a stream of glibc, it writes all bytes or ends with an error. */
static ssize_t stream_write(void *cookie, const char *bytes, size_t size) {
    struct stream *s = cookie;
    for (size_t done = 0; done < size;) {
        ssize_t count = write(s->descriptor, bytes + done, size - done);
        if (count < 0)
            return done ? (ssize_t)done : 0;
        done += (size_t)count;
    }
    return (ssize_t)size;
}

static int stream_seek(void *cookie, off64_t *offset, int whence) {
    struct stream *s = cookie;
    *offset = lseek(s->descriptor, *offset, whence);
    return *offset < 0 ? -1 : 0;
}

static int stream_close(void *cookie) {
    struct stream *s = cookie;
    int descriptor = s->descriptor;
    *s = (struct stream){NULL, -1};
    return close(descriptor);
}

static FILE *make_stream(int descriptor, const char *mode) {
    for (size_t i = 0; i < sizeof streams / sizeof *streams; i++) {
        struct stream *s = &streams[i];
        if (s->stream)
            continue;
        s->descriptor = descriptor;
        s->stream = fopencookie(
            s, mode, (cookie_io_functions_t){.write = stream_write, .seek = stream_seek, .close = stream_close});
        return s->stream;
    }
    errno = EMFILE;
    return NULL;
}

FILE *fdopen(int descriptor, const char *mode) {
    char path[PATH_MAX];
    if (*mode == 'r' || !file_counts(descriptor, path))
        return NEXT(fdopen)(descriptor, mode);
    return make_stream(descriptor, mode);
}

FILE *fopen(const char *name, const char *mode) {
    char path[PATH_MAX];
    if (!name_counts(AT_FDCWD, name, path))
        return NEXT(fopen)(name, mode);
    if (*mode == 'r')
        return strikes(OPEN, path) ? NULL : NEXT(fopen)(name, mode);
    int descriptor = open(name, O_WRONLY | O_CREAT | O_CLOEXEC | (*mode == 'a' ? O_APPEND : O_TRUNC), 0666);
    return descriptor < 0 ? NULL : make_stream(descriptor, mode);
}

/* The program uses it for /dev/null alone, which does not count. */
FILE *freopen(const char *name, const char *mode, FILE *stream) {
    return NEXT(freopen)(name, mode, stream);
}

int fileno(FILE *stream) {
    for (size_t i = 0; i < sizeof streams / sizeof *streams; i++)
        if (streams[i].stream && streams[i].stream == stream)
            return streams[i].descriptor;
    return NEXT(fileno)(stream);
}

/* ------------------------------------------------------------------------------------------------- allocations -- */

/* glibc's own functions: dlsym() allocates. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);

/* Counts an allocation for the program's own code, at the address `caller`; true if it is the one that fails. */
static bool alloc_strikes(const char *name, const void *caller) {
    if (!is_own(caller) || !is_due(ALLOC))
        return false;
    write_report("struck %s %ld -\n", name, fault.number);
    errno = fault.error;
    return fault.kind == FAIL;
}

void *malloc(size_t size) {
    return alloc_strikes("malloc", __builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
    return alloc_strikes("calloc", __builtin_return_address(0)) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size) {
    return alloc_strikes("realloc", __builtin_return_address(0)) ? NULL : __libc_realloc(old, size);
}

/* The C library allocates for these. */
char *strdup(const char *text) {
    return alloc_strikes("strdup", __builtin_return_address(0)) ? NULL : NEXT(strdup)(text);
}

FILE *open_memstream(char **bytes, size_t *size) {
    return alloc_strikes("open_memstream", __builtin_return_address(0)) ? NULL : NEXT(open_memstream)(bytes, size);
}

/* ------------------------------------------------------------------------------------------------- OpenCL calls -- */

/* Counts a call; gives the code that it fails with, or CL_SUCCESS. */
static cl_int opencl_strikes(const char *name) {
    bool fails = is_due(OPENCL), refuses = strncmp(name, "clGet", 5) == 0 && is_due(QUERY);
    bool hangs = strcmp(name, "clSetKernelArg") != 0 && is_due(HANGS);
    if (!fails && !refuses && !hangs)
        return CL_SUCCESS;
    write_report("struck %s %ld -\n", name, fault.number);
    while (hangs)
        pause();
    return fault.error;
}

/* A function that gives a code. */
#define CODE(name, parameters, arguments)                                                                              \
    CL_API_ENTRY cl_int CL_API_CALL name parameters {                                                                  \
        cl_int code = opencl_strikes(#name);                                                                           \
        return code ? code : NEXT(name) arguments;                                                                     \
    }
/* A function that gives an object, and the code in *error. */
#define OBJECT(type, name, parameters, arguments)                                                                      \
    CL_API_ENTRY type CL_API_CALL name parameters {                                                                    \
        cl_int code = opencl_strikes(#name);                                                                           \
        if (!code)                                                                                                     \
            return NEXT(name) arguments;                                                                               \
        if (error)                                                                                                     \
            *error = code;                                                                                             \
        return NULL;                                                                                                   \
    }
typedef void CL_CALLBACK context_notify(const char *, const void *, size_t, void *);
typedef void CL_CALLBACK program_notify(cl_program, void *);
typedef void CL_CALLBACK event_notify(cl_event, cl_int, void *);

#define TO_WAIT_FOR cl_uint waits, const cl_event *wait, cl_event *event
#define INFO        size_t size, void *value, size_t *size_ret

CODE(clGetPlatformIDs, (cl_uint count, cl_platform_id *list, cl_uint *found), (count, list, found))
CODE(clGetPlatformInfo, (cl_platform_id of, cl_platform_info what, INFO), (of, what, size, value, size_ret))
CODE(clGetDeviceIDs, (cl_platform_id of, cl_device_type type, cl_uint count, cl_device_id *list, cl_uint *found),
     (of, type, count, list, found))
CODE(clGetDeviceInfo, (cl_device_id of, cl_device_info what, INFO), (of, what, size, value, size_ret))
CODE(clCreateSubDevices,
     (cl_device_id of, const cl_device_partition_property *how, cl_uint count, cl_device_id *list, cl_uint *found),
     (of, how, count, list, found))
CODE(clReleaseDevice, (cl_device_id d), (d))
OBJECT(cl_context, clCreateContext,
       (const cl_context_properties *how, cl_uint count, const cl_device_id *list, context_notify *notify,
        void *payload, cl_int *error),
       (how, count, list, notify, payload, error))
CODE(clGetContextInfo, (cl_context of, cl_context_info what, INFO), (of, what, size, value, size_ret))
CODE(clReleaseContext, (cl_context c), (c))
OBJECT(cl_command_queue, clCreateCommandQueue,
       (cl_context c, cl_device_id d, cl_command_queue_properties how, cl_int *error), (c, d, how, error))
CODE(clGetCommandQueueInfo, (cl_command_queue of, cl_command_queue_info what, INFO), (of, what, size, value, size_ret))
CODE(clReleaseCommandQueue, (cl_command_queue q), (q))
OBJECT(cl_mem, clCreateBuffer, (cl_context c, cl_mem_flags flags, size_t size, void *host, cl_int *error),
       (c, flags, size, host, error))
OBJECT(cl_mem, clCreateSubBuffer,
       (cl_mem m, cl_mem_flags flags, cl_buffer_create_type type, const void *region, cl_int *error),
       (m, flags, type, region, error))
CODE(clGetMemObjectInfo, (cl_mem of, cl_mem_info what, INFO), (of, what, size, value, size_ret))
CODE(clReleaseMemObject, (cl_mem m), (m))
OBJECT(cl_program, clCreateProgramWithSource,
       (cl_context c, cl_uint count, const char **texts, const size_t *sizes, cl_int *error),
       (c, count, texts, sizes, error))
OBJECT(cl_program, clCreateProgramWithBinary,
       (cl_context c, cl_uint count, const cl_device_id *list, const size_t *sizes, const unsigned char **binaries,
        cl_int *status, cl_int *error),
       (c, count, list, sizes, binaries, status, error))
CODE(clBuildProgram,
     (cl_program p, cl_uint count, const cl_device_id *list, const char *options, program_notify *notify,
      void *payload),
     (p, count, list, options, notify, payload))
CODE(clGetProgramInfo, (cl_program of, cl_program_info what, INFO), (of, what, size, value, size_ret))
CODE(clGetProgramBuildInfo, (cl_program of, cl_device_id d, cl_program_build_info what, INFO),
     (of, d, what, size, value, size_ret))
CODE(clReleaseProgram, (cl_program p), (p))
OBJECT(cl_kernel, clCreateKernel, (cl_program p, const char *name, cl_int *error), (p, name, error))
CODE(clSetKernelArg, (cl_kernel k, cl_uint index, size_t size, const void *value), (k, index, size, value))
CODE(clGetKernelInfo, (cl_kernel of, cl_kernel_info what, INFO), (of, what, size, value, size_ret))
CODE(clGetKernelWorkGroupInfo, (cl_kernel of, cl_device_id d, cl_kernel_work_group_info what, INFO),
     (of, d, what, size, value, size_ret))
CODE(clReleaseKernel, (cl_kernel k), (k))
CODE(clEnqueueNDRangeKernel,
     (cl_command_queue q, cl_kernel k, cl_uint dimensions, const size_t *offset, const size_t *global,
      const size_t *local, TO_WAIT_FOR),
     (q, k, dimensions, offset, global, local, waits, wait, event))
CODE(clEnqueueReadBuffer,
     (cl_command_queue q, cl_mem m, cl_bool blocking, size_t offset, size_t size, void *to, TO_WAIT_FOR),
     (q, m, blocking, offset, size, to, waits, wait, event))
CODE(clEnqueueWriteBuffer,
     (cl_command_queue q, cl_mem m, cl_bool blocking, size_t offset, size_t size, const void *from, TO_WAIT_FOR),
     (q, m, blocking, offset, size, from, waits, wait, event))
CODE(clEnqueueCopyBuffer,
     (cl_command_queue q, cl_mem from, cl_mem to, size_t from_offset, size_t to_offset, size_t size, TO_WAIT_FOR),
     (q, from, to, from_offset, to_offset, size, waits, wait, event))
CODE(clEnqueueFillBuffer,
     (cl_command_queue q, cl_mem m, const void *pattern, size_t pattern_size, size_t offset, size_t size, TO_WAIT_FOR),
     (q, m, pattern, pattern_size, offset, size, waits, wait, event))
OBJECT(void *, clEnqueueMapBuffer,
       (cl_command_queue q, cl_mem m, cl_bool blocking, cl_map_flags flags, size_t offset, size_t size, TO_WAIT_FOR,
        cl_int *error),
       (q, m, blocking, flags, offset, size, waits, wait, event, error))
CODE(clEnqueueUnmapMemObject, (cl_command_queue q, cl_mem m, void *mapped, TO_WAIT_FOR),
     (q, m, mapped, waits, wait, event))
CODE(clEnqueueMarkerWithWaitList, (cl_command_queue q, TO_WAIT_FOR), (q, waits, wait, event))
CODE(clEnqueueBarrierWithWaitList, (cl_command_queue q, TO_WAIT_FOR), (q, waits, wait, event))
CODE(clFlush, (cl_command_queue q), (q))
CODE(clFinish, (cl_command_queue q), (q))
CODE(clWaitForEvents, (cl_uint count, const cl_event *list), (count, list))
CODE(clGetEventInfo, (cl_event of, cl_event_info what, INFO), (of, what, size, value, size_ret))
CODE(clGetEventProfilingInfo, (cl_event of, cl_profiling_info what, INFO), (of, what, size, value, size_ret))
CODE(clSetEventCallback, (cl_event e, cl_int type, event_notify *notify, void *payload), (e, type, notify, payload))
CODE(clReleaseEvent, (cl_event e), (e))
