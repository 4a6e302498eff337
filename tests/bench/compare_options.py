#!/usr/bin/env python3
"""How options of `vggcl train` change the accuracy on held-out images: means and spreads over several seeds.

  tests/bench/compare_options.py                              what --recipe fast sets, one thing at a time
  tests/bench/compare_options.py fast= "lr 0.2=--lr 0.2"      options of your own, added to the common ones

The last 5000 training images are held out (--validate), so that the test set chooses nothing. Prints a table: the accuracy
after the last epoch, and the difference from the first row, taken seed by seed, with its standard error. By default 30 runs
of 8 epochs, four minutes each on two cores of a Zen 4. A run whose folder is there is not made again; one that was
interrupted goes on. Exit status: 0; 1 if a run fails; 2 for wrong flags.
"""

import argparse
import csv
import pathlib
import re
import statistics
import subprocess
import sys

ROWS = [
    "fast=",
    "no crop=--crop 0",
    "no cutout=--cutout 0",
    "cutout 16=--cutout 16",
    "no label smoothing=--label-smoothing 0",
    "no EMA=--ema 0",
    "weight decay 0.0002=--weight-decay 0.0002",
    "weight decay 0.001=--weight-decay 0.001",
    "no Nesterov momentum=--nesterov=no",
    "no dropout=--no-dropout",
]
COMMON = "--recipe fast --width 0.25 --epochs 8 --warmup 1 --validate 5000"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", metavar="NAME=OPTIONS", help="default: what --recipe fast sets")
    parser.add_argument("--seeds", default="0,1,2", help="at least two (default 0,1,2)")
    parser.add_argument("--common", default=COMMON, metavar="OPTIONS", help=f"of all runs (default {COMMON})")
    parser.add_argument("--out", default="options", type=pathlib.Path, help="folder of the runs and of options.csv (default options)")
    parser.add_argument("--vggcl", default=pathlib.Path(__file__).parents[2] / "build/vggcl", help="the program (default build/vggcl)")
    given = parser.parse_args()
    if not re.fullmatch(r"\d+(,\d+)+", given.seeds):
        parser.error(f"--seeds takes at least two numbers, such as 0,1,2, not {given.seeds}")
    if any("=" not in row for row in given.rows):
        parser.error("a row is NAME=OPTIONS")
    given.seeds = given.seeds.split(",")
    given.rows = [row.split("=", 1) for row in given.rows or ROWS]
    return given


def train(given, folder, options):
    """The test accuracy after the last epoch, in percent, of a run that is begun, continued, or complete."""
    resumes = (folder / "last.safetensors").exists()
    which = ["--resume", folder] if resumes else [*options, "--save", folder]
    run = subprocess.run([given.vggcl, "train", *which, "--quiet", "--checkpoint-every", "500"], stderr=subprocess.PIPE, text=True,
                         stdout=subprocess.DEVNULL)
    if run.returncode:
        sys.exit(f"compare_options.py: {folder}: " + run.stderr.strip().splitlines()[-1])
    with open(folder / "accuracy.csv", newline="") as record:
        return 100 * float(list(csv.DictReader(record))[-1]["test_accuracy"])


def train_all(given):
    """{name: [accuracy by seed]}, and options.csv. All rows by one seed, then by the next, so that after an interruption the
    rows can be compared."""
    found = {name: [] for name, _ in given.rows}
    given.out.mkdir(parents=True, exist_ok=True)
    with open(given.out / "options.csv", "w", newline="") as out:
        table = csv.writer(out)
        table.writerow(["name", "options", "seed", "accuracy"])
        for seed in given.seeds:
            for name, added in given.rows:
                options = [*given.common.split(), *added.split(), "--seed", seed]
                folder = given.out / f"{re.sub('[^A-Za-z0-9.]+', '-', name)}-{seed}"
                accuracy = train(given, folder, options)
                found[name].append(accuracy)
                table.writerow([name, " ".join(options), seed, f"{accuracy:.2f}"])
                out.flush()
                print(f"{name}, seed {seed}: {accuracy:.2f} %", file=sys.stderr)
    return found


def main():
    given = arguments()
    found = train_all(given)
    first = found[given.rows[0][0]]
    print(given.common)
    print(f"{'':24}{'mean':>8}{'difference':>12}{'error':>8}   seeds {', '.join(given.seeds)}")
    for name, accuracies in found.items():
        differences = [a - b for a, b in zip(accuracies, first)]
        error = statistics.stdev(differences) / len(differences) ** 0.5
        print(f"{name:24}{statistics.mean(accuracies):8.2f}{statistics.mean(differences):+12.2f}{error:8.2f}   " +
              "  ".join(f"{a:.2f}" for a in accuracies))


main()
