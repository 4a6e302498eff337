#!/usr/bin/env python3
"""The table of parity: vggcl and PyTorch train the same network from the same weights on the same images, with the same
dropout masks, without shuffle and flips; then both evaluate what they trained.

    python3 tests/parity.py                          # VGG16 at full width, its variants at width 0.25
    python3 tests/parity.py --case bn,channel,1,128 --steps 5

A case is bn|plain,none|channel|element,WIDTH,BATCH. "rounding" is PyTorch against itself from weights moved to the next
float: what rounding alone does to the loss. It is why the learning rate is 1e-4: at 0.01 it reaches 1e-2 within eight
steps, and no two programs can agree better. Exit status 1 where a loss differs by more than 1e-3, relative, or a tensor
of weights by more than 1e-2 of its length. A bias is measured by the longer of its own and its layer's weight: it is summed
from the same terms, and one that started as 0 has moved little in a few steps. Needs PyTorch and numpy (Debian: python3-torch python3-numpy)."""
import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path.insert(0, os.path.join(ROOT, "tests", "golden"))
try:
    import torch
    import vgg
except ImportError as missing:
    sys.exit(f"{missing}: apt-get install python3-torch python3-numpy")

CASES = ["bn,channel,1,128", "bn,none,0.25,128", "bn,channel,0.25,128", "bn,element,0.25,128", "plain,none,0.25,128",
         "plain,channel,0.25,128", "plain,element,0.25,1"]
LEARNING_RATE, SEED, TEST_IMAGES = 1e-4, 7, 500
LOSS_TOLERANCE, WEIGHT_TOLERANCE = 1e-3, 1e-2


def largest(ours, theirs):
    return max(abs(a - b) / abs(b) for a, b in zip(ours, theirs))


def compare(case, steps, program, data, work):
    normalised, dropout, width, batch = case.split(",")
    bn, width, batch = normalised == "bn", float(width), int(batch)
    x, y = vgg.images(data, [f"data_batch_{i}.bin" for i in range(1, 6)], steps * batch)
    torch.manual_seed(1)
    net, again = vgg.Vgg(width, bn, dropout), vgg.Vgg(width, bn, dropout)
    start = {name: t.clone() for name, t in net.weights().items()}
    again.load_state_dict(vgg.perturbed(start, 1), strict=False)
    file, save, log = (os.path.join(work, name) for name in ("start.safetensors", "save", "steps.csv"))
    vgg.save(file, start)

    flags = ["--width", str(width), "--data", data, "--batch", str(batch)]
    flags += [] if bn else ["--no-bn"]
    flags += ["--no-dropout"] if dropout == "none" else ["--dropout", dropout]
    subprocess.run([program, "train", *flags, "--weights", file, "--lr", str(LEARNING_RATE), "--seed", str(SEED), "--steps",
                    str(steps), "--epochs", "100", "--no-shuffle", "--no-flip", "--save", save, "--log-steps", log],
                   check=True, stdout=subprocess.DEVNULL)
    ours = [float(row["loss"]) for row in csv.DictReader(open(log))]
    weights = vgg.load(os.path.join(save, "last.safetensors"))
    theirs, _ = vgg.train(net, x, y, batch, steps, LEARNING_RATE, SEED)
    rounding, _ = vgg.train(again, x, y, batch, steps, LEARNING_RATE, SEED)

    trained = net.weights()

    def distance(name):
        return ((weights[name] - trained[name]).norm() /
                max(trained[name].norm(), trained[name.replace("bias", "weight")].norm())).item()

    worst = max(trained, key=distance)
    evaluation = subprocess.run([program, "eval", "--weights", os.path.join(save, "last.safetensors"), "--data", data,
                                 "--limit", str(TEST_IMAGES), "--json"], check=True, capture_output=True)
    x, y = vgg.images(data, ["test_batch.bin"], TEST_IMAGES)
    loss = torch.nn.functional.cross_entropy(vgg.evaluate(net, x, 128), y).item()
    return ours, theirs, largest(ours, theirs), largest(rounding, theirs), worst, distance(worst), \
        largest([json.loads(evaluation.stdout)["loss"]], [loss])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", action="append", help="only this case; may be given several times")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--program", default=os.path.join(ROOT, "build", "vggcl"))
    parser.add_argument("--data", default=os.environ.get("VGGCL_CIFAR10"),
                        help="CIFAR-10's binary files; default $VGGCL_CIFAR10, else synthetic images")
    args = parser.parse_args()
    print(f"{'case':24s} {'vggcl':>10s} {'PyTorch':>10s} {'losses':>9s} {'rounding':>9s} {'eval':>9s} {'weights':>9s}")
    good = True
    with tempfile.TemporaryDirectory() as work:
        data = args.data or os.path.join(work, "synthetic")
        if not args.data:
            subprocess.run([args.program, "synth", "--out", data], check=True, stdout=subprocess.DEVNULL)
        for case in args.case or CASES:
            ours, theirs, losses, rounding, worst, weights, evaluation = compare(case, args.steps, args.program, data, work)
            right = max(losses, evaluation) <= LOSS_TOLERANCE and weights <= WEIGHT_TOLERANCE
            good = good and right and len(ours) == args.steps
            print(f"{case:24s} {ours[-1]:10.6f} {theirs[-1]:10.6f} {losses:9.1e} {rounding:9.1e} {evaluation:9.1e} "
                  f"{weights:9.1e}  {worst}{'' if right else '  TOO FAR'}", flush=True)
    print(f"loss of step {args.steps}; largest relative differences: of the {args.steps} losses, between two runs of PyTorch, "
          f"of the loss in\nevaluation, of a weight tensor (L2)")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
