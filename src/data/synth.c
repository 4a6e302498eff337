/* Ten classes that differ only in the arrangement of their edges: five shapes and five textures. Colours, polarity,
 * position, size, tilt, shading, clutter and noise do not depend on the class, so that single pixels and the mean of an
 * image say little about it. No class is the mirror image of another one, so training may flip images. The arithmetic
 * is on integers, and sqrt() of an integer is rounded equally by every IEEE 754 machine: all make the same bytes. */
#include "data/synth.h"
#include "base/rng.h"
#include "data/format.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FEWEST_IMAGES = 10, MOST_IMAGES = 10000000 };

/* Lengths are in sixteenths of a pixel of an image of SYNTH_SIDE, so that edges can lie between pixels. Larger and
 * smaller images show the same scene in other pixels. */
enum { UNIT = 16, SPOTS = 2 };

struct spot {
    int x, y, radius;
    int colour[SYNTH_CHANNELS];
};

/* The random choices for one image, which do not depend on its class. */
struct scene {
    int x, y;   /* the shape's centre; the texture's phase */
    int size;   /* radius of a shape */
    int period; /* of a texture */
    int tilt;   /* sine of the turn, in 64ths */
    int hand;   /* 1 or -1: triangle up or down, which diagonal */
    int background[SYNTH_CHANNELS], foreground[SYNTH_CHANNELS];
    int shade_x, shade_y; /* change of brightness across the image */
    int noise;            /* amplitude, in 256ths of the whole range */
    int spots;
    struct spot spot[SPOTS];
};

static int min(int a, int b) {
    return a < b ? a : b;
}

static int max(int a, int b) {
    return a > b ? a : b;
}

static int clamp(int value, int low, int high) {
    return max(low, min(value, high));
}

static int length(int u, int v) {
    return (int)sqrt((double)(u * u + v * v));
}

/* Distance from the nearest multiple of period. */
static int fold(int position, int period) {
    int rest = abs(position) % period;
    return min(rest, period - rest);
}

/* Signed distance to the edge of a stripe; stripes repeat with the period and are half as wide. */
static int stripe(int position, int period) {
    return period / 4 - fold(position, period);
}

/* A function for each class: the signed distance of the point (u, v) from the edge of the figure, positive inside. u
 * points right, v down, from the figure's centre. */
static int disc(const struct scene *s, int u, int v) {
    return s->size - length(u, v);
}

static int ring(const struct scene *s, int u, int v) {
    return s->size / 5 - abs(length(u, v) - s->size * 4 / 5);
}

static int square(const struct scene *s, int u, int v) {
    return s->size * 7 / 8 - max(abs(u), abs(v));
}

static int triangle(const struct scene *s, int u, int v) {
    v *= s->hand; /* apex at v = -size, base of width 2 size at v = 3/4 size; 8 is nearly sqrt(4*4 + 7*7) */
    return min(s->size * 3 / 4 - v, (4 * (v + s->size) - 7 * abs(u)) / 8);
}

static int cross(const struct scene *s, int u, int v) {
    return min(s->size - max(abs(u), abs(v)), s->size / 3 - min(abs(u), abs(v)));
}

static int horizontal(const struct scene *s, int u, int v) {
    (void)u;
    return stripe(v, s->period);
}

static int vertical(const struct scene *s, int u, int v) {
    (void)v;
    return stripe(u, s->period);
}

static int diagonal(const struct scene *s, int u, int v) {
    return stripe((u + s->hand * v) * 181 / 256, s->period);
}

static int checkerboard(const struct scene *s, int u, int v) {
    int a = stripe(u, s->period), b = stripe(v, s->period), edge = min(abs(a), abs(b));
    return (a > 0) == (b > 0) ? edge : -edge;
}

static int dots(const struct scene *s, int u, int v) {
    return s->period * 5 / 16 - length(fold(u, s->period), fold(v, s->period));
}

static const struct {
    const char *name;
    int (*inside)(const struct scene *s, int u, int v);
} figures[SYNTH_CLASSES] = {
    {"disc", disc},
    {"ring", ring},
    {"square", square},
    {"triangle", triangle},
    {"cross", cross},
    {"horizontal stripes", horizontal},
    {"vertical stripes", vertical},
    {"diagonal stripes", diagonal},
    {"checkerboard", checkerboard},
    {"dots", dots},
};

