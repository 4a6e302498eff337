/* vggcl.h - train and evaluate VGG networks for CIFAR-10 on any OpenCL 1.2 device.
 *
 * This is the library's whole interface; the program `vggcl` is a thin face on it.
 *
 *     struct vggcl_config config;
 *     vggcl_config_init(&config);
 *     if (vggcl_config_set(&config, "data", "synthetic") || vggcl_config_set(&config, "epochs", "5") ||
 *         vggcl_train(&config, NULL))
 *         fprintf(stderr, "%s\n", vggcl_error());
 *
 * Every function that can fail returns an enum vggcl_err. The text of the last failure, one line that names the thing
 * and the fix, is kept per thread and read with vggcl_error(). The library never prints and never exits.
 */
#ifndef VGGCL_H
#define VGGCL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define VGGCL_API __attribute__((visibility("default")))
#else
#define VGGCL_API
#endif

enum vggcl_err {
    VGGCL_OK = 0,
    VGGCL_EUSAGE,   /* an option that does not exist, does not parse or contradicts another */
    VGGCL_EIO,      /* a file or folder cannot be opened, read or written */
    VGGCL_EFORMAT,  /* a file was read, but is not what it should be */
    VGGCL_EDEVICE,  /* no OpenCL device, none that matches the selector, or one that computes wrong */
    VGGCL_EOPENCL,  /* an OpenCL or CLBlast call failed, or a kernel did not build */
    VGGCL_ENOMEM,   /* host or device memory is too small for what was asked */
    VGGCL_ENUMERIC, /* the loss is not finite any more */
};

#define VGGCL_VERSION  "0.1.0"
#define VGGCL_PATH_MAX 4096

/* "0.1.0": the library's version, which may be newer than the header that a program was compiled with. */
VGGCL_API const char *vggcl_version(void);

/* The text of this thread's last error, "" when there was none. Valid until the next failing call of this thread. */
VGGCL_API const char *vggcl_error(void);

/* ---------------------------------------------------------------------------------------------------- devices -- */

enum vggcl_device_type { VGGCL_CPU, VGGCL_GPU, VGGCL_ACCELERATOR };

enum { VGGCL_DEVICES = 16 }; /* the most that train together */

struct vggcl_device {
    int platform, device; /* as in the selector "P:D": device D of platform P, both from 0 */
    enum vggcl_device_type type;
    bool is_default; /* what an empty selector takes: the first GPU, else the first accelerator, else the first CPU */
    char name[256], platform_name[128], vendor[128], driver[128], version[128];
    char c_version[128]; /* of OpenCL C, as the driver says: "OpenCL C 1.2 ..." */
    unsigned compute_units, clock_mhz;
    uint64_t memory, largest_allocation, local_memory;    /* bytes */
    size_t work_group_size;                               /* the largest that the device takes */
    size_t alignment;                                     /* bytes; where a sub-buffer may begin */
    unsigned preferred_vector_width, native_vector_width; /* floats */
    bool half; /* computes with 16-bit floats (cl_khr_fp16); storing needs none */
};

/* Lists every device of every platform, in the ICD loader's order; the position in *list is the flat index that a
 * selector may name. Platforms without devices are skipped. On success *list is the caller's, to be given to free();
 * an empty list is no error. */
VGGCL_API enum vggcl_err vggcl_devices(struct vggcl_device **list, size_t *count);

/* The position in list of the device that selector names: "P:D", a flat index, "gpu", "cpu", "accelerator" or a part
 * of the device's or platform's name in any case; NULL or "" takes $VGGCL_DEVICE, else the default. VGGCL_EDEVICE
 * where there is none, with a text that says which devices there are, or which package gives one. */
VGGCL_API enum vggcl_err vggcl_device_select(const struct vggcl_device *list, size_t count, const char *selector,
                                             size_t *position);

/* What the commands go by on a device where --profile does not say (see vggcl_tune()). */
enum vggcl_profile { VGGCL_PROFILE_NONE, VGGCL_PROFILE_STORED, VGGCL_PROFILE_SHIPPED };

/* The profile of a device; name gets the stored one's path, or what the one that ships is called. One that is broken,
 * or of another driver or version of vggcl, is none. */
VGGCL_API enum vggcl_profile vggcl_device_profile(const struct vggcl_device *device, char name[VGGCL_PATH_MAX]);

/* ---------------------------------------------------------------------------------------------- configuration -- */

