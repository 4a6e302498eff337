/* profile.h - a device's tuning as a file: JSON, read with distrust, and where the one to go by is found.
 *
 *     {"format": "vggcl profile", "version": 1, "device": ..., "platform": ..., "driver": ..., "clblast": "1.5.3",
 *      "kernels": a hash of the kernel files, "date": "2026-11-25",
 *      "gemm": {"rows": 8, "vectors": 2, "width": 16, "panel": 64, "group_rows": 0, "group_columns": 0, "depth": 0},
 *      "gemm_transposed": the same for products whose a is transposed, those of weight gradients,
 *      "clblast_parameters": "avx512", "conv_words": 2621440,
 *      "convolutions": [{"h": 32, "w": 32, "c": 64, "o": 64, "forward": {"algorithm": "winograd4", "engine": "tiled"},
 *                        "data_gradient": ..., "weight_gradient": ...}, ...]}
 *
 * A direction that the built-in rule is left to is missing. A profile that ships with vggcl (data/profiles) also has
 * "match": {"platform": ..., "native_vector_width_float": 16}, which says whom it is for. */
#ifndef VGGCL_TRAIN_PROFILE_H
#define VGGCL_TRAIN_PROFILE_H

#include "ops/tuning.h"

struct profile {
    char device[256], platform[128], driver[128], clblast[16], kernels[24], date[16]; /* what it was measured with */
    char match_platform[128]; /* "" where it is for that device */
    int match_width;
    struct tuning tuning;
};

/* A profile of d, as it is here and now, with what d goes by. */
struct profile profile_of(const struct dev *d);

/* Reads a profile from text. from names it in errors, which are VGGCL_EFORMAT and name the entry too. */
enum vggcl_err profile_parse(const char *text, size_t size, const char *from, struct profile *p);
enum vggcl_err profile_read(const char *path, struct profile *p);

/* The text, the caller's to be freed; NULL where memory ran out. */
char *profile_text(const struct profile *p);

/* Writes it to path: whole or not at all. */
enum vggcl_err profile_write(const char *path, const struct profile *p);

/* Where the device's own profile is kept: "profiles" in the cache folder; "" where there is none. */
void profile_path(const struct vggcl_device *device, char path[VGGCL_PATH_MAX]);

/* Keeps d's present tuning there, with the convolutions of other shapes that a profile there knows. path: where. */
enum vggcl_err profile_store(const struct dev *d, char path[VGGCL_PATH_MAX]);

/* What a device goes by, and why. */
struct tuned {
    enum { TUNED_NOT, TUNED_FILE, TUNED_STORED, TUNED_SHIPPED, TUNED_RESUMED, TUNED_MEASURED } by;
    char text[VGGCL_TUNING]; /* half a line for the user: "stored profile ...", "built-in rules" */
};

/* Has d go by config->profile, "none" for the built-in rules; where that is empty by the profile that was stored for
 * it, else by one that ships for its like, else by the built-in rules. A stored one that is broken, or of another
 * driver or version, is left alone, and *tuned says so. */
enum vggcl_err profile_choose(struct dev *d, const struct vggcl_config *config, struct tuned *tuned);

/* Has d go by a profile that a run's state holds; false where that was made on another device or driver, so that the
 * run cannot go on bit for bit anyway. */
enum vggcl_err profile_resume(struct dev *d, const char *text, const char *from, struct tuned *tuned, bool *same);

#endif
