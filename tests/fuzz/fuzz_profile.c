/* A device's profile: what was read can be written, and is the same when it is read again. */
#include "common.h"
#include "tune/profile.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count) {
    static struct profile profile, again;
    if (!fuzz_accepted(profile_parse((const char *)bytes, count, "profile.json", &profile)))
        return 0;
    char *text = profile_text(&profile);
    FUZZ_HOLDS(text);
    FUZZ_HOLDS(profile_parse(text, strlen(text), "profile.json", &again) == VGGCL_OK);
    FUZZ_HOLDS(memcmp(&profile, &again, sizeof again) == 0);
    free(text);
    return 0;
}
