#define _GNU_SOURCE /* memmem, a lock that prefers writers */
#include "data/decode.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

bool decode_is_picture(const char *name) {
    static const char *const endings[] = {".jpg", ".jpeg", ".png", ".webp", ".gif", ".tif", ".tiff", ".bmp"};
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof endings / sizeof *endings; i++)
        if (strcasecmp(dot, endings[i]) == 0)
            return true;
    return false;
}

#ifdef VGGCL_VIPS

#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <vips/vips.h>

static pthread_once_t started = PTHREAD_ONCE_INIT;
static bool start_failed;

/* libvips warns on the terminal of files that it still reads, which the library must not do. */
static void ignore(const char *domain, GLogLevelFlags level, const char *message, gpointer payload) {
    (void)domain, (void)level, (void)message, (void)payload;
}

/* Each picture is small work, and there is a thread for each core already. Results are used once. */
static void start(void) {
    start_failed = vips_init("vggcl") != 0;
    if (start_failed)
        return;
    g_log_set_handler("VIPS", G_LOG_LEVEL_WARNING, ignore, NULL);
    vips_concurrency_set(1);
    vips_cache_set_max(0);
}

/* The text of libvips's last error in one line: it can have several. */
static enum vggcl_err failed(const char *name) {
    char *text = vips_error_buffer_copy();
    text[strcspn(text, "\n")] = '\0';
    enum vggcl_err err = err_set(VGGCL_EFORMAT, "%s: cannot be decoded: %s", name, *text ? text : "it is damaged");
    g_free(text);
    return err;
}

enum vggcl_err decode_start(const char *name) {
    pthread_once(&started, start);
    return start_failed ? failed(name) : VGGCL_OK;
}

/* What is done with a file; result is what decode_size() or decode_picture() fills. */
typedef enum vggcl_err file_work(const char *path, const struct picture_size *wanted, void *result);

/* Does the work. libvips has one error text for all threads: a file that fails is tried again while no other is read,
 * so that the text is about that file. */
static enum vggcl_err attempt(file_work *work, const char *path, const struct picture_size *wanted, void *result) {
    static pthread_rwlock_t reading = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;
    TRY(decode_start(path));
    pthread_rwlock_rdlock(&reading);
    enum vggcl_err err = work(path, wanted, result);
    pthread_rwlock_unlock(&reading);
    if (err == VGGCL_OK)
        return VGGCL_OK;
    pthread_rwlock_wrlock(&reading);
    vips_error_clear();
    err = work(path, wanted, result);
    pthread_rwlock_unlock(&reading);
    return err;
}

/* -------------------------------------------------------------------------------------------------- the header -- */

/* Reads the first two bytes; zeros if there are none. */
static enum vggcl_err read_start(const char *path, char bytes[2]) {
    struct stat status;
    errno = 0;
    FILE *file = stat(path, &status) == 0 && S_ISREG(status.st_mode) ? fopen(path, "rb") : NULL;
    memset(bytes, 0, 2);
    if (!file)
        return err_set(VGGCL_EIO, "%s: cannot be opened: %s", path, errno ? strerror(errno) : "is not a regular file");
    size_t count = fread(bytes, 1, 2, file);
    bool broken = ferror(file);
    fclose(file);
    if (broken)
        return err_set(VGGCL_EIO, "%s: cannot be read: %s", path, strerror(errno));
    return count ? VGGCL_OK : err_set(VGGCL_EFORMAT, "%s: is empty", path);
}

/* Only the loaders of these formats see files of strangers. libvips has more, and reads BMP by ImageMagick, which would
 * take almost anything. */
static enum vggcl_err check_format(const char *path) {
    static const char *const loaders[] = {"Jpeg", "Png", "Webp", "Nsgif", "Tiff"};
    static const char prefix[] = "VipsForeignLoad";
    char first[2];
    TRY(read_start(path, first));
    bool bmp = memcmp(first, "BM", 2) == 0;
    const char *loader = vips_foreign_find_load(path);
    if (loader && strncmp(loader, prefix, strlen(prefix)) == 0) {
        const char *kind = loader + strlen(prefix);
        for (size_t i = 0; i < sizeof loaders / sizeof *loaders; i++)
            if (strncmp(kind, loaders[i], strlen(loaders[i])) == 0)
                return VGGCL_OK;
        if (bmp && strncmp(kind, "Magick", strlen("Magick")) == 0)
            return VGGCL_OK;
    }
    return err_set(VGGCL_EFORMAT, "%s: is not a JPEG, PNG, WebP, GIF, TIFF or BMP picture%s", path,
                   bmp && !loader ? " that libvips reads (it reads BMP only if built with ImageMagick)" : "");
}

/* The pixels are decoded when they are used. */
static enum vggcl_err open_picture(const char *path, VipsImage **image) {
    TRY(check_format(path));
    *image = vips_image_new_from_file(path, "access", VIPS_ACCESS_SEQUENTIAL, "fail_on", VIPS_FAIL_ON_TRUNCATED, NULL);
    if (!*image)
        return failed(path);
    size_t height = (size_t)vips_image_get_height(*image), width = (size_t)vips_image_get_width(*image);
    if (height * width <= DECODE_MOST_PIXELS)
        return VGGCL_OK;
    g_object_unref(*image);
    return err_set(VGGCL_EFORMAT, "%s: has %zux%zu pixels, more than the %d that are read", path, width, height,
                   DECODE_MOST_PIXELS);
}

