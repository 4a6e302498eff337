#!/usr/bin/env bash
# opencl.sh PROGRAM LIBRARY [STRIDE [CALLS]]: one OpenCL call after the other fails in a short training, every STRIDEth
# (default 1: all) of those whose names begin with CALLS (default clGet). Each run must end with the weights of the run
# without a fault, or with an exit status other than 0 and one error. LIBRARY is tests/fault/opencl.c. Prints a table and
# fails if a run did neither.
set -euo pipefail
program=$(realpath "$1") library=$(realpath "$2") stride=${3:-1} calls=${4-clGet}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
# A sanitized program has its run-time library first, which a preloaded library does not change.
export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0"
unset VGGCL_DEVICE
export VGGCL_CACHE_DIR=$work/cache # a profile that another process stores would change the weights

# train NAME=VALUE...: the training with these variables; its output is in `output`, its exit status is returned.
train() {
    rm -rf save
    env "$@" LD_PRELOAD="$library${LD_PRELOAD:+:$LD_PRELOAD}" VGGCL_FAULT_CALLS="$calls" timeout 300 "$program" train \
        --data synthetic:32,16 --model 8,M,8,M,8,M,8,M,8,M --batch 16 --epochs 1 --no-selfcheck --save save \
        >output 2>&1
}
weights() { sed -n 's/^weights *//p' output; }

train VGGCL_FAULT_COUNT="$work/count" || { cat output; exit 1; } # also fills the caches
train VGGCL_FAULT_COUNT="$work/count" || { cat output; exit 1; }
expected=$(weights) count=$(cat count)
if [ -z "$expected" ] || [ "$count" = 0 ]; then
    cat output
    echo "no weights, or no calls of $calls"
    exit 1
fi

tried=0 survived=0 refused=0 failed=0
for ((at = 1; at <= count; at += stride)); do
    tried=$((tried + 1)) status=0
    train VGGCL_FAULT_AT="$at" || status=$?
    if [ "$status" = 0 ] && [ "$(weights)" = "$expected" ]; then
        survived=$((survived + 1))
    elif [ "$status" -gt 0 ] && [ "$status" -lt 124 ] && [ "$(grep -c '^vggcl: error: ' output)" = 1 ]; then
        refused=$((refused + 1))
    else
        failed=$((failed + 1))
        echo "call $at of $count: exit status $status, weights $(weights), not $expected:"
        tail -5 output
    fi
done
printf '%-12s %6s %8s %8s %7s %6s\n' calls count tried survived refused failed "$calls..." "$count" "$tried" "$survived" \
    "$refused" "$failed"
[ "$failed" = 0 ]
