#!/usr/bin/env bash
# cluster.sh [FLAGS] PART...: runs vggcl on simulated hosts, which are network namespaces joined by veth pairs and a bridge.
#
# parts, in the order given (default: all of them):
#   scaling        images/s of one rank, and of a rank per host at several bandwidths, beside the formula of
#                  data/guide/machines.md; prints a table
#   kill [COUNT]   kills a random rank at COUNT (20) random moments: the run must end within 30 s, name the rank,
#                  and be resumed
#   cut [COUNT]    takes a random host's link down at COUNT (20) random moments: the same, with exit status 4
#   refusals       runs tests/ranks.sh: among others, a rank of another build and one with other images are refused
#
#   --vggcl FILE   the program to test (default build/vggcl)
#   --mpirun FILE  Open MPI's mpirun (default mpirun)
#   --hosts N      simulated hosts, one rank each (default 2); there should be as many cores
#   --width F      scaling: scale factor of VGG16's number of channels (default 1)
#   --batch N      scaling: images per rank and step (default 128)
#   --steps N      scaling: measured steps of each run (default 8)
#   --rounds N     scaling: measures all networks N times (default 1), and prints the medians of the ratios
#   --delay MS     scaling: delay of the limited networks in milliseconds, one way (default 1); by netem where the kernel
#                  has it, else by ci/delay.c
#   --rates LIST   scaling: bandwidths (default 100mbit,1gbit,10gbit)
#   --share P      scaling: percent of its core that each rank has (default 60); the rest is for what network cards do in
#                  a real cluster, and here the kernel and ci/delay.c do
#   --help         print this text
#
# Needs root, and the Debian packages openmpi-bin, iproute2 and gcc. Exit status: 0; 1 if a part failed; 2 for invalid flags;
# 77 if this machine does not let it make namespaces or limit their bandwidth.
set -euo pipefail
exec </dev/null
vggcl=build/vggcl mpirun=mpirun hosts=2 width=1 batch=128 steps=8 rounds=1 delay=1 share=60 rates=100mbit,1gbit,10gbit
parts=()
wrong() { echo "cluster.sh: $1" >&2; exit "${2:-2}"; }
while [ $# -gt 0 ]; do
    case $1 in
    --help)
        sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//p}' "$0"
        exit
        ;;
    --vggcl | --mpirun | --hosts | --width | --batch | --steps | --rounds | --delay | --share | --rates)
        [ $# -gt 1 ] || wrong "$1 needs an argument"
        declare "${1#--}=$2"
        shift
        ;;
    scaling | refusals) parts+=("$1") ;;
    kill | cut)
        parts+=("$1 20")
        if [[ ${2:-} =~ ^[0-9]+$ ]]; then
            parts[-1]="$1 $2"
            shift
        fi
        ;;
    *) wrong "no flag or part '$1'; --help lists them" ;;
    esac
    shift
