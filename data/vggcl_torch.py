#!/usr/bin/env python3
"""vggcl_torch.py - the networks that vggcl trains, in PyTorch.

    import vggcl_torch
    net, info = vggcl_torch.load("save/best.safetensors")
    probabilities = vggcl_torch.predict(net, info, ["a.png", "b.jpg"])   # a row for each picture
    print(info.classes[probabilities[0].argmax()])

As a program, which says what is on pictures, as vggcl predict does:

    python3 vggcl_torch.py save/best.safetensors a.png b.jpg

load() builds the network from the names and shapes of the tensors in the file: VGG11 to VGG19 or any list of layers, of any
width, with and without batch normalisation, for images of any size. The file's metadata say how pixels are normalised, how
large the images are and what the classes are called. Needs PyTorch 1.13 or later, and Pillow for picture files.

Part of vggcl. MIT license."""
import argparse
import collections
import ctypes
import json
import sys
import types

try:
    import torch
    from torch import nn
except ImportError as missing:
    sys.exit(f"{missing}: install PyTorch, e.g. by: apt-get install python3-torch, or: pip install torch")

DTYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "F64": torch.float64, "I64": torch.int64,
          "I32": torch.int32, "I16": torch.int16, "I8": torch.int8, "U8": torch.uint8, "BOOL": torch.bool}
NAMES = {dtype: name for name, dtype in DTYPES.items()}

# ------------------------------------------------------------------------------------------------- safetensors files --


def read_safetensors(path):
    """The tensors of a file by their names, and its metadata."""
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= 100_000_000:
            raise ValueError(f"{path}: is not a safetensors file")
        header, data = json.loads(file.read(length)), file.read()
    metadata = header.pop("__metadata__", {})
    return {name: _tensor(data, entry) for name, entry in header.items()}, metadata


def _tensor(data, entry):
    part = bytearray(data[slice(*entry["data_offsets"])])
    dtype = DTYPES[entry["dtype"]]
    return (torch.frombuffer(part, dtype=dtype) if part else torch.empty(0, dtype=dtype)).reshape(entry["shape"])


