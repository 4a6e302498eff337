#include "train/checkpoint.h"
#include "base/json.h"
#include "base/text.h"
#include "nets/model.h"
#include "options/options.h"
#include "ranks/ranks.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RECORD_NAME = PARAMETER_NAME + 16, PAIRS = VGGCL_OPTIONS + VGGCL_DEVICES + 32, PAIR_VALUE = VGGCL_PATH_MAX };

/* Which tensor of a parameter a record holds. The optimiser's state k has the kind STATES + k. */
enum kind { VALUE, STATES, AVERAGE = STATES + OPTIMISER_STATES, KINDS };

static bool is_state(enum kind kind) {
    return kind >= STATES && kind < AVERAGE;
}

/* Metadata keys of the devices' profiles, indexed by device. */
static const char *const profile_keys[VGGCL_DEVICES] = {
    "profile",   "profile.2",  "profile.3",  "profile.4",  "profile.5",  "profile.6",  "profile.7",  "profile.8",
    "profile.9", "profile.10", "profile.11", "profile.12", "profile.13", "profile.14", "profile.15", "profile.16"};

static const char data_key[] = "state.data", fingerprint_key[] = "state.fingerprint", hash_key[] = "state.weights_hash",
                  history_key[] = "state.history", ranks_key[] = "state.ranks" /* with the option shards */;

/* Of the images that the network takes, and a JSON array of its classes' names. */
static const char height_key[] = "image.height", width_key[] = "image.width", channels_key[] = "image.channels",
                  classes_key[] = "classes";

/* The data set that the network was trained on: its description, and the fingerprint of all its images. */
static const char source_key[] = "image.source", set_key[] = "image.fingerprint";

/* JSON arrays of a number for each channel, see struct normalisation. */
static const char mean_key[] = "image.mean", deviation_key[] = "image.std";
static const char producer_key[] = "producer"; /* only files that vggcl wrote have it */

static void record_name(const struct net *net, size_t i, enum kind kind, char name[RECORD_NAME]) {
    const char *prefix = kind == VALUE ? "" : is_state(kind) ? net->optimiser->states[kind - STATES] : "average";
    char parameter[PARAMETER_NAME];
    net_parameter_name(net, i, parameter);
    snprintf(name, RECORD_NAME, "%s%s%s", prefix, *prefix ? "." : "", parameter);
}

static struct tensor tensor_of(const struct parameter *p, enum kind kind) {
    return kind == VALUE ? p->value : is_state(kind) ? p->state[kind - STATES] : p->average;
}

/* Whether tensors of this kind, of parameter i, are among the contents. */
static bool holds(enum contents contents, const struct net *net, size_t i, enum kind kind) {
    if (kind == VALUE)
        return contents != CHECKPOINT_WITHOUT_HEAD || !net_parameter_in_head(net, i);
    if (contents != CHECKPOINT_STATE)
        return false;
    if (is_state(kind))
        return net_parameter(net, i)->trained && (int)(kind - STATES) < net->optimiser->state_count;
    return net->use & NET_AVERAGES && !net_parameter(net, i)->frozen;
}

/* ---------------------------------------------------------------------------------------------------- writing -- */

/* Key and value pairs for safetensors_write(). */
struct metadata {
    const char *pairs[2 * PAIRS + 1];
    char values[PAIRS][PAIR_VALUE];
    int count;
    char *classes; /* the value of classes_key, owned: it may be longer than PAIR_VALUE */
};

