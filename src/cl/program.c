/* program.c - the kernel files in cl/, built with options when a kernel of theirs is first launched, and kept for the
 * run. */
#include "cl/cache.h"
#include "base/embedded.h"
#include "base/file.h"
#include "base/hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEM = 32, OPTIONS = 256, KERNELS = 16, SOURCE_LIMIT = 1 << 20 };

struct program {
    struct program *next;
    char stem[STEM], options[OPTIONS];
    cl_program handle;
    struct cache_key key; /* of one that was built from source and is yet to be kept */
    size_t kernel_count;
    struct {
        char function[48];
        cl_kernel handle;
    } kernels[KERNELS];
};

/* The text of cl/stem.cl, the caller's to free: from --kernel-dir where it has the file, else as embedded. */
static enum vggcl_err load_source(const struct dev *d, const char *stem, char **source) {
    if (d->kernel_dir) {
        char name[STEM + 4], path[VGGCL_PATH_MAX];
        size_t size;
        snprintf(name, sizeof name, "%s.cl", stem);
        TRY(file_path(path, d->kernel_dir, name));
        FILE *there = fopen(path, "rb");
        if (there) {
            fclose(there);
            return file_read(path, SOURCE_LIMIT, source, &size);
        }
    }
    for (const struct embedded_file *k = embedded_kernels; k->stem; k++) {
        if (strcmp(k->stem, stem) == 0) {
            size_t size = strlen(k->text) + 1;
            *source = malloc(size);
            if (!*source)
                return err_no_memory(stem, size);
            memcpy(*source, k->text, size);
            return VGGCL_OK;
        }
    }
    return err_set(VGGCL_EOPENCL, "there is no kernel file %s.cl", stem);
}

/* source with a number before each line; NULL where memory ran out. */
static char *number_lines(const char *source) {
    size_t lines = 1, length = strlen(source);
    for (const char *c = source; *c; c++)
        lines += *c == '\n';
    char *text = malloc(length + lines * 8 + 1), *end = text;
    if (!text)
        return NULL;
    for (size_t line = 1; *source; line++) {
        size_t width = strcspn(source, "\n");
        end += sprintf(end, "%5zu  %.*s\n", line % 100000, (int)width, source);
        source += width + (source[width] == '\n');
    }
    *end = '\0';
    return text;
}

/* Shows the file that the log speaks of: common.cl, or the program's own. */
static enum vggcl_err build_failed(const struct dev *d, cl_program handle, cl_int code, const char *stem,
                                   const char *options, const char *common, const char *own) {
    size_t size = 0;
    clGetProgramBuildInfo(handle, d->id, CL_PROGRAM_BUILD_LOG, 0, NULL, &size);
    char *log = calloc(size + 1, 1);
    if (log)
        clGetProgramBuildInfo(handle, d->id, CL_PROGRAM_BUILD_LOG, size, log, NULL);
    char *numbered = number_lines(log && strstr(log, "common.cl:") ? common : own);
    enum vggcl_err err =
        err_set(VGGCL_EOPENCL, "%s.cl does not build on %s: %s (%d)\noptions: %s\n%s\n%s", stem, d->info.name,
                cl_error_name(code), code, options, log ? log : "", numbered ? numbered : "");
    free(log);
    free(numbered);
    return err;
}

