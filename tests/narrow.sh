#!/usr/bin/env bash
# narrow.sh SOURCE: compiles src for a processor of 32 bits, where size_t is narrower than a device's or a file's sizes,
# and fails if 64 bits become 32 without a cast. It only compiles: with clang, which needs no headers of another
# architecture for that, as those of x86-64 serve both.
set -euo pipefail
source=$1
[ "$(uname -m)" = x86_64 ] || { echo "left out: only the headers of x86-64 serve 32 bits too"; exit 0; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/gnu"
: >"$folder/gnu/stubs-32.h" # the one header of glibc that is only in its 32-bit package

packages=(OpenCL clblast jansson libmd)
flags=(-DCL_TARGET_OPENCL_VERSION=120)
for optional in vips libpng zlib libcurl libarchive; do
    pkg-config --exists "$optional" || continue
    name=${optional#lib}
    packages+=("$optional")
    flags+=("-DVGGCL_${name^^}")
done
mapfile -t -O ${#flags[@]} flags < <(pkg-config --cflags-only-I "${packages[@]}" | tr ' ' '\n' | sed -n 's/^-I/-isystem/p')
mapfile -t files < <(find "$source/src" -name '*.c' | sort)
clang --target=i386-linux-gnu -std=c11 -fsyntax-only -Wall -Wextra -Wshorten-64-to-32 -Werror -isystem "$folder" \
    -isystem "/usr/include/$(gcc -print-multiarch)" "${flags[@]}" -I"$source/include" -I"$source/src" "${files[@]}"
echo "${#files[@]} files narrow nothing"
