#include "cli/cli.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

static const char *word, *weights, *size, *normalize, *out;
static struct vggcl_onnx how;

static const char default_weights[] = "save/best.safetensors", weights_ending[] = ".safetensors", ending[] = ".onnx";

/* The ONNX file's name where --onnx is not given: that of the weights file, with another ending. */
static const char *name_beside(const char *file, char *name, size_t room) {
    size_t length = strlen(file), cut = sizeof weights_ending - 1;
    if (length > cut && strcmp(file + length - cut, weights_ending) == 0)
        length -= cut;
    snprintf(name, room, "%.*s%s", (int)length, file, ending);
    return name;
}

static void print(const char *path, const struct vggcl_exported *e) {
    printf("wrote ");
    cli_print_column(path, 0, INT_MAX);
    printf(", %.1f MiB: %s, width %g, %zu classes%s\n", cli_mebibytes(e->bytes), e->model, e->width_factor,
           e->class_count, how.fold_bn ? ", batch normalisation folded" : "");
    printf("input   images         N x %zu x %zu x %zu  %s\n", e->channels, e->height, e->width, e->preprocessing);
    printf("output  %-13s  N x %zu\n", how.with_preprocess ? "probabilities" : "logits", e->class_count);
}

/* Sets an option of the library unless its flag was not given; returns an exit status. */
static int set(struct vggcl_config *config, const char *name, const char *text) {
    enum vggcl_err err = text ? vggcl_config_set(config, name, text) : VGGCL_OK;
    return err == VGGCL_OK ? EXIT_FINE : cli_failed(err);
}

static int set_all(struct vggcl_config *config) {
    const char *file = word ? word : weights ? weights : default_weights;
    if (word && weights)
        return cli_misused("export takes one weights file, not both %s and %s", word, weights);
    if (!*file || (out && !*out))
        return cli_misused("the name of the %s file is empty; give a name, or leave it out",
                           *file ? "ONNX" : "weights");
    int status = set(config, "weights", file);
    if (status == EXIT_FINE)
        status = set(config, "size", size);
    return status == EXIT_FINE ? set(config, "normalize", normalize) : status;
}

static int run(const struct vggcl_config *given) {
    struct vggcl_config config = *given;
    struct vggcl_exported exported;
    char beside[VGGCL_PATH_MAX + sizeof ending];
    int status = set_all(&config);
    if (status != EXIT_FINE)
        return status;
    const char *path = out ? out : name_beside(config.weights, beside, sizeof beside);
    enum vggcl_err err = vggcl_export_onnx(&config, path, &how, &exported);
    if (err != VGGCL_OK)
        return cli_failed(err);
    cli_warn(exported.warnings);
    print(path, &exported);
    return EXIT_FINE;
}

const struct command command_export = {
    .name = "export",
    .summary = "writes a trained network as an ONNX model, for other programs",
    .description =
        "Writes the network of a weights file (default save/best.safetensors) as an ONNX model, which ONNX Runtime,\n"
        "OpenVINO, TensorRT and others run. No OpenCL device is needed.\n\n"
        "  vggcl export                                     writes save/best.onnx\n"
        "  vggcl export best.safetensors --onnx cats.onnx\n"
        "  vggcl export --with-preprocess --fold-bn\n\n"
        "The model's input \"images\" is float32, N x channels x height x width, normalised by the formula that is\n"
        "printed; N is any number. Its output \"logits\" is N x classes. Its metadata has the names of the classes.\n"
        "With --with-preprocess, \"images\" are bytes, 0 to 255, and the output is \"probabilities\". In Python:\n\n"
        "  x = numpy.asarray(PIL.Image.open(\"cat.png\").convert(\"RGB\").resize((32, 32)))\n"
        "  net = onnxruntime.InferenceSession(\"save/best.onnx\")\n"
        "  net.run(None, {\"images\": x.transpose(2, 0, 1)[None]})\n",
    .flags =
        (const struct flag[]){
            {"onnx", "FILE", "file to write (default: the name of the weights file, ending in .onnx)", &out, NULL},
            {"fold-bn", NULL,
             "fold batch normalisation into the convolutions: the same results, except for rounding, by fewer "
             "operators",
             NULL, &how.fold_bn},
            {"with-preprocess", NULL,
             "include normalisation and softmax: the model takes pixels as bytes and returns probabilities", NULL,
             &how.with_preprocess},
            {"size", "N",
             "height and width of the images in pixels, 8 to 256: for weights with --head avgpool, and those that do\n"
             "not say it (default: what the weights say)",
             &size, NULL},
            {"normalize", "KIND",
             "normalisation of the images, for weights of other programs, which do not say it: half, (x/255 - "
             "0.5)/0.5,\n"
             "or imagenet (default half)",
             &normalize, NULL},
            {"weights", "FILE", "the weights file, as the word WEIGHTS", &weights, NULL},
            {0}},
    .words = &(const struct flag){.name = "", .argument = "[WEIGHTS]", .text = &word},
    .run = run,
};
