#define _POSIX_C_SOURCE 200809L /* open_memstream */
#include "options/options.h"
#include "cl/matrix.h"
#include "data/data.h"
#include "nets/model.h"
#include "ops/conv/conv.h"
#include "ops/gemm/gemm.h"
#include "ops/optimisers/optimiser.h"
#include "base/nearest.h"
#include "base/text.h"
#include "options/config_file.h"
#include "options/recipes.h"
#include "options/synonyms.h"
#include "options/value.h"

#include <stdlib.h>
#include <string.h>

static const char *const schedule_names[] = {"step", "cosine", "linear", NULL};        /* enum vggcl_schedule */
static const char *const head_names[] = {"flatten", "avgpool", NULL};                  /* enum vggcl_head */
static const char *const save_error_names[] = {"retry", "stop", NULL};                 /* enum vggcl_on_save_error */
static const char *const storage_names[] = {"float", "half", NULL};                    /* enum vggcl_storage */
static const char *const grad_dtype_names[] = {"float", "bf16", NULL};                 /* enum vggcl_grad_dtype */
static const char *const precision_names[] = {"float", "bf16", "tf32", NULL};          /* enum vggcl_precision */
static const char *const images_names[] = {"auto", "device", "host", NULL};            /* enum vggcl_images_on */
static const char *const data_from_names[] = {"each", "rank0", NULL};                  /* enum vggcl_data_from */
static const char *const normalize_names[] = {"half", "dataset", "imagenet", NULL};    /* enum vggcl_normalize */
static const char *const init_names[] = {"he", "identity", NULL};                      /* enum vggcl_init */
static const char *const dropout_names[] = {"channel", "element", "classifier", NULL}; /* enum vggcl_dropout */
static const char *const class_weights_names[] = {"none", "balanced", NULL};           /* enum vggcl_class_weights */
static const char *const freeze_names[] = {"none", "conv", NULL};                      /* enum vggcl_freeze */

enum {
    TRAIN = VGGCL_FOR_TRAIN,
    BOTH = VGGCL_FOR_TRAIN | VGGCL_FOR_EVAL,
    PLAN = VGGCL_FOR_PLAN,
    NETWORK = VGGCL_FOR_BENCH | VGGCL_FOR_SELFCHECK | VGGCL_FOR_PLAN,
    TUNE = VGGCL_FOR_TUNE,
    PREDICT = VGGCL_FOR_PREDICT,
    STORED = VGGCL_FOR_TRAIN | VGGCL_STORED,
    CHANGEABLE = VGGCL_FOR_TRAIN | VGGCL_STORED | VGGCL_CHANGEABLE,
    GIVEN_ONLY = VGGCL_NOT_IN_FILES, /* a new option that names a file to write, or code, needs this */
};

#define FIELD(field)                   offsetof(struct vggcl_config, field)
#define TEXT(field)                    VGGCL_TEXT, 0, sizeof((struct vggcl_config *)0)->field, NULL, FIELD(field)
#define LIST(field)                    VGGCL_LIST, 0, sizeof((struct vggcl_config *)0)->field, NULL, FIELD(field)
#define FLAG(field)                    VGGCL_FLAG, 0, 1, NULL, FIELD(field)
#define WHOLE(field, minimum, maximum) VGGCL_WHOLE, minimum, maximum, NULL, FIELD(field)
#define WHOLE64(field, maximum)        VGGCL_WHOLE64, 0, maximum, NULL, FIELD(field)
#define SIZE(field)                    VGGCL_SIZE, 0, 0x1p53 - 1, NULL, FIELD(field)
#define SHAPE(field, minimum, maximum) VGGCL_SHAPE, minimum, maximum, NULL, FIELD(field)
#define REAL(field, minimum, maximum)  VGGCL_REAL, minimum, maximum, NULL, FIELD(field)
#define CHOICE(field, words)           VGGCL_CHOICE, 0, 0, words, FIELD(field)
#define MODEL(field, words)            VGGCL_MODEL, 0, sizeof((struct vggcl_config *)0)->field, words, FIELD(field)
#define RECIPE(field, words)           VGGCL_RECIPE, 0, 0, words, FIELD(field)
#define INCLUDE                        VGGCL_INCLUDE, 0, 0, NULL, 0

/* An optimiser in the help of the option that chooses one. */
#define OPTIMISER_HELP(name, title) "; " #name ": " title

