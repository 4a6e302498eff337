/* checkpoint.h - a net's parameters, and the state of a run, as safetensors files (files/safetensors.h).
 *
 * A weights file holds each parameter under PyTorch's name and in PyTorch's layout. A state file also holds the
 * optimiser's states of each trained parameter (for SGD "velocity." + name) and, if the net keeps moving averages of
 * its weights, "average." + name for each parameter that is not frozen. The metadata of both name the network and the
 * options that made them. The state before the first step is metadata alone, because net_start() recreates the weights
 * from the seed; if the weights came from a file, the state holds them.
 */
#ifndef VGGCL_TRAIN_CHECKPOINT_H
#define VGGCL_TRAIN_CHECKPOINT_H

#include "files/safetensors.h"
#include "data/normalise.h"
#include "nets/net.h"

/* The progress of a run: all of its state except weights, optimiser states and options. Every random number is a
 * function of seed, epoch and step, so the generator has no other state to save. */
struct progress {
    int64_t step;         /* completed steps of the whole run */
    int epoch;            /* completed epochs */
    int64_t epoch_step;   /* completed steps of the current epoch */
    double loss_sum;      /* sum over the images of the current epoch so far */
    int64_t correct;      /* correctly classified images among them */
    double epoch_seconds; /* time spent in the current epoch's steps so far */
    int best_epoch;       /* counted from 1; 0 if no epoch was tested yet */
    double best_accuracy;
};

/* True if the seed alone determines the run's state: no step was completed, and the weights did not come from a file.
 * The state file then needs no tensors. */
bool checkpoint_by_seed(const struct vggcl_config *config, const struct progress *progress);

/* Which of a file's tensors are of interest: the weights; the weights except those of the linear layers; all. */
enum contents { CHECKPOINT_WEIGHTS, CHECKPOINT_WITHOUT_HEAD, CHECKPOINT_STATE };

/* The contents of a checkpoint besides the tensors. If profiles (of the run's devices, ended by NULL) is not NULL, the
 * checkpoint is a state file, else a weights file. */
struct checkpoint {
    const struct vggcl_config *config;
    const struct progress *progress;
    const struct data *data; /* the run's data set */
    char *const *profiles;
    const char *history;   /* the accuracy record, for a state file */
    uint64_t weights_hash; /* of net's weights, see net_hash(); a state that needs no tensors has none */
    bool keep_previous;    /* keep the file that this one replaces, see safetensors_replace() */
};

/* Writes the checkpoint with net's tensors to path in folder atomically. */
enum vggcl_err checkpoint_write(const struct folder *folder, const char *path, const struct net *net,
                                const struct checkpoint *checkpoint);

/* A checkpoint in host memory, to be written later. What its struct checkpoint points to must stay. */
struct checkpoint_copy;

/* The caller frees *copy with checkpoint_copy_free(). */
enum vggcl_err checkpoint_copy(const struct net *net, const struct checkpoint *checkpoint,
                               struct checkpoint_copy **copy);

/* Writes the copy to path in folder atomically. */
enum vggcl_err checkpoint_copy_write(const struct checkpoint_copy *copy, const struct folder *folder, const char *path);

void checkpoint_copy_free(struct checkpoint_copy *copy); /* NULL is allowed */

/* The size of a file with the contents in bytes, rounded up; without the accuracy record. */
uint64_t checkpoint_bytes(const struct net *net, enum contents contents);

/* Copies the file's tensors to net's parameters. Every parameter must be in the file, in the right shape; other tensors
 * are ignored. CHECKPOINT_WITHOUT_HEAD leaves the linear layers as they are; CHECKPOINT_STATE also copies the
 * optimiser's states and the averages. path names the file in errors. */
enum vggcl_err checkpoint_load(const struct safetensors *file, const char *path, struct net *net,
                               enum contents contents);

/* Finds the tensor of a parameter: VGGCL_EFORMAT, which ends with the remedy, if the file has none of that name, or
 * another shape. */
#define CHECKPOINT_INCOMPLETE "the file is incomplete; use another one"
enum vggcl_err checkpoint_tensor(const struct safetensors *file, const char *path, const char *name,
                                 const struct parameter *p, const char *remedy, const struct record **record);

/* Reads the options that the file stores into *stored, and merges them into config as config_resume() describes. */
enum vggcl_err checkpoint_config(const struct safetensors *file, const char *path, struct vggcl_config *config,
                                 struct vggcl_config *stored);

/* The absolute path of the folder with the run's images, or NULL if the file does not name one. Owned by file. */
const char *checkpoint_data(const struct safetensors *file);

/* Compares the data set's fingerprint, the shape of its images and the number of its classes with those in the file;
 * VGGCL_EUSAGE if they differ. What a file lacks, because an earlier version wrote it, is not compared. */
enum vggcl_err checkpoint_same_data(const struct safetensors *file, const char *path, const struct data *data);

