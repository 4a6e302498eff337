/* error.h - the names of OpenCL's error codes. */
#ifndef VGGCL_CL_ERROR_H
#define VGGCL_CL_ERROR_H

#include "base/err.h"
#include "cl/opencl.h"

/* The name of an OpenCL error code: "CL_OUT_OF_RESOURCES" for -5; "unknown OpenCL error" for unknown codes. */
const char *cl_error_name(cl_int code);

#endif
