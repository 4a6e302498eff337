/* vggcl.h - train, evaluate and use VGG networks for image classification on any OpenCL 1.2 device.
 *
 * This is the library's whole interface; the program `vggcl` is a thin layer over it.
 *
 *     struct vggcl_config config;
 *     if (vggcl_config_init(&config) || vggcl_config_set(&config, "data", "synthetic") ||
 *         vggcl_config_set(&config, "epochs", "5") || vggcl_train(&config, NULL))
 *         fprintf(stderr, "%s\n", vggcl_error());
 *
 * Errors. Every function that can fail returns an enum vggcl_err. vggcl_error() returns the text of the calling
 * thread's last failure: one line that names the thing and the fix. Texts name options and fields as this header does
 * ("lr"); on the command line the option "lr" is --lr. The library never prints and never exits. It reads and writes
 * numbers with a decimal point in every locale.
 *
 * Memory. What a function allocates for the caller is freed by the vggcl_..._free() named beside it, which accepts
 * NULL.
 *
 * Callbacks. A callback's last parameter, payload, is the pointer that was given with the callback; the library does
 * not use it. Callbacks run in the thread that called the library, before the call returns. Pointers passed to them are
 * valid during the callback only. A callback must not call a function that trains, evaluates, measures or tunes.
 *
 * Threads. Functions that take a struct vggcl_config may run in several threads at once if each thread has its own
 * structs and its own devices or sub-devices, with one exception: CLBlast keeps its tuning parameters per process, so
 * that with the option gemm=clblast, or with a profile that uses CLBlast, only one thread at a time may train,
 * evaluate, measure or tune. vggcl_devices() and vggcl_platforms() load OpenCL drivers and should first be called from
 * one thread. A save folder is locked by the run that saves into it. All other functions may be called from any thread
 * at any time.
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
    VGGCL_EUSAGE,   /* an option or argument is unknown, invalid, or contradicts another */
    VGGCL_EIO,      /* a file or directory cannot be opened, read or written */
    VGGCL_EFORMAT,  /* a file's contents are invalid */
    VGGCL_EDEVICE,  /* no OpenCL device, none that matches the selector, or one that its driver does not offer */
    VGGCL_EOPENCL,  /* an OpenCL or CLBlast call failed, or a kernel did not build */
    VGGCL_ENOMEM,   /* not enough host or device memory */
    VGGCL_ENUMERIC, /* the loss is no longer finite */
    VGGCL_ESTOPPED, /* a callback stopped the call before it had a result */
    VGGCL_EWRONG,   /* a device gives wrong results */
};

#define VGGCL_VERSION   "0.2.0"
#define VGGCL_PATH_MAX  4096
#define VGGCL_MODEL_MAX 512

/* The library's version, e.g. "0.2.0". It may be newer than VGGCL_VERSION, that of the header. */
VGGCL_API const char *vggcl_version(void);

/* A library that vggcl can be built with or without. */
struct vggcl_feature {
    const char *library; /* "libvips" */
    const char *purpose; /* what it does: "decodes pictures" */
    const char *package; /* Debian's and Ubuntu's package to build with it: "libvips-dev" */
    bool built_in;       /* whether this build of vggcl has it */
};

/* These libraries: number 0, number 1, ...; NULL from their number on. */
VGGCL_API const struct vggcl_feature *vggcl_feature(size_t index);

/* The text of this thread's last error; "" if there was none. Valid until the next failing call in this thread. */
VGGCL_API const char *vggcl_error(void);

/* ---------------------------------------------------------------------------------------------------- devices -- */

enum vggcl_device_type { VGGCL_CPU, VGGCL_GPU, VGGCL_ACCELERATOR };

enum { VGGCL_DEVICES = 16 }; /* the maximum number of devices that train together */

struct vggcl_device {
    int platform, device; /* as in the selector "P:D": device D of platform P, both from 0 */
    enum vggcl_device_type type;
    bool is_default; /* chosen by an empty selector: the first GPU, else the first accelerator, else the first CPU */
    char name[256], platform_name[128], vendor[128], driver[128], version[128];
    char c_version[128];                               /* of OpenCL C, as reported by the driver: "OpenCL C 1.2 ..." */
    unsigned compute_units, clock_mhz;                 /* clock_mhz is 0 if the driver does not say */
    uint64_t memory, largest_allocation, local_memory; /* bytes */
    size_t work_group_size;                            /* the largest that the device supports */
    size_t alignment;                                  /* of a sub-buffer's origin, in bytes */
    unsigned preferred_vector_width, native_vector_width; /* floats */
    bool half; /* supports 16-bit float arithmetic (cl_khr_fp16); the option storage=half does not need it */
    /* Why the device cannot be used: the driver did not answer a query, and the properties are incomplete; else "". */
    char problem[192];
};

/* Lists the devices of all platforms, in the ICD loader's order; a device's position in *list is the flat index that a
 * selector may name. Platforms without devices are only listed by vggcl_platforms(). Free *list with
 * vggcl_devices_free(); an empty list is not an error. */
VGGCL_API enum vggcl_err vggcl_devices(struct vggcl_device **list, size_t *count);
VGGCL_API void vggcl_devices_free(struct vggcl_device *list);

/* Finds the position in list of the device that selector names: "P:D", a flat index, "gpu", "cpu", "accelerator" or a
 * part of the device's or platform's name, ignoring case. NULL or "" selects $VGGCL_DEVICE, else the default device.
 * VGGCL_EDEVICE if there is no such device; the text lists the devices, says why other platforms and drivers of this
 * machine have none, and how to fix that. VGGCL_EOPENCL if the device has a problem, or if another one has and the
 * selector is not "P:D": without its properties it is not known which of them is meant. */
VGGCL_API enum vggcl_err vggcl_device_select(const struct vggcl_device *list, size_t count, const char *selector,
                                             size_t *position);

/* An OpenCL platform, or a driver that provides no platform because its library does not load or finds no hardware. */
struct vggcl_platform {
    int platform;                 /* as in the selector "P:D"; -1 for a driver without a platform */
    size_t devices;               /* number of devices */
    char name[128], version[256]; /* as reported by the platform */
    char file[VGGCL_PATH_MAX];    /* of a driver without a platform: its .icd file, or the variable that names it, */
    char library[VGGCL_PATH_MAX]; /* and the library named there */
    char problem[1024];           /* why there are no devices: OpenCL's error code, or the dynamic linker's text */
    char advice[1024];            /* what to type or install to fix that; "" if unknown */
};

/* Lists all platforms, in the ICD loader's order, then the drivers that provide none: those of the .icd files in
 * /etc/OpenCL/vendors or $OCL_ICD_VENDORS, and of $OCL_ICD_FILENAMES. Of these, only drivers that the loader could not
 * load are loaded. Free *list with vggcl_platforms_free(); an empty list is not an error. */
VGGCL_API enum vggcl_err vggcl_platforms(struct vggcl_platform **list, size_t *count);
VGGCL_API void vggcl_platforms_free(struct vggcl_platform *list);