static const struct vggcl_option options[] = {
    {"data", "DIR",
     "folder of the data set: pictures in a subfolder for each class, CIFAR-10 or CIFAR-100 (binary\n"
     "version), MNIST, Fashion-MNIST or EMNIST (IDX files); or synthetic[:TRAIN,TEST] for generated\n"
     "images (default $VGGCL_CIFAR10, else data/cifar-10-batches-bin)",
     "", BOTH | PLAN | VGGCL_STORED | VGGCL_CHANGEABLE, TEXT(data)},
    {"data-format", "NAME",
     "format of the data set; auto takes the first one that recognises the folder; memory is for C programs", "auto",
     BOTH | PLAN | VGGCL_STORED | VGGCL_CHANGEABLE, CHOICE(data_format, data_format_names)},
    {"labels", "KIND", "which labels to use, for a data set that has two kinds (CIFAR-100)", "fine",
     BOTH | PLAN | VGGCL_STORED, CHOICE(labels, data_label_names)},
    {"size", "N",
     "for a folder of pictures: scale and crop them to N x N pixels, 8 to 256; 0: their own size if\n"
     "all have the same one, else 32 for small pictures and 64 for larger ones. For synthetic images:\n"
     "draw them that large; 0: 32",
     "0", BOTH | PREDICT | PLAN | VGGCL_STORED, WHOLE(size, 0, DATA_MOST_SIDE)},
    {"test-share", "F", "for a folder of pictures without a test folder: the share of each class to test on", "0.1",
     BOTH | PLAN | VGGCL_STORED, REAL(test_share, 0, 0.9)},
    {"bad-images", "PERCENT", "for a folder of pictures: stop if more than this percentage of them cannot be decoded",
     "1", BOTH | PLAN | VGGCL_STORED | VGGCL_CHANGEABLE, REAL(bad_images, 0, 100)},
    {"validate", "N", "hold out the last N training images and test on them instead of on the test set", "0",
     BOTH | PLAN | VGGCL_STORED, WHOLE(validate, 0, 1e9)},
    {"limit", "N", "use only the first N images (of the training set in train); 0 for all", "0",
     BOTH | PLAN | VGGCL_STORED, WHOLE(limit, 0, 1e9)},
    {"device", "SEL",
     "OpenCL device: P:D (platform and device), an index, gpu, cpu, or a part of a name, as\n"
     "`vggcl devices` lists them (default $VGGCL_DEVICE, else the first GPU, else any). train and\n"
     "plan take several: repeat the option, or separate them by commas; P:D/2 splits a device into two",
     "", BOTH | PREDICT | NETWORK | TUNE | VGGCL_STORED | VGGCL_CHANGEABLE, LIST(device)},
    {"device-split", "M:N",
     "with several devices: the share of each batch that each gets, as a ratio; auto measures\n"
     "their speeds at the start (default: equal shares)",
     "", CHANGEABLE | PLAN, TEXT(device_split)},
    {"config", "FILE",
     "read options from this JSON file, such as a run's config.json; options on the command line\n"
     "override it. It cannot set --save, --resume, --log-steps, --tensorboard and --kernel-dir",
     "", TRAIN | PLAN, INCLUDE},
    {"recipe", "NAME",
     "set of defaults. seed: those listed here; quick: the same accuracy in 8 epochs; fast: more of it in\n"
     "30; best: the most, in 100; finetune: for few pictures and the weights of another network\n"
     "(--weights, --reset-head). --print-config shows them. Options on the command line override the recipe",
     "seed", STORED | PLAN, RECIPE(recipe, recipe_names)},
    {"shape", "HxWxC",
     "shape of the images: height and width, 8 to 256 pixels, and channels, 1 or 3. plan takes it, and\n"
     "the number of classes, from the data set, unless --shape or --classes is given",
     "32x32x3", NETWORK | TUNE, SHAPE(shape, DATA_LEAST_SIDE, DATA_MOST_SIDE)},
    {"classes", "N", "number of classes", "10", NETWORK | TUNE, WHOLE(classes, 2, DATA_MOST_CLASSES)},
    {"model", "NAME",
     "network; or a list of its layers, e.g. 64,64,M,128,128,M: a number is a 3x3 convolution with that\n"
     "many channels, M a 2x2 max-pooling. L4096 behind the list or a name is a linear layer with that many\n"
     "outputs before the last one (default L512; L0 for none): vgg16,L4096,L4096",
     "vgg16", STORED | NETWORK | TUNE, MODEL(model, model_names)},
    {"width", "F", "multiply every layer's number of channels by F", "1", STORED | NETWORK | TUNE,
     REAL(width, 1.0 / 512, 8)},
    {"head", "KIND",
     "what is between convolutions and linear layers. flatten: all pixels that are left; avgpool: the mean\n"
     "of each channel (global average pooling), so that images of any size have the same linear layers",
     "flatten", STORED | NETWORK | TUNE, CHOICE(head, head_names)},
    {"no-bn", NULL, "leave out batch normalisation", "no", STORED | NETWORK | TUNE, FLAG(no_bn)},
    {"no-dropout", NULL, "leave out dropout", "no", STORED | NETWORK, FLAG(no_dropout)},
    {"dropout", "KIND",
     "what dropout drops between convolutions: whole channels, single elements, or (classifier)\n"
     "nothing. Before linear layers it always drops elements",
     "channel", STORED | NETWORK, CHOICE(dropout, dropout_names)},
    {"init", "NAME",
     "how the convolutions' weights start. he: random (He et al. 2015); identity: all but the first pass their\n"
     "input on, plus less noise, so that deep networks learn from the first steps: better in few epochs",
     "he", TRAIN | VGGCL_STORED, CHOICE(init, init_names)},
    {"epochs", "N", "number of epochs, counted from the start of the run", "300", CHANGEABLE, WHOLE(epochs, 1, 1e6)},
    {"patience", "N",
     "early stopping: end the run when the test accuracy has not improved for N epochs; 0 for never. Use\n"
     "it with --validate, so that the test set does not choose when to stop",
     "0", CHANGEABLE, WHOLE(patience, 0, 1e6)},
    {"batch", "N", "images per training step, or per evaluation batch; the last batch of an epoch may be smaller",
     "128", BOTH | PREDICT | NETWORK | TUNE | VGGCL_STORED, WHOLE(batch, 1, 65536)},
    {"micro-batch", "N",
     "gradient accumulation: process each batch in parts of N images and add up their gradients.\n"
     "Batch normalisation uses the statistics of each part. 0: the whole batch, or what --mem-limit\n"
     "allows",
     "0", STORED | PLAN, WHOLE(micro_batch, 0, 65536)},
    {"mem-limit", "SIZE",
     "limit of device memory, e.g. 512M or 1.5G (K, M, G: powers of 1024); 0 for none. Within it,\n"
     "the images go to the host, then convolutions use less workspace, then batches are split;\n"
     "`vggcl plan` shows the result",
     "0", BOTH | PREDICT | PLAN | VGGCL_STORED | VGGCL_CHANGEABLE, SIZE(mem_limit)},
    {"images", "WHERE",
     "where the images of the data set are: in the device's memory, or in the host's, from where each\n"
     "batch is uploaded while the device computes the one before. auto: on the device if they fit into\n"
     "its memory and --mem-limit, else on the host. The results are the same",
     "auto", BOTH | PLAN, CHOICE(images, images_names)},
    {"data-from", "WHO",
     "with several processes (mpirun): which of them read the data set. each: all of them, each from its own\n"
     "machine; rank0: the first one, which sends the training images to the others. The results are the same",
     "each", CHANGEABLE, CHOICE(data_from, data_from_names)},
    {"shards", NULL,
     "with several processes: each holds only its part of the training images, and shuffles that, for sets\n"
     "larger than a machine, with --data-from rank0. The results depend on the number of processes, which\n"
     "has to stay the same",
     "no", STORED | PLAN, FLAG(shards)},
    {"lr", "F", "learning rate; with a schedule or a warm-up, the highest one", "0.01", CHANGEABLE, REAL(lr, 0, 1e6)},
    {"optimizer", "NAME", "optimiser" OPTIMISERS(OPTIMISER_HELP), "sgd", STORED | NETWORK,
     CHOICE(optimizer, optimiser_names)},
    {"momentum", "F", "for SGD: momentum", "0.9", STORED, REAL(momentum, 0, 1)},
    {"nesterov", NULL, "for SGD: use Nesterov momentum", "no", CHANGEABLE, FLAG(nesterov)},
    {"beta1", "F", "for AdamW: decay of the moving average of gradients", "0.9", STORED, REAL(beta1, 0, 0.999999)},
    {"beta2", "F", "for AdamW: decay of the moving average of squared gradients", "0.999", STORED,
     REAL(beta2, 0, 0.999999)},
    {"eps", "F", "for AdamW: added to the square root of that average, so that nothing is divided by 0", "1e-08",
     STORED, REAL(eps, 1e-30, 1)},
    {"weight-decay", "F", "weight decay on every parameter", "0.0005", STORED, REAL(weight_decay, 0, 1e6)},
    {"no-bias-decay", NULL, "no weight decay on biases and batch-norm parameters", "no", STORED, FLAG(no_bias_decay)},
    {"schedule", "NAME",
     "learning-rate schedule. step: multiply it by --lr-gamma every --lr-step epochs; cosine, linear:\n"
     "fall to 0 at the end of --epochs. linear with --warmup is the one-cycle schedule",
     "step", CHANGEABLE, CHOICE(schedule, schedule_names)},
    {"warmup", "F", "raise the learning rate linearly over the first F epochs", "0", CHANGEABLE, REAL(warmup, 0, 1e6)},
    {"lr-step", "N", "epochs between two steps of the step schedule", "25", CHANGEABLE, WHOLE(lr_step, 1, 1e6)},
    {"lr-gamma", "F", "factor of each step of the step schedule", "0.5", CHANGEABLE, REAL(lr_gamma, 0, 1e6)},
    {"label-smoothing", "F", "share of each label that is spread evenly over all classes", "0", STORED,
     REAL(label_smoothing, 0, 1)},
    {"class-weights", "NAME",
     "for classes of different sizes. balanced: multiply each image's training loss by images / (classes *\n"
     "images of its class), counted in the training set",
     "none", STORED | PLAN, CHOICE(class_weights, class_weights_names)},
    {"ema", "F",
     "test and save an exponential moving average of the weights with decay F per step, e.g.\n"
     "0.999; 0 to use the weights themselves",
     "0", STORED | PLAN, REAL(ema, 0, 0.999999)},
    {"crop", "N", "pad training images by N reflected pixels and crop them at random; 0 for none", "0", STORED,
     WHOLE(crop, 0, 65535)},
    {"cutout", "N", "grey out a random square of N x N pixels of each training image; 0 for none", "0", STORED,
     WHOLE(cutout, 0, 65535)},
    {"color-jitter", "F",
     "multiply contrast, brightness and saturation of each training image by random factors in\n"
     "1 - F to 1 + F; 0 for none",
     "0", STORED, REAL(color_jitter, 0, 1)},
    {"resized-crop", "F",
     "stretch a random box of each training image over the whole of it: its area is F to 1 of the\n"
     "image's, its aspect ratio 3/4 to 4/3; 0 for none",
     "0", STORED, REAL(resized_crop, 0, 1)},
    {"mixup", "A",
     "train on mixtures of two images and their labels: s * one + (1 - s) * other, with s drawn from\n"
     "Beta(A, A) for each step; 0 for none",
     "0", STORED | PLAN, REAL(mixup, 0, 1000)},
    {"cutmix", "A",
     "train on images with a box from another image, and labels by area; the part outside of the box\n"
     "is drawn from Beta(A, A) for each step; 0 for none. With --mixup too, each step uses one of them",
     "0", STORED | PLAN, REAL(cutmix, 0, 1000)},
    {"normalize", "KIND",
     "normalisation of images. half: (x/255 - 0.5)/0.5; dataset: by the mean and standard deviation of\n"
     "each channel of the training images; imagenet: by those of ImageNet, as torchvision. Files of\n"
     "weights say which one they need: eval and predict use it, and train --weights, unless --normalize\n"
     "is given",
     "half", BOTH | PREDICT | VGGCL_STORED, CHOICE(normalize, normalize_names)},
    {"tta", NULL,
     "test-time augmentation: average the logits of each image and its mirror image; takes twice\n"
     "the time",
     "no", BOTH | PREDICT | VGGCL_STORED, FLAG(tta)},
    {"seed", "N", "seed of weights, shuffling, augmentation, dropout and the synthetic set", "0",
     BOTH | NETWORK | VGGCL_STORED, WHOLE64(seed, 0x1p63)},
    {"no-shuffle", NULL, "use the training images in file order", "no", STORED, FLAG(no_shuffle)},
    {"no-flip", NULL, "no random horizontal flips", "no", STORED, FLAG(no_flip)},
    {"drop-last", NULL,
     "leave out an epoch's last training batch if it is smaller than the others: very small ones lower\n"
     "the accuracy of networks with batch normalisation",
     "no", STORED | PLAN, FLAG(drop_last)},
    {"no-selfcheck", NULL, "skip the check of the device's arithmetic at the start", "no", BOTH | PREDICT,
     FLAG(no_selfcheck)},
    {"strict", NULL,
     "stop where a convolution algorithm or matrix product gives wrong results on the device, instead of\n"
     "using another one",
     "no", BOTH | PREDICT | VGGCL_FOR_BENCH | TUNE, FLAG(strict)},
    {"steps", "N", "stop after N steps, counted from the start of the run, and save the state; 0 for no limit", "0",
     TRAIN, WHOLE64(steps, 0x1p53)},
    {"save", "DIR", "folder for the accuracy record and the checkpoints", "save", TRAIN | GIVEN_ONLY, TEXT(save)},
    {"save-every", "N", "keep a checkpoint, epoch-NNN.safetensors, every N epochs", "25", CHANGEABLE,
     WHOLE(save_every, 1, 1e6)},
    {"checkpoint-every", "N", "also save the state every N steps within an epoch; 0 for never", "0", TRAIN,
     WHOLE64(checkpoint_every, 0x1p53)},
    {"on-save-error", "ACTION",
     "when a save fails, e.g. because the disk is full. retry: warn, train on, and try again with the next\n"
     "save; the run fails if the last one does. stop: end the run at once",
     "retry", TRAIN, CHOICE(on_save_error, save_error_names)},
    {"resume", "DIR",
     "continue the run saved in this folder, or name its last.safetensors. The run keeps its options;\n"
     "to train a complete run longer, give more --epochs. --save names another folder to continue in",
     "", TRAIN | GIVEN_ONLY, TEXT(resume)},
    {"weights", "FILE",
     "safetensors file of weights, or a save folder with one: train starts from them, eval, predict and\n"
     "inspect use them",
     "", BOTH | PREDICT | VGGCL_STORED, TEXT(weights)},
    {"reset-head", NULL,
     "fine-tuning: take only the convolutions from --weights, and initialise the linear layers; for\n"
     "other classes or another size of images",
     "no", STORED, FLAG(reset_head)},
    {"freeze", "PART",
     "fine-tuning: train only the rest. conv: the convolutions stay those of --weights, without dropout\n"
     "between them; batch normalisation uses its running statistics and does not change them",
     "none", STORED | PLAN, CHOICE(freeze, freeze_names)},
    {"log-steps", "FILE", "write the loss of every step to this CSV file: step,epoch,lr,loss", "", TRAIN | GIVEN_ONLY,
     TEXT(log_steps)},
    {"tensorboard", "DIR",
     "write event files for TensorBoard to this folder: losses, accuracies, learning rate, speed,\n"
     "histograms of the weights and the run's options. `tensorboard --logdir runs` compares the runs\n"
     "runs/a, runs/b, ...",
     "", TRAIN | GIVEN_ONLY, TEXT(tensorboard)},
    {"conv", "NAME", "convolution algorithm", "auto", BOTH | PREDICT | NETWORK | VGGCL_STORED | VGGCL_CHANGEABLE,
     CHOICE(conv, conv_names)},
    {"gemm", "NAME", "matrix-product engine", "auto", BOTH | PREDICT | NETWORK | TUNE | VGGCL_STORED | VGGCL_CHANGEABLE,
     CHOICE(gemm, gemm_engine_names)},
    {"profile", "FILE",
     "use this profile of the device; none for the built-in rules (default: the one that\n"
     "`vggcl tune` stored for the device, else a shipped one for a similar device, else, in train,\n"
     "a few seconds of measuring)",
     "", BOTH | PREDICT | NETWORK, TEXT(profile)},
    {"storage", "KIND",
     "data type of activations and their gradients; half takes about half the memory. Weights and\n"
     "all arithmetic are float in either case",
     "float", BOTH | PREDICT | NETWORK | VGGCL_STORED | VGGCL_CHANGEABLE, CHOICE(storage, storage_names)},
    {"precision", "KIND",
     "bf16: activations and their gradients are stored as bfloat16, in half the memory, and products\n"
     "multiply bfloat16 and add in float where the device has instructions for that. tf32: activations\n"
     "stay float, and products multiply tf32 (float with 10 bits of fraction); needs --matrix\n"
     "nvidia-tf32. Weights, their gradients, the optimiser and all sums are float in either case",
     "float", BOTH | PREDICT | NETWORK | TUNE | VGGCL_STORED | VGGCL_CHANGEABLE, CHOICE(precision, precision_names)},
    {"matrix", "NAME",
     "the instructions that --precision bf16 or tf32 multiplies by; none: float products of bfloat16 values;\n"
     "plain, lanes (for GPUs): compute in float what the others do, to compare them with, and lanes-tf32 what\n"
     "nvidia-tf32 does. amx has run under an emulator only; nvidia and nvidia-tf32 (mma.sync, from compute\n"
     "capability 8.0), intel and intel-8 (sub-groups of 16 and 8) are untried: run selfcheck",
     "auto", BOTH | PREDICT | NETWORK | TUNE | VGGCL_STORED | VGGCL_CHANGEABLE, CHOICE(matrix, matrix_names)},
    {"grad-dtype", "KIND",
     "with several processes (mpirun): how gradients are sent from one to another. bf16 halves the bytes;\n"
     "they are added in float",
     "float", VGGCL_FOR_TRAIN | VGGCL_STORED | VGGCL_CHANGEABLE, CHOICE(grad_dtype, grad_dtype_names)},
    {"kernel-dir", "DIR", "use the .cl files in this folder instead of the built-in ones", "",
     BOTH | PREDICT | NETWORK | TUNE | GIVEN_ONLY, TEXT(kernel_dir)},
    {"stall", "SECONDS",
     "give up, with exit status 4, when a call of the OpenCL driver does not return for so long, or for\n"
     "20 times as long if it compiles kernels; 0 for never",
     "120", VGGCL_FOR_DEVICES, WHOLE(stall, 0, 1e6)},
};
enum { OPTIONS = sizeof options / sizeof *options };
_Static_assert(sizeof options / sizeof *options <= VGGCL_OPTIONS, "struct vggcl_config.given has an element for each");

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

