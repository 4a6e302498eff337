#!/usr/bin/env bash
# checkers.sh [asan|valgrind|oclgrind|rusticl]...: what finds the faults that tests alone do not; all four by default.
#   asan      all tests under AddressSanitizer and UndefinedBehaviorSanitizer; they run at least 85 % of the lines of src
#   valgrind  the tests that need no device under valgrind
#   oclgrind  the kernels under Oclgrind: data races, uninitialised values, misuse of the API; on small shapes
#   rusticl   the tests of operators and gradients, and a training, on Mesa's rusticl with llvmpipe
# The last line is "N passed, N failed"; the exit status says the same. ci/packages.sh test installs what they need.
set -uo pipefail
shopt -s extglob
exec </dev/null
[ -z "${VGGCL_CIFAR10:-}" ] || VGGCL_CIFAR10=$(realpath -m "$VGGCL_CIFAR10")
cd "$(dirname "$0")/.." || exit
root=$PWD/build-ci
jobs=$(nproc)

# check NAME COMMAND...: runs quietly, and shows what it said where it fails.
check() {
    local name=$1 log=$root/checkers/${1//[^a-z0-9._]/-}.log started=$SECONDS
    shift
    if "$@" >"$log" 2>&1; then
        echo "ok      $name ($((SECONDS - started)) s)"
    else
        tail -40 "$log" | cut -c1-200
        echo "FAILED  $name ($((SECONDS - started)) s), see $log"
    fi | tee -a "$results"
}
# later NAME COMMAND...: check, beside what else runs, as soon as a core is free. `wait` ends it.
later() {
    while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do wait -n; done
    check "$@" &
}
# build FOLDER CMAKE_FLAG...
build() {
    local folder=$1
    shift
    cmake -S . -B "$folder" -DVGGCL_TESTS=ON -DVGGCL_WERROR=ON -DCMAKE_BUILD_TYPE=Debug "$@" &&
        cmake --build "$folder" --parallel "$jobs"
}
tests() { ctest --test-dir "$1" --output-on-failure --no-tests=error --parallel "$jobs" "${@:2}"; }

# One run for both, in a build of its own; test_architecture and test_install look at libraries without instruments.
asan() {
    check "asan: build" build "$root/asan" -DCMAKE_C_COMPILER=gcc \
        -DCMAKE_C_FLAGS="-O1 -fsanitize=address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=undefined \
--coverage -fprofile-abs-path"
    find "$root/asan" -name '*.gcda' -delete
    # LeakSanitizer itself fails now and then ("Tracer caught signal 11") where a driver's threads are about to end.
    # Mesa's compiler takes minutes, in which no code of ours runs: the tests that want it are left out here.
    LSAN_OPTIONS=suppressions=$PWD/ci/lsan.supp:print_suppressions=0 VGGCL_SKIP_TESTS='*rusticl*' \
        check "asan: tests" tests "$root/asan" --repeat until-pass:2 -E 'architecture|install'
    check "asan: 85 % of lines" gcovr --root . --filter src/ --object-directory "$root/asan" --fail-under-line 85 "$root/asan"
    grep -hE '^TOTAL' "$root"/checkers/asan--85---of-lines.log
}

# Debian 12's valgrind does not read the DWARF 5 that clang writes.
debug_build() { build "$root/debug" -DCMAKE_C_COMPILER=clang -DCMAKE_C_FLAGS="-O1 -gdwarf-4"; }

valgrind() {
    local test
    check "valgrind: build" debug_build
    for test in tests/test_*.c; do
        test=$(basename "$test" .c)
        case $test in
        test_op_* | test_grad_* | test_golden* | test_cli*) ;;
        *) later "valgrind: $test" command valgrind -q --error-exitcode=1 --leak-check=full "$root/debug/tests/$test" ;;
        esac
    done
    wait
}

# Optimisation is off because Oclgrind does not know all that LLVM makes of it.
under_oclgrind() {
    local log status
    log=$(mktemp "$root/checkers/reports-XXXXXX")
    VGGCL_CACHE_DIR="" timeout 600 oclgrind --build-options -cl-opt-disable --data-races --uninitialized --check-api \
        --max-errors 100 --log "$log" bash -c 'LD_PRELOAD=$0:$LD_PRELOAD exec "$@"' "$root/oclgrind.so" "$@"
    status=$?
    cat "$log"
    [ "$status" = 0 ] && [ ! -s "$log" ]
    status=$?
    rm "$log"
    return $status
}
# CLBlast's kernels are not ours, and slow there: the own engine multiplies. test_op_check has every algorithm.
oclgrind() {
    local program=$root/debug/vggcl small="--model vgg11 --width 0.03125 --gemm tiled" test
    check "oclgrind: build" debug_build
    check "oclgrind: preloaded" gcc -shared -fPIC -O1 -o "$root/oclgrind.so" ci/oclgrind.c
    later "oclgrind: train" under_oclgrind "$program" train --data synthetic:20,10 $small --batch 2 --steps 5 \
        --conv winograd4 --no-selfcheck --save "$root/checkers/oclgrind"
    for test in tests/test_op_check.c tests/test_grad_*.c tests/test_op_!(check).c; do
        test=$(basename "$test" .c)
        later "oclgrind: $test" under_oclgrind "$root/debug/tests/$test"
    done
    later "oclgrind: selfcheck" under_oclgrind "$program" selfcheck --quick $small --batch 2
    later "oclgrind: selfcheck --no-bn" under_oclgrind "$program" selfcheck --quick $small --no-bn --dropout element
    wait
}

# Mesa takes no device for its own unless it is told to.
rusticl() {
    local -x OCL_ICD_VENDORS=$root/rusticl RUSTICL_ENABLE=llvmpipe
    check "rusticl: build" debug_build
    mkdir -p "$OCL_ICD_VENDORS"
    check "rusticl: driver" cp /etc/OpenCL/vendors/rusticl.icd "$OCL_ICD_VENDORS"
    check "rusticl: tests" tests "$root/debug" -L 'op|grad'
    check "rusticl: train" "$root/debug/vggcl" train --device llvmpipe --data synthetic:160,32 --width 0.0625 --batch 32 \
        --steps 5 --save "$root/checkers/rusticl"
}

mkdir -p "$root/checkers" "$root/vendors"
results=$root/checkers/results
: >"$results"
cp "$(grep -il pocl /etc/OpenCL/vendors/*.icd | head -1)" "$root/vendors/pocl.icd"
export OCL_ICD_VENDORS=$root/vendors POCL_CACHE_DIR=${POCL_CACHE_DIR:-$root/pocl-cache}
export VGGCL_CACHE_DIR=${VGGCL_CACHE_DIR:-$root/cache}
unset VGGCL_DEVICE
[ $# -gt 0 ] || set -- asan valgrind oclgrind rusticl
for checker; do
    case $checker in
    asan | valgrind | oclgrind | rusticl) "$checker" ;;
    *)
        sed -n '2,8s/^# //p' "$0" >&2
        exit 2
        ;;
    esac
done
failed=$(grep -c '^FAILED ' "$results")
echo "$(grep -c '^ok ' "$results") passed, $failed failed"
[ "$failed" = 0 ]
