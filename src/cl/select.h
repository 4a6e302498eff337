/* select.h - the devices of all platforms, with their OpenCL ids, and those that selectors mean; vggcl.h has the face
 * without the ids. */
#ifndef VGGCL_CL_SELECT_H
#define VGGCL_CL_SELECT_H

#include "cl/device.h"

/* As vggcl_devices(); (*ids)[i] is the id of (*list)[i]. Both are the caller's, to be freed. */
enum vggcl_err select_list(struct vggcl_device **list, cl_device_id **ids, size_t *count);

/* A device to open; the id is to be given to clReleaseDevice(). */
struct selected {
    struct vggcl_device info;
    cl_device_id id;
};

/* The devices that selectors mean, as dev_open_all() says. */
enum vggcl_err select_devices(const char *selectors, struct selected chosen[VGGCL_DEVICES], size_t *count);

#endif
