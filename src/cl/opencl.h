/* opencl.h - OpenCL's functions, declared so that the compiler warns of a call whose result is not used: a query that
 * fails unseen leaves a device with zeros for its properties, and a run that trains other weights. A function that
 * src/cl calls has to be named here, which tests/architecture.sh checks. Not named are clRelease...(): if they fail,
 * memory is lost, but no result changes. */
#ifndef VGGCL_CL_OPENCL_H
#define VGGCL_CL_OPENCL_H

#include <CL/cl.h>

#if defined(__GNUC__)
#define CL_RETURNS_CODE(function)        extern __typeof__(function) function __attribute__((warn_unused_result))
#define CL_SETS_CODE(function, position) extern __typeof__(function) function __attribute__((nonnull(position)))

CL_RETURNS_CODE(clGetPlatformIDs);
CL_RETURNS_CODE(clGetPlatformInfo);
CL_RETURNS_CODE(clGetDeviceIDs);
CL_RETURNS_CODE(clGetDeviceInfo);
CL_RETURNS_CODE(clCreateSubDevices);
CL_RETURNS_CODE(clBuildProgram);
CL_RETURNS_CODE(clGetProgramInfo);
CL_RETURNS_CODE(clGetProgramBuildInfo);
CL_RETURNS_CODE(clSetKernelArg);
CL_RETURNS_CODE(clEnqueueNDRangeKernel);
CL_RETURNS_CODE(clEnqueueReadBuffer);
CL_RETURNS_CODE(clEnqueueWriteBuffer);
CL_RETURNS_CODE(clEnqueueFillBuffer);
CL_RETURNS_CODE(clEnqueueUnmapMemObject);
CL_RETURNS_CODE(clEnqueueMarkerWithWaitList);
CL_RETURNS_CODE(clEnqueueBarrierWithWaitList);
CL_RETURNS_CODE(clWaitForEvents);
CL_RETURNS_CODE(clFlush);

CL_SETS_CODE(clCreateContext, 6);
CL_SETS_CODE(clCreateCommandQueue, 4);
CL_SETS_CODE(clCreateBuffer, 5);
CL_SETS_CODE(clCreateSubBuffer, 5);
CL_SETS_CODE(clCreateProgramWithSource, 5);
CL_SETS_CODE(clCreateProgramWithBinary, 7);
CL_SETS_CODE(clCreateKernel, 3);
CL_SETS_CODE(clEnqueueMapBuffer, 10);

#undef CL_RETURNS_CODE
#undef CL_SETS_CODE
#endif

#endif