/* ------------------------------------------------------------------------------------- recipes, files, checking -- */

static enum vggcl_err unknown(const char *name) {
    struct nearest n = nearest_to(name);
    for (const struct vggcl_option *o = options; o < options + OPTIONS; o++) {
        nearest_consider(&n, o->name);
        for (const struct synonym *s = option_synonyms; s->foreign; s++)
            if (synonym_is_of(s, o->name))
                nearest_consider_alias(&n, s->foreign, o->name);
    }
    return err_set(VGGCL_EUSAGE, "there is no option %s%s", name, nearest_question(&n, "").text);
}

static enum vggcl_err find_known(const char *name, const struct vggcl_option **o) {
    *o = find(name);
    return *o ? VGGCL_OK : unknown(name);
}

static bool is_given(const struct vggcl_config *config, const struct vggcl_option *o) {
    return config_given(config, (size_t)(o - options));
}

/* Values for the options that were not given: those of other recipes get their defaults. */
static enum vggcl_err follow_recipe(struct vggcl_config *config) {
    for (const struct recipe *r = recipes; r->name; r++)
        for (const struct recipe_setting *s = r->settings; s->option; s++)
            TRY(config_suggest(config, s->option, find(s->option)->value));
    for (const struct recipe_setting *s = recipes[config->recipe].settings; s->option; s++)
        TRY(config_suggest(config, s->option, s->value));
    return VGGCL_OK;
}

