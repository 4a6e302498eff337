#!/usr/bin/env python3
"""A folder of pictures in vggcl and in PyTorch: the same predictions, and the speed of decoding.

    VGGCL_CIFAR10=... python3 tests/bench/compare_pictures.py            # about 5 minutes on two cores
    python3 tests/bench/compare_pictures.py --photographs 10000 --pairs 5

Predictions: CIFAR-10's first test images, once as PNG files of 32 x 32 pixels, which both sides decode to the same bytes,
and once enlarged to JPEG files of several sizes and shapes, which each side scales by itself: PyTorch by torchvision's
Resize and CenterCrop. PyTorch's network is data/vggcl_torch.py with the weights that vggcl trained.
Exit status 1 if a prediction on equal bytes differs, or more than 1 % of the others.

Decoding: photographs of 1 megapixel (JPEG, quality 90; CIFAR-10's images enlarged, with noise) to 64 x 64 pixels: the time
of vggcl's whole first start, up to the first training step, beside that of one pass of torchvision's ImageFolder in a
DataLoader with as many workers as cores. Interleaved, a pair of runs at a time; above 1 vggcl is faster.

Needs Debian's python3-torch, python3-torchvision, python3-numpy and python3-pil."""
import argparse
import csv
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "data"))
try:
    import numpy as np
    import torch
    import torchvision
    import vggcl_torch
    from PIL import Image
except ImportError as missing:
    sys.exit(f"{missing}: apt-get install python3-torch python3-torchvision python3-numpy python3-pil")

WIDTH, SIDE, PHOTOGRAPH_SIDE, SEED = 0.25, 32, 64, 0
SIZES = [(48, 48), (64, 80), (200, 120), (333, 250), (97, 640)]  # width, height of the enlarged pictures
NAMES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]


def cifar_images(data, file, count):
    raw = np.fromfile(os.path.join(data, file), np.uint8).reshape(-1, 3073)[:count]
    return raw[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), raw[:, 0]


def write_pictures(folder, images, labels, convert):
    """convert(image, i) returns the picture and the ending of its file's name."""
    for i, (image, label) in enumerate(zip(images, labels)):
        inner = os.path.join(folder, NAMES[label])
        os.makedirs(inner, exist_ok=True)
        picture, ending = convert(Image.fromarray(image), i)
        picture.save(os.path.join(inner, f"{i:05}.{ending}"), quality=90)


def enlarged(image, i):
    return image.resize(SIZES[i % len(SIZES)], Image.BICUBIC), "jpg"


def photograph(image, i):
    grain = np.random.default_rng(i).normal(0, 6, (864, 1152, 1))
    pixels = np.asarray(image.resize((1152, 864), Image.BICUBIC), np.float32) + grain
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8)), "jpg"


# ------------------------------------------------------------------------------------------------------ predictions --


def predicted_by_vggcl(program, weights, folder):
    """The class of each file."""
    lines = subprocess.run([program, "predict", "--weights", weights, "--top", "1", "--csv", folder], check=True,
                           capture_output=True, text=True).stdout.splitlines()
    return {row["file"]: row["class"] for row in csv.DictReader(lines)}


def predicted_by_pytorch(weights, files):
    net, info = vggcl_torch.load(weights)
    scale = torchvision.transforms.Compose([torchvision.transforms.Resize(SIDE), torchvision.transforms.CenterCrop(SIDE),
                                            torchvision.transforms.PILToTensor()])
    pixels = torch.stack([scale(Image.open(file).convert("RGB")) for file in files])
    return {file: info.classes[k] for file, k in zip(files, vggcl_torch.predict(net, info, pixels).argmax(1).tolist())}


def compare_predictions(program, weights, folder, most_different):
    ours = predicted_by_vggcl(program, weights, folder)
    theirs = predicted_by_pytorch(weights, list(ours))
    equal = sum(ours[file] == theirs[file] for file in ours)
    right = sum(os.path.basename(os.path.dirname(file)) == name for file, name in ours.items())
    print(f"{equal} of {len(ours)} predictions alike ({100 * equal / len(ours):.1f} %), vggcl's right in {right}: "
          f"{os.path.basename(folder)}", flush=True)
    return len(ours) - equal <= most_different * len(ours)


