/* Options as the command line gives them: a line "NAME=TEXT" for each, or "NAME" for a flag. What they set is valid,
 * can be written as a file and read again, and describes a network that can be laid out or that an error refuses. */
#include "common.h"
#include "nets/model.h"
#include "options/network.h"
#include "options/options.h"

#include <stdlib.h>
#include <string.h>

static const struct vggcl_device devices[] = {
    {.name = "pthread-AMD EPYC", .platform_name = "Portable Computing Language", .platform = 0, .device = 0},
    {.name = "NVIDIA H200", .platform_name = "NVIDIA CUDA", .platform = 1, .device = 0, .type = VGGCL_GPU},
    {.name = "NVIDIA H200", .platform_name = "NVIDIA CUDA", .platform = 1, .device = 1, .type = VGGCL_GPU}};
enum { DEVICES = sizeof devices / sizeof *devices };

/* config reads a file: that is another target. */
static void set_line(struct vggcl_config *config, char *line) {
    char *equals = strchr(line, '=');
    if (equals)
        *equals = '\0';
    if (strcmp(line, "config") != 0)
        fuzz_accepted(vggcl_config_set(config, line, equals ? equals + 1 : NULL));
}

static void set_lines(struct vggcl_config *config, char *text) {
    for (char *line = text, *next; line; line = next) {
        next = strchr(line, '\n');
        if (next)
            *next++ = '\0';
        set_line(config, line);
    }
}

static void lay_out(const struct vggcl_config *config) {
    struct layer_spec specs[MODEL_LAYERS];
    struct model model;
    size_t count;
    const struct data_spec spec = network_spec(config);
    const struct model_options options = {
        .width = config->width, .bn = !config->no_bn, .avgpool = config->head == VGGCL_HEAD_AVGPOOL};
    FUZZ_HOLDS(model_find(config->model, &model) == VGGCL_OK);
    if (fuzz_accepted(model.build(&model, &options, &spec, specs, &count)))
        FUZZ_HOLDS(count <= MODEL_LAYERS && model.pixels(&model, spec.height, spec.width) > 0);
    fuzz_accepted(network_check_augmentation(config, &spec));
    fuzz_accepted(config_check_optimizer(config, config->given));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    static struct vggcl_config config;
    size_t position;
    char *text = fuzz_text(bytes, count);
    FUZZ_HOLDS(vggcl_config_init(&config) == VGGCL_OK);
    set_lines(&config, text);
    free(text);
    FUZZ_HOLDS(config_check(&config) == VGGCL_OK);
    fuzz_config_again(&config);
    lay_out(&config);
    if (*config.device && vggcl_device_select(devices, DEVICES, config.device, &position) == VGGCL_OK)
        FUZZ_HOLDS(position < DEVICES);
    return 0;
}
