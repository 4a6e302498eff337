#!/usr/bin/env bash
# checkers.sh [asan|valgrind|oclgrind|coverage]...: what finds the faults that tests alone do not; all four by default.
#   asan      all tests under AddressSanitizer and UndefinedBehaviorSanitizer
#   valgrind  the tests that need no device under valgrind
#   oclgrind  the kernels under Oclgrind: data races, uninitialised values, misuse of the API; on small shapes
#   coverage  lines of src that the tests run: at least 85 %
# The last line is "N passed, N failed"; the exit status says the same. ci/packages.sh test installs what they need.
set -uo pipefail
exec </dev/null
[ -z "${VGGCL_CIFAR10:-}" ] || VGGCL_CIFAR10=$(realpath -m "$VGGCL_CIFAR10")
cd "$(dirname "$0")/.." || exit
root=$PWD/build-ci
jobs=$(nproc)
passed=0 failed=0

# check NAME COMMAND...: runs quietly; counts, and shows what it said where it fails.
check() {
    local name=$1 log=$root/checkers/${1//[^a-z0-9.]/-}.log started=$SECONDS
    shift
    if "$@" >"$log" 2>&1; then
        passed=$((passed + 1))
        echo "ok      $name ($((SECONDS - started)) s)"
    else
        failed=$((failed + 1))
        tail -40 "$log" | cut -c1-200
        echo "FAILED  $name ($((SECONDS - started)) s), see $log"
    fi
}
# build FOLDER CMAKE_FLAG...
build() {
    local folder=$1
    shift
    cmake -S . -B "$folder" -DVGGCL_TESTS=ON -DVGGCL_WERROR=ON "$@" && cmake --build "$folder" --parallel "$jobs"
}
tests() { ctest --test-dir "$1" --output-on-failure --no-tests=error "${@:2}"; }

asan() {
    check "asan: build" build "$root/asan" -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_COMPILER=gcc \
        -DCMAKE_C_FLAGS="-O1 -fsanitize=address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=undefined"
    LSAN_OPTIONS=suppressions=$PWD/ci/lsan.supp:print_suppressions=0 check "asan: tests" tests "$root/asan"
}

valgrind() {
    local test
    check "valgrind: build" build "$root/debug" -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_COMPILER=gcc
    for test in tests/test_*.c; do
        test=$(basename "$test" .c)
        case $test in
        test_op_* | test_grad_* | test_golden* | test_cli*) ;;
        *) check "valgrind: $test" command valgrind -q --error-exitcode=1 --leak-check=full "$root/debug/tests/$test" ;;
        esac
    done
}

# Optimisation is off because Oclgrind does not know all that LLVM makes of it.
under_oclgrind() {
    local log=$root/checkers/reports status
    : >"$log"
    VGGCL_CACHE_DIR="" timeout 300 oclgrind --build-options -cl-opt-disable --data-races --uninitialized --check-api \
        --max-errors 100 --log "$log" bash -c 'LD_PRELOAD=$0:$LD_PRELOAD exec "$@"' "$root/oclgrind.so" "$@"
    status=$?
    cat "$log"
    [ "$status" = 0 ] && [ ! -s "$log" ]
}
# CLBlast's kernels are not ours, and slow there: the own engine multiplies.
oclgrind() {
    local program=$root/debug/vggcl small="--model vgg11 --width 0.03125 --gemm tiled" conv test
    check "oclgrind: build" build "$root/debug" -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_COMPILER=gcc
    check "oclgrind: preloaded" gcc -shared -fPIC -O1 -o "$root/oclgrind.so" ci/oclgrind.c
    for conv in auto im2col winograd2 winograd4; do
        check "oclgrind: selfcheck --conv $conv" under_oclgrind "$program" selfcheck --quick $small --batch 2 --conv $conv
    done
    check "oclgrind: selfcheck --no-bn" under_oclgrind "$program" selfcheck --quick $small --no-bn --dropout element
    check "oclgrind: train" under_oclgrind "$program" train --data synthetic:10,10 $small --batch 4 --steps 2 \
        --conv winograd4 --no-selfcheck --save "$root/checkers/save"
    for test in tests/test_op_*.c tests/test_grad_*.c; do
        test=$(basename "$test" .c)
        check "oclgrind: $test" under_oclgrind "$root/debug/tests/$test"
    done
}

coverage() {
    check "coverage: build" build "$root/coverage" -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_COMPILER=gcc \
        -DCMAKE_C_FLAGS="-O1 --coverage -fprofile-abs-path"
    find "$root/coverage" -name '*.gcda' -delete
    check "coverage: tests" tests "$root/coverage" -E 'architecture|install' # gcov exports symbols of its own
    check "coverage: 85 % of lines" gcovr --root . --filter src/ --object-directory "$root/coverage" --fail-under-line 85 \
        "$root/coverage"
    grep -E '^TOTAL' "$root"/checkers/coverage--85---of-lines.log
}

mkdir -p "$root/checkers" "$root/vendors"
cp "$(grep -il pocl /etc/OpenCL/vendors/*.icd | head -1)" "$root/vendors/pocl.icd"
export OCL_ICD_VENDORS=$root/vendors POCL_CACHE_DIR=${POCL_CACHE_DIR:-$root/pocl-cache}
export VGGCL_CACHE_DIR=${VGGCL_CACHE_DIR:-$root/cache}
unset VGGCL_DEVICE
[ $# -gt 0 ] || set -- asan valgrind oclgrind coverage
for checker; do
    case $checker in
    asan | valgrind | oclgrind | coverage) "$checker" ;;
    *)
        sed -n '2,7s/^# //p' "$0" >&2
        exit 2
        ;;
    esac
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