/* A file that is being read, and the file whose "config" names it; NULL if none does. */
struct reading {
    const char *path;
    const struct reading *outer;
};

static enum vggcl_err read_file(struct vggcl_config *config, const char *path, const struct reading *outer);

/* Sets an option of any kind; a list is replaced. */
static enum vggcl_err set(struct vggcl_config *config, const struct vggcl_option *o, const char *text,
                          const struct reading *outer) {
    if (o->kind == VGGCL_INCLUDE)
        return read_file(config, text, outer);
    TRY(value_set(o, config, text));
    return o->kind == VGGCL_RECIPE ? follow_recipe(config) : VGGCL_OK;
}

static enum vggcl_err suggest(struct vggcl_config *config, const char *name, const char *text,
                              const struct reading *outer) {
    const struct vggcl_option *o;
    TRY(find_known(name, &o));
    return is_given(config, o) ? VGGCL_OK : set(config, o, text, outer);
}

/* The order in which the members of a file are applied, whatever their order in it: included file, recipe, single
 * options, so that each overrides the ones before. */
static int priority(const char *name) {
    const struct vggcl_option *o = find(name);
    return !o ? 2 : o->kind == VGGCL_INCLUDE ? 0 : o->kind == VGGCL_RECIPE ? 1 : 2;
}

