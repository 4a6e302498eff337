#define _POSIX_C_SOURCE 200809L /* strdup, gmtime_r */
#include "tune/profile.h"
#include "base/embedded.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/text.h"
#include "base/cache_folder.h"
#include "cl/matrix.h"
#include "options/options.h"
#include "ops/conv/conv.h"
#include "ops/gemm/clblast.h"
#include "ops/gemm/clblast_parameters.h"
#include "ops/gemm/gemm.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { VERSION = 1, SIZE_LIMIT = 1 << 20, SHAPE_LIMIT = 1 << 16, WORDS_LEAST = 1 << 12, WORDS_MOST = 1 << 30 };

static const char format[] = "vggcl profile";
static const char *const direction_names[CONV_DIRECTIONS] = {"forward", "data_gradient", "weight_gradient"};

/* What a device's profiles are for: the device, and the folder of other kernels than the embedded ones, or NULL. */
struct subject {
    const struct vggcl_device *device;
    const char *kernel_dir;
};

static struct subject subject_of(const struct context *context) {
    return (struct subject){&context->dev->info, context->dev->kernel_dir};
}

/* ------------------------------------------------------------------------------------------------------ writing -- */

/* A profile without tuning, with the device's current driver and the current versions. */
static struct profile made_on(struct subject subject) {
    struct profile p = {0};
    text_utf8(p.device, sizeof p.device, subject.device->name);
    text_utf8(p.platform, sizeof p.platform, subject.device->platform_name);
    text_utf8(p.driver, sizeof p.driver, subject.device->driver);
    snprintf(p.clblast, sizeof p.clblast, "%s", clblast_version());
    snprintf(p.kernels, sizeof p.kernels, "%016" PRIx64, program_sources_hash(subject.kernel_dir));
    return p;
}

struct profile profile_of(const struct context *context) {
    struct profile p = made_on(subject_of(context));
    time_t now = time(NULL);
    struct tm utc;
    p.tuning = context->tuning;
    if (gmtime_r(&now, &utc))
        strftime(p.date, sizeof p.date, "%Y-%m-%d", &utc);
    return p;
}

static json_t *conv_json(const struct tuned_conv *row) {
    json_t *conv = JSON_MAKE({"n", json_integer((json_int_t)row->s.n)}, {"h", json_integer((json_int_t)row->s.h)},
                             {"w", json_integer((json_int_t)row->s.w)}, {"c", json_integer((json_int_t)row->s.c)},
                             {"o", json_integer((json_int_t)row->s.o)});
    for (int i = 0; i < CONV_DIRECTIONS; i++) {
        struct conv_method m = row->methods[i];
        if (m.algorithm)
            json_put(&conv, direction_names[i],
                     JSON_MAKE({"algorithm", json_make_text(m.algorithm->name)},
                               {"engine", json_make_text(m.engine->name)}));
    }
    if (row->matrix)
        json_put(&conv, "matrix", json_make_text(row->matrix->name));
    return conv;
}

static json_t *tile_json(struct gemm_tile t) {
    return JSON_MAKE({"rows", json_integer(t.rows)}, {"vectors", json_integer(t.vectors)},
                     {"width", json_integer(t.width)}, {"panel", json_integer(t.panel)},
                     {"group_rows", json_integer(t.group_rows)}, {"group_columns", json_integer(t.group_columns)},
                     {"depth", json_integer(t.depth)});
}

static json_t *wrong_json(const struct device_method *m) {
    if (m->algorithm)
        return JSON_MAKE({"algorithm", json_make_text(m->algorithm->name)},
                         {"direction", json_make_text(direction_names[m->direction])});
    if (m->engine)
        return JSON_MAKE({"engine", json_make_text(m->engine->name)});
    return JSON_MAKE({"tile", tile_json(m->tile)}, {"transposed", json_boolean(m->transposed)});
}

