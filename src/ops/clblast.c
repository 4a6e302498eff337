#include "ops/clblast.h"
#include "ops/tuning.h"

#include <clblast_c.h>

/* Candidates for the parameters of its kernel Xgemm, in the order of its names for them. "avx512" was found with its
 * own tuner (clblast_tuner_xgemm) through PoCL on an AVX-512 CPU; CLBlast knows no CPU of PoCL and falls to parameters
 * that are five times slower there. The others are a GPU's usual ones: work-groups of 128 x 128 or 64 x 64 words with
 * local memory, of 32 x 32 without. All products go through Xgemm then, however small. */
static const struct {
    const char *name;
    size_t values[16];
} sets[] = {
    {"own", {0}},
    {"avx512", {0, 1, 16, 2, 8, 8, 128, 16, 8, 128, 0, 0, 1, 1, 8, 8}},
    {"large", {0, 1, 16, 2, 16, 16, 128, 16, 16, 128, 1, 1, 0, 0, 4, 4}},
    {"medium", {0, 1, 16, 2, 8, 8, 64, 8, 8, 64, 1, 1, 0, 0, 4, 4}},
    {"small", {0, 1, 16, 2, 8, 8, 32, 8, 8, 32, 0, 0, 0, 0, 4, 4}},
};
enum { SETS = sizeof sets / sizeof *sets, OWN = 0, AVX512 = 1 };

const char *clblast_set_name(int set) {
    return set >= 0 && set < SETS ? sets[set].name : NULL;
}

int clblast_built_in_set(const struct dev *d) {
    return d->simt ? OWN : AVX512;
}

#define TEXT_(x) #x
#define TEXT(x)  TEXT_(x)
const char *clblast_version(void) {
#ifdef CLBLAST_VERSION_MAJOR
    return TEXT(CLBLAST_VERSION_MAJOR) "." TEXT(CLBLAST_VERSION_MINOR) "." TEXT(CLBLAST_VERSION_PATCH);
#else
    return "unknown";
#endif
}

static enum vggcl_err override(const struct dev *d, int set) {
    static const char *const names[] = {"GEMMK", "KREG", "KWG", "KWI", "MDIMA", "MDIMC", "MWG", "NDIMB",
                                        "NDIMC", "NWG",  "SA",  "SB",  "STRM",  "STRN",  "VWM", "VWN"};
    static const char *const routine_names[] = {"XGEMM_MIN_INDIRECT_SIZE"};
    static const size_t routine_values[] = {1};
    CLBlastStatusCode status =
        CLBlastOverrideParameters(d->id, "Xgemm", CLBlastPrecisionSingle, 16, (const char **)names, sets[set].values);
    if (status == CLBlastSuccess)
        status = CLBlastOverrideParameters(d->id, "GemmRoutine", CLBlastPrecisionSingle, 1,
                                           (const char **)routine_names, routine_values);
    return status == CLBlastSuccess ? VGGCL_OK
                                    : err_set(VGGCL_EOPENCL, "CLBlast took no parameters: status %d", status);
}

/* Overrides hold for the process, not for a context, and each one costs a compilation. */
static enum vggcl_err set_parameters(const struct dev *d) {
    static _Thread_local struct {
        cl_device_id device;
        int set;
    } known[VGGCL_DEVICES]; /* the latest */
    static _Thread_local int next;
    int set = d->tuning ? d->tuning->clblast_set : clblast_built_in_set(d), i = 0;
    if (set == OWN)
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
    TRY(dev_gemm_scratch(d, bytes / 4));
    if (d->rehearses)
        return VGGCL_OK;
    return check(d,
                 CLBlastSgemmWithTempBuffer(CLBlastLayoutRowMajor, transpose(a), transpose(b), m, n, k, 1.0f,
                                            a.data.mem, a.offset, a.stride, b.data.mem, b.offset, b.stride, (float)add,
                                            c.data.mem, c.offset, c.stride, &d->queue, NULL, d->gemm_scratch.mem));
}

enum vggcl_err clblast_gemm(struct dev *d, size_t m, size_t n, size_t k, struct matrix a, struct matrix b,
                            enum gemm_add add, struct matrix c, size_t batch) {
    TRY(set_parameters(d));
    if (batch == 1)
        return multiply_one(d, m, n, k, a, b, add, c);
    if (d->rehearses) /* batched products keep scratch memory of CLBlast's own, which it does not tell of */
        return VGGCL_OK;
    return check(d, CLBlastSgemmStridedBatched(CLBlastLayoutRowMajor, transpose(a), transpose(b), m, n, k, 1.0f,
                                               a.data.mem, a.offset, a.stride, a.step, b.data.mem, b.offset, b.stride,
                                               b.step, (float)add, c.data.mem, c.offset, c.stride, c.step, batch,
                                               &d->queue, NULL));
}
