/* feature.h - the libraries that are optional at build time; CMakeLists.txt defines VGGCL_VIPS, ... for those that
 * there are. Each has one caller, which is compiled without it to a function that returns feature_lacks(). */
#ifndef VGGCL_BASE_FEATURE_H
#define VGGCL_BASE_FEATURE_H

#include "base/err.h"

enum feature {
    FEATURE_VIPS,
    FEATURE_PNG,
    FEATURE_ZLIB,
    FEATURE_CURL,
    FEATURE_ARCHIVE,
    FEATURE_PROTOBUF,
    FEATURE_CSV,
    FEATURE_MPI,
    FEATURES
};

/* VGGCL_EUSAGE: this build lacks the library, which `name`, a file or URL, needs. otherwise: how to do without it, as
 * the end of the sentence, ", or ..."; or "". */
enum vggcl_err feature_lacks(enum feature feature, const char *name, const char *otherwise);

#endif
