#!/usr/bin/env bash
# optional.sh CMAKE SOURCE_DIR: the libraries that are optional at build time. CC as in the build.
set -euo pipefail
cmake=$1
cd "$2"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
names=(VGGCL_VIPS VGGCL_PNG VGGCL_ZLIB VGGCL_CURL VGGCL_ARCHIVE VGGCL_PROTOBUF VGGCL_CSV VGGCL_MPI)

# What depends on them compiles without them, without a warning.
pattern=$(IFS='|'; echo "${names[*]}")
mapfile -t files < <(grep -rlE "^#if.*\b($pattern)\b" src tests --include='*.c')
[ ${#files[@]} -ge ${#names[@]} ] || { echo "no files that depend on optional libraries"; exit 1; }
flags=(-std=c11 -Wall -Wextra -Wpedantic -Wno-deprecated-declarations -Werror -fsyntax-only -Iinclude -Isrc -Itests
    -DCL_TARGET_OPENCL_VERSION=120 '-DVGGCL_PROGRAM=""' '-DVGGCL_SOURCE_DIR=""')
for file in "${files[@]}"; do
    "$CC" "${flags[@]}" "$file" || { echo "$file: does not compile without optional libraries"; exit 1; }
done

# configure FLAG...: configures a build, with its output in $work/log.
configure() { "$cmake" -S . -B "$work/build" -DVGGCL_TESTS=OFF -DCMAKE_C_COMPILER="$CC" "$@" >"$work/log" 2>&1; }

# A build without them links none of them.
off=("${names[@]/#/-D}")
configure "${off[@]/%/=OFF}" || { cat "$work/log"; exit 1; }
! grep -E 'vips|png|lz|curl|archive|protobuf|csv|mpi' <(grep '^Libs' "$work/build/vggcl.pc") || { echo "vggcl.pc has them"; exit 1; }

# One that is wanted and missing is an error that names the package; others are left out.
rm -r "$work/build"
mkdir "$work/pc"
for module in OpenCL clblast jansson libmd; do
    printf 'Name: %s\nVersion: 9\nDescription: stand-in\n' $module >"$work/pc/$module.pc"
done
export PKG_CONFIG_LIBDIR=$work/pc
unset PKG_CONFIG_PATH
! configure -DVGGCL_CURL=ON || { echo "VGGCL_CURL=ON: is not an error without libcurl"; exit 1; }
grep -q 'apt-get install libcurl4-openssl-dev$' "$work/log" || { cat "$work/log"; exit 1; }
configure -DVGGCL_CURL=AUTO || { cat "$work/log"; exit 1; }
grep -q 'libcurl4-openssl-dev is missing: built without downloads' "$work/log" || { cat "$work/log"; exit 1; }
