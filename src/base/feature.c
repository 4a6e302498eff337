#include "base/feature.h"

/* Whether a macro is defined as 1, the value that compilers give to -DMACRO. */
#define TEXT(value)       #value
#define IS_DEFINED(macro) (sizeof TEXT(macro) == sizeof "1")

static const struct vggcl_feature features[FEATURES] = {
    [FEATURE_VIPS] = {"libvips", "decodes pictures", "libvips-dev", IS_DEFINED(VGGCL_VIPS)},
    [FEATURE_PNG] = {"libpng", "writes pictures", "libpng-dev", IS_DEFINED(VGGCL_PNG)},
    [FEATURE_ZLIB] = {"zlib", "reads .gz files", "zlib1g-dev", IS_DEFINED(VGGCL_ZLIB)},
    [FEATURE_CURL] = {"libcurl", "downloads data sets", "libcurl4-openssl-dev", IS_DEFINED(VGGCL_CURL)},
    [FEATURE_ARCHIVE] = {"libarchive", "unpacks data sets", "libarchive-dev", IS_DEFINED(VGGCL_ARCHIVE)},
    [FEATURE_PROTOBUF] = {"libprotobuf-c", "writes ONNX and TensorBoard files", "libprotobuf-c-dev protobuf-c-compiler",
                          IS_DEFINED(VGGCL_PROTOBUF)},
    [FEATURE_CSV] = {"libcsv", "reads CSV files of other programs", "libcsv-dev", IS_DEFINED(VGGCL_CSV)},
    [FEATURE_MPI] = {"MPI", "trains on several machines", "libopenmpi-dev", IS_DEFINED(VGGCL_MPI)},
};

const struct vggcl_feature *vggcl_feature(size_t index) {
    return index < FEATURES ? &features[index] : NULL;
}

enum vggcl_err feature_lacks(enum feature feature, const char *name, const char *otherwise) {
    const struct vggcl_feature *f = &features[feature];
    return err_set(VGGCL_EUSAGE, "%s: this vggcl was built without %s, which %s: install %s and build it again%s", name,
                   f->library, f->purpose, f->package, otherwise);
}
