/* select.h - the devices of all platforms, with their OpenCL ids; vggcl.h has the face without them. */
#ifndef VGGCL_CL_SELECT_H
#define VGGCL_CL_SELECT_H

#include "cl/device.h"

/* As vggcl_devices(); (*ids)[i] is the id of (*list)[i]. Both are the caller's, to be freed. */
enum vggcl_err select_list(struct vggcl_device **list, cl_device_id **ids, size_t *count);

#endif
