/* search.h - the search for the fastest way to do a network's convolutions on a device, by measuring.
 *
 * It takes one thing at a time, the likeliest gain first, and keeps what is better by more than noise: the own kernel's
 * tile; for each convolution and direction the algorithm, then the engine; how much a convolution transforms at once;
 * CLBlast's parameters. What holds is always measured again in turn with what challenges it, for the speed of a machine
 * drifts. */
#ifndef VGGCL_TRAIN_SEARCH_H
#define VGGCL_TRAIN_SEARCH_H

#include "net/net.h"
#include "ops/tuning.h"

enum { SEARCH_ROWS = CONV_DIRECTIONS * TUNED_CONVS };

/* One direction of the convolutions of one shape. */
struct row {
    struct conv_shape s;
    enum conv_direction direction;
    const char *layer; /* the first one of that shape, its place in the net, and how many there are */
    int place, layers;
    struct conv_method before, now;
    double before_s, now_s; /* seconds; 0 where time ran out before they were measured */
};

struct search {
    struct dev *d;
    bool quick;
    double start, budget; /* seconds */
    uint64_t limit;       /* bytes of device memory, 0 for none */
    size_t images;
    struct tuning tuning; /* the best so far */
    struct row rows[SEARCH_ROWS];
    size_t row_count;
    struct tensor image[2], weight, gradient, bias; /* operands, large enough for all rows */
    struct conv_scratch scratch;
    int measured, candidates;
    char what[96]; /* is being measured */
    void *user;
    void (*progressed)(void *user, const struct vggcl_tune_progress *progress);
};

extern const char *const search_direction_names[CONV_DIRECTIONS];

/* From d's tuning on, or the built-in rules; NULL where memory ran out. The caller sets quick, limit and whom to tell,
 * adds rows, and looks. */
struct search *search_new(struct dev *d, double budget);

/* What the device is used for from then on is built anew, and kept. */
void search_free(struct search *s);

/* Adds what net's convolutions have that d's tuning does not know. */
void search_add_rows(struct search *s, const struct net *net);

/* Everything but CLBlast's parameters, with up to as many images as the rows' shapes have; d goes by what was found. */
enum vggcl_err search_look(struct search *s);

/* CLBlast's parameters, where that engine is wanted; and where others are *better, what goes by them once more. */
enum vggcl_err search_clblast(struct search *s, bool *better);

/* Enters what holds for each row that was measured into s->tuning, and has the device go by it. */
enum vggcl_err search_enter(struct search *s);

/* Frees the operands, until they are next needed. */
void search_drop_operands(struct search *s);

/* Tells how far it is, with s->what. */
void search_tell(struct search *s);

/* Seconds since search_new(). */
double search_elapsed(const struct search *s);

#endif