static enum vggcl_err read_size(const char *path, const struct picture_size *wanted, void *result) {
    VipsImage *image;
    struct picture_size *size = result;
    (void)wanted;
    TRY(open_picture(path, &image));
    size_t height = (size_t)vips_image_get_height(image), width = (size_t)vips_image_get_width(image);
    bool swap = vips_image_get_orientation_swap(image);
    size->height = swap ? width : height;
    size->width = swap ? height : width;
    size->channels = vips_image_get_bands(image) <= 2 ? 1 : 3;
    g_object_unref(image);
    return VGGCL_OK;
}

enum vggcl_err decode_size(const char *path, struct picture_size *size) {
    return attempt(read_size, path, NULL, size);
}

/* -------------------------------------------------------------------------------------------------- the pixels -- */

/* Whether the text is in the bytes, as ASCII or as UTF-16BE: the two ways in which a profile has its name. */
static bool has_text(const void *bytes, size_t count, const char *text) {
    char wide[32] = "";
    size_t length = strlen(text);
    for (size_t i = 0; i < length; i++)
        wide[2 * i + 1] = text[i];
    return memmem(bytes, count, text, length) || memmem(bytes, count, wide, 2 * length);
}

/* Whether colours need an ICC profile to become sRGB, which takes longer than to decode a photograph. */
static bool needs_profile(VipsImage *image) {
    const void *profile;
    size_t bytes;
    if (vips_image_get_interpretation(image) == VIPS_INTERPRETATION_CMYK)
        return true;
    return vips_image_get_typeof(image, VIPS_META_ICC_NAME) &&
           vips_image_get_blob(image, VIPS_META_ICC_NAME, &profile, &bytes) == 0 && !has_text(profile, bytes, "sRGB");
}

/* Each step replaces *image; false on an error. */
static bool step(VipsImage **image, VipsImage *next, int status) {
    g_object_unref(*image);
    *image = status == 0 ? next : NULL;
    return status == 0;
}

static bool has_size(VipsImage *image, const struct picture_size *size) {
    return (size_t)vips_image_get_height(image) == size->height && (size_t)vips_image_get_width(image) == size->width;
}

static bool make_opaque(VipsImage **image) {
    VipsImage *next = NULL;
    VipsArrayDouble *white = vips_array_double_newv(1, 255.0);
    int status = vips_flatten(*image, &next, "background", white, NULL);
    vips_area_unref(VIPS_AREA(white));
    return step(image, next, status);
}

/* 8-bit, of the wanted number of channels. Transparency is removed in 8 bits, where white is 255. */
static bool convert(VipsImage **image, size_t channels) {
    VipsImage *next = NULL;
    VipsInterpretation space = channels == 1 ? VIPS_INTERPRETATION_B_W : VIPS_INTERPRETATION_sRGB;
    int status = vips_colourspace(*image, &next, space, NULL);
    if (!step(image, next, status))
        return false;
    if (vips_image_hasalpha(*image) && !make_opaque(image))
        return false;
    next = NULL;
    status = vips_extract_band(*image, &next, 0, "n", (int)channels, NULL);
    if (!step(image, next, status))
        return false;
    next = NULL;
    status = vips_cast_uchar(*image, &next, NULL);
    return step(image, next, status);
}

/* Replaces the image by one of the wanted size, upright and in sRGB, unless it is so already. */
static bool scale(VipsImage **image, const char *path, const struct picture_size *wanted) {
    bool profile = needs_profile(*image);
    if (!profile && vips_image_get_orientation(*image) == 1 && has_size(*image, wanted))
        return true;
    VipsImage *next = NULL;
    int status =
        vips_thumbnail(path, &next, (int)wanted->width, "height", (int)wanted->height, "crop", VIPS_INTERESTING_CENTRE,
                       "export_profile", profile ? "srgb" : NULL, "fail_on", VIPS_FAIL_ON_TRUNCATED, NULL);
    return step(image, next, status);
}

static enum vggcl_err read_pixels(const char *path, const struct picture_size *wanted, void *result) {
    VipsImage *image;
    size_t bytes, plane = wanted->height * wanted->width;
    uint8_t *pixels = result;
    TRY(open_picture(path, &image));
    if (!scale(&image, path, wanted) || !convert(&image, wanted->channels))
        return failed(path);
    uint8_t *interleaved = has_size(image, wanted) ? vips_image_write_to_memory(image, &bytes) : NULL;
    g_object_unref(image);
    if (!interleaved)
        return failed(path);
    for (size_t channel = 0; channel < wanted->channels; channel++)
        for (size_t i = 0; i < plane; i++)
            pixels[channel * plane + i] = interleaved[i * wanted->channels + channel];
    g_free(interleaved);
    return VGGCL_OK;
}

enum vggcl_err decode_picture(const char *path, const struct picture_size *size, uint8_t *pixels) {
    return attempt(read_pixels, path, size, pixels);
}

void decode_end_thread(void) {
    vips_thread_shutdown();
}

#else

enum vggcl_err decode_start(const char *name) {
    return err_set(VGGCL_EUSAGE,
                   "%s: this vggcl was built without libvips, which decodes pictures: install libvips-dev and build "
                   "it again",
                   name);
}

enum vggcl_err decode_size(const char *path, struct picture_size *size) {
    (void)size;
    return decode_start(path);
}

enum vggcl_err decode_picture(const char *path, const struct picture_size *size, uint8_t *pixels) {
    (void)size, (void)pixels;
    return decode_start(path);
}

void decode_end_thread(void) {}

#endif
