/* src/files/safetensors.c: the exact bytes of the format, round trips, and malformed files. */
#define _DEFAULT_SOURCE /* usleep */
#include "base/text.h"
#include "files/safetensors.h"

#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <errno.h>
#include <jansson.h>

#define FILE_NAME "test_safetensors.safetensors"

static int remove_files(void **state) {
    (void)state;
    unlink(FILE_NAME);
    unlink(FILE_NAME ".1");
    unlink(FILE_NAME ".tmp");
    return 0;
}

static void put_file(const void *bytes, size_t size) {
    FILE *stream = fopen(FILE_NAME, "wb");
    assert_non_null(stream);
    assert_int_equal(fwrite(bytes, 1, size, stream), size);
    assert_int_equal(fclose(stream), 0);
}

/* Length, header of header_size bytes, data_size bytes 0, 1, 2, ... */
static void put_parts(const char *header, size_t header_size, size_t data_size) {
    unsigned char bytes[4096];
    uint64_t length = header_size;
    assert_true(8 + header_size + data_size <= sizeof bytes);
    memcpy(bytes, &length, 8);
    memcpy(bytes + 8, header, header_size);
    for (size_t i = 0; i < data_size; i++)
        bytes[8 + header_size + i] = (unsigned char)i;
    put_file(bytes, 8 + header_size + data_size);
}

static size_t get_file(unsigned char *bytes, size_t room) {
    FILE *stream = fopen(FILE_NAME, "rb");
    assert_non_null(stream);
    size_t size = fread(bytes, 1, room, stream);
    fclose(stream);
    return size;
}

static void assert_read_fails(enum vggcl_err code, const char *text) {
    struct safetensors file;
    memset(&file, 0xa5, sizeof file);
    assert_int_equal(safetensors_read(FILE_NAME, &file), code);
    if (!strstr(vggcl_error(), FILE_NAME) || !strstr(vggcl_error(), text))
        fail_msg("'%s' does not name " FILE_NAME " and '%s'", vggcl_error(), text);
    assert_null(file.records);
    assert_int_equal(file.count, 0);
    safetensors_free(&file); /* of what a failed read left: no harm */
}

/* ---------------------------------------------------------------------------------------------------- writing -- */

/* Places in the tiny file: the name of the checksum's key, its digits, the values. */
enum { KEY_AT = 8 + 18, DIGITS_AT = KEY_AT + 14 + 3, TINY_START = 8 + 184 };
static const char tiny_header[] = "{\"__metadata__\":{\"vggcl.checksum\":\"12bc4b93211f3019\",\"format\":\"pt\"},"
                                  "\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
                                  "\"b\":{\"dtype\":\"F32\",\"shape\":[1,1],\"data_offsets\":[8,12]}}";
static const unsigned char tiny_data[] = {0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0, 0, 0, 0, 0x3f}; /* 1, -2, 0.5 */

static void write_tiny(void) {
    float a[] = {1, -2}, b[] = {0.5f};
    struct record records[] = {{"a", 1, {2}, a}, {"b", 2, {1, 1}, b}};
    const char *metadata[] = {"format", "pt", NULL};
    assert_int_equal(safetensors_write(&folder_current, FILE_NAME, records, 2, metadata), VGGCL_OK);
}

/* What the format's own library writes for the same tensors and metadata. The checksum was computed in Python. */
static void test_known_bytes(void **state) {
    (void)state;
    unsigned char bytes[1024], length[8] = {TINY_START - 8};
    write_tiny();
    size_t size = get_file(bytes, sizeof bytes), header = strlen(tiny_header);
    assert_int_equal(header, TINY_START - 8 - 7);
    assert_int_equal(size, TINY_START + sizeof tiny_data);
    assert_memory_equal(bytes, length, 8);
    assert_memory_equal(bytes + 8, tiny_header, header);
    assert_memory_equal(bytes + 8 + header, "       ", 7);
    assert_memory_equal(bytes + TINY_START, tiny_data, sizeof tiny_data);
    assert_int_equal(access(FILE_NAME ".tmp", F_OK), -1);
}

