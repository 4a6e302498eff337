#include "cl/upload.h"

#include <assert.h>
#include <string.h>

enum vggcl_err pinned_allocate(struct dev *d, size_t bytes, struct pinned *p) {
    cl_int code;
    *p = (struct pinned){0};
    p->mem = clCreateBuffer(d->context, CL_MEM_READ_ONLY | CL_MEM_ALLOC_HOST_PTR, bytes, NULL, &code);
    if (code == CL_SUCCESS)
        p->host = clEnqueueMapBuffer(d->queue, p->mem, CL_TRUE, CL_MAP_WRITE, 0, bytes, 0, NULL, NULL, &code);
    if (code != CL_SUCCESS) {
        pinned_free(d, p);
        return dev_fail(d, code, "staging memory on the host");
    }
    memset(p->host, 0, bytes);
    return VGGCL_OK;
}

void pinned_free(struct dev *d, struct pinned *p) {
    if (p->host && clEnqueueUnmapMemObject(d->queue, p->mem, p->host, 0, NULL, NULL) != CL_SUCCESS)
        p->host = NULL; /* stays mapped until the context is released; nothing reads it any more */
    if (p->mem)
        clReleaseMemObject(p->mem);
    *p = (struct pinned){0};
}

static enum vggcl_err open_queue(struct dev *d) {
    cl_int code = CL_SUCCESS;
    if (!d->uploads)
        d->uploads = clCreateCommandQueue(d->context, d->id, 0, &code);
    return code == CL_SUCCESS ? VGGCL_OK : dev_fail(d, code, "creating a queue for uploads");
}

enum vggcl_err upload_enqueue(struct dev *d, struct tensor t, size_t count, const void *host, struct fence *fence) {
    assert(count > 0 && count <= t.count && !(fence && fence->event));
    TRY(open_queue(d));
    cl_int code =
        clEnqueueWriteBuffer(d->uploads, t.mem, CL_FALSE, 0, 4 * count, host, 0, NULL, fence ? &fence->event : NULL);
    if (code == CL_SUCCESS && fence) /* another queue may only wait for commands that were flushed */
        code = clFlush(d->uploads);
    if (fence)
        fence->dev = d;
    return code == CL_SUCCESS ? VGGCL_OK : dev_fail(d, code, "uploading images");
}

enum vggcl_err upload_await(struct dev *d, const struct fence *fence) {
    if (!fence->event)
        return VGGCL_OK;
    cl_int code = clEnqueueBarrierWithWaitList(d->queue, 1, &fence->event, NULL);
    return code == CL_SUCCESS ? VGGCL_OK : dev_fail(d, code, "waiting for an upload");
}

enum vggcl_err upload_mark(struct dev *d, struct fence *fence) {
    if (fence->event)
        clReleaseEvent(fence->event);
    fence->event = NULL;
    cl_int code = clEnqueueMarkerWithWaitList(d->queue, 0, NULL, &fence->event);
    fence->dev = d;
    return code == CL_SUCCESS ? VGGCL_OK : dev_fail(d, code, "marking a command");
}
