/* image.cl - a batch of training images, made from the bytes of the data set, or of the batch alone. */

/* Size of an image, given by ops/image.c. */
#if !defined(HEIGHT) || !defined(WIDTH) || !defined(CHANNELS)
#error "HEIGHT, WIDTH and CHANNELS are not defined"
#endif
#define PLANE (HEIGHT * WIDTH)

/* The position inside of a row or column that a position outside of it mirrors. */
int reflect_into(int at, int side) {
    return at < 0 ? -at : at >= side ? 2 * (side - 1) - at : at;
}

/* x[i][row][column][channel] = (byte / 255 - mean) * factor of image order[first + i], label[i] its class; channel
 * c uses element c modulo 4 of mean and factor. bytes and labels are those of the data set, or, if staged is not
 * 0, those of the batch in its order. Each image of an epoch has four random words, which choose its augmentation:
 * mirror is 0 for never, 1 for with probability 1/2, 2 for always; the image moves by up to shift pixels in each
 * direction, and what comes in is reflected at the edge; a square of cutout pixels, its middle anywhere in the image,
 * is 0. A work-item makes a row. bytes is [image][channel][row][column]. */
kernel void image_batch(global const uchar *bytes, global const ushort *labels, global const int *order, int first,
                        int n, int staged, float4 mean, float4 factor, int mirror, int shift, int cutout, uint2 seed,
                        uint epoch, uint purpose, global stored *x, global int *label) {
    int i = get_global_id(0);
    if (i >= n * HEIGHT)
        return;
    int number = order[first + i / HEIGHT], image = staged ? i / HEIGHT : number, row = i % HEIGHT;
    uint4 word = philox((uint4)(0, number, epoch, purpose), seed);
    int mirrored = mirror == 2 || (mirror == 1 && (word.x & 1));
    int down = (int)mul_hi(word.y, 2u * shift + 1) - shift, right = (int)mul_hi(word.z, 2u * shift + 1) - shift;
    int cut_row = (word.w >> 16) % HEIGHT - cutout / 2, cut_column = (word.w & 0xffff) % WIDTH - cutout / 2;
    const float means[4] = {mean.x, mean.y, mean.z, mean.w}, factors[4] = {factor.x, factor.y, factor.z, factor.w};
    bool cut = row >= cut_row && row < cut_row + cutout;
    global const uchar *from = bytes + (size_t)image * CHANNELS * PLANE + reflect_into(row + down, HEIGHT) * WIDTH;
    for (int column = 0; column < WIDTH; column++) {
        int source = reflect_into(column + right, WIDTH), pixel = mirrored ? WIDTH - 1 - source : source;
        bool empty = cut && column >= cut_column && column < cut_column + cutout;
        for (int channel = 0; channel < CHANNELS; channel++)
            ASTORE1(empty ? 0.0f : (from[channel * PLANE + pixel] / 255.0f - means[channel & 3]) * factors[channel & 3],
                    channel, x + ((size_t)i * WIDTH + column) * CHANNELS);
    }
    if (row == 0)
        label[i / HEIGHT] = labels[image];
}
