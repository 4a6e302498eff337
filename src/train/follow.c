#include "train/follow.h"
#include "train/begin.h"

#include <stdlib.h>

static enum vggcl_err obey(struct team *t, const struct order *order, struct part *parts) {
    size_t count;
    uint64_t hash;
    switch (order->what) {
    case ORDER_SHUFFLE:
        return team_shuffle(t, order->epoch);
    case ORDER_STEP:
        return team_step(t, &order->step, parts, &count);
    case ORDER_HASH:
        return team_hash(t, &hash);
    case ORDER_WAIT:
        return VGGCL_OK;
    default:
        return err_set(VGGCL_EUSAGE, "rank 0 tells something that this version does not know");
    }
}

enum vggcl_err follow_orders(struct team *t, struct part *parts) {
    struct order order = {.what = ORDER_START};
    TRY(ranks_share(&order, sizeof order)); /* rank 0 may still copy images or make its folder */
    while (order.what != ORDER_END) {
        TRY(obey(t, &order, parts));
        TRY(ranks_order(&order, sizeof order));
    }
    return VGGCL_OK;
}

enum vggcl_err follow(struct run *run) {
    TRY(run_begin_other(run));
    return run->complete ? VGGCL_OK : follow_orders(&run->team, run->pending[0].parts);
}

void follow_end(enum vggcl_err err, bool waiting) {
    struct order order = {.what = ORDER_END};
    char *kept = err_keep();
    if (err != VGGCL_OK && (err != VGGCL_ESTOPPED || !waiting))
        ranks_fail(kept ? kept : "");
    else if (ranks_rank() == 0)
        ranks_order(&order, sizeof order);
    err_put_back(kept);
}
