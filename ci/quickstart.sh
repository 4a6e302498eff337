#!/usr/bin/env bash
# Builds vggcl, then trains and tests a network, in under five minutes on two CPU cores, plus the time for downloads
# (packages, and 162 MiB for CIFAR-10). Uses CIFAR-10 in $VGGCL_CIFAR10 or data/cifar-10-batches-bin, and downloads it to
# the latter if it is missing; without a network connection it uses synthetic images.
set -euo pipefail
[ -z "${VGGCL_CIFAR10:-}" ] || VGGCL_CIFAR10=$(realpath -m "$VGGCL_CIFAR10")
cd "$(dirname "$0")/.."

model=vgg16
width=0.25
batch=64
flags=(--no-dropout) # not needed for such a narrow network and so few epochs
synthetic_size=(--epochs 4)
cifar_size=(--epochs 4 --limit 10000)
save=save/quickstart-$(date +%Y%m%d-%H%M%S) # a new folder for each run, so that nothing is overwritten

ci/packages.sh build
cmake -S . -B build -DCMAKE_BUILD_TYPE=Release -DVGGCL_TESTS=OFF >/dev/null
cmake --build build --parallel "$(nproc)" --target vggcl

data=${VGGCL_CIFAR10:-data/cifar-10-batches-bin}
if [ -z "${VGGCL_CIFAR10:-}" ] && [ ! -e "$data" ]; then
    build/vggcl fetch --timeout 20 || [ $? = 1 ] # continue if the download fails, but not if it is interrupted
fi
if [ -f "$data/data_batch_1.bin" ]; then
    echo "Training on CIFAR-10 in $data"
    size=("${cifar_size[@]}")
else
    echo "Training on synthetic images: there is no CIFAR-10 in $data (build/vggcl fetch gets it)"
    data=synthetic
    size=("${synthetic_size[@]}")
fi
build/vggcl train --data "$data" --model $model --width $width --batch $batch "${flags[@]}" "${size[@]}" --save "$save"
build/vggcl eval --data "$data" --weights "$save/best.safetensors"

# What follows is printed so that it can be typed as it stands.
data_flag=()
[ "$data" = data/cifar-10-batches-bin ] || data_flag=(--data "$data")
cat <<END

Done. The network and its accuracy per epoch are in $save. Next:

    build/vggcl inspect --weights $save/best.safetensors --out $save/inspect
        writes $save/inspect/inspect.html: what the network sees and gets wrong
    build/vggcl train --resume $save --epochs 8
        trains it for four more epochs
    build/vggcl train --recipe quick ${data_flag[@]+$(printf '%q ' "${data_flag[@]}")}--save save/quick
        trains VGG16 at full width: 90 to 91 % of CIFAR-10 after 8 epochs

README.md explains them; build/vggcl --help lists all commands.
END
