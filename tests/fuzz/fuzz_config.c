/* A file of options (--config): what it sets is valid, and can be written and read again. */
#include "common.h"
#include "options/options.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    static struct vggcl_config config, again;
    char *text, *text_again;
    FUZZ_HOLDS(vggcl_config_init(&config) == VGGCL_OK && vggcl_config_init(&again) == VGGCL_OK);
    if (!fuzz_accepted(vggcl_config_set(&config, "config", fuzz_file("config.json", bytes, count))))
        return 0;
    FUZZ_HOLDS(vggcl_config_text(&config, &text) == VGGCL_OK);
    const char *path = fuzz_file("again.json", (const uint8_t *)text, strlen(text));
    FUZZ_HOLDS(vggcl_config_set(&again, "config", path) == VGGCL_OK);
    FUZZ_HOLDS(vggcl_config_text(&again, &text_again) == VGGCL_OK);
    FUZZ_HOLDS(strcmp(text, text_again) == 0);
    vggcl_config_text_free(text);
    vggcl_config_text_free(text_again);
    return 0;
}