enum vggcl_schedule { VGGCL_SCHEDULE_STEP, VGGCL_SCHEDULE_COSINE, VGGCL_SCHEDULE_LINEAR };
enum vggcl_dropout { VGGCL_DROPOUT_CHANNEL, VGGCL_DROPOUT_ELEMENT, VGGCL_DROPOUT_CLASSIFIER };
enum vggcl_storage { VGGCL_STORAGE_FLOAT, VGGCL_STORAGE_HALF };

/* Everything that a run of train or eval can be told. Made by vggcl_config_init(), changed by vggcl_config_set();
 * vggcl_options() says what each field means, its range and its default. */
struct vggcl_config {
    char data[VGGCL_PATH_MAX], device[1024], device_split[128], profile[VGGCL_PATH_MAX], kernel_dir[VGGCL_PATH_MAX];
    int recipe, model, conv, gemm; /* positions in their options' choices */
    double width;
    bool no_bn, no_dropout;
    int dropout; /* enum vggcl_dropout; no_dropout goes before it */
    int storage; /* enum vggcl_storage, of activations and their gradients */
    int epochs, batch, micro_batch;
    uint64_t mem_limit; /* bytes; 0 for none */
    double lr, momentum, weight_decay;
    bool nesterov, no_bias_decay;
    int schedule; /* enum vggcl_schedule */
    int lr_step;
    double lr_gamma, warmup; /* warmup: epochs */
    double label_smoothing, ema;
    int crop, cutout; /* pixels */
    bool tta;
    uint64_t seed;
    char save[VGGCL_PATH_MAX], resume[VGGCL_PATH_MAX], weights[VGGCL_PATH_MAX], log_steps[VGGCL_PATH_MAX];
    int save_every, limit, validate;
    int64_t steps, checkpoint_every;
    bool no_shuffle, no_flip, no_selfcheck;
    uint64_t given; /* bit i: vggcl_options()[i] was set by vggcl_config_set() */
};

/* Which commands an option belongs to, and how a resumed run treats it. */
enum {
    VGGCL_FOR_TRAIN = 1,
    VGGCL_FOR_EVAL = 2,
    VGGCL_FOR_BENCH = 16,
    VGGCL_FOR_SELFCHECK = 32,
    VGGCL_FOR_PLAN = 64,
    VGGCL_FOR_TUNE = 128,
    VGGCL_STORED = 4,    /* part of the run: stored in its checkpoints, taken from there by --resume */
    VGGCL_CHANGEABLE = 8 /* stored, but a resumed run may change it */
};

enum vggcl_option_kind {
    VGGCL_FLAG,    /* bool; no argument */
    VGGCL_WHOLE,   /* int, of minimum..maximum */
    VGGCL_WHOLE64, /* int64_t, or uint64_t, of minimum..maximum */
    VGGCL_REAL,    /* double, of minimum..maximum */
    VGGCL_SIZE,    /* uint64_t, bytes: "1.5G", with K, M and G for powers of 1024 */
    VGGCL_TEXT,    /* char[], at most maximum - 1 bytes */
    VGGCL_LIST,    /* the same; set again, it gets a comma and the new text behind the old */
    VGGCL_CHOICE,  /* int: the position of one of the words in choices */
    VGGCL_RECIPE,  /* the same; gives other options, those not set so far, what the recipe says */
    VGGCL_INCLUDE  /* a file's name, not kept: sets the options that it has, those not set so far */
};

struct vggcl_option {
    const char *name;     /* without the leading dashes */
    const char *argument; /* its name in the help text, e.g. "N"; NULL for a flag */
    const char *help;     /* one line */
    const char *value;    /* what it is where it is not set; "" for none */
    unsigned flags;       /* VGGCL_FOR_TRAIN, ... */
    enum vggcl_option_kind kind;
    double minimum, maximum;
    const char *const *choices; /* ended by NULL */
    size_t offset;              /* of the field in struct vggcl_config */
};

/* The table of options, *count long, in the order of the help text. */
VGGCL_API const struct vggcl_option *vggcl_options(size_t *count);

/* The recipe of "89.89% on CIFAR-10 in Pytorch": VGG16, SGD, 300 epochs. */
VGGCL_API void vggcl_config_init(struct vggcl_config *config);

/* Sets option name (see vggcl_options()) from text; a flag takes NULL. VGGCL_EUSAGE, with a text that says what the
 * option takes, where it does not exist or does not parse. */
