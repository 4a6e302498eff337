#!/usr/bin/env bash
# checkers.sh [asan|asan-slow|valgrind|valgrind-slow|oclgrind|oclgrind-slow|rusticl|rusticl-slow]...: runs the tests
# under tools that find more faults; default: all but the slow ones.
#   asan      the tests under AddressSanitizer and UndefinedBehaviorSanitizer; they run at least 85 % of the lines of src
#   asan-slow those that start the program a hundred times or compute for long: plans, several devices, stopping and
#             resuming, golden values, all checks of all operators; for after a change in src/plan, src/train or src/check
#   valgrind  the tests that need no device, under valgrind
#   valgrind-slow  those of them that spend minutes in libcurl and libvips, for after a change in src/fetch or
#             src/data
#   oclgrind  the kernels under Oclgrind: data races, uninitialised values, misuse of the API; on small shapes. Not part
#             of the default if it is not installed: Debian 13 has no package of it.
#   oclgrind-slow  the same for the tests that take minutes there, for after a change in cl/: training, gradients,
#             products, peaks, and every check of every algorithm
#   rusticl   the tests of operators, and a training, on Mesa's rusticl with llvmpipe
#   rusticl-slow  the tests of gradients and of the selfcheck there, which Mesa's compiler takes minutes for, for after
#             a change in cl/
# The last line is "N passed, N failed"; the exit status says the same. ci/packages.sh test installs the tools.
set -uo pipefail
shopt -s extglob
exec </dev/null
[ -z "${VGGCL_CIFAR10:-}" ] || VGGCL_CIFAR10=$(realpath -m "$VGGCL_CIFAR10")
cd "$(dirname "$0")/.." || exit
root=$PWD/build-ci
jobs=$(nproc)

# check NAME COMMAND...: runs the command with its output in a log file, and prints the end of the log if it fails.
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
# later NAME COMMAND...: runs check in the background as soon as a core is free. `wait` waits for all of them.
later() {
    while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do wait -n; done
    check "$@" &
}
# build FOLDER TARGET... -- CMAKE_FLAG...: without targets, all of them.
build() {
    local folder=$1 targets=()
    shift
    while [ "$1" != -- ]; do targets+=("$1"); shift; done
    shift
    cmake -S . -B "$folder" -DVGGCL_TESTS=ON -DVGGCL_WERROR=ON "$@" &&
        cmake --build "$folder" --parallel "$jobs" ${targets:+--target "${targets[@]}"}
}
# The build of ci/test.sh, which has been made where that calls this.
release_build() { build "$root" -- -DCMAKE_C_COMPILER=gcc -DCMAKE_BUILD_TYPE=Release; }
# One more than there are cores: some wait, for drivers that hang, signals and disks.
tests() { ctest --test-dir "$1" --output-on-failure --no-tests=error --parallel $((jobs + 1)) "${@:2}"; }

# One run with both sanitizers and coverage, in a separate build. test_architecture, test_install, test_packages,
# test_deb and test_fault need libraries without instrumentation; test_optional, test_narrow and test_tarball run no
# code of this project; test_manual, test_completion and test_documents compare texts; test_cli_gate and
# test_cli_progress wait for slow programs, and run what test_cli_compare and test_cli_tune run. With -pthread gcc
# counts atomically by default, which makes the references four times as slow. Without that counts may be lost or be
# negative, which is why gcovr ignores lines that it cannot parse; which lines ran is known all the same.
slow_with_asan='cli_plan|cli_devices|cli_resume|golden|op_check'
asan_build() {
    check "asan: build" build "$root/asan" -- -DCMAKE_C_COMPILER=gcc -DCMAKE_BUILD_TYPE=Debug \
        -DCMAKE_C_FLAGS="-O1 -fsanitize=address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=undefined \
--coverage -fprofile-update=single -fprofile-abs-path"
}
# asan_tests NAME FLAG...
asan_tests() {
    # LeakSanitizer itself fails occasionally ("Tracer caught signal 11") while a driver's threads exit, so failed tests
    # run up to three times. Mesa's compiler takes minutes that do not exercise this project's code, so its tests are skipped.
    LSAN_OPTIONS=suppressions=$PWD/ci/lsan.supp:print_suppressions=0 VGGCL_SKIP_TESTS='*rusticl*' \
        check "$1" tests "$root/asan" --repeat until-pass:3 "${@:2}"
}
asan() {
    asan_build
    find "$root/asan" -name '*.gcda' -delete
    asan_tests "asan: tests" -E "architecture|install|optional|narrow|packages|deb|tarball|fault|manual|completion|documents|cli_gate|cli_progress|$slow_with_asan"
    check "asan: 85 % of lines" gcovr --root . --filter src/ --gcov-ignore-parse-errors \
        --object-directory "$root/asan" --fail-under-line 85 "$root/asan"
    grep -hE '^TOTAL' "$root"/checkers/asan--85---of-lines.log
}
asan-slow() {
    asan_build
    asan_tests "asan: slow tests" -R "$slow_with_asan"
}

