#!/usr/bin/env bash
# ranks.sh PROGRAM MPIRUN: several processes of a run, on this machine: the weights of one process with the same
# micro-batches, bit for bit; a run goes on with another number of processes; wrong starts, and what becomes of the others
# when a process fails.
set -euo pipefail
program=$1 mpirun=$2
work=$(mktemp -d)
trap 'pkill -KILL -f "$work/" || true; rm -rf "$work"' EXIT
cd "$work"
exec </dev/null
# Open MPI: more processes than cores (the second name is that of version 5), and as root in a container.
export OMPI_MCA_rmaps_base_oversubscribe=1 PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export TMPDIR=$work
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0 # those of MPI libraries

fail() { { echo "ranks.sh: $1"; [ ! -f out ] || tail -c 3000 out | tr '\r' '\n'; } >&2; exit 1; }
# run COUNT FLAG...: runs $command by that many processes; 1 without a launcher. Its output is in out, its status is returned.
command=train
run() {
    local count=$1 launcher=()
    shift
    [ "$count" = 1 ] || launcher=(timeout 60 "$mpirun" -n "$count")
    "${launcher[@]}" "$program" $command "$@" --stall 20 >out 2>&1
}
layers=(--model 16,M,32,M --batch 32 --profile none --conv im2col)
network=(--data synthetic:192,50 "${layers[@]}")
small=("${network[@]}" --epochs 2 --no-selfcheck)
weights() { grep -aoE '^weights  [0-9a-f]{16}$' out | tail -1; }
# trained COUNT FLAG...: the weights that a run ends with
trained() {
    run "$@" || fail "train ${*:2} with $1 processes: status $?"
    [ -n "$(weights)" ] || fail "train ${*:2} with $1 processes: no weights"
    weights
}

# same RANKS MICRO-BATCH FLAG...
same() {
    local ranks=$1 micro=$2 several one
    shift 2
    several=$(trained "$ranks" "${small[@]}" "$@" --save "$work/several")
    [ "$(grep -ac '^weights' out)" = 1 ] || fail "more than one process prints"
    one=$(trained 1 "${small[@]}" "$@" --micro-batch "$micro" --save "$work/one")
    [ "$several" = "$one" ] || fail "$* on $ranks processes: $several, on one: $one"
}
same 2 16
same 4 8 --recipe fast --ema 0.9
same 2 16 --no-bn --no-dropout --optimizer adamw --lr 0.001
same 3 11 --storage half --batch 33 --drop-last
# Gradients that are sent as bfloat16: the same weights every time, and others than those of floats.
rounded=$(trained 2 "${small[@]}" --grad-dtype bf16 --save "$work/rounded")
[ "$(trained 2 "${small[@]}" --grad-dtype bf16 --save "$work/rounded")" = "$rounded" ] || fail "--grad-dtype bf16: $(weights)"
[ "$(trained 1 "${small[@]}" --micro-batch 16 --save "$work/one")" != "$rounded" ] || fail "--grad-dtype bf16 changes nothing"
# In file order, and without flips, which each rank draws, shards change nothing.
same 3 11 --shards --no-shuffle --no-flip --batch 33 --drop-last
same 2 16 --shards --no-shuffle --no-flip --images host
whole=$(trained 2 "${small[@]}" --save "$work/whole")
# Two devices for each process, and micro-batches: the same weights every time.
for parts in "--device 0:0/2" "--micro-batch 8"; do
    # shellcheck disable=SC2086  # two words
    summed=$(trained 2 "${small[@]}" $parts --save "$work/several")
    # shellcheck disable=SC2086
    [ "$(trained 2 "${small[@]}" $parts --save "$work/several")" = "$summed" ] || fail "$parts: not the same weights twice"
done

# communicated PATTERN: in what `out` says by that pattern of three groups, the first is the sum of the others.
communicated() {
    sed -nE "s/.*$1.*/\1 \2 \3/p" out | awk '{ n++; off = $1 - $2 - $3; bad += off > 0.11 || off < -0.11 || $1 <= 0 || $2 < 0 }
        END { exit n != 1 || bad }' || fail "does not say how long the processes communicate"
}
number='([0-9]+\.[0-9]+)'
ms="$number ms a step: $number ms behind the backward pass, $number ms not"
communicated "^ranks    2 processes, [0-9.]+ images\\/s together; communication $ms"