/* The call of an OpenCL driver that the process is in, or its wait for another process of a run that several do
 * (mpirun), for a watchdog: drivers may hang for ever, and machines be cut off. The library does not
 * end such a call; the program vggcl exits. If threads are in several calls, the latest one. */
struct vggcl_activity {
    uint64_t calls;   /* number of calls so far: as long as it grows, there is progress */
    bool compiles;    /* the call may compile kernels, which can take minutes */
    char call[128];   /* what it does: "creating a context", the name of a kernel; "" if the process is in none */
    char device[256]; /* the device, or its platform while devices are listed; "" if unknown */
    bool rank;        /* it is no call of a driver: another process of the run is waited for, which `device` names */
};

/* May be called from any thread at any time. */
VGGCL_API void vggcl_activity(struct vggcl_activity *activity);

/* A part of a call's work that may take seconds or minutes before the call has a result: "loading drivers",
 * "selfcheck", "tuning", "first step" and so on. */
struct vggcl_phase {
    const char *device; /* its name; "" if there is none yet */
    const char *name;
    size_t done, count; /* items of the phase; count is 0 if it is not known */
    double eta;         /* estimated seconds until the phase is done; 0 if unknown */
    const char *item;   /* the item that begins, as "conv forward, winograd4 of 2x32x32x3 to 64", or what it waits for:
                           "building gemm.cl"; "" for none */
};

typedef void vggcl_phase_callback(const struct vggcl_phase *phase, void *payload);

/* From now on, calls of the library in this thread call phased() when such a phase begins and before each of its items;
 * NULL, as at the start, for no calls. */
VGGCL_API void vggcl_watch_phases(vggcl_phase_callback *phased, void *payload);

/* Which profile (see vggcl_tune()) a device uses unless the option profile names one. */
enum vggcl_profile { VGGCL_PROFILE_NONE, VGGCL_PROFILE_STORED, VGGCL_PROFILE_SHIPPED };

/* The profile of a device. name gets the path of a stored profile, or the name of a shipped one. A profile that is
 * invalid, or was made with another driver or version of vggcl, is ignored. */
VGGCL_API enum vggcl_profile vggcl_device_profile(const struct vggcl_device *device, char name[VGGCL_PATH_MAX]);

/* Whether the folder in which built kernels, profiles and decoded pictures are kept ($VGGCL_CACHE_DIR, else vggcl in
 * $XDG_CACHE_HOME or ~/.cache) is not used because another user owns it, or can write to it: that user could make this
 * process run other code. text gets one line that names the folder and the fix, else "". */
VGGCL_API bool vggcl_cache_problem(char *text, size_t size);

/* ------------------------------------------------------------------------------------------- images in memory -- */

/* Labelled images in memory, to train on and to evaluate with: an alternative to the files that the option data names.
 *
 *     struct vggcl_dataset_source source = {.height = 32, .width = 32, .channels = 3, .classes = 2, ...};
 *     struct vggcl_dataset *dataset;
 *     if (vggcl_dataset_create(&source, &dataset) || vggcl_config_init(&config) ||
 *         (config.dataset = dataset, vggcl_train(&config, NULL)))
 *         fprintf(stderr, "%s\n", vggcl_error());
 *     vggcl_dataset_free(dataset);
 */
struct vggcl_dataset;

struct vggcl_images {
    /* [count][channels][height][width], as for vggcl_predict(), or [count][height][width][channels] if the source is
     * interleaved. Rows from top to bottom; channels red, green, blue, or one of grey. */
    const uint8_t *pixels;
    const uint16_t *labels; /* [count]: the class of each image, from 0 */
    size_t count;
};

/* What vggcl_dataset_create() copies; set all other fields to 0. */
struct vggcl_dataset_source {
    size_t height, width; /* of every image, in pixels: 8 to 256 */
    size_t channels;      /* 1 or 3 */
    bool interleaved;     /* the bytes of a pixel are adjacent */
    size_t classes;       /* 2 to 65535 */
    /* [classes]: in UTF-8; checkpoints do not store other names. NULL for "0", "1", .... */
    const char *const *class_names;
    /* Training needs both, unless the option validate holds out training images to test on; evaluation needs only
     * test. One of them may be {0}. At most 2^31 - 1 images each. */
    struct vggcl_images train, test;
};

/* Copies the images, labels and names, which the caller may free afterwards. Functions whose configuration has the data
 * set in its field dataset use it in place, without another copy, and do not change it: several threads may use it at
 * once. Free it with vggcl_dataset_free() when the last of these functions has returned. VGGCL_EUSAGE, naming the
 * field, if a value is out of range. */
VGGCL_API enum vggcl_err vggcl_dataset_create(const struct vggcl_dataset_source *source,
                                              struct vggcl_dataset **dataset);
VGGCL_API void vggcl_dataset_free(struct vggcl_dataset *dataset);

/* ---------------------------------------------------------------------------------------------- configuration -- */

enum vggcl_schedule { VGGCL_SCHEDULE_STEP, VGGCL_SCHEDULE_COSINE, VGGCL_SCHEDULE_LINEAR };
enum vggcl_dropout { VGGCL_DROPOUT_CHANNEL, VGGCL_DROPOUT_ELEMENT, VGGCL_DROPOUT_CLASSIFIER };
enum vggcl_init { VGGCL_INIT_HE, VGGCL_INIT_IDENTITY };
enum vggcl_class_weights { VGGCL_CLASS_WEIGHTS_NONE, VGGCL_CLASS_WEIGHTS_BALANCED };
enum vggcl_freeze { VGGCL_FREEZE_NONE, VGGCL_FREEZE_CONV };
enum vggcl_on_save_error { VGGCL_ON_SAVE_ERROR_RETRY, VGGCL_ON_SAVE_ERROR_STOP };
enum vggcl_storage { VGGCL_STORAGE_FLOAT, VGGCL_STORAGE_HALF };
enum vggcl_precision { VGGCL_PRECISION_FLOAT, VGGCL_PRECISION_BF16, VGGCL_PRECISION_TF32 };
enum vggcl_grad_dtype { VGGCL_GRAD_DTYPE_FLOAT, VGGCL_GRAD_DTYPE_BF16 };
enum vggcl_images_on { VGGCL_IMAGES_AUTO, VGGCL_IMAGES_DEVICE, VGGCL_IMAGES_HOST };
enum vggcl_data_from { VGGCL_DATA_FROM_EACH, VGGCL_DATA_FROM_RANK0 };
enum vggcl_normalize { VGGCL_NORMALIZE_HALF, VGGCL_NORMALIZE_DATASET, VGGCL_NORMALIZE_IMAGENET };

enum vggcl_head { VGGCL_HEAD_FLATTEN, VGGCL_HEAD_AVGPOOL };

enum { VGGCL_OPTIONS = 128 }; /* an upper bound for the number of options */

struct vggcl_shape {
    int height, width, channels; /* of an image; pixels */
};

