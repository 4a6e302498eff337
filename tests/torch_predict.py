#!/usr/bin/env python3
"""torch_predict.py PROGRAM: data/vggcl_torch.py in the real PyTorch gives the probabilities of `vggcl predict` on the same
pixels, for networks of several kinds. Exit status 77, which counts as skipped, without PyTorch or Pillow."""
import json
import os
import random
import re
import struct
import subprocess
import sys
import tempfile

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
MODULE = os.path.join(ROOT, "data", "vggcl_torch.py")
sys.path.insert(0, os.path.dirname(MODULE))
sys.dont_write_bytecode = True
try:
    import PIL.Image
    import torch
except ImportError as missing:
    print(f"skipped: {missing}: apt-get install python3-torch python3-pil")
    sys.exit(77)
import vggcl_torch

PROGRAM = os.path.abspath(sys.argv[1])
TOLERANCE, SCALED_TOLERANCE = 1e-4, 2e-2  # of probabilities; of pictures that each side scales, to bytes that may differ by 1
COMMON = ["--profile", "none", "--no-selfcheck"]


def vggcl(*words):
    result = subprocess.run([PROGRAM, *map(str, words)], capture_output=True, text=True)
    if result.returncode:
        sys.exit(f"vggcl {' '.join(map(str, words))}: {result.stderr}")
    return result.stdout


def write_grey_set(folder, side, count):
    """MNIST's files with random pictures of two classes."""
    os.makedirs(folder)
    for part in ("train", "t10k"):
        pixels = b"".join(draw("L", side, side).tobytes() for _ in range(count))
        with open(f"{folder}/{part}-images-idx3-ubyte", "wb") as file:
            file.write(struct.pack(">IIII", 2051, count, side, side) + pixels)
        with open(f"{folder}/{part}-labels-idx1-ubyte", "wb") as file:
            file.write(struct.pack(">II", 2049, count) + bytes(i % 2 for i in range(count)))


def draw(mode, width, height):
    """A coarse random picture: noise alone would give all pictures the same features."""
    bands = 1 if mode == "L" else 3
    small = PIL.Image.frombytes(mode, (4, 4), bytes(random.randrange(256) for _ in range(16 * bands)))
    return small.resize((width, height), PIL.Image.BICUBIC)


def put_pictures(folder, mode, width, height):
    os.makedirs(folder, exist_ok=True)
    paths = [f"{folder}/{i}.png" for i in range(8)]
    for path in paths:
        draw(mode, width, height).save(path)
    return paths


def sharpen(path, out, pictures):
    """Another last layer, by which the probabilities of the pictures differ; and a file without vggcl's checksum."""
    weights, metadata = vggcl_torch.read_safetensors(path)
    net, info = vggcl_torch.load(path)
    last = max(name for name in weights if name.startswith("fc"))[:len("fc1")]
    with torch.no_grad():
        pixels = torch.stack([vggcl_torch.read_picture(picture, info) for picture in pictures])
        logits = net(vggcl_torch.preprocess(info, pixels)) - weights[f"{last}.bias"]
    factor = 2 / logits.std(0).max()
    weights[f"{last}.weight"] *= factor
    weights[f"{last}.bias"] = -factor * logits.mean(0)
    del metadata["vggcl.checksum"]
    vggcl_torch.write_safetensors(out, weights, metadata)


def predicted_by_vggcl(weights, paths, classes):
    lines = vggcl("predict", "--weights", weights, "--top", len(classes), "--json", *COMMON, *paths).splitlines()
    rows = [{p["class"]: p["probability"] for p in json.loads(line)["predictions"]} for line in lines]
    return torch.tensor([[row[name] for name in classes] for row in rows])


def compare(name, weights, paths, tolerance):
    net, info = vggcl_torch.load(weights)
    ours, theirs = predicted_by_vggcl(weights, paths, info.classes), vggcl_torch.predict(net, info, paths)
    difference, spread = (ours - theirs).abs().max().item(), theirs.std(0).max().item()
    print(f"{name}: largest difference {difference:.1e} of {theirs.numel()} probabilities, whose deviation is {spread:.2f}")
    if not difference <= tolerance or spread < 0.05:
        sys.exit(f"{name}: the probabilities differ, or are all alike")
    return net, info


def check_network(name, data, options, mode="RGB", sides=(32, 32)):
    vggcl("train", "--data", data, *options, "--batch", 16, "--epochs", 1, "--lr", 0.02, *COMMON, "--save", name)
    pictures = put_pictures(f"{name}-same", mode, *sides)
    sharpen(f"{name}/best.safetensors", f"{name}.safetensors", pictures)
    compare(name, f"{name}.safetensors", pictures, TOLERANCE)
    return compare(name + ", scaled", f"{name}.safetensors", put_pictures(f"{name}-scaled", mode, 97, 64), SCALED_TOLERANCE)


def check_program():
    """The file as a program, and the README's lines, whose file names are those of a first run."""
    vggcl("predict", "--weights", "plain/best.safetensors", "plain-same/0.png", *COMMON)
    os.rename("plain", "save")
    os.rename("plain-same/0.png", "a.png")
    said = subprocess.run([sys.executable, MODULE, "save/best.safetensors", "a.png"], capture_output=True, text=True).stdout
    ours = vggcl("predict", "--weights", "save/best.safetensors", "a.png", *COMMON)
    if said.split() != ours.split():
        sys.exit(f"vggcl_torch.py says {said}vggcl says {ours}")
    readme = re.search("```python\n(.*?)```", open(os.path.join(ROOT, "README.md")).read(), re.S).group(1)
    path = dict(os.environ, PYTHONPATH=os.path.dirname(MODULE), PYTHONDONTWRITEBYTECODE="1")
    printed = subprocess.run([sys.executable, "-c", readme], capture_output=True, text=True, env=path)
    if printed.stdout.split() != ours.split()[1:2]:
        sys.exit(f"README.md's lines print {printed.stdout}{printed.stderr}not {ours.split()[1]}")


def main():
    random.seed(1)
    with tempfile.TemporaryDirectory() as work:
        os.chdir(work)
        write_grey_set("grey-set", 28, 32)
        check_network("plain", "synthetic:48,16", ["--model", "vgg11", "--width", 0.0625, "--no-bn"])
        check_network("list", "synthetic:48,16", ["--model", "8,M,16,16,M,24", "--head", "avgpool", "--size", 40,
                                                  "--normalize", "imagenet"], sides=(40, 40))
        net, info = check_network("grey", "grey-set", ["--model", "vgg11", "--width", 0.0625], "L", (28, 28))
        if "bn1_1" not in dict(net.named_children()) or info.channels != 1 or info.classes != ["0", "1"]:
            sys.exit("grey: is another network")
        check_program()


main()