/* Only for those who need it: vggcl 0.1.0 does not know these keys. */
static void put_wrong(json_t **all, const struct profile *p) {
    const struct tuning *t = &p->tuning;
    json_t *wrong = json_array();
    for (size_t i = 0; i < t->wrong_count; i++)
        json_add(&wrong, wrong_json(&t->wrong[i]));
    if (t->wrong_count)
        json_put(all, "wrong", wrong);
    else
        json_decref(wrong);
    if (p->unmeasured)
        json_put(all, "unmeasured", json_true());
}

char *profile_text(const struct profile *p) {
    const struct tuning *t = &p->tuning;
    json_t *convs = json_array();
    for (size_t i = 0; i < t->conv_count; i++)
        json_add(&convs, conv_json(&t->convs[i]));
    json_t *all = JSON_MAKE({"format", json_make_text(format)}, {"version", json_integer(VERSION)},
                            {"device", json_make_text(p->device)}, {"platform", json_make_text(p->platform)},
                            {"driver", json_make_text(p->driver)}, {"clblast", json_make_text(p->clblast)},
                            {"kernels", json_make_text(p->kernels)}, {"date", json_make_text(p->date)},
                            {"gemm", tile_json(t->tile[false])}, {"gemm_transposed", tile_json(t->tile[true])},
                            {"clblast_parameters", json_make_text(clblast_set_name(t->clblast_set))},
                            {"conv_words", json_integer((json_int_t)t->conv_words)}, {"convolutions", convs});
    put_wrong(&all, p);
    if (*p->match_platform)
        json_put(&all, "match",
                 JSON_MAKE({"platform", json_make_text(p->match_platform)},
                           {"native_vector_width_float", json_integer(p->match_width)}));
    char *text = json_print(all, JSON_INDENT(2));
    json_decref(all);
    return text;
}

static enum vggcl_err begin(struct file_write *file, const char *path, bool own) {
    return own ? file_write_begin_own(file, path) : file_write_begin(file, &folder_current, path);
}

static enum vggcl_err write_file(const char *path, const struct profile *p, bool own) {
    struct file_write file;
    char *text = profile_text(p);
    if (!text)
        return err_no_memory(path, sizeof *p);
    enum vggcl_err err = begin(&file, path, own);
    if (err == VGGCL_OK) {
        fprintf(file.stream, "%s\n", text);
        err = file_write_commit(&file);
    }
    free(text);
    return err;
}

enum vggcl_err profile_write(const char *path, const struct profile *p) {
    return write_file(path, p, false);
}

/* ------------------------------------------------------------------------------------------------------ reading -- */

/* Names the current entry, for errors. */
struct profile_reader {
    const char *from;
    char entry[64];
};

static enum vggcl_err wrong(const struct profile_reader *r, const char *what) {
    return err_set(VGGCL_EFORMAT, "%s: %s%s%s", r->from, r->entry, *r->entry ? ": " : "", what);
}

static enum vggcl_err in_range(const struct profile_reader *r, const char *key, json_int_t value, json_int_t least,
                               json_int_t most) {
    char what[128];
    if (value >= least && value <= most)
        return VGGCL_OK;
    snprintf(what, sizeof what, "%s is %lld, not %lld to %lld", key, (long long)value, (long long)least,
             (long long)most);
    return wrong(r, what);
}

/* A key of a JSON object: the kind of its value, and where to store it. */
struct json_member {
    const char *key;
    enum { TEXT, NUMBER, OTHER } kind;
    void *to;    /* char[size], json_int_t, json_t * */
    size_t size; /* bytes at `to`, for TEXT */
    json_int_t least, most;
    bool optional;
};
#define TEXT_MEMBER(key, to)                {key, TEXT, to, sizeof(to), 0, 0, false}
#define NUMBER_MEMBER(key, to, least, most) {key, NUMBER, to, 0, least, most, false}
#define OTHER_MEMBER(key, to, optional)     {key, OTHER, to, 0, 0, 0, optional}
#define MEMBERS(...)                                                                                                   \
    (const struct json_member[]){__VA_ARGS__},                                                                         \
        sizeof((const struct json_member[]){__VA_ARGS__}) / sizeof(struct json_member)

