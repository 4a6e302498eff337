#define _GNU_SOURCE /* memmem, a lock that prefers writers */
#include "data/decode.h"
#include "base/feature.h"
#include "base/file.h"

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

#include "data/resample.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
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
    FILE *file;
    uint64_t size;
    memset(bytes, 0, 2);
    TRY(file_open(path, &file, &size));
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

/* As decode_size() says. */
static void describe(VipsImage *image, struct picture_size *size) {
    size_t height = (size_t)vips_image_get_height(image), width = (size_t)vips_image_get_width(image);
    bool swap = vips_image_get_orientation_swap(image);
    size->height = swap ? width : height;
    size->width = swap ? height : width;
    size->channels = vips_image_get_bands(image) <= 2 ? 1 : 3;
}

static enum vggcl_err read_size(const char *path, const struct picture_size *wanted, void *result) {
    VipsImage *image;
    (void)wanted;
    TRY(open_picture(path, &image));
    describe(image, result);
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

/* Where the wanted picture lies in one of height x width pixels that covers it, and how large the scaled one is: by
 * torchvision's Resize (the other side is rounded down) and CenterCrop (half of an odd number is rounded to even). */
static void place(const struct picture_size *wanted, size_t height, size_t width, struct resample_axis *x,
                  struct resample_axis *y) {
    bool high = height * wanted->width >= width * wanted->height;
    size_t whole_height = high ? height * wanted->width / width : wanted->height;
    size_t whole_width = high ? wanted->width : width * wanted->height / height;
    size_t left_rows = whole_height - wanted->height, left_columns = whole_width - wanted->width;
    *y = (struct resample_axis){.output = whole_height, .count = wanted->height};
    *x = (struct resample_axis){.output = whole_width, .count = wanted->width};
    y->first = left_rows / 2 + (left_rows % 4 == 3);
    x->first = left_columns / 2 + (left_columns % 4 == 3);
}

/* A JPEG that is far larger than what is wanted is decoded at a half, a quarter or an eighth of its size, as long as
 * the resampler has to make it smaller by 3 or more: Pillow's reducing_gap says that the result is hardly another then.
 */
static bool shrink_on_load(VipsImage **image, const char *path, const struct picture_size *wanted) {
    static const double least = 3;
    const char *loader;
    VipsImage *next = NULL;
    size_t side = wanted->height > wanted->width ? wanted->height : wanted->width, shrink = 8;
    size_t height = (size_t)vips_image_get_height(*image), width = (size_t)vips_image_get_width(*image);
    double factor = (double)(height < width ? height : width) / (double)side;
    if (vips_image_get_string(*image, VIPS_META_LOADER, &loader) != 0 || strncmp(loader, "jpegload", 8) != 0)
        return true;
    while (shrink > 1 && factor < least * (double)shrink)
        shrink /= 2;
    if (shrink == 1)
        return true;
    int status = vips_jpegload(path, &next, "shrink", (int)shrink, "access", VIPS_ACCESS_SEQUENTIAL, "fail_on",
                               VIPS_FAIL_ON_TRUNCATED, NULL);
    return step(image, next, status);
}

/* As EXIF says. Rotation needs the rows in another order than they are decoded in. */
static bool make_upright(VipsImage **image) {
    if (vips_image_get_orientation(*image) == 1)
        return true;
    VipsImage *next = vips_image_copy_memory(*image);
    if (!step(image, next, next ? 0 : -1))
        return false;
    next = NULL;
    int status = vips_autorot(*image, &next, NULL);
    return step(image, next, status);
}

/* Of 16 bits the upper 8; other formats become sRGB or grey. */
static bool make_8_bits(VipsImage **image) {
    VipsImage *next = NULL;
    int status;
    if (vips_image_get_format(*image) == VIPS_FORMAT_UCHAR)
        return true;
    if (vips_image_get_interpretation(*image) == VIPS_INTERPRETATION_CMYK)
        status = vips_cast_uchar(*image, &next, "shift", TRUE, NULL);
    else
        status = vips_colourspace(
            *image, &next, vips_image_get_bands(*image) <= 2 ? VIPS_INTERPRETATION_B_W : VIPS_INTERPRETATION_sRGB,
            NULL);
    if (!step(image, next, status))
        return false;
    next = NULL;
    status = vips_cast_uchar(*image, &next, NULL);
    return step(image, next, status);
}

static bool make_opaque(VipsImage **image) {
    VipsImage *next = NULL;
    if (!vips_image_hasalpha(*image))
        return true;
    VipsArrayDouble *white = vips_array_double_newv(1, 255.0);
    int status = vips_flatten(*image, &next, "background", white, NULL);
    vips_area_unref(VIPS_AREA(white));
    return step(image, next, status);
}

/* Gives all rows to the resampler. Those that it does not need are decoded too, so that a truncated file is noticed. */
static bool add_rows(VipsImage *image, struct resampler *r) {
    enum { STRIP = 16 };
    int height = vips_image_get_height(image), width = vips_image_get_width(image);
    VipsRegion *region = vips_region_new(image);
    bool good = region;
    for (int top = 0; good && top < height; top += STRIP) {
        const VipsRect strip = {0, top, width, VIPS_MIN(STRIP, height - top)};
        good = vips_region_prepare(region, &strip) == 0;
        for (int y = top; good && y < top + strip.height; y++)
            resampler_add_row(r, VIPS_REGION_ADDR(region, 0, y));
    }
    if (region)
        g_object_unref(region);
    return good;
}

/* An image in memory like another one, which is released: in its colour space, with its ICC profile. */
static bool replace(VipsImage **image, const void *bytes, const struct picture_size *size) {
    const void *profile;
    size_t profile_bytes;
    int bands = vips_image_get_bands(*image);
    VipsImage *next = vips_image_new_from_memory_copy(bytes, size->height * size->width * (size_t)bands,
                                                      (int)size->width, (int)size->height, bands, VIPS_FORMAT_UCHAR);
    if (next) {
        next->Type = vips_image_get_interpretation(*image);
        if (vips_image_get_typeof(*image, VIPS_META_ICC_NAME) &&
            vips_image_get_blob(*image, VIPS_META_ICC_NAME, &profile, &profile_bytes) == 0)
            vips_image_set_blob_copy(next, VIPS_META_ICC_NAME, profile, profile_bytes);
    }
    return step(image, next, next ? 0 : -1);
}

/* Scales the image, which is upright and of 8 bits, until it covers the wanted size, and crops it at its centre. height
 * and width are those that it has in its file. */
static enum vggcl_err scale(VipsImage **image, const char *path, const struct picture_size *wanted,
                            const struct picture_size *own) {
    struct resample_axis x, y;
    struct resampler *r;
    enum vggcl_err err;
    size_t bands = (size_t)vips_image_get_bands(*image);
    place(wanted, own->height, own->width, &x, &y);
    x.input = (size_t)vips_image_get_width(*image);
    y.input = (size_t)vips_image_get_height(*image);
    double shrink = round((double)own->width / (double)x.input);
    x.extent = (double)own->width / shrink;
    y.extent = (double)own->height / shrink;
    uint8_t *bytes = malloc(wanted->height * wanted->width * bands);
    if (!bytes)
        return err_no_memory("a picture", wanted->height * wanted->width * bands);
    TRY_GOTO(resampler_new(&x, &y, bands, &r), done);
    if (add_rows(*image, r)) {
        resampler_finish(r, bytes);
        if (!replace(image, bytes, wanted))
            err = failed(path);
    } else {
        err = failed(path);
    }
    resampler_free(r);
done:
    free(bytes);
    return err;
}

/* sRGB, or grey. */
static bool convert(VipsImage **image, size_t channels) {
    VipsImage *next = NULL;
    if (needs_profile(*image)) {
        int status = vips_icc_transform(*image, &next, "srgb", "embedded", TRUE, NULL);
        if (!step(image, next, status))
            return false;
        next = NULL;
    }
    VipsInterpretation space = channels == 1 ? VIPS_INTERPRETATION_B_W : VIPS_INTERPRETATION_sRGB;
    int status = vips_colourspace(*image, &next, space, NULL);
    if (!step(image, next, status))
        return false;
    next = NULL;
    status = vips_extract_band(*image, &next, 0, "n", (int)channels, NULL);
    if (!step(image, next, status))
        return false;
    next = NULL;
    status = vips_cast_uchar(*image, &next, NULL);
    return step(image, next, status);
}

static void swap_channels_out(const uint8_t *interleaved, const struct picture_size *size, uint8_t *pixels) {
    size_t plane = size->height * size->width;
    for (size_t channel = 0; channel < size->channels; channel++)
        for (size_t i = 0; i < plane; i++)
            pixels[channel * plane + i] = interleaved[i * size->channels + channel];
}

static enum vggcl_err read_pixels(const char *path, const struct picture_size *wanted, void *result) {
    VipsImage *image;
    struct picture_size own;
    size_t bytes;
    enum vggcl_err err;
    TRY(open_picture(path, &image));
    describe(image, &own);
    if (!shrink_on_load(&image, path, wanted) || !make_upright(&image) || !make_8_bits(&image) || !make_opaque(&image))
        return failed(path);
    TRY_GOTO(scale(&image, path, wanted, &own), done);
    if (!convert(&image, wanted->channels))
        return failed(path);
    uint8_t *interleaved = vips_image_write_to_memory(image, &bytes);
    if (interleaved)
        swap_channels_out(interleaved, wanted, result);
    else
        err = failed(path);
    g_free(interleaved);
done:
    if (image)
        g_object_unref(image);
    return err;
}

enum vggcl_err decode_picture(const char *path, const struct picture_size *size, uint8_t *pixels) {
    return attempt(read_pixels, path, size, pixels);
}

void decode_end_thread(void) {
    vips_thread_shutdown();
}

#else

enum vggcl_err decode_start(const char *name) {
    return feature_lacks(FEATURE_VIPS, name, "");
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