static void test_round_trip(void **state) {
    (void)state;
    static const unsigned specials[] = {0x7fc12345, 0xff800000, 0x80000000, 0x00000001, 0x7f7fffff, 0x3f800000};
    float values[1200];
    for (int i = 0; i < 1200; i++)
        memcpy(&values[i], &specials[i % 6], sizeof *values);
    const struct record records[] = {
        {"conv1_1.weight", 4, {2, 3, 10, 20}, values},
        {"scalar", 0, {0}, values + 1},
        {"", 1, {3}, values + 2},
        {"empty", 2, {5, 0}, values},
        {"\"quoted\" \\ / \b\t\n\x01\x7f", 3, {1, 2, 3}, values},
        {"\xc3\xbcml\xc3\xa4ut \xe5\x90\x8d\xe5\x89\x8d \xf0\x9f\x90\xb1", 1, {1}, values + 3},
        {"dtype", 1, {2}, values},
        {"last and empty", 1, {0}, values},
    };
    enum { COUNT = sizeof records / sizeof *records };
    const char *metadata[] = {"format", "pt", "", "", "a \"key\"\n", "\xe5\x90\x8d", "dtype", "F64", NULL};
    assert_int_equal(safetensors_write(&folder_current, FILE_NAME, records, COUNT, metadata), VGGCL_OK);

    struct safetensors file;
    assert_int_equal(safetensors_read(FILE_NAME, &file), VGGCL_OK);
    assert_int_equal(file.count, COUNT);
    for (int i = 0; i < COUNT; i++) {
        const struct record *found = safetensors_find(&file, records[i].name);
        assert_non_null(found);
        assert_string_equal(found->name, records[i].name);
        assert_int_equal(found->rank, records[i].rank);
        assert_memory_equal(found->shape, records[i].shape, (size_t)records[i].rank * sizeof *found->shape);
        assert_int_equal((uintptr_t)found->values % _Alignof(float), 0);
        assert_memory_equal(found->values, records[i].values, record_count(found) * sizeof(float));
    }
    assert_int_equal(record_count(&records[0]), 1200);
    assert_int_equal(record_count(&records[1]), 1);
    assert_int_equal(record_count(&records[3]), 0);
    for (int i = 0; metadata[i]; i += 2)
        assert_string_equal(safetensors_metadata(&file, metadata[i]), metadata[i + 1]);
    assert_null(safetensors_metadata(&file, "no such key"));
    assert_null(safetensors_find(&file, "no such tensor"));
    assert_null(safetensors_find(&file, "__metadata__"));
    safetensors_free(&file);
    safetensors_free(&file);
}

static void test_nothing_in_it(void **state) {
    (void)state;
    struct safetensors file;
    assert_int_equal(safetensors_write(&folder_current, FILE_NAME, NULL, 0, NULL), VGGCL_OK);
    assert_int_equal(safetensors_read(FILE_NAME, &file), VGGCL_OK);
    assert_int_equal(file.count, 0);
    assert_null(safetensors_metadata(&file, "format"));
    safetensors_free(&file);
}

static void test_header_without_padding(void **state) {
    (void)state;
    static const char header[] = "{\"abc\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}";
    float none = 0;
    struct record record = {"abc", 1, {0}, &none};
    unsigned char bytes[64];
    assert_int_equal(strlen(header) % 8, 0);
    assert_int_equal(safetensors_write(&folder_current, FILE_NAME, &record, 1, NULL), VGGCL_OK);
    assert_int_equal(get_file(bytes, sizeof bytes), 8 + strlen(header));
    assert_memory_equal(bytes + 8, header, strlen(header));
}

static void test_write_no_utf8(void **state) {
    (void)state;
    float value = 1;
    struct record record = {"caf\xe9", 1, {1}, &value};
    const char *metadata[] = {"data", "/home/caf\xe9", NULL};
    struct safetensors file;
    write_tiny();
    assert_int_equal(safetensors_write(&folder_current, FILE_NAME, &record, 1, NULL), VGGCL_EUSAGE);
    assert_non_null(strstr(vggcl_error(), "'caf?'"));
    test_known_bytes(state); /* the attempt left nothing in the way */
    assert_int_equal(safetensors_write(&folder_current, FILE_NAME, NULL, 0, metadata), VGGCL_OK);
    assert_int_equal(safetensors_read(FILE_NAME, &file), VGGCL_OK);
    assert_string_equal(safetensors_metadata(&file, "data"), "/home/caf\xEF\xBF\xBD");
    safetensors_free(&file);
}

static int allocations; /* that succeed */
static void *allocate_few(size_t size) {
    return allocations-- > 0 ? malloc(size) : NULL;
}