static enum vggcl_err check_includes(const char *path, const struct reading *outer) {
    enum { MOST = 8 };
    int depth = 0;
    for (const struct reading *r = outer; r; r = r->outer)
        if (++depth == MOST)
            return err_set(VGGCL_EFORMAT, "config %s: is more than %d files deep; put their options into fewer files",
                           path, MOST);
        else if (strcmp(r->path, path) == 0)
            return err_set(VGGCL_EFORMAT, "config %s: the file includes itself; remove its \"config\", or that of %s",
                           path, outer->path);
    return VGGCL_OK;
}

/* Applies a member of a file. */
static enum vggcl_err apply(struct vggcl_config *config, const struct config_setting *s, const struct reading *file) {
    const struct vggcl_option *o = find(s->name);
    if (o && o->flags & VGGCL_NOT_IN_FILES)
        return err_set(VGGCL_EFORMAT,
                       "%s: is not taken from a file, because it names files to write or code to run; remove it there, "
                       "and give the option itself",
                       s->name);
    return suggest(config, s->name, s->text, file);
}

static enum vggcl_err read_file(struct vggcl_config *config, const char *path, const struct reading *outer) {
    enum vggcl_err err;
    struct config_settings s;
    const struct reading reading = {path, outer};
    TRY(check_includes(path, outer));
    TRY_GOTO(config_file_read(path, &s), done);
    for (int turn = 0; turn < 3; turn++)
        for (size_t i = 0; i < s.count && err == VGGCL_OK; i++)
            if (priority(s.list[i].name) == turn)
                err = apply(config, &s.list[i], &reading);
    if (err != VGGCL_OK)
        err = err_set(VGGCL_EFORMAT, "%s: %s", path, vggcl_error());
done:
    config_settings_free(&s);
    return err;
}

