/* selfcheck.c - vggcl_run_selfcheck(): runs check/check.h on the device that config names. */
#define _POSIX_C_SOURCE 200809L /* fnmatch */
#include "base/stop.h"
#include "check/check.h"
#include "options/network.h"
#include "options/options.h"
#include "tune/profile.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

struct caller {
    const struct vggcl_selfcheck_run *run;
    char last[64];    /* name of the check that was left out last */
    char names[8192]; /* of all that were left out */
    size_t used;
};

/* Where a comma ends a pattern: not before a space, as in "conv forward, winograd4". */
static size_t pattern_length(const char *list) {
    size_t length = 0;
    while (list[length] && (list[length] != ',' || list[length + 1] == ' '))
        length++;
    return length;
}

static bool matches(const char *list, const char *name) {
    char pattern[256];
    for (size_t length;; list += length + 1) {
        length = pattern_length(list);
        snprintf(pattern, sizeof pattern, "%.*s", (int)length, list);
        if (fnmatch(pattern, name, 0) == 0)
            return true;
        if (!list[length])
            return false;
    }
}

static bool is_chosen(const char *const *only, const char *name) {
    if (!only || !*only)
        return true;
    while (*only && !matches(*only, name))
        only++;
    return *only;
}

/* The shapes of a check follow one another. */
static void note_name(struct caller *c, const char *name) {
    if (strcmp(name, c->last) == 0 || c->used >= sizeof c->names)
        return;
    snprintf(c->last, sizeof c->last, "%s", name);
    c->used += (size_t)snprintf(c->names + c->used, sizeof c->names - c->used, "%s%s", c->used ? "; " : "", name);
}

static bool wanted(const struct vggcl_check *check, void *payload) {
    struct caller *c = payload;
    if (!is_chosen(c->run->only, check->name)) {
        note_name(c, check->name);
        return false;
    }
    return true;
}

static void starting(const struct vggcl_check *check, void *payload) {
    const struct caller *c = payload;
    if (c->run->starting)
        c->run->starting(check, c->run->payload);
}

/* The caller's callback cannot end the checks. */
static bool checked(const struct vggcl_check *check, void *payload) {
    const struct caller *c = payload;
    if (c->run->checked)
        c->run->checked(check, c->run->payload);
    return true;
}

static enum vggcl_err check_device(const struct vggcl_config *config, struct caller *caller,
                                   struct vggcl_selfcheck *result) {
    enum vggcl_err err;
    struct context context = {0};
    struct net *net = NULL;
    const struct data_spec spec = network_spec(config);
    struct tuned tuned;
    struct check_failure failure;
    struct vggcl_config strict = *config; /* what is known to be wrong is checked too */
    strict.strict = true;
    TRY_GOTO(profile_open(&strict, &context, &tuned), done);
    TRY_GOTO(network_create(&context, config, &spec, (size_t)config->batch, NULL, NULL, NET_TRAINS, &net), done);
    const struct check_report report = {.checked = checked, .payload = caller, .wanted = wanted, .starting = starting};
    err = check_net(net, caller->run->quick, &report, result, &failure);
    if (err == VGGCL_OK && !result->checks)
        err = err_set(VGGCL_EUSAGE, "only: no check has a name like '%s'; there are: %s", *caller->run->only,
                      caller->names);
done:
    net_free(net);
    dev_close(context.dev);
    return err;
}

enum vggcl_err vggcl_run_selfcheck(const struct vggcl_config *config, const struct vggcl_selfcheck_run *run,
                                   struct vggcl_selfcheck *result) {
    static const struct vggcl_selfcheck_run all;
    struct caller caller = {.run = run ? run : &all};
    memset(result, 0, sizeof *result);
    TRY(config_check(config));
    stop_ask(caller.run->stop, caller.run->payload);
    enum vggcl_err err = check_device(config, &caller, result);
    stop_ask(NULL, NULL);
    return err;
}