/* Uniform in low .. high. */
static int between(struct rng *r, int low, int high) {
    return low + (int)rng_below(r, (uint32_t)(high - low + 1));
}

static void draw_scene(struct scene *s, struct rng *r) {
    s->x = between(r, 11 * UNIT, 21 * UNIT);
    s->y = between(r, 11 * UNIT, 21 * UNIT);
    s->size = between(r, 7 * UNIT, 11 * UNIT);
    s->period = between(r, 5 * UNIT, 10 * UNIT);
    s->tilt = between(r, -10, 10);
    s->hand = between(r, 0, 1) * 2 - 1;
    for (int c = 0; c < SYNTH_CHANNELS; c++) {
        s->background[c] = between(r, 0, 255);
        int contrast = between(r, 48, 127); /* towards the middle, so that it never leaves the range */
        s->foreground[c] = s->background[c] + (s->background[c] < 128 ? contrast : -contrast);
    }
    s->shade_x = between(r, -48, 48);
    s->shade_y = between(r, -48, 48);
    s->noise = between(r, 8, 48);
    s->spots = between(r, 0, SPOTS);
    for (int i = 0; i < s->spots; i++) {
        struct spot *spot = &s->spot[i];
        spot->x = between(r, 0, SYNTH_SIDE * UNIT);
        spot->y = between(r, 0, SYNTH_SIDE * UNIT);
        spot->radius = between(r, UNIT, 3 * UNIT);
        for (int c = 0; c < SYNTH_CHANNELS; c++)
            spot->colour[c] = between(r, 0, 255);
    }
}

/* Blends colour over pixel, by the signed distance `inside`; the edge is one pixel wide. */
static void blend(int pixel[SYNTH_CHANNELS], const int colour[SYNTH_CHANNELS], int inside) {
    int cover = clamp(inside + UNIT / 2, 0, UNIT);
    for (int c = 0; c < SYNTH_CHANNELS; c++)
        pixel[c] += (colour[c] - pixel[c]) * cover / UNIT;
}

/* The middle of pixel i of a row or column of `side` pixels. */
static int middle(int i, int side) {
    return (2 * i + 1) * (SYNTH_SIDE * UNIT / 2) / side;
}

void synth_draw(uint8_t *pixels, size_t image_side, bool test, size_t i, uint64_t seed) {
    int side = (int)image_side, plane = side * side, label = (int)(i % SYNTH_CLASSES);
    struct rng r = rng_sequence(seed, RNG_SYNTH, (test ? (uint64_t)1 << 32 : 0) + i);
    struct scene s;
    draw_scene(&s, &r);
    for (int at = 0; at < plane; at++) {
        int x = middle(at % side, side), y = middle(at / side, side);
        int u = x - s.x, v = y - s.y, pixel[SYNTH_CHANNELS];
        memcpy(pixel, s.background, sizeof pixel);
        blend(pixel, s.foreground, figures[label].inside(&s, u + v * s.tilt / 64, v - u * s.tilt / 64));
        for (int k = 0; k < s.spots; k++)
            blend(pixel, s.spot[k].colour, s.spot[k].radius - length(x - s.spot[k].x, y - s.spot[k].y));

        /* Noise: a byte of the word for each channel plus one that they share, so its density is triangular. */
        int shade = (s.shade_x * (x - 16 * UNIT) + s.shade_y * (y - 16 * UNIT)) / (SYNTH_SIDE * UNIT);
        uint32_t word = rng_u32(&r);
        for (int c = 0; c < SYNTH_CHANNELS; c++) {
            int noise = (int)(word >> 24) + (int)(word >> 8 * c & 255) - 255;
            pixels[c * plane + at] = (uint8_t)clamp(pixel[c] + shade + noise * s.noise / 256, 0, 255);
        }
    }
}

/* Fills set with count images, from image `first` of the sequence on. */
static enum vggcl_err make_images(struct dataset *set, const struct data_spec *spec, size_t count, bool test,
                                  uint64_t seed) {
    TRY(dataset_allocate(set, spec, count));
    for (size_t i = 0; i < count; i++) {
        set->labels[i] = (uint16_t)(i % SYNTH_CLASSES);
        synth_draw(set->pixels + i * data_image_bytes(spec), spec->height, test, i, seed);
    }
    return VGGCL_OK;
}

