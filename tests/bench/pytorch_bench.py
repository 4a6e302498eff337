#!/usr/bin/env python3
"""How fast PyTorch trains and evaluates vggcl's VGG16: one JSON object, as `vggcl bench --json` has it.

    python3 tests/bench/pytorch_bench.py --choose >chosen.json                  # each of PyTorch's modes, few steps
    python3 tests/bench/pytorch_bench.py --chosen chosen.json --layers          # the fastest of them
    python3 tests/bench/pytorch_bench.py --choose --device cuda --batch 128 512

Batch normalisation, dropout of whole channels, SGD with momentum and weight decay; made-up images. Medians of --steps
after three to warm up. A mode is a precision, a memory format and a way to run:

    float32, bfloat16               bfloat16: by autocast. On a GPU float32 is without TF32
    contiguous, channels_last       memory format of images and weights
    eager, compiled                 compiled: torch.compile
    reduce-overhead, cuda-graphs    on a GPU: torch.compile(mode="reduce-overhead"), and one CUDA graph of a whole step

Modes that do not run here are named in left_out, with the reason. --layers measures each 3x3 convolution alone, in the
precision and memory format that take the least time, for each direction. peak_bytes is what training adds to the
process's resident memory (to a GPU's memory on one), with what compiling takes. Needs torch and numpy."""
import argparse
import itertools
import json
import os
import re
import resource
import statistics
import sys
import time

import torch
from torch import nn
from torch.nn import functional

STAGES = [(2, 64, 0.3), (2, 128, 0.4), (3, 256, 0.4), (3, 512, 0.4), (3, 512, 0.4)]  # convolutions, channels, dropout
WARM_UP = 3  # torch.compile compiles in the first, and records CUDA graphs in the second
PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}
FORMATS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}
WAYS = {"cpu": ["eager", "compiled"], "cuda": ["eager", "compiled", "reduce-overhead", "cuda-graphs"]}
KINDS = ["train", "eval"]
CHOOSING_STEPS, HOPELESS = 3, 10  # a mode that takes HOPELESS times as long as the fastest is measured in one step


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


def seconds(run, repeats, hopeless=float("inf")):
    """Of each of the repeats, or of the first alone if it took longer than hopeless."""
    times = []
    for i in range(WARM_UP + repeats):
        start = time.perf_counter()
        run()
        if torch.cuda.is_initialized():
            torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
        if i == WARM_UP and times[i] > hopeless:
            break
    return times[WARM_UP:]


def sgd(parameters):
    settings = {"lr": 1e-4, "momentum": 0.9, "weight_decay": 5e-4}
    try:
        return torch.optim.SGD(parameters, **settings, fused=True)
    except (TypeError, RuntimeError):  # older PyTorch, or not on this device
        return torch.optim.SGD(parameters, **settings)


def compiled(net, mode=None):
    if not hasattr(torch, "compile"):
        raise RuntimeError("torch.compile came with PyTorch 2.0")
    torch._dynamo.reset()  # forgets the networks before, which count towards a limit
    return torch.compile(net, mode=mode, fullgraph=True, dynamic=False)


