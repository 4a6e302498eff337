#include "train/config.h"
#include "train/config_file.h"
#include "ops/gemm.h"
#include "train/profile.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const model_names[] = {"vgg11", "vgg13", "vgg16", "vgg19", NULL}; /* as in vgg_models */
static const char *const conv_names[] = {"auto",
                                         "direct",
                                         "im2col",
                                         "winograd2",
                                         "winograd4",
                                         "winograd4-fused",
                                         "winograd4-sliced",
                                         "winograd2-lone",
                                         "winograd2-lone-sliced",
                                         NULL};
static const char *const recipe_names[] = {"seed", "fast", NULL};
static const char *const schedule_names[] = {"step", "cosine", "linear", NULL}; /* enum vggcl_schedule */
static const char *const storage_names[] = {"float", "half", NULL};
static const char *const dropout_names[] = {"channel", "element", "classifier", NULL}; /* enum vggcl_dropout */

enum {
    TRAIN = VGGCL_FOR_TRAIN,
    BOTH = VGGCL_FOR_TRAIN | VGGCL_FOR_EVAL,
    PLAN = VGGCL_FOR_PLAN,
    NETWORK = VGGCL_FOR_BENCH | VGGCL_FOR_SELFCHECK | VGGCL_FOR_PLAN,
    TUNE = VGGCL_FOR_TUNE,
    STORED = VGGCL_FOR_TRAIN | VGGCL_STORED,
    CHANGEABLE = VGGCL_FOR_TRAIN | VGGCL_STORED | VGGCL_CHANGEABLE,
};

#define FIELD(field)                   offsetof(struct vggcl_config, field)
#define TEXT(field)                    VGGCL_TEXT, 0, sizeof((struct vggcl_config *)0)->field, NULL, FIELD(field)
#define LIST(field)                    VGGCL_LIST, 0, sizeof((struct vggcl_config *)0)->field, NULL, FIELD(field)
#define FLAG(field)                    VGGCL_FLAG, 0, 1, NULL, FIELD(field)
#define WHOLE(field, minimum, maximum) VGGCL_WHOLE, minimum, maximum, NULL, FIELD(field)
#define WHOLE64(field)                 VGGCL_WHOLE64, 0, 0x1p53, NULL, FIELD(field)
#define SIZE(field)                    VGGCL_SIZE, 0, 0x1p53, NULL, FIELD(field)
#define REAL(field, minimum, maximum)  VGGCL_REAL, minimum, maximum, NULL, FIELD(field)
#define CHOICE(field, words)           VGGCL_CHOICE, 0, 0, words, FIELD(field)
#define RECIPE(field, words)           VGGCL_RECIPE, 0, 0, words, FIELD(field)
#define INCLUDE                        VGGCL_INCLUDE, 0, 0, NULL, 0