/* VGGCL_EUSAGE if the run uses shards, of another number of ranks than there are. */
enum vggcl_err checkpoint_same_ranks(const struct safetensors *file, const char *path,
                                     const struct vggcl_config *config);

/* Reads the run's progress; VGGCL_EFORMAT if the file is not a state file, a value is out of range, or two contradict
 * each other. */
enum vggcl_err checkpoint_progress(const struct safetensors *file, const char *path, struct progress *progress);

/* Number of completed steps of the run that wrote the file, weights or a state; 0 if it does not say. */
int64_t checkpoint_steps(const struct safetensors *file);

/* VGGCL_EFORMAT, naming the numbers, if the progress contradicts epochs of `images` images in batches of `batch`. */
enum vggcl_err checkpoint_check_progress(const char *path, const struct progress *progress, size_t images,
                                         size_t batch);

/* The hash of a state's weights, as net_hash(); false if the file has none, because an earlier version wrote it or the
 * seed alone determines the weights. */
bool checkpoint_hash(const struct safetensors *file, uint64_t *hash);

/* VGGCL_EWRONG if the weights of a state, which were copied to a device and have this hash there, have another hash in
 * the file. Without one in the file, because an earlier version wrote it, nothing is compared. */
enum vggcl_err checkpoint_same_weights(const struct safetensors *file, const char *path, uint64_t hash);

/* Sets *profile to a copy of the profile that a state file holds for the run's device i (from 0), which the caller
 * frees, or to NULL if the file has no profile for it. */
enum vggcl_err checkpoint_profile(const struct safetensors *file, size_t i, char **profile);

/* The accuracy record in a state file; NULL if an earlier version wrote it. Owned by file. */
const char *checkpoint_history(const struct safetensors *file);

/* Recognises the network in the file by the names and shapes of its tensors, and sets config's model, width and no_bn
 * accordingly, and its head by the metadata. VGGCL_EFORMAT if it is none of the models. */
enum vggcl_err checkpoint_network(const struct safetensors *file, const char *path, struct vggcl_config *config);

/* The same for those of these options that were not given; nothing if the file is none of the models. */
enum vggcl_err checkpoint_suggest_network(const struct safetensors *file, struct vggcl_config *config);

/* What the network in the file takes and returns: from its metadata, or, if another program or an earlier version wrote
 * it, from its tensors. Height and width are 0, and class_names NULL, if the metadata lacks them. The caller must
 * free(spec->class_names). VGGCL_EFORMAT if the metadata is damaged. */
enum vggcl_err checkpoint_spec(const struct safetensors *file, const char *path, struct data_spec *spec);

/* The same for a network without a data set, config->weights, after checkpoint_network(): height and width are
 * config->size if the file does not name them, or with global average pooling; classes without names are called "0",
 * "1", .... VGGCL_EUSAGE if the size is not known, or not one that the network takes. The caller must
 * free(spec->class_names) in all cases. */
enum vggcl_err checkpoint_images(const struct safetensors *file, struct vggcl_config *config, struct data_spec *spec);

/* What the metadata says of the network's input: "RGB, NCHW, (x/255 - 0.5)/0.5". */
void checkpoint_preprocessing(const struct normalisation *n, size_t channels, char text[static NORMALISE_TEXT]);

/* How the network in the file takes images of spec: sets *n, and config's normalize to the word for it. A file of an
 * earlier version means half; of a file that another program wrote, the option normalize says it, with train as for
 * normalise(), if it was set or the metadata has no numbers. VGGCL_EUSAGE if normalize was set with vggcl_config_set()
 * to something else than the file has, VGGCL_EFORMAT if the metadata is damaged. */
enum vggcl_err checkpoint_normalisation(const struct safetensors *file, const char *path, const struct data_spec *spec,
                                        const struct dataset *train, struct vggcl_config *config,
                                        struct normalisation *n);

/* Sets the options that say how to read the data set to those of the run that wrote the file, except those that were
 * set by vggcl_config_set(): size, test-share and seed; data, data-format and labels too if data is empty. */
enum vggcl_err checkpoint_suggest_data(const struct safetensors *file, const char *path, struct vggcl_config *config);

/* Whether the file says that its network was trained on another data set than data, by a fingerprint of all images;
 * then text gets a line that names both. */
bool checkpoint_other_data(const struct safetensors *file, const char *path, const struct data *data,
                           char text[static VGGCL_WARNING]);

/* VGGCL_EUSAGE, naming both, if the network in the file has another number of classes than data, or takes images of
 * another size (of a file that does not say which: of sizes of which pooling leaves another number of pixels; with
 * global average pooling any size will do); with same_classes also if the classes' names or their order differ. A file
 * whose network is not recognised is accepted. */
enum vggcl_err checkpoint_takes_data(const struct safetensors *file, const char *path, const struct data *data,
                                     bool same_classes);

#endif