# What plan says of memory is what the run takes, and of the network: 8 bytes times the parameters, halved, and 2 floats of
# losses for its micro-batch and the number of micro-batches.
trained 2 "${small[@]}" --no-bn --save "$work/planned" --steps 1 >/dev/null
parameters=$(sed -nE 's/^network .* ([0-9]+) parameters.*/\1/p' out) peak=$(sed -nE 's/^memory .*\(([0-9]+) bytes\).*/\1/p' out)
planned() { timeout 60 "$mpirun" -n 2 "$program" plan "${network[@]}" --no-bn "$@" >out 2>errors || { cat errors; fail "plan fails"; }; }
planned
[ "$(grep -cE '^rank [01] of 2 on .* 16  +[0-9]' out)" = 2 ] || fail "plan does not list both processes"
whole_bytes=$(sed -nE 's/^rank 0 of 2 on .* 16  +([0-9.]+) .*/\1/p' out)
planned --shards
[ "$whole_bytes" != "$(sed -nE 's/^rank 0 of 2 on .* 16  +([0-9.]+) .*/\1/p' out)" ] || fail "plan --shards: as without"
planned --json
[ "$(grep -c "\"sent_bytes_per_step\": $((4 * parameters + 16)),\$" out)" = 2 ] || fail "plan: not $((4 * parameters + 16)) bytes"
[ "$(grep -c "\"peak_bytes\": $peak\b" out)" = 2 ] || fail "plan: rank 0's peak is not $peak bytes" # of the device, of the rank

# bench trains in lock step, and evaluates by rank 0 alone.
command=bench
run 2 "${layers[@]}" --steps 3 || fail "bench: status $?"
communicated "^exchange    communication $ms; $number MiB sent, .* received"
grep -aqE '^rank 0 .* 16 of a batch.s 32 images' out && grep -aqE '^eval .* rank 0 alone, 16 images' out || fail "bench says else"
timeout 60 "$mpirun" -n 2 "$program" bench "${layers[@]}" --no-bn --steps 3 --json >out 2>errors || { cat errors; fail "bench --json fails"; }
grep -q "\"sent_bytes_per_step\": $((4 * parameters + 16)),\$" out || fail "bench: not $((4 * parameters + 16)) bytes"
command=train

# A run of two goes on with four processes' worth of the same micro-batches, and with one, to the same weights.
trained 2 "${small[@]}" --save "$work/part" --steps 7 >/dev/null
for ranks in 1 2; do
    rm -rf again && cp -r part again
    [ "$(trained $ranks --resume "$work/again" --steps 0)" = "$whole" ] || fail "resumed with $ranks processes: $(weights)"
done

# refused WHAT RANKS FLAG...: an error that says WHAT, and nothing is saved.
refused() {
    local what=$1 status=0
    shift
    rm -rf none
    [ $command != train ] || set -- "$@" --save "$work/none"
    run "$@" || status=$?
    [ $status != 0 ] && [ $status != 124 ] || fail "${*:2}: status $status"
    grep -aq -- "$what" out || fail "${*:2}: does not say '$what'"
    [ ! -e none ] || fail "${*:2}: saved something"
}
refused 'vggcl: error: epochs: takes' 2 --epochs many
# Once, where the launcher then ends the others: Open MPI's, not MPICH's.
! "$mpirun" --version | grep -q 'Open MPI' || [ "$(grep -ac 'vggcl: error' out)" = 1 ] || fail "both processes report a wrong command line"
# The script of a Slurm job is one process; what its srun starts are several.
SLURM_PROCID=0 SLURM_NTASKS=2 trained 1 "${small[@]}" --save "$work/one" --steps 1 >/dev/null
SLURM_PROCID=0 SLURM_STEP_NUM_TASKS=2 refused 'process 0 of 2 by the launcher, but MPI sees 1' 1 "${small[@]}"
command=bench refused 'layers measures one device' 2 --layers
command=plan refused 'eval: is done by one process' 2 --eval
refused 'device-split auto: measures the devices of one process' 2 "${small[@]}" --device-split auto
refused 'no image of a batch of 2' 4 "${small[@]}" --batch 2
# A rank with other kernels, and one with other images: the script runs in another folder on rank 1.
cat >other.sh <<'END'
#!/bin/sh
[ "${OMPI_COMM_WORLD_RANK:-$PMI_RANK}" = 0 ] || cd other
exec "$@"
END
chmod +x other.sh
mkdir -p cl other/cl
"$program" synth --train 100 --test 20 --out "$work/set" --seed 1 >/dev/null
"$program" synth --train 100 --test 20 --out "$work/other/set" --seed 2 >/dev/null
echo 'kernel void nothing(global int *x) { *x = 0; }' >other/cl/flatten.cl
plain=$program
program=$work/started
printf '#!/bin/sh\nexec %s/other.sh %s "$@"\n' "$work" "$plain" >started
chmod +x started
refused 'rank 1 of 2 on .* failed: .*has other images than on rank 0' 2 "${small[@]}" --data set
refused 'rank 1 of 2 on .* failed: is another build of vggcl' 2 "${small[@]}" --kernel-dir cl
# --data-from rank0: the other ranks need no data set. IDX files, which are mapped, and CIFAR-10's, which are read; rank 1
# has none of the first, and others of the second.
"$plain" synth --train 100 --test 20 --size 16 --out "$work/small" --seed 1 >/dev/null
from_rank0() {
    local mine
    mine=$(trained 2 "${small[@]}" --data-from rank0 "$@" --save "$work/mine")
    program=$plain
    [ "$mine" = "$(trained 2 "${small[@]}" "$@" --save "$work/each")" ] || fail "--data-from rank0 $*: $mine, each: $(weights)"
    program=$work/started
}
refused 'rank 1 of 2 on .* failed: small: ' 2 "${small[@]}" --data small
from_rank0 --data small --class-weights balanced --mixup 0.2
from_rank0 --data set --images host --normalize dataset
trained 2 --resume "$work/mine" --steps 0 --epochs 3 >/dev/null
# --shards: the same bits again, with the shards of rank 0 too, and after an interruption; only by as many processes.
uneven=("${small[@]}" --data synthetic:203,50 --shards --mixup 0.2 --class-weights balanced)
shards=$(trained 3 "${uneven[@]}" --save "$work/shards")
[ "$(trained 3 "${uneven[@]}" --data-from rank0 --images host --save "$work/shards-0")" = "$shards" ] ||
    fail "--shards --data-from rank0: $(weights), each: $shards"
