/* opencl.h - OpenCL's functions, declared so that the compiler warns of a call whose result is not used: a query that
 * fails unseen leaves a device with zeros for its properties, and a run that trains other weights. A function that
 * src/cl calls has to be named here, which tests/architecture.sh checks. The results of clRelease...() are ignored: if
 * they fail, memory is lost, but no result changes.
 *
 * Each call is also an activity, so that a watchdog can name one that never returns (vggcl_activity()). Where src/cl
 * says what it does around a call, that is its name, else the function's. Not so clSetKernelArg(), which only copies
 * the argument and is called most often. */
#ifndef VGGCL_CL_OPENCL_H
#define VGGCL_CL_OPENCL_H

#include "base/activity.h"

#include <CL/cl.h>
#include <CL/cl_ext.h>

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
CL_RETURNS_CODE(clGetEventInfo);
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

#if defined(__GNUC__)
__attribute__((warn_unused_result))
#endif
static inline cl_int
cl_code(cl_int code) {
    activity_end();
    return code;
}

static inline void *cl_object(void *object) {
    activity_end();
    return object;
}

#define CL_CALL(function, ...)   (activity_begin(#function, "", false), (function)(__VA_ARGS__))
#define CL_CODE(function, ...)   cl_code(CL_CALL(function, __VA_ARGS__))
#define CL_OBJECT(function, ...) cl_object(CL_CALL(function, __VA_ARGS__))
#define CL_DONE(function, ...)   ((void)CL_CALL(function, __VA_ARGS__), activity_end())

#define clGetPlatformIDs(...)             CL_CODE(clGetPlatformIDs, __VA_ARGS__)
#define clGetPlatformInfo(...)            CL_CODE(clGetPlatformInfo, __VA_ARGS__)
#define clGetDeviceIDs(...)               CL_CODE(clGetDeviceIDs, __VA_ARGS__)
#define clGetDeviceInfo(...)              CL_CODE(clGetDeviceInfo, __VA_ARGS__)
#define clCreateSubDevices(...)           CL_CODE(clCreateSubDevices, __VA_ARGS__)
#define clBuildProgram(...)               CL_CODE(clBuildProgram, __VA_ARGS__)
#define clGetProgramInfo(...)             CL_CODE(clGetProgramInfo, __VA_ARGS__)
#define clGetProgramBuildInfo(...)        CL_CODE(clGetProgramBuildInfo, __VA_ARGS__)
#define clEnqueueNDRangeKernel(...)       CL_CODE(clEnqueueNDRangeKernel, __VA_ARGS__)
#define clEnqueueReadBuffer(...)          CL_CODE(clEnqueueReadBuffer, __VA_ARGS__)
#define clEnqueueWriteBuffer(...)         CL_CODE(clEnqueueWriteBuffer, __VA_ARGS__)
#define clEnqueueFillBuffer(...)          CL_CODE(clEnqueueFillBuffer, __VA_ARGS__)
#define clEnqueueUnmapMemObject(...)      CL_CODE(clEnqueueUnmapMemObject, __VA_ARGS__)
#define clEnqueueMarkerWithWaitList(...)  CL_CODE(clEnqueueMarkerWithWaitList, __VA_ARGS__)
#define clEnqueueBarrierWithWaitList(...) CL_CODE(clEnqueueBarrierWithWaitList, __VA_ARGS__)
#define clWaitForEvents(...)              CL_CODE(clWaitForEvents, __VA_ARGS__)
#define clFlush(...)                      CL_CODE(clFlush, __VA_ARGS__)
#define clCreateContext(...)              CL_OBJECT(clCreateContext, __VA_ARGS__)
#define clCreateCommandQueue(...)         CL_OBJECT(clCreateCommandQueue, __VA_ARGS__)
#define clCreateBuffer(...)               CL_OBJECT(clCreateBuffer, __VA_ARGS__)
#define clCreateSubBuffer(...)            CL_OBJECT(clCreateSubBuffer, __VA_ARGS__)
#define clCreateProgramWithSource(...)    CL_OBJECT(clCreateProgramWithSource, __VA_ARGS__)
#define clCreateProgramWithBinary(...)    CL_OBJECT(clCreateProgramWithBinary, __VA_ARGS__)
#define clCreateKernel(...)               CL_OBJECT(clCreateKernel, __VA_ARGS__)
#define clEnqueueMapBuffer(...)           CL_OBJECT(clEnqueueMapBuffer, __VA_ARGS__)
#define clReleaseContext(...)             CL_DONE(clReleaseContext, __VA_ARGS__)
#define clReleaseCommandQueue(...)        CL_DONE(clReleaseCommandQueue, __VA_ARGS__)
#define clReleaseMemObject(...)           CL_DONE(clReleaseMemObject, __VA_ARGS__)
#define clReleaseProgram(...)             CL_DONE(clReleaseProgram, __VA_ARGS__)
#define clReleaseKernel(...)              CL_DONE(clReleaseKernel, __VA_ARGS__)
#define clReleaseEvent(...)               CL_DONE(clReleaseEvent, __VA_ARGS__)
#define clReleaseDevice(...)              CL_DONE(clReleaseDevice, __VA_ARGS__)

#endif
