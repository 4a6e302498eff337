#include "ops/optimisers/optimiser.h"

#define ADDRESS(name, title) &optimiser_##name,
#define NAME(name, title)    #name,

const struct optimiser *const optimisers[] = {OPTIMISERS(ADDRESS) NULL};
const char *const optimiser_names[] = {OPTIMISERS(NAME) NULL};

const struct hyperparameters usual_hyperparameters = {.lr = 1e-4,
                                                      .weight_decay = 5e-4,
                                                      .number = 1,
                                                      .scale = 1,
                                                      .momentum = 0.9,
                                                      .beta1 = 0.9,
                                                      .beta2 = 0.999,
                                                      .eps = 1e-8};
