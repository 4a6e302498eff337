#include "base/embedded.h"
#include "base/err.h"
#include "base/file.h"
#include "cli/child.h"
#include "cli/cli.h"
#include "files/kind.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const *words;
static const char *to;

/* ----------------------------------------------------------------------------------------- files of torch.save() -- */

/* Whether it is a file of torch.save(), which Python has to read. */
static bool needs_python(const char *path) {
    char bytes[256];
    FILE *file;
    uint64_t size;
    char *kept = err_keep();
    enum vggcl_err err = file_open(path, &file, &size);
    size_t count = err == VGGCL_OK ? fread(bytes, 1, sizeof bytes, file) : 0;
    if (err == VGGCL_OK)
        fclose(file);
    err_put_back(kept);
    const struct file_kind *kind = file_kind(bytes, count);
    return kind && !kind->advice;
}

static enum vggcl_err run_python(const char *path, const char *made, FILE *script, FILE *output) {
    char *arguments[] = {"python3", "-", (char *)path, (char *)made, NULL};
    char reason[CHILD_REASON];
    fputs(embedded_scripts[0].text, script);
    if (fflush(script) != 0 || fseek(script, 0, SEEK_SET) != 0)
        return err_set(VGGCL_EIO, "the script for Python cannot be written: is the disk full?");
    switch (child_program(arguments, script, output, reason)) {
    case CHILD_FINE:
        return VGGCL_OK;
    case CHILD_MISSING:
        return err_set(VGGCL_EIO,
                       "%s: is a file of PyTorch, and Python 3, which reads it, is not installed; on Debian or Ubuntu: "
                       "sudo apt-get install python3",
                       path);
    default:
        return err_set(VGGCL_EFORMAT, "%s: cannot be converted: python3 %s", path, reason);
    }
}

/* Makes a safetensors file of one of PyTorch, with the same names. Python runs read_torch.py, which needs no PyTorch,
 * and neither imports nor runs what the file names. */
static enum vggcl_err read_by_python(const char *path, const char *made) {
    FILE *script = tmpfile(), *output = tmpfile();
    enum vggcl_err err = script && output ? run_python(path, made, script, output)
                                          : err_set(VGGCL_EIO, "no temporary file for Python's script can be made");
    if (script)
        fclose(script);
    if (output)
        fclose(output);
    return err;
}

/* In errors the file of PyTorch stands in place of the temporary one. */
static enum vggcl_err name_original(enum vggcl_err err, const char *original, const char *made) {
    size_t length = strlen(made);
    if (err == VGGCL_OK || strncmp(vggcl_error(), made, length) != 0)
        return err;
    return err_set(err, "%s%s", original, vggcl_error() + length);
}

static enum vggcl_err convert(const char *from, const char *out, struct vggcl_conversion *conversion) {
    char made[VGGCL_PATH_MAX];
    if (!needs_python(from))
        return vggcl_convert(from, to, out, conversion);
    if (snprintf(made, sizeof made, "%s.part", out) >= (int)sizeof made)
        return err_set(VGGCL_EUSAGE, "%s: this path is too long", out);
    enum vggcl_err err = read_by_python(from, made);
    if (err == VGGCL_OK)
        err = name_original(vggcl_convert(made, to, out, conversion), from, made);
    unlink(made);
    return err;
}

/* ------------------------------------------------------------------------------------------------------ printing -- */

static void print_tensor(const struct vggcl_renamed *t) {
    cli_print_column(t->to, 24, 64);
    printf(" <- ");
    cli_print_column(t->from, 28, 80);
    for (int i = 0; i < t->rank; i++)
        printf("%s%zu", i ? "x" : " ", t->shape[i]);
    putchar('\n');
}

static int run(const struct vggcl_config *config) {
    (void)config;
    struct vggcl_conversion c;
    if (!words[0] || !words[1] || words[2])
        return cli_misused("convert takes two files: vggcl convert IN OUT");
    enum vggcl_err err = convert(words[0], words[1], &c);
    if (err != VGGCL_OK)
        return cli_failed(err);
    cli_warn(c.notices);
    for (size_t i = 0; i < c.count; i++)
        print_tensor(&c.tensors[i]);
    printf("%s: model %s, width %g, %s batch normalisation, %zu classes; %zu tensors\n", words[1], c.model, c.width,
           c.bn ? "with" : "without", c.classes, c.count);
    vggcl_conversion_free(&c);
    return EXIT_FINE;
}

const struct command command_convert = {
    .name = "convert",
    .summary = "converts weights from and to other programs' files and names",
    .description =
        "Writes the weights in IN as the safetensors file OUT, under the names that --to chooses, and prints which "
        "tensor became which.\n"
        "IN is a safetensors file, or one of PyTorch's torch.save() (.pt, .pth), which needs Python 3, but not "
        "PyTorch. "
        "Its "
        "names may be those of vggcl, torchvision's vgg11 to vgg19 with and without _bn, timm's, kuangliu's "
        "pytorch-cifar, chengyangfu's pytorch-vgg-cifar10 or chenyaofo's pytorch-cifar-models; names are matched by "
        "order and shape.\n"
        "The network is the same everywhere except for torchvision's average pooling to 7x7 pixels, which does nothing "
        "with images of 224 to 255 pixels: other sizes are not supported.\n\n"
        "  vggcl convert vgg16_bn.pth vgg16_bn.safetensors\n"
        "  vggcl train --weights vgg16_bn.safetensors --reset-head --data DIR\n"
        "  vggcl convert save/best.safetensors theirs.safetensors --to torchvision\n",
    .words = &(const struct flag){"", "IN OUT", NULL, NULL, NULL},
    .word_list = &words,
    .flags = (const struct flag[]){{"to", "NAMES",
                                    "names of the tensors in OUT: vggcl (the default), torchvision (features.N, "
                                    "classifier.N) or kuangliu (one linear layer, classifier)",
                                    &to, NULL},
                                   {0}},
    .run = run,
};