/* All options of a run. Initialise it with vggcl_config_init() and change it with vggcl_config_set(), or by assigning
 * to its fields. vggcl_options() describes each field, its range and its default. Every function that takes a
 * configuration first checks all fields against that table: VGGCL_EUSAGE, naming the option, if one is out of range. */
struct vggcl_config {
    char data[VGGCL_PATH_MAX], device[1024], device_split[128], profile[VGGCL_PATH_MAX], kernel_dir[VGGCL_PATH_MAX];
    int size;                                    /* of pictures: height and width in pixels; 0 to choose */
    double test_share, bad_images;               /* a share in 0..1; a percentage */
    int data_format, labels, recipe, conv, gemm; /* indices into the choices of their options */
    char model[VGGCL_MODEL_MAX];                 /* "vgg16", or a list of layers: "64,64,M,128,M" */
    /* The images and number of classes that functions without a data set assume: vggcl_bench(), vggcl_start_time(),
     * vggcl_first_losses(), vggcl_tune(), vggcl_run_selfcheck(), and vggcl_plan() if one of them was set. */
    struct vggcl_shape shape;
    int classes;
    double width;
    int head; /* enum vggcl_head */
    bool no_bn, no_dropout;
    int dropout;    /* enum vggcl_dropout; ignored if no_dropout is set */
    int init;       /* enum vggcl_init, of the convolutions' weights */
    int storage;    /* enum vggcl_storage, of activations and their gradients */
    int precision;  /* enum vggcl_precision, of products; bf16 stores activations as bfloat16 too, tf32 as floats */
    int matrix;     /* the position in its option's choices */
    int grad_dtype; /* enum vggcl_grad_dtype, of gradients on their way between processes */
    int epochs, batch, micro_batch;
    uint64_t mem_limit; /* bytes; 0 for no limit */
    int images;         /* enum vggcl_images_on: where the data set is */
    int data_from;      /* enum vggcl_data_from: which processes of a run read it */
    double lr, momentum, weight_decay;
    int optimizer; /* the position in its option's choices */
    double beta1, beta2, eps;
    bool nesterov, no_bias_decay;
    int schedule; /* enum vggcl_schedule */
    int lr_step;
    double lr_gamma, warmup; /* warmup: epochs */
    double label_smoothing, ema;
    int class_weights; /* enum vggcl_class_weights */
    int crop, cutout;  /* pixels */
    double color_jitter, resized_crop, mixup, cutmix;
    int normalize; /* enum vggcl_normalize; with weights, theirs, unless it was set by vggcl_config_set() */
    bool tta;
    uint64_t seed;
    char save[VGGCL_PATH_MAX], resume[VGGCL_PATH_MAX], weights[VGGCL_PATH_MAX], log_steps[VGGCL_PATH_MAX];
    char tensorboard[VGGCL_PATH_MAX];
    int save_every, limit, validate, patience;
    int64_t steps, checkpoint_every;
    int freeze;        /* enum vggcl_freeze */
    int on_save_error; /* enum vggcl_on_save_error */
    bool no_shuffle, no_flip, drop_last, no_selfcheck, strict, reset_head, shards;
    int stall;                 /* seconds; only the program vggcl uses it, see vggcl_activity() */
    bool given[VGGCL_OPTIONS]; /* [i]: vggcl_options()[i] was set by vggcl_config_set(): no recipe or file changes it */
    /* Not an option: the images to train, evaluate or plan with, instead of those that data names; NULL for those. With
     * it, data must be "" and data_format "auto" or "memory". Checkpoints store the latter. */
    const struct vggcl_dataset *dataset;
};

/* Which commands use an option, and how a resumed run treats it. */
enum {
    VGGCL_FOR_TRAIN = 1,
    VGGCL_FOR_EVAL = 2,
    VGGCL_FOR_BENCH = 16,
    VGGCL_FOR_SELFCHECK = 32,
    VGGCL_FOR_PLAN = 64,
    VGGCL_FOR_TUNE = 128,
    VGGCL_FOR_PREDICT = 256,
    VGGCL_FOR_DEVICES = 512, /* all commands that use a device in their own process */
    VGGCL_STORED = 4,        /* stored in checkpoints; a resumed run takes it from there */
    VGGCL_CHANGEABLE = 8,    /* stored, but may be changed when the run is resumed */
    /* Names files to write or code to run: refused in a file of options (config), which may come from somebody else. */
    VGGCL_NOT_IN_FILES = 1024
};

enum vggcl_option_kind {
    VGGCL_FLAG,    /* bool; no argument */
    VGGCL_WHOLE,   /* int in minimum..maximum */
    VGGCL_WHOLE64, /* int64_t or uint64_t in minimum..maximum; a maximum of 2^63 stands for 2^63 - 1 */
    VGGCL_REAL,    /* double in minimum..maximum */
    VGGCL_SIZE,    /* uint64_t, bytes: "1.5G", with K, M and G for powers of 1024 */
    VGGCL_SHAPE,   /* struct vggcl_shape: "32x48x3"; height and width in minimum..maximum, 1 or 3 channels */
    VGGCL_TEXT,    /* char[maximum], NUL-terminated */
    VGGCL_LIST,    /* as VGGCL_TEXT; setting it again appends a comma and the new text */
    VGGCL_CHOICE,  /* int, an index into choices */
    VGGCL_MODEL,   /* char[maximum], NUL-terminated: one of choices, or a list of layers */
    VGGCL_RECIPE,  /* as VGGCL_CHOICE; also sets the options of the recipe that were not set so far */
    VGGCL_INCLUDE  /* path of a JSON file, not kept; sets the options in the file that were not set so far */
};

struct vggcl_option {
    const char *name;     /* without leading dashes */
    const char *argument; /* name of the argument in the help text, e.g. "N"; NULL for a flag */
    const char *help;     /* without choices and default; newlines are spaces */
    const char *value;    /* default, as text; "" for none */
    unsigned flags;       /* VGGCL_FOR_TRAIN, ... */
    enum vggcl_option_kind kind;
    double minimum, maximum;
    const char *const *choices; /* NULL-terminated; NULL if the kind has none */
    size_t offset;              /* of the field in struct vggcl_config */
};

/* The table of all options, in the order of the help text; *count is its length. Constant, so safe in any thread. */
VGGCL_API const struct vggcl_option *vggcl_options(size_t *count);

/* Sets all options to their defaults, the recipe of "89.89% on CIFAR-10 in Pytorch": VGG16, SGD, 300 epochs. */
VGGCL_API enum vggcl_err vggcl_config_init(struct vggcl_config *config);

/* Sets the option called name (see vggcl_options()) from text; NULL sets a flag. Options that were set override recipes
 * and files of options, whatever the order of the calls. In a file, the value of a single option overrides the file's
 * recipe, which overrides the file that it includes. VGGCL_EUSAGE, with a text that says what the option takes, if
 * there is no such option or text is invalid; VGGCL_EIO or VGGCL_EFORMAT for a file of options. */