static const struct vggcl_option options[] = {
    {"data", "DIR",
     "CIFAR-10's binary files, or synthetic[:TRAIN,TEST]; default $VGGCL_CIFAR10,\n"
     "else data/cifar-10-batches-bin",
     "", BOTH | PLAN | VGGCL_STORED, TEXT(data)},
    {"validate", "N", "hold out the last N training images and test on them, not on the test set", "0",
     BOTH | PLAN | VGGCL_STORED, WHOLE(validate, 0, 1e9)},
    {"limit", "N", "only the first N images (training images in train); 0 for all", "0", BOTH | PLAN | VGGCL_STORED,
     WHOLE(limit, 0, 1e9)},
    {"device", "SEL",
     "P:D, a flat index, gpu, cpu, or a part of a name (see vggcl devices);\n"
     "default $VGGCL_DEVICE, else the first GPU, else any. train and plan take several: give it\n"
     "again, or put commas between; P:D/2 is a device cut into two",
     "", BOTH | NETWORK | TUNE | VGGCL_STORED | VGGCL_CHANGEABLE, LIST(device)},
    {"device-split", "M:N",
     "how much of a batch each of several devices gets; auto for what their speeds, measured at\n"
     "the start, say. Default: as much",
     "", CHANGEABLE | PLAN, TEXT(device_split)},
    {"config", "FILE", "options from a file such as a run's config.json; what is given besides goes before them", "",
     TRAIN | PLAN, INCLUDE},
    {"recipe", "NAME",
     "seed: the defaults below; fast: other ones, which train to the seed's accuracy in far fewer\n"
     "epochs (--print-config shows them). What is given besides goes before them",
     "seed", STORED | PLAN, RECIPE(recipe, recipe_names)},
    {"model", "NAME", "vgg11, vgg13, vgg16 or vgg19", "vgg16", STORED | NETWORK | TUNE, CHOICE(model, model_names)},
    {"width", "F", "scales every layer's number of channels", "1", STORED | NETWORK | TUNE, REAL(width, 1.0 / 512, 8)},
    {"no-bn", NULL, "leave batch normalisation out", "no", STORED | NETWORK | TUNE, FLAG(no_bn)},
    {"no-dropout", NULL, "leave dropout out", "no", STORED | NETWORK, FLAG(no_dropout)},
    {"dropout", "KIND",
     "between convolutions channel (whole planes) or element, and element before linear layers;\n"
     "classifier: only there",
     "channel", STORED | NETWORK, CHOICE(dropout, dropout_names)},
    {"epochs", "N", "passes over the training set, in all", "300", CHANGEABLE, WHOLE(epochs, 1, 1e6)},
    {"batch", "N", "images a step, or at once in eval; the last batch of an epoch may be shorter", "128",
     BOTH | NETWORK | TUNE | VGGCL_STORED, WHOLE(batch, 1, 65536)},
    {"micro-batch", "N",
     "images of a batch at a time, their gradients added up; batch normalisation takes each\n"
     "micro-batch's own statistics. 0 for the whole batch, or what --mem-limit allows",
     "0", STORED | PLAN, WHOLE(micro_batch, 0, 65536)},
    {"mem-limit", "SIZE",
     "stay within so much device memory: 512M, 1.5G (K, M, G: powers of 1024); 0 for no limit.\n"
     "First by smaller convolution scratch, then by micro-batches; vggcl plan tells",
     "0", BOTH | PLAN | VGGCL_STORED | VGGCL_CHANGEABLE, SIZE(mem_limit)},
    {"lr", "F", "learning rate: the largest one, where it changes", "0.01", STORED, REAL(lr, 0, 1e6)},
    {"momentum", "F", "of SGD", "0.9", STORED, REAL(momentum, 0, 1)},
    {"nesterov", NULL, "Nesterov's momentum", "no", STORED, FLAG(nesterov)},
    {"weight-decay", "F", "L2 penalty on every parameter", "0.0005", STORED, REAL(weight_decay, 0, 1e6)},
    {"no-bias-decay", NULL, "keep it off biases and batch normalisation", "no", STORED, FLAG(no_bias_decay)},
    {"schedule", "NAME",
     "of the learning rate: step (--lr-step, --lr-gamma), or down to 0 at the end of --epochs by\n"
     "half a cosine, or linear (with --warmup: one cycle)",
     "step", STORED, CHOICE(schedule, schedule_names)},
    {"warmup", "F", "epochs in which the learning rate first rises from 0", "0", STORED, REAL(warmup, 0, 1e6)},
    {"lr-step", "N", "epochs between two changes of the learning rate", "25", STORED, WHOLE(lr_step, 1, 1e6)},
    {"lr-gamma", "F", "what the learning rate is multiplied by then", "0.5", STORED, REAL(lr_gamma, 0, 1e6)},
    {"label-smoothing", "F", "the share of each label that is spread over all classes", "0", STORED,
     REAL(label_smoothing, 0, 1)},
    {"ema", "F",
     "test and save averages of the weights over the steps, each times F, such as 0.999, a step;\n"
     "0 for the weights themselves",
     "0", STORED | PLAN, REAL(ema, 0, 0.999999)},
    {"crop", "N", "random crops of training images, N pixels around which are reflected; 0 for none", "0", STORED,
     WHOLE(crop, 0, 31)},
    {"cutout", "N", "a square of N pixels a side, somewhere in a training image, is grey; 0 for none", "0", STORED,
     WHOLE(cutout, 0, 64)},
    {"tta", NULL, "test by the mean of an image's and its mirror image's logits, in twice the time", "no",
     BOTH | VGGCL_STORED, FLAG(tta)},
    {"seed", "N", "of weights, shuffle, flips, dropout and the synthetic set", "0", BOTH | NETWORK | VGGCL_STORED,
     WHOLE64(seed)},
    {"no-shuffle", NULL, "training images in file order", "no", STORED, FLAG(no_shuffle)},
    {"no-flip", NULL, "no horizontal flips", "no", STORED, FLAG(no_flip)},
    {"no-selfcheck", NULL, "train without checking the device's arithmetic first", "no", TRAIN, FLAG(no_selfcheck)},
    {"steps", "N", "stop after N steps in all, the state saved; 0 for no limit", "0", TRAIN, WHOLE64(steps)},
    {"save", "DIR", "folder of the accuracy record and the checkpoints", "save", TRAIN, TEXT(save)},
    {"save-every", "N", "epochs between two kept checkpoints, epoch-NNN.safetensors", "25", CHANGEABLE,
     WHOLE(save_every, 1, 1e6)},
    {"checkpoint-every", "N", "steps between two savings of the state within an epoch; 0 for none", "0", TRAIN,
     WHOLE64(checkpoint_every)},
    {"resume", "DIR", "go on with the run saved there, by its own options", "", TRAIN, TEXT(resume)},
    {"weights", "FILE", "start from these weights (train), evaluate these (eval); safetensors", "", BOTH | VGGCL_STORED,
     TEXT(weights)},
    {"log-steps", "FILE", "write every step's loss there, as csv: step,epoch,lr,loss", "", TRAIN, TEXT(log_steps)},
    {"conv", "NAME",
     "convolution algorithm: auto, direct, im2col, winograd2, winograd4, winograd4-fused,\n"
     "winograd4-sliced, winograd2-lone or winograd2-lone-sliced",
     "auto", BOTH | NETWORK | VGGCL_STORED, CHOICE(conv, conv_names)},
    {"gemm", "NAME", "matrix product engine: auto, clblast or tiled", "auto", BOTH | NETWORK | TUNE | VGGCL_STORED,
     CHOICE(gemm, gemm_engine_names)},
    {"profile", "FILE",
     "go by this profile of the device; none for the built-in rules. Default: the one that\n"
     "vggcl tune stored for the device, else one that ships for its like, else (in train) a\n"
     "few seconds of measuring",
     "", BOTH | NETWORK, TEXT(profile)},
    {"storage", "KIND",
     "activations and their gradients as float, or as half: 16-bit floats, in about half the\n"
     "memory; weights and all arithmetic are float either way",
     "float", BOTH | NETWORK | VGGCL_STORED | VGGCL_CHANGEABLE, CHOICE(storage, storage_names)},
    {"kernel-dir", "DIR", "take .cl files from here instead of the built-in ones", "", BOTH | NETWORK | TUNE,
     TEXT(kernel_dir)},
};
enum { OPTIONS = sizeof options / sizeof *options };
_Static_assert(OPTIONS <= 64, "struct vggcl_config has a bit for each");