def train(program, data, work, epochs):
    save = os.path.join(work, "save")
    subprocess.run([program, "train", "--data", data, "--width", str(WIDTH), "--recipe", "fast", "--epochs", str(epochs),
                    "--warmup", "1", "--seed", str(SEED), "--save", save], check=True, stdout=subprocess.DEVNULL)
    return os.path.join(save, "best.safetensors")


def check_predictions(arguments, work):
    images, labels = cifar_images(arguments.cifar, "test_batch.bin", arguments.pictures)
    same, other = (os.path.join(work, name) for name in ("equal-bytes", "scaled-by-each-side"))
    write_pictures(same, images, labels, lambda image, i: (image, "png"))
    write_pictures(other, images, labels, enlarged)
    weights = arguments.weights or train(arguments.vggcl, arguments.cifar, work, arguments.epochs)
    good = compare_predictions(arguments.vggcl, weights, same, 0)
    return compare_predictions(arguments.vggcl, weights, other, 0.01) and good


# --------------------------------------------------------------------------------------------------------- decoding --


def seconds_of_vggcl(program, folder, cache, work):
    shutil.rmtree(os.path.join(cache, "pictures"), ignore_errors=True)
    start = time.perf_counter()
    subprocess.run([program, "train", "--data", folder, "--size", str(PHOTOGRAPH_SIDE), "--model", "vgg11", "--width",
                    "0.03125", "--batch", "16", "--steps", "1", "--no-selfcheck", "--profile", "none", "--save",
                    os.path.join(work, "speed")], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                   env={**os.environ, "VGGCL_CACHE_DIR": cache})
    return time.perf_counter() - start


def seconds_of_pytorch(folder, cores):
    scale = torchvision.transforms.Compose([torchvision.transforms.Resize(PHOTOGRAPH_SIDE),
                                            torchvision.transforms.CenterCrop(PHOTOGRAPH_SIDE),
                                            torchvision.transforms.PILToTensor()])
    start = time.perf_counter()
    pictures = torchvision.datasets.ImageFolder(folder, scale)
    for _ in torch.utils.data.DataLoader(pictures, batch_size=128, num_workers=cores):
        pass
    return time.perf_counter() - start


def compare_decoding(arguments, work):
    images, labels = cifar_images(arguments.cifar, "data_batch_1.bin", arguments.photographs)
    folder, cache = os.path.join(work, "photographs"), os.path.join(work, "cache")
    write_pictures(folder, images, labels, photograph)
    seconds_of_vggcl(arguments.vggcl, folder, cache, work)  # compiles its kernels
    cores, ratios = len(os.sched_getaffinity(0)), []
    for pair in range(arguments.pairs):
        runs = [lambda: seconds_of_vggcl(arguments.vggcl, folder, cache, work), lambda: seconds_of_pytorch(folder, cores)]
        order = [0, 1] if pair % 2 == 0 else [1, 0]
        seconds = {k: runs[k]() for k in order}
        ratios.append(seconds[1] / seconds[0])
        print(f"{len(images)} photographs: vggcl {seconds[0]:.1f} s, PyTorch {seconds[1]:.1f} s, {cores} cores: "
              f"{ratios[-1]:.2f}", flush=True)
    print(f"decoding: {statistics.median(ratios):.2f} times as fast (pairs {min(ratios):.2f} to {max(ratios):.2f})")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vggcl", default=os.path.join(HERE, "..", "..", "build", "vggcl"), help="the program")
    parser.add_argument("--cifar", default=os.environ.get("VGGCL_CIFAR10"), help="CIFAR-10's folder (default $VGGCL_CIFAR10)")
    parser.add_argument("--weights", help=f"weights of a VGG16 of width {WIDTH} (default: train one)")
    parser.add_argument("--epochs", type=int, default=3, help="of that training (default 3)")
    parser.add_argument("--pictures", type=int, default=1000, help="predicted pictures (default 1000)")
    parser.add_argument("--photographs", type=int, default=1000, help="decoded photographs, at most 10000 (default 1000)")
    parser.add_argument("--pairs", type=int, default=3, help="pairs of runs; 0 leaves decoding out (default 3)")
    arguments = parser.parse_args()
    if not arguments.cifar:
        parser.error("set VGGCL_CIFAR10, or --cifar, to the folder of CIFAR-10's binary version")
    with tempfile.TemporaryDirectory() as work:
        good = check_predictions(arguments, work)
        if arguments.pairs:
            compare_decoding(arguments, work)
    sys.exit(not good)


if __name__ == "__main__":
    main()