static void add_pair(struct metadata *m, const char *key, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void add_pair(struct metadata *m, const char *key, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    text_print_list(m->values[m->count], PAIR_VALUE, format, arguments);
    va_end(arguments);
    m->pairs[2 * m->count] = key;
    m->pairs[2 * m->count + 1] = m->values[m->count];
    m->count++;
}

/* Class names that are not UTF-8 are not stored. */
static void describe_images(struct metadata *m, const struct data *data) {
    const struct data_spec *spec = &data->spec;
    json_t *names = json_array();
    for (size_t i = 0; i < spec->classes; i++)
        if (text_is_utf8(spec->class_names[i]))
            json_add(&names, json_make_text(spec->class_names[i]));
    add_pair(m, height_key, "%zu", spec->height);
    add_pair(m, width_key, "%zu", spec->width);
    add_pair(m, channels_key, "%zu", spec->channels);
    m->classes = json_array_size(names) == spec->classes ? json_print(names, JSON_COMPACT) : NULL;
    if (text_is_utf8(data->description))
        add_pair(m, source_key, "%s", data->description);
    add_pair(m, set_key, "%016" PRIx64, data->set_fingerprint);
    if (m->classes) {
        m->pairs[2 * m->count] = classes_key;
        m->pairs[2 * m->count++ + 1] = m->classes;
    }
    json_decref(names);
}

void checkpoint_preprocessing(const struct normalisation *n, size_t channels, char text[static NORMALISE_TEXT]) {
    char formula[NORMALISE_TEXT];
    normalise_describe(n, channels, formula);
    snprintf(text, NORMALISE_TEXT, "%s, NCHW, %.480s", channels == 1 ? "grey" : "RGB", formula);
}

static void describe_normalisation(struct metadata *m, const struct normalisation *n, size_t channels) {
    char text[NORMALISE_TEXT];
    checkpoint_preprocessing(n, channels, text);
    add_pair(m, "preprocessing", "%s", text);
    normalise_list(n->mean, channels, text);
    add_pair(m, mean_key, "%s", text);
    normalise_list(n->deviation, channels, text);
    add_pair(m, deviation_key, "%s", text);
}

static void describe(struct metadata *m, const struct net *net, const struct checkpoint *c) {
    const struct progress *progress = c->progress;
    size_t count;
    const struct vggcl_option *options = vggcl_options(&count);
    add_pair(m, "format", "pt"); /* the safetensors library's name for PyTorch's layout */
    add_pair(m, producer_key, "vggcl %s", vggcl_version());
    describe_normalisation(m, &net->normalisation, c->data->spec.channels);
    for (size_t i = 0; i < count; i++) {
        char text[PAIR_VALUE];
        if (!(options[i].flags & VGGCL_STORED))
            continue;
        vggcl_config_get(c->config, options[i].name, text, sizeof text);
        add_pair(m, options[i].name, "%s", text);
    }
    describe_images(m, c->data);
    add_pair(m, "state.step", "%" PRId64, progress->step);
    add_pair(m, "state.epoch", "%d", progress->epoch);
    if (!c->profiles)
        return;
    for (size_t i = 0; c->profiles[i]; i++) {
        m->pairs[2 * m->count] = profile_keys[i];
        m->pairs[2 * m->count++ + 1] = c->profiles[i];
    }
    if (*c->data->folder && text_is_utf8(c->data->folder))
        add_pair(m, data_key, "%s", c->data->folder);
    add_pair(m, fingerprint_key, "%016" PRIx64, c->data->fingerprint);
    add_pair(m, "state.epoch_step", "%" PRId64, progress->epoch_step);
    add_pair(m, "state.loss_sum", "%.17g", progress->loss_sum);
    add_pair(m, "state.correct", "%" PRId64, progress->correct);
    add_pair(m, "state.epoch_seconds", "%.17g", progress->epoch_seconds);
    add_pair(m, "state.best_epoch", "%d", progress->best_epoch);
    add_pair(m, "state.best_accuracy", "%.17g", progress->best_accuracy);
    if (c->config->shards)
        add_pair(m, ranks_key, "%d", ranks_count());
    if (!checkpoint_by_seed(c->config, progress))
        add_pair(m, hash_key, "%016" PRIx64, c->weights_hash);
    m->pairs[2 * m->count] = history_key;
    m->pairs[2 * m->count++ + 1] = c->history;
}

/* A host copy of a net's tensors, to be written to a file: records, and the memory that they point to. */
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
            if (holds(contents, net, i, kind))
                TRY(snapshot_add(s, net, i, kind));
    return VGGCL_OK;
}

bool checkpoint_by_seed(const struct vggcl_config *config, const struct progress *progress) {
    return progress->step == 0 && !*config->weights;
}

uint64_t checkpoint_bytes(const struct net *net, enum contents contents) {
    enum { METADATA = 1 << 16, ENTRY = 256 };
    uint64_t bytes = METADATA;
    for (enum kind kind = 0; kind < KINDS; kind++)
        for (size_t i = 0; i < net_parameter_count(net); i++)
            if (holds(contents, net, i, kind))
                bytes += parameter_count(net_parameter(net, i)) * sizeof(float) + ENTRY;
    return bytes;
}

struct checkpoint_copy {
    struct snapshot snapshot;
    struct metadata metadata;
    bool keep_previous;
};

