#include "ops/clblast.h"

#include <clblast_c.h>

/* CLBlast knows no CPU of PoCL and falls to parameters that are five times slower than these, found with its own tuner
 * (clblast_tuner_xgemm) through PoCL on an AVX-512 CPU. Set before the first product: each change compiles anew. */
static enum vggcl_err tune_for_cpu(struct dev *d) {
    static const char *const names[] = {"GEMMK", "KREG", "KWG", "KWI", "MDIMA", "MDIMC", "MWG", "NDIMB",
                                        "NDIMC", "NWG",  "SA",  "SB",  "STRM",  "STRN",  "VWM", "VWN"};
    static const size_t values[] = {0, 1, 16, 2, 8, 8, 128, 16, 8, 128, 0, 0, 1, 1, 8, 8};
    static const char *const routine_names[] = {"XGEMM_MIN_INDIRECT_SIZE"};
    static const size_t routine_values[] = {1};
    CLBlastStatusCode status =
        CLBlastOverrideParameters(d->id, "Xgemm", CLBlastPrecisionSingle, 16, (const char **)names, values);
    if (status == CLBlastSuccess)
        status = CLBlastOverrideParameters(d->id, "GemmRoutine", CLBlastPrecisionSingle, 1,
                                           (const char **)routine_names, routine_values);
    return status == CLBlastSuccess ? VGGCL_OK
                                    : err_set(VGGCL_EOPENCL, "CLBlast took no parameters: status %d", status);
}

static CLBlastTranspose transpose(struct matrix m) {
    return m.transposed ? CLBlastTransposeYes : CLBlastTransposeNo;
}

static enum vggcl_err check(const struct dev *d, CLBlastStatusCode status) {
    if (status == CLBlastSuccess)
        return VGGCL_OK;
    return err_set(VGGCL_EOPENCL, "a matrix product by CLBlast on %s failed with status %d (%s); try --gemm tiled",
                   d->info.name, status, status > -64 ? cl_error_name(status) : "see clblast_c.h");
}

/* One product, with the scratch memory that CLBlast would otherwise allocate and free at every call. */
static enum vggcl_err multiply_one(struct dev *d, size_t m, size_t n, size_t k, struct matrix a, struct matrix b,
                                   enum gemm_add add, struct matrix c) {
    size_t bytes = 0;
    TRY(check(d, CLBlastSGemmTempBufferSize(CLBlastLayoutRowMajor, transpose(a), transpose(b), m, n, k, a.offset,
                                            a.stride, b.offset, b.stride, c.offset, c.stride, &d->queue, &bytes)));
    if (d->rehearses) {
        if (d->gemm_words < bytes / 4)
            d->gemm_words = bytes / 4;
        return VGGCL_OK;
    }
    TRY(dev_grow(d, &d->gemm_scratch, bytes / 4));
    return check(d,
                 CLBlastSgemmWithTempBuffer(CLBlastLayoutRowMajor, transpose(a), transpose(b), m, n, k, 1.0f,
                                            a.data.mem, a.offset, a.stride, b.data.mem, b.offset, b.stride, (float)add,
                                            c.data.mem, c.offset, c.stride, &d->queue, NULL, d->gemm_scratch.mem));
}

enum vggcl_err clblast_gemm(struct dev *d, size_t m, size_t n, size_t k, struct matrix a, struct matrix b,
                            enum gemm_add add, struct matrix c, size_t batch) {
    static _Thread_local cl_device_id tuned; /* overrides hold for the process, not for a context */
    if (d->info.type == VGGCL_CPU && tuned != d->id) {
        TRY(tune_for_cpu(d));
        tuned = d->id;
    }
    if (batch == 1)
        return multiply_one(d, m, n, k, a, b, add, c);
    if (d->rehearses) /* batched products keep scratch memory of CLBlast's own, which it does not tell of */
        return VGGCL_OK;
    return check(d, CLBlastSgemmStridedBatched(CLBlastLayoutRowMajor, transpose(a), transpose(b), m, n, k, 1.0f,
                                               a.data.mem, a.offset, a.stride, a.step, b.data.mem, b.offset, b.stride,
                                               b.step, (float)add, c.data.mem, c.offset, c.stride, c.step, batch,
                                               &d->queue, NULL));
}