static enum vggcl_err read_member(const struct profile_reader *r, const struct json_member *m, json_t *value) {
    static const char *const kinds[] = {"text", "whole number"};
    char what[160];
    if (m->kind != OTHER && !(m->kind == TEXT ? json_is_string(value) : json_is_integer(value))) {
        snprintf(what, sizeof what, "%s is %s %s", m->key, value ? "not a" : "missing; it must be a", kinds[m->kind]);
        return wrong(r, what);
    }
    if (m->kind == NUMBER) {
        *(json_int_t *)m->to = json_integer_value(value);
        return in_range(r, m->key, json_integer_value(value), m->least, m->most);
    }
    if (m->kind == OTHER) {
        *(json_t **)m->to = value;
        snprintf(what, sizeof what, "%s is missing", m->key);
        return value || m->optional ? VGGCL_OK : wrong(r, what);
    }
    snprintf(what, sizeof what, "%s has more than %zu bytes", m->key, m->size - 1);
    if (strlen(json_string_value(value)) >= m->size)
        return wrong(r, what);
    strcpy(m->to, json_string_value(value));
    return VGGCL_OK;
}

/* Reads an object; keys other than those of members are errors. */
static enum vggcl_err read_object(const struct profile_reader *r, json_t *object, const struct json_member *members,
                                  size_t count) {
    const char *key;
    char what[128];
    json_t *value;
    if (!json_is_object(object))
        return wrong(r, "is not an object");
    json_object_foreach(object, key, value) {
        size_t i = 0;
        while (i < count && strcmp(members[i].key, key) != 0)
            i++;
        snprintf(what, sizeof what, "'%.64s' is not a known key", key);
        if (i == count)
            return wrong(r, what);
    }
    for (size_t i = 0; i < count; i++)
        TRY(read_member(r, &members[i], json_object_get(object, members[i].key)));
    return VGGCL_OK;
}

static enum vggcl_err unknown(const struct profile_reader *r, const char *what, const char *name) {
    char text[128];
    snprintf(text, sizeof text, "unknown %s '%.64s'", what, name);
    return wrong(r, text);
}

static enum vggcl_err find_algorithm(const struct profile_reader *r, const char *name,
                                     const struct conv_algorithm **algorithm) {
    *algorithm = NULL;
    for (const struct conv_algorithm *const *a = conv_algorithms; *a; a++)
        if (strcmp((*a)->name, name) == 0)
            *algorithm = *a;
    return *algorithm ? VGGCL_OK : unknown(r, "algorithm", name);
}

static enum vggcl_err find_engine(const struct profile_reader *r, const char *name, const struct gemm_engine **engine) {
    *engine = gemm_named(name);
    return *engine ? VGGCL_OK : unknown(r, "engine", name);
}

static enum vggcl_err read_method(struct profile_reader *r, size_t row, int direction, json_t *value,
                                  struct conv_method *m) {
    char algorithm[32], engine[32];
    snprintf(r->entry, sizeof r->entry, "convolutions[%zu].%s", row, direction_names[direction]);
    TRY(read_object(r, value, MEMBERS(TEXT_MEMBER("algorithm", algorithm), TEXT_MEMBER("engine", engine))));
    TRY(find_algorithm(r, algorithm, &m->algorithm));
    TRY(find_engine(r, engine, &m->engine));
    return m->engine->matrix ? unknown(r, "engine", engine) : VGGCL_OK;
}

static enum vggcl_err find_matrix(const struct profile_reader *r, json_t *value, const struct matrix_backend **matrix) {
    const char *name = json_string_value(value);
    *matrix = name ? matrix_find(name) : NULL;
    return *matrix || !value ? VGGCL_OK : unknown(r, "matrix", name ? name : "");
}