/* Every program is common.cl and then its own file; #line makes the compiler's log speak of both by name. */
static enum vggcl_err build(struct dev *d, struct program *p) {
    enum vggcl_err err;
    char *common = NULL, *own = NULL, options[OPTIONS + 32], own_line[STEM + 32];
    cl_int code;
    /* Warnings are for who writes kernels: PoCL would print their number on the terminal. */
    snprintf(options, sizeof options, "-cl-std=CL1.2 %s%s", d->kernel_dir ? "" : "-w ", p->options);
    snprintf(own_line, sizeof own_line, "\n#line 1 \"%s.cl\"\n", p->stem);
    TRY_GOTO(load_source(d, "common", &common), done);
    TRY_GOTO(load_source(d, p->stem, &own), done);
    const char *sources[] = {"#line 1 \"common.cl\"\n", common, own_line, own};
    TRY_GOTO(cache_key_make(d, options, sources, 4, &p->key), done);
    p->handle = cache_load(d, &p->key, options);
    if (p->handle) {
        d->programs_cached++;
        cache_key_free(&p->key);
        goto done;
    }
    p->handle = clCreateProgramWithSource(d->context, 4, sources, NULL, &code);
    if (code != CL_SUCCESS) {
        err = dev_fail(d, code, p->stem);
        goto done;
    }
    code = clBuildProgram(p->handle, 1, &d->id, options, NULL, NULL);
    if (code == CL_SUCCESS)
        d->programs_built++;
    else
        err = build_failed(d, p->handle, code, p->stem, options, common, own);
done:
    if (err != VGGCL_OK || d->on_trial)
        cache_key_free(&p->key);
    free(common);
    free(own);
    return err;
}

/* Programs are kept on disk only now: PoCL compiles all of their kernels once more for a binary, in as much time as the
 * first step takes. */
static void program_free(struct program *p) {
    cache_store(&p->key, p->handle);
    cache_key_free(&p->key);
    for (size_t i = 0; i < p->kernel_count; i++)
        clReleaseKernel(p->kernels[i].handle);
    if (p->handle)
        clReleaseProgram(p->handle);
    free(p);
}

static enum vggcl_err find_program(struct dev *d, const char *stem, size_t stem_length, const char *options,
                                   struct program **found) {
    for (struct program *p = d->programs; p; p = p->next) {
        if (strncmp(p->stem, stem, stem_length) == 0 && !p->stem[stem_length] && strcmp(p->options, options) == 0) {
            *found = p;
            return VGGCL_OK;
        }
    }
    struct program *p = calloc(1, sizeof *p);
    if (!p)
        return err_no_memory("a program", sizeof *p);
    if (stem_length >= sizeof p->stem || strlen(options) >= sizeof p->options) {
        free(p);
        return err_set(VGGCL_EOPENCL, "kernel file name or options too long: %s %s", stem, options);
    }
    memcpy(p->stem, stem, stem_length);
    strcpy(p->options, options);
    enum vggcl_err err = build(d, p);
    if (err != VGGCL_OK) {
        program_free(p);
        return err;
    }
    p->next = d->programs;
    *found = d->programs = p;
    return VGGCL_OK;
}

enum vggcl_err program_kernel(struct dev *d, const char *name, const char *options, cl_kernel *kernel) {
    struct program *p = NULL;
    const char *function = strchr(name, '/') + 1;
    cl_int code;
    TRY(find_program(d, name, (size_t)(function - name - 1), options, &p));
    for (size_t i = 0; i < p->kernel_count; i++) {
        if (strcmp(p->kernels[i].function, function) == 0) {
            *kernel = p->kernels[i].handle;
            return VGGCL_OK;
        }
    }
    if (p->kernel_count == KERNELS || strlen(function) >= sizeof p->kernels[0].function)
        return err_set(VGGCL_EOPENCL, "%s: too many kernels in one file, or too long a name", name);
    *kernel = clCreateKernel(p->handle, function, &code);
    if (code != CL_SUCCESS)
        return dev_fail(d, code, name);
    strcpy(p->kernels[p->kernel_count].function, function);
    p->kernels[p->kernel_count++].handle = *kernel;
    return VGGCL_OK;
}

void program_free_all(struct dev *d) {
    while (d->programs) {
        struct program *next = d->programs->next;
        program_free(d->programs);
        d->programs = next;
    }
}

uint64_t program_sources_hash(void) {
    uint64_t hash = HASH_START;
    for (const struct embedded_file *k = embedded_kernels; k->stem; k++)
        hash = hash_bytes(hash_bytes(hash, k->stem, strlen(k->stem) + 1), k->text, strlen(k->text) + 1);
    return hash;
}