VGGCL_API enum vggcl_err vggcl_config_set(struct vggcl_config *config, const char *name, const char *text);

/* Writes an option's current value to text, which has room for size bytes: "yes" or "no" for a flag, "" for an unset
 * string, a number with all digits that are needed to read back the same value. "" for an unknown option. */
VGGCL_API void vggcl_config_get(const struct vggcl_config *config, const char *name, char *text, size_t size);

/* Writes the options that define a run as a JSON object, which the option config reads back from a file: all options
 * with VGGCL_STORED except device, which belongs to the machine. Free *text with vggcl_config_text_free(). */
VGGCL_API enum vggcl_err vggcl_config_text(const struct vggcl_config *config, char **text);
VGGCL_API void vggcl_config_text_free(char *text);

/* ----------------------------------------------------------------------------------------------------- memory -- */

enum { VGGCL_MEMORY_GROUPS = 13, VGGCL_WRONG = 512, VGGCL_TUNING = VGGCL_PATH_MAX + 512 + VGGCL_WRONG };

struct vggcl_memory {
    const char *name; /* "weights", "weight gradients", ... */
    uint64_t bytes;
};

/* The device memory that a run will use, computed before any is allocated. */
struct vggcl_plan {
    struct vggcl_device device;
    struct vggcl_config config; /* with micro_batch, images (not VGGCL_IMAGES_AUTO), shape and classes filled in */
    int images;                 /* of each batch that this device processes */
    struct vggcl_memory groups[VGGCL_MEMORY_GROUPS];
    uint64_t bytes;            /* sum of all groups, which is also the peak */
    uint64_t least;            /* the smallest mem_limit that this run fits in */
    int micro_batches;         /* number of parts that these images are processed in */
    char tuning[VGGCL_TUNING]; /* what chose the algorithms: "stored profile ...", "measured in 6.1 s, ..." */
    char wrong[VGGCL_WRONG];   /* methods that gave wrong results on this device and are not used, or "" */
    char conv[32];             /* the option conv; if it is "auto", what mem_limit reduced it to */
    uint64_t conv_bytes;       /* of images that a convolution transforms at once, without transformed weights */
    uint64_t sent, received;   /* bytes a training step, to and from other processes (mpirun), of all devices of this
                                  process together; 0 with one process */
};

/* Plans the memory that train (or eval, with batches of config->batch images) would allocate, without allocating any.
 * The plan is the fastest one; if that exceeds config->mem_limit, the images stay on the host, then convolutions work
 * in smaller chunks, then with algorithms that need less workspace, then the batch is split into equal micro-batches.
 * There is a plan for each device that config names; free *plans, of length *count, with vggcl_plans_free().
 * VGGCL_ENOMEM, naming the smallest limit that works, if nothing fits. Of the data set only the file sizes are read; if
 * config->data is "" and config->dataset NULL, CIFAR-10 is assumed and need not exist, or, if config->shape or
 * config->classes was set, as many images of that shape and with that number of classes. VGGCL_EUSAGE if these were set
 * and there is a data set. */
VGGCL_API enum vggcl_err vggcl_plan(const struct vggcl_config *config, bool eval, struct vggcl_plan **plans,
                                    size_t *count);
VGGCL_API void vggcl_plans_free(struct vggcl_plan *plans);

/* --------------------------------------------------------------------------------------------------- training -- */

/* A row of accuracy.csv in the save folder. Losses are means per image, accuracies are in 0..1. The training loss is
 * the one that is minimised, with label smoothing and class weights; the test loss is without either. */
struct vggcl_epoch {
    int epoch; /* from 1 */
    double lr; /* of the last step */
    double train_loss, train_accuracy, test_loss, test_accuracy, seconds, images_per_second;
    uint64_t weights_hash; /* of all parameters and batch-norm statistics */
};

struct vggcl_start {
    size_t device_count;
    const struct vggcl_device *const *devices; /* [device_count] */
    const size_t *images; /* [device_count]: of each batch that a device gets; NULL if that is measured later */
    const struct vggcl_plan *plans; /* [device_count]; NULL in opened() */
    struct vggcl_config config;     /* including the options taken from a resumed run */
    char dataset[VGGCL_PATH_MAX];
    char optimizer[64]; /* with its own hyperparameters: "Nesterov momentum 0.9" */
    size_t parameters;  /* that are trained */
    size_t train_images, test_images;
    char moved_to[VGGCL_PATH_MAX]; /* where an earlier run in the save folder was moved; "" if there was none */
    int first_epoch;               /* from 1; larger, or in mid-epoch, if the run is resumed */
    int64_t first_step, steps_per_epoch;
    int checks; /* number of checks that the quick selfcheck passed; 0 if it was skipped */
    double check_seconds;
};

/* The cold start: everything up to the end of the first step of this call. Speeds below exclude it. */
struct vggcl_first_step {
    double seconds;                      /* since vggcl_train() was called */
    int programs_built, programs_cached; /* kernel programs compiled from source, loaded from the cache on disk */
};

struct vggcl_progress {
    int epoch;                 /* from 1 */
    bool testing;              /* testing after the epoch's training steps */
    int64_t step, steps;       /* done and total, of this epoch, or of this test */
    double loss, accuracy;     /* means over this epoch so far */
    double images_per_second;  /* over this epoch so far */
    double epoch_eta, run_eta; /* estimated seconds left of the epoch, of the run */
};

/* Why a run ended: all epochs done, the option steps reached, stop() returned true, or the test accuracy has not
 * improved for as many epochs as the option patience says. */
enum vggcl_end { VGGCL_END_EPOCHS, VGGCL_END_STEPS, VGGCL_END_STOPPED, VGGCL_END_PATIENCE };

struct vggcl_finish {
    enum vggcl_end end;
    int epoch;      /* epochs done */
    int64_t step;   /* steps done, in all epochs */
    int best_epoch; /* 0 if no epoch was tested */
    double best_accuracy, seconds;
    uint64_t weights_hash; /* as in struct vggcl_epoch */
    uint64_t peak_bytes;   /* peak of allocated device memory, all devices together */
    int epochs;            /* the option: how many the run was to have */
    bool was_complete; /* nothing was left to train of the resumed run; no device was opened, started() not called */
    const char *save;  /* the folder that has the run; valid during finished() */
    int processes;     /* that train together (mpirun) */
    /* With several processes, over all steps of this call but the first; else 0. */
    double images_per_second;     /* of all processes together, tests not counted */
    double communication, hidden; /* seconds a step in which the first process communicates or waits for another one,
                                     and the part of them in which its device still computes gradients */
};

