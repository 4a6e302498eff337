/* synonyms.h - what PyTorch's scripts, ultralytics, timm and Keras call the options: for suggestions in errors only. */
#ifndef VGGCL_OPTIONS_SYNONYMS_H
#define VGGCL_OPTIONS_SYNONYMS_H

#include <stdbool.h>

/* Several rows may have the same foreign name: which of ours is suggested depends on what the command has. ours is an
 * option, or a flag of one command only; an argument may stand after it: "storage half". */
struct synonym {
    const char *foreign, *ours;
};
extern const struct synonym option_synonyms[]; /* a row with foreign == NULL ends the table */

/* Whether the row is about the option, or flag, of that name. */
bool synonym_is_of(const struct synonym *s, const char *option);

#endif
