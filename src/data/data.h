/* data.h - opening a data set, whatever its format. */
#ifndef VGGCL_DATA_DATA_H
#define VGGCL_DATA_DATA_H

#include "data/format.h"

/* The words of the option data-format: "auto", then the formats' names; and those of labels. Both end with NULL. */
extern const char *const data_format_names[];
extern const char *const data_label_names[];

/* Reads the data set that source names and computes data->set_fingerprint as data_limit() does, of all its images: the
 * name "" means $VGGCL_CIFAR10, else data/cifar-10-batches-bin. Release with data_free(). Errors are those of the
 * format, and VGGCL_EIO where no format recognises the set, VGGCL_EUSAGE where the format has no coarse labels or
 * source->validate leaves no image to train with. On failure data is empty. */
enum vggcl_err data_open(const struct data_source *source, struct data *data);

/* What data_open() would find, by the sizes of files alone. Where source->name is "", there is no data set there and
 * source->format does not ask for another one, data_default(). size->spec has no class names. */
enum vggcl_err data_count(const struct data_source *source, struct data_size *size);

/* The data set that commands without data (bench, selfcheck, tune) assume: CIFAR-10. */
const struct data_size *data_default(void);

/* VGGCL_EUSAGE where a run trains on no images or tests on none, which only sets in memory can lack. An evaluation does
 * not train. */
enum vggcl_err data_suffices(size_t train, size_t test, bool trains);

/* Limits the training images to the first `limit` of them, 0 for all, and computes data->fingerprint: a hash of all
 * images and labels, equal for equal data wherever it is. Runs store it, so its values must not change. */
void data_limit(struct data *data, size_t limit);

#endif
