/* Decoding of pictures: the pixels in every format and colour space, and every kind of file that is refused. */
#define _DEFAULT_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/file.h"
#include "base/parallel.h"
#include "data/decode.h"
#include "pictures.h"
#include "program.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static void names_of_pictures(void **state) {
    (void)state;
    static const char *const yes[] = {"a.jpg", "a.JPG",  "a.jpeg", "a.Png",   "a.webp", "a.gif",
                                      "a.tif", "a.tiff", "a.bmp",  "a.b.jpg", ".jpg"};
    static const char *const no[] = {"a", "jpg", "a.jpg.txt", "a.svg", "a.pdf", "a.jp", "a.jpgx", "", ".", "a.png[1]"};
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        assert_true(decode_is_picture(yes[i]));
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        assert_false(decode_is_picture(no[i]));
}

#ifdef VGGCL_VIPS

static const char *path_of(const char *name) {
    static char path[VGGCL_PATH_MAX];
    assert_int_equal(file_path(path, folder, name), VGGCL_OK);
    return path;
}

enum { WIDTH = 40, HEIGHT = 24, MOST = 256 * 256 * 3 };

/* Different in every pixel and channel; JPEG and WebP need a smooth one, GIF and palettes one of few colours. */
static int sharp(int x, int y, int band) {
    return (x * 37 + y * 101 + band * 59) % 256;
}
static int smooth(int x, int y, int band) {
    return 30 + 4 * x + 2 * y - 10 * band;
}
static int blocks(int x, int y, int band) {
    return ((x / 8 + y / 8 + band) % 2) * 255;
}

/* Decodes the file and asserts that each value is that of the function, within the tolerance. */
static void has_values(const char *name, int height, int width, int channels, picture_value *value, int tolerance) {
    const struct picture_size wanted = {(size_t)height, (size_t)width, (size_t)channels};
    uint8_t *pixels = malloc(MOST);
    assert_non_null(pixels);
    if (decode_picture(path_of(name), &wanted, pixels) != VGGCL_OK)
        fail_msg("%s", vggcl_error());
    for (int band = 0; band < channels; band++)
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++) {
                int is = pixels[(band * height + y) * width + x], expected = value(x, y, band);
                if (abs(is - expected) > tolerance)
                    fail_msg("%s: channel %d of (%d, %d) is %d, not %d", name, band, x, y, is, expected);
            }
    free(pixels);
}

static void has_size(const char *name, size_t height, size_t width, size_t channels) {
    struct picture_size size;
    if (decode_size(path_of(name), &size) != VGGCL_OK)
        fail_msg("%s", vggcl_error());
    assert_int_equal(size.height, height);
    assert_int_equal(size.width, width);
    assert_int_equal(size.channels, channels);
}

static void draw(const char *name, int bands, picture_value *value, const char *options) {
    draw_picture(
        path_of(name),
        &(struct drawing){.width = WIDTH, .height = HEIGHT, .bands = bands, .value = value, .options = options});
}

static void colours(void **state) {
    (void)state;
    static const struct {
        const char *name, *options;
        picture_value *value;
        int tolerance;
    } formats[] = {{"a.png", NULL, sharp, 0},
                   {"a.tif", NULL, sharp, 0},
                   {"a.tiff", "compression=lzw", sharp, 0},
                   {"a.bmp", NULL, sharp, 0},
                   {"a.gif", "dither=0", blocks, 0},
                   {"b.png", "palette", blocks, 0},
                   {"c.png", "interlace", sharp, 0},
                   {"b.webp", "lossless", sharp, 0},
                   {"a.webp", "Q=95", smooth, 6},
                   {"a.jpg", "Q=95", smooth, 5},
                   {"A.JPEG", "Q=95,interlace", smooth, 5}};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        draw(formats[i].name, 3, formats[i].value, formats[i].options);
        has_size(formats[i].name, HEIGHT, WIDTH, 3);
        has_values(formats[i].name, HEIGHT, WIDTH, 3, formats[i].value, formats[i].tolerance);
    }
}

static int sharp_grey(int x, int y, int band) {
    (void)band;
    return sharp(x, y, 0);
}
static int smooth_grey(int x, int y, int band) {
    (void)band;
    return smooth(x, y, 0);
}