enum vggcl_err checkpoint_copy(const struct net *net, const struct checkpoint *c, struct checkpoint_copy **copy) {
    enum contents contents = c->profiles ? CHECKPOINT_STATE : CHECKPOINT_WEIGHTS;
    *copy = calloc(1, sizeof **copy);
    if (!*copy)
        return err_no_memory("a checkpoint's metadata", sizeof **copy);
    (*copy)->keep_previous = c->keep_previous;
    describe(&(*copy)->metadata, net, c);
    if (contents == CHECKPOINT_STATE && checkpoint_by_seed(c->config, c->progress))
        return VGGCL_OK;
    enum vggcl_err err = snapshot_take(&(*copy)->snapshot, net, contents);
    if (err != VGGCL_OK) {
        checkpoint_copy_free(*copy);
        *copy = NULL;
    }
    return err;
}

enum vggcl_err checkpoint_copy_write(const struct checkpoint_copy *copy, const struct folder *folder,
                                     const char *path) {
    return (copy->keep_previous ? safetensors_replace : safetensors_write)(folder, path, copy->snapshot.records,
                                                                           copy->snapshot.count, copy->metadata.pairs);
}

void checkpoint_copy_free(struct checkpoint_copy *copy) {
    if (!copy)
        return;
    snapshot_free(&copy->snapshot);
    free(copy->metadata.classes);
    free(copy);
}

enum vggcl_err checkpoint_write(const struct folder *folder, const char *path, const struct net *net,
                                const struct checkpoint *c) {
    struct checkpoint_copy *copy;
    TRY(checkpoint_copy(net, c, &copy));
    enum vggcl_err err = checkpoint_copy_write(copy, folder, path);
    checkpoint_copy_free(copy);
    return err;
}

/* ---------------------------------------------------------------------------------------------------- reading -- */

/* Which options to look at if the file does not have parameter i, or not in this shape: the network of a run that
 * trains may be another one than that of the file. */
static const char *wrong_network(const struct net *net, size_t i) {
    return !(net->use & NET_TRAINS) ? CHECKPOINT_INCOMPLETE
           : net_parameter_in_head(net, i)
               ? "set reset-head to train new linear layers, or see the options model and head"
               : "see the options model, width and no-bn, or leave them out: the file says "
                 "which network it is";
}

enum vggcl_err checkpoint_tensor(const struct safetensors *file, const char *path, const char *name,
                                 const struct parameter *p, const char *remedy, const struct record **record) {
    size_t shape[4];
    int rank = parameter_shape(p, shape);
    const struct record *r = *record = safetensors_find(file, name);
    if (!r)
        return err_set(VGGCL_EFORMAT, "%s: has no tensor %s of floats, which this network needs; %s", path, name,
                       remedy);
    if (r->rank != rank || memcmp(r->shape, shape, (size_t)rank * sizeof *shape) != 0)
        return err_set(VGGCL_EFORMAT, "%s: %s has %zu values in the shape of another network; %s", path, name,
                       record_count(r), remedy);
    return VGGCL_OK;
}

static enum vggcl_err load_one(const struct safetensors *file, const char *path, struct net *net, size_t i,
                               enum kind kind) {
    char name[RECORD_NAME];
    struct parameter *p = net_parameter(net, i);
    const struct record *r;
    record_name(net, i, kind, name);
    TRY(checkpoint_tensor(file, path, name, p, wrong_network(net, i), &r));
    return parameter_write(net->dev, p, tensor_of(p, kind), r->values);
}

enum vggcl_err checkpoint_load(const struct safetensors *file, const char *path, struct net *net,
                               enum contents contents) {
    for (enum kind kind = 0; kind < KINDS; kind++)
        for (size_t i = 0; i < net_parameter_count(net); i++)
            if (holds(contents, net, i, kind))
                TRY(load_one(file, path, net, i, kind));
    return VGGCL_OK;
}

static const char *metadata_value(const void *file, const char *key) {
    return safetensors_metadata(file, key);
}

enum vggcl_err checkpoint_config(const struct safetensors *file, const char *path, struct vggcl_config *config,
                                 struct vggcl_config *stored) {
    return config_resume(config, metadata_value, file, path, stored);
}

const char *checkpoint_data(const struct safetensors *file) {
    return safetensors_metadata(file, data_key);
}

const char *checkpoint_history(const struct safetensors *file) {
    return safetensors_metadata(file, history_key);
}

static enum vggcl_err read_state(const struct safetensors *file, const char *path, const char *key, double maximum,
                                 double *value) {
    const char *text = safetensors_metadata(file, key);
    char *end;
    *value = 0;
    if (!text)
        return err_set(VGGCL_EFORMAT, "%s: is not the state of a run: its metadata has no %s", path, key);
    *value = text_number(text, &end);
    if (end == text || *end || !(*value >= 0 && *value <= maximum))
        return err_set(VGGCL_EFORMAT, "%s: %s is '%.64s', not a number from 0 to %g", path, key, text, maximum);
    return VGGCL_OK;
}

