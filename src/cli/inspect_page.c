#include "cli/inspect_page.h"
#include "cli/compare/report.h"
#include "cli/origin.h"
#include "cli/page.h"

#include <stdlib.h>

enum vggcl_err inspect_encode(struct picture *picture, struct png *png) {
    *png = (struct png){.width = picture->width, .height = picture->height, .channels = picture->channels};
    enum vggcl_err err = png_encode(picture, &png->bytes, &png->size);
    free(picture->pixels);
    picture->pixels = NULL;
    return err;
}

static enum vggcl_err put_title(FILE *stream, const void *payload) {
    const struct inspected *s = payload;
    page_put_text(stream, s->weights);
    return VGGCL_OK;
}

/* What made the page, and when. */
static enum vggcl_err put_origin(FILE *stream) {
    char text[REPORT_ORIGIN];
    json_t *origin = origin_json();
    if (!origin)
        return err_no_memory("the page", 0);
    report_origin(origin, text);
    page_put_text(stream, text);
    json_decref(origin);
    return VGGCL_OK;
}

static enum vggcl_err put_summary(FILE *stream, const void *payload) {
    const struct vggcl_evaluation *e = &((const struct inspected *)payload)->found.evaluation;
    fprintf(stream, "<p>Test accuracy %.2f %%: %zu of %zu images are right; mean loss %.4f.<br>", 100 * e->accuracy,
            e->correct, e->images, e->loss);
    page_put_text(stream, e->dataset);
    fprintf(stream, "<br>%s, width %g, on ", e->model, e->width);
    page_put_text(stream, e->device.name);
    fputs("<br>", stream);
    enum vggcl_err err = put_origin(stream);
    fputs("</p>", stream);
    return err;
}

/* ---------------------------------------------------------------------------------------------------- images -- */

static enum vggcl_err put_image(FILE *stream, const struct images *images, size_t i, const char *description) {
    struct picture picture;
    struct png png;
    struct images one = *images;
    one.count = 1;
    one.pixels += i * images->channels * images->height * images->width;
    TRY(sheet_make(&one, 1, 1, &picture));
    TRY(inspect_encode(&picture, &png));
    page_put_png(stream, png.bytes, png.size, description);
    free(png.bytes);
    return VGGCL_OK;
}

static enum vggcl_err put_trained(FILE *stream, const void *payload) {
    const struct inspected *s = payload;
    for (size_t i = 0; i < s->trained.count; i++) {
        const char *name = s->found.evaluation.classes[s->found.trained_labels[i]];
        fputs("<figure>", stream);
        TRY(put_image(stream, &s->trained, i, name));
        fputs("<figcaption>", stream);
        page_put_text(stream, name);
        fputs("</figcaption></figure>\n", stream);
    }
    return VGGCL_OK;
}

static enum vggcl_err put_wrong_one(FILE *stream, const struct inspected *s, size_t i) {
    const struct vggcl_evaluation *e = &s->found.evaluation;
    const struct vggcl_prediction *p = &e->predictions[s->found.wrong[i]];
    fputs("<figure>", stream);
    TRY(put_image(stream, &s->wrong, i, e->classes[p->label]));
    fputs("<figcaption><b>", stream);
    page_put_text(stream, e->classes[p->label]);
    fputs("</b><br>predicted <b>", stream);
    page_put_text(stream, e->classes[p->predicted]);
    fprintf(stream, "</b>, %.1f %%<small>", 100 * (double)p->probability);
    if (p->file)
        page_put_text(stream, p->file);
    else
        fprintf(stream, "test image %zu", s->found.wrong[i]);
    fputs("</small></figcaption></figure>\n", stream);
    return VGGCL_OK;
}

static enum vggcl_err put_wrong(FILE *stream, const void *payload) {
    const struct inspected *s = payload;
    if (!s->wrong.count)
        fputs("<p>None.</p>", stream);
    for (size_t i = 0; i < s->wrong.count; i++)
        TRY(put_wrong_one(stream, s, i));
    return VGGCL_OK;
}

static enum vggcl_err put_filters(FILE *stream, const void *payload) {
    const struct png *png = &((const struct inspected *)payload)->pictures[INSPECT_FILTERS];
    page_put_png(stream, png->bytes, png->size, "filters of the first layer");
    return VGGCL_OK;
}

/* ------------------------------------------------------------------------------------------- confusion matrix -- */

static enum vggcl_err put_matrix(FILE *stream, const void *payload) {
    const struct png *png = &((const struct inspected *)payload)->pictures[INSPECT_CONFUSION];
    page_put_png(stream, png->bytes, png->size, "confusion matrix");
    return VGGCL_OK;
}

