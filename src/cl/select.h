/* select.h - the devices of all platforms with their OpenCL ids, and selection by name. vggcl.h declares the same
 * without ids: vggcl_devices(), vggcl_device_select(). */
#ifndef VGGCL_CL_SELECT_H
#define VGGCL_CL_SELECT_H

#include "cl/error.h"

/* A platform whose devices could not be listed; code is CL_SUCCESS if there is none. */
struct unlisted {
    int platform;
    cl_int code;
};

/* As vggcl_devices(), with the ids: (*ids)[i] belongs to (*list)[i]. The caller must free both arrays. */
enum vggcl_err select_list(struct vggcl_device **list, cl_device_id **ids, size_t *count, struct unlisted *unlisted);

/* A selected device. Its owner must call clReleaseDevice(id). */
struct selected {
    struct vggcl_device info;
    cl_device_id id;
};

/* Sets chosen to the *count devices that selectors name, see dev_open_all(). On failure *count is 0. */
enum vggcl_err select_devices(const char *selectors, struct selected chosen[VGGCL_DEVICES], size_t *count);

/* Whether a device lists an extension. */
bool select_has_extension(cl_device_id id, const char *name);

#endif
