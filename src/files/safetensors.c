#include "files/safetensors.h"

#include "base/file.h"
#include "base/half.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/text.h"
#include "files/kind.h"

#include <assert.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "safetensors files are little-endian, and are read and written as the machine holds them"
#endif

/* The longest header, in bytes. The format allows 100 MB, of which jansson may make 7 GB; that of a large network has
 * 0.1 MB, and the names of 65535 classes fit. */
enum { LENGTH_BYTES = sizeof(uint64_t), HEADER_LIMIT = 1 << 23 };

static const char metadata_key[] = "__metadata__", checksum_key[] = "vggcl.checksum";

/* A header with metadata starts with this and the digits of the checksum. The checksum is that of the whole file with
 * zeros as its digits: hash_words() of all up to the first value, then of each tensor in the order of the file. */
static const char checksum_start[] = "{\"__metadata__\":{\"vggcl.checksum\":\"", no_checksum[] = "0000000000000000";
enum {
    CHECKSUM_AT = LENGTH_BYTES + sizeof checksum_start - 1, /* place of the digits in the file */
    CHECKSUM_DIGITS = sizeof no_checksum - 1
};

size_t record_count(const struct record *record) {
    size_t count = 1;
    for (int i = 0; i < record->rank; i++)
        count *= record->shape[i];
    return count;
}

/* ---------------------------------------------------------------------------------------------------- writing -- */

/* {"dtype":"F32","shape":[...],"data_offsets":[begin,end]}; NULL if out of memory. */
static json_t *describe(const struct record *record, size_t begin) {
    assert(record->rank >= 0 && record->rank <= SAFETENSORS_RANK);
    json_t *shape = json_array(), *offsets = json_array();
    for (int i = 0; i < record->rank; i++)
        json_add(&shape, json_integer((json_int_t)record->shape[i]));
    json_add(&offsets, json_integer((json_int_t)begin));
    json_add(&offsets, json_integer((json_int_t)(begin + record_count(record) * sizeof(float))));
    return JSON_MAKE({"dtype", json_make_text("F32")}, {"shape", shape}, {"data_offsets", offsets});
}

/* Why a text cannot become a name in JSON. */
static enum vggcl_err not_json(const char *path, const char *name) {
    return text_is_utf8(name)
               ? err_no_memory(path, strlen(name))
               : err_set(VGGCL_EUSAGE, "%s: '%s' cannot be written: its name is not valid UTF-8", path, name);
}

static enum vggcl_err make_header(const char *path, const struct record *records, size_t count,
                                  const char *const *metadata, json_t *header) {
    if (metadata) {
        json_t *texts = json_object();
        if (json_object_set_new(header, metadata_key, texts) != 0 ||
            json_object_set_new(texts, checksum_key, json_make_text(no_checksum)) != 0)
            return not_json(path, metadata_key);
        for (; *metadata; metadata += 2)
            if (json_object_set_new(texts, metadata[0], json_make_text(metadata[1])) != 0)
                return not_json(path, metadata[0]);
    }
    size_t begin = 0;
    for (size_t i = 0; i < count; i++) {
        assert(!json_object_get(header, records[i].name));
        if (json_object_set_new(header, records[i].name, describe(&records[i], begin)) != 0)
            return not_json(path, records[i].name);
        begin += record_count(&records[i]) * sizeof(float);
    }
    return VGGCL_OK;
}

/* The file up to its first value: the length of the header, and the header with spaces behind it, so that the values
 * start at a multiple of 8 bytes, for readers that use mmap(). NULL if out of memory; the caller frees it. */
static char *make_start(const json_t *header, size_t *size) {
    char *text = json_print(header, JSON_COMPACT);
    size_t used = text ? strlen(text) : 0;
    uint64_t length = (used + 7) / 8 * 8;
    *size = LENGTH_BYTES + (size_t)length;
    char *start = text ? malloc(*size) : NULL;
    if (start) {
        memset(start, ' ', *size);
        memcpy(start, &length, LENGTH_BYTES);
        memcpy(start + LENGTH_BYTES, text, used);
    }
    free(text);
    return start;
}

