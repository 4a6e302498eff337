/* idx_write.h - writes data sets in the IDX format that format_idx reads. */
#ifndef VGGCL_DATA_IDX_WRITE_H
#define VGGCL_DATA_IDX_WRITE_H

#include "data/dataset.h"

/* Draws image i to pixels [channels][height][width]; called by several threads at once. */
typedef void idx_draw(uint8_t *pixels, size_t i, void *payload);

/* Images and labels of a part, "train" or "t10k". */
struct idx_part {
    const char *name;
    size_t count;
    idx_draw *draw;
    uint8_t (*label)(size_t i);
    void (*written)(size_t done, void *payload); /* called after every few megabytes; done: images so far */
    void *payload;                               /* for draw and written */
};

/* Writes both files of a part to the folder, which exists. No more than a few megabytes of images are in memory at a
 * time, so the set may be larger than memory. VGGCL_EIO if a file cannot be written. */
enum vggcl_err idx_write(const char *folder, const struct data_spec *spec, const struct idx_part *part);

#endif
