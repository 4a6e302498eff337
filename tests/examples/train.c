/* Trains a network on images in memory: cc train.c -o train $(pkg-config --cflags --libs vggcl) */
#include <stdio.h>
#include <string.h>
#include <vggcl.h>

enum { COUNT = 1000, TRAIN = 800, SIDE = 32 };
static uint8_t pixels[COUNT][SIDE][SIDE][3]; /* red, green, blue; rows from top to bottom */
static uint16_t labels[COUNT];

static void print_epoch(const struct vggcl_epoch *row, bool is_best, double best_accuracy, void *payload) {
    (void)is_best, (void)best_accuracy, (void)payload;
    printf("epoch %d: loss %.4f, test accuracy %.2f %%\n", row->epoch, row->train_loss, 100 * row->test_accuracy);
}

int main(void) {
    static const char *const names[] = {"dark", "light"};
    struct vggcl_dataset_source source = {.height = SIDE,
                                          .width = SIDE,
                                          .channels = 3,
                                          .interleaved = true,
                                          .classes = 2,
                                          .class_names = names,
                                          .train = {pixels[0][0][0], labels, TRAIN},
                                          .test = {pixels[TRAIN][0][0], labels + TRAIN, COUNT - TRAIN}};
    const struct vggcl_observer observer = {.epoch_ended = print_epoch};
    struct vggcl_dataset *dataset = NULL;
    struct vggcl_config config;
    for (int i = 0; i < COUNT; i++) { /* replace this by your own images */
        labels[i] = i % 2;
        memset(pixels[i], labels[i] ? 180 + i % 50 : 20 + i % 50, sizeof pixels[i]);
    }
    int failed = vggcl_config_init(&config) || vggcl_config_set(&config, "model", "16,M,32,M,64,M") ||
                 vggcl_config_set(&config, "epochs", "5") || vggcl_dataset_create(&source, &dataset);
    config.dataset = dataset;
    failed = failed || vggcl_train(&config, &observer); /* writes save/best.safetensors */
    if (failed)
        fprintf(stderr, "%s\n", vggcl_error());
    vggcl_dataset_free(dataset);
    return failed;
}