static bool has_checksum_place(const char *bytes, size_t size) {
    return size >= CHECKSUM_AT + CHECKSUM_DIGITS &&
           memcmp(bytes + LENGTH_BYTES, checksum_start, sizeof checksum_start - 1) == 0;
}

static void put_checksum(char *start, size_t size, const struct record *records, size_t count) {
    char digits[CHECKSUM_DIGITS + 1];
    if (!has_checksum_place(start, size))
        return;
    uint64_t hash = hash_words(HASH_START, start, size);
    for (size_t i = 0; i < count; i++)
        hash = hash_words(hash, records[i].values, record_count(&records[i]) * sizeof(float));
    snprintf(digits, sizeof digits, "%016" PRIx64, hash);
    memcpy(start + CHECKSUM_AT, digits, CHECKSUM_DIGITS);
}

static enum vggcl_err write_file(const struct folder *folder, const char *path, const struct record *records,
                                 size_t count, const char *const *metadata, bool keep_previous) {
    enum vggcl_err err = VGGCL_OK;
    struct file_write file = {.stream = NULL};
    size_t size;
    char *start = NULL;
    json_t *header = json_object();
    TRY_GOTO(make_header(path, records, count, metadata, header), done);
    start = make_start(header, &size);
    if (!start) {
        err = err_no_memory("a safetensors header", count * sizeof *records);
        goto done;
    }
    if (size - LENGTH_BYTES > HEADER_LIMIT) {
        err =
            err_set(VGGCL_EUSAGE,
                    "%s: the header would have %zu bytes; the maximum is %d; it holds the names of the classes, and a "
                    "state's a row for each epoch",
                    path, size - LENGTH_BYTES, HEADER_LIMIT);
        goto done;
    }
    put_checksum(start, size, records, count);
    TRY_GOTO(file_write_begin(&file, folder, path), done);
    file.keep_previous = keep_previous;
    fwrite(start, 1, size, file.stream);
    for (size_t i = 0; i < count; i++)
        file_write_bytes(&file, records[i].values, record_count(&records[i]) * sizeof(float));
    err = file_write_commit(&file);
done:
    free(start);
    json_decref(header);
    return err;
}

enum vggcl_err safetensors_write(const struct folder *folder, const char *path, const struct record *records,
                                 size_t count, const char *const *metadata) {
    return write_file(folder, path, records, count, metadata, false);
}

enum vggcl_err safetensors_replace(const struct folder *folder, const char *path, const struct record *records,
                                   size_t count, const char *const *metadata) {
    return write_file(folder, path, records, count, metadata, true);
}

/* ---------------------------------------------------------------------------------------------------- reading -- */

/* Converts an element to a float. */
typedef float to_float(const char *element);

static float from_half(const char *element) {
    uint16_t half;
    memcpy(&half, element, sizeof half);
    return half_to_float(half);
}

/* The upper half of a float's bits. */
static float from_bfloat(const char *element) {
    float value;
    char bytes[sizeof value] = {0, 0, element[0], element[1]};
    memcpy(&value, bytes, sizeof value);
    return value;
}

/* What is too large for a float becomes infinite. */
static float from_double(const char *element) {
    double value;
    memcpy(&value, element, sizeof value);
    return (float)value;
}