/* A whole number from the metadata; *value stays as it is if there is none. */
static enum vggcl_err read_count(const struct safetensors *file, const char *path, const char *key, size_t *value) {
    double number;
    if (!safetensors_metadata(file, key))
        return VGGCL_OK;
    TRY(read_state(file, path, key, 65535, &number));
    *value = (size_t)number;
    return VGGCL_OK;
}

/* The JSON of a text of the metadata; NULL, without an error, if there is none. */
static json_t *read_list(const char *text) {
    json_t *list = NULL;
    char *kept = err_keep();
    if (text && json_read(text, strlen(text), "metadata", &list) != VGGCL_OK)
        list = NULL;
    err_put_back(kept);
    return list;
}

/* The number of classes that the file has names of; `otherwise` if it has none. */
static size_t class_count(const struct safetensors *file, size_t otherwise) {
    const char *text = safetensors_metadata(file, classes_key);
    json_t *names = read_list(text);
    size_t count = names ? json_array_size(names) : otherwise;
    json_decref(names);
    return count;
}

/* The fingerprint is of bytes and labels alone: the same may be images of another shape, or have another number of
 * classes. */
static enum vggcl_err check_same_shape(const struct safetensors *file, const char *path, const struct data *data) {
    const struct data_spec *ours = &data->spec;
    struct data_spec theirs = *ours;
    TRY(read_count(file, path, height_key, &theirs.height));
    TRY(read_count(file, path, width_key, &theirs.width));
    TRY(read_count(file, path, channels_key, &theirs.channels));
    theirs.classes = class_count(file, ours->classes);
    if (theirs.height == ours->height && theirs.width == ours->width && theirs.channels == ours->channels &&
        theirs.classes == ours->classes)
        return VGGCL_OK;
    return err_set(VGGCL_EUSAGE,
                   "%s: its images have %zux%zu pixels of %zu channels and %zu classes, but those of the run in %s "
                   "have %zux%zu pixels of %zu channels and %zu classes: set data to the folder that has them",
                   data->description, ours->width, ours->height, ours->channels, ours->classes, path, theirs.width,
                   theirs.height, theirs.channels, theirs.classes);
}

enum vggcl_err checkpoint_same_data(const struct safetensors *file, const char *path, const struct data *data) {
    const char *text = safetensors_metadata(file, fingerprint_key);
    uint64_t fingerprint = text ? strtoull(text, NULL, 16) : data->fingerprint;
    if (fingerprint == data->fingerprint)
        return check_same_shape(file, path, data);
    return err_set(VGGCL_EUSAGE,
                   "%s: other images than those of the run in %s (fingerprint %016" PRIx64 ", not %016" PRIx64
                   "): set data to the folder that has them, or start a new run with weights set to %s",
                   data->description, path, data->fingerprint, fingerprint, path);
}

enum vggcl_err checkpoint_same_ranks(const struct safetensors *file, const char *path,
                                     const struct vggcl_config *config) {
    const char *text = safetensors_metadata(file, ranks_key);
    char now[16];
    snprintf(now, sizeof now, "%d", ranks_count());
    if (!config->shards || (text && strcmp(text, now) == 0))
        return VGGCL_OK;
    return err_set(VGGCL_EUSAGE,
                   "shards: the run in %s has a part of the images for each of %.16s processes, but there %s %s now; "
                   "start it with as many as before",
                   path, text ? text : "several", ranks_count() == 1 ? "is" : "are", now);
}

static enum vggcl_err read_whole(const struct safetensors *file, const char *path, const char *key, double maximum,
                                 int64_t *value) {
    double number;
    TRY(read_state(file, path, key, maximum, &number));
    *value = (int64_t)number;
    if ((double)*value == number)
        return VGGCL_OK;
    return err_set(VGGCL_EFORMAT, "%s: %s is '%.64s', not a whole number", path, key, safetensors_metadata(file, key));
}

static enum vggcl_err contradiction(const char *path, const char *format, ...) __attribute__((format(printf, 2, 3)));
static enum vggcl_err contradiction(const char *path, const char *format, ...) {
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    text_print_list(text, sizeof text, format, arguments);
    va_end(arguments);
    return err_set(VGGCL_EFORMAT, "%s: its metadata contradicts itself: %s; restore it from a copy", path, text);
}

