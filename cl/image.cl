/* image.cl - a batch of training images, made from the bytes of the data set, or of the batch alone. */

/* Given by ops/image.c: the size of an image; PLAIN is 1 if images are neither resized nor mixed, and keep their
 * colours. Without all that, image_batch() takes half the time. */
#if !defined(HEIGHT) || !defined(WIDTH) || !defined(CHANNELS) || !defined(PLAIN)
#error "HEIGHT, WIDTH, CHANNELS and PLAIN are not defined"
#endif
#define PLANE (HEIGHT * WIDTH)

/* An image: its number in the data set, which selects its random words, and where its pixels are. */
struct image {
    int number, at;
};

/* The image at a position of the order; if staged is not 0, bytes and labels are those of a batch, in its order. */
struct image image_at(global const int *order, int position, int staged) {
    return (struct image){order[position], staged ? position : order[position]};
}

global const uchar *pixels_of(global const uchar *bytes, struct image image) {
    return bytes + (size_t)image.at * CHANNELS * PLANE;
}

/* The grey of a pixel as torchvision's rgb_to_grayscale() has it; the mean of other than three channels. */
float grey_of(const float *value) {
#if CHANNELS == 3
    return 0.2989f * value[0] + 0.587f * value[1] + 0.114f * value[2];
#else
    float sum = 0;
    for (int channel = 0; channel < CHANNELS; channel++)
        sum += value[channel];
    return sum / CHANNELS;
#endif
}

/* grey[i][row] = the mean grey, 0..255, of a row of an image: for i < n of order[first + i], for n <= i < images of
 * these images' partners, see image_batch(). A work-item has a row. */
kernel void image_grey(global const uchar *bytes, global const int *order, int first, int n, int staged, int ends,
                       int images, global float *grey) {
    int i = get_global_id(0);
    if (i >= images * HEIGHT)
        return;
    int k = i / HEIGHT, position = k < n ? first + k : ends - (first + k - n);
    global const uchar *from = pixels_of(bytes, image_at(order, position, staged)) + i % HEIGHT * WIDTH;
    float mean[CHANNELS];
    for (int channel = 0; channel < CHANNELS; channel++) {
        int sum = 0;
        for (int column = 0; column < WIDTH; column++)
            sum += from[channel * PLANE + column];
        mean[channel] = (float)sum / WIDTH;
    }
    grey[i] = grey_of(mean);
}

/* The arguments of image_batch() that say how images are augmented and normalised. */
struct how {
    float mean[4], factor[4];
    int mirror, shift, cutout;
    float area, jitter;
    uint2 seed;
    uint epoch, purpose;
};

/* How an image is augmented. */
struct view {
    global const uchar *pixels; /* [channel][row][column] */
    bool mirrored;
    int down, right, cut_row, cut_column, cutout;
    bool resized;
    float top, left, rows, columns; /* the box that is stretched over the whole image, in pixels */
    bool jittered;
    float contrast, brightness, saturation; /* factors */
    float grey;                             /* mean of the image, for the contrast */
};

/* Uniform in [0, 1), a multiple of 2^-24. */
float uniform(uint word) {
    return (word >> 8) * 0x1p-24f;
}

/* Uniform in 1 - jitter .. 1 + jitter. */
float factor(uint word, float jitter) {
    return 1 + jitter * (2 * uniform(word) - 1);
}

/* From the words that choose an image's augmentation: see image_batch(). */
void draw_geometry(struct view *v, uint4 word, const struct how *how) {
    v->mirrored = how->mirror == 2 || (how->mirror == 1 && (word.x & 1));
    v->down = (int)mul_hi(word.y, 2u * how->shift + 1) - how->shift;
    v->right = (int)mul_hi(word.z, 2u * how->shift + 1) - how->shift;
    v->cut_row = (word.w >> 16) % HEIGHT - how->cutout / 2;
    v->cut_column = (word.w & 0xffff) % WIDTH - how->cutout / 2;
    v->cutout = how->cutout;
}