/* Only tensors of floats become records: of F32, and of what is converted to it. */
struct dtype {
    const char *name;
    size_t bytes; /* per element */
    to_float *convert;
};
static const struct dtype dtypes[] = {
    {"F32", 4, NULL},  {"F64", 8, from_double},  {"F16", 2, from_half},   {"BF16", 2, from_bfloat},
    {"BOOL", 1, NULL}, {"U8", 1, NULL},          {"I8", 1, NULL},         {"I16", 2, NULL},
    {"U16", 2, NULL},  {"I32", 4, NULL},         {"U32", 4, NULL},        {"I64", 8, NULL},
    {"U64", 8, NULL},  {"F8_E4M3", 1, NULL},     {"F8_E5M2", 1, NULL},    {"F8_E8M0", 1, NULL},
    {"C64", 8, NULL},  {"F8_E4M3FNUZ", 1, NULL}, {"F8_E5M2FNUZ", 1, NULL}};
static const struct dtype *const f32 = dtypes;

/* NULL for an unknown dtype. */
static const struct dtype *find_dtype(const char *name) {
    for (const struct dtype *d = dtypes; d < dtypes + sizeof dtypes / sizeof *dtypes; d++)
        if (strcmp(name, d->name) == 0)
            return d;
    return NULL;
}

/* A tensor's entry in the header. The offsets of all are checked. */
struct tensor_entry {
    struct record record;
    const struct dtype *dtype;
    bool taken;        /* becomes a record */
    size_t begin, end; /* bytes, from the start of the data */
};

/* True if value is a non-negative integer that fits in size_t. */
static bool get_size(const json_t *value, size_t *size) {
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return false;
    *size = (size_t)json_integer_value(value);
    return (json_int_t)*size == json_integer_value(value);
}

/* Multiplies *bytes by the number of elements, and sets the shape of what becomes a record. Tensors of other floats
 * than F32 may have more dimensions than a record. */
static enum vggcl_err parse_shape(const char *path, const json_t *shape, struct tensor_entry *tensor, size_t *bytes) {
    const char *name = tensor->record.name;
    size_t rank = json_array_size(shape);
    if (!json_is_array(shape))
        return err_set(VGGCL_EFORMAT, "%s: tensor '%s': its shape is missing or not a list of sizes", path, name);
    tensor->taken = tensor->dtype == f32 || (tensor->dtype->convert && rank <= SAFETENSORS_RANK);
    if (tensor->taken && rank > SAFETENSORS_RANK)
        return err_set(VGGCL_EFORMAT, "%s: tensor '%s': its shape has %zu dimensions; the maximum is %d", path, name,
                       rank, SAFETENSORS_RANK);
    for (size_t i = 0; i < rank; i++) {
        size_t size;
        if (!get_size(json_array_get(shape, i), &size))
            return err_set(VGGCL_EFORMAT, "%s: tensor '%s': shape[%zu] is not a non-negative integer", path, name, i);
        if (size != 0 && *bytes > SIZE_MAX / size)
            return err_set(VGGCL_EFORMAT, "%s: tensor '%s': its number of elements overflows", path, name);
        *bytes *= size;
        if (tensor->taken)
            tensor->record.shape[i] = size;
    }
    tensor->record.rank = (int)rank;
    return VGGCL_OK;
}

static enum vggcl_err parse_tensor(const char *path, const char *name, const json_t *value,
                                   struct tensor_entry *tensor) {
    *tensor = (struct tensor_entry){.record.name = name};
    const char *dtype = json_string_value(json_object_get(value, "dtype"));
    if (!dtype)
        return err_set(VGGCL_EFORMAT, "%s: tensor '%s': its dtype is missing or not a string", path, name);
    tensor->dtype = find_dtype(dtype);
    if (!tensor->dtype)
        return err_set(VGGCL_EFORMAT, "%s: tensor '%s': unknown dtype '%s'", path, name, dtype);
    size_t bytes = tensor->dtype->bytes;
    TRY(parse_shape(path, json_object_get(value, "shape"), tensor, &bytes));

    const json_t *offsets = json_object_get(value, "data_offsets");
    if (json_array_size(offsets) != 2 || !get_size(json_array_get(offsets, 0), &tensor->begin) ||
        !get_size(json_array_get(offsets, 1), &tensor->end) || tensor->begin > tensor->end)
        return err_set(VGGCL_EFORMAT, "%s: tensor '%s': its data_offsets are missing or not [begin, end] in bytes",
                       path, name);
    if (tensor->end - tensor->begin != bytes)
        return err_set(VGGCL_EFORMAT, "%s: tensor '%s': data_offsets span %zu bytes, dtype and shape need %zu", path,
                       name, tensor->end - tensor->begin, bytes);
    return VGGCL_OK;
}

