/* stage.h - batches of a data set that stays in host memory. Each batch is gathered in one of two staging buffers on
 * the host and copied to its counterpart on the device while the device computes with the batch before. */
#ifndef VGGCL_NETS_STAGE_H
#define VGGCL_NETS_STAGE_H

#include "cl/arena.h"
#include "cl/upload.h"
#include "data/dataset.h"

/* A batch: the images of the positions first .. first + count - 1 of the order; no batch if count is 0. Unless partners
 * is STAGE_NO_PARTNERS, those of the positions partners .. partners + count - 1 follow. */
#define STAGE_NO_PARTNERS SIZE_MAX
struct slot {
    size_t first, count, partners;
    struct tensor pixels, labels, numbers; /* bytes, 16-bit integers; ints: the images' indices in the data set */
    struct pinned host;                    /* the same three, each at the beginning of a word */
    struct fence written, used;            /* the upload is done; so are the commands that read the tensors */
};

struct stage {
    struct dev *dev;
    const struct dataset *set; /* not owned; must outlive the stage */
    size_t image;              /* bytes of an image */
    size_t most;               /* images in a slot */
    int next;                  /* index of the slot that the next batch gets */
    struct slot slots[2];
};

/* Reserves device memory for batches of up to `most` images of spec, with their partners, in arena. */
enum vggcl_err stage_reserve(struct stage *s, struct dev *d, const struct data_spec *spec, size_t most,
                             struct arena *arena);

/* Sets the images, and allocates host memory for batches of them. */
enum vggcl_err stage_open(struct stage *s, const struct dataset *set);

/* Gathers a batch of the images order[first + i], and of order[partners + i], and enqueues its upload; does nothing if
 * a slot has it. *slot: that slot, which stays as it is until the next call but one. */
enum vggcl_err stage_batch(struct stage *s, const uint32_t *order, size_t first, size_t count, size_t partners,
                           struct slot **slot);

/* Forgets the batches; after a change of the order. */
void stage_forget(struct stage *s);

/* Waits for the uploads and frees the host memory. The device must still be open; the tensors belong to the arena. */
void stage_free(struct stage *s);

#endif
