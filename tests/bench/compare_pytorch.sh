#!/usr/bin/env bash
# compare_pytorch.sh [FLAGS]: vggcl against PyTorch, interleaved, on the same cores through PoCL, or on the same GPU.
#
#   tests/bench/compare_pytorch.sh                  train at batch 128 and 32, eval: 5 pairs, some minutes
#   tests/bench/compare_pytorch.sh --layers         each 3x3 convolution in each direction too
#   tests/bench/compare_pytorch.sh --pairs 0 --batches      vggcl alone, by batch
#   tests/bench/compare_pytorch.sh --pytorch ~/venv/bin/python --precision float,bf16
#   tests/bench/compare_pytorch.sh --device gpu --pytorch-device cuda
#
#   --pairs N     pairs of runs (default 5); who runs first changes from pair to pair
#   --steps N     timed steps of a run (default 10)
#   --width F     scales every layer's number of channels (default 1)
#   --batch LIST  images a step (default 128,32); evaluation, memory and --layers are at the first
#   --layers      each 3x3 convolution too
#   --batches     vggcl's images per second at batch 32, 64, 128, 256 and 512 too, interleaved: medians of as many runs
#                 as there are pairs, or of 5
#   --precision LIST         vggcl's precisions, such as float,bf16: each is compared with PyTorch, and the others with
#                 the first (default: vggcl's default)
#   --device SEL  vggcl's device (default "Portable Computing Language")
#   --pytorch PYTHON         a Python that has PyTorch and numpy, such as a virtual environment's bin/python (default
#                 $PYTHON, else /usr/bin/python3)
#   --pytorch-device NAME    PyTorch's: cpu (default), or cuda: float32 is without TF32
#   --modes REGEX            only those of PyTorch's modes whose names match, e.g. '^float32 .* eager' (default: all)
#   --cores LIST  the cores for both, as taskset takes them: 0-3 (default: all)
#   --vggcl FILE  the program (default build/vggcl)
#   --json        one object, for scripts
#   --short       does it run at all: one pair, a narrow network, two steps, two modes, everything above; the numbers
#                 say nothing
#   --help        this text
#
# PyTorch's modes are float32 and bfloat16 (autocast), each contiguous and channels_last, each eager and compiled; with
# cuda also torch.compile(mode="reduce-overhead") and CUDA graphs. First each runs a few steps, which takes some
# minutes, most of them to compile; torch.compile needs PyTorch 2, a C++ compiler and Python's headers. The pairs then
# compare vggcl with the fastest mode, for training and evaluation at each batch, which the row names.
#
# A row has the medians of both, then the median, the least and the largest of the pairs' ratios: above 1 vggcl is
# faster, or takes less memory: its buffers on the device, beside what training adds to the memory of PyTorch's process
# (on a GPU, to PyTorch's tensors). Both get the same network (VGG16, batch normalisation, dropout of channels, SGD with
# momentum) and a thread a core. The machine should do nothing else meanwhile. Exit status: 0, or 1 where something does
# not run, 2 for wrong flags. Needs the Debian packages pocl-opencl-icd, python3-torch and python3-numpy, or another
# OpenCL driver and PyTorch.
set -euo pipefail
exec </dev/null
here=$(cd "$(dirname "$0")" && pwd)
vggcl=$here/../../build/vggcl
python=${PYTHON:-/usr/bin/python3}
device="Portable Computing Language" pytorch_device=cpu
pairs=5 steps=10 width=1 batches=(128 32) more_batches=(32 64 128 256 512)
form=text cores='' modes=. layers=() by_batch=false sides=(vggcl)