static enum vggcl_err read_conv(struct profile_reader *r, size_t row, json_t *value, struct tuning *t) {
    json_int_t n, h, w, c, o;
    json_t *methods[CONV_DIRECTIONS], *matrix;
    snprintf(r->entry, sizeof r->entry, "convolutions[%zu]", row);
    TRY(read_object(r, value,
                    MEMBERS(NUMBER_MEMBER("n", &n, 1, SHAPE_LIMIT), NUMBER_MEMBER("h", &h, 1, SHAPE_LIMIT),
                            NUMBER_MEMBER("w", &w, 1, SHAPE_LIMIT), NUMBER_MEMBER("c", &c, 1, SHAPE_LIMIT),
                            NUMBER_MEMBER("o", &o, 1, SHAPE_LIMIT), OTHER_MEMBER(direction_names[0], &methods[0], true),
                            OTHER_MEMBER(direction_names[1], &methods[1], true),
                            OTHER_MEMBER(direction_names[2], &methods[2], true),
                            OTHER_MEMBER("matrix", &matrix, true))));
    struct tuned_conv conv = {.s = {(size_t)n, (size_t)h, (size_t)w, (size_t)c, (size_t)o}};
    TRY(find_matrix(r, matrix, &conv.matrix));
    const struct tuned_conv *found = tuning_find(t, conv.s, conv.matrix);
    if (found && found->s.n == conv.s.n)
        return wrong(r, "the same shape occurs twice");
    for (int i = 0; i < CONV_DIRECTIONS; i++)
        if (methods[i])
            TRY(read_method(r, row, i, methods[i], &conv.methods[i]));
    t->convs[t->conv_count++] = conv;
    return VGGCL_OK;
}

static enum vggcl_err check_array(struct profile_reader *r, const char *entry, json_t *array, json_int_t most) {
    snprintf(r->entry, sizeof r->entry, "%s", entry);
    if (!json_is_array(array))
        return wrong(r, "is not an array");
    return in_range(r, "the number of entries", (json_int_t)json_array_size(array), 0, most);
}

static enum vggcl_err read_convs(struct profile_reader *r, json_t *convs, struct tuning *t) {
    size_t i;
    json_t *row;
    TRY(check_array(r, "convolutions", convs, TUNED_CONVS));
    json_array_foreach(convs, i, row) TRY(read_conv(r, i, row, t));
    return VGGCL_OK;
}

/* Checks ranges that no device exceeds; context_tune() checks the limits of this device. */
static enum vggcl_err read_tile(struct profile_reader *r, const char *entry, json_t *gemm, struct gemm_tile *t) {
    json_int_t n[7];
    strcpy(r->entry, entry);
    TRY(read_object(r, gemm,
                    MEMBERS(NUMBER_MEMBER("rows", &n[0], 0, 1024), NUMBER_MEMBER("vectors", &n[1], 0, 1024),
                            NUMBER_MEMBER("width", &n[2], 0, 1024), NUMBER_MEMBER("panel", &n[3], 0, 1024),
                            NUMBER_MEMBER("group_rows", &n[4], 0, 1024), NUMBER_MEMBER("group_columns", &n[5], 0, 1024),
                            NUMBER_MEMBER("depth", &n[6], 0, 1024))));
    *t = (struct gemm_tile){(int)n[0], (int)n[1], (int)n[2], (int)n[3], (int)n[4], (int)n[5], (int)n[6]};
    return VGGCL_OK;
}

static enum vggcl_err find_direction(const struct profile_reader *r, const char *name, enum conv_direction *direction) {
    for (int i = 0; i < CONV_DIRECTIONS; i++)
        if (strcmp(direction_names[i], name) == 0) {
            *direction = (enum conv_direction)i;
            return VGGCL_OK;
        }
    return unknown(r, "direction", name);
}

static enum vggcl_err read_flag(const struct profile_reader *r, const char *key, json_t *value, bool *flag) {
    char what[64];
    snprintf(what, sizeof what, "%s is neither true nor false", key);
    *flag = json_is_true(value);
    return json_is_boolean(value) ? VGGCL_OK : wrong(r, what);
}