/* Callbacks of a training run; each may be NULL. */
struct vggcl_observer {
    /* Before started(): done of count pictures are decoded. Not called for data sets that need no decoding. */
    void (*decoded)(size_t done, size_t count, void *payload);
    void (*started)(const struct vggcl_start *start, void *payload);
    void (*stepped_first)(const struct vggcl_first_step *first, void *payload);
    void (*progressed)(const struct vggcl_progress *progress, void *payload);
    void (*epoch_ended)(const struct vggcl_epoch *row, bool is_best, double best_accuracy, void *payload);
    void (*finished)(const struct vggcl_finish *finish, void *payload);
    /* A message, after started(): an option that a resumed run changes, pictures that were left out, and so on. It
     * starts with "warning: " if the run is not what was asked for. */
    void (*noticed)(const char *text, void *payload);
    /* True ends the run: after the current step, whose state is saved, or during a test, which a resumed run repeats.
     * Called once per step, and before the first step and during tests between the pictures that are decoded, the
     * operators that are checked, the methods that are measured, and so on: vggcl_train() returns VGGCL_ESTOPPED, with
     * a text that says which state is kept, if no step was done. Once it was true, it is not called again, and programs
     * that were built are not written to the cache. */
    bool (*stop)(void *payload);
    void *payload;
    /* Called once per step; true saves the state after this step, and the run goes on. */
    bool (*save)(void *payload);
    /* After the state was saved in the folder: number of steps done so far, in all epochs. Also before started(). */
    void (*saved)(const char *folder, int64_t step, void *payload);
    /* Before tuning, planning and the selfcheck, and so before started(): the devices are open, the data set is read.
     * plans, moved_to and checks are not known yet. */
    void (*opened)(const struct vggcl_start *start, void *payload);
};

/* How images are normalised by default (VGGCL_NORMALIZE_HALF): the network's input for a byte x in 0..255 of a pixel;
 * channels are red, green, blue. The others are (x/255 - mean)/std with numbers for each channel. Every checkpoint has
 * the formula in its metadata as "preprocessing", and the numbers as JSON arrays in "image.mean" and "image.std". Other
 * programs that use the weights have to do the same. */
#define VGGCL_PREPROCESSING "(x/255 - 0.5)/0.5"

/* Trains a network. Writes to the folder config->save: config.json (see vggcl_config_text()), accuracy.csv,
 * last.safetensors (the whole state: after every epoch, every config->checkpoint_every steps, and when the run stops),
 * best.safetensors (of the epoch with the best accuracy on the test set, or with config->validate on the images that
 * are held out) and epoch-NNN.safetensors (weights), each with its preprocessing in its metadata. A file is written
 * under a temporary name and renamed, so that a crash leaves no partial file. A save that fails is tried again with the
 * next one, and VGGCL_EIO if that was the last, except with config->on_save_error VGGCL_ON_SAVE_ERROR_STOP; VGGCL_EIO
 * before the first step if the file system has less free space than a save takes. The state before the last one is kept
 * as last.safetensors.1, which config->resume takes, with a message, if last.safetensors is damaged or missing.
 * observer may be NULL. The folder is locked during the run: VGGCL_EIO, naming the other process, if it is in use. It
 * may be renamed meanwhile. An earlier run in it is moved to save.1, save.2, ... If config->resume is set, the run in
 * that folder is continued with the options stored there; only options with VGGCL_CHANGEABLE may differ. It saves into
 * the same folder, or, if save was set with vggcl_config_set(), into that one and only reads the first. The images must
 * be the same as before, but may have moved, also from a folder to config->dataset: else VGGCL_EUSAGE.
 *
 * VGGCL_EWRONG if the quick selfcheck finds wrong results, unless it is a convolution algorithm or a matrix product for
 * which another one is right, and config->strict is not set: that one is used then, also in later runs, and noticed()
 * gets a warning. */
VGGCL_API enum vggcl_err vggcl_train(const struct vggcl_config *config, const struct vggcl_observer *observer);

/* Reads an accuracy record: path is a save folder that has an accuracy.csv, or a CSV file, also of another program. The
 * first line names the columns, in any order: epoch, and a loss or an accuracy by a usual name ("train_loss", "Val
 * Acc@1"). Missing columns and empty fields become NaN (0 in weights_hash), other columns are ignored. Percentages
 * become accuracies from 0 to 1, and epochs that are counted from 0 are counted from 1. Of several rows of an epoch,
 * the last value of each column counts. *rows, of length *count > 0, has increasing epochs; free it with
 * vggcl_history_free(). VGGCL_EFORMAT, naming file and line, if the file is not such a record; VGGCL_EUSAGE if it is of
 * another program, and libcsv was missing at build time. */
VGGCL_API enum vggcl_err vggcl_history(const char *path, struct vggcl_epoch **rows, size_t *count);
VGGCL_API void vggcl_history_free(struct vggcl_epoch *rows);

/* ------------------------------------------------------------------------------------------------- evaluation -- */

/* What a network says of an image of the test set. */
struct vggcl_prediction {
    const char *file;  /* NULL if the data set's images have no files of their own */
    int32_t label;     /* the true class */
    int32_t predicted; /* the class with the largest logit; -1 if a logit is NaN */
    float probability; /* of that class */
};

enum { VGGCL_WARNING = 3 * VGGCL_PATH_MAX + 256 };

struct vggcl_evaluation {
    struct vggcl_device device;
    char dataset[VGGCL_PATH_MAX], model[VGGCL_MODEL_MAX];
    double width;
    size_t images, correct;
    double loss, accuracy, seconds, images_per_second; /* loss: mean per image */
    size_t class_count;
    char **classes;                       /* [class_count]: their names */
    uint32_t *confusion;                  /* [class_count][class_count]: images by true class and predicted class */
    struct vggcl_prediction *predictions; /* [images] */
    char **files;                         /* owns the predictions' files; NULL if they have none */
    /* If the images are not those of the data set that the network was trained on: a line that names both; else "". */
    char warning[VGGCL_WARNING];
    char *warnings; /* as in struct vggcl_benchmark, after lines about the file of weights */
};

/* Evaluates the weights in config->weights (a file, or the save folder of a run) on the test set (on its first
 * config->limit images, if that is not 0). The network is inferred from the tensors in the file. If config->data is
 * empty and config->dataset NULL, the data set is that of the run that wrote the file; the options that say how to read
 * it (size, test-share, seed) are that run's unless they were set with vggcl_config_set(). VGGCL_EUSAGE if the data set
 * has another number of classes, other classes or images of another size. Free the contents of *evaluation with
 * vggcl_evaluation_free(). */
VGGCL_API enum vggcl_err vggcl_evaluate(const struct vggcl_config *config, struct vggcl_evaluation *evaluation);
VGGCL_API void vggcl_evaluation_free(struct vggcl_evaluation *evaluation);

/* ------------------------------------------------------------------------------------------------- inspection -- */

