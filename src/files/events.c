#define _POSIX_C_SOURCE 200809L /* clock_gettime */
#include "files/events.h"
#include "base/feature.h"
#include "files/records.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifdef VGGCL_PROTOBUF

#include "files/tensorboard.pb-c.h"

typedef Tensorboard__Summary__Value Value;

enum { BUCKETS = 30 /* of a histogram, as tf.summary.histogram() makes */ };

enum vggcl_err events_available(void) {
    return VGGCL_OK;
}

static double wall_time(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static enum vggcl_err pack(const ProtobufCMessage *message, ProtobufCBinaryData *packed) {
    packed->len = protobuf_c_message_get_packed_size(message);
    packed->data = malloc(packed->len + 1);
    if (!packed->data)
        return err_no_memory("an event for TensorBoard", packed->len);
    protobuf_c_message_pack(message, packed->data);
    return VGGCL_OK;
}

static enum vggcl_err add_event(struct log_file *file, Tensorboard__Event *event) {
    ProtobufCBinaryData packed;
    event->wall_time = wall_time();
    TRY(pack(&event->base, &packed));
    enum vggcl_err err = records_add(file, packed.data, packed.len);
    free(packed.data);
    return err;
}

static enum vggcl_err add_value(struct log_file *file, int64_t step, Value *value) {
    Tensorboard__Summary summary = TENSORBOARD__SUMMARY__INIT;
    Tensorboard__Event event = TENSORBOARD__EVENT__INIT;
    summary.n_value = 1;
    summary.value = &value;
    event.step = step;
    event.what_case = TENSORBOARD__EVENT__WHAT_SUMMARY;
    event.summary = &summary;
    return add_event(file, &event);
}

/* ------------------------------------------------------------------------------------------------------- files -- */

enum vggcl_err events_continue(struct log_file *file, const char *option, const char *folder) {
    Tensorboard__Event version = TENSORBOARD__EVENT__INIT;
    static char format[] = "brain.Event:2";
    TRY(records_create(file, option, folder));
    version.what_case = TENSORBOARD__EVENT__WHAT_FILE_VERSION;
    version.file_version = format;
    return add_event(file, &version);
}

enum vggcl_err events_begin(struct log_file *file, const char *option, const char *folder, int64_t first) {
    Tensorboard__Event start = TENSORBOARD__EVENT__INIT;
    Tensorboard__SessionLog session = TENSORBOARD__SESSION_LOG__INIT;
    TRY(events_continue(file, option, folder));
    session.status = TENSORBOARD__SESSION_LOG__STATUS__START;
    start.step = first;
    start.what_case = TENSORBOARD__EVENT__WHAT_SESSION_LOG;
    start.session_log = &session;
    return add_event(file, &start);
}

/* ------------------------------------------------------------------------------------------ scalars and images -- */

static enum vggcl_err add_scalar(struct log_file *file, const struct event *event, Value *value) {
    value->value_case = TENSORBOARD__SUMMARY__VALUE__VALUE_SIMPLE_VALUE;
    value->simple_value = (float)event->scalar;
    return add_value(file, event->step, value);
}

static enum vggcl_err add_image(struct log_file *file, const struct event *event, Value *value) {
    Tensorboard__Summary__Image image = TENSORBOARD__SUMMARY__IMAGE__INIT;
    image.height = (int32_t)event->image.height;
    image.width = (int32_t)event->image.width;
    image.colorspace = (int32_t)event->image.channels;
    image.encoded_image_string = (ProtobufCBinaryData){event->image.size, (uint8_t *)event->image.png};
    value->value_case = TENSORBOARD__SUMMARY__VALUE__VALUE_IMAGE;
    value->image = &image;
    return add_value(file, event->step, value);
}

/* Buckets of equal width between the smallest and the largest value; one if these are equal. */
static void fill_buckets(Tensorboard__Histogram *h, const float *values, size_t count) {
    double width = (h->max - h->min) / (double)h->n_bucket, scale = width > 0 ? 1 / width : 0;
    for (size_t i = 0; i < h->n_bucket; i++)
        h->bucket_limit[i] = i + 1 < h->n_bucket ? h->min + width * (double)(i + 1) : h->max;
    for (size_t i = 0; i < count; i++) {
        size_t at = (size_t)(((double)values[i] - h->min) * scale);
        h->bucket[at < h->n_bucket ? at : h->n_bucket - 1]++;
    }
}

static enum vggcl_err add_histogram(struct log_file *file, const struct event *event, Value *value) {
    const float *values = event->histogram.values;
    double limits[BUCKETS], counts[BUCKETS] = {0};
    Tensorboard__Histogram h = TENSORBOARD__HISTOGRAM__INIT;
    h.min = h.max = (double)values[0];
    for (size_t i = 0; i < event->histogram.count; i++) {
        double x = (double)values[i];
        h.min = x < h.min ? x : h.min;
        h.max = x > h.max ? x : h.max;
        h.sum += x;
        h.sum_squares += x * x;
    }
    h.num = (double)event->histogram.count;
    h.n_bucket = h.n_bucket_limit = h.max > h.min ? BUCKETS : 1;
    h.bucket = counts;
    h.bucket_limit = limits;
    fill_buckets(&h, values, event->histogram.count);
    value->value_case = TENSORBOARD__SUMMARY__VALUE__VALUE_HISTO;
    value->histo = &h;
    return add_value(file, event->step, value);
}

/* ----------------------------------------------------------------------------------------------------- plugins -- */

/* A value for a plugin: a text, or bytes beside it. */
static enum vggcl_err add_plugin(struct log_file *file, int64_t step, Value *value, const char *plugin,
                                 ProtobufCBinaryData content, ProtobufCBinaryData text) {
    Tensorboard__SummaryMetadata metadata = TENSORBOARD__SUMMARY_METADATA__INIT;
    Tensorboard__SummaryMetadata__PluginData data = TENSORBOARD__SUMMARY_METADATA__PLUGIN_DATA__INIT;
    Tensorboard__Tensor tensor = TENSORBOARD__TENSOR__INIT;
    data.plugin_name = (char *)plugin;
    data.content = content;
    metadata.plugin_data = &data;
    tensor.dtype = TENSORBOARD__TENSOR__TYPE__STRING;
    tensor.n_string_val = 1;
    tensor.string_val = &text;
    value->metadata = &metadata;
    value->value_case = TENSORBOARD__SUMMARY__VALUE__VALUE_TENSOR;
    value->tensor = &tensor;
    return add_value(file, step, value);
}

static enum vggcl_err add_text(struct log_file *file, const struct event *event, Value *value) {
    ProtobufCBinaryData text = {strlen(event->text), (uint8_t *)event->text};
    return add_plugin(file, event->step, value, "text", (ProtobufCBinaryData){0}, text);
}

enum { MOST_CHARTS = 8 };

static enum vggcl_err add_charts(struct log_file *file, const struct event *event, Value *value) {
    Tensorboard__Layout__Curves curves[MOST_CHARTS];
    Tensorboard__Layout__Chart charts[MOST_CHARTS], *list[MOST_CHARTS];
    Tensorboard__Layout__Category category = TENSORBOARD__LAYOUT__CATEGORY__INIT, *categories = &category;
    Tensorboard__Layout layout = TENSORBOARD__LAYOUT__INIT;
    ProtobufCBinaryData packed;
    category.title = (char *)"train and test";
    for (size_t i = 0; i < event->charts.count && i < MOST_CHARTS; i++) {
        const struct event_chart *chart = &event->charts.list[i];
        curves[i] = (Tensorboard__Layout__Curves)TENSORBOARD__LAYOUT__CURVES__INIT;
        curves[i].n_tag = sizeof chart->tags / sizeof *chart->tags;
        curves[i].tag = (char **)chart->tags;
        charts[i] = (Tensorboard__Layout__Chart)TENSORBOARD__LAYOUT__CHART__INIT;
        charts[i].title = (char *)chart->title;
        charts[i].multiline = &curves[i];
        list[category.n_chart++] = &charts[i];
    }
    category.chart = list;
    layout.n_category = 1;
    layout.category = &categories;
    TRY(pack(&layout.base, &packed));
    value->tag = (char *)"custom_scalars__config__";
    enum vggcl_err err = add_plugin(file, event->step, value, "custom_scalars", (ProtobufCBinaryData){0}, packed);
    free(packed.data);
    return err;
}

static enum vggcl_err add_hparams_data(struct log_file *file, int64_t step, Value *value,
                                       const Tensorboard__Hparams *data) {
    ProtobufCBinaryData packed;
    TRY(pack(&data->base, &packed));
    enum vggcl_err err = add_plugin(file, step, value, "hparams", packed, (ProtobufCBinaryData){0});
    free(packed.data);
    return err;
}

struct pair {
    Tensorboard__Hparams__Pair pair;
    Tensorboard__Hparams__Value value;
};

static void fill_pair(struct pair *p, const struct event_hparam *h) {
    p->value = (Tensorboard__Hparams__Value)TENSORBOARD__HPARAMS__VALUE__INIT;
    if (h->kind == HPARAM_TEXT) {
        p->value.kind_case = TENSORBOARD__HPARAMS__VALUE__KIND_STRING_VALUE;
        p->value.string_value = h->text;
    } else if (h->kind == HPARAM_FLAG) {
        p->value.kind_case = TENSORBOARD__HPARAMS__VALUE__KIND_BOOL_VALUE;
        p->value.bool_value = h->number != 0;
    } else {
        p->value.kind_case = TENSORBOARD__HPARAMS__VALUE__KIND_NUMBER_VALUE;
        p->value.number_value = h->number;
    }
    p->pair = (Tensorboard__Hparams__Pair)TENSORBOARD__HPARAMS__PAIR__INIT;
    p->pair.key = (char *)h->name;
    p->pair.value = &p->value;
}

static enum vggcl_err add_hparams(struct log_file *file, const struct event *event, Value *value) {
    size_t count = event->hparams.count;
    struct pair *pairs = malloc(count * sizeof *pairs + 1);
    Tensorboard__Hparams__Pair **list = malloc(count * sizeof *list + 1);
    Tensorboard__Hparams data = TENSORBOARD__HPARAMS__INIT;
    Tensorboard__Hparams__Start start = TENSORBOARD__HPARAMS__START__INIT;
    enum vggcl_err err = VGGCL_OK;
    for (size_t i = 0; pairs && list && i < count; i++) {
        fill_pair(&pairs[i], &event->hparams.list[i]);
        list[i] = &pairs[i].pair;
    }
    start.n_hparams = count;
    start.hparams = list;
    start.start_time_secs = wall_time();
    data.data_case = TENSORBOARD__HPARAMS__DATA_SESSION_START_INFO;
    data.session_start_info = &start;
    value->tag = (char *)"_hparams_/session_start_info";
    err = pairs && list ? add_hparams_data(file, event->step, value, &data)
                        : err_no_memory("the hyperparameters for TensorBoard", count * sizeof *pairs);
    free(pairs);
    free(list);
    return err;
}

static enum vggcl_err add_end(struct log_file *file, const struct event *event, Value *value) {
    Tensorboard__Hparams data = TENSORBOARD__HPARAMS__INIT;
    Tensorboard__Hparams__End end = TENSORBOARD__HPARAMS__END__INIT;
    end.status = TENSORBOARD__HPARAMS__STATUS__SUCCESS;
    end.end_time_secs = wall_time();
    data.data_case = TENSORBOARD__HPARAMS__DATA_SESSION_END_INFO;
    data.session_end_info = &end;
    value->tag = (char *)"_hparams_/session_end_info";
    return add_hparams_data(file, event->step, value, &data);
}

enum vggcl_err events_add(struct log_file *file, const struct event *event) {
    static enum vggcl_err (*const add[])(struct log_file *file, const struct event *event, Value *value) = {
        [EVENT_SCALAR] = add_scalar, [EVENT_HISTOGRAM] = add_histogram, [EVENT_IMAGE] = add_image,
        [EVENT_TEXT] = add_text,     [EVENT_CHARTS] = add_charts,       [EVENT_HPARAMS] = add_hparams,
        [EVENT_END] = add_end};
    Value value = TENSORBOARD__SUMMARY__VALUE__INIT;
    if (file->descriptor < 0)
        return VGGCL_OK;
    value.tag = (char *)event->tag;
    return add[event->kind](file, event, &value);
}

#else

enum vggcl_err events_available(void) {
    return feature_lacks(FEATURE_PROTOBUF, "tensorboard", "");
}

enum vggcl_err events_continue(struct log_file *file, const char *option, const char *folder) {
    (void)option, (void)folder;
    *file = LOG_FILE_CLOSED;
    return events_available();
}

enum vggcl_err events_begin(struct log_file *file, const char *option, const char *folder, int64_t first) {
    (void)first;
    return events_continue(file, option, folder);
}

enum vggcl_err events_add(struct log_file *file, const struct event *event) {
    (void)file, (void)event;
    return VGGCL_OK;
}

#endif
