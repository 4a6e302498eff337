#!/usr/bin/env bash
# compare_pytorch.sh [FLAGS]: vggcl against PyTorch, interleaved, on the same cores through PoCL, or on the same GPU.
#
#   tests/bench/compare_pytorch.sh                  train at batch 128 and 32, eval: 5 pairs, some minutes
#   tests/bench/compare_pytorch.sh --layers         each 3x3 convolution in each direction too
#   tests/bench/compare_pytorch.sh --pairs 0 --batches      vggcl alone, by batch
#   tests/bench/compare_pytorch.sh --device gpu --pytorch-device cuda
#
#   --pairs N     pairs of runs (default 5); who runs first changes from pair to pair
#   --steps N     timed steps of a run (default 10)
#   --width F     scales every layer's number of channels (default 1)
#   --layers      each 3x3 convolution too
#   --batches     vggcl's images per second at batch 32, 64, 128, 256 and 512 too, interleaved: medians of as many runs
#                 as there are pairs, or of 5
#   --device SEL  vggcl's device (default "Portable Computing Language")
#   --pytorch-device NAME    PyTorch's: cpu (default), or cuda: in float32, without TF32
#   --cores LIST  the cores for both, as taskset takes them: 0-3 (default: all)
#   --vggcl FILE  the program (default build/vggcl)
#   --json        one object, for scripts
#   --short       does it run at all: one pair, a narrow network, two steps, everything above; the numbers say nothing
#   --help        this text
#
# A row has the medians of both, then the median, the least and the largest of the pairs' ratios: above 1 vggcl is
# faster. Both get the same network (VGG16, batch normalisation, dropout of channels, SGD with momentum) and a thread a
# core; of PyTorch's memory formats the faster one counts. The machine should do nothing else meanwhile. Exit status: 0,
# or 1 where something does not run, 2 for wrong flags. Needs the Debian packages pocl-opencl-icd, python3-torch and
# python3-numpy; $PYTHON (default /usr/bin/python3) names a Python that has the latter.
set -euo pipefail
exec </dev/null
here=$(cd "$(dirname "$0")" && pwd)
vggcl=$here/../../build/vggcl
python=${PYTHON:-/usr/bin/python3}
device="Portable Computing Language" pytorch_device=cpu
pairs=5 steps=10 width=1 batches=(128 32) more_batches=(32 64 128 256 512)
form=text cores='' layers=() by_batch=false

wrong() { echo "compare_pytorch.sh: $1" >&2; exit "${2:-2}"; }
whole() { [[ $2 =~ ^[0-9]+$ ]] || wrong "$1 takes a whole number, not '$2'"; }
while [ $# -gt 0 ]; do
    case $1 in
    --pairs | --steps | --width | --device | --pytorch-device | --cores | --vggcl)
        [ $# -gt 1 ] || wrong "$1 needs an argument"
        ;;
    esac
    case $1 in
    --pairs) whole "$@"; pairs=$2; shift ;;
    --steps) whole "$@"; steps=$2; shift ;;
    --width) width=$2; shift ;;
    --cores) cores=$2; shift ;;
    --vggcl) vggcl=$2; shift ;;
    --device) device=$2; shift ;;
    --pytorch-device) pytorch_device=$2; shift ;;
    --layers) layers=(--layers) ;;
    --batches) by_batch=true ;;
    --json) form=json ;;
    --short) pairs=1 steps=2 width=0.125 batches=(8 4) more_batches=(4 8) layers=(--layers) by_batch=true ;;
    --help)
        sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//p}' "$0"
        exit
        ;;
    *) wrong "no flag '$1'; --help lists them" ;;
    esac
    shift
done
[ -x "$vggcl" ] || wrong "$vggcl is not there: build it first (cmake -S . -B build && cmake --build build)" 1
if [ "$pairs" != 0 ]; then
    "$python" -c 'import numpy, torch' 2>/dev/null ||
        wrong "$python has no PyTorch or numpy: apt-get install python3-torch python3-numpy" 1
fi

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
on_cores=()
[ -z "$cores" ] || on_cores=(taskset -c "$cores")
threads=$("${on_cores[@]}" nproc)
export POCL_MAX_PTHREAD_COUNT=$threads OMP_NUM_THREADS=$threads

# Each writes its JSON to a file of the folder; what fails ends the script.
run_vggcl() {
    "${on_cores[@]}" "$vggcl" bench --json --device "$device" --batch "$2" --steps "$steps" --width "$width" >"$folder/$1.json" ||
        wrong "vggcl bench --device '$device' --batch $2 failed; PoCL is the package pocl-opencl-icd" 1
}
run_pytorch() {
    local flags=()
    [ "$2" != "${batches[0]}" ] || flags=("${layers[@]}")
    "${on_cores[@]}" "$python" "$here/pytorch_bench.py" --device "$pytorch_device" --batch "$2" --steps "$steps" --width "$width" \
        --threads "$threads" "${flags[@]}" >"$folder/$1.json" || wrong "pytorch_bench.py --batch $2 failed" 1
}
progress() { [ ! -t 2 ] || printf '\r\033[K%s' "$1" >&2; }

"$python" - "$folder" "$pairs" "$width" "$threads" "${batches[@]}" <<'END'
import datetime, json, re, sys
folder, pairs, width, cores, *batches = sys.argv[1:]
with open("/proc/cpuinfo", encoding="utf-8") as file:
    models = re.findall(r"model name\s*: (.*)", file.read())
about = {"date": datetime.date.today().isoformat(), "cpu": models[0] if models else "unknown CPU", "cores": int(cores),
         "pairs": int(pairs), "width": float(width), "batches": [int(b) for b in batches]}
with open(f"{folder}/about.json", "w", encoding="utf-8") as file:
    json.dump(about, file)
END

for ((p = 0; p < pairs; p++)); do
    progress "pair $((p + 1)) of $pairs"
    order=(vggcl pytorch)
    ((p % 2 == 0)) || order=(pytorch vggcl)
    for batch in "${batches[@]}"; do
        for who in "${order[@]}"; do
            "run_$who" "$who-$p-$batch" "$batch"
        done
    done
done
for ((run = 0; run < (pairs ? pairs : 5); run++)); do
    $by_batch || break
    for batch in "${more_batches[@]}"; do
        progress "by batch, run $((run + 1)): $batch"
        run_vggcl "batches-$run-$batch" "$batch"
    done
done
progress ''
"$python" "$here/report.py" "$folder" "$form"