/* One channel, or three equal ones. */
static void grey(void **state) {
    (void)state;
    draw("a.png", 1, sharp_grey, NULL);
    draw("b.jpg", 1, smooth_grey, "Q=95");
    draw("c.tif", 1, sharp_grey, NULL);
    has_size("a.png", HEIGHT, WIDTH, 1);
    has_size("b.jpg", HEIGHT, WIDTH, 1);
    has_size("c.tif", HEIGHT, WIDTH, 1);
    for (int channels = 1; channels <= 3; channels += 2) {
        has_values("a.png", HEIGHT, WIDTH, channels, sharp_grey, 0);
        has_values("b.jpg", HEIGHT, WIDTH, channels, smooth_grey, 5);
        has_values("c.tif", HEIGHT, WIDTH, channels, sharp_grey, 0);
    }
}

static int blocks_alpha(int x, int y, int alpha_band, int band) {
    return band == alpha_band ? blocks(x, y, 0) : sharp(x, y, band);
}
static int with_alpha(int x, int y, int band) {
    return blocks_alpha(x, y, 3, band);
}
static int on_white(int x, int y, int band) {
    return blocks(x, y, 0) ? sharp(x, y, band) : 255;
}
static int grey_with_alpha(int x, int y, int band) {
    return blocks_alpha(x, y, 1, band);
}
static int grey_on_white(int x, int y, int band) {
    (void)band;
    return on_white(x, y, 0);
}
static int half_black(int x, int y, int band) {
    (void)x, (void)y;
    return band == 3 ? 51 : 0; /* 20 % black on white */
}
static int light_grey(int x, int y, int band) {
    (void)x, (void)y, (void)band;
    return 204;
}

static void transparency(void **state) {
    (void)state;
    draw("a.png", 4, with_alpha, NULL);
    has_size("a.png", HEIGHT, WIDTH, 3);
    has_values("a.png", HEIGHT, WIDTH, 3, on_white, 0);
    draw("b.png", 2, grey_with_alpha, NULL);
    has_size("b.png", HEIGHT, WIDTH, 1);
    has_values("b.png", HEIGHT, WIDTH, 1, grey_on_white, 0);
    has_values("b.png", HEIGHT, WIDTH, 3, grey_on_white, 0);
    draw("c.webp", 4, with_alpha, "lossless");
    has_values("c.webp", HEIGHT, WIDTH, 3, on_white, 0);
    draw("d.png", 4, half_black, NULL);
    has_values("d.png", HEIGHT, WIDTH, 3, light_grey, 1);
    has_values("d.png", HEIGHT / 2, WIDTH / 2, 3, light_grey, 1);
}

static int wide(int x, int y, int band) {
    return 257 * sharp(x, y, band);
}
static int wide_fractions(int x, int y, int band) {
    return (x * 1637 + y * 997 + band * 29) % 65536;
}
static int narrowed(int x, int y, int band) {
    return (wide_fractions(x, y, band) + 128) / 257;
}
static int wide_with_alpha(int x, int y, int band) {
    return 257 * with_alpha(x, y, band);
}

static void sixteen_bits(void **state) {
    (void)state;
    struct drawing d = {.width = WIDTH, .height = HEIGHT, .bands = 3, .value = wide, .wide = true};
    draw_picture(path_of("a.png"), &d);
    draw_picture(path_of("a.tif"), &d);
    has_values("a.png", HEIGHT, WIDTH, 3, sharp, 0);
    has_values("a.tif", HEIGHT, WIDTH, 3, sharp, 0);
    d.bands = 1;
    draw_picture(path_of("b.png"), &d);
    has_size("b.png", HEIGHT, WIDTH, 1);
    has_values("b.png", HEIGHT, WIDTH, 1, sharp_grey, 0);
    has_values("b.png", HEIGHT, WIDTH, 3, sharp_grey, 0);
    d = (struct drawing){.width = WIDTH, .height = HEIGHT, .bands = 3, .value = wide_fractions, .wide = true};
    draw_picture(path_of("c.png"), &d);
    has_values("c.png", HEIGHT, WIDTH, 3, narrowed, 1);
    d.bands = 4;
    d.value = wide_with_alpha;
    draw_picture(path_of("d.png"), &d);
    has_values("d.png", HEIGHT, WIDTH, 3, on_white, 0);
}

