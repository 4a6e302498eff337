#define _POSIX_C_SOURCE 200809L /* strdup */
#include "files/onnx.h"
#include "base/feature.h"
#include "base/file.h"

#include <stdlib.h>
#include <string.h>

#ifdef VGGCL_PROTOBUF

#include "files/onnx.pb-c.h"

#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "ONNX files are little-endian, and are written as the machine holds them"
#endif

struct onnx {
    Onnx__ModelProto *message; /* owns all but the values of tensors */
    char *last;                /* name of the last node's output, or of the input; owned */
    bool failed;               /* memory was out */
};

enum vggcl_err onnx_available(const char *path) {
    (void)path;
    return VGGCL_OK;
}

/* -------------------------------------------------------------------------------------------------- building -- */

static void *make(struct onnx *model, const ProtobufCMessageDescriptor *type) {
    void *message = malloc(type->sizeof_message);
    if (message)
        protobuf_c_message_init(type, message);
    else
        model->failed = true;
    return message;
}

static char *copy(struct onnx *model, const char *text) {
    char *copied = strdup(text);
    model->failed |= !copied;
    return copied;
}

/* Appends the result of an expression, a pointer, to a list; NULL is not appended. */
#define ADD(model, list, count, made)                                                                                  \
    do {                                                                                                               \
        void *grown_ = realloc((list), ((count) + 1) * sizeof *(list));                                                \
        if (grown_)                                                                                                    \
            (list) = grown_;                                                                                           \
        if (grown_ && ((list)[count] = (made)))                                                                        \
            (count)++;                                                                                                 \
        else                                                                                                           \
            (model)->failed = true;                                                                                    \
    } while (0)

/* A list of `count` whole numbers; NULL if memory is out. */
static int64_t *make_list(struct onnx *model, int count) {
    int64_t *list = calloc((size_t)count + 1, sizeof *list);
    model->failed |= !list;
    return list;
}

enum vggcl_err onnx_create(struct onnx **model) {
    struct onnx *m = *model = calloc(1, sizeof *m);
    Onnx__OperatorSetIdProto *operators = NULL;
    if (m && (m->message = make(m, &onnx__model_proto__descriptor))) {
        m->message->has_ir_version = 1;
        m->message->ir_version = ONNX_IR_VERSION;
        m->message->producer_name = copy(m, "vggcl");
        m->message->producer_version = copy(m, vggcl_version());
        ADD(m, m->message->opset_import, m->message->n_opset_import,
            operators = make(m, &onnx__operator_set_id_proto__descriptor));
        m->message->graph = make(m, &onnx__graph_proto__descriptor);
    }
    if (m && operators && m->message->graph) {
        operators->has_version = 1;
        operators->version = ONNX_OPERATORS;
        m->message->graph->name = copy(m, "vggcl");
        return VGGCL_OK;
    }
    onnx_free(m);
    *model = NULL;
    return err_no_memory("an ONNX model", sizeof *m);
}

void onnx_free(struct onnx *model) {
    if (!model)
        return;
    Onnx__GraphProto *graph = model->message ? model->message->graph : NULL;
    for (size_t i = 0; graph && i < graph->n_initializer; i++)
        graph->initializer[i]->raw_data.data = NULL; /* not owned */
    if (model->message)
        onnx__model_proto__free_unpacked(model->message, NULL);
    free(model->last);
    free(model);
}

/* Appends a dimension: `size`, or any number of images if that is 0. */
static void add_dimension(struct onnx *model, Onnx__TensorShapeProto *shape, size_t size) {
    Onnx__TensorShapeProto__Dimension *dimension = NULL;
    ADD(model, shape->dim, shape->n_dim, dimension = make(model, &onnx__tensor_shape_proto__dimension__descriptor));
    if (!dimension)
        return;
    dimension->has_dim_value = size > 0;
    dimension->dim_value = (int64_t)size;
    dimension->dim_param = size ? NULL : copy(model, "N");
}

static Onnx__TypeProto *make_type(struct onnx *model, const struct onnx_type *type) {
    Onnx__TypeProto *made = make(model, &onnx__type_proto__descriptor);
    Onnx__TypeProto__Tensor *tensor = made ? make(model, &onnx__type_proto__tensor__descriptor) : NULL;
    if (!tensor)
        return made;
    made->tensor_type = tensor;
    tensor->has_elem_type = 1;
    tensor->elem_type = type->bytes ? ONNX__TENSOR_PROTO__DATA_TYPE__UINT8 : ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
    tensor->shape = make(model, &onnx__tensor_shape_proto__descriptor);
    for (int i = -1; tensor->shape && i < type->rank; i++)
        add_dimension(model, tensor->shape, i < 0 ? 0 : type->shape[i]);
    return made;
}

static Onnx__ValueInfoProto *make_value(struct onnx *model, const char *name, const struct onnx_type *type,
                                        const char *description) {
    Onnx__ValueInfoProto *value = make(model, &onnx__value_info_proto__descriptor);
    if (!value)
        return NULL;
    value->name = copy(model, name);
    value->type = make_type(model, type);
    value->doc_string = description ? copy(model, description) : NULL;
    return value;
}

void onnx_input(struct onnx *model, const char *name, const struct onnx_type *type, const char *description) {
    Onnx__GraphProto *graph = model->message->graph;
    ADD(model, graph->input, graph->n_input, make_value(model, name, type, description));
    free(model->last);
    model->last = copy(model, name);
}