/* Without memory for the JSON, the error is that, not a wrong text. */
static void test_write_without_memory(void **state) {
    (void)state;
    float values[] = {1, 2};
    struct record record = {"conv1.weight", 2, {1, 2}, values};
    const char *metadata[] = {"data", "/home/caf\xc3\xa9", NULL};
    enum vggcl_err err = VGGCL_ENOMEM;
    int few;
    unlink(FILE_NAME);
    for (few = 0; err == VGGCL_ENOMEM; few++) {
        assert_int_not_equal(access(FILE_NAME, F_OK), 0);
        allocations = few;
        json_set_alloc_funcs(allocate_few, free);
        err = safetensors_write(&folder_current, FILE_NAME, &record, 1, metadata);
        json_set_alloc_funcs(malloc, free);
        if (err != VGGCL_OK)
            assert_non_null(strstr(vggcl_error(), "out of memory"));
    }
    assert_int_equal(err, VGGCL_OK);
    assert_true(few > 10);
    assert_int_equal(access(FILE_NAME, F_OK), 0);
}

static void test_utf8(void **state) {
    (void)state;
    const char *const valid[] = {
        "",          "a", "\x7f", "\xc2\x80", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf",
        "a\xc3\xa9z"};
    const char *const invalid[] = {"\x80",
                                   "\xc3",
                                   "\xc3z",
                                   "\xc1\xbf",
                                   "\xe0\x9f\xbf",
                                   "\xed\xa0\x80",
                                   "\xf0\x8f\xbf\xbf",
                                   "\xf4\x90\x80\x80",
                                   "\xff",
                                   "\xf8\x88\x80\x80",
                                   "a\xe2\x82"};
    for (size_t i = 0; i < sizeof valid / sizeof *valid; i++)
        assert_true(text_is_utf8(valid[i]));
    for (size_t i = 0; i < sizeof invalid / sizeof *invalid; i++)
        assert_false(text_is_utf8(invalid[i]));
}

static void test_write_nowhere(void **state) {
    (void)state;
    assert_int_equal(safetensors_write(&folder_current, "no/such/folder/w.safetensors", NULL, 0, NULL), VGGCL_EIO);
    assert_non_null(strstr(vggcl_error(), "no/such/folder/w.safetensors"));
}

static void test_full_disk_keeps_old_file(void **state) {
    (void)state;
    struct rlimit before, small;
    unsigned char old[1024], now[1024];
    float *values = calloc(100000, sizeof *values);
    struct record record = {"big", 1, {100000}, values};
    write_tiny();
    size_t size = get_file(old, sizeof old);

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    small = (struct rlimit){.rlim_cur = 5000, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    enum vggcl_err err = safetensors_write(&folder_current, FILE_NAME, &record, 1, NULL);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, handler);
    free(values);

    assert_int_equal(err, VGGCL_EIO);
    assert_non_null(strstr(vggcl_error(), FILE_NAME ": "));
    assert_int_equal(access(FILE_NAME ".tmp", F_OK), -1);
    assert_int_equal(get_file(now, sizeof now), size);
    assert_memory_equal(now, old, size);
}

/* Replaces the file by one with this value. */
static enum vggcl_err replace(float value) {
    struct record record = {"value", 1, {1}, &value};
    const char *metadata[] = {"format", "pt", NULL};
    return safetensors_replace(&folder_current, FILE_NAME, &record, 1, metadata);
}

/* The value in the file, or in the one before it; -1 if it cannot be read. */
static float value_in(const char *path) {
    struct safetensors file;
    float value = -1;
    if (safetensors_read(path, &file) == VGGCL_OK)
        value = file.records[0].values[0];
    safetensors_free(&file);
    return value;
}

static void test_keeps_the_file_before(void **state) {
    remove_files(state);
    assert_int_equal(replace(1), VGGCL_OK);
    assert_int_equal(access(FILE_NAME ".1", F_OK), -1);
    for (int i = 2; i < 5; i++) {
        assert_int_equal(replace((float)i), VGGCL_OK);
        assert_true(value_in(FILE_NAME) == (float)i && value_in(FILE_NAME ".1") == (float)(i - 1));
    }
    /* Both names of one file, as after a crash between a link and a rename. */
    assert_int_equal(unlink(FILE_NAME ".1") | link(FILE_NAME, FILE_NAME ".1"), 0);
    assert_int_equal(replace(5), VGGCL_OK);
    assert_true(value_in(FILE_NAME) == 5 && value_in(FILE_NAME ".1") == 4);
    write_tiny(); /* an ordinary write leaves the one before alone */
    assert_true(value_in(FILE_NAME ".1") == 4);
}

/* A process that only replaces the file is killed: the file is whole each time, and the one before it, too. */
static void test_killed_while_replacing(void **state) {
    remove_files(state);
    assert_int_equal(replace(0) | replace(0), VGGCL_OK);
    for (int i = 0; i < 60; i++) {
        pid_t child = fork();
        if (child == 0)
            for (float value = 1; replace(value) == VGGCL_OK; value++)
                ;
        usleep((useconds_t)(500 + 397 * i % 20000));
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, NULL, 0), child);
        assert_true(value_in(FILE_NAME) >= 0);
        float before = value_in(FILE_NAME ".1");
        assert_true(before >= 0 || access(FILE_NAME ".1", F_OK) != 0);
    }
    assert_int_equal(replace(0), VGGCL_OK); /* removes the temporary file of the last process */
}