/* No ink is white, black ink black, and cyan ink lacks red; how much is the profile's business. */
static int ink;
static int inked(int x, int y, int band) {
    (void)x, (void)y;
    return band == ink ? 255 : 0;
}
static void cmyk(void **state) {
    (void)state;
    const struct picture_size wanted = {8, 8, 3};
    uint8_t pixels[3][64];
    for (ink = 0; ink <= 4; ink++) {
        draw_picture(path_of("a.jpg"),
                     &(struct drawing){.width = 16, .height = 16, .bands = 4, .value = inked, .cmyk = true});
        has_size("a.jpg", 16, 16, 3);
        assert_int_equal(decode_picture(path_of("a.jpg"), &wanted, pixels[0]), VGGCL_OK);
        for (int band = 0; band < 3; band++) {
            assert_in_range(pixels[band][20], ink == 4 ? 245 : 0, ink == 3 ? 80 : 255);
            if (ink < 3)
                assert_true(pixels[band][20] >= pixels[ink][20]);
        }
        if (ink < 3)
            assert_true(pixels[(ink + 1) % 3][20] > pixels[ink][20] + 60);
    }
}

static int strong_red(int x, int y, int band) {
    (void)x, (void)y;
    return band == 0 ? 200 : 50;
}

/* A profile's colours become sRGB's, without which the numbers stay; the same numbers are a stronger red in P3. */
static void profiles(void **state) {
    (void)state;
    const struct picture_size wanted = {16, 16, 3};
    uint8_t pixels[3][256];
    struct drawing d = {.width = 16, .height = 16, .bands = 3, .value = strong_red, .profile = "srgb"};
    draw_picture(path_of("a.png"), &d);
    has_values("a.png", 16, 16, 3, strong_red, 0);
    d.profile = "p3";
    draw_picture(path_of("b.png"), &d);
    assert_int_equal(decode_picture(path_of("b.png"), &wanted, pixels[0]), VGGCL_OK);
    assert_true(pixels[0][0] > 205 && pixels[1][0] < 45);
}

/* Orientation 6: turned by 90 degrees clockwise to be upright. */
static int turned(int x, int y, int band) {
    return smooth(y, HEIGHT - 1 - x, band);
}

static void exif_orientation(void **state) {
    (void)state;
    struct drawing d = {.width = WIDTH, .height = HEIGHT, .bands = 3, .value = smooth, .orientation = 6};
    d.options = "Q=95";
    draw_picture(path_of("a.jpg"), &d);
    has_size("a.jpg", WIDTH, HEIGHT, 3);
    has_values("a.jpg", WIDTH, HEIGHT, 3, turned, 6);
    d.options = NULL;
    draw_picture(path_of("a.tif"), &d);
    has_size("a.tif", WIDTH, HEIGHT, 3);
    has_values("a.tif", WIDTH, HEIGHT, 3, turned, 0);
}

static int frames(int x, int y, int band) {
    (void)x;
    return y / HEIGHT == band ? 255 : 0; /* a red, a green and a blue frame */
}

static void first_frame(void **state) {
    (void)state;
    struct drawing d = {.width = WIDTH, .height = HEIGHT, .bands = 3, .value = frames, .frames = 3};
    d.options = "dither=0";
    draw_picture(path_of("a.gif"), &d);
    has_size("a.gif", HEIGHT, WIDTH, 3);
    has_values("a.gif", HEIGHT, WIDTH, 3, frames, 0);
    d.options = "lossless";
    draw_picture(path_of("a.webp"), &d);
    has_size("a.webp", HEIGHT, WIDTH, 3);
    has_values("a.webp", HEIGHT, WIDTH, 3, frames, 0);
    has_values("a.webp", 8, 8, 3, frames, 0);
}

static int flat(int x, int y, int band) {
    (void)x, (void)y;
    return 10 + 100 * band;
}
static int symmetric(int x, int y, int band) {
    return sharp(x < WIDTH / 2 ? x : WIDTH - 1 - x, y, band);
}
/* White in the middle, which a wide or high picture keeps when it is cropped to a square; black at the ends. */
static int wide_middle(int x, int y, int band) {
    (void)y, (void)band;
    return x >= 32 && x < 96 ? 255 : 0;
}
static int high_middle(int x, int y, int band) {
    return wide_middle(y, x, band);
}
static int white(int x, int y, int band) {
    (void)x, (void)y, (void)band;
    return 255;
}

