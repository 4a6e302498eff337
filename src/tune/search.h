/* search.h - auto-tuning: the search, by measurement, for the fastest way to compute a network's convolutions on a
 * device.
 *
 * It varies one parameter at a time, the one with the largest expected gain first: the tile of the built-in GEMM
 * kernel; for each convolution and direction the algorithm, then the GEMM engine; the chunk size of convolutions;
 * CLBlast's parameters. The best candidate so far is called the holder, a candidate compared with it the challenger; a
 * challenger replaces the holder if it is faster by more than noise and its results are right. The two are measured
 * interleaved, because a machine's speed drifts; CLBlast's parameters are the exception, because they take seconds to
 * compile. */
#ifndef VGGCL_TUNE_SEARCH_H
#define VGGCL_TUNE_SEARCH_H

#include "nets/net.h"

enum { SEARCH_ROWS = CONV_DIRECTIONS * TUNED_CONVS };

/* One direction of all convolutions of one shape. */
struct row {
    struct conv_shape s;
    enum conv_direction direction;
    const char *layer; /* name of the first layer of that shape */
    int place, layers; /* that layer's index in the net; number of layers of that shape */
    struct conv_method before, now;
    double before_s, now_s; /* seconds; 0 if the budget ran out before they were measured */
};

struct search {
    struct context *context; /* its tuning is set to each candidate, and at the end to the result */
    struct dev *d;           /* the context's */
    bool quick;              /* fewer rounds and candidates */
    double start, budget;    /* seconds */
    double first_runs;       /* seconds of runs that build kernels (of the holders, and checks), */
    double trials;           /* and of the challengers */
    int built;               /* number of programs built for challengers */
    uint64_t limit;          /* bytes of device memory, 0 for none */
    size_t images;           /* per measured convolution */
    struct tuning tuning;    /* the best so far */
    struct row rows[SEARCH_ROWS];
    size_t row_count;
    struct tensor image[2], weight, gradient, bias; /* operands, large enough for all rows */
    struct conv_scratch scratch;
    int measured, candidates;
    char what[96];   /* the current measurement, for the user */
    char **warnings; /* of the user's, as in check_method() */
    vggcl_tune_callback *progressed;
    void *payload;
};

/* Starts from the context's tuning; NULL if out of memory. budget is in seconds. The caller sets quick, limit, user and
 * progressed, and then calls search_add_rows() and search_run(). */
struct search *search_new(struct context *context, double budget);

/* The programs that candidates were measured with stay built: what the run, or its selfcheck, still needs is not built
 * twice. Only that is cached on disk. */
void search_free(struct search *s);

/* Adds rows for those convolutions of net that the context's tuning does not contain. */
void search_add_rows(struct search *s, const struct net *net);

/* Searches everything except CLBlast's parameters, with at most as many images as the rows' shapes have, and applies
 * the result. */
enum vggcl_err search_run(struct search *s);

/* Searches CLBlast's parameters, if that engine is allowed. If other parameters are *better, searches the convolution
 * algorithms with CLBlast again, and applies the result. */
enum vggcl_err search_clblast(struct search *s, bool *better);

/* Copies the best method of each row to s->tuning, and sets the context's tuning to it. A row that was not measured in
 * time keeps its built-in method: else the next run would measure it, and could choose another one. */
enum vggcl_err search_apply(struct search *s);

/* Ends the measurements: the programs of the result will be cached on disk, also those that no run uses before the
 * device is closed. */
enum vggcl_err search_keep(struct search *s);

/* Frees the operands; they are allocated again when needed. */
void search_drop_operands(struct search *s);

/* Reports the progress, with s->what. */
void search_tell(struct search *s);

/* Seconds since search_new(), and whether the budget is spent. */
double search_elapsed(const struct search *s);
bool search_time_is_up(const struct search *s);

#endif