/* ---------------------------------------------------------------------------------------------- foreign files -- */

/* Tensors out of order, other dtypes, three bytes before the floats, white space, members that we do not know. */
static void test_foreign_layout(void **state) {
    (void)state;
    static const char header[] =
        " { \"z\" : {\"shape\":[2], \"data_offsets\":[7, 15], \"dtype\":\"F32\", \"more\":[{}]},\n"
        " \"bytes\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[0,3]},"
        " \"five\":{\"dtype\":\"F16\",\"shape\":[1,1,1,1,2],\"data_offsets\":[15,19]},"
        " \"none\":{\"dtype\":\"I64\",\"shape\":[9,0],\"data_offsets\":[7,7]},"
        " \"caf\\u00e9\\n\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[3,7]}}\t\r\n ";
    static const unsigned char z[] = {7, 8, 9, 10, 11, 12, 13, 14}, scalar[] = {3, 4, 5, 6};
    struct safetensors file;
    for (size_t spaces = 0; spaces < 4; spaces++) { /* every alignment of the data */
        put_parts(header, strlen(header) - spaces, 19);
        assert_int_equal(safetensors_read(FILE_NAME, &file), VGGCL_OK);
        assert_int_equal(file.count, 2);
        assert_string_equal(file.records[0].name, "caf\xc3\xa9\n");
        assert_int_equal(file.records[0].rank, 0);
        assert_memory_equal(file.records[0].values, scalar, 4);
        assert_string_equal(file.records[1].name, "z");
        assert_memory_equal(file.records[1].values, z, 8);
        assert_int_equal((uintptr_t)file.records[0].values % _Alignof(float), 0);
        assert_int_equal((uintptr_t)file.records[1].values % _Alignof(float), 0);
        safetensors_free(&file);
    }
}

static void test_every_dtype(void **state) {
    (void)state;
    static const struct {
        const char *name;
        size_t bytes;
        bool taken;
    } dtypes[] = {{"BOOL", 1, false},    {"U8", 1, false},  {"I8", 1, false},  {"F8_E4M3", 1, false},
                  {"F8_E5M2", 1, false}, {"I16", 2, false}, {"U16", 2, false}, {"F16", 2, true},
                  {"BF16", 2, true},     {"I32", 4, false}, {"U32", 4, false}, {"F32", 4, true},
                  {"F64", 8, true},      {"I64", 8, false}, {"U64", 8, false}, {"F8_E8M0", 1, false}};
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++) {
        char header[256];
        size_t size = 6 * dtypes[i].bytes;
        int length =
            snprintf(header, sizeof header, "{\"t\":{\"dtype\":\"%s\",\"shape\":[2,3],\"data_offsets\":[0,%zu]}}",
                     dtypes[i].name, size);
        struct safetensors file;
        put_parts(header, (size_t)length, size);
        assert_int_equal(safetensors_read(FILE_NAME, &file), VGGCL_OK);
        assert_int_equal(file.count, dtypes[i].taken);
        safetensors_free(&file);
        put_parts(header, (size_t)length, size - 1);
        assert_read_fails(VGGCL_EFORMAT, "'t'");
    }
}

/* Of each dtype of floats the numbers 1, -2, 0.5 and infinity, and one that only F64 has, at odd places in the file. */
static void test_converts_floats(void **state) {
    (void)state;
    static const char header[] = "{\"c\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
                                 "\"half\":{\"dtype\":\"F16\",\"shape\":[2,2],\"data_offsets\":[1,9]},"
                                 "\"bfloat\":{\"dtype\":\"BF16\",\"shape\":[4],\"data_offsets\":[9,17]},"
                                 "\"float\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[17,21]},"
                                 "\"double\":{\"dtype\":\"F64\",\"shape\":[3],\"data_offsets\":[21,45]}}";
    static const uint16_t halves[] = {0x3C00, 0xC000, 0x3800, 0x7C00}, bfloats[] = {0x3F80, 0xC000, 0x3F00, 0x7F80};
    static const float expected[] = {1, -2, 0.5f, INFINITY}, one = 1;
    static const double doubles[] = {1, -2, 1e300};
    unsigned char bytes[512] = {0};
    uint64_t length = sizeof header - 1;
    char *data = (char *)bytes + 8 + length;
    memcpy(bytes, &length, 8);
    memcpy(bytes + 8, header, length);
    memcpy(data + 1, halves, sizeof halves);
    memcpy(data + 9, bfloats, sizeof bfloats);
    memcpy(data + 17, &one, sizeof one);
    memcpy(data + 21, doubles, sizeof doubles);
    put_file(bytes, 8 + length + 45);
    struct safetensors file;
    assert_int_equal(safetensors_read(FILE_NAME, &file), VGGCL_OK);
    assert_int_equal(file.count, 4);
    assert_memory_equal(safetensors_find(&file, "half")->values, expected, sizeof expected);
    assert_memory_equal(safetensors_find(&file, "bfloat")->values, expected, sizeof expected);
    assert_memory_equal(safetensors_find(&file, "float")->values, &one, sizeof one);
    const struct record *r = safetensors_find(&file, "double");
    assert_true(r->values[0] == 1 && r->values[1] == -2 && isinf(r->values[2]));
    safetensors_free(&file);
}

