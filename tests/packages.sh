#!/usr/bin/env bash
# packages.sh STUB_ICD: which OpenCL drivers count for ci/packages.sh: those that give a device. apt-get is a stand-in that
# only notes what it is asked for.
set -euo pipefail
stub=$1
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin" "$work/stale" "$work/stub"
echo libpocl.so.0 >"$work/stale/pocl.icd" # as a removed package leaves it
echo "$stub" >"$work/stub/stub.icd"
printf '#!/bin/sh\necho "$*" >>"%s"\n' "$work/asked" >"$work/bin/apt-get"
printf '#!/bin/sh\nexec "$@"\n' >"$work/bin/sudo"
chmod +x "$work"/bin/*

# asks PATTERN ENVIRONMENT...: with these variables it has apt-get install this, and nothing where PATTERN is empty.
asks() {
    local pattern=$1; shift
    : >"$work/asked"
    env "$@" PATH="$work/bin:$PATH" ci/packages.sh build >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
    if [ -n "$pattern" ]; then grep -q "install.* $pattern" "$work/asked"; else [ ! -s "$work/asked" ]; fi ||
        { echo "$*: asked for: $(cat "$work/asked")"; exit 1; }
}
asks ""
asks "" -u POCL_CACHE_DIR HOME=/proc/none
asks "" OCL_ICD_VENDORS="$work/stub"
asks pocl-opencl-icd OCL_ICD_VENDORS="$work/stub" VGGCL_STUB=no-device
asks pocl-opencl-icd OCL_ICD_VENDORS="$work/stub" VGGCL_STUB=no-platform
asks pocl-opencl-icd OCL_ICD_VENDORS="$work/stale"
asks pocl-opencl-icd OCL_ICD_VENDORS="$work/none"
