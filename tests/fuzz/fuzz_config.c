/* A file of options (--config): what it sets is valid, and can be written and read again. */
#include "common.h"
#include "options/options.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    static struct vggcl_config config;
    FUZZ_HOLDS(vggcl_config_init(&config) == VGGCL_OK);
    if (fuzz_accepted(vggcl_config_set(&config, "config", fuzz_file("config.json", bytes, count))))
        fuzz_config_again(&config);
    return 0;
}