done
[ ${#parts[@]} -gt 0 ] || parts=("refusals" "kill 20" "cut 20" "scaling")
[ -x "$vggcl" ] || wrong "$vggcl: there is no such program; build it, or name it by --vggcl FILE" 1
vggcl=$(realpath "$vggcl")
source=$(realpath "$(dirname "$0")/..")

skip() { echo "cluster.sh: skipped: $1"; exit 77; }
[ "$(id -u)" = 0 ] || skip "it makes network namespaces, which needs root: sudo $0"
for command in ip tc "$mpirun"; do
    command -v "$command" >/dev/null || skip "there is no $command: apt-get install openmpi-bin iproute2"
done
"$mpirun" --version 2>&1 | grep -q 'Open MPI' || skip "$mpirun is not Open MPI's"

# until_true SECONDS COMMAND...
until_true() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do [ $SECONDS -lt $end ] || return 1; sleep 0.05; done
}

work=$(mktemp -d) net=vggcl$$
relays=() # processes of ci/delay.c, by host
name() { echo "$net-host$1"; } # of a host's namespace
# Ends what runs on the hosts.
stop_hosts() {
    local host pids
    for ((host = 0; host < hosts; host++)); do
        pids=$(ip netns pids "$(name $host)" 2>/dev/null) || true
        # shellcheck disable=SC2086  # several words
        [ -z "$pids" ] || kill -KILL $pids 2>/dev/null || true
    done
}
finish() {
    local host
    stop_hosts
    [ ${#relays[@]} = 0 ] || kill "${relays[@]}" 2>/dev/null || true
    for ((host = 0; host < hosts; host++)); do ip netns del "$(name $host)" 2>/dev/null || true; done
    ip netns del "$net-switch" 2>/dev/null || true
    rmdir "$work/cgroup/$net"* 2>/dev/null || true
    umount "$work/cgroup" 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

must() { ip "$@" || exit 1; }
# one_core NAMESPACE DEVICE HOST: the host's core handles what the device receives. Two cores would reorder packets, which
# TCP takes for losses.
one_core() {
    local mask=$((1 << ($3 % $(nproc))))
    ip netns exec "$1" sh -c "for queue in /sys/class/net/$2/queues/rx-*/rps_cpus; do echo $mask >\$queue; done" || exit 1
}
# plug HOST: joins the host's device `net` and the bridge's port.
plug() {
    must -n "$net-switch" link set "port$1" master bridge
    must -n "$net-switch" link set "port$1" up
    must -n "$(name "$1")" address add "10.77.0.$(($1 + 1))/24" dev net
    must -n "$(name "$1")" link set net up
    one_core "$(name "$1")" net "$1"
    one_core "$net-switch" "port$1" "$1"
}
plug_by_veth() {
    must -n "$net-switch" link add "port$1" type veth peer name net netns "$(name "$1")"
    plug "$1"
}
make_hosts() {
    local host
    echo "127.0.0.1 localhost" >"$work/hosts"
    must netns add "$net-switch"
    must -n "$net-switch" link add bridge type bridge
    must -n "$net-switch" link set bridge up
    for ((host = 0; host < hosts; host++)); do
        must netns add "$(name $host)"
        must -n "$(name $host)" link set lo up
        plug_by_veth $host
        echo "10.77.0.$((host + 1)) host$host" >>"$work/hosts"
    done
}
(make_hosts) 2>"$work/error" || skip "no network namespaces can be made here: $(tail -1 "$work/error")"

# Replaces the veth pairs by links of ci/delay.c with the delay, or the other way round.
relay_all() {
    local host
    [ -x "$work/delay" ] || gcc -std=c11 -O2 -o "$work/delay" "$source/ci/delay.c" || return 1
    for ((host = 0; host < hosts; host++)); do
        ip -n "$(name $host)" link del net
        rm -f "$work/relay$host"
        "$work/delay" "$delay" "$(name $host)" net "$net-switch" "port$host" >"$work/relay$host" &
        relays[host]=$!
        until_true 5 grep -qs ready "$work/relay$host" || return 1
        plug $host
    done
}
unrelay_all() {
    local host
    for host in "${!relays[@]}"; do
        kill "${relays[host]}"
        wait "${relays[host]}" || true
        plug_by_veth "$host"
    done
    relays=()
}

# limit NAMESPACE DEVICE RATE: what the device sends, in bits per second.
limit() {
    tc -n "$1" qdisc del dev "$2" root 2>/dev/null || true
    [ "$3" != none ] || return 0
    if [ "$delay" != 0 ] && [ ${#relays[@]} = 0 ]; then
        tc -n "$1" qdisc add dev "$2" root netem rate "$3" delay "${delay}ms" limit 100000
    else # the burst must hold what the bucket gains between two timer interrupts
        tc -n "$1" qdisc add dev "$2" root tbf rate "$3" burst $((65536 + $3 / 8 / 250)) latency 100ms
    fi
}
# limit_all RATE: what each host sends. What it receives is limited by the others where there are two.
limit_all() {
    local host
    for ((host = 0; host < hosts; host++)); do
        limit "$(name $host)" net "$1" || return 1
        if [ "$hosts" != 2 ]; then delay=0 limit "$net-switch" "port$host" "$1" || return 1; fi
    done
}
# enter HOST COMMAND...: runs a command on that host, under its name. mpirun starts the other hosts' daemons by it, as it
# would by ssh.
cat >"$work/enter" <<END
#!/bin/sh
host=\$1
shift
exec ip netns exec $net-\$host unshare --mount --uts sh -c '
    hostname "\$0"
    mount --bind $work/hosts /etc/hosts
    export TMPDIR=$work/\$0
    mkdir -p "\$TMPDIR"
    eval "\$1"' "\$host" "\$*"
END
# Each rank has its own core, or, while there are control groups, its share of that.
cat >"$work/pinned" <<END
#!/bin/sh
core=\$((OMPI_COMM_WORLD_RANK % $(nproc)))
[ "\$1" != --core ] || { core=\$2; shift 2; }
group=$work/cgroup/$net-core\$core
[ ! -d "\$group" ] || echo \$\$ >"\$group/cgroup.procs"
export POCL_MAX_PTHREAD_COUNT=1
exec taskset -c "\$core" "\$@"
END
chmod +x "$work/enter" "$work/pinned"
list=host0
for ((host = 1; host < hosts; host++)); do list+=,host$host; done

# Messages of MPI and of its daemons use TCP over the simulated network only.
launch() {
    "$work/enter" host0 OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 "$mpirun" -n "$hosts" --host "$list" \
        --bind-to none --mca plm_rsh_agent "$work/enter" --mca plm_rsh_no_tree_spawn 1 --mca pml ob1 \
        --mca btl tcp,self --mca btl_tcp_if_include 10.77.0.0/24 --mca oob_tcp_if_include 10.77.0.0/24 \
        "$work/pinned" "$vggcl" "$@"
}
common=(--no-selfcheck --profile none)

# --- scaling

# Makes a control group for each core: by version 1 of the kernel's control groups, else 2. A mount of its own, because
# ip netns exec hides /sys/fs/cgroup.
share_cores() {
    local core group
    mkdir -p "$work/cgroup"
    mount -t cgroup -o cpu none "$work/cgroup" 2>/dev/null || mount -t cgroup2 none "$work/cgroup" || return 1
    [ ! -f "$work/cgroup/cgroup.subtree_control" ] || echo +cpu >"$work/cgroup/cgroup.subtree_control" || return 1
    for ((core = 0; core < $(nproc) && core < hosts; core++)); do
        group=$work/cgroup/$net-core$core
        mkdir "$group" || return 1
        if [ -f "$group/cpu.max" ]; then
            echo "$((share * 100)) 10000" >"$group/cpu.max" || return 1
        else
            echo 10000 >"$group/cpu.cfs_period_us" && echo $((share * 100)) >"$group/cpu.cfs_quota_us" || return 1
        fi
    done
}

# Measured images/s of a training, without its first step, from its output with --json.
speed() { sed -n 's/.*"images_per_second":\([0-9.e+]*\).*/\1/p' "$1" | head -1; }
vgg16=("${common[@]}" --width "$width" --epochs 1 --json)
# alone COUNT: images/s of a rank where COUNT train at the same time, each on its core, without communication.
alone() {
    local i pids=()
    for ((i = 0; i < $1; i++)); do
        "$work/pinned" --core $((i % $(nproc))) "$vggcl" train "${vgg16[@]}" --data "synthetic:$((batch * (steps + 1))),50" \
            --batch "$batch" --save "$work/alone$i" >"$work/alone$i.json" 2>"$work/alone$i.err" &
        pids+=($!)
    done
    for i in "${!pids[@]}"; do wait "${pids[$i]}" || wrong "a single rank failed: $(tail -1 "$work/alone$i.err")" 1; done
    for ((i = 0; i < $1; i++)); do speed "$work/alone$i.json"; done | awk '{ s += $1 } END { print s / NR }'
}
# together RATE: images/s of all ranks
together() {
    limit_all "$1"
    launch train "${vgg16[@]}" --data "synthetic:$((hosts * batch * (steps + 1))),50" --batch $((hosts * batch)) \
        --save "$work/together" >"$work/together.json" 2>"$work/together.err" ||
        wrong "the ranks failed: $(tail -1 "$work/together.err")" 1
    speed "$work/together.json"
}
# Percent of the ranks' communication of that training behind the backward pass.
hidden() {
    sed -n 's/.*"communication_s":\([0-9.e+-]*\).*"hidden_s":\([0-9.e+-]*\).*/\1 \2/p' "$work/together.json" |
        awk '$1 > 0 { printf "%.0f", 100 * $2 / $1 }'
}
bits() { echo "$1" | sed 's/gbit/000000000/; s/mbit/000000/; s/kbit/000/; s/bit//'; }

# row NETWORK BITS-PER-SECOND IMAGES/S: beside the formula. 0 bits: without a limit.
row() {
    awk -v network="$1" -v rate="$2" -v measured="$3" -v hidden="$(hidden)" -v alone="$each" -v hosts="$hosts" -v batch="$batch" \
        -v weights="$parameters" -v delay="$delay" -v last="$last_bucket" -v buckets="$buckets" 'BEGIN {
        step = batch / alone; backward = step * 2 / 3
        bytes = 8 * weights * (hosts - 1) / hosts
        sum = rate ? bytes * 8 / rate + 2 * buckets * delay / 1000 : 0
        shown = sum > backward ? sum - backward : 0
        if (shown < sum * last) shown = sum * last
        predicted = step / (step + shown)
        efficiency = measured / (hosts * alone)
        printf "%-10s %9.2f %9.2f %9.2f %9.1f %9.1f %9.3f %10.3f %6.3f %7s\n", network, alone, measured, hosts * batch / measured,
            sum * 1000, shown * 1000, efficiency, predicted, efficiency / predicted, hidden " %"
    }'
}
# The words of the layers that are summed last and cannot be hidden, and the buckets: src/train/exchange.c, of VGG16.
bucket_sizes() {
    awk -v w="$width" 'BEGIN {
        n = split("64 64 128 128 256 256 256 512 512 512 512 512 512", out)
        words = 10 * 512 * w; least = 2 ^ 20
        for (i = n; i > 0; i--) {
            words += 9 * out[i] * w * (i > 1 ? out[i - 1] * w : 3); buckets++
            all += words
            if (words >= least && i > 1) words = 0; else buckets--
            if (words) all -= words
        }
        print words / (all + words), buckets + 1
    }'
}
part_scaling() {
    local rate round each parameters last_bucket buckets relayed=
    rm -rf "$work"/alone* "$work"/together*
    if [ "$delay" != 0 ] && ! limit_all 1000000000 2>/dev/null; then
        echo "this kernel has no netem (CONFIG_NET_SCH_NETEM): ci/delay.c delays what each host sends, tbf limits it"
        relayed=yes
        relay_all 2>"$work/error" || skip "there can be no delay here (--delay 0 for none): $(tail -1 "$work/error")"
    fi
    limit_all 1000000000 2>"$work/error" || skip "tc limits no bandwidth here: $(tail -1 "$work/error")"
    unrelay_all
    if [ "$share" != 100 ]; then
        share_cores 2>"$work/error" || skip "cores cannot be shared here (--share 100 for whole ones): $(tail -1 "$work/error")"
    fi
    parameters=$("$vggcl" plan --width "$width" --batch "$batch" 2>/dev/null | awk '$1 == "weights" { print $2 / 4 }')
    read -r last_bucket buckets < <(bucket_sizes)
    echo "VGG16, width $width, $parameters parameters, batch $batch per rank, $hosts ranks, each on $share % of a core;" \
        "$steps steps, delay $delay ms"
    alone 1 >/dev/null # builds the kernels
    printf '%-10s %9s %9s %9s %9s %9s %9s %10s %6s %7s\n' network alone images/s 's/step' 'sum ms' 'shown ms' measured \
        predicted ratio hidden
    for ((round = 0; round < rounds; round++)); do
        each=$(alone "$hosts")
        row unlimited 0 "$(together none)"
        [ -z "$relayed" ] || relay_all
        for rate in ${rates//,/ }; do
            each=$(alone "$hosts") # again, because a machine's speed changes
            row "$rate" "$(bits "$rate")" "$(together "$(bits "$rate")")"
        done
        limit_all none
        unrelay_all
    done | tee "$work/rows"
    [ "$rounds" = 1 ] || for rate in unlimited ${rates//,/ }; do
        awk -v rate="$rate" '$1 == rate { print $9 }' "$work/rows" | sort -n |
            awk -v rate="$rate" '{ v[NR] = $1 } END { printf "%-10s median ratio %.3f (%.3f to %.3f)\n", rate,
                (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2, v[1], v[NR] }'
    done
    echo "alone: of one of $hosts ranks at once without communication, just before, to which the efficiency refers; sum:" \
        "time of the gradients' sums on the network; shown: the part that the backward pass cannot hide; hidden: the part" \
        "of the measured communication that it hides"
}

# --- kill and cut

# shellcheck disable=SC2054  # commas belong to --model
small=("${common[@]}" --data synthetic:192,50 --model "16,M,32,M" --batch 32 --conv im2col --checkpoint-every 3)
# The process of a host's rank.
rank_pid() {
    local pid
    for pid in $(ip netns pids "$(name "$1")" 2>/dev/null | sort -n); do
        [ "$(readlink "/proc/$pid/exe")" != "$vggcl" ] || { echo "$pid"; return; }
    done
    return 1
}
trained() { [ -f "$work/run/last.safetensors" ] && grep -aq 'epoch 1' "$work/out"; }
sleep_randomly() { sleep "$((RANDOM % 3)).$((RANDOM % 10))$((RANDOM % 10))"; }
all_ranks() {
    local host
    for ((host = 0; host < hosts; host++)); do rank_pid $host >/dev/null || return 1; done
}
no_ranks() {
    local host
    for ((host = 0; host < hosts; host++)); do ! rank_pid $host >/dev/null || return 1; done
}

# A rank that was killed before MPI had connected it is at times only counted by Open MPI 4: "1 process returned ...".
unnamed() {
    if ! grep -aq '^network ' "$work/out" && grep -aq 'process returned' "$work/out"; then
        echo ", before the ranks were connected, which mpirun reports without a name" >>"$work/story"
    else
        echo "does not name rank $1"
    fi
}

# disturb WHAT HOST: starts a run and disturbs it. Prints what is wrong, else nothing; what happened is in $work/story.
disturb() {
    local pid started status=0 launcher saved expected='[1-9][0-9]*'
    rm -rf "$work/run" "$work/story"
    launch train "${small[@]}" --epochs 100000 --stall 10 --save "$work/run" >"$work/out" 2>&1 &
    launcher=$!
    [ "$1" != cut ] || expected="(4|137)" # mpirun itself is killed if it waits for the host that does not answer
    until_true 60 all_ranks || { echo "no ranks in 60 s: $(tail -1 "$work/out")"; stop_hosts; return; }
    if [ $((RANDOM % 2)) = 0 ]; then
        sleep "0.$((RANDOM % 10))" # MPI connects, kernels are built
    else
        until_true 60 trained || { echo "no epoch in 60 s: $(tail -1 "$work/out")"; stop_hosts; return; }
        sleep_randomly
    fi
    saved=$(ls "$work/run/last.safetensors" 2>/dev/null) || true
    started=$(date +%s%N)
    case $1 in
    kill) pid=$(rank_pid "$2") && kill -KILL "$pid" ;;
    cut) ip -n "$(name "$2")" link set net down ;;
    esac
    until_true 30 eval "! kill -0 $launcher 2>/dev/null" || echo "mpirun is still there after 30 s"
    echo "ended after $(awk "BEGIN { printf \"%.1f\", ($(date +%s%N) - $started) / 1e9 }") s${saved:+, had saved}" >"$work/story"
    until_true 10 no_ranks || echo "a rank is still there"
    stop_hosts
    ip -n "$(name "$2")" link set net up
    wait $launcher || status=$?
    [[ $status =~ ^$expected$ ]] || echo "exit status $status"
    case $1 in
    kill) grep -aqE "rank $2\b" "$work/out" || unnamed "$2" ;;
    cut) grep -aqE "vggcl: error: (rank [0-9]+ of $hosts on host[0-9]+|the launcher, .*,) has not answered" "$work/out" ||
        echo "does not name a rank" ;;
    esac
    cp "$work/out" "$work/ended"
    [ -z "$saved" ] || go_on
}
# Resumes the run for some steps, on all hosts or on one; prints what is wrong.
go_on() {
    local step resume=(launch)
    [ $((RANDOM % 2)) = 0 ] || resume=("$work/pinned" --core 0 "$vggcl")
    step=$(grep -ao '"state.step":"[0-9]*"' "$work/run/last.safetensors" | grep -o '[0-9]*')
    "${resume[@]}" train --resume "$work/run" --steps $((step + 7)) >"$work/out" 2>&1 &&
        grep -aq '^weights  ' "$work/out" && grep -aq "^resumed .* after step $step\$" "$work/out" ||
        echo "cannot be resumed after step $step: $(tail -1 "$work/out")"
}

# part_disturb WHAT COUNT
part_disturb() {
    local i host survived=0
    for ((i = 1; i <= $2; i++)); do
        host=$((RANDOM % hosts))
        disturb "$1" $host >"$work/verdict"
        if [ -s "$work/verdict" ]; then
            echo "$1 $i, host$host: FAILED: $(paste -sd';' "$work/verdict")"
            cat "$work/ended" | tr '\r' '\n' | tail -20
        else
            survived=$((survived + 1))
            echo "$1 $i, host$host: $(paste -sd "" "$work/story")"
        fi
    done
    echo "$1: $survived of $2 ended by themselves within 30 s, named the rank, and were resumed if they had saved"
    [ "$survived" = "$2" ]
}
part_kill() { part_disturb kill "$1"; }
part_cut() { part_disturb cut "$1"; }

part_refusals() {
    "$source/tests/ranks.sh" "$vggcl" "$mpirun" && echo "refusals: as they should be"
}

failed=0
for part in "${parts[@]}"; do
    echo "--- $part"
    # shellcheck disable=SC2086  # a name and a number
    part_${part/ / } || failed=1
done
exit $failed