const char *synth_class_name(size_t class) {
    return figures[class].name;
}

struct data_spec synth_spec(size_t side) {
    return (struct data_spec){side, side, SYNTH_CHANNELS, SYNTH_CLASSES, NULL};
}

static enum vggcl_err name_classes(struct data_spec *named) {
    char *names[SYNTH_CLASSES];
    for (int i = 0; i < SYNTH_CLASSES; i++)
        names[i] = (char *)figures[i].name;
    named->class_names = names_copy(SYNTH_CLASSES, names);
    return named->class_names ? VGGCL_OK : VGGCL_ENOMEM;
}

enum vggcl_err synth_check(size_t train, size_t test, size_t side) {
    if (side < DATA_LEAST_SIDE || side > DATA_MOST_SIDE)
        return err_set(VGGCL_EUSAGE, "synthetic set: images of %zux%zu pixels cannot be drawn; size takes %d to %d",
                       side, side, DATA_LEAST_SIDE, DATA_MOST_SIDE);
    if (train < FEWEST_IMAGES || train > MOST_IMAGES || test < FEWEST_IMAGES || test > MOST_IMAGES)
        return err_set(VGGCL_EUSAGE,
                       "synthetic set: cannot have %zu training and %zu test images; each number must be from %d to %d",
                       train, test, FEWEST_IMAGES, MOST_IMAGES);
    return VGGCL_OK;
}

enum vggcl_err synth_make(size_t train, size_t test, size_t side, uint64_t seed, struct data *data) {
    enum vggcl_err err;
    *data = (struct data){.spec = synth_spec(side)};
    TRY_GOTO(synth_check(train, test, side), done);
    TRY_GOTO(name_classes(&data->spec), done);
    TRY_GOTO(make_images(&data->train, &data->spec, train, false, seed), done);
    TRY_GOTO(make_images(&data->test, &data->spec, test, true, seed), done);
done:
    if (err != VGGCL_OK)
        data_free(data);
    return err;
}

/* --------------------------------------------------------------------------------------------------- the format -- */

/* Digits only, where strtoul() alone would take signs and spaces; a number that is too large becomes ULONG_MAX. Returns
 * where the number ends, NULL where there is none. */
static const char *parse_count(const char *text, size_t *number) {
    char *end;
    if (!isdigit((unsigned char)*text))
        return NULL;
    *number = strtoul(text, &end, 10);
    return end;
}

/* "TRAIN,TEST" */
static bool parse_counts(const char *text, size_t *train, size_t *test) {
    const char *end = parse_count(text, train);
    if (!end || *end != ',')
        return false;
    end = parse_count(end + 1, test);
    return end && *end == '\0';
}

static const char word[] = "synthetic";

/* "synthetic" or "synthetic:TRAIN,TEST"; longer words are names of folders. */
static bool recognise(const char *name) {
    const char *after = name + sizeof word - 1;
    return strncmp(name, word, sizeof word - 1) == 0 && (*after == '\0' || *after == ':');
}

static enum vggcl_err count(const struct data_source *source, struct data_size *size) {
    const char *counts = strchr(source->name, ':');
    *size = (struct data_size){synth_spec(source->side ? source->side : SYNTH_SIDE), SYNTH_TRAIN, SYNTH_TEST};
    if (!recognise(source->name) || (counts && !parse_counts(counts + 1, &size->train, &size->test)))
        return err_set(VGGCL_EUSAGE,
                       "data %s: takes synthetic or synthetic:TRAIN,TEST, e.g. synthetic:5000,1000 for 5000 training "
                       "and 1000 test images",
                       source->name);
    return VGGCL_OK;
}

static enum vggcl_err read(const struct data_source *source, struct data *data) {
    struct data_size size;
    TRY(count(source, &size));
    return synth_make(size.train, size.test, size.spec.height, source->seed, data);
}

const struct data_format format_synthetic = {
    .name = word, .title = word, .any_side = true, .recognise = recognise, .count = count, .read = read};
