/* idx.h - writes small data sets in MNIST's IDX format for tests. */
#ifndef VGGCL_TESTS_IDX_H
#define VGGCL_TESTS_IDX_H

#include <stdint.h>

/* Images i = 0 .. count - 1 of height x width pixels to the file at path; fails the test if it cannot be written. */
void idx_write_images(const char *path, int count, int height, int width, uint8_t (*pixel)(int i, int y, int x));
void idx_write_labels(const char *path, int count, uint8_t (*label)(int i));

/* Both files of a part, "train" or "t10k", into the folder `set` of the test's temporary folder. */
void idx_write_part(const char *set, const char *part, int count, int height, int width,
                    uint8_t (*pixel)(int i, int y, int x), uint8_t (*label)(int i));

#endif
