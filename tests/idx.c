#include "idx.h"
#include "program.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

static void put(FILE *file, uint32_t number) {
    for (int shift = 24; shift >= 0; shift -= 8)
        fputc((int)(number >> shift & 255), file);
}

static FILE *begin(const char *path, uint32_t magic, int count) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    put(file, magic);
    put(file, (uint32_t)count);
    return file;
}

void idx_write_images(const char *path, int count, int height, int width, uint8_t (*pixel)(int i, int y, int x)) {
    FILE *file = begin(path, 0x803, count);
    put(file, (uint32_t)height);
    put(file, (uint32_t)width);
    for (int i = 0; i < count; i++)
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++)
                fputc(pixel(i, y, x), file);
    assert_int_equal(fclose(file), 0);
}

void idx_write_labels(const char *path, int count, uint8_t (*label)(int i)) {
    FILE *file = begin(path, 0x801, count);
    for (int i = 0; i < count; i++)
        fputc(label(i), file);
    assert_int_equal(fclose(file), 0);
}

void idx_write_part(const char *set, const char *part, int count, int height, int width,
                    uint8_t (*pixel)(int i, int y, int x), uint8_t (*label)(int i)) {
    char path[256];
    snprintf(path, sizeof path, "%s/%s/%s-images-idx3-ubyte", folder, set, part);
    idx_write_images(path, count, height, width, pixel);
    snprintf(path, sizeof path, "%s/%s/%s-labels-idx1-ubyte", folder, set, part);
    idx_write_labels(path, count, label);
}
