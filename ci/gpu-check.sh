#!/usr/bin/env bash
# gpu-check.sh [FLAGS]: runs all commands of vggcl on one device of this machine, and writes a report.
#
#   --device SEL    device selector, as for vggcl (default gpu: the machine's NVIDIA, AMD or Intel GPU)
#   --vggcl FILE    the program to test (default: build it in build-gpu)
#   --data DIR      CIFAR-10 (default $VGGCL_CIFAR10, else data/cifar-10-batches-bin, else synthetic images)
#   --width F       scale factor of every layer's number of channels (default 1)
#   --budget S      seconds for tune (default 60)
#   --report DIR    folder of the report (default gpu-check-DATE-TIME); summary.txt there has the printed lines
#   --help          print this text
#
# Runs devices, selfcheck, tune, bench, compare, a short training and its evaluation, in this order; later steps use the
# results of earlier ones, e.g. the tuned profile. Exit status: 0; 1 if a step failed; 2 for invalid flags.
set -uo pipefail
exec </dev/null
device=gpu vggcl='' data='' width=1 budget=60 report=gpu-check-$(date +%Y%m%d-%H%M%S)
wrong() { echo "gpu-check.sh: $1" >&2; exit "${2:-2}"; }
while [ $# -gt 0 ]; do
    case $1 in
    --help)
        sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//p}' "$0"
        exit
        ;;
    --device | --vggcl | --data | --width | --budget | --report)
        [ $# -gt 1 ] || wrong "$1 needs an argument"
        declare "${1#--}=$2"
        shift 2
        ;;
    *) wrong "no flag '$1'; --help lists them" ;;
    esac
done
[ -z "$vggcl" ] || vggcl=$(realpath "$vggcl")
data=${data:-${VGGCL_CIFAR10:-}}
[ -z "$data" ] || data=$(realpath -m "$data")
mkdir -p "$report" || exit
report=$(realpath "$report")
cd "$(dirname "$0")/.." || exit
[ -n "$data" ] || data=$PWD/data/cifar-10-batches-bin
[ -f "$data/data_batch_1.bin" ] || data=synthetic

# In containers the vendor's library is often installed without its .icd file; OpenCL then does not find the driver.
vendors=${OCL_ICD_VENDORS:-/etc/OpenCL/vendors}
# driver LIBRARY FILE: fails, and prints the fix, if the library is installed but no .icd file names it.
driver() {
    local path
    path=$({ ldconfig -p | awk '{print $NF}'; ls -d /usr/lib*/{,*/,*/*/}"$1" /opt/*/lib*/"$1" /usr/local/lib*/"$1"; } \
        2>/dev/null | grep -m 1 "/$1\$")
    [ -n "$path" ] || return 0
    ! grep -qrs "${1%%.so*}" "$vendors" || return 0
    echo "$path is there, but no file in $vendors names it, so that OpenCL does not know it. As root:"
    echo "    mkdir -p $vendors && echo $path > $vendors/$2"
    return 1
}
drivers() {
    local status=0
    driver libnvidia-opencl.so.1 nvidia.icd || status=1
    driver libamdocl64.so amdocl64.icd || status=1
    driver libigdrcl.so intel.icd || status=1
    return $status
}

failed=0
# step NAME COMMAND...: runs a step; its output goes to NAME.txt (or to NAME, if that ends in .json), pass or FAIL to the
# summary.
step() {
    local name=$1 file=$report/$1 started=$SECONDS verdict=pass
    shift
    [[ $name == *.json ]] || file+=.txt
    "$@" >"$file" 2>"$file.err" || { verdict=FAIL; failed=$((failed + 1)); }
    if [ "$verdict" = FAIL ] || [ "${file%.json}" = "$file" ]; then cat "$file.err" >>"$file"; fi
    rm -f "$file.err"
    printf '%-6s %-16s %5d s  %s\n' "$verdict" "$name" $((SECONDS - started)) "${file##*/}" | tee -a "$report/summary.txt"
    [ "$verdict" = pass ] || tail -n 3 "$file" | cut -c 1-300 | sed 's/^/       /' | tee -a "$report/summary.txt"
    [ "$verdict" = pass ]
}
build() {
    ci/packages.sh build && cmake -S . -B build-gpu -DCMAKE_BUILD_TYPE=Release -DVGGCL_TESTS=OFF &&
        cmake --build build-gpu --parallel "$(nproc)" --target vggcl
}
versions() {
    date -u +%FT%TZ
    uname -srm
    grep -m 1 'model name' /proc/cpuinfo
    "$vggcl" version
    git describe --always --dirty 2>/dev/null
    grep -s PRETTY_NAME /etc/os-release
    dpkg-query -W -f '${Package} ${Version}\n' ocl-icd-libopencl1 libclblast1 pocl-opencl-icd mesa-opencl-icd 2>/dev/null
    nvidia-smi 2>/dev/null
    grep -r . "$vendors"
}
# A short training: two epochs on part of CIFAR-10.
train() {
    "$vggcl" train --device "$device" --data "$data" --limit 10000 --width "$width" --epochs 2 --save "$report/save"
}

: >"$report/summary.txt"
step drivers drivers
if [ -z "$vggcl" ]; then
    vggcl=$PWD/build-gpu/vggcl
    step build build || exit 1
fi
step versions versions
step devices "$vggcl" devices
step selfcheck "$vggcl" selfcheck --device "$device" --width "$width"
step tune "$vggcl" tune --device "$device" --width "$width" --budget "$budget" --export "$report/profile.json"
step bench "$vggcl" bench --device "$device" --width "$width" --layers
step bench.json "$vggcl" bench --device "$device" --width "$width" --json
if "$vggcl" help compare >/dev/null 2>&1; then
    step compare "$vggcl" compare --device "$device" --html "$report/compare.html"
fi
step train train
step eval "$vggcl" eval --device "$device" --data "$data" --weights "$report/save/best.safetensors"
rm -f "$report"/save/*.safetensors
[ "$failed" = 0 ] && verdict="all steps passed" || verdict="$failed steps failed"
echo "$verdict; the report is $report" | tee -a "$report/summary.txt"
[ "$failed" = 0 ]
