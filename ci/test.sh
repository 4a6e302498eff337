#!/usr/bin/env bash
# The whole check, as CI runs it: installs what is missing, builds with gcc without a warning, runs all tests on PoCL, the
# CPU's OpenCL, then ci/checkers.sh: sanitizers and coverage, and with clang's build valgrind, Oclgrind and Mesa's
# rusticl. The last line is "N passed, N failed"; the exit status says the same.
# Tests that want CIFAR-10 take its folder from $VGGCL_CIFAR10 and are left out without it.
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
# step NAME COMMAND...: counts as one failure where it fails.
step() {
    local name=$1; shift
    echo "== $name"
    "$@" || { echo "FAILED: $name"; failed=$((failed + 1)); return 1; }
}
# compile COMPILER FOLDER: builds everything, tests too.
compile() {
    cmake -S . -B "$2" -DCMAKE_C_COMPILER="$1" -DCMAKE_BUILD_TYPE=Release -DVGGCL_TESTS=ON -DVGGCL_WERROR=ON >/dev/null &&
        cmake --build "$2" --parallel "$jobs"
}

# The checkers' own count goes into ours.
run_checkers() {
    local report=$build/checkers.txt
    ci/checkers.sh | tee "$report"
    passed=$((passed + $(grep -c '^ok ' "$report" || true)))
    failed=$((failed + $(grep -c '^FAILED ' "$report" || true)))
    grep -qE '^[0-9]+ passed, [0-9]+ failed$' "$report"
}

step packages ci/packages.sh test || { finish; exit 1; }
step "build with gcc" compile gcc "$build" || { finish; exit 1; }

echo "== tests"
# A folder with PoCL's driver alone: every ICD loader understands that.
mkdir -p "$build/vendors" "$build/pocl-cache"
cp "$(grep -il pocl /etc/OpenCL/vendors/*.icd | head -1)" "$build/vendors/pocl.icd"
export OCL_ICD_VENDORS=$build/vendors POCL_CACHE_DIR=$build/pocl-cache VGGCL_CACHE_DIR=$build/cache
unset VGGCL_DEVICE
rm -f "$build/tests.xml"
ctest --test-dir "$build" --parallel "$jobs" --output-on-failure --output-junit "$build/tests.xml" || true
# count ATTRIBUTE: of the report's <testsuite>, which comes first.
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