# Builds the library, the program and these tests with clang, as the one build by that compiler. VIPS_NOVECTOR: libvips
# compiles code while it runs, and valgrind runs old code where that is overwritten. Debian 12's valgrind cannot read
# DWARF 5, clang's default, and valgrind executes no AMX instructions.
# valgrind_tests FILE...
valgrind_tests() {
    local test hosts
    local -x VIPS_NOVECTOR=1
    mapfile -t hosts < <(basename -s .c "$@")
    check "valgrind: build" build "$root/debug" vggcl vggcl_shared "${hosts[@]}" -- -DCMAKE_C_COMPILER=clang \
        -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS="-O1 -gdwarf-4"
    for test in "${hosts[@]}"; do
        later "valgrind: $test" command valgrind -q --error-exitcode=1 --leak-check=full \
            --suppressions=ci/valgrind.supp "$root/debug/tests/$test"
    done
    wait
}
valgrind() { valgrind_tests tests/test_!(op_*|grad_*|golden*|cli*|amx*|fetch|folder|decode).c; }
valgrind-slow() { valgrind_tests tests/test_{fetch,folder,decode}.c; }

# Without optimisation, because Oclgrind does not support all LLVM instructions in optimised code.
under_oclgrind() {
    local log status
    log=$(mktemp "$root/checkers/reports-XXXXXX")
    VGGCL_CACHE_DIR="" timeout 1200 oclgrind --build-options -cl-opt-disable --data-races --uninitialized --check-api \
        --max-errors 100 --log "$log" bash -c 'LD_PRELOAD=$0:$LD_PRELOAD exec "$@"' "$root/oclgrind.so" "$@"
    status=$?
    cat "$log"
    [ "$status" = 0 ] && [ ! -s "$log" ]
    status=$?
    rm "$log"
    return $status
}
oclgrind_build() {
    check "oclgrind: build" release_build
    check "oclgrind: preloaded" gcc -shared -fPIC -O1 -o "$root/oclgrind.so" ci/oclgrind.c
}
# oclgrind_tests FILE...
oclgrind_tests() {
    local test
    for test; do
        test=$(basename "$test" .c)
        later "oclgrind: $test" under_oclgrind "$root/tests/$test"
    done
}
# Uses the built-in GEMM kernel (--gemm tiled): CLBlast's are not part of this project, and slow under Oclgrind.
program=$root/vggcl
small="--model vgg11 --width 0.03125 --gemm tiled"
oclgrind() {
    oclgrind_build
    oclgrind_tests tests/test_op_!(check|gemm|peak_matrix).c
    later "oclgrind: selfcheck" under_oclgrind "$program" selfcheck --quick $small --stall 0 --batch 2
    later "oclgrind: selfcheck --no-bn" under_oclgrind "$program" selfcheck --quick $small --stall 0 --no-bn --dropout element
    wait
}
oclgrind-slow() {
    oclgrind_build
    later "oclgrind: train" under_oclgrind "$program" train --data synthetic:20,10 $small --batch 2 --steps 5 --stall 0 \
        --conv winograd4 --no-selfcheck --save "$root/checkers/oclgrind"
    oclgrind_tests tests/test_op_check.c tests/test_grad_*.c tests/test_op_{gemm,peak_matrix}.c
    wait
}

# on_rusticl COMMAND...: Mesa's rusticl shows only the devices that RUSTICL_ENABLE names.
on_rusticl() {
    local -x OCL_ICD_VENDORS=$root/rusticl RUSTICL_ENABLE=llvmpipe
    "$@"
}
rusticl_build() {
    check "rusticl: build" release_build
    mkdir -p "$root/rusticl"
    check "rusticl: driver" cp /etc/OpenCL/vendors/rusticl.icd "$root/rusticl"
}
rusticl() {
    rusticl_build
    check "rusticl: tests" on_rusticl tests "$root" -L op -E op_check
    check "rusticl: train" on_rusticl "$program" train --device llvmpipe --data synthetic:160,32 --width 0.0625 --batch 32 \
        --steps 5 --save "$root/checkers/rusticl"
}
rusticl-slow() {
    rusticl_build
    check "rusticl: gradients" on_rusticl tests "$root" -L grad
    check "rusticl: selfcheck" on_rusticl tests "$root" -R op_check
}

mkdir -p "$root/checkers" "$root/vendors"
results=$root/checkers/results
: >"$results"
cp "$(grep -il pocl /etc/OpenCL/vendors/*.icd | head -1)" "$root/vendors/pocl.icd"
export OCL_ICD_VENDORS=$root/vendors POCL_CACHE_DIR=${POCL_CACHE_DIR:-$root/pocl-cache}
export VGGCL_CACHE_DIR=${VGGCL_CACHE_DIR:-$root/cache}
unset VGGCL_DEVICE
if [ $# = 0 ]; then
    set -- asan valgrind rusticl
    if type -P oclgrind >/dev/null; then # not the function
        set -- "$@" oclgrind
    else
        echo "skipped oclgrind: it is not installed (Debian 12 has it, Debian 13 does not)"
    fi
fi
for checker; do
    case $checker in
    asan | asan-slow | valgrind | valgrind-slow | oclgrind | oclgrind-slow | rusticl | rusticl-slow) "$checker" ;;
    *)
        sed -n '2,17s/^# //p' "$0" >&2
        exit 2
        ;;
    esac
done
failed=$(grep -c '^FAILED ' "$results")
echo "$(grep -c '^ok ' "$results") passed, $failed failed"
[ "$failed" = 0 ]