static enum vggcl_err read_wrong_tile(struct profile_reader *r, size_t i, json_t *value, struct device_method *m) {
    json_t *tile, *transposed;
    char entry[sizeof r->entry];
    TRY(read_object(r, value,
                    MEMBERS(OTHER_MEMBER("tile", &tile, false), OTHER_MEMBER("transposed", &transposed, false))));
    TRY(read_flag(r, "transposed", transposed, &m->transposed));
    snprintf(entry, sizeof entry, "wrong[%zu].tile", i);
    TRY(read_tile(r, entry, tile, &m->tile));
    return m->tile.rows ? VGGCL_OK : wrong(r, "rows is 0");
}

/* An algorithm in a direction, an engine, or a tile. */
static enum vggcl_err read_wrong_method(struct profile_reader *r, size_t i, json_t *value, struct device_method *m) {
    char name[32], direction[32];
    snprintf(r->entry, sizeof r->entry, "wrong[%zu]", i);
    if (json_object_get(value, "tile"))
        return read_wrong_tile(r, i, value, m);
    if (json_object_get(value, "engine")) {
        TRY(read_object(r, value, MEMBERS(TEXT_MEMBER("engine", name))));
        return find_engine(r, name, &m->engine);
    }
    TRY(read_object(r, value, MEMBERS(TEXT_MEMBER("algorithm", name), TEXT_MEMBER("direction", direction))));
    TRY(find_algorithm(r, name, &m->algorithm));
    return find_direction(r, direction, &m->direction);
}

static enum vggcl_err read_wrong(struct profile_reader *r, json_t *array, struct tuning *t) {
    size_t i;
    json_t *value;
    TRY(check_array(r, "wrong", array, WRONG_METHODS));
    json_array_foreach(array, i, value) {
        struct device_method m = {0};
        TRY(read_wrong_method(r, i, value, &m));
        if (!tuning_add_wrong(t, &m))
            return wrong(r, "the same method occurs twice");
    }
    return VGGCL_OK;
}

static enum vggcl_err read_match(struct profile_reader *r, json_t *match, struct profile *p) {
    json_int_t width;
    strcpy(r->entry, "match");
    TRY(read_object(r, match,
                    MEMBERS(TEXT_MEMBER("platform", p->match_platform),
                            NUMBER_MEMBER("native_vector_width_float", &width, 0, 1024))));
    p->match_width = (int)width;
    return VGGCL_OK;
}

static enum vggcl_err find_set(const struct profile_reader *r, const char *name, int *set) {
    for (*set = 0; clblast_set_name(*set); ++*set)
        if (strcmp(clblast_set_name(*set), name) == 0)
            return VGGCL_OK;
    return unknown(r, "clblast_parameters", name);
}

/* Checks format and version first, because another version may have other entries. */
static enum vggcl_err read_all(struct profile_reader *r, json_t *all, struct profile *p) {
    char magic[32], set[32];
    const char *found = json_string_value(json_object_get(all, "format"));
    json_t *gemm, *transposed, *convs, *match, *methods, *unmeasured;
    json_int_t version, words;
    if (!found || strcmp(found, format) != 0)
        return wrong(r, "is not a vggcl profile");
    const struct json_member first = NUMBER_MEMBER("version", &version, VERSION, VERSION);
    TRY(read_member(r, &first, json_object_get(all, "version")));
    TRY(read_object(r, all,
                    MEMBERS(TEXT_MEMBER("format", magic), first, TEXT_MEMBER("device", p->device),
                            TEXT_MEMBER("platform", p->platform), TEXT_MEMBER("driver", p->driver),
                            TEXT_MEMBER("clblast", p->clblast), TEXT_MEMBER("kernels", p->kernels),
                            TEXT_MEMBER("date", p->date), OTHER_MEMBER("gemm", &gemm, false),
                            OTHER_MEMBER("gemm_transposed", &transposed, false), TEXT_MEMBER("clblast_parameters", set),
                            NUMBER_MEMBER("conv_words", &words, WORDS_LEAST, WORDS_MOST),
                            OTHER_MEMBER("convolutions", &convs, false), OTHER_MEMBER("match", &match, true),
                            OTHER_MEMBER("wrong", &methods, true), OTHER_MEMBER("unmeasured", &unmeasured, true))));
    TRY(find_set(r, set, &p->tuning.clblast_set));
    p->tuning.conv_words = (size_t)words;
    TRY(read_tile(r, "gemm", gemm, &p->tuning.tile[false]));
    TRY(read_tile(r, "gemm_transposed", transposed, &p->tuning.tile[true]));
    TRY(read_convs(r, convs, &p->tuning));
    if (methods)
        TRY(read_wrong(r, methods, &p->tuning));
    r->entry[0] = '\0';
    if (unmeasured)
        TRY(read_flag(r, "unmeasured", unmeasured, &p->unmeasured));
    return match ? read_match(r, match, p) : VGGCL_OK;
}

