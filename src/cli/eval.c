#include "cli/cli.h"

#include <jansson.h>
#include <stdio.h>

static bool as_json;

static void print_json(const struct vggcl_evaluation *e) {
    json_t *classes = json_array(), *confusion = json_array();
    for (int i = 0; i < VGGCL_CLASSES; i++) {
        json_t *row = json_array();
        for (int k = 0; k < VGGCL_CLASSES; k++)
            json_array_append_new(row, json_integer(e->confusion[i][k]));
        json_array_append_new(confusion, row);
        json_array_append_new(classes, json_string(e->classes[i]));
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

static void print_text(const struct vggcl_evaluation *e) {
    printf("%s, width %g, on %s\n%s\n", e->model, e->width, e->device.name, e->dataset);
    printf("test loss %.6f, accuracy %.6f (%zu of %zu), %.0f images/s\n\n", e->loss, e->accuracy, e->correct, e->images,
           e->images_per_second);
    printf("%-12s is predicted as\n%-12s", "true class", "");
    for (int k = 0; k < VGGCL_CLASSES; k++)
        printf(" %6.6s", e->classes[k]);
    putchar('\n');
    for (int i = 0; i < VGGCL_CLASSES; i++) {
        printf("%-12.12s", e->classes[i]);
        for (int k = 0; k < VGGCL_CLASSES; k++)
            printf(" %6u", e->confusion[i][k]);
        putchar('\n');
    }
}

static int run(const struct vggcl_config *config) {
    struct vggcl_evaluation evaluation;
    enum vggcl_err err = vggcl_evaluate(config, &evaluation);
    if (err != VGGCL_OK)
        return cli_failed(err);
    (as_json ? print_json : print_text)(&evaluation);
    return EXIT_FINE;
}

const struct command command_eval = {
    .name = "eval",
    .summary = "runs the test set through saved weights",
    .description =
        "Prints loss, accuracy and the confusion matrix of the test set under the weights of a safetensors file:\n"
        "one that train saved, or any with the same tensors. Which network it is, the tensors tell.\n\n"
        "  vggcl eval --weights save/best.safetensors --data DIR\n",
    .options = VGGCL_FOR_EVAL,
    .flags =
        (const struct flag[]){{"json", NULL, "for scripts: one object, confusion[true][predicted]", NULL, &as_json},
                              {0}},
    .run = run,
};
