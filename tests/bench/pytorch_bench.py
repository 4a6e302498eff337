#!/usr/bin/env python3
"""How fast PyTorch trains and evaluates vggcl's VGG16: one JSON object, as `vggcl bench --json` has it.

    python3 tests/bench/pytorch_bench.py --batch 128 --steps 10 --layers
    python3 tests/bench/pytorch_bench.py --device cuda

Batch normalisation, dropout of whole channels, SGD with momentum and weight decay; made-up images. Medians of --steps
after two to warm up. The memory format, contiguous or channels_last, is the one that takes a step in less time; for
each direction of a layer (--layers: every 3x3 convolution alone) likewise. On a GPU arithmetic is float32, without
TF32, and cuDNN looks for its fastest algorithms. Needs torch and numpy (Debian: python3-torch
python3-numpy)."""
import argparse
import json
import os
import statistics
import time

import torch
from torch import nn
from torch.nn import functional

STAGES = [(2, 64, 0.3), (2, 128, 0.4), (3, 256, 0.4), (3, 512, 0.4), (3, 512, 0.4)]  # convolutions, channels, dropout
WARM_UP = 2
FORMATS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}


def convolutions(width):
    """Name, side of the image, channels in and out, dropout after it and whether a pooling follows."""
    c, side = 3, 32
    for stage, (count, channels, p) in enumerate(STAGES, 1):
        o = max(1, round(channels * width))
        for i in range(1, count + 1):
            yield f"conv{stage}_{i}", side, c, o, p if i < count else 0, i == count
            c = o
        side //= 2


def network(width):
    layers = []
    for _, _, c, o, p, pooled in convolutions(width):
        layers += [nn.Conv2d(c, o, 3, padding=1), nn.BatchNorm2d(o), nn.ReLU(inplace=True)]
        if p:
            layers.append(nn.Dropout2d(p))
        if pooled:
            layers.append(nn.MaxPool2d(2))
    layers += [nn.Flatten(), nn.Dropout(0.5), nn.Linear(o, o), nn.ReLU(inplace=True), nn.Dropout(0.5), nn.Linear(o, 10)]
    return nn.Sequential(*layers)


def seconds(run, repeats):
    """The median over repeats runs."""
    times = []
    for i in range(WARM_UP + repeats):
        start = time.perf_counter()
        run()
        if torch.cuda.is_initialized():
            torch.cuda.synchronize()
        if i >= WARM_UP:
            times.append(time.perf_counter() - start)
    return statistics.median(times)


class Bench:
    def __init__(self, width, batch, device, memory_format):
        self.net = network(width).to(device, memory_format=memory_format)
        self.optimizer = torch.optim.SGD(self.net.parameters(), lr=1e-4, momentum=0.9, weight_decay=5e-4)
        self.images = torch.rand(batch, 3, 32, 32).mul(2).sub(1).to(device, memory_format=memory_format)
        self.labels = torch.randint(10, (batch,)).to(device)

    def train(self):
        self.net.train()
        self.optimizer.zero_grad()
        loss = functional.cross_entropy(self.net(self.images), self.labels)
        loss.backward()
        self.optimizer.step()
        return loss.item()

    @torch.no_grad()
    def evaluate(self):
        self.net.eval()
        return functional.cross_entropy(self.net(self.images), self.labels).item()


@torch.no_grad()
def layer_times(side, c, o, batch, steps, device, memory_format):
    x, dy = (torch.randn(batch, n, side, side).to(device, memory_format=memory_format) for n in (c, o))
    weight, bias = torch.randn(o, c, 3, 3).to(device, memory_format=memory_format), torch.randn(o).to(device)

    def backward(*wanted):
        one = [1, 1]
        return torch.ops.aten.convolution_backward(dy, x, weight, [o], one, one, one, False, [0, 0], 1, wanted)

    return {"forward_s": seconds(lambda: functional.conv2d(x, weight, bias, padding=1), steps),
            "data_gradient_s": seconds(lambda: backward(True, False, False), steps) if c > 3 else 0,
            "weight_gradient_s": seconds(lambda: backward(False, True, True), steps)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=128, help="images a step (default 128)")
    parser.add_argument("--steps", type=int, default=10, help="timed steps (default 10)")
    parser.add_argument("--width", type=float, default=1, help="scales every layer's number of channels (default 1)")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or another of PyTorch's (default cpu)")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="default: one a core")
    parser.add_argument("--layers", action="store_true", help="each convolution too")
    options = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(options.threads)
    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    benches = {name: Bench(options.width, options.batch, options.device, f) for name, f in FORMATS.items()}
    probe = {name: (seconds(b.train, 1), seconds(b.evaluate, 1)) for name, b in benches.items()}
    train_format, eval_format = (min(probe, key=lambda name: probe[name][i]) for i in range(2))
    result = {"pytorch": torch.__version__, "device": options.device, "threads": options.threads, "batch": options.batch,
              "width": options.width, "train_format": train_format, "eval_format": eval_format,
              "train_images_per_s": options.batch / seconds(benches[train_format].train, options.steps),
              "eval_images_per_s": options.batch / seconds(benches[eval_format].evaluate, options.steps), "layers": []}
    del benches
    known = {}
    for name, side, c, o, _, _ in convolutions(options.width) if options.layers else []:
        shape = side, c, o
        if shape not in known:
            both = [layer_times(*shape, options.batch, options.steps, options.device, f) for f in FORMATS.values()]
            known[shape] = {direction: min(times[direction] for times in both) for direction in both[0]}
        result["layers"].append({"name": name, **known[shape]})
    print(json.dumps(result))


main()