enum vggcl_err profile_parse(const char *text, size_t size, const char *from, struct profile *p) {
    struct profile_reader r = {.from = from};
    json_t *all;
    memset(p, 0, sizeof *p);
    TRY(json_read(text, size, from, &all));
    enum vggcl_err err = read_all(&r, all, p);
    json_decref(all);
    return err;
}

static enum vggcl_err read_file(const char *path, struct profile *p, bool own) {
    char *text;
    size_t size;
    TRY((own ? file_read_own : file_read)(path, SIZE_LIMIT, &text, &size));
    enum vggcl_err err = profile_parse(text, size, path, p);
    free(text);
    return err;
}

enum vggcl_err profile_read(const char *path, struct profile *p) {
    return read_file(path, p, false);
}

/* ------------------------------------------------------------------------------------------------------ storing -- */

/* Other kernels have a profile of their own, so that the profile of the embedded ones remains. */
static void find_path(struct subject subject, char path[VGGCL_PATH_MAX]) {
    char folder[VGGCL_PATH_MAX], name[112];
    const char *device = subject.device->name, *platform = subject.device->platform_name;
    size_t length = 0;
    uint64_t hash = hash_bytes(hash_bytes(HASH_START, platform, strlen(platform) + 1), device, strlen(device) + 1);
    for (; length < 64 && device[length]; length++)
        name[length] = isalnum((unsigned char)device[length]) ? device[length] : '-';
    length += (size_t)snprintf(name + length, sizeof name - length, "-%08x", (unsigned)(hash >> 32));
    bool others = subject.kernel_dir && *subject.kernel_dir;
    uint64_t kernels = others ? program_sources_hash(subject.kernel_dir) : 0;
    if (others && kernels != program_sources_hash(NULL))
        length += (size_t)snprintf(name + length, sizeof name - length, "-%08x", (unsigned)(kernels >> 32));
    snprintf(name + length, sizeof name - length, ".json");
    cache_folder("profiles", folder);
    *path = '\0';
    char *kept = err_keep();
    if (*folder && file_path(path, folder, name) != VGGCL_OK)
        *path = '\0';
    err_put_back(kept);
}

/* Names the first difference between p and a profile that would be made on the device now; NULL if there is none. */
static const char *difference(const struct profile *p, struct subject subject) {
    struct profile now = made_on(subject);
    return strcmp(p->device, now.device) || strcmp(p->platform, now.platform) ? "device"
           : strcmp(p->driver, now.driver)                                    ? "driver"
           : strcmp(p->clblast, now.clblast)                                  ? "version of CLBlast"
           : strcmp(p->kernels, now.kernels)                                  ? "version of the kernels"
                                                                              : NULL;
}

/* Adds the convolutions that t lacks in front of t's own; there may be room for the last ones only. */
static void keep_older(struct tuning *t, const struct tuning *old) {
    struct tuning all = *t;
    all.conv_count = 0;
    for (const struct tuned_conv *row = old->convs; row < old->convs + old->conv_count; row++)
        if (!tuning_find(t, row->s, row->matrix))
            *tuning_add(&all, row->s, row->matrix) = *row;
    for (const struct tuned_conv *row = t->convs; row < t->convs + t->conv_count; row++)
        *tuning_add(&all, row->s, row->matrix) = *row;
    *t = all;
}

void profile_path(const struct context *context, char path[VGGCL_PATH_MAX]) {
    find_path(subject_of(context), path);
}

