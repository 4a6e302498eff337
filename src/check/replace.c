#include "check/replace.h"
#include "base/text.h"
#include "base/stop.h"
#include "check/check.h"
#include "ops/conv/conv.h"
#include "ops/gemm/gemm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The context's tuning knows that the failure's methods are wrong; by: what replaces each on that shape. False if the
 * replacement of one is wrong too. */
static bool find_replacements(const struct context *context, const struct check_failure *failure,
                              struct device_method by[CONV_DIRECTIONS]) {
    struct conv_method methods[CONV_DIRECTIONS];
    if (conv_choose(context, failure->shape, "auto", methods) != VGGCL_OK)
        return false;
    for (size_t i = 0; i < failure->method_count; i++) {
        const struct device_method *m = &failure->methods[i];
        if (m->algorithm)
            by[i] = (struct device_method){.algorithm = methods[m->direction].algorithm, .direction = m->direction};
        else
            by[i] = tuning_product(&context->tuning, gemm_engine(context, NULL), m->transposed);
        if (tuning_is_wrong(&context->tuning, &by[i]))
            return false;
    }
    return true;
}

/* Adds the failure's methods to the wrong ones of the context's tuning; by: as above. False, and the context is as
 * before, if that is no way out. */
static bool replace(struct context *context, const struct check_failure *failure,
                    struct device_method by[CONV_DIRECTIONS]) {
    struct context next = *context;
    bool added = false;
    for (size_t i = 0; i < failure->method_count; i++)
        added |= tuning_add_wrong(&next.tuning, &failure->methods[i]);
    if (!added || context->strict || context_tune(&next, &next.tuning) != VGGCL_OK ||
        !find_replacements(&next, failure, by))
        return false;
    *context = next;
    return true;
}

/* Adds "warning: DEVICE (driver DRIVER) gives wrong results: ...; WHAT", and a line's end. */
static enum vggcl_err add_warning(char **warnings, const struct dev *d, const struct check_failure *failure,
                                  const char *what) {
    enum { LONGEST_WHAT = 600 };
    char text[CHECK_TEXT], line[CHECK_TEXT + LONGEST_WHAT];
    check_failure_text(failure, &d->info, text);
    snprintf(line, sizeof line, "warning: %s; %s", text, what);
    return text_add_line(warnings, line) ? VGGCL_OK : err_no_memory("a warning", sizeof line);
}

enum vggcl_err check_or_replace(const struct net *net, struct context *context, struct vggcl_selfcheck *result,
                                bool *replaced, char **warnings) {
    struct check_failure failure;
    struct device_method by[CONV_DIRECTIONS];
    char names[512], what[sizeof names + 32];
    enum vggcl_err err = check_net(net, true, NULL, result, &failure);
    *replaced = err == VGGCL_EWRONG && replace(context, &failure, by);
    if (!*replaced)
        return err;
    tuning_methods_text(by, failure.method_count, names, sizeof names);
    snprintf(what, sizeof what, "used instead: %s", names);
    return add_warning(warnings, net->dev, &failure, what);
}

enum vggcl_err check_method(struct context *context, struct conv_shape s, enum conv_direction direction,
                            struct conv_method m, bool *right, char **warnings) {
    struct check_failure failure, part;
    check_convolution(context, s, direction, m, false, &failure);
    *right = !*failure.check.name;
    if (*right || stop_asked())
        return stop_check();
    check_convolution(context, s, direction, m, true, &part);
    if (*part.check.name)
        failure = part; /* the cause */
    for (size_t i = 0; i < failure.method_count; i++)
        tuning_add_wrong(&context->tuning, &failure.methods[i]);
    return failure.method_count ? add_warning(warnings, context->dev, &failure, "it is not chosen") : VGGCL_OK;
}
