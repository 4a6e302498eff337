#include "measure/peaks.h"
#include "base/clock.h"
#include "base/phase.h"
#include "cl/arena.h"
#include "cl/matrix.h"
#include "ops/peak.h"
#include "ops/peak_matrix.h"

#include <math.h>
#include <stdio.h>

/* Work-items per compute unit and rounds of the multiply-adds: about a millisecond, so that some launches are not
 * disturbed by other programs. A GPU's unit needs many work-items, with fewer rounds. */
enum { ITEMS = 16, ROUNDS = 1 << 14, SIMT_ITEMS = 1 << 11, SIMT_ROUNDS = 1 << 9, MATRIX_ROUNDS = 1 << 8 };

/* Buffers grow by BUFFER_STEP. The largest one has CACHES times the bytes of the largest cache, within limits. */
enum { BUFFER_STEP = 4, CACHES = 4 };
static const size_t least_bytes = (size_t)128 << 20, most_bytes = (size_t)1 << 30;

/* Seconds of measuring: arithmetic; each way to move the largest buffer, and each smaller one. Launches are repeated in
 * runs of run_seconds or more, so that the final wait is negligible. */
static const double arithmetic_seconds = 0.15, largest_seconds = 0.03, smaller_seconds = 0.01, run_seconds = 0.002;

/* What launch_*() repeat. */
struct load {
    struct dev *dev;
    struct tensor buffer, sum, operands; /* operands: of matrix instructions */
    size_t words;                        /* of the buffer */
    enum peak_move move;
    bool stream;
};

/* Launches a kernel; *done: its operations, or the bytes that it moves. */
typedef enum vggcl_err launch(const struct load *load, double *done);

static size_t item_count(const struct dev *d) {
    return d->info.compute_units * (d->simt ? SIMT_ITEMS : ITEMS);
}

static enum vggcl_err launch_multiply_add(const struct load *load, double *done) {
    struct dev *d = load->dev;
    return peak_multiply_add(d, item_count(d), d->simt ? SIMT_ROUNDS : ROUNDS, load->sum, done);
}

static enum vggcl_err launch_matrix(const struct load *load, double *done) {
    struct dev *d = load->dev;
    return peak_matrix(d, item_count(d), MATRIX_ROUNDS, load->operands, load->sum, done);
}

static enum vggcl_err launch_move(const struct load *load, double *done) {
    return peak_move(load->dev, load->move, load->stream, load->words, load->buffer, load->sum, done);
}

static enum vggcl_err time_launches(const struct load *load, launch *launch, size_t count, double *seconds,
                                    double *rate) {
    double start = clock_seconds(), done;
    for (size_t i = 0; i < count; i++)
        TRY(launch(load, &done));
    TRY(dev_finish(load->dev));
    *seconds = clock_seconds() - start;
    *rate = done * (double)count / *seconds;
    return VGGCL_OK;
}

/* Raises *most to the highest rate of runs that take about `total` seconds together. */
static enum vggcl_err raise_rate(const struct load *load, launch *launch, double total, double *most) {
    size_t count = 1;
    double seconds, rate;
    TRY(time_launches(load, launch, 1, &seconds, &rate)); /* builds the kernel */
    double start = clock_seconds();
    do {
        TRY(time_launches(load, launch, count, &seconds, &rate));
        *most = fmax(*most, rate);
        if (seconds < run_seconds)
            count *= 2;
    } while (clock_seconds() - start < total);
    return VGGCL_OK;
}

/* A table of the arithmetic peaks: whether the device has the instructions, a kernel, and where its rate is stored. */
static enum vggcl_err measure_arithmetic(const struct load *load, struct vggcl_peaks *peaks) {
    const struct {
        bool there;
        launch *launch;
        double *rate;
    } table[] = {{true, launch_multiply_add, &peaks->multiply_adds},
                 {load->dev->matrix, launch_matrix, &peaks->matrix_products}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].there)
            TRY(raise_rate(load, table[i].launch, arithmetic_seconds, table[i].rate));
    return VGGCL_OK;
}

/* Whether it pays to write past the cache depends on the buffer's size: both are tried. */
static enum vggcl_err measure_buffer(struct load load, double seconds, struct vggcl_memory_peak *peak) {
    double *const rates[PEAK_MOVES] = {
        [PEAK_READ] = &peak->reads, [PEAK_WRITE] = &peak->writes, [PEAK_COPY] = &peak->copies};
    peak->bytes = 4 * load.words;
    for (int move = 0; move < PEAK_MOVES; move++)
        for (int stream = 0; stream < (move == PEAK_READ ? 1 : 2); stream++) {
            load.move = (enum peak_move)move;
            load.stream = stream;
            TRY(raise_rate(&load, launch_move, seconds, rates[move]));
        }
    return VGGCL_OK;
}

