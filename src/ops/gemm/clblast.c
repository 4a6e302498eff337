#include "ops/gemm/clblast.h"
#include "ops/context.h"
#include "ops/gemm/clblast_parameters.h"
#include "ops/gemm/tile.h"

#include <clblast_c.h>

#define TEXT_(x) #x
#define TEXT(x)  TEXT_(x)
const char *clblast_version(void) {
#ifdef CLBLAST_VERSION_MAJOR
    return TEXT(CLBLAST_VERSION_MAJOR) "." TEXT(CLBLAST_VERSION_MINOR) "." TEXT(CLBLAST_VERSION_PATCH);
#else
    return "unknown";
#endif
}

/* Sets the parameters of kernel Xgemm, and makes CLBlast use this kernel for products of all sizes. */
static enum vggcl_err override(const struct dev *d, int set) {
    static const char *const names[] = {"GEMMK", "KREG", "KWG", "KWI", "MDIMA", "MDIMC", "MWG", "NDIMB",
                                        "NDIMC", "NWG",  "SA",  "SB",  "STRM",  "STRN",  "VWM", "VWN"};
    static const char *const routine_names[] = {"XGEMM_MIN_INDIRECT_SIZE"};
    static const size_t routine_values[] = {1};
    CLBlastStatusCode status = CLBlastOverrideParameters(d->id, "Xgemm", CLBlastPrecisionSingle, CLBLAST_PARAMETERS,
                                                         (const char **)names, clblast_set(set)->values);
    if (status == CLBlastSuccess)
        status = CLBlastOverrideParameters(d->id, "GemmRoutine", CLBlastPrecisionSingle, 1,
                                           (const char **)routine_names, routine_values);
    return status == CLBlastSuccess ? VGGCL_OK
                                    : err_set(VGGCL_EOPENCL, "CLBlast rejects the parameter set '%s': status %d",
                                              clblast_set_name(set), status);
}

/* CLBlast's overrides apply to a device in the whole process, not to an OpenCL context, and each one makes it compile
 * its kernels again. So only changes are passed to it. */
static enum vggcl_err set_parameters(const struct dev *d, int set) {
    static _Thread_local struct {
        cl_device_id device;
        int set;
    } known[VGGCL_DEVICES]; /* the latest set of each device */
    static _Thread_local int next;
    int i = 0;
    if (set == CLBLAST_OWN_SET)
        return VGGCL_OK;
    while (i < VGGCL_DEVICES && known[i].device != d->id)
        i++;
    if (i < VGGCL_DEVICES && known[i].set == set)
        return VGGCL_OK;
    TRY(override(d, set));
    if (i == VGGCL_DEVICES)
        i = next++ % VGGCL_DEVICES;
    known[i].device = d->id;
    known[i].set = set;
    return VGGCL_OK;
}

static CLBlastTranspose transpose(struct matrix m) {
    return m.transposed ? CLBlastTransposeYes : CLBlastTransposeNo;
}

/* Compiles CLBlast's kernels where the process has none of them yet. */
static void begin(const struct dev *d) {
    activity_begin("a matrix product by CLBlast", d->info.name, true);
}

static enum vggcl_err check(const struct dev *d, CLBlastStatusCode status) {
    activity_end();
    if (status == CLBlastSuccess)
        return VGGCL_OK;
    return err_set(VGGCL_EOPENCL,
                   "a matrix product by CLBlast on %s failed with status %d (%s); try the option gemm=tiled",
                   d->info.name, status, status > -64 ? cl_error_name(status) : "see clblast_c.h");
}

static size_t longest_sum(const struct context *context, struct matrix a, struct matrix b) {
    (void)b;
    return gemm_tile_longest_sum(context->dev, context->tuning.tile[a.transposed]);
}

/* Asks for the size of the scratch memory, which CLBlast would otherwise allocate and free in every call. It copies
 * operands that do not begin where their tensor does, so the offsets are larger than planned, as those of a launch may
 * be. Not for batched products: CLBlast has no such query for them. */
static enum vggcl_err plan(const struct context *context, const struct gemm_plan *p, struct gemm_piece *piece) {
    struct dev *d = context->dev;
    size_t bytes = 0;
    piece->clblast_set = context->tuning.clblast_set;
    TRY(set_parameters(d, piece->clblast_set));
    if (p->shape.batch == 1) {
        begin(d);
        TRY(check(d, CLBlastSGemmTempBufferSize(CLBlastLayoutRowMajor, transpose(p->a), transpose(p->b), p->shape.m,
                                                p->shape.n, piece->k, p->a.offset + p->a.stride, p->a.stride,
                                                p->b.offset + p->b.stride, p->b.stride, p->c.offset + p->c.stride,
                                                p->c.stride, &d->queue, &bytes)));
    }
    piece->scratch_words = bytes / 4;
    return VGGCL_OK;
}

static enum vggcl_err run(struct dev *d, const struct gemm_plan *p, struct gemm_piece *piece, struct matrix a,
                          struct matrix b, enum gemm_add add, struct matrix c, struct tensor scratch) {
    size_t m = p->shape.m, n = p->shape.n, batch = p->shape.batch;
    TRY(set_parameters(d, piece->clblast_set));
    begin(d);
    if (batch == 1)
        return check(d, CLBlastSgemmWithTempBuffer(CLBlastLayoutRowMajor, transpose(a), transpose(b), m, n, piece->k,
                                                   1.0f, a.data.mem, a.offset, a.stride, b.data.mem, b.offset, b.stride,
                                                   (float)add, c.data.mem, c.offset, c.stride, &d->queue, NULL,
                                                   scratch.mem));
    return check(d, CLBlastSgemmStridedBatched(CLBlastLayoutRowMajor, transpose(a), transpose(b), m, n, piece->k, 1.0f,
                                               a.data.mem, a.offset, a.stride, a.step, b.data.mem, b.offset, b.stride,
                                               b.step, (float)add, c.data.mem, c.offset, c.stride, c.step, batch,
                                               &d->queue, NULL));
}

static const char *kernels(const struct context *context, bool transposed) {
    (void)context, (void)transposed;
    return "CLBlast";
}

const struct gemm_engine gemm_clblast = {
    .name = "clblast", .longest_sum = longest_sum, .plan = plan, .run = run, .kernels = kernels};