from_rank0 --data small --shards
trained 3 "${uneven[@]}" --save "$work/shards-part" --steps 10 >/dev/null
refused 'shards: the run in .* for each of 3 processes, but there are 2 now' 2 --resume "$work/shards-part"
refused 'shards: the run in .* for each of 3 processes, but there is 1 now' 1 --resume "$work/shards-part"
[ "$(trained 3 --resume "$work/shards-part" --steps 0)" = "$shards" ] || fail "--shards resumed: $(weights), not $shards"
refused 'shards: 4 processes cannot share batches of 3 images' 4 "${small[@]}" --shards --limit 3
# A rank that fails in plan or bench.
printf '#!/bin/sh\n[ "${OMPI_COMM_WORLD_RANK:-$PMI_RANK}" = 0 ] || set -- "$@" --device none\nexec %s "$@"\n' "$plain" >started
command=plan refused 'error: rank 1 of 2 on .* failed: device none: no such' 2 "${network[@]}"
command=bench refused 'error: rank 1 of 2 on .* failed: device none: no such' 2 "${layers[@]}"
# Other devices on rank 1 than on rank 0: its weights are rank 0's after each step.
printf '#!/bin/sh\n[ "${OMPI_COMM_WORLD_RANK:-$PMI_RANK}" = 0 ] || export POCL_DEVICES=basic\nexec %s "$@"\n' "$plain" >started
other=$(trained 2 "${small[@]}" --save "$work/other-device")
[ "$other" = "$whole" ] || fail "rank 1 on another device of the same kind: $other, not $whole"
program=$plain

# rank_pid RANK: the process of a rank of the run in the folder `long`.
rank_pid() {
    local pid
    for pid in $(pgrep -f "$work/long"); do
        tr '\0' '\n' <"/proc/$pid/environ" 2>/dev/null | grep -qxE "(OMPI_COMM_WORLD_RANK|PMI_RANK)=$1" &&
            [ "$(readlink "/proc/$pid/exe")" = "$(realpath "$program")" ] && echo "$pid" && return
    done
}
# broken SIGNAL RANK STATUS: what a signal to one rank does to the run: it ends with that status within 30 seconds, and
# the last save is whole.
broken() {
    local pid='' launcher status=0 started processes
    rm -rf long
    timeout 60 "$mpirun" -n 2 "$program" train "${small[@]}" --epochs 1000 --checkpoint-every 5 --stall 5 --save "$work/long" \
        >out 2>&1 &
    launcher=$!
    until [ -f long/last.safetensors ] && grep -aq 'epoch 2/' out; do sleep 0.1; done
    until pid=$(rank_pid "$2") && [ -n "$pid" ]; do sleep 0.1; done
    started=$SECONDS
    kill -"$1" "$pid"
    sleep 1
    processes=$(ps -e -o pid,ppid,stat,args | grep -F "$work/long" || true)
    wait $launcher || status=$?
    kill -KILL "$pid" 2>/dev/null || true
    [ $((SECONDS - started)) -lt 30 ] ||
        fail "SIG$1 to rank $2, $pid: the run went on for $((SECONDS - started)) s; after one: $processes"
    [[ $status =~ ^($3)$ ]] || fail "SIG$1 to rank $2: status $status, not $3"
    cp out ended
    run 1 --resume "$work/long" --steps 100000 --epochs 1 >/dev/null || fail "SIG$1 to rank $2: cannot be resumed"
}
broken STOP 1 4
grep -aq 'vggcl: error: rank 1 of 2 on .* has not answered for 5 s' ended || { cp ended out; fail "does not name the rank"; }
broken KILL 1 "137|9" # by Open MPI, by MPICH
echo "all runs end as they should"
