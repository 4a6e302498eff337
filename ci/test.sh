#!/usr/bin/env bash
# All checks, as CI runs them: installs missing packages, checks the format of the sources with clang-format, builds with
# gcc with warnings as errors, runs all tests on PoCL (OpenCL on the CPU), then ci/checkers.sh: sanitizers and coverage;
# with a build by clang, valgrind, Oclgrind and Mesa's rusticl. The last line is "N passed, N failed"; the exit status is 0
# only if none failed.
# Tests that need CIFAR-10 take its folder from $VGGCL_CIFAR10, and are skipped if it is not set. Those with onnxruntime and
# TensorBoard are left out, with a line that says so, if these cannot be installed (ci/peers.sh).
set -euo pipefail
exec </dev/null
[ -z "${VGGCL_CIFAR10:-}" ] || VGGCL_CIFAR10=$(realpath -m "$VGGCL_CIFAR10")
cd "$(dirname "$0")/.."
build=$PWD/build-ci
jobs=$(nproc)
passed=0 failed=0

finish() {
    echo "$passed passed, $failed failed"
    [ "$passed" -gt 0 ] && [ "$failed" = 0 ]
}
# step NAME COMMAND...: runs the command, and counts one failure if it fails.
step() {
    local name=$1; shift
    echo "== $name"
    "$@" || { echo "FAILED: $name"; failed=$((failed + 1)); return 1; }
}
# compile COMPILER FOLDER: builds everything, including the tests.
compile() {
    cmake -S . -B "$2" -DCMAKE_C_COMPILER="$1" -DCMAKE_BUILD_TYPE=Release -DVGGCL_TESTS=ON -DVGGCL_WERROR=ON >/dev/null &&
        cmake --build "$2" --parallel "$jobs"
}

# Adds the checkers' counts to the totals.
run_checkers() {
    local report=$build/checkers.txt
    ci/checkers.sh | tee "$report"
    passed=$((passed + $(grep -c '^ok ' "$report" || true)))
    failed=$((failed + $(grep -c '^FAILED ' "$report" || true)))
    grep -qE '^[0-9]+ passed, [0-9]+ failed$' "$report"
}

step packages ci/packages.sh test || { finish; exit 1; }
step format ci/format.sh && passed=$((passed + 1))
step "build with gcc" compile gcc "$build" || { finish; exit 1; }

echo "== tests"
# A vendors folder that contains only PoCL's driver; every ICD loader supports OCL_ICD_VENDORS with a folder.
mkdir -p "$build/vendors" "$build/pocl-cache"
cp "$(grep -il pocl /etc/OpenCL/vendors/*.icd | head -1)" "$build/vendors/pocl.icd"
export OCL_ICD_VENDORS=$build/vendors POCL_CACHE_DIR=$build/pocl-cache VGGCL_CACHE_DIR=$build/cache
unset VGGCL_DEVICE
# Tests flush many small files to disk, which is faster in memory.
if [ -z "${TMPDIR:-}" ] && [ -w /dev/shm ] && [ "$(df -k --output=avail /dev/shm | tail -1)" -gt 2000000 ] &&
    ! findmnt -no OPTIONS -T /dev/shm | grep -qw noexec; then
    export TMPDIR=/dev/shm
fi
without=()
if ! VGGCL_PEERS=$(ci/peers.sh); then
    echo "Left out: the tests with onnxruntime and TensorBoard, which cannot be installed here"
    without=(-LE peers)
fi
export VGGCL_PEERS
rm -f "$build/tests.xml"
# One more than there are cores: some wait, for drivers that hang, signals and disks.
ctest --test-dir "$build" --parallel $((jobs + 1)) "${without[@]}" --output-on-failure --output-junit "$build/tests.xml" || true
# count ATTRIBUTE: prints the attribute's value in the report's first element, <testsuite>.
count() { grep -oE "\b$1=\"[0-9]+\"" "$build/tests.xml" | head -1 | grep -oE '[0-9]+'; }
if [ -f "$build/tests.xml" ]; then
    failures=$(($(count failures) + $(count disabled) + $(count skipped)))
    passed=$(($(count tests) - failures))
    failed=$((failed + failures))
fi

compare() { tests/bench/compare_pytorch.sh --short --vggcl "$build/vggcl" >"$build/compare.txt"; }
step "the comparison with PyTorch runs" compare && passed=$((passed + 1))
step checkers run_checkers || true
finish
