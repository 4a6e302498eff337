/* platforms.h - the OpenCL platforms, and the reasons why a platform or a driver provides no device. vggcl.h declares
 * their list, vggcl_platforms(). */
#ifndef VGGCL_CL_PLATFORMS_H
#define VGGCL_CL_PLATFORMS_H

#include "cl/error.h"

enum { PLATFORMS = 32 }; /* maximum number of platforms; further ones are ignored */

/* Fills ids in the ICD loader's order and returns their number; 0 if there is no platform. */
cl_uint platforms_ids(cl_platform_id ids[PLATFORMS]);

/* Sets *text to "; PROBLEM: ADVICE" for each platform and driver that provides no device, concatenated, to be appended
 * to an error text. The caller must free *text. *advised: whether any of them has advice. */
enum vggcl_err platforms_problems(char **text, bool *advised);

/* The name of the Mesa driver (a value of RUSTICL_ENABLE) for the first known GPU in the folder drm (/sys/class/drm);
 * NULL if there is none. */
const char *platforms_mesa_driver(const char *drm);

#endif
