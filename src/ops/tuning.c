#include "ops/tuning.h"

#include <string.h>

static double ratio(size_t a, size_t b) {
    return a > b ? (double)a / (double)b : (double)b / (double)a;
}

/* Whether `a` images are nearer to n than b are. If both are as near, the smaller number is. */
static bool is_nearer(size_t a, size_t b, size_t n) {
    return ratio(a, n) < ratio(b, n) || (ratio(a, n) == ratio(b, n) && a < b);
}

const struct tuned_conv *tuning_find(const struct tuning *t, struct conv_shape s) {
    const struct tuned_conv *nearest = NULL;
    for (const struct tuned_conv *row = t->convs; row < t->convs + t->conv_count; row++)
        if (row->s.h == s.h && row->s.w == s.w && row->s.c == s.c && row->s.o == s.o && ratio(row->s.n, s.n) <= 2 &&
            (!nearest || is_nearer(row->s.n, nearest->s.n, s.n)))
            nearest = row;
    return nearest;
}

/* Removes entry i, and returns it. */
static struct tuned_conv take_out(struct tuning *t, size_t i) {
    struct tuned_conv taken = t->convs[i];
    t->conv_count--;
    memmove(&t->convs[i], &t->convs[i + 1], (t->conv_count - i) * sizeof *t->convs);
    return taken;
}

struct tuned_conv *tuning_add(struct tuning *t, struct conv_shape s) {
    for (struct tuned_conv *row = t->convs; row < t->convs + t->conv_count; row++)
        if (memcmp(&row->s, &s, sizeof s) == 0)
            return row;
    if (t->conv_count == TUNED_CONVS)
        take_out(t, 0);
    t->convs[t->conv_count] = (struct tuned_conv){.s = s};
    return &t->convs[t->conv_count++];
}

bool tuning_renew(struct tuning *t, struct conv_shape s) {
    const struct tuned_conv *found = tuning_find(t, s);
    if (!found)
        return false;
    struct tuned_conv last = take_out(t, (size_t)(found - t->convs));
    t->convs[t->conv_count++] = last;
    return true;
}