static enum vggcl_err check_metadata(const char *path, json_t *metadata) {
    if (!json_is_object(metadata))
        return err_set(VGGCL_EFORMAT, "%s: %s is not a JSON object", path, metadata_key);
    const char *key;
    json_t *value;
    json_object_foreach(metadata, key, value) {
        if (!json_is_string(value))
            return err_set(VGGCL_EFORMAT, "%s: %s: '%s' is not a string", path, metadata_key, key);
    }
    return VGGCL_OK;
}

/* Fills tensors, which has room for all entries of the header, in the header's order. */
static enum vggcl_err parse_header(const char *path, json_t *header, struct tensor_entry *tensors, size_t *count) {
    *count = 0;
    const char *name;
    json_t *value;
    json_object_foreach(header, name, value) {
        if (strcmp(name, metadata_key) == 0)
            TRY(check_metadata(path, value));
        else
            TRY(parse_tensor(path, name, value, &tensors[(*count)++]));
    }
    return VGGCL_OK;
}

/* The error for a file of another kind, where its first bytes say which. */
static enum vggcl_err other_kind(const char *path, const char *bytes, size_t size) {
    const struct file_kind *kind = file_kind(bytes, size);
    char text[2 * VGGCL_PATH_MAX + 64];
    if (!kind)
        return VGGCL_OK;
    if (!kind->advice) {
        file_kind_command(path, text, sizeof text);
        return err_set(VGGCL_EFORMAT, "%s: is %s, not safetensors; convert it with: %s (needs Python 3)", path,
                       kind->is, text);
    }
    snprintf(text, sizeof text, "%s%s%s", kind->command ? ": " : "", kind->command ? kind->command : "",
             kind->command ? " " : "");
    return err_set(VGGCL_EFORMAT, "%s: is %s, not safetensors; %s%s%s", path, kind->is, kind->advice, text,
                   kind->command ? path : "");
}

/* Parses the JSON header; *data is the offset of the first byte after it. */
static enum vggcl_err load_header(const char *path, const char *bytes, size_t size, void **header, size_t *data) {
    uint64_t length;
    if (size == 0)
        return err_set(VGGCL_EFORMAT, "%s: is an empty file, not safetensors; copy or download it again", path);
    if (size < LENGTH_BYTES)
        return err_set(VGGCL_EFORMAT, "%s: is not a safetensors file: %zu bytes are too few for a header", path, size);
    memcpy(&length, bytes, LENGTH_BYTES);
    if (length > size - LENGTH_BYTES || bytes[LENGTH_BYTES] != '{')
        TRY(other_kind(path, bytes, size));
    if (length > HEADER_LIMIT)
        return err_set(VGGCL_EFORMAT,
                       "%s: is not a safetensors file, or has too many tensors: its header would have %llu bytes; the "
                       "maximum is %d",
                       path, (unsigned long long)length, HEADER_LIMIT);
    if (length > size - LENGTH_BYTES)
        return err_set(VGGCL_EFORMAT,
                       "%s: the header of %llu bytes extends past the end of the file; the file may be truncated", path,
                       (unsigned long long)length);
    json_t *json;
    char from[VGGCL_PATH_MAX];
    snprintf(from, sizeof from, "%s: the header", path);
    TRY(json_read(bytes + LENGTH_BYTES, (size_t)length, from, &json));
    *header = json;
    if (!json_is_object((json_t *)*header))
        return err_set(VGGCL_EFORMAT, "%s: the header is not a JSON object", path);
    *data = LENGTH_BYTES + (size_t)length;
    return VGGCL_OK;
}

