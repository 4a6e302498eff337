#!/bin/sh
# bisect.sh - finds the commit that broke an OpenCL driver, as the command of `git bisect run` in a checkout of its source:
#
#   git bisect start BAD GOOD
#   GATE_BUILD='ninja -C build' GATE_DRIVER=build/lib/CL/libpocl.so git bisect run .../bisect.sh
#
# For each commit it builds the driver and runs `vggcl selfcheck --isolated` on it, with that driver alone and with empty
# caches. Environment:
#
#   GATE_BUILD    shell command that builds the checkout; it runs in the checkout's top folder
#   GATE_DRIVER   what that makes: the driver's library (.so), its .icd file, or a folder of .icd files
#   GATE_CHECK    flags of selfcheck (default --quick), e.g. "--only 'conv forward*' --stall 30"
#   GATE_VGGCL    the program (default vggcl), a shell command
#
# Other variables that the driver needs are passed on, e.g. POCL_BUILDING=1, RUSTICL_ENABLE=llvmpipe, LD_LIBRARY_PATH.
#
# Exit status: 0 the driver is right; 1 it gives wrong results; 4 it crashes or hangs; 125, the commit is skipped: it does
# not build, or has no device (if that is the fault that is looked for, set GATE_MISSING=1); 255, the bisection ends: a
# variable is wrong, or the check itself could not be done.
set -u

stop() {
    echo "bisect.sh: $1" >&2
    exit 255
}
[ -n "${GATE_BUILD:-}" ] || stop "GATE_BUILD is not set: the shell command that builds the driver"
[ -n "${GATE_DRIVER:-}" ] || stop "GATE_DRIVER is not set: the library, .icd file or folder of .icd files that it makes"

sh -c "$GATE_BUILD" </dev/null || { echo "bisect.sh: does not build: skipped" >&2; exit 125; }
[ -e "$GATE_DRIVER" ] || { echo "bisect.sh: the build made no $GATE_DRIVER: skipped" >&2; exit 125; }
driver=$(realpath "$GATE_DRIVER") || stop "$GATE_DRIVER: has no absolute path"

work=$(mktemp -d) || stop "no temporary folder"
trap 'rm -rf "$work"' EXIT
trap 'exit 255' HUP INT TERM
mkdir "$work/vendors" "$work/cache" || stop "$work: no folder can be made there"
case $driver in
*.icd) cp "$driver" "$work/vendors/" ;;
*.so | *.so.*) echo "$driver" >"$work/vendors/driver.icd" ;;
*) [ -d "$driver" ] && cp "$driver"/*.icd "$work/vendors/" ;;
esac || stop "$GATE_DRIVER: is not a library (.so), an .icd file or a folder of .icd files"

export OCL_ICD_VENDORS="$work/vendors"
for cache in VGGCL_CACHE_DIR POCL_CACHE_DIR MESA_SHADER_CACHE_DIR CUDA_CACHE_PATH NEO_CACHE_DIR AMD_COMGR_CACHE_DIR; do
    export "$cache=$work/cache"
done
eval "${GATE_VGGCL:-vggcl} selfcheck --isolated --missing-status ${GATE_MISSING:-125} ${GATE_CHECK:---quick}"
status=$?
case $status in
0 | 1 | 4 | 125) exit $status ;;
*) stop "vggcl selfcheck ended with exit status $status" ;;
esac