static void put_header(FILE *stream, const char *name) {
    fputs("<th>", stream);
    page_put_text(stream, name);
    fputs("</th>", stream);
}

static uint64_t row_total(const struct vggcl_evaluation *e, size_t i) {
    uint64_t total = 0;
    for (size_t k = 0; k < e->class_count; k++)
        total += e->confusion[i * e->class_count + k];
    return total;
}

static void put_row(FILE *stream, const struct vggcl_evaluation *e, size_t i) {
    static const int right[] = {SHEET_RIGHT}, wrong[] = {SHEET_WRONG};
    uint64_t total = row_total(e, i);
    fputs("<tr>", stream);
    put_header(stream, e->classes[i]);
    for (size_t k = 0; k < e->class_count; k++) {
        uint32_t count = e->confusion[i * e->class_count + k];
        const int *colour = i == k ? right : wrong;
        fprintf(stream, "<td style=\"background:rgb(%d %d %d/%.2f)\">%u</td>", colour[0], colour[1], colour[2],
                sheet_strength(count, total), count);
    }
    fputs("</tr>\n", stream);
}

static void put_full_table(FILE *stream, const struct vggcl_evaluation *e) {
    fputs("<div class=\"wide\"><table class=\"matrix\"><thead><tr><th>true class</th>", stream);
    for (size_t k = 0; k < e->class_count; k++)
        put_header(stream, e->classes[k]);
    fputs("</tr></thead><tbody>\n", stream);
    for (size_t i = 0; i < e->class_count; i++)
        put_row(stream, e, i);
    fputs("</tbody></table></div>\n", stream);
}

/* A number of the matrix; not of its diagonal. */
struct pair {
    size_t label, predicted;
    uint32_t count;
};

/* Inserts the pair where it belongs among the largest so far; of equal numbers, the earlier one stays first. */
static size_t insert_pair(struct pair pairs[INSPECT_PAIRS], size_t count, struct pair new) {
    size_t at = count < INSPECT_PAIRS ? count : INSPECT_PAIRS - 1;
    if (count == INSPECT_PAIRS && pairs[at].count >= new.count)
        return count;
    for (; at > 0 && pairs[at - 1].count < new.count; at--)
        pairs[at] = pairs[at - 1];
    pairs[at] = new;
    return count < INSPECT_PAIRS ? count + 1 : count;
}

static size_t find_pairs(const struct vggcl_evaluation *e, struct pair pairs[INSPECT_PAIRS]) {
    size_t count = 0, classes = e->class_count;
    for (size_t i = 0; i < classes; i++)
        for (size_t k = 0; k < classes; k++)
            if (i != k && e->confusion[i * classes + k])
                count = insert_pair(pairs, count, (struct pair){i, k, e->confusion[i * classes + k]});
    return count;
}

static void put_pairs(FILE *stream, const struct vggcl_evaluation *e) {
    struct pair pairs[INSPECT_PAIRS];
    size_t count = find_pairs(e, pairs);
    fputs("<table><thead><tr><th>true class</th><th class=\"name\">predicted as</th><th>images</th>"
          "<th>of the class</th></tr></thead><tbody>\n",
          stream);
    for (size_t i = 0; i < count; i++) {
        fputs("<tr>", stream);
        put_header(stream, e->classes[pairs[i].label]);
        fputs("<td class=\"name\">", stream);
        page_put_text(stream, e->classes[pairs[i].predicted]);
        fprintf(stream, "</td><td>%u</td><td>%.1f %%</td></tr>\n", pairs[i].count,
                100.0 * pairs[i].count / (double)row_total(e, pairs[i].label));
    }
    fputs("</tbody></table>\n", stream);
}

static enum vggcl_err put_table(FILE *stream, const void *payload) {
    const struct vggcl_evaluation *e = &((const struct inspected *)payload)->found.evaluation;
    (e->class_count <= INSPECT_TABLE ? put_full_table : put_pairs)(stream, e);
    return VGGCL_OK;
}

enum vggcl_err inspect_write_page(const struct folder *folder, const char *name, const struct inspected *inspected) {
    static const struct page_mark marks[] = {
        {"TITLE", put_title}, {"SUMMARY", put_summary}, {"TRAINING", put_trained}, {"MATRIX", put_matrix},
        {"TABLE", put_table}, {"WRONG", put_wrong},     {"FILTERS", put_filters},  {0}};
    return page_write(folder, name, "inspect", marks, inspected);
}