/* *known: there is a valid stored profile, of this driver and these kernels, which is read to *old. */
static enum vggcl_err find_stored(const struct context *context, char path[VGGCL_PATH_MAX], struct profile *old,
                                  bool *known) {
    profile_path(context, path);
    if (!*path)
        return err_set(VGGCL_EIO,
                       "there is no folder to keep a profile in; set VGGCL_CACHE_DIR, or export the profile to a file");
    char *kept = err_keep();
    *known = read_file(path, old, true) == VGGCL_OK && !difference(old, subject_of(context));
    err_put_back(kept);
    return VGGCL_OK;
}

enum vggcl_err profile_store(const struct context *context, char path[VGGCL_PATH_MAX]) {
    struct profile made = profile_of(context), old;
    bool known;
    TRY(find_stored(context, path, &old, &known));
    if (known)
        keep_older(&made.tuning, &old.tuning);
    return write_file(path, &made, true);
}

enum vggcl_err profile_store_wrong(const struct context *context, char path[VGGCL_PATH_MAX]) {
    struct profile made = profile_of(context), stored;
    bool known;
    TRY(find_stored(context, path, &stored, &known));
    if (!known) {
        stored = made;
        stored.tuning = context_built_in_tuning(context->dev);
        stored.unmeasured = true;
    }
    tuning_take_wrong(&stored.tuning, &made.tuning);
    return write_file(path, &stored, true);
}

void profile_keep_wrong(const struct context *context, const struct vggcl_config *config) {
    char path[VGGCL_PATH_MAX];
    if (*config->profile)
        return;
    char *kept = err_keep();
    profile_store_wrong(context, path);
    err_put_back(kept);
}

/* ---------------------------------------------------------------------------------------------------- choosing -- */

static void say(struct tuned *tuned, int by, const char *what, const char *name) {
    tuned->by = by;
    snprintf(tuned->text, sizeof tuned->text, "%s%s%s", what, *name ? " " : "", name);
}

static enum vggcl_err use_file(struct context *context, const char *path, struct tuned *tuned) {
    struct profile p;
    char name[VGGCL_PATH_MAX + 256 + 32];
    TRY(profile_read(path, &p));
    if (context_tune(context, &p.tuning) != VGGCL_OK)
        return err_set(VGGCL_EFORMAT, "%s: gemm: %s", path, vggcl_error());
    snprintf(name, sizeof name, "%s%s%s", path, strcmp(p.device, context->dev->info.name) ? ", made on " : "",
             strcmp(p.device, context->dev->info.name) ? p.device : "");
    say(tuned, TUNED_FILE, "profile", name);
    return VGGCL_OK;
}

/* True if there is a valid stored profile, which is then used; if it is invalid, ignored says why. If it was not
 * measured, the context is that of the built-in rules with the profile's wrong methods. */
static bool use_stored(struct context *context, struct tuned *tuned, char ignored[512]) {
    char path[VGGCL_PATH_MAX];
    struct profile p;
    profile_path(context, path);
    if (!*path || !file_exists(path))
        return false;
    char *kept = err_keep();
    const char *other = NULL;
    bool good = read_file(path, &p, true) == VGGCL_OK && !(other = difference(&p, subject_of(context))) &&
                context_tune(context, &p.tuning) == VGGCL_OK;
    if (other)
        snprintf(ignored, 512, "; the stored profile is for another %s: run vggcl tune to make a new one", other);
    else if (!good)
        snprintf(ignored, 512, "; the stored profile is ignored: %.400s", vggcl_error());
    else if (!p.unmeasured)
        say(tuned, TUNED_STORED, "stored profile", path);
    err_put_back(kept);
    return good && !p.unmeasured;
}

/* Reads a shipped profile; true if it matches the device. */
static bool ships_for(const struct embedded_file *f, const struct vggcl_device *device, struct profile *p) {
    return profile_parse(f->text, strlen(f->text), f->stem, p) == VGGCL_OK && *p->match_platform &&
           strcmp(p->match_platform, device->platform_name) == 0 &&
           (unsigned)p->match_width == device->native_vector_width;
}

