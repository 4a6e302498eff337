#!/usr/bin/env python3
"""data_commands.py PROGRAM: data sets in the formats of other programs. vggcl's error names a command that converts each; this
runs the commands, with the Python that runs this script, and compares what they make with what they were given."""
import glob
import os
import pickle
import re
import subprocess
import sys
import tempfile

import numpy as np
from PIL import Image

PROGRAM = os.path.abspath(sys.argv[1])
rng = np.random.default_rng(0)


def plan(folder):
    return subprocess.run([PROGRAM, "plan", "--data", folder, "--model", "vgg11", "--width", "0.0625"],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def convert(folder):
    """Runs the command in the error about a folder."""
    refused = plan(folder)
    assert refused.returncode == 1, refused.stdout
    command = re.search(r'python3 (-c ".*)', refused.stdout)
    assert command, refused.stdout
    subprocess.run(f"'{sys.executable}' {command[1]}", shell=True, check=True)


def images(count):
    return rng.integers(0, 256, (count, 32, 32, 3), np.uint8)


class Python2Pickler(pickle._Pickler):
    """Writes bytes as the strings of Python 2, which the published files have."""
    dispatch = dict(pickle._Pickler.dispatch)

    def save_string(self, text):
        self.write(b"T" + len(text).to_bytes(4, "little") + text)
        self.memoize(text)
    dispatch[bytes] = save_string


def write_pickle(path, content):
    with open(path, "wb") as file:
        Python2Pickler(file, protocol=2).dump(content)


def check_pictures(split, expected, labels):
    """The pictures of a split, in class folders named by the label, are those that are expected, in any order."""
    for label in np.unique(labels):
        found = [np.asarray(Image.open(path)).tobytes() for path in glob.glob(f"pictures/{split}/{label:04d}/*")]
        assert sorted(found) == sorted(image.tobytes() for image, l in zip(expected, labels.ravel()) if l == label)
    assert len(os.listdir(f"pictures/{split}")) == len(np.unique(labels))


def cifar10():
    os.mkdir("it's cifar")
    names = [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]
    data = {name: (rng.integers(0, 256, (20, 3072), np.uint8), list(range(10)) * 2) for name in names}
    for name, (pixels, labels) in data.items():
        write_pickle(f"it's cifar/{name}", {b"data": pixels, b"labels": labels, b"batch_label": b"1"})
    write_pickle("it's cifar/batches.meta", {b"label_names": [b"class %d" % i for i in range(10)], b"num_vis": 3072})
    convert("it's cifar")
    for name, (pixels, labels) in data.items():
        records = np.fromfile(f"it's cifar/{name}.bin", np.uint8).reshape(-1, 3073)
        assert (records[:, 0] == labels).all() and (records[:, 1:] == pixels).all()
    done = plan("it's cifar")
    assert done.returncode == 0 and ", 10 classes" in done.stdout, done.stdout


def cifar100():
    os.mkdir("cifar100")
    for name in "train", "test":
        write_pickle(f"cifar100/{name}", {b"data": rng.integers(0, 256, (100, 3072), np.uint8),
                                          b"fine_labels": list(range(100)),
                                          b"coarse_labels": [i % 20 for i in range(100)]})
    write_pickle("cifar100/meta", {b"fine_label_names": [b"f%d" % i for i in range(100)],
                                   b"coarse_label_names": [b"c%d" % i for i in range(20)]})
    convert("cifar100")
    records = np.fromfile("cifar100/train.bin", np.uint8).reshape(-1, 3074)
    assert (records[:, 1] == range(100)).all() and (records[:, 0] == records[:, 1] % 20).all()
    done = plan("cifar100")
    assert done.returncode == 0 and ", 100 classes" in done.stdout, done.stdout


def arrays(save, *names):
    """names: of the training and test images and labels."""
    labels = np.arange(40) % 4
    sets = {"train": (images(40), labels), "test": (images(40), labels[:, None])}
    save(dict(zip(names, (*sets["train"], *sets["test"]))))
    convert("arrays")
    for split, (pixels, wanted) in sets.items():
        check_pictures(split, pixels, wanted)
    assert plan("pictures").returncode == 0
    subprocess.run(["rm", "-r", "arrays", "pictures"], check=True)


def npz():
    def save(given):
        os.mkdir("arrays")
        np.savez("arrays/set.npz", **given)
    arrays(save, "x_train", "y_train", "x_test", "y_test")
    arrays(save, "train_images", "train_labels", "test_images", "test_labels")


def npy():
    def save(given):
        os.mkdir("arrays")
        for name, values in given.items():
            np.save(f"arrays/{name}.npy", values)
    arrays(save, "X_train", "y_train", "X_test", "y_test")


def parquet():
    import io
    import pandas

    def encoded(image):
        file = io.BytesIO()
        Image.fromarray(image).save(file, "png")
        return {"bytes": file.getvalue(), "path": None}

    labels = np.arange(40) % 4
    os.makedirs("hub/data")
    sets = {"train": images(40), "validation": images(40)}
    for split, pixels in sets.items():
        for part in range(2):
            half = slice(20 * part, 20 * part + 20)
            pandas.DataFrame({"img": [encoded(image) for image in pixels[half]], "fine_label": labels[half],
                              "coarse_label": labels[half] // 2}).to_parquet(
                                  f"hub/data/{split}-0000{part}-of-00002.parquet")
    convert("hub")
    check_pictures("train", sets["train"], labels)
    check_pictures("val", sets["validation"], labels)
    assert plan("pictures").returncode == 0


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    for test in [cifar10, cifar100, npz, npy, parquet]:
        try:
            test()
        except ModuleNotFoundError as missing:
            print(test.__name__, "skipped:", missing)
        else:
            print(test.__name__, "passed", flush=True)
    os.chdir("/")