static void add_attribute(struct onnx *model, Onnx__NodeProto *node, const struct onnx_attribute *a) {
    Onnx__AttributeProto *attribute = NULL;
    ADD(model, node->attribute, node->n_attribute, attribute = make(model, &onnx__attribute_proto__descriptor));
    if (!attribute)
        return;
    attribute->name = copy(model, a->name);
    attribute->has_type = 1;
    attribute->type = a->count       ? ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS
                      : a->real != 0 ? ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT
                                     : ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT;
    attribute->has_f = !a->count && a->real != 0;
    attribute->f = (float)a->real;
    attribute->has_i = !a->count && a->real == 0;
    attribute->i = a->whole[0];
    if (a->count && (attribute->ints = make_list(model, a->count))) {
        memcpy(attribute->ints, a->whole, (size_t)a->count * sizeof *a->whole);
        attribute->n_ints = (size_t)a->count;
    }
}

void onnx_node(struct onnx *model, const char *operator_name, const char *name, const char *const *tensors,
               const struct onnx_attribute *attributes) {
    Onnx__GraphProto *graph = model->message->graph;
    Onnx__NodeProto *node = NULL;
    ADD(model, graph->node, graph->n_node, node = make(model, &onnx__node_proto__descriptor));
    if (!node || !model->last)
        return;
    node->op_type = copy(model, operator_name);
    node->name = copy(model, name);
    ADD(model, node->input, node->n_input, copy(model, model->last));
    for (; tensors && *tensors; tensors++)
        ADD(model, node->input, node->n_input, copy(model, *tensors));
    for (; attributes && attributes->name; attributes++)
        add_attribute(model, node, attributes);
    ADD(model, node->output, node->n_output, copy(model, name));
    free(model->last);
    model->last = copy(model, name);
}

void onnx_tensor(struct onnx *model, const char *name, int rank, const size_t shape[], const float *values) {
    Onnx__GraphProto *graph = model->message->graph;
    Onnx__TensorProto *tensor = NULL;
    size_t count = 1;
    ADD(model, graph->initializer, graph->n_initializer, tensor = make(model, &onnx__tensor_proto__descriptor));
    if (!tensor || !(tensor->dims = make_list(model, rank)))
        return;
    tensor->n_dims = (size_t)rank;
    for (int i = 0; i < rank; i++) {
        tensor->dims[i] = (int64_t)shape[i];
        count *= shape[i];
    }
    tensor->name = copy(model, name);
    tensor->has_data_type = 1;
    tensor->data_type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
    tensor->has_raw_data = 1;
    tensor->raw_data = (ProtobufCBinaryData){count * sizeof *values, (uint8_t *)values}; /* only read */
}

void onnx_output(struct onnx *model, const char *name, const struct onnx_type *type) {
    Onnx__GraphProto *graph = model->message->graph;
    ADD(model, graph->output, graph->n_output, make_value(model, name, type, NULL));
    if (model->failed)
        return;
    char **output = &graph->node[graph->n_node - 1]->output[0];
    free(*output);
    *output = copy(model, name);
}

void onnx_metadata(struct onnx *model, const char *key, const char *value) {
    Onnx__StringStringEntryProto *pair = NULL;
    ADD(model, model->message->metadata_props, model->message->n_metadata_props,
        pair = make(model, &onnx__string_string_entry_proto__descriptor));
    if (!pair)
        return;
    pair->key = copy(model, key);
    pair->value = copy(model, value);
}

/* --------------------------------------------------------------------------------------------------- writing -- */

/* Where libprotobuf-c writes the message, piece by piece. */
struct sink {
    ProtobufCBuffer base;
    struct file_write *file;
};

static void append(ProtobufCBuffer *base, size_t size, const uint8_t *bytes) {
    file_write_bytes(((struct sink *)base)->file, bytes, size);
}

enum vggcl_err onnx_write(const struct onnx *model, const struct folder *folder, const char *path, uint64_t *size) {
    struct file_write file;
    struct sink sink = {{append}, &file};
    if (model->failed)
        return err_no_memory("an ONNX model", sizeof *model->message);
    *size = onnx__model_proto__get_packed_size(model->message);
    if (*size > INT32_MAX)
        return err_set(VGGCL_EUSAGE,
                       "%s: this network has %llu MiB of weights, but an ONNX file holds at most 2048 MiB; train a "
                       "narrower one (width)",
                       path, (unsigned long long)(*size >> 20));
    TRY(file_write_begin(&file, folder, path));
    onnx__model_proto__pack_to_buffer(model->message, &sink.base);
    return file_write_commit(&file);
}

#else

enum vggcl_err onnx_available(const char *path) {
    return feature_lacks(FEATURE_PROTOBUF, path, "");
}

enum vggcl_err onnx_create(struct onnx **model) {
    *model = NULL;
    return onnx_available("ONNX");
}

void onnx_free(struct onnx *model) {
    (void)model;
}

void onnx_input(struct onnx *model, const char *name, const struct onnx_type *type, const char *description) {
    (void)model, (void)name, (void)type, (void)description;
}

void onnx_node(struct onnx *model, const char *operator_name, const char *name, const char *const *tensors,
               const struct onnx_attribute *attributes) {
    (void)model, (void)operator_name, (void)name, (void)tensors, (void)attributes;
}

void onnx_tensor(struct onnx *model, const char *name, int rank, const size_t shape[], const float *values) {
    (void)model, (void)name, (void)rank, (void)shape, (void)values;
}

void onnx_output(struct onnx *model, const char *name, const struct onnx_type *type) {
    (void)model, (void)name, (void)type;
}

void onnx_metadata(struct onnx *model, const char *key, const char *value) {
    (void)model, (void)key, (void)value;
}

enum vggcl_err onnx_write(const struct onnx *model, const struct folder *folder, const char *path, uint64_t *size) {
    (void)model, (void)folder, (void)size;
    return onnx_available(path);
}

#endif
