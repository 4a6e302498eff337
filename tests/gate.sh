#!/usr/bin/env bash
# gate.sh PROGRAM STUB: data/gate/bisect.sh as the command of `git bisect run`, in a repository whose commits have PoCL, a
# driver that crashes (tests/icd/stub.c), one that is missing, or do not build. Wrong variables end the bisection.
set -euo pipefail
program=$1 stub=$2 gate=$(realpath "$(dirname "$0")/../data/gate")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed() { echo "gate.sh: $1"; cat "$work/log"; exit 1; }
pocl=$(grep -ril pocl "${OCL_ICD_VENDORS:-/etc/OpenCL/vendors}" | head -1)
[ -n "$pocl" ] || { echo "gate.sh: PoCL has no .icd file in ${OCL_ICD_VENDORS:-/etc/OpenCL/vendors}"; exit 1; }
git() { command git -C "$work/driver" -c user.name=test -c user.email=test@example.org "$@"; }
mkdir "$work/driver" "$work/temporary"
export TMPDIR=$work/temporary ASAN_OPTIONS=handle_segv=0:detect_leaks=0 # a crash is to be a crash, and nothing else
git init --quiet
# commit NAME ICD BUILD: a version of the driver; BUILD is what its build script does.
commit() {
    echo "$2" >"$work/driver/source.icd"
    echo "$3" >"$work/driver/build.sh"
    git add source.icd build.sh
    git commit --quiet --allow-empty --message "$1"
}
make='mkdir -p build; cp source.icd build/driver.icd'
right=$(cat "$pocl")
commit first "$right" "$make"
good=$(git rev-parse HEAD)
commit second "$right" "$make # 2"
commit 'does not build' "$right" false
commit third "$right" "$make # 3"
commit crashes "$stub" "$make"
bad=$(git rev-parse HEAD)
commit 'not loaded' /nowhere/libdriver.so "$make"
commit 'still crashes' "$stub" "$make # 2"
commit last "$stub" "$make # 3"

export GATE_BUILD='rm -rf build && sh build.sh' GATE_DRIVER=build/driver.icd GATE_VGGCL=$program
export GATE_CHECK='--quick --model vgg11 --width 0.03125 --batch 2 --only flatten'
{ git bisect start HEAD "$good" && git bisect run "$gate/bisect.sh"; } >"$work/log" 2>&1 || failed "git bisect run failed"
[ "$(git rev-parse refs/bisect/bad)" = "$bad" ] || failed "the bisection ended at another commit"
grep -q 'killed by SIGSEGV' "$work/log" || failed "the crash is not named"

cd "$work/driver"
git checkout --quiet "$good" 2>"$work/log"
# ends STATUS VARIABLE...: the script's exit status with other variables.
ends() {
    local expected=$1 status=0
    shift
    env "$@" "$gate/bisect.sh" >"$work/log" 2>&1 || status=$?
    [ "$status" = "$expected" ] || failed "$*: exit status $status, not $expected"
}
ends 0 GATE_CHECK="$GATE_CHECK"
ends 255 GATE_BUILD=
ends 255 GATE_DRIVER=build.sh
ends 255 GATE_VGGCL=/nowhere/vggcl
ends 255 GATE_CHECK='--only nothing'
ends 125 GATE_DRIVER=build/other.so
ends 4 GATE_BUILD=: GATE_DRIVER="$stub"
ls -A "$TMPDIR" >"$work/log"
[ ! -s "$work/log" ] || failed "bisect.sh leaves folders behind"
