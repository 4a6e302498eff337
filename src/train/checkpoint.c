#include "train/checkpoint.h"
#include "train/config.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RECORD_NAME = PARAMETER_NAME + 16, PAIRS = 96, PAIR_VALUE = VGGCL_PATH_MAX };

/* What a record holds of a parameter; it has this before the parameter's name. */
enum kind { VALUE, VELOCITY, AVERAGE, KINDS };
static const char *const prefixes[KINDS] = {"", "velocity.", "average."};

/* By the number of the device. */
static const char *const profile_keys[VGGCL_DEVICES] = {
    "profile",   "profile.2",  "profile.3",  "profile.4",  "profile.5",  "profile.6",  "profile.7",  "profile.8",
    "profile.9", "profile.10", "profile.11", "profile.12", "profile.13", "profile.14", "profile.15", "profile.16"};

static void record_name(const struct net *net, size_t i, enum kind kind, char name[RECORD_NAME]) {
    char own[PARAMETER_NAME];
    net_parameter_name(net, i, own);
    snprintf(name, RECORD_NAME, "%s%s", prefixes[kind], own);
}

static struct tensor tensor_of(const struct parameter *p, enum kind kind) {
    return kind == VALUE ? p->value : kind == VELOCITY ? p->velocity : p->average;
}

/* Whether a file of such contents has that of the parameter. */
static bool holds(enum contents contents, const struct net *net, const struct parameter *p, enum kind kind) {
    return kind == VALUE ||
           (contents == CHECKPOINT_STATE && (kind == VELOCITY ? p->trained : net->use == NET_AVERAGES));
}

/* ---------------------------------------------------------------------------------------------------- writing -- */

/* Key and value pairs being made, for safetensors_write. */
struct metadata {
    const char *pairs[2 * PAIRS + 1];
    char values[PAIRS][PAIR_VALUE];
    int count;
};