/* Files of other programs, by their first bytes. */
static void test_other_kinds(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        const char *text;
    } kinds[] = {
#define KIND(bytes, text) {bytes, sizeof(bytes) - 1, text}
        KIND("PK\3\4\0\0\10\10\0\0archive/data.pkl",
             "is an archive of PyTorch (torch.save), not safetensors; convert it "
             "with: vggcl convert " FILE_NAME " test_safetensors-converted.safetensors (needs"),
        KIND("PK\3\4\0\0\10\10\0\0arr_0.npy", "an archive of NumPy"),
        KIND("PK\3\4\0\0\10\10\0\0a.txt", "a zip archive, not safetensors; unpack it first: unzip " FILE_NAME),
        KIND("\200\2\212\n\154\374\234F\371 j\250P\31.", "an early PyTorch"),
        KIND("\200\4\225\20\0\0\0\0\0", "a pickle of Python, not safetensors; convert it with: vggcl convert "),
        KIND("\37\213\10\0\0\0\0\0\0", "compressed by gzip, not safetensors; decompress it first: gunzip " FILE_NAME),
        KIND("\211HDF\r\n\32\n\0\0", "HDF5"),
        KIND("\10\7\22\7pytorch\32", "an ONNX model, not safetensors; vggcl takes .safetensors"),
        KIND("\10\1\22\7abcdefg\32", "TensorFlow"),
        KIND("GGUF\3\0\0\0\0", "GGUF"),
        KIND("version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        KIND("<!DOCTYPE html>", "a web page"),
        KIND("weights, honestly", "is not a safetensors file"),
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        put_file(kinds[i].bytes, kinds[i].size);
        assert_read_fails(VGGCL_EFORMAT, kinds[i].text);
        assert_null(strchr(vggcl_error(), '%'));
    }
}

/* ---------------------------------------------------------------------------------------------- hostile files -- */

#define TENSOR(dtype, shape, offsets) "{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}"
#define ONE(dtype, shape, offsets)    "{\"evil\":" TENSOR(dtype, shape, offsets) "}"
#define GOOD                          "\"good\":" TENSOR("F32", "[2]", "[0,8]")