VGGCL_API enum vggcl_err vggcl_config_set(struct vggcl_config *config, const char *name, const char *text);

/* Writes an option's present value as text: "yes" or "no" for a flag, "" for an unset string, a number so that it
 * reads back to the same bits. size is that of text. */
VGGCL_API void vggcl_config_get(const struct vggcl_config *config, const char *name, char *text, size_t size);

/* The options that make a run what it is, as a JSON object that the option "config" reads back from a file: it goes
 * with everything but --device, which is the machine's. The caller's, to be given to free(); NULL, with the error's
 * text set, where memory is out. */
VGGCL_API char *vggcl_config_text(const struct vggcl_config *config);

/* ----------------------------------------------------------------------------------------------------- memory -- */

enum { VGGCL_MEMORY_GROUPS = 11, VGGCL_TUNING = VGGCL_PATH_MAX + 512 };

struct vggcl_memory {
    const char *name; /* "weights", "weight gradients", ... */
    uint64_t bytes;
};

/* What a run takes of a device's memory, all of it known before any is taken. */
struct vggcl_plan {
    struct vggcl_device device;
    struct vggcl_config config; /* micro_batch filled in */
    int images;                 /* of a batch that are the device's */
    struct vggcl_memory groups[VGGCL_MEMORY_GROUPS];
    uint64_t bytes;            /* of all groups: what the run allocates, and its peak */
    uint64_t least;            /* the smallest mem_limit that this run could work within */
    int micro_batches;         /* that these images go in */
    char tuning[VGGCL_TUNING]; /* what chose the algorithms: "stored profile ...", "measured in 6.1 s, ..." */
    char conv[16];             /* as config.conv, or what the limit made of its "auto" */
    uint64_t conv_bytes;       /* that a convolution transforms images to at once, transformed weights not counted */
};

/* Lays out what train (or eval of config->batch images at once) would allocate, without allocating any of it: as it is
 * fastest, or, where that is above config->mem_limit, with convolutions in smaller chunks, then by algorithms with less
 * scratch memory, then with the batch in equal micro-batches (see vggcl_options()). There is a plan for each device
 * that config names: *plans, *count long, is the caller's, to be given to free(). VGGCL_ENOMEM, naming the smallest
 * limit that works, where nothing fits. The data set is not read: the sizes of its files say how many images it has; a
 * data set of that name need not exist where config->data is "": CIFAR-10 is meant then. */
VGGCL_API enum vggcl_err vggcl_plan(const struct vggcl_config *config, bool eval, struct vggcl_plan **plans,
                                    size_t *count);

/* --------------------------------------------------------------------------------------------------- training -- */

/* One row of save/accuracy.csv. Losses are means per image, accuracies are in 0..1, times in seconds. */
struct vggcl_epoch {
    int epoch; /* from 1 */
    double lr; /* of the last step */
    double train_loss, train_accuracy, test_loss, test_accuracy, seconds, images_per_second;
    uint64_t weights_hash; /* of every parameter and statistic: equal on equal nets */
};

struct vggcl_start {
    size_t device_count;
    const struct vggcl_plan *plans; /* of each device */
    struct vggcl_config config;     /* with what --resume brought */
    char dataset[VGGCL_PATH_MAX];
    size_t parameters, train_images, test_images;
    char moved_to[VGGCL_PATH_MAX]; /* where an earlier run in the save folder was moved; "" when there was none */
    int first_epoch;               /* from 1; above 1, or mid-epoch, after --resume */
    int64_t first_step, steps_per_epoch;
    int checks; /* operators and shapes that the quick selfcheck found right; 0 where it was left out */
    double check_seconds;
};

/* What came before the first step of this session was done: the cold start. The speeds below leave it out. */
struct vggcl_first_step {
    double seconds;                      /* since vggcl_train() was called */
    int programs_built, programs_cached; /* kernel programs built from source, taken from the cache on disk */
};

struct vggcl_progress {
    int epoch;                 /* from 1 */
    bool testing;              /* the test set is being run after the epoch's training steps */
    int64_t step, steps;       /* done and in all, of this epoch (of this test when testing) */
    double loss, accuracy;     /* means over this epoch so far */
    double images_per_second;  /* over this epoch so far */
    double epoch_eta, run_eta; /* seconds left of the epoch, of the run */
};