/* area: the smallest one, relative to the image. */
void draw_box(struct view *v, uint4 word, float area) {
    float pixels = PLANE * (area + (1 - area) * uniform(word.x));
    float ratio = exp((2 * uniform(word.y) - 1) * log(4 / 3.0f));
    v->rows = min(sqrt(pixels / ratio), (float)HEIGHT);
    v->columns = min(sqrt(pixels * ratio), (float)WIDTH);
    v->top = uniform(word.z) * (HEIGHT - v->rows);
    v->left = uniform(word.w) * (WIDTH - v->columns);
}

/* rows: the mean greys of the image's rows. */
void draw_colours(struct view *v, uint4 word, float jitter, global const float *rows) {
    v->brightness = factor(word.x, jitter);
    v->contrast = factor(word.y, jitter);
    v->saturation = factor(word.z, jitter);
    v->grey = 0;
    for (int row = 0; row < HEIGHT; row++)
        v->grey += rows[row];
    v->grey /= HEIGHT;
}

/* rows: as in draw_colours(). */
struct view draw(global const uchar *bytes, struct image image, const struct how *how, global const float *rows) {
    struct view v = {.pixels = pixels_of(bytes, image)};
    v.resized = !PLAIN && how->area > 0;
    v.jittered = !PLAIN && how->jitter > 0;
    draw_geometry(&v, philox((uint4)(0, image.number, how->epoch, how->purpose), how->seed), how);
    if (v.jittered)
        draw_colours(&v, philox((uint4)(1, image.number, how->epoch, how->purpose), how->seed), how->jitter, rows);
    if (v.resized)
        draw_box(&v, philox((uint4)(2, image.number, how->epoch, how->purpose), how->seed), how->area);
    return v;
}

/* share * value + (1 - share) * other, cut off at 0 and 255. */
float blend(float share, float value, float other) {
    return clamp(share * value + (1 - share) * other, 0.0f, 255.0f);
}

/* Contrast, brightness and saturation of a pixel by torchvision's formulas, on a scale of 0..255: blends with the
 * image's mean grey, with black, and with the pixel's own grey. */
void jitter_colours(const struct view *v, float *value) {
    for (int channel = 0; channel < CHANNELS; channel++)
        value[channel] = blend(v->brightness, blend(v->contrast, value[channel], v->grey), 0);
#if CHANNELS == 3
    float grey = grey_of(value);
    for (int channel = 0; channel < CHANNELS; channel++)
        value[channel] = blend(v->saturation, value[channel], grey);
#endif
}

/* The position inside of a row or column that a position outside of it mirrors. */
int reflect_into(int at, int side) {
    return at < 0 ? -at : at >= side ? 2 * (side - 1) - at : at;
}

/* value[channel] = the middle of pixel (row, column) of the box that is stretched over the image, by bilinear
 * interpolation between the middles of pixels. */
void box_pixel(const struct view *v, int row, int column, float *value) {
    float y = clamp(v->top + (row + 0.5f) * (v->rows / HEIGHT) - 0.5f, 0.0f, HEIGHT - 1.0f);
    float x = clamp(v->left + (column + 0.5f) * (v->columns / WIDTH) - 0.5f, 0.0f, WIDTH - 1.0f);
    int up = (int)y, left = (int)x, down = min(up + 1, HEIGHT - 1), right = min(left + 1, WIDTH - 1);
    for (int channel = 0; channel < CHANNELS; channel++) {
        global const uchar *from = v->pixels + channel * PLANE;
        float upper = mix((float)from[up * WIDTH + left], (float)from[up * WIDTH + right], x - left);
        float lower = mix((float)from[down * WIDTH + left], (float)from[down * WIDTH + right], x - left);
        value[channel] = mix(upper, lower, y - up);
    }
}

/* Where a pixel of the augmented image comes from. */
struct place {
    int row, column;
    bool cut; /* it is in the square that is 0 */
};

struct place place_of(const struct view *v, int row, int column) {
    int right = reflect_into(column + v->right, WIDTH);
    return (struct place){reflect_into(row + v->down, HEIGHT), v->mirrored ? WIDTH - 1 - right : right,
                          row >= v->cut_row && row < v->cut_row + v->cutout && column >= v->cut_column &&
                              column < v->cut_column + v->cutout};
}

/* The network's input for a value in 0..255. */
float normalised(float value, struct place from, int channel, const struct how *how) {
    return from.cut ? 0.0f : (value / 255.0f - how->mean[channel & 3]) * how->factor[channel & 3];
}