/* What there is to see of a trained network. An image is bytes [channels][height][width]. */
struct vggcl_inspection {
    struct vggcl_evaluation evaluation;
    size_t height, width, channels; /* of every image, in pixels */
    /* Training images as the network gets them in training: augmented, then normalised, here converted back to bytes.
     * Sorted by class. */
    size_t trained_count;
    uint8_t *trained;         /* [trained_count] images */
    uint16_t *trained_labels; /* [trained_count] classes */
    /* Test images whose predicted class is wrong, the one with the largest probability first. */
    size_t wrong_count;
    size_t *wrong;         /* [wrong_count]: indices into evaluation.predictions */
    uint8_t *wrong_images; /* [wrong_count] images */
    /* The weights of the first convolution. */
    size_t filter_count, filter_height, filter_width;
    float *filters; /* [filter_count][channels][filter_height][filter_width] */
    int64_t steps;  /* of the run that wrote the weights, so far; 0 if the file does not say */
};

/* Evaluates config->weights as vggcl_evaluate() does, and also copies up to trained_most training images, equally many
 * of each class, chosen at random by the seed of the run that wrote the weights, and up to wrong_most wrong test
 * images. Training images are augmented as in that run; if the file does not say how, by random flips. Free the
 * contents of *inspection with vggcl_inspection_free(). */
VGGCL_API enum vggcl_err vggcl_inspect(const struct vggcl_config *config, size_t trained_most, size_t wrong_most,
                                       struct vggcl_inspection *inspection);
VGGCL_API void vggcl_inspection_free(struct vggcl_inspection *inspection);

/* ------------------------------------------------------------------------------------------------- prediction -- */

/* A trained network on a device. */
struct vggcl_predictor;

struct vggcl_predictor_info {
    struct vggcl_device device;
    char model[VGGCL_MODEL_MAX];
    double width_factor;            /* of the number of channels, as the option width */
    size_t height, width, channels; /* of the images that the network takes */
    size_t batch;                   /* images that are processed at once */
    size_t class_count;
    char *const *classes; /* [class_count]: their names */
    const char *warnings; /* as in struct vggcl_evaluation */
};

/* Loads the weights in config->weights onto config->device, for batches of config->batch images. The file says which
 * network it is, what images it takes and what its classes are called; classes of a file that does not say are called
 * "0", "1", .... With config->tta, predictions are those of the mean logits of each image and its mirror image.
 * VGGCL_EUSAGE if the file does not say how large its images are and config->size is 0. */
VGGCL_API enum vggcl_err vggcl_predictor_open(const struct vggcl_config *config, struct vggcl_predictor **predictor);
VGGCL_API void vggcl_predictor_free(struct vggcl_predictor *predictor);

/* Valid as long as the predictor. */
VGGCL_API const struct vggcl_predictor_info *vggcl_predictor_describe(const struct vggcl_predictor *predictor);

/* Decodes a picture file (JPEG, PNG, WebP, GIF, TIFF, BMP) for the network as training does: the first frame, upright,
 * in sRGB or grey, scaled until it covers width x height (bilinear with antialiasing, as torchvision's Resize) and
 * cropped at its centre. pixels gets [channels][height][width] bytes. May be called from several threads at once.
 * VGGCL_EIO or VGGCL_EFORMAT, naming the file, if that is not possible; VGGCL_EUSAGE if the library was built without
 * libvips. */
VGGCL_API enum vggcl_err vggcl_predictor_read(const struct vggcl_predictor *predictor, const char *path,
                                              uint8_t *pixels);

/* Predicts the classes of count images: pixels are bytes [count][channels][height][width], probabilities get
 * [count][class_count], each row with the sum 1. Only one thread at a time may use a predictor. */
VGGCL_API enum vggcl_err vggcl_predict(struct vggcl_predictor *predictor, const uint8_t *pixels, size_t count,
                                       float *probabilities);

/* ----------------------------------------------------------------------------------------------------- export -- */

/* How vggcl_export_onnx() writes a network; {0} for its layers alone. */
struct vggcl_onnx {
    /* Batch normalisation becomes part of the convolutions' weights and biases. */
    bool fold_bn;
    /* The normalisation of pixels comes before the network, and softmax after it: the input "images" is uint8, not
     * float32, and the output is called "probabilities", not "logits". */
    bool with_preprocess;
};

struct vggcl_exported {
    char model[VGGCL_MODEL_MAX];
    double width_factor;            /* as in struct vggcl_predictor_info */
    size_t height, width, channels; /* of the images that the network takes */
    size_t class_count;
    char preprocessing[512];      /* what images are: "RGB, NCHW, (x/255 - 0.5)/0.5"; "RGB, NCHW, uint8" */
    uint64_t bytes;               /* size of the file */
    char warnings[VGGCL_WARNING]; /* lines about the weights file, as in struct vggcl_evaluation; "" for none */
};

/* Writes the network in config->weights as an ONNX model to path, atomically; uses no OpenCL device. The model's input
 * is images [N][channels][height][width] for any number N of images, its output [N][class_count]. Operators are those
 * of ONNX's operator set 13; tensors have their names in config->weights. The model's metadata has the classes' names
 * as a JSON array, the preprocessing, and the mean and std of each channel. With average pooling, and for weights that
 * do not say how large their images are, config->size chooses height and width. VGGCL_EUSAGE if path is config->weights
 * or ends with ".safetensors", if the file would exceed ONNX's limit of 2 GiB, or if the library was built without
 * libprotobuf-c; VGGCL_EFORMAT also if a weight is not finite. exported may be NULL. */
VGGCL_API enum vggcl_err vggcl_export_onnx(const struct vggcl_config *config, const char *path,
                                           const struct vggcl_onnx *how, struct vggcl_exported *exported);

/* ------------------------------------------------------------------------------------------------- conversion -- */

/* A tensor under the name that it had and the one that it got. */
struct vggcl_renamed {
    char from[96], to[48];
    int rank;
    size_t shape[4]; /* [rank] */
};

struct vggcl_conversion {
    char model[VGGCL_MODEL_MAX]; /* the network, as the options model and width take it */
    double width;
    bool bn;
    size_t classes;
    struct vggcl_renamed *tensors; /* [count], in the order of the file */
    size_t count;
    char *notices; /* lines about the file that was read, as in struct vggcl_evaluation's warnings; NULL for none */
};

/* Copies the weights in the safetensors file `from`, of vggcl or of another program, to the safetensors file `to`,
 * which may be the same one. names: of the tensors in that file, one of "vggcl", "torchvision" and "kuangliu"; NULL for
 * "vggcl". Free the contents of *conversion with vggcl_conversion_free(). VGGCL_EFORMAT, naming the tensor, if the
 * network is not one that vggcl has; VGGCL_EUSAGE if it is not one that these names are for. */
VGGCL_API enum vggcl_err vggcl_convert(const char *from, const char *names, const char *to,
                                       struct vggcl_conversion *conversion);
VGGCL_API void vggcl_conversion_free(struct vggcl_conversion *conversion);

/* -------------------------------------------------------------------------------------------------- selfcheck -- */

/* The comparison of one operator, on one shape, with its reference in double precision. */
struct vggcl_check {
    char name[64];           /* "conv forward, winograd4" */
    char kernels[64];        /* "gemm/gemm" is the kernel gemm of cl/gemm.cl */
    char shape[64];          /* "128x32x32x64 to 64": images, rows, columns, channels, output channels, as they apply */
    double error, tolerance; /* largest |got - expected| / sum of the terms' magnitudes; the limit, from rounding */
    bool ran, passed;
    char fault[512]; /* if not passed: the first wrong element, or why it did not run */
};