static size_t largest_buffer(const struct dev *d) {
    size_t bytes = CACHES * dev_cache_bytes(d), words;
    bytes = bytes < least_bytes ? least_bytes : bytes > most_bytes ? most_bytes : bytes;
    while (bytes > d->info.memory / 4 || bytes > d->info.largest_allocation)
        bytes /= 2;
    words = bytes / 4 / PEAK_WORDS;
    return (words ? words : 1) * PEAK_WORDS;
}

/* A smaller buffer is at least as fast: what is measured slower was dominated by the launch. */
static void smooth(struct vggcl_memory_peak peaks[VGGCL_MEMORY_PEAKS]) {
    for (size_t i = VGGCL_MEMORY_PEAKS - 1; i-- > 0;) {
        peaks[i].reads = fmax(peaks[i].reads, peaks[i + 1].reads);
        peaks[i].writes = fmax(peaks[i].writes, peaks[i + 1].writes);
        peaks[i].copies = fmax(peaks[i].copies, peaks[i + 1].copies);
    }
}

static enum vggcl_err measure_memory(struct load load, struct vggcl_peaks *peaks) {
    double seconds = largest_seconds;
    for (size_t i = VGGCL_MEMORY_PEAKS; i-- > 0; seconds = smaller_seconds) {
        TRY(measure_buffer(load, seconds, &peaks->memory[i]));
        if (load.words > BUFFER_STEP * PEAK_WORDS)
            load.words = load.words / BUFFER_STEP / PEAK_WORDS * PEAK_WORDS;
    }
    smooth(peaks->memory);
    return VGGCL_OK;
}

/* Words for the sums of the kernels that need most. */
static size_t sum_words(const struct load *load) {
    const struct dev *d = load->dev;
    size_t read = peak_sum_words(d, peak_move_items(d, PEAK_READ, load->words));
    size_t add = peak_sum_words(d, item_count(d)), product = d->matrix ? item_count(d) * peak_matrix_sums(d) : 0;
    size_t words = read > add ? read : add;
    return words > product ? words : product;
}

enum vggcl_err peaks_measure(struct dev *d, struct vggcl_peaks *peaks) {
    enum vggcl_err err;
    struct arena arena = {0};
    struct load load = {.dev = d, .words = largest_buffer(d)};
    phase_begin(d->info.name, "the device's peaks", 0);
    TRY_GOTO(arena_reserve(&arena, "a buffer to measure memory with", load.words, &load.buffer), done);
    TRY_GOTO(arena_reserve(&arena, "sums of the measured kernels", sum_words(&load), &load.sum), done);
    if (d->matrix)
        TRY_GOTO(arena_reserve(&arena, "operands of matrix instructions", peak_matrix_operands(d), &load.operands),
                 done);
    TRY_GOTO(arena_commit(&arena, d), done);
    if (d->matrix)
        snprintf(peaks->matrix, sizeof peaks->matrix, "%s", d->matrix->name);
    TRY_GOTO(measure_arithmetic(&load, peaks), done);
    err = measure_memory(load, peaks);
done:
    arena_free(&arena);
    return err;
}

/* ------------------------------------------------------------------------------------------------------ bounds -- */

/* The peaks of the largest buffer that is not larger than that, else of the smallest one. */
static const struct vggcl_memory_peak *memory_of(const struct vggcl_peaks *peaks, double bytes) {
    size_t i = VGGCL_MEMORY_PEAKS - 1;
    while (i && (double)peaks->memory[i].bytes > bytes)
        i--;
    return &peaks->memory[i];
}

/* As much as is read and written takes the time of copying it, the rest that of reading or writing. */
static double memory_seconds_of(const struct vggcl_memory_peak *peak, double reads, double writes) {
    double both = fmin(reads, writes);
    return 2 * both / peak->copies + (reads - both) / peak->reads + (writes - both) / peak->writes;
}

double peaks_arithmetic(const struct vggcl_peaks *peaks, const struct vggcl_direction_time *t) {
    return t->operations / (t->matrix ? peaks->matrix_products : peaks->multiply_adds);
}

void peaks_bound(const struct vggcl_peaks *peaks, double bytes, struct vggcl_direction_time *t) {
    double arithmetic = peaks_arithmetic(peaks, t);
    double memory = memory_seconds_of(memory_of(peaks, bytes), t->reads, t->writes);
    t->bound = arithmetic > memory ? VGGCL_ARITHMETIC : VGGCL_MEMORY;
    t->bound_seconds = fmax(arithmetic, memory);
}