static const struct hostile {
    const char *header;
    size_t data_size;
    const char *text; /* what the error's text must name, beside the file */
} hostile_headers[] = {
    /* the header itself */
    {"", 0, "is not valid JSON"},
    {"    ", 0, "is not valid JSON"},
    {"{", 0, "line 1"},
    {"{\"evil\":\n nonsense}", 0, "line 2"},
    {"{} {}", 0, "is not valid JSON"},
    {"[]", 0, "is not a JSON object"},
    {"7", 0, "is not valid JSON"},
    {"null", 0, "is not valid JSON"},
    {"{\"evil\xff\":{}}", 0, "is not valid JSON"},
    {"{\"evil\\u0000name\":{}}", 0, "is not valid JSON"},
    {"{\"evil\\ud800\":{}}", 0, "is not valid JSON"},
    {"{" GOOD ",\"good\":" TENSOR("F32", "[2]", "[8,16]") "}", 16, "duplicate"},
    {"{\"evil\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8, "duplicate"},
    /* metadata */
    {"{\"__metadata__\":7}", 0, "__metadata__"},
    {"{\"__metadata__\":[]}", 0, "__metadata__"},
    {"{\"__metadata__\":{\"format\":\"pt\",\"epoch\":7}}", 0, "'epoch'"},
    {"{\"__metadata__\":{\"nested\":{}}}", 0, "'nested'"},
    {"{\"__metadata__\":{\"nothing\":null}}", 0, "'nothing'"},
    {"{\"__metadata__\":{},\"__metadata__\":{}}", 0, "duplicate"},
    /* a tensor's members */
    {"{\"evil\":7}", 0, "'evil': its dtype"},
    {"{\"evil\":null}", 0, "'evil': its dtype"},
    {"{\"evil\":[\"F32\",[2],[0,8]]}", 8, "'evil': its dtype"},
    {"{\"evil\":{}}", 0, "'evil': its dtype"},
    {"{\"evil\":{\"dtype\":7,\"shape\":[2],\"data_offsets\":[0,8]}}", 8, "'evil': its dtype"},
    {"{\"evil\":{\"dtype\":\"F32\",\"data_offsets\":[0,8]}}", 8, "'evil': its shape is missing"},
    {"{\"evil\":{\"dtype\":\"F32\",\"shape\":[2]}}", 8, "'evil': its data_offsets are missing"},
    {ONE("F33", "[2]", "[0,8]"), 8, "'evil': unknown dtype 'F33'"},
    {ONE("f32", "[2]", "[0,8]"), 8, "'evil': unknown dtype 'f32'"},
    {ONE("", "[2]", "[0,8]"), 8, "'evil': unknown dtype ''"},
    /* shapes */
    {ONE("F32", "2", "[0,8]"), 8, "'evil': its shape is missing"},
    {ONE("F32", "{}", "[0,4]"), 4, "'evil': its shape is missing"},
    {ONE("F32", "[-2]", "[0,8]"), 8, "'evil': shape[0]"},
    {ONE("F32", "[1,2.0]", "[0,8]"), 8, "'evil': shape[1]"},
    {ONE("F32", "[2e0]", "[0,8]"), 8, "'evil': shape[0]"},
    {ONE("F32", "[\"2\"]", "[0,8]"), 8, "'evil': shape[0]"},
    {ONE("F32", "[true]", "[0,4]"), 4, "'evil': shape[0]"},
    {ONE("F32", "[[2]]", "[0,8]"), 8, "'evil': shape[0]"},
    {ONE("I64", "[null]", "[0,8]"), 8, "'evil': shape[0]"},
    {ONE("F32", "[1,1,1,1,2]", "[0,8]"), 8, "'evil': its shape has 5 dimensions; the maximum is 4"},
    {ONE("F32", "[9223372036854775807]", "[0,8]"), 8, "'evil': its number of elements overflows"},
    {ONE("F32", "[4611686018427387904]", "[0,0]"), 0, "'evil': its number of elements overflows"},   /* 4 * 2^62 = 0 */
    {ONE("F32", "[4294967296,4294967296]", "[0,0]"), 0, "'evil': its number of elements overflows"}, /* 2^32 * 2^32 */
    {ONE("U8", "[65536,65536,65536,65536,2]", "[0,0]"), 0, "'evil': its number of elements overflows"}, /* 2^64 * 2 */
    {ONE("F32", "[4294967296,4294967296,0]", "[0,0]"), 0, "'evil': its number of elements overflows"},
    {ONE("F32", "[9223372036854775808]", "[0,8]"), 8, "too big integer"},
    {ONE("F32", "[99999999999999999999999]", "[0,8]"), 8, "too big integer"},
    /* offsets */
    {ONE("F32", "[2]", "8"), 8, "'evil': its data_offsets are missing"},
    {ONE("F32", "[2]", "[8]"), 8, "'evil': its data_offsets are missing"},
    {ONE("F32", "[2]", "[0,8,16]"), 16, "'evil': its data_offsets are missing"},
    {ONE("F32", "[2]", "[0,\"8\"]"), 8, "'evil': its data_offsets are missing"},
    {ONE("F32", "[2]", "[0.0,8]"), 8, "'evil': its data_offsets are missing"},
    {ONE("F32", "[2]", "[-8,0]"), 8, "'evil': its data_offsets are missing"},
    {ONE("F32", "[2]", "[8,0]"), 8, "'evil': its data_offsets are missing"},
    {ONE("F32", "[2]", "[0,4]"), 4, "'evil': data_offsets span 4 bytes, dtype and shape need 8"},
    {ONE("F32", "[2]", "[0,9]"), 9, "'evil': data_offsets span 9 bytes"},
    {ONE("F32", "[0]", "[0,4]"), 4, "'evil': data_offsets span 4 bytes, dtype and shape need 0"},
    {ONE("F32", "[]", "[0,0]"), 0, "'evil': data_offsets span 0 bytes, dtype and shape need 4"},
    {ONE("F32", "[2]", "[9223372036854775799,9223372036854775807]"), 8, "'evil': starts at byte 9223372036854775799"},
    /* places */
    {ONE("F32", "[2]", "[4,12]"), 12, "'evil': starts at byte 4"},
    {"{" GOOD ",\"evil\":" TENSOR("F32", "[2]", "[12,20]") "}", 20, "'evil': starts at byte 12"},
    {"{\"evil\":" TENSOR("F32", "[2]", "[4,12]") "," GOOD "}", 12, "'evil': starts at byte 4"},
    {"{" GOOD ",\"evil\":" TENSOR("F32", "[1]", "[0,4]") "}", 8, "'good': starts at byte 0"},
    {"{" GOOD ",\"evil\":" TENSOR("U8", "[8]", "[0,8]") "}", 8, "starts at byte 0"},
    {"{" GOOD ",\"evil\":" TENSOR("F32", "[0]", "[4,4]") "}", 8, "'evil': starts at byte 4"},
    {"{" GOOD ",\"evil\":" TENSOR("F32", "[0]", "[16,16]") "}", 8, "'evil': starts at byte 16"},
    {ONE("F32", "[2]", "[0,8]"), 7, "the last tensor 'evil' ends at 8"},
    {ONE("F32", "[2]", "[0,8]"), 9, "the last tensor 'evil' ends at 8"},
    {ONE("I64", "[1]", "[0,8]"), 0, "the last tensor 'evil' ends at 8"},
    {ONE("F32", "[1000000000000]", "[0,4000000000000]"), 8, "the last tensor 'evil' ends at 4000000000000"},
    {"{}", 1, "1 bytes of data"},
};

static void test_hostile_headers(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof hostile_headers / sizeof *hostile_headers; i++) {
        const struct hostile *h = &hostile_headers[i];
        put_parts(h->header, strlen(h->header), h->data_size);
        assert_read_fails(VGGCL_EFORMAT, h->text);
    }
}

