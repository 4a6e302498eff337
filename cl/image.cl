/* image.cl - a batch of training images out of the data set, which lies on the device as bytes. */

#define SIDE 32
#define PLANE (SIDE * SIDE)

/* Of a pixel outside of its row or column, the one inside that it mirrors. */
int reflect_into(int at) {
    return at < 0 ? -at : at >= SIDE ? 2 * (SIDE - 1) - at : at;
}

/* x[i][row][column][channel] = (byte / 255 - 0.5) / 0.5 of image order[first + i], label[i] its class. For each image of an
 * epoch four random words say what it looks like: mirror is 0 for as it is, 1 for mirrored by a coin, 2 for mirrored; its
 * window moves by up to shift pixels each way, over edges that reflect; and a square of cutout pixels, its middle anywhere,
 * is 0. A work-item is a row; bytes is [image][3][32][32]. */
kernel void image_batch(global const uchar *bytes, global const uchar *labels, global const int *order, int first,
                        int n, int mirror, int shift, int cutout, uint2 seed, uint epoch, uint purpose,
                        global stored *x, global int *label) {
    int i = get_global_id(0);
    if (i >= n * SIDE)
        return;
    int image = order[first + i / SIDE], row = i % SIDE;
    uint4 word = philox((uint4)(0, image, epoch, purpose), seed);
    int mirrored = mirror == 2 || (mirror == 1 && (word.x & 1));
    int down = (int)mul_hi(word.y, 2u * shift + 1) - shift, right = (int)mul_hi(word.z, 2u * shift + 1) - shift;
    int cut_row = (word.w >> 16) % SIDE - cutout / 2, cut_column = (word.w & 0xffff) % SIDE - cutout / 2;
    bool cut = row >= cut_row && row < cut_row + cutout;
    global const uchar *from = bytes + (size_t)image * 3 * PLANE + reflect_into(row + down) * SIDE;
    for (int column = 0; column < SIDE; column++) {
        int source = reflect_into(column + right);
        bool empty = cut && column >= cut_column && column < cut_column + cutout;
        for (int channel = 0; channel < 3; channel++)
            ASTORE1(empty ? 0.0f : (from[channel * PLANE + (mirrored ? SIDE - 1 - source : source)] / 255.0f - 0.5f) / 0.5f,
                    channel, x + ((size_t)i * SIDE + column) * 3);
    }
    if (row == 0)
        label[i / SIDE] = labels[image];
}