const struct vggcl_option *vggcl_options(size_t *count) {
    *count = OPTIONS;
    return options;
}

static const struct vggcl_option *find(const char *name) {
    for (size_t i = 0; i < OPTIONS; i++)
        if (strcmp(options[i].name, name) == 0)
            return &options[i];
    return NULL;
}

void vggcl_config_init(struct vggcl_config *config) {
    memset(config, 0, sizeof *config);
    for (size_t i = 0; i < OPTIONS; i++)
        if (options[i].kind != VGGCL_RECIPE && options[i].kind != VGGCL_INCLUDE)
            vggcl_config_set(config, options[i].name, options[i].value);
    config->given = 0;
}

enum vggcl_err config_suggest(struct vggcl_config *config, const char *name, const char *text) {
    const struct vggcl_option *o = find(name);
    uint64_t given = config->given;
    if (o && config_given(config, (size_t)(o - options)))
        return VGGCL_OK;
    enum vggcl_err err = vggcl_config_set(config, name, text);
    config->given = given;
    return err;
}

/* What --recipe fast says of other options; --recipe seed says their defaults. */
static const struct {
    const char *option, *value;
} fast[] = {
    {"dropout", "classifier"}, {"epochs", "30"},           {"batch", "128"},         {"lr", "0.1"},
    {"nesterov", "yes"},       {"weight-decay", "0.0005"}, {"no-bias-decay", "yes"}, {"schedule", "linear"},
    {"warmup", "5"},           {"label-smoothing", "0.1"}, {"ema", "0.999"},         {"crop", "4"},
    {"cutout", "8"},
};

static enum vggcl_err follow_recipe(struct vggcl_config *config) {
    bool is_fast = strcmp(recipe_names[config->recipe], "fast") == 0;
    for (size_t i = 0; i < sizeof fast / sizeof *fast; i++)
        TRY(config_suggest(config, fast[i].option, is_fast ? fast[i].value : find(fast[i].option)->value));
    return VGGCL_OK;
}

/* ---------------------------------------------------------------------------------------- setting and getting -- */

static enum vggcl_err takes_number(const struct vggcl_option *o, const char *kind, const char *text) {
    return err_set(VGGCL_EUSAGE, "--%s takes %s from %.15g to %.15g, not '%s'", o->name, kind, o->minimum, o->maximum,
                   text);
}