static void add_pair(struct metadata *m, const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void add_pair(struct metadata *m, const char *key, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(m->values[m->count], PAIR_VALUE, format, arguments);
    va_end(arguments);
    m->pairs[2 * m->count] = key;
    m->pairs[2 * m->count + 1] = m->values[m->count];
    m->count++;
}

static void describe(struct metadata *m, const struct vggcl_config *config, const struct progress *progress,
                     char *const *profiles) {
    size_t count;
    const struct vggcl_option *options = vggcl_options(&count);
    add_pair(m, "format", "pt"); /* what the safetensors library calls PyTorch's layout */
    add_pair(m, "producer", "vggcl %s", vggcl_version());
    for (size_t i = 0; i < count; i++) {
        char text[PAIR_VALUE];
        if (!(options[i].flags & VGGCL_STORED))
            continue;
        vggcl_config_get(config, options[i].name, text, sizeof text);
        add_pair(m, options[i].name, "%s", text);
    }
    add_pair(m, "state.step", "%" PRId64, progress->step);
    add_pair(m, "state.epoch", "%d", progress->epoch);
    if (!profiles)
        return;
    for (size_t i = 0; profiles[i]; i++) {
        m->pairs[2 * m->count] = profile_keys[i];
        m->pairs[2 * m->count++ + 1] = profiles[i];
    }
    add_pair(m, "state.epoch_step", "%" PRId64, progress->epoch_step);
    add_pair(m, "state.loss_sum", "%.17g", progress->loss_sum);
    add_pair(m, "state.correct", "%" PRId64, progress->correct);
    add_pair(m, "state.epoch_seconds", "%.17g", progress->epoch_seconds);
    add_pair(m, "state.best_epoch", "%d", progress->best_epoch);
    add_pair(m, "state.best_accuracy", "%.17g", progress->best_accuracy);
}

/* A net's tensors on their way to a file: records, and the memory that they point to. */
struct snapshot {
    struct record *records;
    char (*names)[RECORD_NAME];
    size_t count;
};

static void snapshot_free(struct snapshot *s) {
    for (size_t i = 0; i < s->count; i++)
        free(s->records[i].values);
    free(s->records);
    free(s->names);
}

static enum vggcl_err snapshot_add(struct snapshot *s, const struct net *net, size_t i, enum kind kind) {
    struct parameter *p = net_parameter(net, i);
    struct record *r = &s->records[s->count];
    record_name(net, i, kind, s->names[s->count]);
    *r = (struct record){.name = s->names[s->count], .values = malloc(parameter_count(p) * sizeof(float))};
    r->rank = parameter_shape(p, r->shape);
    if (!r->values)
        return err_no_memory(r->name, parameter_count(p) * sizeof(float));
    s->count++;
    return parameter_read(net->dev, p, tensor_of(p, kind), r->values);
}

static enum vggcl_err snapshot_take(struct snapshot *s, const struct net *net, enum contents contents) {
    size_t count = net_parameter_count(net);
    s->records = calloc(KINDS * count, sizeof *s->records);
    s->names = calloc(KINDS * count, sizeof *s->names);
    if (!s->records || !s->names)
        return err_no_memory("a checkpoint", KINDS * count * sizeof *s->records);
    for (enum kind kind = 0; kind < KINDS; kind++)
        for (size_t i = 0; i < count; i++)
            if (holds(contents, net, net_parameter(net, i), kind))
                TRY(snapshot_add(s, net, i, kind));
    return VGGCL_OK;
}

bool checkpoint_by_seed(const struct vggcl_config *config, const struct progress *progress) {
    return progress->step == 0 && !*config->weights;
}

enum vggcl_err checkpoint_write(const char *path, const struct net *net, const struct vggcl_config *config,
                                const struct progress *progress, char *const *profiles) {
    enum vggcl_err err;
    struct snapshot snapshot = {0};
    struct metadata *metadata = calloc(1, sizeof *metadata);
    if (!metadata)
        return err_no_memory("a checkpoint's metadata", sizeof *metadata);
    describe(metadata, config, progress, profiles);
    if (!profiles || !checkpoint_by_seed(config, progress))
        TRY_GOTO(snapshot_take(&snapshot, net, profiles ? CHECKPOINT_STATE : CHECKPOINT_WEIGHTS), done);
    err = safetensors_write(path, snapshot.records, snapshot.count, metadata->pairs);
done:
    snapshot_free(&snapshot);
    free(metadata);
    return err;
}

/* ---------------------------------------------------------------------------------------------------- reading -- */

static enum vggcl_err load_one(const struct safetensors *file, const char *path, struct net *net, size_t i,
                               enum kind kind) {
    char name[RECORD_NAME];
    struct parameter *p = net_parameter(net, i);
    size_t shape[4];
    int rank = parameter_shape(p, shape);
    record_name(net, i, kind, name);
    const struct record *r = safetensors_find(file, name);
    if (!r)
        return err_set(VGGCL_EFORMAT, "%s: has no float32 tensor %s, which this network needs; see --model and --no-bn",
                       path, name);
    if (r->rank != rank || memcmp(r->shape, shape, (size_t)rank * sizeof *shape) != 0)
        return err_set(VGGCL_EFORMAT, "%s: %s has %zu values in the shape of another network; see --model and --width",
                       path, name, record_count(r));
    return parameter_write(net->dev, p, tensor_of(p, kind), r->values);
}

enum vggcl_err checkpoint_load(const struct safetensors *file, const char *path, struct net *net,
                               enum contents contents) {
    for (enum kind kind = 0; kind < KINDS; kind++)
        for (size_t i = 0; i < net_parameter_count(net); i++)
            if (holds(contents, net, net_parameter(net, i), kind))
                TRY(load_one(file, path, net, i, kind));
    return VGGCL_OK;
}

static const char *metadata_value(const void *file, const char *key) {
    return safetensors_metadata(file, key);
}

enum vggcl_err checkpoint_config(const struct safetensors *file, const char *path, struct vggcl_config *config) {
    return config_resume(config, metadata_value, file, path);
}

static enum vggcl_err read_state(const struct safetensors *file, const char *path, const char *key, double maximum,
                                 double *value) {
    const char *text = safetensors_metadata(file, key);
    char *end;
    *value = 0;
    if (!text)
        return err_set(VGGCL_EFORMAT, "%s: is not the state of a run: its metadata has no %s", path, key);
    *value = strtod(text, &end);
    if (end == text || *end || !(*value >= 0 && *value <= maximum))
        return err_set(VGGCL_EFORMAT, "%s: %s is '%.64s', not a number from 0 to %g", path, key, text, maximum);
    return VGGCL_OK;
}

enum vggcl_err checkpoint_progress(const struct safetensors *file, const char *path, struct progress *progress) {
    double step, epoch, epoch_step, correct, best_epoch;
    TRY(read_state(file, path, "state.step", 0x1p53, &step));
    TRY(read_state(file, path, "state.epoch", 1e6, &epoch));
    TRY(read_state(file, path, "state.epoch_step", 0x1p53, &epoch_step));
    TRY(read_state(file, path, "state.loss_sum", HUGE_VAL, &progress->loss_sum));
    TRY(read_state(file, path, "state.correct", 0x1p53, &correct));
    TRY(read_state(file, path, "state.epoch_seconds", 1e12, &progress->epoch_seconds));
    TRY(read_state(file, path, "state.best_epoch", 1e6, &best_epoch));
    TRY(read_state(file, path, "state.best_accuracy", 1, &progress->best_accuracy));
    progress->step = (int64_t)step;
    progress->epoch = (int)epoch;
    progress->epoch_step = (int64_t)epoch_step;
    progress->correct = (int64_t)correct;
    progress->best_epoch = (int)best_epoch;
    return VGGCL_OK;
}

enum vggcl_err checkpoint_profile(const struct safetensors *file, size_t i, char **profile) {
    const char *text = safetensors_metadata(file, profile_keys[i]);
    size_t size = text ? strlen(text) + 1 : 0;
    *profile = text ? malloc(size) : NULL;
    if (text && !*profile)
        return err_no_memory("the profile", size);
    if (text)
        memcpy(*profile, text, size);
    return VGGCL_OK;
}

/* How many convolutions of a stage the file has. */
static int stage_convolutions(const struct safetensors *file, int stage) {
    char name[RECORD_NAME];
    for (int i = 1;; i++) {
        snprintf(name, sizeof name, "conv%d_%d.weight", stage, i);
        if (!safetensors_find(file, name))
            return i - 1;
    }
}

static const struct vgg_model *model_in(const struct safetensors *file) {
    for (const struct vgg_model *m = vgg_models; m->name; m++) {
        bool same = true;
        for (int stage = 1; stage <= VGG_STAGES; stage++)
            same &= stage_convolutions(file, stage) == m->convolutions[stage - 1];
        if (same)
            return m;
    }
    return NULL;
}

enum vggcl_err checkpoint_network(const struct safetensors *file, const char *path, struct vggcl_config *config) {
    const struct vgg_model *model = model_in(file);
    const struct record *hidden = safetensors_find(file, "fc1.weight");
    char width[64];
    if (!file->count && safetensors_metadata(file, profile_keys[0]))
        return err_set(VGGCL_EFORMAT, "%s: is the state of a run before its first step, which holds no weights yet",
                       path);
    if (!model || !hidden || hidden->rank != 2)
        return err_set(VGGCL_EFORMAT, "%s: its tensors are not those of a VGG (conv1_1.weight ... fc2.bias)", path);
    /* The widest layers tell the width best. They have 512 channels at width 1. */
    snprintf(width, sizeof width, "%.17g", (double)hidden->shape[0] / 512);
    TRY(vggcl_config_set(config, "model", model->name));
    TRY(vggcl_config_set(config, "width", width));
    return vggcl_config_set(config, "no-bn", safetensors_find(file, "bn1_1.weight") ? "no" : "yes");
}