/* What is true of every state, whatever the data: each tested epoch has a best one before it. */
static enum vggcl_err check_progress(const char *path, const struct progress *p) {
    if (p->best_epoch > p->epoch || (p->best_epoch == 0) != (p->epoch == 0))
        return contradiction(path, "state.best_epoch is %d, but state.epoch is %d", p->best_epoch, p->epoch);
    if (p->best_epoch == 0 && p->best_accuracy != 0)
        return contradiction(path, "state.best_accuracy is %g, but state.best_epoch is 0", p->best_accuracy);
    if (p->epoch_step == 0 && (p->correct != 0 || p->loss_sum != 0))
        return contradiction(path, "state.epoch_step is 0, but state.correct is %" PRId64 " and state.loss_sum is %g",
                             p->correct, p->loss_sum);
    return VGGCL_OK;
}

enum vggcl_err checkpoint_progress(const struct safetensors *file, const char *path, struct progress *progress) {
    int64_t epoch, best_epoch;
    TRY(read_whole(file, path, "state.step", 0x1p53, &progress->step));
    TRY(read_whole(file, path, "state.epoch", 1e6, &epoch));
    TRY(read_whole(file, path, "state.epoch_step", 0x1p53, &progress->epoch_step));
    TRY(read_state(file, path, "state.loss_sum", DBL_MAX, &progress->loss_sum));
    TRY(read_whole(file, path, "state.correct", 0x1p53, &progress->correct));
    TRY(read_state(file, path, "state.epoch_seconds", 1e12, &progress->epoch_seconds));
    TRY(read_whole(file, path, "state.best_epoch", 1e6, &best_epoch));
    TRY(read_state(file, path, "state.best_accuracy", 1, &progress->best_accuracy));
    progress->epoch = (int)epoch;
    progress->best_epoch = (int)best_epoch;
    return check_progress(path, progress);
}

int64_t checkpoint_steps(const struct safetensors *file) {
    const char *text = safetensors_metadata(file, "state.step");
    int64_t steps = text ? strtoll(text, NULL, 10) : 0;
    return steps > 0 ? steps : 0;
}

enum vggcl_err checkpoint_check_progress(const char *path, const struct progress *p, size_t images, size_t batch) {
    int64_t steps = (int64_t)((images + batch - 1) / batch);
    double seen = fmin((double)p->epoch_step * (double)batch, (double)images);
    /* If they are equal, the epoch was not tested yet. */
    if (p->epoch_step > steps)
        return contradiction(
            path, "state.epoch_step is %" PRId64 ", but an epoch of %zu images in batches of %zu has %" PRId64 " steps",
            p->epoch_step, images, batch, steps);
    if (p->step != p->epoch * steps + p->epoch_step)
        return contradiction(path,
                             "state.step is %" PRId64 ", but state.epoch %d and state.epoch_step %" PRId64
                             ", with %zu images in batches of %zu, make %" PRId64,
                             p->step, p->epoch, p->epoch_step, images, batch, p->epoch * steps + p->epoch_step);
    if ((double)p->correct > seen)
        return contradiction(path, "state.correct is %" PRId64 ", but state.epoch_step %" PRId64 " is %g images",
                             p->correct, p->epoch_step, seen);
    return VGGCL_OK;
}

bool checkpoint_hash(const struct safetensors *file, uint64_t *hash) {
    const char *text = safetensors_metadata(file, hash_key);
    *hash = text ? strtoull(text, NULL, 16) : 0;
    return text != NULL;
}

