#include "cli/json.h"

#include <stdio.h>

enum { MATRIX_CLASSES = 12 }; /* with more classes the matrix would be wider than a terminal */

static bool as_json;

static void print_json(const struct vggcl_evaluation *e) {
    json_t *classes = json_array(), *confusion = json_array();
    for (size_t i = 0; i < e->class_count; i++) {
        json_t *row = json_array();
        for (size_t k = 0; k < e->class_count; k++)
            json_array_append_new(row, json_integer(e->confusion[i * e->class_count + k]));
        json_array_append_new(confusion, row);
        json_array_append_new(classes, cli_text_json(e->classes[i]));
    }
    json_t *all =
        json_pack("{s:s, s:s, s:f, s:s, s:I, s:I, s:f, s:f, s:f, s:f, s:o, s:o}", "device", e->device.name, "model",
                  e->model, "width", e->width, "data", e->dataset, "images", (json_int_t)e->images, "correct",
                  (json_int_t)e->correct, "accuracy", e->accuracy, "loss", e->loss, "seconds", e->seconds,
                  "images_per_s", e->images_per_second, "classes", classes, "confusion", confusion);
    json_dumpf(all, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    putchar('\n');
    json_decref(all);
}

static void print_matrix(const struct vggcl_evaluation *e) {
    printf("%-12s is predicted as\n%-12s", "true class", "");
    for (size_t k = 0; k < e->class_count; k++)
        printf(" %6.6s", e->classes[k]);
    putchar('\n');
    for (size_t i = 0; i < e->class_count; i++) {
        printf("%-12.12s", e->classes[i]);
        for (size_t k = 0; k < e->class_count; k++)
            printf(" %6u", e->confusion[i * e->class_count + k]);
        putchar('\n');
    }
}

static void print_class(const struct vggcl_evaluation *e, size_t i) {
    const uint32_t *row = e->confusion + i * e->class_count;
    size_t images = row[i], other = i ? 0 : 1;
    for (size_t k = 0; k < e->class_count; k++) {
        images += k != i ? row[k] : 0;
        if (k != i && row[k] > row[other])
            other = k;
    }
    printf("%-24s %7zu %8.2f", e->classes[i], images, images ? 100.0 * row[i] / (double)images : 0);
    if (row[other])
        printf("  %s (%u)", e->classes[other], row[other]);
    putchar('\n');
}

static void print_classes(const struct vggcl_evaluation *e) {
    printf("%-24s %7s %8s  %s\n", "class", "images", "right, %", "most often mistaken for");
    for (size_t i = 0; i < e->class_count; i++)
        print_class(e, i);
}

static void print_text(const struct vggcl_evaluation *e) {
    printf("%s, width %g, on %s\n%s\n", e->model, e->width, e->device.name, e->dataset);
    printf("test loss %.6f, accuracy %.6f (%zu of %zu), %.0f images/s\n\n", e->loss, e->accuracy, e->correct, e->images,
           e->images_per_second);
    (e->class_count > MATRIX_CLASSES ? print_classes : print_matrix)(e);
}

static int run(const struct vggcl_config *config) {
    struct vggcl_evaluation evaluation;
    enum vggcl_err err = vggcl_evaluate(config, &evaluation);
    if (err != VGGCL_OK)
        return cli_failed(err);
    (as_json ? print_json : print_text)(&evaluation);
    vggcl_evaluation_free(&evaluation);
    return EXIT_FINE;
}

const struct command command_eval = {
    .name = "eval",
    .summary = "runs the test set through saved weights",
    .description =
        "Prints loss, accuracy and the confusion matrix of the test set under the weights of a safetensors file:\n"
        "one that train saved, or any with the same tensors. The tensors say which network it is. Without --data the\n"
        "data set is that of the run that wrote the file.\n\n"
        "  vggcl eval --weights save/best.safetensors --data DIR\n",
    .options = VGGCL_FOR_EVAL,
    .flags =
        (const struct flag[]){{"json", NULL, "for scripts: one object, confusion[true][predicted]", NULL, &as_json},
                              {0}},
    .run = run,
};