float byte_at(const struct view *v, struct place from, int channel) {
    return v->pixels[channel * PLANE + from.row * WIDTH + from.column];
}

/* x[channel] = a pixel of the augmented image, normalised. */
void view_pixel(const struct view *v, int row, int column, const struct how *how, float *x) {
    struct place from = place_of(v, row, column);
    if (v->resized)
        box_pixel(v, from.row, from.column, x);
    else
        for (int channel = 0; channel < CHANNELS; channel++)
            x[channel] = byte_at(v, from, channel);
    if (v->jittered)
        jitter_colours(v, x);
    for (int channel = 0; channel < CHANNELS; channel++)
        x[channel] = normalised(x[channel], from, channel, how);
}

/* x[i][row][column][channel] = (byte / 255 - mean) * factor of image order[first + i], label[i] its class; channel
 * c uses element c modulo 4 of mean and factor. bytes, [image][channel][row][column], and labels are those of
 * the data set, or, if staged is not 0, those of a batch in its order. Random words of each image and epoch choose its
 * augmentation: mirror is 0 for never, 1 for with probability 1/2, 2 for always; unless area is 0, a box of at least
 * that part of the image is stretched over it; the image moves by up to shift pixels in each direction, and what comes
 * in is reflected at the edge; brightness, contrast and saturation change by factors in 1 - jitter .. 1 + jitter; a
 * square of cutout pixels, its middle anywhere in the image, is 0. grey has the mean of each row of the n images, then
 * of their partners; it is not read if jitter is 0. The image at position p of the order has the one at position
 * ends - p as its partner: in rows top .. bottom - 1 of columns left .. right - 1, x is inside * x + (1 - inside) * the
 * partner's x, and partner_label[i] its class, unless there are no such rows. A work-item makes a row. */
kernel void image_batch(global const uchar *bytes, global const ushort *labels, global const int *order, int first,
                        int n, int staged, float4 mean, float4 factor, int mirror, int shift, int cutout, float area,
                        float jitter, uint2 seed, uint epoch, uint purpose, global const float *grey, int ends, int top,
                        int left, int bottom, int right, float inside, global stored *x, global int *label,
                        global int *partner_label) {
    int i = get_global_id(0);
    if (i >= n * HEIGHT)
        return;
    int k = i / HEIGHT, row = i % HEIGHT;
    bool mixes = !PLAIN && bottom > top, row_mixes = mixes && row >= top && row < bottom;
    struct image image = image_at(order, first + k, staged);
    struct image partner = mixes ? image_at(order, ends - (first + k), staged) : image;
    const struct how how = {{mean.x, mean.y, mean.z, mean.w},
                            {factor.x, factor.y, factor.z, factor.w},
                            mirror,
                            shift,
                            cutout,
                            area,
                            jitter,
                            seed,
                            epoch,
                            purpose};
    struct view own = draw(bytes, image, &how, grey + k * HEIGHT), other = own;
    if (row_mixes)
        other = draw(bytes, partner, &how, grey + (n + k) * HEIGHT);
    x += (size_t)i * WIDTH * CHANNELS;
#if PLAIN
    for (int column = 0; column < WIDTH; column++) {
        struct place from = place_of(&own, row, column);
        for (int channel = 0; channel < CHANNELS; channel++)
            ASTORE1(normalised(byte_at(&own, from, channel), from, channel, &how), channel, x + column * CHANNELS);
    }
#else
    for (int column = 0; column < WIDTH; column++) {
        float value[CHANNELS], mixed[CHANNELS];
        view_pixel(&own, row, column, &how, value);
        if (row_mixes && column >= left && column < right) {
            view_pixel(&other, row, column, &how, mixed);
            for (int channel = 0; channel < CHANNELS; channel++)
                value[channel] = inside * value[channel] + (1 - inside) * mixed[channel];
        }
        for (int channel = 0; channel < CHANNELS; channel++)
            ASTORE1(value[channel], channel, x + column * CHANNELS);
    }
#endif
    if (row == 0)
        label[k] = labels[image.at];
    if (row == 0 && mixes)
        partner_label[k] = labels[partner.at];
}
