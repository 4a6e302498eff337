#include "check/operators.h"
#include "ops/conv/conv.h"
#include "ops/gemm/gemm.h"

#define LIST_CHECKS(family) family##_checks,
static const struct check *const families[] = {CHECK_FAMILIES(LIST_CHECKS) NULL};

/* The next engine, else the next algorithm, else the next row. */
static void advance(struct check_cursor *c, const struct check *row) {
    if (row->each_engine && gemm_engines[++c->engine])
        return;
    c->engine = 0;
    if (row->each_algorithm && conv_algorithms[++c->algorithm])
        return;
    c->algorithm = 0;
    c->row++;
}

bool check_next(struct check_cursor *c, struct check *check) {
    while (families[c->family]) {
        const struct check *row = &families[c->family][c->row];
        if (!row->name) {
            c->family++;
            c->row = 0;
            continue;
        }
        *check = *row;
        if (row->each_algorithm)
            check->algorithm = conv_algorithms[c->algorithm];
        if (row->each_engine)
            check->engine = gemm_engines[c->engine];
        advance(c, row);
        if (!row->each_algorithm || row->each_algorithm(check->algorithm))
            return true;
    }
    return false;
}