enum vggcl_err config_suggest(struct vggcl_config *config, const char *name, const char *text) {
    return suggest(config, name, text, NULL);
}

/* Images in memory and options that name others contradict each other. */
static enum vggcl_err check_dataset(const struct vggcl_config *config) {
    const char *format = data_format_names[config->data_format];
    if (!config->dataset)
        return VGGCL_OK;
    if (*config->data)
        return err_set(VGGCL_EUSAGE, "data: is %s, but dataset is set too; set only one of them", config->data);
    if (config->data_format != 0 && strcmp(format, format_memory.name) != 0)
        return err_set(VGGCL_EUSAGE, "data-format: is %s, but dataset is set, whose format is %s; leave the option out",
                       format, format_memory.name);
    return VGGCL_OK;
}

static enum vggcl_err check_storage(const struct vggcl_config *config) {
    if (config->precision == VGGCL_PRECISION_FLOAT || config->storage != VGGCL_STORAGE_HALF)
        return VGGCL_OK;
    return err_set(
        VGGCL_EUSAGE, "storage: is half, but with precision %s activations are stored as %s; leave one of them out",
        precision_names[config->precision], config->precision == VGGCL_PRECISION_BF16 ? "bfloat16" : "float");
}

/* A resumed run may turn to float and keep its instructions for later: only if the user gives them are they wrong. */
static enum vggcl_err check_matrix(const struct vggcl_config *config, bool given) {
    const char *precision = precision_names[config->precision], *matrix = matrix_names[config->matrix];
    const struct matrix_backend *m = matrix_find(matrix); /* NULL for auto and none */
    bool is_float = config->precision == VGGCL_PRECISION_FLOAT, tf32 = config->precision == VGGCL_PRECISION_TF32;
    if (m && strcmp(matrix_precision(m), precision) != 0 && (!is_float || given))
        return err_set(VGGCL_EUSAGE,
                       "matrix: %s multiplies %s, but precision is %s; set precision to %s too, or matrix to %s",
                       matrix, matrix_precision(m), precision, matrix_precision(m), tf32 ? "nvidia-tf32" : "auto");
    if (!m && tf32)
        return err_set(VGGCL_EUSAGE,
                       "precision: tf32 needs its instructions by name, but matrix is %s; set matrix to nvidia-tf32, "
                       "or to lanes-tf32, which emulates them on other devices",
                       matrix);
    return VGGCL_OK;
}

