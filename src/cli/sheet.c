#include "cli/sheet.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static enum vggcl_err make(struct picture *p, size_t height, size_t width, size_t channels) {
    *p = (struct picture){.width = width, .height = height, .channels = channels};
    p->pixels = malloc(height * width * channels);
    if (!p->pixels)
        return err_no_memory("a picture", height * width * channels);
    memset(p->pixels, 255, height * width * channels);
    return VGGCL_OK;
}

/* Draws image i with its first pixel at (top, left). */
static void draw(const struct images *m, size_t i, size_t scale, struct picture *p, size_t top, size_t left) {
    for (size_t channel = 0; channel < m->channels; channel++) {
        const uint8_t *plane = m->pixels + (i * m->channels + channel) * m->height * m->width;
        for (size_t y = 0; y < m->height * scale; y++)
            for (size_t x = 0; x < m->width * scale; x++)
                p->pixels[((top + y) * p->width + left + x) * m->channels + channel] =
                    plane[y / scale * m->width + x / scale];
    }
}

enum vggcl_err sheet_make(const struct images *m, size_t columns, size_t scale, struct picture *sheet) {
    size_t height = m->height * scale + SHEET_LINE, width = m->width * scale + SHEET_LINE;
    if (m->count < columns)
        columns = m->count;
    TRY(make(sheet, (m->count + columns - 1) / columns * height - SHEET_LINE, columns * width - SHEET_LINE,
             m->channels));
    for (size_t i = 0; i < m->count; i++)
        draw(m, i, scale, sheet, i / columns * height, i % columns * width);
    return VGGCL_OK;
}

enum vggcl_err sheet_bytes(const float *values, size_t count, uint8_t **bytes) {
    double largest = 0;
    *bytes = malloc(count);
    if (!*bytes)
        return err_no_memory("a picture", count);
    for (size_t i = 0; i < count; i++)
        if (isfinite(values[i]))
            largest = fmax(largest, fabs((double)values[i]));
    for (size_t i = 0; i < count; i++) {
        double value = largest > 0 && isfinite(values[i]) ? values[i] / largest : 0;
        (*bytes)[i] = (uint8_t)lround(127.5 + 127.5 * value);
    }
    return VGGCL_OK;
}

/* ------------------------------------------------------------------------------------------- confusion matrix -- */

double sheet_strength(uint64_t count, uint64_t total) {
    return total ? sqrt((double)count / (double)total) : 0;
}

/* cells gets [side][side] sums of the counts. */
static void gather(const uint32_t *confusion, size_t classes, size_t side, uint64_t *cells) {
    for (size_t i = 0; i < classes; i++)
        for (size_t k = 0; k < classes; k++)
            cells[i * side / classes * side + k * side / classes] += confusion[i * classes + k];
}

static void draw_cell(struct picture *p, size_t cell, size_t row, size_t column, double strength) {
    static const uint8_t colours[2][3] = {{SHEET_WRONG}, {SHEET_RIGHT}};
    const uint8_t *colour = colours[row == column];
    for (size_t y = row * cell; y < (row + 1) * cell; y++)
        for (size_t x = column * cell; x < (column + 1) * cell; x++)
            for (size_t channel = 0; channel < 3; channel++)
                p->pixels[(y * p->width + x) * 3 + channel] = (uint8_t)lround(255 + (colour[channel] - 255) * strength);
}

enum vggcl_err sheet_matrix(const uint32_t *confusion, size_t classes, struct picture *matrix) {
    size_t side = classes < SHEET_CELLS ? classes : SHEET_CELLS, cell = (SHEET_MATRIX + side - 1) / side;
    uint64_t *cells = calloc(side * side, sizeof *cells);
    *matrix = (struct picture){0};
    if (!cells)
        return err_no_memory("the confusion matrix", side * side * sizeof *cells);
    enum vggcl_err err = make(matrix, side * cell, side * cell, 3);
    if (err == VGGCL_OK) {
        gather(confusion, classes, side, cells);
        for (size_t i = 0; i < side; i++) {
            uint64_t total = 0;
            for (size_t k = 0; k < side; k++)
                total += cells[i * side + k];
            for (size_t k = 0; k < side; k++)
                draw_cell(matrix, cell, i, k, sheet_strength(cells[i * side + k], total));
        }
    }
    free(cells);
    return err;
}
