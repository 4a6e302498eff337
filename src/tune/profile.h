/* profile.h - a device's tuning as a JSON file (a profile), and which profile is used. A profile is validated as
 * untrusted input.
 *
 *     {"format": "vggcl profile", "version": 1, "device": ..., "platform": ..., "driver": ..., "clblast": "1.5.3",
 *      "kernels": a hash of the kernel files, "date": "2026-11-25",
 *      "gemm": {"rows": 8, "vectors": 2, "width": 16, "panel": 64, "group_rows": 0, "group_columns": 0, "depth": 0},
 *      "gemm_transposed": the same for products with a transposed matrix a (weight gradients),
 *      "clblast_parameters": "avx512", "conv_words": 2621440,
 *      "convolutions": [{"n": 128, "h": 32, "w": 32, "c": 64, "o": 64,
 *                        "forward": {"algorithm": "winograd4", "engine": "tiled"}, "data_gradient": ...,
 *                        "weight_gradient": ...}, ...]}
 *
 * A profile of a device that gives wrong results with some methods, which are not used, also has a list of them:
 *
 *     "wrong": [{"algorithm": "winograd4", "direction": "forward"}, {"engine": "clblast"},
 *               {"tile": as gemm, "transposed": false}]
 *
 * and "unmeasured": true if it was made for that list alone: it holds the built-in rules then. A direction that is
 * missing uses the built-in rule. A profile that is shipped with vggcl (data/profiles) also has
 * "match": {"platform": ..., "native_vector_width_float": 16}, which says for which devices it is. */
#ifndef VGGCL_TUNE_PROFILE_H
#define VGGCL_TUNE_PROFILE_H

#include "ops/context.h"

struct profile {
    char device[256], platform[128], driver[128], clblast[16], kernels[24], date[16]; /* measured with these */
    char match_platform[128]; /* "" if the profile is for that one device */
    int match_width;
    bool unmeasured; /* of the tuning, only the wrong methods count */
    struct tuning tuning;
};

/* Makes a profile of the context's device, its current driver and today's date, with the context's tuning. */
struct profile profile_of(const struct context *context);

/* Reads a profile from size bytes of text, or from a file. VGGCL_EFORMAT names `from` or path, and the wrong entry. */
enum vggcl_err profile_parse(const char *text, size_t size, const char *from, struct profile *p);
enum vggcl_err profile_read(const char *path, struct profile *p);

/* Returns the JSON text, which the caller frees; NULL if out of memory. */
char *profile_text(const struct profile *p);

/* Writes the profile to path atomically. */
enum vggcl_err profile_write(const char *path, const struct profile *p);

/* Sets path to the profile file of the context's device and kernels in "profiles" in the cache folder; "" if there is
 * no cache folder. */
void profile_path(const struct context *context, char path[VGGCL_PATH_MAX]);

/* Stores the context's tuning at profile_path(), which it copies to path. If a valid profile of the same device is
 * there, its convolutions of other shapes are kept, the latest ones if they are too many. */
enum vggcl_err profile_store(const struct context *context, char path[VGGCL_PATH_MAX]);

/* Adds the context's wrong methods to the profile at profile_path(), and nothing else of its tuning; makes an
 * unmeasured profile if there is none of the device, its driver and the kernels. */
enum vggcl_err profile_store_wrong(const struct context *context, char path[VGGCL_PATH_MAX]);

/* The same, unless config names a profile, or "none"; failing to store it is no error. */
void profile_keep_wrong(const struct context *context, const struct vggcl_config *config);

/* The origin of a device's tuning: built-in rules, a profile given by the user, the stored profile, a shipped profile,
 * the checkpoint of a resumed run, or measured by train. */
struct tuned {
    enum { TUNED_NOT, TUNED_FILE, TUNED_STORED, TUNED_SHIPPED, TUNED_RESUMED, TUNED_MEASURED } by;
    char text[VGGCL_TUNING]; /* for the user, e.g. "stored profile ...", "built-in rules" */
};

/* Sets the context's tuning from the file config->profile; "none" means the built-in rules. If it is empty, the first
 * of these that exists is used: the profile stored for the device, a shipped profile that matches the device, the
 * built-in rules. A stored profile that is invalid, or was made with another driver or version, is ignored, and *tuned
 * says so. */
enum vggcl_err profile_choose(struct context *context, const struct vggcl_config *config, struct tuned *tuned);

/* Describes the context's tuning for the user: where it comes from, and which methods are not used. wrong: these alone,
 * "" for none. */
void profile_describe(const struct context *context, const struct tuned *tuned, char text[VGGCL_TUNING],
                      char wrong[VGGCL_WRONG]);

/* Makes the context of a device from config's storage, strict and GEMM engine and the tuning of profile_choose(). */
enum vggcl_err profile_prepare(const struct vggcl_config *config, struct dev *d, struct context *context,
                               struct tuned *tuned);

/* Opens the device that config names, and makes its context. The caller closes context->dev, also after a failure; it
 * may be NULL then. */
enum vggcl_err profile_open(const struct vggcl_config *config, struct context *context, struct tuned *tuned);

/* Sets the context's tuning from a profile that a run's state file holds. If that was made on another device or driver,
 * *same is false and nothing is set: the run cannot continue with identical bits anyway. */
enum vggcl_err profile_resume(struct context *context, const char *text, const char *from, struct tuned *tuned,
                              bool *same);

#endif
