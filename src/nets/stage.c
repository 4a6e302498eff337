#include "nets/stage.h"

#include <string.h>

static size_t words(size_t bytes) {
    return (bytes + 3) / 4;
}

enum vggcl_err stage_reserve(struct stage *s, struct dev *d, const struct data_spec *spec, size_t most,
                             struct arena *arena) {
    *s = (struct stage){.dev = d, .image = data_image_bytes(spec), .most = most};
    for (int i = 0; i < 2; i++) {
        struct slot *slot = &s->slots[i];
        TRY(arena_reserve(arena, "a staging buffer for images", words(most * s->image), &slot->pixels));
        TRY(arena_reserve(arena, "a staging buffer for labels", words(most * sizeof(uint16_t)), &slot->labels));
        TRY(arena_reserve(arena, "a staging buffer for image numbers", most, &slot->numbers));
    }
    return VGGCL_OK;
}

enum vggcl_err stage_open(struct stage *s, const struct dataset *set) {
    s->set = set;
    for (int i = 0; i < 2; i++) {
        struct slot *slot = &s->slots[i];
        if (!slot->host.host)
            TRY(pinned_allocate(s->dev, 4 * (slot->pixels.count + slot->labels.count + slot->numbers.count),
                                &slot->host));
    }
    stage_forget(s);
    return VGGCL_OK;
}

/* Copies the images of the positions first .. first + count - 1 to the slot's host memory, from image `at` on. */
static void gather(struct stage *s, struct slot *slot, const uint32_t *order, size_t first, size_t at) {
    uint32_t *pixels = slot->host.host, *labels = pixels + slot->pixels.count, *numbers = labels + slot->labels.count;
    dataset_gather(s->set, s->image, order + first, slot->count, (uint8_t *)pixels + at * s->image,
                   (uint16_t *)labels + at);
    memcpy(numbers + at, order + first, slot->count * sizeof *order);
}

/* Copies the batch to host memory, which nothing reads, and enqueues its upload. */
static enum vggcl_err fill(struct stage *s, struct slot *slot, const uint32_t *order) {
    uint32_t *pixels = slot->host.host, *labels = pixels + slot->pixels.count, *numbers = labels + slot->labels.count;
    size_t n = slot->count;
    gather(s, slot, order, slot->first, 0);
    if (slot->partners != STAGE_NO_PARTNERS) {
        gather(s, slot, order, slot->partners, n);
        n *= 2;
    }
    TRY(upload_enqueue(s->dev, slot->pixels, words(n * s->image), pixels, NULL));
    TRY(upload_enqueue(s->dev, slot->labels, words(n * sizeof(uint16_t)), labels, NULL));
    return upload_enqueue(s->dev, slot->numbers, n, numbers, &slot->written);
}

enum vggcl_err stage_batch(struct stage *s, const uint32_t *order, size_t first, size_t count, size_t partners,
                           struct slot **slot) {
    for (int i = 0; i < 2; i++) {
        *slot = &s->slots[i];
        if ((*slot)->first == first && (*slot)->count == count && (*slot)->partners == partners)
            return VGGCL_OK;
    }
    *slot = &s->slots[s->next];
    s->next = !s->next;
    (*slot)->count = 0;
    TRY(fence_wait(&(*slot)->used));
    TRY(fence_wait(&(*slot)->written));
    (*slot)->first = first;
    (*slot)->count = count;
    (*slot)->partners = partners;
    enum vggcl_err err = fill(s, *slot, order);
    if (err != VGGCL_OK)
        (*slot)->count = 0;
    return err;
}

void stage_forget(struct stage *s) {
    s->slots[0].count = s->slots[1].count = 0;
}

void stage_free(struct stage *s) {
    char *kept = err_keep();
    for (int i = 0; i < 2; i++) {
        struct slot *slot = &s->slots[i];
        fence_wait(&slot->used);
        fence_wait(&slot->written);
        if (slot->host.host)
            pinned_free(s->dev, &slot->host);
    }
    err_put_back(kept);
}