static enum vggcl_err set_whole(const struct vggcl_option *o, void *field, const char *text) {
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (end == text || *end || errno || (double)value < o->minimum || (double)value > o->maximum)
        return takes_number(o, "a whole number", text);
    if (o->kind == VGGCL_WHOLE)
        *(int *)field = (int)value;
    else
        *(int64_t *)field = value;
    return VGGCL_OK;
}

static enum vggcl_err set_real(const struct vggcl_option *o, void *field, const char *text) {
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end || !(value >= o->minimum && value <= o->maximum))
        return takes_number(o, "a number", text);
    *(double *)field = value;
    return VGGCL_OK;
}

static const struct {
    const char *letter;
    uint64_t bytes;
} units[] = {{"G", 1 << 30}, {"M", 1 << 20}, {"K", 1 << 10}, {"", 1}};

static enum vggcl_err set_size(const struct vggcl_option *o, void *field, const char *text) {
    char *end;
    double value = strtod(text, &end);
    int unit = 0;
    while (units[unit].bytes > 1 && strcmp(end, units[unit].letter) != 0)
        unit++;
    value *= (double)units[unit].bytes;
    if (end == text || strcmp(end, units[unit].letter) != 0 || !(value >= o->minimum && value <= o->maximum))
        return err_set(VGGCL_EUSAGE, "--%s takes a number of bytes such as 512M or 1.5G, not '%s'", o->name, text);
    *(uint64_t *)field = (uint64_t)value;
    return VGGCL_OK;
}

/* In the largest unit that gives a whole number. */
static void get_size(uint64_t bytes, char *text, size_t size) {
    int unit = 0;
    while (units[unit].bytes > 1 && (!bytes || bytes % units[unit].bytes))
        unit++;
    snprintf(text, size, "%" PRIu64 "%.1s", bytes / units[unit].bytes, units[unit].letter);
}

static enum vggcl_err set_text(const struct vggcl_option *o, void *field, const char *text) {
    if (strlen(text) >= (size_t)o->maximum)
        return err_set(VGGCL_EUSAGE, "--%s takes at most %.0f bytes", o->name, o->maximum - 1);
    strcpy(field, text);
    return VGGCL_OK;
}

/* What was set before stays, with a comma behind it. */
static enum vggcl_err add_text(const struct vggcl_option *o, char *field, const char *text) {
    size_t used = strlen(field);
    if (used + 1 + strlen(text) >= (size_t)o->maximum)
        return err_set(VGGCL_EUSAGE, "--%s takes at most %.0f bytes in all", o->name, o->maximum - 1);
    snprintf(field + used, (size_t)o->maximum - used, ",%s", text);
    return VGGCL_OK;
}

static enum vggcl_err set_choice(const struct vggcl_option *o, void *field, const char *text) {
    char known[128] = "";
    for (int i = 0; o->choices[i]; i++) {
        if (strcmp(o->choices[i], text) == 0) {
            *(int *)field = i;
            return VGGCL_OK;
        }
        snprintf(known + strlen(known), sizeof known - strlen(known), "%s%s", i ? ", " : "", o->choices[i]);
    }
    return err_set(VGGCL_EUSAGE, "--%s takes one of %s, not '%s'", o->name, known, text);
}

static enum vggcl_err set_flag(const struct vggcl_option *o, void *field, const char *text) {
    if (text && strcmp(text, "yes") && strcmp(text, "no"))
        return err_set(VGGCL_EUSAGE, "--%s takes no argument, or =yes or =no, not '%s'", o->name, text);
    *(bool *)field = !text || !strcmp(text, "yes");
    return VGGCL_OK;
}

enum vggcl_err vggcl_config_set(struct vggcl_config *config, const char *name, const char *text) {
    static enum vggcl_err (*const set[])(const struct vggcl_option *, void *, const char *) = {
        [VGGCL_FLAG] = set_flag, [VGGCL_WHOLE] = set_whole,   [VGGCL_WHOLE64] = set_whole,
        [VGGCL_REAL] = set_real, [VGGCL_SIZE] = set_size,     [VGGCL_TEXT] = set_text,
        [VGGCL_LIST] = set_text, [VGGCL_CHOICE] = set_choice, [VGGCL_RECIPE] = set_choice};
    const struct vggcl_option *o = find(name);
    if (!o)
        return err_set(VGGCL_EUSAGE, "there is no option --%s", name);
    if (!text && o->kind != VGGCL_FLAG)
        return err_set(VGGCL_EUSAGE, "--%s needs an argument, %s", name, o->argument);
    if (o->kind == VGGCL_INCLUDE)
        return config_read(config, text);
    char *field = (char *)config + o->offset;
    TRY(o->kind == VGGCL_LIST && config_given(config, (size_t)(o - options)) ? add_text(o, field, text)
                                                                             : set[o->kind](o, field, text));
    config->given |= UINT64_C(1) << (o - options);
    return o->kind == VGGCL_RECIPE ? follow_recipe(config) : VGGCL_OK;
}

