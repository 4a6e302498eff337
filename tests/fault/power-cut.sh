#!/usr/bin/env bash
# Power cuts: what the program said was saved is on disk, and goes on to the same weights.
#
#     tests/fault/power-cut.sh PROGRAM [CUTS]
#
# Runs train in an ext4 file system in a file, and copies that file at CUTS (20) random moments, every fourth time just
# after the program has ended: a copy is what a disk holds after a power cut. Each copy is mounted, so that its journal is
# replayed, and its run is resumed to the end: it must begin at the last epoch that had been printed or later, and end with
# the weights of a run that nothing stopped. Prints "tried, survived, failed"; the exit status is 0 if none failed, 77 if
# the machine does not let it mount files: it needs root and loop devices.
set -euo pipefail
program=$(realpath "$1") cuts=${2:-20} epochs=30 steps=4 # steps: of an epoch
work=$(mktemp -d)
running= failed=0
finish() {
    [ -z "$running" ] || { kill -KILL "$running" && wait "$running"; } 2>/dev/null || true
    umount "$work/disk" "$work/copy" 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT
cd "$work"
mkdir disk copy

new_disk() {
    umount disk 2>/dev/null || true
    rm -f disk.img && truncate -s 32M disk.img && mkfs.ext4 -q disk.img && mount -o loop disk.img disk
}
new_disk 2>error || { echo "no file can be mounted here: $(tail -1 error)"; exit 77; }

train() { "$program" train --no-selfcheck "$@"; }
run=(--data synthetic:64,32 --model "8,M,8,M" --width 0.03125 --batch 16 --profile none --checkpoint-every 3
     --epochs $epochs)
weights() { sed -n 's/^weights  //p' "$1"; }
train "${run[@]}" --save whole >whole.txt
whole=$(weights whole.txt)

# What the disk holds now: copied until nothing was written meanwhile, while the program stands still.
copy_disk() {
    cp disk.img copy.img
    until cmp -s disk.img copy.img; do cp disk.img copy.img; done
}

# judge SAID: the copy against what the program had printed, the file SAID. Prints what was printed, then what is wrong.
judge() {
    local said=$1 least=0 printed
    printed=$(grep -c '^epoch .* test loss ' "$said" || true) # epochs that have ended
    least=$((printed * steps))
    echo "after $printed epochs$(grep -q '^done ' "$said" && echo ' and "done"' || true)"
    mount -o loop copy.img copy 2>&1 || { echo "the copy cannot be mounted"; return; }
    if ! grep -q '^save  ' "$said" && [ ! -e copy/run/last.safetensors ]; then
        :
    elif ! train --resume copy/run >resumed.txt 2>&1; then
        echo "cannot be resumed: $(tail -1 resumed.txt)"
    elif [ "$(sed -n 's/^resumed .* after step //p' resumed.txt)" -lt "$least" ]; then
        echo "lost: $(grep '^resumed' resumed.txt)"
    elif [ "$(weights resumed.txt)" != "$whole" ]; then
        echo "other weights: $(weights resumed.txt), not $whole"
    fi
    umount copy
}

tried=0
while [ $tried -lt "$cuts" ]; do
    if [ -z "$running" ]; then
        new_disk
        "$program" train --no-selfcheck "${run[@]}" --save disk/run >said.txt 2>&1 &
        running=$!
        # The first run is also cut before its first step.
        until [ $tried = 0 ] || grep -q '^start ' said.txt || ! kill -0 "$running" 2>/dev/null; do sleep 0.1; done
    fi
    if [ $((tried % 4)) = 3 ]; then
        wait "$running" || true # the cut is just after "done"
        running=
    else
        sleep "0.$((RANDOM % 6))$((RANDOM % 10))"
        kill -STOP "$running" 2>/dev/null || { wait "$running" || true; running=; }
    fi
    cp said.txt then.txt
    copy_disk
    tried=$((tried + 1))
    judge then.txt >verdict.txt
    [ "$(wc -l <verdict.txt)" = 1 ] || failed=$((failed + 1))
    echo "cut $tried: $(paste -sd: verdict.txt)"
    [ -z "$running" ] || kill -CONT "$running" 2>/dev/null || true
done
echo "power cuts: $tried tried, $((tried - failed)) survived, $failed failed"
[ $failed = 0 ]
