/* Pictures made of images and numbers. cli/sheet.c belongs to the program, so that this test compiles it again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>

#include "cli/sheet.c"

static void lays_out_images(void **state) {
    (void)state;
    enum { COUNT = 5, HEIGHT = 2, WIDTH = 3, COLUMNS = 2, SCALE = 4, DOWN = HEIGHT * SCALE + SHEET_LINE };
    enum { RIGHT = WIDTH * SCALE + SHEET_LINE };
    uint8_t pixels[COUNT][3][HEIGHT][WIDTH];
    struct picture sheet;
    for (size_t i = 0; i < sizeof pixels; i++)
        (&pixels[0][0][0][0])[i] = (uint8_t)i;
    const struct images images = {COUNT, HEIGHT, WIDTH, 3, &pixels[0][0][0][0]};
    assert_int_equal(sheet_make(&images, COLUMNS, SCALE, &sheet), VGGCL_OK);
    assert_int_equal(sheet.height, 3 * DOWN - SHEET_LINE);
    assert_int_equal(sheet.width, 2 * RIGHT - SHEET_LINE);
    for (size_t y = 0; y < sheet.height; y++)
        for (size_t x = 0; x < sheet.width; x++)
            for (size_t channel = 0; channel < 3; channel++) {
                size_t i = y / DOWN * COLUMNS + x / RIGHT, row = y % DOWN / SCALE, column = x % RIGHT / SCALE;
                bool inside = i < COUNT && row < HEIGHT && column < WIDTH;
                assert_int_equal(sheet.pixels[(y * sheet.width + x) * 3 + channel],
                                 inside ? pixels[i][channel][row][column] : 255);
            }
    free(sheet.pixels);
}

static void turns_numbers_into_grey(void **state) {
    (void)state;
    const float values[] = {0, 2, -2, 1, -0.5f, NAN, INFINITY}, zero[] = {0, 0};
    const uint8_t expected[] = {128, 255, 0, 191, 96, 128, 128};
    uint8_t *bytes;
    assert_int_equal(sheet_bytes(values, sizeof expected, &bytes), VGGCL_OK);
    assert_memory_equal(bytes, expected, sizeof expected);
    free(bytes);
    assert_int_equal(sheet_bytes(zero, 2, &bytes), VGGCL_OK);
    assert_int_equal(bytes[1], 128);
    free(bytes);
}

static const uint8_t *pixel(const struct picture *p, size_t y, size_t x) {
    return p->pixels + (y * p->width + x) * 3;
}

static void colours_the_matrix(void **state) {
    (void)state;
    enum { CELL = 171 };                                       /* 512 / 3, rounded up */
    const uint32_t confusion[9] = {4, 0, 0, 3, 1, 0, 0, 0, 0}; /* there are no images of the third class */
    const uint8_t right[] = {SHEET_RIGHT}, white[] = {255, 255, 255}, half[] = {132, 180, 237},
                  wrong[] = {197, 100, 34};
    struct picture p;
    assert_int_equal(sheet_matrix(confusion, 3, &p), VGGCL_OK);
    assert_int_equal(p.width, 3 * CELL);
    assert_int_equal(p.height, 3 * CELL);
    assert_memory_equal(pixel(&p, CELL - 1, CELL - 1), right, 3);
    assert_memory_equal(pixel(&p, CELL - 1, CELL), white, 3);
    assert_memory_equal(pixel(&p, CELL, CELL - 1), wrong, 3); /* sqrt(3/4) of the way from white */
    assert_memory_equal(pixel(&p, CELL, CELL), half, 3);
    assert_memory_equal(pixel(&p, 2 * CELL, 2 * CELL), white, 3);
    free(p.pixels);
}

/* More classes than pixels: a pixel stands for several classes, and no count is lost. */
static void gathers_many_classes(void **state) {
    (void)state;
    enum { CLASSES = 3 * SHEET_CELLS };
    const uint8_t right[] = {SHEET_RIGHT}, wrong[] = {SHEET_WRONG};
    uint32_t *confusion = calloc((size_t)CLASSES * CLASSES, sizeof *confusion);
    struct picture p;
    assert_non_null(confusion);
    confusion[2 * CLASSES + 1] = 1; /* classes 0 to 2 are one cell */
    confusion[(CLASSES - 1) * (size_t)CLASSES + 3] = 7;
    assert_int_equal(sheet_matrix(confusion, CLASSES, &p), VGGCL_OK);
    assert_int_equal(p.width, SHEET_CELLS);
    assert_memory_equal(pixel(&p, 0, 0), right, 3);
    assert_memory_equal(pixel(&p, SHEET_CELLS - 1, 1), wrong, 3);
    free(p.pixels);
    free(confusion);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lays_out_images),
        cmocka_unit_test(turns_numbers_into_grey),
        cmocka_unit_test(colours_the_matrix),
        cmocka_unit_test(gathers_many_classes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