static void use_shipped(struct context *context, struct tuned *tuned) {
    const struct tuning known = context->tuning;
    struct profile p;
    char *kept = err_keep();
    bool found = false;
    for (const struct embedded_file *f = embedded_profiles; f->stem && !found; f++) {
        found = ships_for(f, &context->dev->info, &p);
        if (found)
            tuning_take_wrong(&p.tuning, &known);
        found = found && context_tune(context, &p.tuning) == VGGCL_OK;
        if (found)
            say(tuned, TUNED_SHIPPED, "shipped profile", f->stem);
    }
    err_put_back(kept);
}

enum vggcl_profile vggcl_device_profile(const struct vggcl_device *device, char name[VGGCL_PATH_MAX]) {
    const struct subject subject = {device, NULL};
    enum vggcl_profile found = VGGCL_PROFILE_NONE;
    struct profile p;
    char *kept = err_keep();
    find_path(subject, name);
    if (*name && read_file(name, &p, true) == VGGCL_OK && !difference(&p, subject) && !p.unmeasured)
        found = VGGCL_PROFILE_STORED;
    for (const struct embedded_file *f = embedded_profiles; f->stem && !found; f++)
        if (ships_for(f, device, &p)) {
            snprintf(name, VGGCL_PATH_MAX, "%s", f->stem);
            found = VGGCL_PROFILE_SHIPPED;
        }
    if (!found)
        *name = '\0';
    err_put_back(kept);
    return found;
}

enum vggcl_err profile_choose(struct context *context, const struct vggcl_config *config, struct tuned *tuned) {
    char ignored[512] = "";
    context->tuning = context_built_in_tuning(context->dev);
    say(tuned, TUNED_NOT, "built-in rules", "");
    if (strcmp(config->profile, "none") == 0)
        return VGGCL_OK;
    if (*config->profile)
        return use_file(context, config->profile, tuned);
    if (!use_stored(context, tuned, ignored))
        use_shipped(context, tuned);
    strncat(tuned->text, ignored, sizeof tuned->text - strlen(tuned->text) - 1);
    return VGGCL_OK;
}

enum vggcl_err profile_resume(struct context *context, const char *text, const char *from, struct tuned *tuned,
                              bool *same) {
    struct profile p;
    TRY(profile_parse(text, strlen(text), from, &p));
    *same = strcmp(p.device, context->dev->info.name) == 0 && strcmp(p.driver, context->dev->info.driver) == 0;
    if (!*same)
        return VGGCL_OK;
    say(tuned, TUNED_RESUMED, "profile of the resumed run", "");
    if (context_tune(context, &p.tuning) != VGGCL_OK)
        return err_set(VGGCL_EFORMAT, "%s: gemm: %s", from, vggcl_error());
    return VGGCL_OK;
}

enum vggcl_err profile_prepare(const struct vggcl_config *config, struct dev *d, struct context *context,
                               struct tuned *tuned) {
    *context = context_make(d);
    context->stored = config_stored(config);
    context->strict = config->strict;
    TRY(gemm_find_engine(config_word(config, "gemm"), &context->engine));
    TRY(matrix_choose(d, config->precision != VGGCL_PRECISION_FLOAT ? config_word(config, "matrix") : "none"));
    return profile_choose(context, config, tuned);
}

enum vggcl_err profile_open(const struct vggcl_config *config, struct context *context, struct tuned *tuned) {
    *context = (struct context){0};
    TRY(dev_open(config->device, config->kernel_dir, &context->dev));
    return profile_prepare(config, context->dev, context, tuned);
}

void profile_describe(const struct context *context, const struct tuned *tuned, char text[VGGCL_TUNING],
                      char wrong[VGGCL_WRONG]) {
    const struct tuning *t = &context->tuning;
    tuning_methods_text(t->wrong, t->wrong_count, wrong, VGGCL_WRONG);
    text_print(text, VGGCL_TUNING, "%s%s%s", tuned->text, *wrong ? "; not used, because of wrong results: " : "",
               wrong);
}
