#!/usr/bin/env python3
"""The recipe seed, vggcl's default, in PyTorch on the CPU, a thread a core: writes an accuracy.csv that `vggcl plot` takes.

    python3 tests/bench/pytorch_train.py --data data/cifar-10-batches-bin --epochs 20 --save pytorch
    build/vggcl plot "vggcl=save" "PyTorch=pytorch"

The same network, initialisation and hyperparameters, other random numbers. The folder gets state.pt after each epoch as
well, and --resume goes on from there. Needs torch and numpy (Debian: python3-torch python3-numpy)."""
import argparse
import csv
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden"))
import torch
from torch.nn import functional

import vgg

BATCH, LR, LR_STEP, LR_GAMMA, MOMENTUM, WEIGHT_DECAY = 128, 0.01, 25, 0.5, 0.9, 5e-4
COLUMNS = ["epoch", "lr", "train_loss", "train_accuracy", "test_loss", "test_accuracy", "seconds", "images_per_second"]


def batches(x, y, order):
    for chosen in order.split(BATCH):
        images = x[chosen]
        mirrored = torch.rand(len(chosen)) < 0.5
        images[mirrored] = images[mirrored].flip(3)
        yield images.contiguous(memory_format=torch.channels_last), y[chosen]


def train(net, optimiser, x, y, epoch):
    """Mean loss and accuracy over the epoch's batches, as they were trained on."""
    net.train()
    loss_sum = correct = 0
    steps = (len(x) + BATCH - 1) // BATCH
    for step, (images, labels) in enumerate(batches(x, y, torch.randperm(len(x))), epoch * steps):
        net.set_dropout_masks(0, step)
        optimiser.zero_grad()
        logits = net(images)
        loss = functional.cross_entropy(logits, labels)
        loss.backward()
        optimiser.step()
        loss_sum += loss.item() * len(labels)
        correct += (logits.argmax(1) == labels).sum().item()
    return loss_sum / len(x), correct / len(x)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="folder of CIFAR-10's binary files")
    parser.add_argument("--save", required=True, help="folder for accuracy.csv and state.pt")
    parser.add_argument("--epochs", type=int, default=300, help="in all")
    parser.add_argument("--width", type=float, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--resume", action="store_true", help="go on from the state in --save")
    options = parser.parse_args()
    record, state = (os.path.join(options.save, name) for name in ("accuracy.csv", "state.pt"))
    x, y = vgg.images(options.data, [f"data_batch_{i}.bin" for i in range(1, 6)])
    test_x, test_y = vgg.images(options.data, ["test_batch.bin"])
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    torch.manual_seed(options.seed)
    net = vgg.Vgg(options.width, True, "channel").to(memory_format=torch.channels_last)
    optimiser = torch.optim.SGD(net.parameters(), LR, MOMENTUM, weight_decay=WEIGHT_DECAY)
    first = 0
    if options.resume:
        saved = torch.load(state)
        first = saved["epochs"]
        net.load_state_dict(saved["net"])
        optimiser.load_state_dict(saved["optimiser"])
        torch.set_rng_state(saved["random"])
    else:
        os.makedirs(options.save)
        with open(record, "w", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerow(COLUMNS)
    for epoch in range(first, options.epochs):
        lr = LR * LR_GAMMA ** (epoch // LR_STEP)
        optimiser.param_groups[0]["lr"] = lr
        start = time.perf_counter()
        loss, accuracy = train(net, optimiser, x, y, epoch)
        rate = len(x) / (time.perf_counter() - start)
        logits = vgg.evaluate(net, test_x, BATCH)
        test_loss = functional.cross_entropy(logits, test_y).item()
        test_accuracy = (logits.argmax(1) == test_y).float().mean().item()
        row = [epoch + 1, lr, f"{loss:.6f}", f"{accuracy:.6f}", f"{test_loss:.6f}", f"{test_accuracy:.6f}",
               f"{time.perf_counter() - start:.3f}", f"{rate:.1f}"]
        with open(record, "a", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerow(row)
        torch.save({"epochs": epoch + 1, "net": net.state_dict(), "optimiser": optimiser.state_dict(),
                    "random": torch.get_rng_state()}, state + ".part")
        os.replace(state + ".part", state)
        print(*(f"{name} {value}" for name, value in zip(COLUMNS, row)), sep="  ", flush=True)


main()