static void other_sizes(void **state) {
    (void)state;
    static const int sides[][2] = {{8, 8}, {24, 24}, {32, 32}, {64, 64}, {13, 29}, {100, 10}, {256, 256}};
    draw("a.png", 3, flat, NULL);
    draw("b.jpg", 3, flat, "Q=100,subsample-mode=off");
    for (size_t i = 0; i < sizeof sides / sizeof *sides; i++) {
        has_values("a.png", sides[i][0], sides[i][1], 3, flat, 0);
        has_values("b.jpg", sides[i][0], sides[i][1], 3, flat, 1);
    }
}

/* What is cropped is as much on each side; these sizes leave an even number of columns. */
static void crops_at_the_centre(void **state) {
    (void)state;
    static const struct picture_size sizes[] = {{24, 24, 3}, {12, 12, 3}, {12, 12, 1}, {12, 20, 3},
                                                {6, 10, 1},  {48, 48, 3}, {31, 31, 1}};
    uint8_t *pixels = malloc(MOST);
    draw("c.png", 3, symmetric, NULL);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t width = sizes[i].width, rows = sizes[i].height * sizes[i].channels;
        assert_int_equal(decode_picture(path_of("c.png"), &sizes[i], pixels), VGGCL_OK);
        for (size_t row = 0; row < rows; row++)
            for (size_t x = 0; x < width; x++)
                assert_in_range(pixels[row * width + x] + 1 - pixels[row * width + width - 1 - x], 0, 2);
    }
    free(pixels);
    draw_picture(path_of("d.png"), &(struct drawing){.width = 128, .height = 32, .bands = 1, .value = wide_middle});
    draw_picture(path_of("e.png"), &(struct drawing){.width = 32, .height = 128, .bands = 1, .value = high_middle});
    has_values("d.png", 32, 32, 1, white, 0);
    has_values("e.png", 32, 32, 1, white, 0);
    has_values("d.png", 16, 16, 3, white, 0);
    has_values("d.png", 64, 64, 1, white, 0);
}

/* The luminance of sRGB's colours, which green has most of and blue least. */
static void grey_of_colours(void **state) {
    (void)state;
    const struct picture_size wanted = {16, 16, 1};
    uint8_t pixels[4][256];
    draw_flat(path_of("a.png"), 16, 16, 255, 0, 0);
    assert_int_equal(decode_picture(path_of("a.png"), &wanted, pixels[0]), VGGCL_OK);
    draw_flat(path_of("a.png"), 16, 16, 0, 255, 0);
    assert_int_equal(decode_picture(path_of("a.png"), &wanted, pixels[1]), VGGCL_OK);
    draw_flat(path_of("a.png"), 16, 16, 0, 0, 255);
    assert_int_equal(decode_picture(path_of("a.png"), &wanted, pixels[2]), VGGCL_OK);
    draw_flat(path_of("a.png"), 16, 16, 90, 90, 90);
    assert_int_equal(decode_picture(path_of("a.png"), &wanted, pixels[3]), VGGCL_OK);
    assert_true(pixels[1][0] > pixels[0][0] && pixels[0][0] > pixels[2][0] && pixels[2][0] > 0);
    assert_in_range(pixels[3][0], 89, 91);
}

/* ------------------------------------------------------------------------------------------------- bad pictures -- */

/* Decoding fails with the code and one line that begins with the path and holds the part. */
static void refuses_pixels(const char *name, enum vggcl_err code, const char *part) {
    const struct picture_size wanted = {16, 16, 3};
    uint8_t pixels[3 * 256];
    assert_int_equal(decode_picture(path_of(name), &wanted, pixels), code);
    assert_ptr_equal(strstr(vggcl_error(), path_of(name)), vggcl_error());
    assert_null(strchr(vggcl_error(), '\n'));
    if (!strstr(vggcl_error(), part))
        fail_msg("\"%s\" is not in: %s", part, vggcl_error());
}

static void refuses(const char *name, enum vggcl_err code, const char *part) {
    struct picture_size size;
    assert_int_equal(decode_size(path_of(name), &size), code);
    if (!strstr(vggcl_error(), part))
        fail_msg("\"%s\" is not in: %s", part, vggcl_error());
    refuses_pixels(name, code, part);
}

static void put_text(const char *name, const char *text) {
    write_file(path_of(name), text, strlen(text));
}