wrong() { echo "compare_pytorch.sh: $1" >&2; exit "${2:-2}"; }
whole() { [[ $2 =~ ^[0-9]+$ ]] || wrong "$1 takes a whole number, not '$2'"; }
while [ $# -gt 0 ]; do
    case $1 in
    --pairs | --steps | --width | --batch | --precision | --cores | --modes | \
        --vggcl | --device | --pytorch | --pytorch-device)
        [ $# -gt 1 ] || wrong "$1 needs an argument"
        ;;
    esac
    case $1 in
    --pairs) whole "$@"; pairs=$2; shift ;;
    --steps) whole "$@"; steps=$2; shift ;;
    --width) width=$2; shift ;;
    --batch)
        [[ $2 =~ ^[0-9]+(,[0-9]+)*$ ]] || wrong "--batch takes a list such as 128,32, not '$2'"
        IFS=, read -ra batches <<<"$2"
        shift
        ;;
    --cores) cores=$2; shift ;;
    --vggcl) vggcl=$2; shift ;;
    --device) device=$2; shift ;;
    --precision)
        [[ $2 =~ ^[a-z0-9]+(,[a-z0-9]+)*$ ]] || wrong "--precision takes a list such as float,bf16, not '$2'"
        IFS=, read -ra sides <<<"$2"
        sides=("${sides[@]/#/vggcl-}")
        shift
        ;;
    --pytorch) python=$2; shift ;;
    --modes) modes=$2; shift ;;
    --pytorch-device) pytorch_device=$2; shift ;;
    --layers) layers=(--layers) ;;
    --batches) by_batch=true ;;
    --json) form=json ;;
    --short)
        pairs=1 steps=2 width=0.125 batches=(8 4) more_batches=(8) layers=(--layers) by_batch=true
        modes='float32 contiguous eager|bfloat16 channels_last eager'
        ;;
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
    sides+=(pytorch)
    "$python" -c 'import numpy, torch' 2>/dev/null ||
        wrong "$python has no PyTorch or numpy: apt-get install python3-torch python3-numpy, or --pytorch PYTHON" 1
fi

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
on_cores=()
[ -z "$cores" ] || on_cores=(taskset -c "$cores")
threads=$("${on_cores[@]}" nproc)
export POCL_MAX_PTHREAD_COUNT=$threads OMP_NUM_THREADS=$threads TORCHINDUCTOR_CACHE_DIR=$folder/inductor

# run SIDE FILE BATCH: FILE gets the JSON of a run; what fails ends the script.
run() {
    case $1 in
    pytorch) run_pytorch --chosen "$folder/chosen" --batch "$3" "${layers[@]}" ;;
    *) run_vggcl "$3" "$1" ;;
    esac >"$folder/$2.json"
}
run_vggcl() {
    local flags=(--device "$device" --batch "$1" --steps "$steps" --width "$width")
    [ "$2" = vggcl ] || flags+=(--precision "${2#vggcl-}")
    "${on_cores[@]}" "$vggcl" bench --json "${flags[@]}" ||
        wrong "vggcl bench ${flags[*]} failed; PoCL is the package pocl-opencl-icd" $(($? == 2 ? 2 : 1))
}
run_pytorch() {
    "${on_cores[@]}" "$python" "$here/pytorch_bench.py" --device "$pytorch_device" --steps "$steps" --width "$width" \
        --threads "$threads" --modes "$modes" "$@" || wrong "pytorch_bench.py $* failed" $(($? == 2 ? 2 : 1))
}
progress() { [ ! -t 2 ] || printf '\r\033[K%s' "$1" >&2; }

if [ "$pairs" != 0 ]; then
    progress "PyTorch's modes"
    run_pytorch --choose --batch "${batches[@]}" >"$folder/chosen"
fi
for ((p = 0; p < pairs; p++)); do
    progress "pair $((p + 1)) of $pairs"
    first=$((p % ${#sides[@]}))
    for batch in "${batches[@]}"; do
        for who in "${sides[@]:first}" "${sides[@]:0:first}"; do
            run "$who" "$who-$p-$batch" "$batch"
        done
    done
done
for ((r = 0; r < (pairs ? pairs : 5); r++)); do
    $by_batch || break
    for batch in "${more_batches[@]}"; do
        progress "by batch, run $((r + 1)): $batch"
        for who in "${sides[@]}"; do
            [ "$who" = pytorch ] || run "$who" "batches-$who-$r-$batch" "$batch"
        done
    done
done
progress ''
"$python" "$here/report.py" "$folder" "$form" "$pairs" "$threads" "$width" "${batches[*]}" "${sides[@]}"
