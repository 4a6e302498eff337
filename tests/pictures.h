/* pictures.h - picture files for tests, made with libvips. */
#ifndef VGGCL_TESTS_PICTURES_H
#define VGGCL_TESTS_PICTURES_H

#include <stdbool.h>
#include <stddef.h>

/* A value of a picture's pixel: 0 to 255, or to 65535 in a picture of 16 bits. y counts on through all frames. */
typedef int picture_value(int x, int y, int band);

struct drawing {
    int width, height;
    int bands; /* 1 grey, 2 with alpha, 3 RGB, 4 with alpha, or CMYK */
    picture_value *value;
    bool wide, cmyk;     /* 16 bits; the four bands are CMYK */
    int orientation;     /* EXIF's; 0 for none */
    int frames;          /* of an animation; 0 for a picture */
    const char *profile; /* the ICC profile, a name that libvips knows; NULL for none */
    const char *options; /* of libvips's function that writes the format, such as "Q=100"; NULL for none */
};

/* Writes the picture in the format of the path's ending, libvips's or .bmp (RGB); missing folders are created. Fails
 * the test if that is not possible, and skips it in a build without libvips. */
void draw_picture(const char *path, const struct drawing *drawing);

/* A picture of one colour. */
void draw_flat(const char *path, int width, int height, int red, int green, int blue);

/* Writes, reads (the caller frees the bytes) and shortens whole files. */
void write_file(const char *path, const void *bytes, size_t count);
char *read_file(const char *path, size_t *count);
void cut_file(const char *path, size_t count);

#endif