static void other_files(void **state) {
    (void)state;
    put_text("text.jpg", "this is not a picture\n");
    refuses("text.jpg", VGGCL_EFORMAT, ": is not a JPEG, PNG, WebP, GIF, TIFF or BMP picture");
    put_text("one.jpg", "B");
    refuses("one.jpg", VGGCL_EFORMAT, ": is not a JPEG, PNG, WebP, GIF, TIFF or BMP picture");
    put_text("svg.png", "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"32\" height=\"32\"><rect width=\"9\" "
                        "height=\"9\"/></svg>\n");
    refuses("svg.png", VGGCL_EFORMAT, ": is not a JPEG, PNG");
    put_text("pdf.png", "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n%%EOF\n");
    refuses("pdf.png", VGGCL_EFORMAT, ": is not a JPEG, PNG");
    put_text("pnm.bmp", "P2 2 2 255 1 2 3 4\n");
    refuses("pnm.bmp", VGGCL_EFORMAT, ": is not a JPEG, PNG");
    put_text("msl.bmp", "<?xml version=\"1.0\"?><image><read filename=\"/etc/passwd\"/></image>\n");
    refuses("msl.bmp", VGGCL_EFORMAT, ": is not a JPEG, PNG");
    put_text("empty.png", "");
    refuses("empty.png", VGGCL_EFORMAT, ": is empty");
    refuses("missing.png", VGGCL_EIO, ": cannot be opened: No such file or directory");
    assert_int_equal(mkdir(path_of("folder.png"), 0777), 0);
    refuses("folder.png", VGGCL_EIO, ": is not a regular file");
    assert_int_equal(mkfifo(path_of("fifo.png"), 0666), 0); /* opening it would wait for a writer */
    refuses("fifo.png", VGGCL_EIO, ": is not a regular file");
}

static void cut_to_half(const char *name) {
    struct stat status;
    assert_int_equal(stat(path_of(name), &status), 0);
    cut_file(path_of(name), (size_t)status.st_size / 2);
}

