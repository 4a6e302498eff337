#include "files/png.h"
#include "base/feature.h"

#include <stdlib.h>

#ifdef VGGCL_PNG

#include <png.h>

enum vggcl_err png_available(void) {
    return VGGCL_OK;
}

enum vggcl_err png_encode(const struct picture *p, uint8_t **bytes, size_t *size) {
    png_image image = {.version = PNG_IMAGE_VERSION,
                       .width = (png_uint_32)p->width,
                       .height = (png_uint_32)p->height,
                       .format = p->channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB};
    png_alloc_size_t room = PNG_IMAGE_PNG_SIZE_MAX(image);
    *bytes = malloc(room);
    if (!*bytes)
        return err_no_memory("a PNG picture", room);
    if (png_image_write_to_memory(&image, *bytes, &room, 0, p->pixels, 0, NULL)) {
        *size = room;
        return VGGCL_OK;
    }
    free(*bytes);
    *bytes = NULL;
    return err_set(VGGCL_EFORMAT, "a picture cannot be written as PNG: %s", image.message);
}

#else

enum vggcl_err png_available(void) {
    return feature_lacks(FEATURE_PNG, "inspect", "");
}

enum vggcl_err png_encode(const struct picture *picture, uint8_t **bytes, size_t *size) {
    (void)picture;
    *bytes = NULL;
    *size = 0;
    return png_available();
}

#endif