/* Why a run came to its end. */
enum vggcl_end { VGGCL_END_EPOCHS, VGGCL_END_STEPS, VGGCL_END_STOPPED };

struct vggcl_finish {
    enum vggcl_end end;
    int epoch;      /* epochs done */
    int64_t step;   /* steps done in all */
    int best_epoch; /* 0 when no epoch was tested */
    double best_accuracy, seconds;
    uint64_t weights_hash; /* as in struct vggcl_epoch */
    uint64_t peak_bytes;   /* of all devices' memory, as counted at every allocation */
};

/* What train tells while it runs; each function may be NULL. The pointers are valid during the call only. */
struct vggcl_observer {
    void *user;
    void (*started)(void *user, const struct vggcl_start *start);
    void (*stepped_first)(void *user, const struct vggcl_first_step *first);
    void (*progressed)(void *user, const struct vggcl_progress *progress);
    void (*epoch_ended)(void *user, const struct vggcl_epoch *row, bool is_best, double best_accuracy);
    void (*finished)(void *user, const struct vggcl_finish *finish);
    /* Asked once per step: true ends the run after that step, its state saved. Called from vggcl_train's thread. */
    bool (*stop)(void *user);
};

/* Trains as config says and leaves in config->save: config.json (vggcl_config_text()), accuracy.csv, last.safetensors
 * (the whole state, written after every epoch, every config->checkpoint_every steps and at any stop), best.safetensors
 * and epoch-NNN.safetensors (weights). Each file is written beside and renamed into place, so a crash never leaves a
 * broken one. observer may be NULL. */
VGGCL_API enum vggcl_err vggcl_train(const struct vggcl_config *config, const struct vggcl_observer *observer);

/* Reads an accuracy record: path is a save folder, whose accuracy.csv it is, or such a file. Line 1 names the columns,
 * in any order. epoch must be one of them; what no column or an empty field has is NaN (0 in weights_hash); columns of
 * other names are left out. Epochs rise from line to line. On success *rows, *count long and never empty, is the
 * caller's, to be given to free(). VGGCL_EFORMAT, naming file and line, where it is no such record. */
VGGCL_API enum vggcl_err vggcl_history(const char *path, struct vggcl_epoch **rows, size_t *count);

/* ------------------------------------------------------------------------------------------------- evaluation -- */

#define VGGCL_CLASSES 10

struct vggcl_evaluation {
    struct vggcl_device device;
    char dataset[VGGCL_PATH_MAX], model[16];
    double width;
    size_t images, correct;
    double loss, accuracy, seconds, images_per_second; /* loss: mean per image */
    char classes[VGGCL_CLASSES][32];
    uint32_t confusion[VGGCL_CLASSES][VGGCL_CLASSES]; /* [true class][predicted class] */
};

/* Runs the test set (its first config->limit images, where that is not 0) through the weights in config->weights. The
 * network is the one that the file's tensors describe. */
VGGCL_API enum vggcl_err vggcl_evaluate(const struct vggcl_config *config, struct vggcl_evaluation *evaluation);

/* -------------------------------------------------------------------------------------------------- selfcheck -- */

/* One operator on one shape against its reference in double precision. */
struct vggcl_check {
    char name[64];           /* "conv forward, winograd4" */
    char kernels[64];        /* what runs it: "gemm/gemm" is kernel gemm of cl/gemm.cl */
    char shape[64];          /* "128x32x32x64 to 64": images, rows, columns, channels, outputs; those that matter */
    double error, tolerance; /* largest |got - expected| / sum of the magnitudes of the terms; what rounding explains */
    bool ran, passed;
    char fault[512]; /* where it did not pass: the first wrong element, or why it did not run */
};

struct vggcl_selfcheck {
    struct vggcl_device device;
    int checks, failures;
    double seconds;
};

/* Runs every kernel, every convolution algorithm in each direction and every matrix product of config's network on its
 * device, on random numbers, and compares with references on the host; quick: only what the network uses by this
 * configuration, on a few images. checked (may be NULL) is told of each. A failed check is VGGCL_EDEVICE, with a text
 * that names the first one: kernel, shape, device, driver and element; *result is filled then too. */
VGGCL_API enum vggcl_err vggcl_run_selfcheck(const struct vggcl_config *config, bool quick, void *user,
                                             void (*checked)(void *user, const struct vggcl_check *check),
                                             struct vggcl_selfcheck *result);

