#include "options/recipes.h"

/* The defaults: "89.89% on CIFAR-10 in Pytorch". */
static const struct recipe_setting seed[] = {{NULL, NULL}};

/* One cycle of a high learning rate, shifted images, averaged weights. */
#define ONE_CYCLE                                                                                                      \
    {"batch", "128"}, {"lr", "0.1"}, {"nesterov", "yes"}, {"weight-decay", "0.0005"}, {"no-bias-decay", "yes"},        \
        {"schedule", "linear"}, {"label-smoothing", "0.1"}, {"ema", "0.999"}, {"crop", "4"}

/* The same test accuracy in as few epochs as possible: convolutions that start by passing their input on learn from the
 * first steps, and in 8 epochs there is nothing that dropout or cutout would have to prevent. */
static const struct recipe_setting quick[] = {
    ONE_CYCLE, {"epochs", "8"}, {"warmup", "1"}, {"init", "identity"}, {"no-dropout", "yes"}, {NULL, NULL},
};

/* More accurate in a tenth of the epochs. */
static const struct recipe_setting fast[] = {
    ONE_CYCLE, {"epochs", "30"}, {"warmup", "5"}, {"dropout", "classifier"}, {"cutout", "8"}, {NULL, NULL},
};

/* The most accurate. */
static const struct recipe_setting best[] = {
    ONE_CYCLE,        {"epochs", "100"}, {"warmup", "5"}, {"init", "identity"}, {"no-dropout", "yes"},
    {"cutout", "16"}, {NULL, NULL},
};

/* For a few hundred or thousand pictures, from the weights of another network: a learning rate that changes them
 * little, and small batches, so that few epochs have enough steps. */
static const struct recipe_setting finetune[] = {
    {"optimizer", "adamw"},
    {"dropout", "classifier"},
    {"epochs", "20"},
    {"batch", "16"},
    {"lr", "0.001"},
    {"weight-decay", "0.01"},
    {"no-bias-decay", "yes"},
    {"schedule", "cosine"},
    {"warmup", "1"},
    {"label-smoothing", "0.1"},
    {"crop", "4"},
    {NULL, NULL},
};

/* The one list of recipes. */
#define RECIPES(row) row(seed), row(quick), row(fast), row(best), row(finetune)
#define RECIPE(name) {#name, name}
#define NAME(name)   #name

const struct recipe recipes[] = {RECIPES(RECIPE), {NULL, NULL}};
const char *const recipe_names[] = {RECIPES(NAME), NULL};
