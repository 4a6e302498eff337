#include "base/file.h"
#include "cli/json.h"
#include "cli/progress.h"
#include "cli/messages.h"
#include "base/text.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { MATRIX_CLASSES = 12 }; /* with more classes the matrix would be wider than a terminal */

static bool as_json;
static const char *predictions_path;

/* Images of a class: those that are it, those predicted to be it, and those that are both. */
struct class_count {
    uint64_t are, predicted, both;
};

static struct class_count count_class(const struct vggcl_evaluation *e, size_t i) {
    struct class_count c = {.both = e->confusion[i * e->class_count + i]};
    for (size_t k = 0; k < e->class_count; k++) {
        c.are += e->confusion[i * e->class_count + k];
        c.predicted += e->confusion[k * e->class_count + i];
    }
    return c;
}

/* a / b, NaN if both are 0. */
static double share(uint64_t a, uint64_t b) {
    return (double)a / (double)b;
}

static double precision(struct class_count c) {
    return share(c.both, c.predicted);
}

static double recall(struct class_count c) {
    return share(c.both, c.are);
}

/* The harmonic mean of precision and recall. */
static double f1(struct class_count c) {
    return share(2 * c.both, c.are + c.predicted);
}

static void print_json(const struct vggcl_evaluation *e) {
    json_t *classes = json_array(), *confusion = json_array(), *by_class = json_array();
    for (size_t i = 0; i < e->class_count; i++) {
        json_t *row = json_array();
        for (size_t k = 0; k < e->class_count; k++)
            json_add(&row, json_integer(e->confusion[i * e->class_count + k]));
        json_add(&confusion, row);
        json_add(&classes, json_make_text(e->classes[i]));
        struct class_count c = count_class(e, i);
        json_add(&by_class,
                 JSON_MAKE({"class", json_make_text(e->classes[i])}, {"images", json_integer((json_int_t)c.are)},
                           {"precision", json_make_number(precision(c))}, {"recall", json_make_number(recall(c))},
                           {"f1", json_make_number(f1(c))}));
    }
    cli_print_json(
        JSON_MAKE({"device", json_make_text(e->device.name)}, {"model", json_make_text(e->model)},
                  {"width", json_make_number(e->width)}, {"data", json_make_text(e->dataset)},
                  {"warning", json_make_text(*e->warning ? e->warning : NULL)},
                  {"images", json_integer((json_int_t)e->images)}, {"correct", json_integer((json_int_t)e->correct)},
                  {"accuracy", json_make_number(e->accuracy)}, {"loss", json_make_number(e->loss)},
                  {"seconds", json_make_number(e->seconds)}, {"images_per_s", json_make_number(e->images_per_second)},
                  {"classes", classes}, {"by_class", by_class}, {"confusion", confusion}),
        CLI_JSON);
}

static void print_matrix(const struct vggcl_evaluation *e) {
    printf("%-12s is predicted as\n%-12s", "true class", "");
    for (size_t k = 0; k < e->class_count; k++) {
        putchar(' ');
        cli_print_column(e->classes[k], -6, 6);
    }
    putchar('\n');
    for (size_t i = 0; i < e->class_count; i++) {
        cli_print_column(e->classes[i], 12, 12);
        for (size_t k = 0; k < e->class_count; k++)
            printf(" %6u", e->confusion[i * e->class_count + k]);
        putchar('\n');
    }
}

static void print_share(double value) {
    if (value == value)
        printf(" %8.4f", value);
    else
        printf(" %8s", "-");
}

static void print_class(const struct vggcl_evaluation *e, size_t i) {
    const uint32_t *row = e->confusion + i * e->class_count;
    struct class_count c = count_class(e, i);
    size_t other = i ? 0 : 1;
    for (size_t k = 0; k < e->class_count; k++)
        if (k != i && row[k] > row[other])
            other = k;
    cli_print_column(e->classes[i], 24, INT_MAX);
    printf(" %7llu", (unsigned long long)c.are);
    print_share(precision(c));
    print_share(recall(c));
    print_share(f1(c));
    if (row[other]) {
        printf("  ");
        cli_print_column(e->classes[other], 0, INT_MAX);
        printf(" (%u)", row[other]);
    }
    putchar('\n');
}

