#include "train/weights.h"
#include "base/file.h"
#include "base/text.h"
#include "data/normalise.h"
#include "nets/naming.h"
#include "options/options.h"

#include <stdio.h>
#include <string.h>

static enum vggcl_err notice(char **notices, const char *format, const char *one, const char *other) {
    char text[2 * VGGCL_PATH_MAX + 256];
    text_print(text, sizeof text, format, one, other);
    return text_add_line(notices, text) ? VGGCL_OK : err_no_memory("a notice", sizeof text);
}

/* ----------------------------------------------------------------------------------------------------- a folder -- */

/* A save folder of train, or one of another program. */
static const char *const names_in_folder[] = {"best.safetensors", "model.safetensors", "last.safetensors", NULL};

static enum vggcl_err find_in_folder(char path[VGGCL_PATH_MAX], char **notices) {
    char file[VGGCL_PATH_MAX];
    if (!file_is_folder(path))
        return VGGCL_OK;
    for (const char *const *name = names_in_folder; *name; name++) {
        TRY(file_path(file, path, *name));
        if (!file_exists(file))
            continue;
        TRY(notice(notices, "weights: %s is a folder: uses %s in it", path, *name));
        snprintf(path, VGGCL_PATH_MAX, "%s", file);
        return VGGCL_OK;
    }
    return err_set(VGGCL_EIO,
                   "%s: is a folder without best.safetensors; name a file of weights (weights), or the folder that "
                   "train saved to",
                   path);
}

/* ------------------------------------------------------------------------------------------------------ prefixes -- */

/* The length of what all names have in front of their layer's name, up to a dot: that of "module."; 0 if they differ.
 * The layers' own names stay: features is that of the convolutions in other programs. */
static size_t common_prefix(const struct safetensors *file) {
    const char *first = file->count ? file->records[0].name : "";
    size_t length = strcspn(first, ".") + 1;
    if (!strchr(first, '.') || strncmp(first, "features.", length) == 0)
        return 0;
    for (size_t i = 0; i < file->count; i++) {
        const char *name = file->records[i].name;
        if (strncmp(name, first, length) != 0 || !strchr(name + length, '.'))
            return 0;
    }
    return length;
}

static void take_off_prefixes(struct safetensors *file) {
    for (size_t length; (length = common_prefix(file));)
        for (size_t i = 0; i < file->count; i++)
            file->records[i].name += length;
}

/* --------------------------------------------------------------------------------------------------- other names -- */

/* What the origin of the names says about the images, where the file does not. */
static enum vggcl_err suggest_images(struct safetensors *file, const struct naming *naming) {
    enum { COLOURS = 3 };
    char text[NORMALISE_TEXT];
    if (!naming->images)
        return VGGCL_OK;
    TRY(safetensors_suggest(file, "normalize", naming->normalize));
    normalise_list(naming->mean, COLOURS, text);
    TRY(safetensors_suggest(file, "image.mean", text));
    normalise_list(naming->deviation, COLOURS, text);
    TRY(safetensors_suggest(file, "image.std", text));
    return safetensors_suggest(file, "size", naming->size);
}

static enum vggcl_err match_names(const struct vggcl_config *config, struct safetensors *file, char **notices) {
    struct naming naming;
    char images[256];
    TRY(naming_match(file, config->weights, &naming));
    if (!naming.origin)
        return VGGCL_OK;
    if (config_gives(config, "normalize") && !safetensors_metadata(file, "producer")) /* vggcl's are certain */
        snprintf(images, sizeof images, "images are normalised as the option normalize says");
    else if (safetensors_metadata(file, "image.mean"))
        snprintf(images, sizeof images, "images are normalised as its metadata says");
    else if (naming.images)
        snprintf(images, sizeof images,
                 "images are normalised as there, (x/255 - mean)/std of %s; the option normalize changes that",
                 naming.images);
    else
        snprintf(images, sizeof images, "the option normalize says how images are normalised");
    char origin[128];
    snprintf(origin, sizeof origin, "names of %s, matched by order and shape", naming.origin);
    TRY(notice(notices, "weights: %s; %s", origin, images));
    return suggest_images(file, &naming);
}

enum vggcl_err weights_open(struct vggcl_config *config, struct safetensors *file, char **notices) {
    TRY(find_in_folder(config->weights, notices));
    TRY(safetensors_read(config->weights, file));
    take_off_prefixes(file);
    return match_names(config, file, notices);
}
