#include "nets/model.h"

#define TABLE_ROW(name) &model_##name,
const struct model *const models[] = {MODELS(TABLE_ROW) NULL};

#define NAME_ROW(name) #name,
const char *const model_names[] = {MODELS(NAME_ROW) NULL};

bool model_recognise(const struct model_tensors *tensors, struct model_found *found) {
    for (const struct model *const *m = models; *m; m++) {
        *found = (struct model_found){.model = *m};
        if ((*m)->recognise(*m, tensors, found))
            return true;
    }
    return false;
}