static void print_classes(const struct vggcl_evaluation *e) {
    printf("%-24s %7s %8s %8s %8s  %s\n", "class", "images", "precis.", "recall", "F1", "most often mistaken for");
    for (size_t i = 0; i < e->class_count; i++)
        print_class(e, i);
}

static void print_text(const struct vggcl_evaluation *e) {
    printf("%s, width %g, on %s\n%s\n", e->model, e->width, e->device.name, e->dataset);
    printf("test loss %.6f, accuracy %.6f (%zu of %zu), %.0f images/s\n\n", e->loss, e->accuracy, e->correct, e->images,
           e->images_per_second);
    print_classes(e);
    if (e->class_count > MATRIX_CLASSES)
        return;
    putchar('\n');
    print_matrix(e);
}

static void write_predictions(FILE *file, const struct vggcl_evaluation *e) {
    fputs("image,file,class,predicted,probability\n", file);
    for (size_t i = 0; i < e->images; i++) {
        const struct vggcl_prediction *p = &e->predictions[i];
        fprintf(file, "%zu,", i);
        cli_csv_field(file, p->file ? p->file : "");
        putc(',', file);
        cli_csv_field(file, e->classes[p->label]);
        putc(',', file);
        cli_csv_field(file, p->predicted < 0 ? "" : e->classes[p->predicted]);
        fprintf(file, ",%.6f\n", (double)p->probability);
    }
}

static int save_predictions(const struct vggcl_evaluation *e) {
    FILE *file = fopen(predictions_path, "w");
    if (file)
        write_predictions(file, e);
    bool failed = !file || ferror(file) || !file_sync(file);
    if ((file && fclose(file) != 0) || failed) {
        fflush(stdout);
        fprintf(messages(), "vggcl: error: %s: cannot be written: %s\n", predictions_path, strerror(errno));
        return EXIT_FAILED;
    }
    return EXIT_FINE;
}

static int run(const struct vggcl_config *config) {
    struct vggcl_evaluation evaluation;
    enum vggcl_err err = vggcl_evaluate(config, &evaluation);
    progress_hide();
    if (err != VGGCL_OK)
        return cli_failed(err);
    cli_warn(evaluation.warnings);
    (as_json ? print_json : print_text)(&evaluation);
    cli_check_loss(&evaluation, config->weights);
    fflush(stdout);
    text_make_printable(evaluation.warning, "");
    if (*evaluation.warning)
        fprintf(messages(), "vggcl: warning: %s\n", evaluation.warning);
    int status = predictions_path ? save_predictions(&evaluation) : EXIT_FINE;
    vggcl_evaluation_free(&evaluation);
    return status;
}

const struct command command_eval = {
    .name = "eval",
    .summary = "runs the test set through saved weights",
    .description =
        "Prints loss, accuracy, each class's precision, recall and F1, and the confusion matrix of the test set under "
        "the\n"
        "weights of a safetensors file:\n"
        "one that train saved, or any with the same tensors. The tensors say which network it is. Without --data the\n"
        "data set is that of the run that wrote the file.\n\n"
        "  vggcl eval --weights save/best.safetensors --data DIR\n",
    .options = VGGCL_FOR_EVAL | VGGCL_FOR_DEVICES,
    .flags =
        (const struct flag[]){{"json", NULL, "for scripts: one object, confusion[true][predicted]", NULL, &as_json},
                              {"predictions", "FILE",
                               "write the class, the predicted class and its probability of every image to this CSV "
                               "file",
                               &predictions_path, NULL},
                              {0}},
    .run = run,
};