enum vggcl_err config_check(const struct vggcl_config *config) {
    for (size_t i = 0; i < OPTIONS; i++)
        if (options[i].kind != VGGCL_INCLUDE)
            TRY(value_check(&options[i], config));
    TRY(check_storage(config));
    if (!*config->resume) /* else it is only complete in config_resume() */
        TRY(check_matrix(config, config_gives(config, "matrix")));
    return check_dataset(config);
}

enum stored config_stored(const struct vggcl_config *config) {
    static const enum stored by_precision[] = {
        [VGGCL_PRECISION_BF16] = STORED_BF16, [VGGCL_PRECISION_TF32] = STORED_FLOAT};
    if (config->precision != VGGCL_PRECISION_FLOAT)
        return by_precision[config->precision];
    return config->storage == VGGCL_STORAGE_HALF ? STORED_HALF : STORED_FLOAT;
}

const char *config_stored_word(const struct vggcl_config *config) {
    static const char *const words[] = {[STORED_FLOAT] = "float", [STORED_HALF] = "half", [STORED_BF16] = "bf16"};
    if (config->precision == VGGCL_PRECISION_TF32)
        return "float (tf32 products)";
    return words[config_stored(config)];
}

enum vggcl_err config_use_dataset(struct vggcl_config *config) {
    if (!config->dataset)
        return VGGCL_OK;
    TRY(vggcl_config_set(config, "data", ""));
    return vggcl_config_set(config, "data-format", format_memory.name);
}

/* ---------------------------------------------------------------------------------------- the public interface -- */

enum vggcl_err vggcl_config_init(struct vggcl_config *config) {
    memset(config, 0, sizeof *config);
    for (size_t i = 0; i < OPTIONS; i++)
        if (options[i].kind != VGGCL_INCLUDE)
            TRY(value_set(&options[i], config, options[i].value));
    return VGGCL_OK;
}

enum vggcl_err vggcl_config_set(struct vggcl_config *config, const char *name, const char *text) {
    const struct vggcl_option *o;
    TRY(find_known(name, &o));
    if (!text && o->kind != VGGCL_FLAG)
        return err_set(VGGCL_EUSAGE, "%s: needs an argument, %s", name, o->argument);
    bool append = o->kind == VGGCL_LIST && is_given(config, o);
    TRY(append ? value_append(o, config, text) : set(config, o, text, NULL));
    if (o->kind != VGGCL_INCLUDE)
        config->given[o - options] = true;
    return VGGCL_OK;
}

void vggcl_config_get(const struct vggcl_config *config, const char *name, char *text, size_t size) {
    const struct vggcl_option *o = find(name);
    if (o && o->kind != VGGCL_INCLUDE)
        value_get(o, config, text, size);
    else if (size)
        *text = '\0';
}

