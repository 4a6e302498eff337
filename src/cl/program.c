/* program.c - builds the kernel files in cl/, each with its options when one of its kernels is first launched, and
 * keeps the programs until the device is closed. */
#include "cl/cache.h"
#include "cl/matrix.h"
#include "base/embedded.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/phase.h"
#include "base/stop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEM = 32, OPTIONS = 256, KERNELS = 16, SOURCE_LIMIT = 1 << 20 };

struct program {
    struct program *next;
    char stem[STEM], options[OPTIONS], building[STEM + 16];
    cl_program handle;
    struct cache_key key; /* set if built from source and not yet written to the cache */
    bool trial;           /* looked up on trial only: a candidate of tuning that was not chosen so far */
    bool has_no_binary;   /* asking for it would end the process */
    size_t kernel_count;
    struct {
        char function[48];
        cl_kernel handle;
    } kernels[KERNELS];
};

/* Sets *source to the text of cl/stem.cl, owned by the caller: from --kernel-dir if the file exists there, else the
 * embedded text. */
static enum vggcl_err load_source(const char *kernel_dir, const char *stem, char **source) {
    if (kernel_dir && *kernel_dir) {
        char name[STEM + 4], path[VGGCL_PATH_MAX];
        size_t size;
        snprintf(name, sizeof name, "%s.cl", stem);
        TRY(file_path(path, kernel_dir, name));
        if (file_exists(path))
            return file_read(path, SOURCE_LIMIT, source, &size);
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

/* ------------------------------------------------------------------------------------------------------ sources -- */

/* The source files of a program in their order. A #line directive precedes each, so that the compiler's log shows the
 * file's name and line numbers. */
enum { SOURCES = 4 };
struct sources {
    size_t count;
    struct source {
        char name[STEM + 4], line[STEM + 32], *text;
    } files[SOURCES];
};

static void sources_free(struct sources *s) {
    for (size_t i = 0; i < s->count; i++)
        free(s->files[i].text);
}

/* Adds the file stem.cl. Takes ownership of text, its contents. */
static enum vggcl_err append(struct sources *s, const char *stem, char *text) {
    if (s->count == SOURCES) {
        free(text);
        return err_set(VGGCL_EOPENCL, "%s.cl: a program has at most %d files", stem, SOURCES);
    }
    struct source *file = &s->files[s->count];
    snprintf(file->name, sizeof file->name, "%s.cl", stem);
    snprintf(file->line, sizeof file->line, "%s#line 1 \"%s.cl\"\n", s->count ? "\n" : "", stem);
    file->text = text;
    s->count++;
    return VGGCL_OK;
}

static enum vggcl_err append_file(const struct dev *d, struct sources *s, const char *stem) {
    char *text;
    TRY(load_source(d->kernel_dir, stem, &text));
    return append(s, stem, text);
}

/* Appends the files that text includes with lines `#include "stem.cl"`. Turns these lines into comments, so that line
 * numbers stay the same. */
static enum vggcl_err append_included(const struct dev *d, struct sources *s, char *text) {
    static const char include[] = "#include \"";
    for (char *line = text; line; line = strchr(line, '\n')) {
        char stem[STEM];
        line += *line == '\n';
        if (strncmp(line, include, strlen(include)) != 0)
            continue;
        const char *name = line + strlen(include);
        snprintf(stem, sizeof stem, "%.*s", (int)strcspn(name, ".\"\n"), name);
        memcpy(line, "//", 2);
        TRY(append_file(d, s, stem));
    }
    return VGGCL_OK;
}

/* A program consists of common.cl, the files that cl/stem.cl includes, and cl/stem.cl. */
static enum vggcl_err load_sources(const struct dev *d, const char *stem, struct sources *s) {
    char *own;
    TRY(append_file(d, s, "common"));
    TRY(load_source(d->kernel_dir, stem, &own));
    enum vggcl_err err = append_included(d, s, own);
    if (err != VGGCL_OK) {
        free(own);
        return err;
    }
    return append(s, stem, own);
}

/* -------------------------------------------------------------------------------------------------------- build -- */

static size_t lines_of(const char *text) {
    size_t lines = 0;
    for (; *text; text++)
        lines += *text == '\n';
    return lines;
}

/* Returns a copy of source with line numbers that start at first, owned by the caller; NULL if there is no memory. */
static char *number_lines(const char *source, size_t first) {
    char *text = malloc(strlen(source) + 8 * (lines_of(source) + 1) + 1), *end = text;
    if (!text)
        return NULL;
    for (size_t line = first; *source; line++) {
        size_t width = strcspn(source, "\n");
        end += sprintf(end, "%5zu  %.*s\n", line % 100000, (int)width, source);
        source += width + (source[width] == '\n');
    }
    *end = '\0';
    return text;
}

/* The file that the log mentions first; NULL if it names none. */
static const struct source *named_in_log(const struct sources *s, const char *log) {
    const struct source *named = NULL;
    const char *first = NULL;
    for (size_t i = 0; i < s->count; i++) {
        char name[STEM + 8];
        snprintf(name, sizeof name, "%s:", s->files[i].name);
        const char *at = strstr(log, name);
        if (at && (!first || at < first)) {
            first = at;
            named = &s->files[i];
        }
    }
    return named;
}

/* The line number of the log's first message, which compilers write as `file:line:column:`; 0 if there is none. */
static size_t line_in_log(const char *log) {
    for (const char *at = strchr(log, ':'); at; at = strchr(at + 1, ':')) {
        size_t line;
        int length = 0;
        if (sscanf(at, ":%zu:%n", &line, &length) == 1 && length)
            return line;
    }
    return 0;
}

/* Returns the source file in which the log's first error is, numbered as the log counts; owned by the caller; NULL if
 * there is no memory. A compiler that ignores #line (Oclgrind's) names no file and counts the lines of the whole
 * program; where the log has no line number either, the program's last file is shown. */
static char *source_in_log(const struct sources *s, const char *log) {
    const struct source *file = named_in_log(s, log);
    if (file)
        return number_lines(file->text, 1);
    size_t wanted = line_in_log(log), first = 1;
    for (size_t i = 0; i < s->count; i++) {
        file = &s->files[i];
        first += lines_of(file->line);
        size_t end = first + lines_of(file->text);
        if (first <= wanted && wanted <= end)
            return number_lines(file->text, first);
        first = end;
    }
    return number_lines(file->text, 1);
}

static enum vggcl_err build_failed(const struct dev *d, cl_program handle, cl_int code, const char *stem,
                                   const char *options, const struct sources *s) {
    size_t size = 0;
    bool has_log = clGetProgramBuildInfo(handle, d->id, CL_PROGRAM_BUILD_LOG, 0, NULL, &size) == CL_SUCCESS;
    char *log = calloc(size + 1, 1);
    if (has_log && log && clGetProgramBuildInfo(handle, d->id, CL_PROGRAM_BUILD_LOG, size, log, NULL) != CL_SUCCESS)
        *log = '\0'; /* the error is reported without it */
    char *numbered = source_in_log(s, log ? log : "");
    enum vggcl_err err =
        err_set(VGGCL_EOPENCL, "%s.cl does not build on %s: %s (%d)\noptions: %s\n%s\n%s", stem, d->info.name,
                cl_error_name(code), code, options, log ? log : "", numbered ? numbered : "");
    free(log);
    free(numbered);
    return err;
}

/* Refuses to build a program on trial when tuning has built enough of them. */
static enum vggcl_err take_trial_room(struct dev *d, const char *stem) {
    if (d->on_trial && d->trial_room == 0)
        return err_set(VGGCL_EOPENCL, "%s.cl: tuning builds no more programs", stem);
    d->trial_room -= d->on_trial;
    return VGGCL_OK;
}

static enum vggcl_err build(struct dev *d, struct program *p) {
    enum vggcl_err err;
    struct sources s = {0};
    const char *texts[2 * SOURCES];
    char options[OPTIONS + 32];
    cl_int code;
    TRY(stop_check());
    /* Compiler warnings are of use to people who edit kernels only; PoCL prints their number to the terminal. */
    snprintf(options, sizeof options, "-cl-std=CL1.2 %s%s", d->kernel_dir ? "" : "-w ", p->options);
    TRY_GOTO(load_sources(d, p->stem, &s), done);
    for (size_t i = 0; i < s.count; i++) {
        texts[2 * i] = s.files[i].line;
        texts[2 * i + 1] = s.files[i].text;
    }
    TRY_GOTO(cache_key_make(d, options, texts, 2 * s.count, &p->key), done);
    phase_interrupt("building %s.cl, program %d", p->stem, d->programs_built + d->programs_cached + 1);
    activity_begin(p->building, d->info.name, true);
    p->handle = cache_load(d, &p->key, options);
    activity_end();
    if (p->handle) {
        d->programs_cached++;
        cache_key_free(&p->key);
        goto done;
    }
    TRY_GOTO(take_trial_room(d, p->stem), done);
    p->handle = clCreateProgramWithSource(d->context, (cl_uint)(2 * s.count), texts, NULL, &code);
    if (code != CL_SUCCESS) {
        err = dev_fail(d, code, p->stem);
        goto done;
    }
    activity_begin(p->building, d->info.name, true);
    code = clBuildProgram(p->handle, 1, &d->id, options, NULL, NULL);
    activity_end();
    if (code == CL_SUCCESS)
        d->programs_built++;
    else
        err = build_failed(d, p->handle, code, p->stem, options, &s);
done:
    phase_resume();
    if (err != VGGCL_OK)
        cache_key_free(&p->key);
    sources_free(&s);
    return err;
}

static bool is_storable(const struct program *p) {
    return p->key.text && !p->trial && !p->has_no_binary;
}

/* To return a binary, PoCL compiles kernels for work-groups of any size. Its versions 4 to 6 then take inline assembly,
 * which has no name, for a function of their own that the program does not use, and abort
 * (WorkitemLoops::handleLocalMemAllocas(), mended in 7.0). Their own cache keeps such kernels. */
static bool lacks_binary(const struct dev *d, const char *options) {
    int version = atoi(d->info.driver);
    bool assembly = d->matrix && d->matrix->unit != PROCESSOR_ANY && strstr(options, "-DMATRIX=");
    return assembly && version >= 4 && version <= 6;
}

/* Writes the program to the cache only now, at the end of a run: to return a binary, PoCL compiles all its kernels once
 * more, which takes as long as the first training step. A caller who wants to stop does not wait for that. */
static void program_free(struct dev *d, struct program *p) {
    activity_begin(p->building, d->info.name, true);
    if (is_storable(p) && !stop_asked())
        cache_store(&p->key, p->handle);
    activity_end();
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
            p->trial &= d->on_trial;
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
    p->has_no_binary = lacks_binary(d, options);
    snprintf(p->building, sizeof p->building, "building %s.cl", p->stem);
    enum vggcl_err err = build(d, p);
    if (err != VGGCL_OK) {
        program_free(d, p);
        return err;
    }
    p->trial = d->on_trial;
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
    activity_begin(name, d->info.name, true);
    *kernel = clCreateKernel(p->handle, function, &code);
    activity_end();
    d->fresh = true;
    if (code != CL_SUCCESS)
        return dev_fail(d, code, name);
    strcpy(p->kernels[p->kernel_count].function, function);
    p->kernels[p->kernel_count++].handle = *kernel;
    return VGGCL_OK;
}

void program_free_all(struct dev *d) {
    size_t done = 0, count = 0;
    for (const struct program *p = d->programs; p; p = p->next)
        count += is_storable(p);
    if (count)
        phase_begin(d->info.name, "storing built kernels", count);
    d->generation++;
    while (d->programs) {
        struct program *p = d->programs;
        d->programs = p->next;
        if (is_storable(p))
            phase_item(done++, "%s.cl", p->stem);
        program_free(d, p);
    }
}

uint64_t program_sources_hash(const char *kernel_dir) {
    uint64_t hash = HASH_START;
    for (const struct embedded_file *k = embedded_kernels; k->stem; k++) {
        char *text = NULL, *kept = err_keep();
        bool loaded = load_source(kernel_dir, k->stem, &text) == VGGCL_OK;
        const char *used = loaded ? text : "";
        err_put_back(kept);
        hash = hash_bytes(hash_bytes(hash, k->stem, strlen(k->stem) + 1), used, strlen(used) + 1);
        free(text);
    }
    return hash;
}