def write_safetensors(path, tensors, metadata=None):
    """Writes tensors, a dict by name; metadata: a dict of texts."""
    tensors = {name: t.detach().cpu().contiguous() for name, t in tensors.items()}
    header, end = {"__metadata__": {"format": "pt", **(metadata or {})}}, 0
    for name, t in tensors.items():
        begin, end = end, end + t.numel() * t.element_size()
        header[name] = {"dtype": NAMES[t.dtype], "shape": list(t.shape), "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for t in tensors.values():
            file.write(ctypes.string_at(t.data_ptr(), t.numel() * t.element_size()))


# ------------------------------------------------------------------------------------------------------- the network --


class Pool(nn.MaxPool2d):
    """2 x 2; leaves images alone that are only one pixel high or wide, as vggcl does."""

    def forward(self, x):
        return super().forward(x) if min(x.shape[-2:]) > 1 else x


def build(weights, metadata=None):
    """The network that has these tensors: a Sequential of layers called as in vggcl, conv1_1 to fc2."""
    metadata = metadata or {}
    if "conv1_1.weight" not in weights or "fc1.weight" not in weights:
        raise ValueError("has no conv1_1.weight and fc1.weight: make vggcl's names of other ones by: vggcl convert IN OUT")
    layers = collections.OrderedDict()
    stages = _count(weights, "conv{}_1")
    for stage in range(1, stages + 1):
        for i in range(1, _count(weights, f"conv{stage}_{{}}") + 1):
            outputs, inputs = weights[f"conv{stage}_{i}.weight"].shape[:2]
            layers[f"conv{stage}_{i}"] = nn.Conv2d(inputs, outputs, 3, padding=1)
            if f"bn{stage}_{i}.weight" in weights:
                layers[f"bn{stage}_{i}"] = nn.BatchNorm2d(outputs)
            layers[f"relu{stage}_{i}"] = nn.ReLU()
        if stage < stages or _ends_with_pooling(metadata.get("model", "")):
            layers[f"pool{stage}"] = Pool(2)
    if metadata.get("head") == "avgpool" and weights["fc1.weight"].shape[1] == outputs:
        layers["avgpool"] = nn.AdaptiveAvgPool2d(1)
    layers["flatten"] = nn.Flatten()
    for i in range(1, _count(weights, "fc{}") + 1):
        if i > 1:
            layers[f"relu{i - 1}"] = nn.ReLU()
        outputs, inputs = weights[f"fc{i}.weight"].shape
        layers[f"fc{i}"] = nn.Linear(inputs, outputs)
    net = nn.Sequential(layers)
    wanted = [name for name in net.state_dict() if not name.endswith("num_batches_tracked")]
    net.load_state_dict({name: weights[name].float() for name in wanted})
    return net.eval()


def _count(weights, layer):
    """The number of layers called "fc1", "fc2", ..., for layer "fc{}"."""
    count = 0
    while layer.format(count + 1) + ".weight" in weights:
        count += 1
    return count


def _ends_with_pooling(model):
    """model: "vgg16", or a list as "64,M,128"; the numbers of linear layers, "L512", follow the others."""
    layers = [layer for layer in model.split(",") if not layer.startswith("L")]
    return not layers[-1].isdigit()


def load(path):
    """The network in a file, in evaluation mode, and what the file says about it: classes (names), height and width (of
    images, in pixels), channels, mean and std (of each channel, of pixels from 0 to 1), metadata."""
    weights, metadata = read_safetensors(path)
    try:
        net = build(weights, metadata)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    channels, classes = weights["conv1_1.weight"].shape[1], list(net.children())[-1].out_features

    side = int(metadata.get("size", 0)) or 32  # if the file does not say it of height and width

    def numbers(key):
        return json.loads(metadata.get(key, "null")) or [0.5] * channels

    return net, types.SimpleNamespace(classes=json.loads(metadata.get("classes", "null")) or [str(i) for i in range(classes)],
                                      height=int(metadata.get("image.height", side)), width=int(metadata.get("image.width", side)),
                                      channels=channels, mean=numbers("image.mean"), std=numbers("image.std"),
                                      metadata=metadata)


# -------------------------------------------------------------------------------------------------------- predicting --


def read_picture(picture, info):
    """Pixels of a picture file, or of Pillow's Image, as the network takes them: uint8, channels x height x width. Scaled
    until it covers that size, and cropped at its centre, as by torchvision's Resize and CenterCrop."""
    try:
        from PIL import Image, ImageOps
    except ImportError as missing:
        sys.exit(f"{missing}: install Pillow, e.g. by: apt-get install python3-pil, or: pip install pillow")
    image = ImageOps.exif_transpose(picture if isinstance(picture, Image.Image) else Image.open(picture))
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    image = image.convert("RGB" if info.channels == 3 else "L")
    height, width = info.height, info.width
    if image.height * width >= image.width * height:
        size = width, image.height * width // image.width
    else:
        size = image.width * height // image.height, height
    if image.size != size:
        image = image.resize(size, Image.BILINEAR)
    left, top = (round((whole - part) / 2) for whole, part in zip(size, (width, height)))
    image = image.crop((left, top, left + width, top + height))
    pixels = torch.frombuffer(bytearray(image.tobytes()), dtype=torch.uint8)
    return pixels.reshape(height, width, info.channels).permute(2, 0, 1)


def preprocess(info, pixels):
    """The network's input for pixels from 0 to 255: images x channels x height x width."""
    mean, std = (torch.tensor(numbers).reshape(1, -1, 1, 1) for numbers in (info.mean, info.std))
    return (pixels.float() / 255 - mean) / std


def predict(net, info, pictures, batch=100):
    """The probability of each class, [pictures][classes]. pictures: paths or Pillow's Images, or pixels as for
    preprocess()."""
    if not torch.is_tensor(pictures) and not hasattr(pictures, "__array__"):
        pictures = torch.stack([read_picture(picture, info) for picture in pictures])
    device = next(net.parameters()).device
    with torch.no_grad():
        return torch.cat([net(preprocess(info, part).to(device)).softmax(1).cpu()
                          for part in torch.as_tensor(pictures).split(batch)])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--top", type=int, default=5, help="classes to print of each picture (default 5)")
    parser.add_argument("weights", metavar="WEIGHTS", help="a safetensors file that vggcl wrote")
    parser.add_argument("files", metavar="PICTURE", nargs="+", help="JPEG, PNG, ...")
    arguments = parser.parse_args()
    net, info = load(arguments.weights)
    for path, row in zip(arguments.files, predict(net, info, arguments.files)):
        best = row.topk(min(arguments.top, len(row)))
        print(f"{path:32s}" + "".join(f"  {info.classes[k]} {100 * p:.1f} %" for p, k in zip(best.values, best.indices)))


if __name__ == "__main__":
    try:
        main()
    except (OSError, ValueError, KeyError) as error:
        sys.exit(f"vggcl_torch.py: error: {error}")