enum vggcl_err vggcl_config_text(const struct vggcl_config *config, char **text) {
    size_t size;
    char value[CONFIG_TEXT];
    const char *between = "{\n";
    bool written = true;
    *text = NULL;
    TRY(config_check(config));
    FILE *file = open_memstream(text, &size);
    if (!file)
        return err_no_memory("the options", sizeof value);
    for (const struct vggcl_option *o = options; o < options + OPTIONS; o++) {
        if (!(o->flags & VGGCL_STORED) || o->kind == VGGCL_LIST)
            continue;
        value_get(o, config, value, sizeof value);
        fprintf(file, "%s  \"%s\": ", between, o->name);
        written &= config_file_value(file, o->kind, value);
        between = ",\n";
    }
    fputs("\n}", file);
    if (fclose(file) == 0 && written)
        return VGGCL_OK;
    free(*text);
    *text = NULL;
    return err_no_memory("the options", size);
}

void vggcl_config_text_free(char *text) {
    free(text);
}

/* ------------------------------------------------------------------------------------------------------ using -- */

bool config_given(const struct vggcl_config *config, size_t i) {
    return config->given[i];
}

bool config_gives(const struct vggcl_config *config, const char *name) {
    return config_given(config, (size_t)(find(name) - options));
}

const char *config_word(const struct vggcl_config *config, const char *name) {
    const struct vggcl_option *o = find(name);
    return o->choices[*(const int *)((const char *)config + o->offset)];
}

static bool reads(const struct optimiser *optimiser, const char *option) {
    for (int k = 0; optimiser->options[k]; k++)
        if (strcmp(optimiser->options[k], option) == 0)
            return true;
    return false;
}

/* An option of one optimiser was given for a run with another one. */
static enum vggcl_err not_read(const struct optimiser *chosen, const char *option, const struct optimiser *reader) {
    char *own = text_join(chosen->options);
    enum vggcl_err err =
        own ? err_set(VGGCL_EUSAGE,
                      "%s: is an option of the optimizer %s; this run has the optimizer %s, whose own options are %s; "
                      "leave %s out, or choose optimizer %s",
                      option, reader->name, chosen->name, own, option, reader->name)
            : err_no_memory("the names of options", 0);
    free(own);
    return err;
}

enum vggcl_err config_check_optimizer(const struct vggcl_config *config, const bool given[]) {
    const struct optimiser *chosen = optimisers[config->optimizer];
    for (int i = 0; optimisers[i]; i++)
        for (int k = 0; optimisers[i]->options[k]; k++) {
            const char *option = optimisers[i]->options[k];
            if (given[find(option) - options] && !reads(chosen, option))
                return not_read(chosen, option, optimisers[i]);
        }
    return VGGCL_OK;
}

/* VGGCL_EUSAGE if an option was given with another value than the stored one. */
static enum vggcl_err check_given(const struct vggcl_config *config, const struct vggcl_option *o, const char *stored,
                                  const char *from) {
    char given[CONFIG_TEXT];
    vggcl_config_get(config, o->name, given, sizeof given);
    if (strcmp(given, stored) == 0)
        return VGGCL_OK;
    return err_set(VGGCL_EUSAGE,
                   "%s %s contradicts the run in %s, which has %s; leave the option out, or start another run", o->name,
                   given, from, stored);
}

/* The same for an option that an earlier version did not have yet: the run has its default. */
static enum vggcl_err check_default(const struct vggcl_config *config, const struct vggcl_option *o,
                                    const struct vggcl_config *stored, const char *from) {
    char text[CONFIG_TEXT];
    vggcl_config_get(stored, o->name, text, sizeof text);
    return check_given(config, o, text, from);
}

enum vggcl_err config_resume(struct vggcl_config *config, const char *(*value)(const void *file, const char *key),
                             const void *file, const char *from, struct vggcl_config *stored) {
    bool at_first[VGGCL_OPTIONS];
    memcpy(at_first, config->given, sizeof at_first);
    TRY(vggcl_config_init(stored));
    for (size_t i = 0; i < OPTIONS; i++) {
        const struct vggcl_option *o = &options[i];
        const char *text = o->flags & VGGCL_STORED ? value(file, o->name) : NULL;
        bool given = config_given(config, i);
        if (!text && o->flags & VGGCL_STORED && !(o->flags & VGGCL_CHANGEABLE) && given)
            TRY(check_default(config, o, stored, from));
        if (!text)
            continue;
        if (vggcl_config_set(stored, o->name, text) != VGGCL_OK ||
            (!given && vggcl_config_set(config, o->name, text) != VGGCL_OK))
            return err_set(VGGCL_EFORMAT, "%s: %s", from, vggcl_error());
        if (given && !(o->flags & VGGCL_CHANGEABLE))
            TRY(check_given(config, o, text, from));
    }
    TRY(check_matrix(config, at_first[find("matrix") - options]));
    return config_check_optimizer(config, at_first);
}
