#!/usr/bin/env bash
# fuzz.sh [--seconds N] [TARGET...]: builds the fuzz targets of tests/fuzz with clang, libFuzzer, AddressSanitizer and
# UndefinedBehaviorSanitizer, and runs each, or those that are named, for N seconds (default 10). Prints for each target
# how many inputs ran, how many edges of the code they covered at the start and how many more at the end, and how many
# inputs were a finding: a crash, a leak, more than 2 GB of memory, more than 20 seconds. Fails if there was one.
# Inputs that cover new code are kept in build-ci/fuzz/inputs, where the next run goes on. build-ci/fuzz may be removed.
# FUZZ_LIBRARIES: a folder with libraries (jansson, libarchive) that were built with clang and
# -fsanitize=fuzzer-no-link,address,undefined, to be used instead of the system's.
set -euo pipefail
exec </dev/null
cd "$(dirname "$0")/.."
build=$PWD/build-ci/fuzz
kept=$PWD/tests/fuzz/corpus
seconds=10
usage() { sed -n '2,8s/^# //p' "$0" >&2; exit 2; }

mapfile -t all < <(cd "$kept" && printf '%s\n' *)
targets=()
while [ $# -gt 0 ]; do
    case $1 in
    --seconds)
        [[ ${2:-} =~ ^[1-9][0-9]*$ ]] || usage
        seconds=$2
        shift
        ;;
    -*) usage ;;
    *)
        [ -d "$kept/$1" ] || { echo "there is no target $1; the targets are: ${all[*]}" >&2; exit 2; }
        targets+=("$1")
        ;;
    esac
    shift
done
[ ${#targets[@]} -gt 0 ] || targets=("${all[@]}")

echo 'int LLVMFuzzerTestOneInput(void) { return 0; }' | clang -fsanitize=fuzzer,address -x c - -o /dev/null 2>/dev/null || {
    echo "clang, or its libFuzzer (libclang-rt-dev), is missing: ci/packages.sh test installs them" >&2
    exit 1
}
mkdir -p "$build"
if ! { cmake -S . -B "$build" -DCMAKE_C_COMPILER=clang -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_FLAGS=-O1 -DVGGCL_TESTS=ON \
    -DVGGCL_WERROR=ON -DVGGCL_FUZZ=ON && cmake --build "$build" --parallel "${JOBS:-$(nproc)}" --target \
    "${targets[@]/#/fuzz_}"; } >"$build/build.log" 2>&1; then
    tail -40 "$build/build.log"
    exit 1
fi

TMPDIR=$(mktemp -d "$([ -w /dev/shm ] && echo /dev/shm || echo /tmp)/vggcl-fuzz-XXXXXX")
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT
export LSAN_OPTIONS=suppressions=$PWD/ci/lsan.supp:print_suppressions=0
export UBSAN_OPTIONS=print_stacktrace=1

# numbers PATTERN LOG: the numbers behind the word in libFuzzer's lines, one a line.
numbers() { grep -oE "$1 +[0-9]+" "$2" | grep -oE '[0-9]+$' || true; }

# run TARGET: a row of the table; adds the findings to the array.
findings=()
run() {
    local target=$1 inputs=$build/inputs/$1 found=$build/findings/$1 log=$build/$1.log options=()
    mkdir -p "$inputs" "$found"
    rm -f "$found"/*
    [ ! -f "tests/fuzz/$target.dict" ] || options+=("-dict=tests/fuzz/$target.dict")
    LD_LIBRARY_PATH=${FUZZ_LIBRARIES:-} "$build/tests/fuzz/fuzz_$target" -max_total_time="$seconds" -timeout=20 -report_slow_units=20 -rss_limit_mb=2048 \
        -malloc_limit_mb=2048 -print_final_stats=1 -artifact_prefix="$found/" "${options[@]}" "$inputs" "$kept/$target" \
        >"$log" 2>&1 || [ -n "$(ls "$found")" ] || { tail -20 "$log"; findings+=("$target: it ended with an error, see $log"); }
    local new=("$found"/*)
    [ -e "${new[0]}" ] || new=()
    local first last
    first=$(numbers 'cov:' "$log" | head -1) last=$(numbers 'cov:' "$log" | tail -1)
    printf '%-14s %12s %8s %8s %8s\n' "$target" "$(numbers 'number_of_executed_units:' "$log" | tail -1)" "${first:-0}" \
        "+$((${last:-0} - ${first:-0}))" "${#new[@]}"
    findings+=("${new[@]}")
}

printf '%-14s %12s %8s %8s %8s\n' target runs covered new findings
for target in "${targets[@]}"; do
    run "$target"
done
[ ${#findings[@]} = 0 ] && exit
for finding in "${findings[@]}"; do
    target=$(basename "$(dirname "$finding")")
    [ ! -f "$finding" ] || printf '%s\n    %s\n    again: %s %s\n' "$finding" \
        "$(grep -hoE '(ERROR: [A-Za-z]+: [^(]*|runtime error: .*|does not hold: .*)' "$build/$target.log" | head -1)" \
        "$build/tests/fuzz/fuzz_$target" "$finding"
    [ -f "$finding" ] || echo "$finding"
done
exit 1