static void test_nul_in_header(void **state) {
    (void)state;
    static const char in_name[] = "{\"ev\0il\":{}}", behind[] = "{}\0";
    put_parts(in_name, sizeof in_name - 1, 0);
    assert_read_fails(VGGCL_EFORMAT, "is not valid JSON");
    put_parts(behind, sizeof behind - 1, 0);
    assert_read_fails(VGGCL_EFORMAT, "is not valid JSON");
}

static void test_deep_nesting(void **state) {
    (void)state;
    enum { DEPTH = 1000000 };
    char *bytes = malloc(8 + DEPTH);
    uint64_t length = DEPTH;
    memcpy(bytes, &length, 8);
    memset(bytes + 8, '[', DEPTH);
    put_file(bytes, 8 + DEPTH);
    assert_read_fails(VGGCL_EFORMAT, "nested more than 32 levels deep");
    for (size_t i = 8; i + 5 <= 8 + DEPTH; i += 5)
        memcpy(bytes + i, "{\"a\":", 5);
    put_file(bytes, 8 + DEPTH);
    assert_read_fails(VGGCL_EFORMAT, "nested more than 32 levels deep");
    free(bytes);
}

static void test_header_length(void **state) {
    (void)state;
    static const uint64_t lengths[] = {3, 4, 1000, 1 << 23};
    static const uint64_t far_too_long[] = {(1 << 23) + 1, 100000000,      1ull << 32,
                                            INT64_MAX,     UINT64_MAX - 7, UINT64_MAX};
    unsigned char bytes[10] = {0};
    bytes[8] = '{', bytes[9] = '}';
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        memcpy(bytes, &lengths[i], 8);
        put_file(bytes, sizeof bytes);
        assert_read_fails(VGGCL_EFORMAT, "past the end of the file");
    }
    for (size_t i = 0; i < sizeof far_too_long / sizeof *far_too_long; i++) {
        memcpy(bytes, &far_too_long[i], 8);
        put_file(bytes, sizeof bytes);
        assert_read_fails(VGGCL_EFORMAT, "the maximum is 8388608");
    }
}

/* Short tensors without end are refused before they are parsed; a long text is not written if it cannot be read. */
static void test_too_large_a_header(void **state) {
    (void)state;
    enum { SIZE = 1 << 23 };
    static const char start[] = "{\"a\":{\"dtype\":\"F32\",\"shape\":[";
    char *bytes = malloc(8 + SIZE + 1);
    uint64_t length = SIZE;
    memcpy(bytes, &length, 8);
    memset(bytes + 8, ',', SIZE);
    memcpy(bytes + 8, start, strlen(start));
    put_file(bytes, 8 + SIZE);
    assert_read_fails(VGGCL_EFORMAT, "the header: has more than 262144 JSON values");
    memset(bytes, 'x', 8 + SIZE);
    bytes[8 + SIZE] = '\0';
    const char *metadata[] = {"classes", bytes, NULL};
    assert_int_equal(safetensors_write(&folder_current, FILE_NAME, NULL, 0, metadata), VGGCL_EUSAGE);
    assert_non_null(strstr(vggcl_error(), "the maximum is 8388608"));
    free(bytes);
}