/* -------------------------------------------------------------------------------------------- first losses -- */

/* The mean loss of a training step. */
struct vggcl_loss {
    double device, reference; /* not finite where the device's is not */
    double tolerance;         /* of their difference: what rounding explains */
};

/* Trains config's network for a few steps, on synthetic images and at a learning rate of 1e-4, on its device and on the
 * host in double precision, from the same weights with the same dropout coins. The host takes a second for some 10^9
 * multiply-adds: meant for narrow networks. losses has room for steps of them. */
VGGCL_API enum vggcl_err vggcl_first_losses(const struct vggcl_config *config, int steps, struct vggcl_loss *losses);

/* -------------------------------------------------------------------------------------------------- benchmark -- */

/* The median of repeated measurements, and their least and largest. */
struct vggcl_spread {
    double median, least, largest;
};

/* A convolution's algorithm ("winograd4"), and the engine of its matrix products ("tiled"; "" where it has none). */
struct vggcl_method {
    char algorithm[32], engine[16];
};

/* What one layer takes at the benchmark's batch. The weight gradient of a layer counts its bias's too. */
struct vggcl_layer_time {
    char name[24], type[24];
    /* Of a convolution, else "": how each direction is done; also "" for a data gradient that is not needed. */
    struct vggcl_method forward_method, data_gradient_method, weight_gradient_method;
    double forward, data_gradient, weight_gradient; /* seconds; 0 where the layer has no such direction */
    double flops; /* of one direction, counted as direct convolution or matrix product; 0 for other layers */
    /* Of activations, their gradients and weights, each read or written once: what a direction moves at the least. */
    double forward_bytes, data_gradient_bytes, weight_gradient_bytes;
};

struct vggcl_benchmark {
    struct vggcl_device device;
    struct vggcl_config config;
    char tuning[VGGCL_TUNING];       /* as in struct vggcl_plan */
    double first_step;               /* seconds, building the kernels included */
    struct vggcl_spread train, eval; /* images per second */
    double peak_flops, copy_bytes;   /* per second, as measured by a multiply-add and a copy kernel */
    double step_flops;               /* of one training image, counted as direct convolution */
    size_t device_bytes;             /* of memory, the most that the steps took of it */
    struct vggcl_layer_time *layers;
    size_t layer_count;
};

/* Measures config's network on its device, on made-up images: steps timed training steps and evaluations after two to
 * warm up, then each layer alone. For slow devices: where either steps or layers have taken so many seconds, those that
 * are left are timed once, after one to warm up. Give *benchmark to vggcl_benchmark_free() afterwards. */
VGGCL_API enum vggcl_err vggcl_bench(const struct vggcl_config *config, int steps, double seconds,
                                     struct vggcl_benchmark *benchmark);
VGGCL_API void vggcl_benchmark_free(struct vggcl_benchmark *benchmark);

/* The seconds until the first training step is done: the device opened, kernels built or loaded, memory taken. Only a
 * process that has made no OpenCL call before sees all of it. */
VGGCL_API enum vggcl_err vggcl_start_time(const struct vggcl_config *config, double *seconds);

/* ------------------------------------------------------------------------------------------------------ tuning -- */

/* The convolutions of one shape in one direction: how they are done by the built-in rules, and by what was chosen. */
struct vggcl_tuning_row {
    char layer[24];        /* the first one of that shape */
    int layers;            /* how many there are */
    const char *direction; /* "forward", "data gradient", "weight gradient" */
    struct vggcl_method before, after;
    double before_s, after_s; /* seconds a layer; 0 where time ran out before they were measured */
};

struct vggcl_tuning {
    struct vggcl_device device;
    struct vggcl_tuning_row *rows;
    size_t row_count;
    int images;                     /* that the rows were measured with */
    double step_before, step_after; /* seconds of a training step of a whole batch */
    /* The tile of the own matrix product, and of one whose first operand is transposed, as a weight gradient has it. */
    char gemm_before[2][64], gemm_after[2][64];
    char clblast_before[16], clblast_after[16];   /* the name of CLBlast's set of parameters */
    uint64_t conv_bytes_before, conv_bytes_after; /* that a convolution transforms images to at once */
    int measured;                                 /* candidates */
    bool complete;                                /* whether the budget was enough for all of them */
    double seconds;
    char path[VGGCL_PATH_MAX]; /* where the profile was stored */
};