enum vggcl_err checkpoint_same_weights(const struct safetensors *file, const char *path, uint64_t hash) {
    uint64_t stored;
    if (!checkpoint_hash(file, &stored) || stored == hash)
        return VGGCL_OK;
    return err_set(VGGCL_EWRONG,
                   "%s: its weights have the hash %016" PRIx64 " on the device, not %016" PRIx64
                   ": the device or its driver changed them; use another device (option device)",
                   path, hash, stored);
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

/* See struct model_tensors. A tensor without elements has rank 0 here: its other dimensions are not bounded by the size
 * of the file, and no network has such a tensor. */
static int tensor_rank(const void *file, const char *name, size_t shape[MODEL_RANK]) {
    const struct record *r = safetensors_find(file, name);
    if (!r || !record_count(r))
        return 0;
    for (int i = 0; i < r->rank && i < MODEL_RANK; i++)
        shape[i] = r->shape[i];
    return r->rank;
}

static bool find_network(const struct safetensors *file, struct model_found *found) {
    const char *width = safetensors_metadata(file, "width");
    return model_recognise(&(struct model_tensors){file, tensor_rank}, safetensors_metadata(file, "model"),
                           width ? text_number(width, NULL) : 0, found);
}

static enum vggcl_err not_recognised(const char *path) {
    char known[256] = "";
    for (const char *const *name = model_names; *name; name++)
        snprintf(known + strlen(known), sizeof known - strlen(known), "%s%s", *known ? ", " : "", *name);
    return err_set(VGGCL_EFORMAT, "%s: its tensors match none of the networks %s, nor a list of their layers", path,
                   known);
}

/* Whether the file says that the network has global average pooling, and so takes images of any size. */
static bool has_avgpool(const struct safetensors *file, const struct model_found *found) {
    const char *head = safetensors_metadata(file, "head");
    return head && strcmp(head, "avgpool") == 0 && found->pixels == 1;
}

/* pixels() of a model that was found. */
static size_t pixels_of(const struct model_found *found, size_t height, size_t width) {
    struct model m;
    return model_find(found->model, &m) == VGGCL_OK ? m.pixels(&m, height, width) : 0;
}

/* set is vggcl_config_set() or config_suggest(). */
static enum vggcl_err set_network(const struct safetensors *file, const struct model_found *found,
                                  struct vggcl_config *config,
                                  enum vggcl_err (*set)(struct vggcl_config *, const char *name, const char *text)) {
    char width[64];
    text_print(width, sizeof width, "%.17g", found->width);
    TRY(set(config, "model", found->model));
    TRY(set(config, "width", width));
    TRY(set(config, "head", has_avgpool(file, found) ? "avgpool" : "flatten"));
    return set(config, "no-bn", found->bn ? "no" : "yes");
}

enum vggcl_err checkpoint_network(const struct safetensors *file, const char *path, struct vggcl_config *config) {
    struct model_found found;
    if (!file->count && safetensors_metadata(file, profile_keys[0]))
        return err_set(VGGCL_EFORMAT, "%s: is the state of a run before its first step, which holds no weights yet",
                       path);
    if (!find_network(file, &found))
        return not_recognised(path);
    return set_network(file, &found, config, vggcl_config_set);
}

enum vggcl_err checkpoint_suggest_network(const struct safetensors *file, struct vggcl_config *config) {
    struct model_found found;
    return find_network(file, &found) ? set_network(file, &found, config, config_suggest) : VGGCL_OK;
}

/* " (64x64 to 95x95 if square)": the square images that the network takes; "" if there are none. */
enum { SQUARE = 128 };
static void square_images(const struct model_found *found, char text[static SQUARE]) {
    size_t least = 0, most = 0;
    for (size_t side = DATA_LEAST_SIDE; side <= DATA_MOST_SIDE; side++)
        if (pixels_of(found, side, side) == found->pixels) {
            least = least ? least : side;
            most = side;
        }
    *text = 0;
    if (most > least)
        snprintf(text, SQUARE, " (%zux%zu to %zux%zu if square)", least, least, most, most);
    else if (most)
        snprintf(text, SQUARE, " (%zux%zu if square)", most, most);
}

/* VGGCL_EUSAGE, naming those that it takes, if the network in the file does not take images of that size, or the size
 * is 0. */
static enum vggcl_err takes_size(const struct safetensors *file, const char *path, size_t height, size_t width) {
    struct model_found found;
    char square[SQUARE];
    if (!find_network(file, &found))
        return not_recognised(path);
    if (height && width && (has_avgpool(file, &found) || pixels_of(&found, height, width) == found.pixels))
        return VGGCL_OK;
    square_images(&found, square);
    if (!height || !width)
        return err_set(VGGCL_EUSAGE, "%s: does not say what size of images its network takes%s; set size", path,
                       square);
    return err_set(VGGCL_EUSAGE, "%s: its network takes images of another size than %zux%zu%s; set size to that", path,
                   width, height, square);
}

/* theirs has a height and width if the file says so; else any image with as many pixels after pooling will do. */
static enum vggcl_err check_size(const struct model_found *found, const char *path, const struct data_spec *theirs,
                                 const struct data *data, bool trains) {
    const struct data_spec *ours = &data->spec;
    const char *advice = trains ? "name another data set (data), set size, or set reset-head"
                                : "name another data set (data), or set size";
    if (theirs->height && (theirs->height != ours->height || theirs->width != ours->width))
        return err_set(VGGCL_EUSAGE,
                       "%s: is a network for images of %zux%zu pixels, but those of the data set have %zux%zu: %s; %s",
                       path, theirs->width, theirs->height, ours->width, ours->height, data->description, advice);
    size_t pixels = pixels_of(found, ours->height, ours->width);
    char square[SQUARE];
    if (pixels == found->pixels)
        return VGGCL_OK;
    square_images(found, square);
    return err_set(VGGCL_EUSAGE,
                   "%s: is a network for images that pooling reduces to %zu pixel%s%s, but those of the data set have "
                   "%zux%zu pixels, which it reduces to %zu: %s; %s",
                   path, found->pixels, found->pixels == 1 ? "" : "s", square, ours->height, ours->width, pixels,
                   data->description, advice);
}

static enum vggcl_err read_classes(const struct safetensors *file, const char *path, struct data_spec *spec) {
    const char *text = safetensors_metadata(file, classes_key);
    json_t *list = read_list(text);
    enum vggcl_err err = VGGCL_OK;
    const char **names = NULL;
    if (!text)
        return VGGCL_OK;
    size_t count = json_array_size(list);
    bool valid = count == spec->classes;
    for (size_t i = 0; i < count && valid; i++)
        valid = json_is_string(json_array_get(list, i));
    if (!valid) {
        err = err_set(VGGCL_EFORMAT, "%s: its metadata does not have the names of %zu classes in %s", path,
                      spec->classes, classes_key);
        goto done;
    }
    names = calloc(count, sizeof *names);
    if (!names) {
        err = err_no_memory("the names of the classes", count * sizeof *names);
        goto done;
    }
    for (size_t i = 0; i < count; i++)
        names[i] = json_string_value(json_array_get(list, i));
    spec->class_names = names_copy(count, (char *const *)names);
    err = spec->class_names ? VGGCL_OK : VGGCL_ENOMEM;
done:
    free(names);
    json_decref(list);
    return err;
}

enum vggcl_err checkpoint_spec(const struct safetensors *file, const char *path, struct data_spec *spec) {
    struct model_found found;
    *spec = (struct data_spec){0};
    if (!find_network(file, &found))
        return not_recognised(path);
    *spec = found.data;
    TRY(read_count(file, path, height_key, &spec->height));
    TRY(read_count(file, path, width_key, &spec->width));
    TRY(read_count(file, path, channels_key, &spec->channels));
    if (spec->channels != found.data.channels ||
        (spec->height && !has_avgpool(file, &found) && pixels_of(&found, spec->height, spec->width) != found.pixels))
        return err_set(VGGCL_EFORMAT,
                       "%s: its metadata says that its images have %zux%zu pixels of %zu channels, but its tensors are "
                       "those of another network",
                       path, spec->width, spec->height, spec->channels);
    return read_classes(file, path, spec);
}

/* count numbers of at least `least` from the metadata. */
static enum vggcl_err read_numbers(const struct safetensors *file, const char *path, const char *key, double least,
                                   size_t count, double *values) {
    const char *text = safetensors_metadata(file, key);
    json_t *list = read_list(text);
    bool valid = count <= NORMALISE_CHANNELS && json_array_size(list) == count;
    for (size_t i = 0; i < count && valid; i++) {
        values[i] = json_number_value(json_array_get(list, i));
        valid = json_is_number(json_array_get(list, i)) && values[i] >= least;
    }
    json_decref(list);
    if (valid)
        return VGGCL_OK;
    return err_set(VGGCL_EFORMAT, "%s: its metadata does not have %zu numbers of at least %g in %s: '%.64s'", path,
                   count, least, key, text ? text : "");
}

enum vggcl_err checkpoint_normalisation(const struct safetensors *file, const char *path, const struct data_spec *spec,
                                        const struct dataset *train, struct vggcl_config *config,
                                        struct normalisation *n) {
    const char *word = safetensors_metadata(file, "normalize");
    bool has_numbers = safetensors_metadata(file, mean_key) != NULL;
    bool is_ours = safetensors_metadata(file, producer_key) != NULL;
    if (!is_ours && (!has_numbers || config_gives(config, "normalize")))
        return normalise((enum vggcl_normalize)config->normalize, spec, train, n);
    word = word ? word : "half";
    if (config_gives(config, "normalize") && strcmp(word, config_word(config, "normalize")) != 0)
        return err_set(VGGCL_EUSAGE, "normalize %s: the network in %s was trained with %s; leave the option out",
                       config_word(config, "normalize"), path, word);
    if (config_suggest(config, "normalize", word) != VGGCL_OK)
        return err_set(VGGCL_EFORMAT, "%s: %s", path, vggcl_error());
    *n = normalisation_half;
    if (!has_numbers)
        return VGGCL_OK;
    TRY(read_numbers(file, path, mean_key, -HUGE_VAL, spec->channels, n->mean));
    return read_numbers(file, path, deviation_key, 1e-6, spec->channels, n->deviation);
}

enum vggcl_err checkpoint_suggest_data(const struct safetensors *file, const char *path, struct vggcl_config *config) {
    static const char *const names[] = {"size", "test-share", "seed", "data-format", "labels", "data"};
    enum { OF_ANY_DATA = 3 }; /* the others belong to the run's data set */
    size_t count = *config->data ? OF_ANY_DATA : sizeof names / sizeof *names;
    for (const char *const *name = names; name < names + count; name++) {
        const char *text = safetensors_metadata(file, *name);
        if (text && !config_gives(config, *name) && config_suggest(config, *name, text) != VGGCL_OK)
            return err_set(VGGCL_EFORMAT, "%s: %s", path, vggcl_error());
    }
    return VGGCL_OK;
}

enum vggcl_err checkpoint_images(const struct safetensors *file, struct vggcl_config *config, struct data_spec *spec) {
    TRY(checkpoint_spec(file, config->weights, spec));
    if (!spec->height)
        TRY(checkpoint_suggest_data(file, config->weights, config));
    if (config->size && (!spec->height || config->head == VGGCL_HEAD_AVGPOOL))
        spec->height = spec->width = (size_t)config->size;
    TRY(takes_size(file, config->weights, spec->height, spec->width));
    if (!spec->class_names)
        spec->class_names = names_numbered(spec->classes);
    return spec->class_names ? VGGCL_OK : VGGCL_ENOMEM;
}

bool checkpoint_other_data(const struct safetensors *file, const char *path, const struct data *data,
                           char text[static VGGCL_WARNING]) {
    const char *theirs = safetensors_metadata(file, set_key), *source = safetensors_metadata(file, source_key);
    char ours[24];
    snprintf(ours, sizeof ours, "%016" PRIx64, data->set_fingerprint);
    if (!theirs || strcmp(theirs, ours) == 0)
        return false;
    snprintf(text, VGGCL_WARNING,
             "%.4000s: was trained on another data set, %.4000s (fingerprint %.16s), than the one it is evaluated on, "
             "%.4000s (fingerprint %s)",
             path, source ? source : "which has no name", theirs, data->description, ours);
    return true;
}

static enum vggcl_err check_classes(const char *path, const struct data_spec *theirs, const struct data *data) {
    for (size_t i = 0; theirs->class_names && i < theirs->classes; i++)
        if (strcmp(theirs->class_names[i], data->spec.class_names[i]) != 0)
            return err_set(VGGCL_EUSAGE,
                           "%s: its class %zu is %s, but that of the data set is %s: %s; name a data set (data) with "
                           "the same classes",
                           path, i + 1, theirs->class_names[i], data->spec.class_names[i], data->description);
    return VGGCL_OK;
}

static enum vggcl_err check_data(const char *path, const struct data_spec *theirs, const struct data *data,
                                 bool trains) {
    const struct data_spec *ours = &data->spec;
    if (theirs->classes != ours->classes)
        return err_set(VGGCL_EUSAGE,
                       "%s: is a network of %zu classes, but the data set has %zu: %s; name another data set (data), "
                       "or other labels (labels)%s",
                       path, theirs->classes, ours->classes, data->description,
                       trains ? "; to train on it, set reset-head: it trains new linear layers" : "");
    if (theirs->channels != ours->channels)
        return err_set(VGGCL_EUSAGE,
                       "%s: is a network for images of %zu channels, but those of the data set have %zu: %s; name "
                       "another data set (data)",
                       path, theirs->channels, ours->channels, data->description);
    return VGGCL_OK;
}

enum vggcl_err checkpoint_takes_data(const struct safetensors *file, const char *path, const struct data *data,
                                     bool same_classes) {
    struct data_spec theirs;
    struct model_found found;
    if (!find_network(file, &found))
        return VGGCL_OK;
    enum vggcl_err err = checkpoint_spec(file, path, &theirs);
    if (err == VGGCL_OK)
        err = check_data(path, &theirs, data, !same_classes);
    if (err == VGGCL_OK && !has_avgpool(file, &found))
        err = check_size(&found, path, &theirs, data, !same_classes);
    if (err == VGGCL_OK && same_classes)
        err = check_classes(path, &theirs, data);
    free(theirs.class_names);
    return err;
}