void vggcl_config_get(const struct vggcl_config *config, const char *name, char *text, size_t size) {
    const struct vggcl_option *o = find(name);
    assert(o);
    const void *field = (const char *)config + o->offset;
    switch (o->kind) {
    case VGGCL_FLAG:
        snprintf(text, size, "%s", *(const bool *)field ? "yes" : "no");
        break;
    case VGGCL_WHOLE:
        snprintf(text, size, "%d", *(const int *)field);
        break;
    case VGGCL_WHOLE64:
        snprintf(text, size, "%" PRId64, *(const int64_t *)field);
        break;
    case VGGCL_REAL:
        snprintf(text, size, "%.15g", *(const double *)field);
        if (strtod(text, NULL) != *(const double *)field)
            snprintf(text, size, "%.17g", *(const double *)field);
        break;
    case VGGCL_SIZE:
        get_size(*(const uint64_t *)field, text, size);
        break;
    case VGGCL_TEXT:
    case VGGCL_LIST:
        snprintf(text, size, "%s", (const char *)field);
        break;
    case VGGCL_CHOICE:
    case VGGCL_RECIPE:
        snprintf(text, size, "%s", o->choices[*(const int *)field]);
        break;
    case VGGCL_INCLUDE:
        *text = '\0';
        break;
    }
}

bool config_given(const struct vggcl_config *config, size_t i) {
    return config->given >> i & 1;
}

const char *config_word(const struct vggcl_config *config, const char *name) {
    const struct vggcl_option *o = find(name);
    return o->choices[*(const int *)((const char *)config + o->offset)];
}

/* ------------------------------------------------------------------------------------------------------ using -- */

enum vggcl_err config_resume(struct vggcl_config *config, const char *(*value)(const void *file, const char *key),
                             const void *file, const char *from) {
    for (size_t i = 0; i < OPTIONS; i++) {
        const struct vggcl_option *o = &options[i];
        const char *stored = o->flags & VGGCL_STORED ? value(file, o->name) : NULL;
        char given[CONFIG_TEXT];
        if (!stored || (config_given(config, i) && o->flags & VGGCL_CHANGEABLE))
            continue;
        vggcl_config_get(config, o->name, given, sizeof given);
        if (!config_given(config, i)) {
            if (vggcl_config_set(config, o->name, stored) != VGGCL_OK)
                return err_set(VGGCL_EFORMAT, "%s: stores what --%s cannot be: '%.64s'", from, o->name, stored);
        } else if (strcmp(given, stored) != 0) {
            return err_set(
                VGGCL_EUSAGE,
                "--%s %s contradicts the run in %s, which has %s; leave the option out, or start another run", o->name,
                given, from, stored);
        }
    }
    return VGGCL_OK;
}

struct vgg config_vgg(const struct vggcl_config *config) {
    static const enum dropout between_convolutions[] = {[VGGCL_DROPOUT_CHANNEL] = DROPOUT_CHANNEL,
                                                        [VGGCL_DROPOUT_ELEMENT] = DROPOUT_ELEMENT,
                                                        [VGGCL_DROPOUT_CLASSIFIER] = DROPOUT_NONE};
    return (struct vgg){.model = &vgg_models[config->model],
                        .width = config->width,
                        .bn = !config->no_bn,
                        .dropout = config->no_dropout ? DROPOUT_NONE : between_convolutions[config->dropout],
                        .classifier_dropout = !config->no_dropout};
}

enum vggcl_err config_device(const struct vggcl_config *config, struct dev **d, struct tuned *tuned) {
    TRY(dev_open(config->device, config->kernel_dir, d));
    return config_prepare(config, *d, tuned);
}

enum vggcl_err config_prepare(const struct vggcl_config *config, struct dev *d, struct tuned *tuned) {
    d->half = config->storage == VGGCL_STORAGE_HALF;
    TRY(gemm_use(d, config_word(config, "gemm")));
    return profile_choose(d, config, tuned);
}