struct vggcl_tune_progress {
    double seconds, eta;
    int measured, candidates;
    char what[96]; /* is being measured */
};

/* Measures, for about budget seconds, how the convolutions of config's network are done fastest on its device, and
 * stores what is faster than the built-in rules by more than noise as the device's profile, which the other functions
 * go by from then on; to export_path too, where that is not NULL. Nothing is stored where the quick selfcheck of the
 * choice fails (VGGCL_EDEVICE). Give *tuning to vggcl_tuning_free() afterwards. */
VGGCL_API enum vggcl_err vggcl_tune(const struct vggcl_config *config, double budget, const char *export_path,
                                    void *user,
                                    void (*progressed)(void *user, const struct vggcl_tune_progress *progress),
                                    struct vggcl_tuning *tuning);
VGGCL_API void vggcl_tuning_free(struct vggcl_tuning *tuning);

/* ------------------------------------------------------------------------------------------------------- data -- */

/* Writes the synthetic 10-class set to the folder dir, made where missing, in CIFAR-10's binary format: train images
 * spread over data_batch_1..5.bin, then test_batch.bin and batches.meta.txt. */
VGGCL_API enum vggcl_err vggcl_synth(const char *dir, size_t train, size_t test, uint64_t seed);

#define VGGCL_CIFAR10_URL "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz" /* the official archive */

/* What vggcl_fetch() is asked for; {0} is the official archive, into data/cifar-10-batches-bin. */
struct vggcl_fetch {
    const char *dir;  /* the folder that cifar-10-batches-bin is put into, made where missing; NULL for "data" */
    const char *from; /* another archive, a file or an http or https URL; NULL for VGGCL_CIFAR10_URL */
    double timeout;   /* seconds without a byte after which a download ends; 0 for 20 */
    bool force;       /* a cifar-10-batches-bin that is not CIFAR-10 is moved aside */
};

struct vggcl_fetch_progress {
    bool unpacking;               /* after the download, or of a file */
    uint64_t bytes, total;        /* of the archive, downloaded or unpacked; total is 0 where the server does not say */
    double bytes_per_second, eta; /* of this call alone; seconds that are left, 0 where total is */
};

/* What fetch tells while it works; each function may be NULL. */
struct vggcl_fetch_observer {
    void *user;
    void (*progressed)(void *user, const struct vggcl_fetch_progress *progress);
    /* A line about what does not go as one would think, such as a download that starts anew. */
    void (*noticed)(void *user, const char *text);
    /* Asked at least once a second: true ends it; what was downloaded is kept, what was unpacked is not. */
    bool (*stop)(void *user);
};

enum vggcl_fetch_end { VGGCL_FETCH_DONE, VGGCL_FETCH_PRESENT, VGGCL_FETCH_STOPPED };

struct vggcl_fetched {
    enum vggcl_fetch_end end;      /* PRESENT: it was there, whole, and nothing was done */
    char folder[VGGCL_PATH_MAX];   /* dir/cifar-10-batches-bin */
    char moved_to[VGGCL_PATH_MAX]; /* where what was in its place was moved; "" where nothing was */
    uint64_t resumed, downloaded;  /* bytes of the archive: kept from an earlier call, and of this one */
    double seconds;
};

/* Downloads CIFAR-10's archive (a .tar.gz) and unpacks it, all or nothing, into dir/cifar-10-batches-bin: each file's
 * MD5 sum must be that in data/MD5SUMS, and the official archive's too; another one may be packed otherwise. What a
 * broken download left, dir/cifar-10-binary.tar.gz.part, is gone on with by the next one, whose archive should be the
 * same: what does not fit is found by the sums, and downloaded anew. Proxies are those of the environment (https_proxy,
 * no_proxy, ...); certificates are checked; an https URL is redirected to https alone.
 * VGGCL_EIO where a server or file cannot be read or written, where dir has a cifar-10-batches-bin that is not CIFAR-10
 * (see force) or another process fetches into it; VGGCL_EFORMAT where an archive is something else, breaks off, has
 * entries outside of cifar-10-batches-bin, links, or more than 256 MiB. observer may be NULL. */
VGGCL_API enum vggcl_err vggcl_fetch(const struct vggcl_fetch *fetch, const struct vggcl_fetch_observer *observer,
                                     struct vggcl_fetched *fetched);

#ifdef __cplusplus
}
#endif
#endif