/* The header is whole, so that only the pixels are missing; at the wanted size, and at another one. */
static void truncated_files(void **state) {
    (void)state;
    static const char *const names[] = {"a.jpg", "a.png", "a.webp", "a.gif", "a.tif", "a.bmp"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        for (int side = 16; side <= 96; side += 80) {
            draw_picture(path_of(names[i]),
                         &(struct drawing){.width = side, .height = side, .bands = 3, .value = sharp});
            cut_to_half(names[i]);
            refuses_pixels(names[i], VGGCL_EFORMAT, "");
        }
    struct picture_size size;
    assert_int_equal(decode_size(path_of("a.jpg"), &size), VGGCL_OK);
    assert_int_equal(size.width, 96);
    cut_file(path_of("a.png"), 20); /* amid the header */
    refuses("a.png", VGGCL_EFORMAT, ": cannot be decoded: ");
}

/* A PNG file's chunk, of a type and bytes, with its sum. Returns where the next one goes. */
static unsigned char *put_chunk(unsigned char *to, const char *type, const unsigned char *bytes, size_t count) {
    const unsigned char length[4] = {0, 0, (unsigned char)(count >> 8), (unsigned char)count};
    uint32_t sum = 0xffffffff;
    memcpy(to, length, 4);
    memcpy(to + 4, type, 4);
    memcpy(to + 8, bytes, count);
    for (size_t i = 4; i < 8 + count; i++) {
        sum ^= to[i];
        for (int bit = 0; bit < 8; bit++)
            sum = sum >> 1 ^ (sum & 1 ? 0xedb88320 : 0);
    }
    sum = ~sum;
    for (int i = 0; i < 4; i++)
        to[8 + count + (size_t)i] = (unsigned char)(sum >> (24 - 8 * i));
    return to + 12 + count;
}

static void put_png(const char *name, uint32_t side) {
    unsigned char file[256], *end = file + 8;
    const unsigned char size[] = {(unsigned char)(side >> 24),
                                  (unsigned char)(side >> 16),
                                  (unsigned char)(side >> 8),
                                  (unsigned char)side,
                                  (unsigned char)(side >> 24),
                                  (unsigned char)(side >> 16),
                                  (unsigned char)(side >> 8),
                                  (unsigned char)side,
                                  8,
                                  2,
                                  0,
                                  0,
                                  0};
    const unsigned char pixels[] = {0x78, 0x9c, 3, 0, 0, 0, 0, 1};
    memcpy(file, "\x89PNG\r\n\x1a\n", 8);
    end = put_chunk(end, "IHDR", size, sizeof size);
    end = put_chunk(end, "IDAT", pixels, sizeof pixels);
    end = put_chunk(end, "IEND", pixels, 0);
    write_file(path_of(name), file, (size_t)(end - file));
}

static void too_many_pixels(void **state) {
    (void)state;
    put_png("large.png", 50000);
    refuses("large.png", VGGCL_EFORMAT, ": has 50000x50000 pixels, more than the 268435456 that are read");
    put_png("limit.png", 16384); /* read, and then it lacks its pixels */
    has_size("limit.png", 16384, 16384, 3);
    refuses_pixels("limit.png", VGGCL_EFORMAT, ": cannot be decoded: ");
    put_png("above.png", 16385);
    refuses("above.png", VGGCL_EFORMAT, ": has 16385x16385 pixels");
}

enum { KINDS = 4, FILES = 32 };
static const char *const kinds[KINDS] = {"a.jpg", "a.png", "text.jpg", "b.png"}; /* the last one is whole */
static char *errors[FILES];

static void fails_alone(size_t i, void *payload) {
    const struct picture_size wanted = {16, 16, 3};
    uint8_t pixels[3 * 256];
    char path[VGGCL_PATH_MAX];
    (void)payload;
    assert_int_equal(file_path(path, folder, kinds[i % KINDS]), VGGCL_OK);
    enum vggcl_err err = decode_picture(path, &wanted, pixels);
    errors[i] = strdup(err == VGGCL_OK ? "" : vggcl_error());
    err_put_back(NULL);
}

/* libvips has one error text for all threads: each file still gets its own. */
static void errors_of_several_threads(void **state) {
    (void)state;
    char *alone[KINDS];
    for (int i = 0; i < 2; i++) {
        draw_picture(path_of(kinds[i]), &(struct drawing){.width = 96, .height = 96, .bands = 3, .value = sharp});
        cut_to_half(kinds[i]);
    }
    put_text("text.jpg", "this is not a picture\n");
    draw("b.png", 3, sharp, NULL);
    for (size_t i = 0; i < KINDS; i++) {
        fails_alone(i, NULL);
        alone[i] = errors[i];
    }
    assert_string_equal(alone[3], "");
    assert_string_not_equal(strstr(alone[0], ": "), strstr(alone[1], ": "));
    for (int repeat = 0; repeat < 3; repeat++) {
        parallel_for(FILES, &(struct parallel){.one = fails_alone, .thread_ends = decode_end_thread});
        for (size_t i = 0; i < FILES; i++) {
            assert_string_equal(errors[i], alone[i % KINDS]);
            free(errors[i]);
        }
    }
    for (size_t i = 0; i < KINDS; i++)
        free(alone[i]);
}

#else

static void says_that_libvips_is_missing(void **state) {
    (void)state;
    struct picture_size size = {16, 16, 3};
    uint8_t pixels[3 * 256];
    static const char expected[] = "a.png: this vggcl was built without libvips, which decodes pictures: install "
                                   "libvips-dev and build it again";
    assert_int_equal(decode_start("a.png"), VGGCL_EUSAGE);
    assert_string_equal(vggcl_error(), expected);
    assert_int_equal(decode_size("a.png", &size), VGGCL_EUSAGE);
    assert_string_equal(vggcl_error(), expected);
    assert_int_equal(decode_picture("a.png", &size, pixels), VGGCL_EUSAGE);
    assert_string_equal(vggcl_error(), expected);
    print_message("the other tests are skipped: this build lacks libvips\n");
}

#endif

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_pictures),
#ifdef VGGCL_VIPS
        cmocka_unit_test(colours),
        cmocka_unit_test(grey),
        cmocka_unit_test(transparency),
        cmocka_unit_test(sixteen_bits),
        cmocka_unit_test(cmyk),
        cmocka_unit_test(profiles),
        cmocka_unit_test(exif_orientation),
        cmocka_unit_test(first_frame),
        cmocka_unit_test(other_sizes),
        cmocka_unit_test(crops_at_the_centre),
        cmocka_unit_test(grey_of_colours),
        cmocka_unit_test(other_files),
        cmocka_unit_test(truncated_files),
        cmocka_unit_test(too_many_pixels),
        cmocka_unit_test(errors_of_several_threads),
#else
        cmocka_unit_test(says_that_libvips_is_missing),
#endif
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