struct vggcl_selfcheck {
    struct vggcl_device device;
    int checks, failures;
    double seconds;
};

typedef void vggcl_check_callback(const struct vggcl_check *check, void *payload);

/* Which checks are run, and what is called; all zeros for every check and no calls. */
struct vggcl_selfcheck_run {
    bool quick; /* only what the configuration uses, on a few images */
    /* Only checks whose name matches one of these patterns, as of fnmatch(3): "conv*", or several with commas that no
     * space follows: "conv*,bn*". Ended by NULL; NULL for all checks. */
    const char *const *only;
    vggcl_check_callback *starting; /* before each check, of which name, kernels and shape are known */
    vggcl_check_callback *checked;  /* after each check */
    bool (*stop)(void *payload);    /* true ends the checks: VGGCL_ESTOPPED; called between them */
    void *payload;
};

/* Checks a device's arithmetic: runs every kernel, every convolution algorithm in each direction and every matrix
 * product of config's network on random inputs and compares the results with references computed on the host. If a
 * check fails, the result is VGGCL_EWRONG, with a text that names the first failure's kernel, shape, device, driver and
 * element; *result is filled in that case too. VGGCL_EUSAGE, with the names of the checks, if run->only matches none.
 * run may be NULL. */
VGGCL_API enum vggcl_err vggcl_run_selfcheck(const struct vggcl_config *config, const struct vggcl_selfcheck_run *run,
                                             struct vggcl_selfcheck *result);

/* -------------------------------------------------------------------------------------------- first losses -- */

/* The mean loss of a training step. */
struct vggcl_loss {
    double device, reference; /* computed on the device, and on the host in double precision */
    double tolerance;         /* of their difference; from rounding */
};

/* Trains config's network for `steps` steps on synthetic images, with a learning rate of 1e-4, both on its device and
 * on the host in double precision, from the same weights and with the same dropout masks. The host does about 10^9
 * multiply-adds a second, so use narrow networks. losses has room for `steps` elements. */
VGGCL_API enum vggcl_err vggcl_first_losses(const struct vggcl_config *config, int steps, struct vggcl_loss *losses);

/* -------------------------------------------------------------------------------------------------- benchmark -- */

/* Median, minimum and maximum of repeated measurements. */
struct vggcl_spread {
    double median, least, largest;
};

/* A convolution's algorithm ("winograd4"), and the engine of its matrix products ("tiled"; "" if it has none). */
struct vggcl_method {
    char algorithm[32], engine[16];
};

/* What a device can do at most, measured with kernels that do nothing else. A multiply-add counts as two operations. */
struct vggcl_memory_peak {
    size_t bytes;                 /* size of the buffer that is read, written, or copied from one half to the other */
    double reads, writes, copies; /* bytes per second; a copied byte counts twice, because it is read and written */
};
enum { VGGCL_MEMORY_PEAKS = 4 };
struct vggcl_peaks {
    double multiply_adds;   /* floating-point operations per second, of 32-bit floats */
    double matrix_products; /* of bfloat16 numbers by matrix instructions; 0 if none are in use */
    char matrix[16];        /* the name of these, as the option matrix has it; "" if none are in use */
    struct vggcl_memory_peak memory[VGGCL_MEMORY_PEAKS]; /* of growing buffers; the last one is far beyond the caches */
};

/* Which of the device's peaks limits an operator (the roofline model). */
enum vggcl_bound { VGGCL_ARITHMETIC, VGGCL_MEMORY };

/* One direction of a layer, for the benchmark's batch; all 0 if the layer has none. */
struct vggcl_direction_time {
    double seconds;
    struct vggcl_method method; /* convolutions only, else "" */
    double flops;               /* counted as direct convolution or matrix product; 0 for other layers */
    bool matrix;                /* the products are computed by matrix instructions */
    double operations;          /* of the algorithm's products: fewer in Winograd's, whose transforms do not count */
    double reads, writes;       /* bytes, if activations, their gradients and weights are each moved once */
    double bound_seconds;       /* the time at the device's peaks: of the operations or of the bytes, the longer one */
    enum vggcl_bound bound;
};

/* The time of one layer. The weight gradient includes the bias's. */
struct vggcl_layer_time {
    char name[24], type[24];
    struct vggcl_direction_time forward, data_gradient, weight_gradient;
};

struct vggcl_benchmark {
    struct vggcl_device device;
    struct vggcl_config config;
    char tuning[VGGCL_TUNING]; /* as in struct vggcl_plan */
    char *warnings; /* a line for each method that gives wrong results and was replaced, as in struct vggcl_observer's
                       noticed(); NULL for none */
    double first_step;               /* seconds, including the selfcheck and kernel compilation */
    struct vggcl_spread train, eval; /* images per second */
    double train_bound, eval_bound;  /* the same if all layers took their bound_seconds, and nothing else any time */
    struct vggcl_peaks peaks;
    double step_flops, step_operations; /* per training image: counted as direct convolution; of the algorithms */
    double step_arithmetic;             /* seconds that these operations take at the device's peaks */
    size_t device_bytes;                /* peak of device memory during the steps */
    struct vggcl_layer_time *layers;
    size_t layer_count;
};

/* Runs the quick selfcheck, then measures the speed of config's network on its device, on random images: `steps`
 * training steps and as many evaluation batches, each after two warm-up ones, then each layer alone. If the steps, or
 * the layers, have taken `seconds`, the remaining ones are measured only once, after one warm-up (INFINITY for no
 * limit). A convolution algorithm or matrix product that gives wrong results is replaced, unless config->strict is set;
 * VGGCL_EWRONG where nothing can replace it. Free the contents of *benchmark with vggcl_benchmark_free(). */
VGGCL_API enum vggcl_err vggcl_bench(const struct vggcl_config *config, int steps, double seconds,
                                     struct vggcl_benchmark *benchmark);
VGGCL_API void vggcl_benchmark_free(struct vggcl_benchmark *benchmark);

/* Measures the seconds until the first training step is done: opening the device, compiling or loading kernels,
 * allocating memory. Call it in a process that has made no OpenCL call before, else part of this is already done. */
VGGCL_API enum vggcl_err vggcl_start_time(const struct vggcl_config *config, double *seconds);

/* ------------------------------------------------------------------------------------------------------ tuning -- */

/* The convolutions of one shape in one direction: the method of the built-in rules, and the one chosen by tuning. */
struct vggcl_tuning_row {
    char layer[24];        /* the first layer of that shape */
    int layers;            /* number of layers of that shape */
    const char *direction; /* "forward", "data gradient", "weight gradient" */
    struct vggcl_method before, after;
    double before_s, after_s; /* seconds per layer; 0 if not measured because time ran out */
};

