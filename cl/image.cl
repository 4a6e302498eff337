/* image.cl - a batch of training images out of the data set, which lies on the device as bytes. */

#define SIDE 32
#define PLANE (SIDE * SIDE)

/* x[i][row][column][channel] = (byte / 255 - 0.5) / 0.5 of image order[first + i], mirrored where flip is set and the
 * coin for (seed, epoch, image) says so; label[i] is its class. A work-item is a row; bytes is [image][3][32][32]. */
kernel void image_batch(global const uchar *bytes, global const uchar *labels, global const int *order, int first,
                        int n, int flip, uint2 seed, uint epoch, uint purpose, global stored *x, global int *label) {
    int i = get_global_id(0);
    if (i >= n * SIDE)
        return;
    int image = order[first + i / SIDE], row = i % SIDE;
    int mirrored = flip && (philox((uint4)(0, image, epoch, purpose), seed).x & 1);
    global const uchar *from = bytes + (size_t)image * 3 * PLANE + row * SIDE;
    for (int column = 0; column < SIDE; column++)
        for (int channel = 0; channel < 3; channel++)
            ASTORE1((from[channel * PLANE + (mirrored ? SIDE - 1 - column : column)] / 255.0f - 0.5f) / 0.5f, channel,
                    x + ((size_t)i * SIDE + column) * 3);
    if (row == 0)
        label[i / SIDE] = labels[image];
}