/* Orders by offset in the file; a tensor without elements comes before one that starts at the same byte. */
static int compare_offsets(const void *a, const void *b) {
    const struct tensor_entry *x = a, *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return (x->end > y->end) - (x->end < y->end);
}

/* Checks that the tensors, sorted by offset, fill the data of `size` bytes without gaps or overlaps. */
static enum vggcl_err check_offsets(const char *path, const struct tensor_entry *tensors, size_t count, size_t size) {
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        if (tensors[i].begin != at)
            return err_set(VGGCL_EFORMAT,
                           "%s: tensor '%s': starts at byte %zu of the data, but the tensors before it end at %zu",
                           path, tensors[i].record.name, tensors[i].begin, at);
        at = tensors[i].end;
    }
    if (at != size)
        return err_set(VGGCL_EFORMAT,
                       "%s: has %zu bytes of data, but the last tensor '%s' ends at %zu; the file may be truncated",
                       path, size, count ? tensors[count - 1].record.name : "(none)", at);
    return VGGCL_OK;
}

/* Compares the file's checksum, if it has one, with that of its contents. Overwrites the digits in bytes. */
static enum vggcl_err check_checksum(const char *path, const struct safetensors *file, char *bytes,
                                     const struct tensor_entry *tensors, size_t count, size_t data) {
    const char *stored = safetensors_metadata(file, checksum_key);
    char digits[CHECKSUM_DIGITS + 1];
    if (!stored)
        return VGGCL_OK;
    if (has_checksum_place(bytes, data))
        memcpy(bytes + CHECKSUM_AT, no_checksum, CHECKSUM_DIGITS);
    uint64_t hash = hash_words(HASH_START, bytes, data);
    for (size_t i = 0; i < count; i++)
        hash = hash_words(hash, bytes + data + tensors[i].begin, tensors[i].end - tensors[i].begin);
    snprintf(digits, sizeof digits, "%016" PRIx64, hash);
    if (strcmp(digits, stored) == 0)
        return VGGCL_OK;
    return err_set(VGGCL_EFORMAT,
                   "%s: its contents have the checksum %s, not the %.16s in its metadata: the file is damaged, or was "
                   "changed by a program that must leave out %s",
                   path, digits, stored, checksum_key);
}

/* The bytes of all records' values; *converts: whether some are converted. A record of 16-bit floats takes twice what
 * it has in the file, whose size is the sum of all: this cannot overflow. */
static size_t values_size(const struct tensor_entry *tensors, size_t count, bool *converts) {
    size_t size = 0;
    *converts = false;
    for (size_t i = 0; i < count; i++)
        if (tensors[i].taken) {
            size += record_count(&tensors[i].record) * sizeof(float);
            *converts |= tensors[i].dtype != f32;
        }
    return size;
}

/* Copies the values; returns the end of the copy, which may be in front of them in the same memory. */
static char *copy_values(const struct tensor_entry *tensor, const char *from, char *to) {
    size_t count = record_count(&tensor->record);
    if (tensor->dtype == f32)
        memmove(to, from, count * sizeof(float));
    else
        for (size_t i = 0; i < count; i++) {
            float value = tensor->dtype->convert(from + i * tensor->dtype->bytes);
            memcpy(to + i * sizeof value, &value, sizeof value);
        }
    return to + count * sizeof(float);
}

/* Makes the records. The values in the file may not be aligned, so they are moved to the front of storage, one tensor
 * after the other; this overwrites the header's text, which is no longer needed. Where some are converted, to memory of
 * their own. */