def captured(step):
    """Replays the CUDA graph of one step, as PyTorch's notes on CUDA graphs capture one."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        loss = step()

    def replay():
        graph.replay()
        return loss

    return replay


class Bench:
    def __init__(self, mode, width, batch, device):
        precision, memory_format, self.way = mode.split()
        place = {"device": device, "memory_format": FORMATS[memory_format]}
        self.net = network(width).to(**place)
        self.forward = {"compiled": lambda: compiled(self.net), "reduce-overhead": lambda: compiled(self.net, self.way)
                        }.get(self.way, lambda: self.net)()
        self.autocast = torch.autocast(torch.device(device).type, dtype=torch.bfloat16, enabled=precision == "bfloat16")
        self.optimizer = sgd(list(self.net.parameters()))
        self.images = torch.rand(batch, 3, 32, 32).mul(2).sub(1).to(**place)
        self.labels = torch.randint(10, (batch,)).to(device)

    def loss(self):
        with self.autocast:
            return functional.cross_entropy(self.forward(self.images), self.labels)

    def train(self):
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.loss()
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    @torch.no_grad()
    def eval(self):
        return self.loss()

    def seconds(self, kind, *arguments):
        """kind: train or eval."""
        self.net.train(kind == "train")
        step = getattr(self, kind)
        if self.way == "cuda-graphs":
            step = captured(step)
        return seconds(lambda: step().item(), *arguments)


def choose(modes, width, batch, device):
    """Of each mode the images per second in its fastest step; the fastest mode of each kind; and what does not run."""
    rates, left_out = {}, {}
    for mode in modes:
        way = mode.split()[2]
        if way in left_out:
            continue
        try:
            bench = Bench(mode, width, batch, device)
            rates[mode] = {}
            for kind in KINDS:
                fastest = max((done[kind] for done in rates.values() if kind in done), default=1e-9)
                rates[mode][kind] = batch / min(bench.seconds(kind, CHOOSING_STEPS, HOPELESS * batch / fastest))
        except Exception as error:  # whatever stops a mode: no compiler, no memory, no such instructions
            rates.pop(mode, None)
            lines = [line for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
            left_out[mode if any(way in done for done in rates) else way] = lines[0]
    if not rates:
        sys.exit(f"pytorch_bench.py: no mode runs at batch {batch}: {left_out}")
    return {"images_per_s": rates, "left_out": left_out,
            **{f"{kind}_mode": max(rates, key=lambda mode: rates[mode][kind]) for kind in KINDS}}


@torch.no_grad()
def layer_times(side, c, o, batch, steps, device, precision, memory_format):
    def drawn(*shape):
        return torch.randn(*shape, device=device, dtype=PRECISIONS[precision])

    x, dy, weight = (drawn(*shape).to(memory_format=FORMATS[memory_format])
                     for shape in ((batch, c, side, side), (batch, o, side, side), (o, c, 3, 3)))
    bias = drawn(o)

    def median(run):
        return statistics.median(seconds(run, steps))

    def backward(*wanted):
        one = [1, 1]
        return torch.ops.aten.convolution_backward(dy, x, weight, [o], one, one, one, False, [0, 0], 1, wanted)

    return {"forward_s": median(lambda: functional.conv2d(x, weight, bias, padding=1)),
            "data_gradient_s": median(lambda: backward(True, False, False)) if c > 3 else 0,
            "weight_gradient_s": median(lambda: backward(False, True, True))}


def layers(modes, width, *arguments):
    """Of each 3x3 convolution the least times, and in which precision and memory format."""
    known, kinds = {}, {tuple(mode.split()[:2]) for mode in modes}
    for name, side, c, o, _, _ in convolutions(width):
        shape = side, c, o
        if shape not in known:
            times = {kind: layer_times(*shape, *arguments, *kind) for kind in kinds}
            known[shape] = {}
            for direction in next(iter(times.values())):
                least = min(times, key=lambda kind: times[kind][direction])
                known[shape].update({direction: times[least][direction], direction[:-1] + "mode": " ".join(least)})
        yield {"name": name, **known[shape]}


def peak_bytes(device):
    if torch.device(device).type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def measure(chosen, width, batch, steps, device):
    result = {}
    Bench("float32 contiguous eager", 0.01, 2, device).seconds("train", 0)  # loads libraries, which do not count
    for kind in KINDS:
        before = peak_bytes(device)
        mode = result[f"{kind}_mode"] = chosen[f"{kind}_mode"]
        bench = Bench(mode, width, batch, device)
        result[f"{kind}_images_per_s"] = batch / statistics.median(bench.seconds(kind, steps))
        result.setdefault("peak_bytes", peak_bytes(device) - before)
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, nargs="+", default=[128],
                        help="images a step; --choose takes several (default 128)")
    parser.add_argument("--steps", type=int, default=10, help="timed steps (default 10)")
    parser.add_argument("--width", type=float, default=1, help="scales every layer's number of channels (default 1)")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or another of PyTorch's (default cpu)")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="default: one a core")
    parser.add_argument("--layers", action="store_true", help="each convolution too")
    parser.add_argument("--modes", default=".", metavar="REGEX", help="only modes whose names match (default: all)")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--choose", action="store_true", help="measure each mode in a few steps, and name the fastest")
    which.add_argument("--chosen", metavar="FILE", help="measure the modes that FILE, an output of --choose, names")
    options = parser.parse_args()
    ways = WAYS.get(torch.device(options.device).type, WAYS["cpu"])
    modes = [" ".join(mode) for mode in itertools.product(PRECISIONS, FORMATS, ways)]
    modes = [mode for mode in modes if re.search(options.modes, mode)]
    if not modes:
        parser.error(f"--modes: none matches {options.modes}")
    torch.manual_seed(0)
    torch.set_num_threads(options.threads)
    torch.backends.cudnn.benchmark = True
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    result = {"pytorch": torch.__version__, "device": options.device, "threads": options.threads,
              "width": options.width}
    if options.choose:
        result["batches"] = {batch: choose(modes, options.width, batch, options.device) for batch in options.batch}
    else:
        batch = options.batch[0]
        with open(options.chosen, encoding="utf-8") as file:
            chosen = json.load(file)["batches"][str(batch)]
        result.update(batch=batch, **measure(chosen, options.width, batch, options.steps, options.device))
        arguments = modes, options.width, batch, options.steps, options.device
        result["layers"] = list(layers(*arguments)) if options.layers else []
    print(json.dumps(result))


main()
