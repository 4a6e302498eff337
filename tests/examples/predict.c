/* Says what is on pictures: cc predict.c -o predict $(pkg-config --cflags --libs vggcl)
 *
 *     ./predict save/best.safetensors photo.jpg ... */
#include <stdio.h>
#include <stdlib.h>
#include <vggcl.h>

static enum vggcl_err predict(struct vggcl_predictor *predictor, const char *picture, uint8_t *pixels,
                              float *probabilities) {
    const struct vggcl_predictor_info *info = vggcl_predictor_describe(predictor);
    size_t best = 0;
    enum vggcl_err err = vggcl_predictor_read(predictor, picture, pixels);
    if (!err)
        err = vggcl_predict(predictor, pixels, 1, probabilities);
    for (size_t i = 1; !err && i < info->class_count; i++)
        best = probabilities[i] > probabilities[best] ? i : best;
    if (!err)
        printf("%s: %s, %.1f %%\n", picture, info->classes[best], 100 * (double)probabilities[best]);
    return err;
}

int main(int argc, char **argv) {
    struct vggcl_predictor *predictor = NULL;
    struct vggcl_config config;
    if (argc < 3) {
        fprintf(stderr, "usage: predict WEIGHTS PICTURE...\n");
        return 2;
    }
    int failed = vggcl_config_init(&config) || vggcl_config_set(&config, "weights", argv[1]) ||
                 vggcl_config_set(&config, "batch", "1") || vggcl_predictor_open(&config, &predictor);
    if (!failed) {
        const struct vggcl_predictor_info *info = vggcl_predictor_describe(predictor);
        uint8_t *pixels = malloc(info->channels * info->height * info->width);
        float *probabilities = malloc(info->class_count * sizeof *probabilities);
        for (int i = 2; i < argc && !failed; i++)
            failed = !pixels || !probabilities || predict(predictor, argv[i], pixels, probabilities);
        free(pixels);
        free(probabilities);
    }
    if (failed)
        fprintf(stderr, "%s\n", vggcl_error());
    vggcl_predictor_free(predictor);
    return failed;
}