static enum vggcl_err take_records(struct safetensors *file, const struct tensor_entry *tensors, size_t count,
                                   size_t data) {
    bool converts;
    size_t size = values_size(tensors, count, &converts);
    char *bytes = file->storage, *storage = converts ? malloc(size + 1) : bytes, *to = storage;
    if (!storage)
        return err_no_memory("converted weights", size);
    for (size_t i = 0; i < count; i++) {
        if (!tensors[i].taken)
            continue;
        struct record *record = &file->records[file->count];
        file->stored[file->count++] = tensors[i].record.name;
        *record = tensors[i].record;
        record->values = (float *)(void *)to;
        to = copy_values(&tensors[i], bytes + data + tensors[i].begin, to);
    }
    file->storage = storage;
    if (storage != bytes)
        free(bytes);
    return VGGCL_OK;
}

enum vggcl_err safetensors_read(const char *path, struct safetensors *file) {
    enum vggcl_err err = VGGCL_OK;
    char *bytes;
    struct tensor_entry *tensors = NULL;
    size_t size, data = 0, count;
    *file = (struct safetensors){.records = NULL};
    TRY(file_read(path, SIZE_MAX, &bytes, &size));
    file->storage = bytes;
    TRY_GOTO(load_header(path, bytes, size, &file->header, &data), done);

    size_t entries = json_object_size(file->header) + 1; /* never 0: malloc(0) may return NULL */
    tensors = malloc(entries * sizeof *tensors);
    file->records = malloc(entries * sizeof *file->records);
    file->stored = malloc(entries * sizeof *file->stored);
    if (!tensors || !file->records || !file->stored) {
        err = err_no_memory(path, entries * (sizeof *tensors + sizeof *file->records + sizeof *file->stored));
        goto done;
    }
    TRY_GOTO(parse_header(path, file->header, tensors, &count), done);
    qsort(tensors, count, sizeof *tensors, compare_offsets);
    TRY_GOTO(check_offsets(path, tensors, count, size - data), done);
    TRY_GOTO(check_checksum(path, file, bytes, tensors, count, data), done);
    err = take_records(file, tensors, count, data);
done:
    if (err == VGGCL_EFORMAT && has_checksum_place(bytes, size))
        err = err_set(err, "%s; restore it from a copy", vggcl_error());
    free(tensors);
    if (err != VGGCL_OK)
        safetensors_free(file);
    return err;
}

const struct record *safetensors_find(const struct safetensors *file, const char *name) {
    for (size_t i = 0; i < file->count; i++)
        if (strcmp(file->records[i].name, name) == 0)
            return &file->records[i];
    return NULL;
}

const char *safetensors_metadata(const struct safetensors *file, const char *key) {
    return json_string_value(json_object_get(json_object_get(file->header, metadata_key), key));
}

enum vggcl_err safetensors_suggest(struct safetensors *file, const char *key, const char *value) {
    json_t *metadata = json_object_get(file->header, metadata_key);
    if (!metadata) {
        metadata = json_object();
        if (json_object_set_new(file->header, metadata_key, metadata) != 0)
            return err_no_memory("metadata", strlen(value));
    }
    if (json_object_get(metadata, key) || json_object_set_new(metadata, key, json_make_text(value)) == 0)
        return VGGCL_OK;
    return err_no_memory("metadata", strlen(value));
}

size_t safetensors_pairs(const struct safetensors *file, size_t most, const char **pairs) {
    size_t count = 0;
    const char *key;
    json_t *value;
    json_object_foreach(json_object_get(file->header, metadata_key), key, value) {
        if (count == most || strcmp(key, checksum_key) == 0)
            continue;
        pairs[2 * count] = key;
        pairs[2 * count++ + 1] = json_string_value(value);
    }
    pairs[2 * count] = NULL;
    return count;
}

void safetensors_free(struct safetensors *file) {
    free(file->names);
    free(file->stored);
    free(file->records);
    free(file->storage);
    json_decref(file->header);
    *file = (struct safetensors){.records = NULL};
}