struct vggcl_tuning {
    struct vggcl_device device;
    struct vggcl_tuning_row *rows;
    size_t row_count;
    int images;                     /* number of images that the rows were measured with */
    double step_before, step_after; /* seconds per training step of a whole batch */
    /* The tile of the built-in GEMM kernel; [1]: with the first operand transposed, as in weight gradients. */
    char gemm_before[2][64], gemm_after[2][64];
    char clblast_before[16], clblast_after[16];   /* name of CLBlast's parameter set */
    uint64_t conv_bytes_before, conv_bytes_after; /* as conv_bytes in struct vggcl_plan */
    int measured;                                 /* number of candidates measured */
    bool complete;                                /* the budget was enough for all candidates */
    double seconds;
    char path[VGGCL_PATH_MAX]; /* where the profile was stored; "" if only exported */
    char *warnings;            /* as in struct vggcl_benchmark */
};

struct vggcl_tune_progress {
    double seconds, eta; /* since the start; estimated seconds left */
    int measured, candidates;
    char what[96]; /* what is being measured */
};

typedef void vggcl_tune_callback(const struct vggcl_tune_progress *progress, void *payload);

/* Searches, for about budget seconds and the time to build the built-in rules' kernels, for the fastest way to compute
 * the convolutions of config's network on its device. What is faster than the built-in rules by more than measurement
 * noise is stored as the device's profile, which the other functions then use; and in the file export_path, if that is
 * not NULL. What gives wrong results is not chosen, and the profile says so; nothing is stored if the quick selfcheck
 * fails and no other method is right, or with config->strict (VGGCL_EWRONG). progressed may be NULL. Free the contents
 * of *tuning with vggcl_tuning_free(). */
VGGCL_API enum vggcl_err vggcl_tune(const struct vggcl_config *config, double budget, const char *export_path,
                                    struct vggcl_tuning *tuning, vggcl_tune_callback *progressed, void *payload);
VGGCL_API void vggcl_tuning_free(struct vggcl_tuning *tuning);

/* ------------------------------------------------------------------------------------------------------- data -- */

/* Writes the synthetic 10-class set to the folder dir, created if missing: `train` training and `test` test images of
 * side x side pixels, 8 to 256. With side 32 in CIFAR-10's binary format: data_batch_1.bin to data_batch_5.bin,
 * test_batch.bin and batches.meta.txt; with another one as IDX files, train-images-idx4-ubyte and so on, a few
 * megabytes at a time, so that the set may be larger than memory; drawn (NULL for none) is then called with the number
 * of images so far and of all. VGGCL_EUSAGE if dir holds another data set. */
VGGCL_API enum vggcl_err vggcl_synth(const char *dir, size_t train, size_t test, size_t side, uint64_t seed,
                                     void (*drawn)(size_t done, size_t count, void *payload), void *payload);

/* A data set that vggcl_fetch() gets. */
struct vggcl_fetch_set {
    const char *name, *title; /* "cifar10", "CIFAR-10" */
    const char *folder;       /* the name of the folder that it becomes, "cifar-10-batches-bin" */
    const char *const
        *mirrors;   /* URLs, the first one preferred: of the archive, or of the folder with the files; NULL */
    uint64_t bytes; /* to be downloaded */
};

/* The data sets: number 0, the default, number 1, ...; NULL from their number on. */
VGGCL_API const struct vggcl_fetch_set *vggcl_fetch_set(size_t index);

/* Arguments of vggcl_fetch(); {0} fetches CIFAR-10 into data/cifar-10-batches-bin. */
struct vggcl_fetch {
    const char *name; /* the data set's; NULL for "cifar10" */
    const char *dir;  /* folder to create the data set's folder in, itself created if missing; NULL for "data" */
    /* Other sources, tried in order, then NULL: http or https URLs or paths, of an archive (CIFAR), or of a folder with
     * the files (MNIST, Fashion-MNIST). NULL for the set's mirrors. */
    const char *const *from;
    double timeout; /* give up on a source after this many seconds without data; 0 for 20 */
    bool force;     /* if the data set's folder is there and holds something else, move it aside */
};

struct vggcl_fetch_progress {
    bool unpacking;               /* unpacking; false while downloading */
    const char *file;             /* the name of the file that is downloaded or unpacked */
    uint64_t bytes, total;        /* of that file, downloaded or unpacked; total is 0 if unknown */
    double bytes_per_second, eta; /* in this call; estimated seconds left, 0 if total is unknown */
};

/* Callbacks of a fetch; each may be NULL. */
struct vggcl_fetch_observer {
    void (*progressed)(const struct vggcl_fetch_progress *progress, void *payload);
    /* A message about something unexpected, such as a source that fails where there is another one. */
    void (*noticed)(const char *text, void *payload);
    /* Called at least once a second; true ends the fetch: downloaded data is kept, unpacked files are removed. */
    bool (*stop)(void *payload);
    void *payload;
};

enum vggcl_fetch_end { VGGCL_FETCH_DONE, VGGCL_FETCH_PRESENT, VGGCL_FETCH_STOPPED };

struct vggcl_fetched {
    enum vggcl_fetch_end end; /* VGGCL_FETCH_PRESENT: the data set was already complete */
    const struct vggcl_fetch_set *set;
    char folder[VGGCL_PATH_MAX];   /* dir/cifar-10-batches-bin, ... */
    char from[VGGCL_PATH_MAX];     /* the source that was tried last; "" if there was none */
    char moved_to[VGGCL_PATH_MAX]; /* where an existing folder was moved; "" if there was none */
    uint64_t resumed, downloaded;  /* bytes that were there when downloads began, and that were downloaded */
    double seconds;
};

/* Downloads a data set, all or nothing, to its folder in dir. CIFAR-10 and CIFAR-100 are archives (.tar.gz), which are
 * unpacked; MNIST and Fashion-MNIST are four .gz files each, and Fashion-MNIST gets names.txt with the names of its
 * classes. Each file must have its sum in data/sums, and so must an archive from a mirror; one from another source may
 * be packed differently. A source that fails is followed by the next one. An interrupted download leaves
 * dir/ARCHIVE.part, or the folder dir/NAME.part, which the next call resumes; if that turns out to belong to another
 * file, it is downloaded again. Proxies are taken from the environment (https_proxy, no_proxy, ...), certificates are
 * verified, and an https URL is redirected to https only. VGGCL_EUSAGE for an unknown name, or if the library was built
 * without libcurl, for a URL, or without libarchive, for an archive; VGGCL_EIO if a server or
 * file cannot be read or written, if the data set's folder is there and holds something else (see force), or if another
 * process fetches into dir; VGGCL_EFORMAT if what is downloaded is something else, is truncated, is larger than 256
 * MiB, or has links or entries outside the data set's folder. observer may be NULL. */
VGGCL_API enum vggcl_err vggcl_fetch(const struct vggcl_fetch *fetch, const struct vggcl_fetch_observer *observer,
                                     struct vggcl_fetched *fetched);

#ifdef __cplusplus
}
#endif
#endif