static void test_cut_off_anywhere(void **state) {
    (void)state;
    unsigned char bytes[1024];
    write_tiny();
    size_t size = get_file(bytes, sizeof bytes - 1);
    for (size_t cut = 0; cut < size; cut++) {
        put_file(bytes, cut);
        assert_read_fails(VGGCL_EFORMAT, cut == 0           ? "empty file"
                                         : cut < 8          ? "too few"
                                         : cut < TINY_START ? "may be truncated"
                                                            : "'b'");
    }
    bytes[size] = 0;
    put_file(bytes, size + 1);
    assert_read_fails(VGGCL_EFORMAT, "'b'");
}

/* -------------------------------------------------------------------------------------------------- the checksum -- */

static void assert_reads_tiny(void) {
    struct safetensors file;
    assert_int_equal(safetensors_read(FILE_NAME, &file), VGGCL_OK);
    assert_int_equal(file.count, 2);
    assert_memory_equal(file.records[0].values, tiny_data, 8);
    assert_memory_equal(file.records[1].values, tiny_data + 8, 4);
    assert_string_equal(safetensors_metadata(&file, "format"), "pt");
    safetensors_free(&file);
}

/* Each bit of the file: the length of the header, the header and its metadata, the values. Without the key of the
 * checksum the file is read as one of another program, but nothing else is damaged then. */
static void test_flipped_bits(void **state) {
    (void)state;
    unsigned char bytes[1024];
    write_tiny();
    assert_reads_tiny();
    size_t size = get_file(bytes, sizeof bytes);
    for (size_t bit = 0; bit < 8 * size; bit++) {
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        put_file(bytes, size);
        struct safetensors file;
        enum vggcl_err err = safetensors_read(FILE_NAME, &file);
        if (bit / 8 >= KEY_AT && bit / 8 < DIGITS_AT && err == VGGCL_OK)
            assert_reads_tiny();
        else
            assert_read_fails(VGGCL_EFORMAT, "");
        if (bit / 8 >= TINY_START)
            assert_read_fails(VGGCL_EFORMAT, "in its metadata: the file is damaged");
        if (bit / 8 >= DIGITS_AT)
            assert_read_fails(VGGCL_EFORMAT, "; restore it from a copy");
        safetensors_free(&file);
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
}

/* A file of another program, which copied the metadata of one of ours. */
static void test_checksum_elsewhere(void **state) {
    (void)state;
    static const char header[] = "{\"__metadata__\":{\"format\":\"pt\",\"vggcl.checksum\":\"0123456789abcdef\"},"
                                 "\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}";
    put_parts(header, strlen(header), 8);
    assert_read_fails(VGGCL_EFORMAT, "changed by a program that must leave out vggcl.checksum");
}

static void test_no_file(void **state) {
    (void)state;
    struct safetensors file;
    remove_files(NULL);
    assert_read_fails(VGGCL_EIO, strerror(ENOENT));
    assert_int_equal(safetensors_read(".", &file), VGGCL_EIO);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_bytes),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_nothing_in_it),
        cmocka_unit_test(test_header_without_padding),
        cmocka_unit_test(test_write_no_utf8),
        cmocka_unit_test(test_write_without_memory),
        cmocka_unit_test(test_utf8),
        cmocka_unit_test(test_write_nowhere),
        cmocka_unit_test(test_full_disk_keeps_old_file),
        cmocka_unit_test(test_keeps_the_file_before),
        cmocka_unit_test(test_killed_while_replacing),
        cmocka_unit_test(test_foreign_layout),
        cmocka_unit_test(test_every_dtype),
        cmocka_unit_test(test_converts_floats),
        cmocka_unit_test(test_other_kinds),
        cmocka_unit_test(test_hostile_headers),
        cmocka_unit_test(test_nul_in_header),
        cmocka_unit_test(test_deep_nesting),
        cmocka_unit_test(test_header_length),
        cmocka_unit_test(test_too_large_a_header),
        cmocka_unit_test(test_cut_off_anywhere),
        cmocka_unit_test(test_flipped_bits),
        cmocka_unit_test(test_checksum_elsewhere),
        cmocka_unit_test(test_no_file),
    };
    return cmocka_run_group_tests_name("safetensors", tests, NULL, remove_files);
}
