#define _DEFAULT_SOURCE
#include "pictures.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/file.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* ------------------------------------------------------------------------------------------------------- files -- */

static void make_parent(const char *path) {
    char parent[VGGCL_PATH_MAX];
    assert_true(snprintf(parent, sizeof parent, "%s", path) < (int)sizeof parent);
    assert_non_null(strrchr(parent, '/'));
    *strrchr(parent, '/') = '\0';
    if (file_make_folder(parent) != VGGCL_OK)
        fail_msg("%s", vggcl_error());
}

void write_file(const char *path, const void *bytes, size_t count) {
    make_parent(path);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, count, file), count);
    assert_int_equal(fclose(file), 0);
}

char *read_file(const char *path, size_t *count) {
    char *bytes;
    if (file_read(path, 1 << 26, &bytes, count) != VGGCL_OK)
        fail_msg("%s", vggcl_error());
    return bytes;
}

void cut_file(const char *path, size_t count) {
    assert_int_equal(truncate(path, (off_t)count), 0);
}

/* ---------------------------------------------------------------------------------------------------- pictures -- */

static void put_word(unsigned char *to, unsigned word) {
    for (int i = 0; i < 4; i++)
        to[i] = (unsigned char)(word >> 8 * i);
}

/* 24 bits a pixel, the lowest row first, each row filled up to 4 bytes. */
static void write_bmp(const char *path, const struct drawing *d) {
    size_t row = ((size_t)d->width * 3 + 3) / 4 * 4, bytes = 54 + row * (size_t)d->height;
    unsigned char *file = calloc(bytes, 1);
    assert_non_null(file);
    assert_int_equal(d->bands, 3);
    memcpy(file, "BM", 2);
    put_word(file + 2, (unsigned)bytes);
    put_word(file + 10, 54);
    put_word(file + 14, 40);
    put_word(file + 18, (unsigned)d->width);
    put_word(file + 22, (unsigned)d->height);
    file[26] = 1;
    file[28] = 24;
    for (int y = 0; y < d->height; y++)
        for (int x = 0; x < d->width; x++)
            for (int band = 0; band < 3; band++)
                file[54 + row * (size_t)(d->height - 1 - y) + (size_t)(3 * x + 2 - band)] =
                    (unsigned char)d->value(x, y, band);
    write_file(path, file, bytes);
    free(file);
}

#ifdef VGGCL_VIPS
#include <vips/vips.h>

static VipsInterpretation interpretation_of(const struct drawing *d) {
    if (d->cmyk)
        return VIPS_INTERPRETATION_CMYK;
    if (d->bands <= 2)
        return d->wide ? VIPS_INTERPRETATION_GREY16 : VIPS_INTERPRETATION_B_W;
    return d->wide ? VIPS_INTERPRETATION_RGB16 : VIPS_INTERPRETATION_sRGB;
}

static VipsImage *picture_of(const struct drawing *d) {
    int rows = d->height * (d->frames ? d->frames : 1);
    size_t bytes = (size_t)(rows * d->width * d->bands) * (d->wide ? 2 : 1), at = 0;
    uint8_t *narrow = malloc(bytes);
    uint16_t *wide = (uint16_t *)(void *)narrow;
    assert_non_null(narrow);
    for (int y = 0; y < rows; y++)
        for (int x = 0; x < d->width; x++)
            for (int band = 0; band < d->bands; band++, at++)
                if (d->wide)
                    wide[at] = (uint16_t)d->value(x, y, band);
                else
                    narrow[at] = (uint8_t)d->value(x, y, band);
    VipsImage *plain = vips_image_new_from_memory_copy(narrow, bytes, d->width, rows, d->bands,
                                                       d->wide ? VIPS_FORMAT_USHORT : VIPS_FORMAT_UCHAR),
              *picture;
    free(narrow);
    assert_non_null(plain);
    assert_int_equal(vips_copy(plain, &picture, "interpretation", interpretation_of(d), NULL), 0);
    g_object_unref(plain);
    if (d->orientation)
        vips_image_set_int(picture, VIPS_META_ORIENTATION, d->orientation);
    if (d->frames)
        vips_image_set_int(picture, VIPS_META_PAGE_HEIGHT, d->height);
    if (d->profile) {
        VipsBlob *profile;
        size_t count;
        assert_int_equal(vips_profile_load(d->profile, &profile, NULL), 0);
        const void *start = vips_blob_get(profile, &count);
        vips_image_set_blob_copy(picture, VIPS_META_ICC_NAME, start, count);
        vips_area_unref(VIPS_AREA(profile));
    }
    return picture;
}

static void write_picture(const char *path, const struct drawing *d) {
    void *bytes;
    size_t count;
    char how[256];
    VipsImage *picture = picture_of(d);
    snprintf(how, sizeof how, "%s[%s]", strrchr(path, '.'), d->options ? d->options : "");
    if (vips_image_write_to_buffer(picture, how, &bytes, &count, NULL) != 0)
        fail_msg("%s: %s", path, vips_error_buffer());
    g_object_unref(picture);
    write_file(path, bytes, count);
    g_free(bytes);
}

void draw_picture(const char *path, const struct drawing *d) {
    assert_int_equal(vips_init("test"), 0);
    assert_non_null(strrchr(path, '.'));
    if (strcasecmp(strrchr(path, '.'), ".bmp") == 0)
        write_bmp(path, d);
    else
        write_picture(path, d);
}

#else

void draw_picture(const char *path, const struct drawing *d) {
    (void)write_bmp, (void)path, (void)d;
    print_message("skipped: this build lacks libvips\n");
    skip();
}

#endif

static int colour[3];

static int colour_of(int x, int y, int band) {
    (void)x, (void)y;
    return colour[band];
}

void draw_flat(const char *path, int width, int height, int red, int green, int blue) {
    colour[0] = red, colour[1] = green, colour[2] = blue;
    draw_picture(path, &(struct drawing){.width = width, .height = height, .bands = 3, .value = colour_of});
}
