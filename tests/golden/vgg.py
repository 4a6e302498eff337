"""VGG16 and its training in PyTorch, with vggcl's tensor names and dropout masks: the reference of make_golden.py,
../parity.py and ../bench/pytorch_train.py. src/base/rng.h and src/ops/activation.h define the masks. Needs torch
and numpy."""
import json
import math
import os
import struct
from collections import OrderedDict

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

STAGES = [(2, 64, 0.3), (2, 128, 0.4), (3, 256, 0.4), (3, 512, 0.4), (3, 512, 0.4)]  # convolutions, channels, dropout
CLASSIFIER_DROPOUT = 0.5
RNG_DROPOUT = 0x2000
LOW = np.uint64(0xFFFFFFFF)


def words(number):
    """The low and the high 32 bits."""
    return np.uint64(number & 0xFFFFFFFF), np.uint64(number >> 32)


def philox(counter, key):
    """Philox4x32-10: [n, 4] words of 32 bits; counter: four, key: two words or arrays of n."""
    (c0, c1, c2, c3), (k0, k1), half = counter, key, np.uint64(32)
    for _ in range(10):
        p0, p1 = c0 * np.uint64(0xD2511F53), c2 * np.uint64(0xCD9E8D57)
        c0, c1, c2, c3 = p1 >> half ^ c1 ^ k0, p1 & LOW, p0 >> half ^ c3 ^ k1, p0 & LOW
        k0, k1 = k0 + np.uint64(0x9E3779B9) & LOW, k1 + np.uint64(0xBB67AE85) & LOW
    return np.stack([c0, c1, c2, c3], -1)


def images(folder, files, count=None):
    """The first images of CIFAR-10's binary files, as the network takes them, and their labels."""
    raw = np.concatenate([np.fromfile(os.path.join(folder, name), np.uint8).reshape(-1, 3073) for name in files])[:count]
    x = (torch.from_numpy(raw[:, 1:].astype(np.float32)).reshape(-1, 3, 32, 32) / 255 - 0.5) / 0.5
    return x, torch.from_numpy(raw[:, 0].astype(np.int64))


class Dropout(nn.Module):
    """index: the layer's, from 0. whole: drops whole channels of an image, else single elements, in NHWC order."""

    def __init__(self, p, index, whole):
        super().__init__()
        self.p, self.index, self.whole = float(np.float32(p)), index, whole
        self.seed = self.step = 0

    def forward(self, x):
        if not self.training:
            return x
        n, c, *plane = x.shape
        shape = [n, *([1] * len(plane) if self.whole else plane), c]
        units = math.prod(shape)
        counter = np.arange((units + 3) // 4, dtype=np.uint64), *words(self.step), np.uint64(RNG_DROPOUT + self.index)
        kept = philox(counter, words(self.seed)).reshape(-1)[:units] >= self.p * 2**32
        return x * torch.from_numpy(np.moveaxis(kept.reshape(shape), -1, 1)) / (1 - self.p)


class Vgg(nn.Sequential):
    """The layers of src/nets/vgg.c, where everything between two convolutions is one layer: its index selects the mask
    of the dropout in it. dropout: none, channel, element. Weights are drawn by torch's generator from the same
    distributions as vggcl's."""

    def __init__(self, width, bn, dropout):
        layers, c, index = OrderedDict(), 3, -1  # index: of the last layer as vggcl counts them

        def drop(name, p, whole):
            if dropout != "none":
                layers[name] = Dropout(p, index, whole)

        for s, (count, channels, p) in enumerate(STAGES, 1):
            o = max(1, round(channels * width))
            for i in range(1, count + 1):
                layers[f"conv{s}_{i}"] = conv = nn.Conv2d(c, o, 3, padding=1)
                nn.init.normal_(conv.weight, 0, math.sqrt(2 / (9 * o)))
                if bn:
                    layers[f"bn{s}_{i}"] = nn.BatchNorm2d(o)
                layers[f"relu{s}_{i}"] = nn.ReLU()
                index += 2
                if i < count:
                    drop(f"dropout{s}_{i}", p, dropout == "channel")
                c = o
            layers[f"pool{s}"] = nn.MaxPool2d(2)
        layers["flatten"] = nn.Flatten()
        drop("dropout1", CLASSIFIER_DROPOUT, False)
        layers["fc1"] = nn.Linear(c, c)
        layers["relu1"] = nn.ReLU()
        index += 3
        drop("dropout2", CLASSIFIER_DROPOUT, False)
        layers["fc2"] = nn.Linear(c, 10)
        super().__init__(layers)

    def set_dropout_masks(self, seed, step):
        """Dropout in the next pass is that of vggcl's step `step`, from 0, of a run with this seed."""
        for layer in self:
            if isinstance(layer, Dropout):
                layer.seed, layer.step = seed, step

    def weights(self):
        """Weights and statistics, as vggcl stores them."""
        return {name: t for name, t in self.state_dict().items() if t.is_floating_point()}


def train(net, x, y, batch, steps, lr, seed, first_step=0, recipe=False):
    """Steps of vggcl's SGD on the images in their order, epoch after epoch, whose last batch may be short; recipe: with
    Nesterov's momentum, label smoothing, and a weight decay, a hundred times as large so that it shows, of matrices alone.
    Returns the mean loss of each step's batch, and the optimiser, which holds the velocities."""
    vectors = [p for p in net.parameters() if p.dim() == 1]
    matrices = [p for p in net.parameters() if p.dim() > 1]
    groups = [{"params": matrices, "weight_decay": 5e-2}, {"params": vectors, "weight_decay": 0}]
    optimiser = torch.optim.SGD(groups if recipe else net.parameters(), lr=lr, momentum=0.9, weight_decay=5e-4,
                                nesterov=recipe)
    batches, losses = list(zip(x.split(batch), y.split(batch))), []
    net.train()
    for step in range(steps):
        net.set_dropout_masks(seed, first_step + step)
        images, labels = batches[step % len(batches)]
        optimiser.zero_grad()
        loss = F.cross_entropy(net(images), labels, label_smoothing=0.1 if recipe else 0)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return losses, optimiser


def evaluate(net, x, batch):
    """The logits of all images."""
    net.eval()
    with torch.no_grad():
        return torch.cat([net(images) for images in x.split(batch)])


def perturbed(weights, seed):
    """The same weights, each moved to the next float above or below by chance: what that does, rounding alone does."""
    generator = torch.Generator().manual_seed(seed)
    return {name: t.nextafter(torch.where(torch.rand(t.shape, generator=generator) < 0.5, -math.inf, math.inf))
            for name, t in weights.items()}


def save(path, tensors, metadata=None):
    """Writes a safetensors file of float32; metadata: of strings."""
    header, arrays, end = {"__metadata__": metadata} if metadata else {}, [], 0
    for name, t in tensors.items():
        a = np.ascontiguousarray(t.detach().numpy(), "<f4")
        header[name] = {"dtype": "F32", "shape": a.shape, "data_offsets": [end, end + a.nbytes]}
        arrays.append(a)
        end += a.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(a.tobytes() for a in arrays))


def load(path):
    with open(path, "rb") as file:
        header, data = json.loads(file.read(struct.unpack("<Q", file.read(8))[0])), file.read()
    header.pop("__metadata__", None)
    return {name: torch.from_numpy(np.frombuffer(data[slice(*t["data_offsets"])], "<f4").reshape(t["shape"]).copy())
            for name, t in header.items()}
