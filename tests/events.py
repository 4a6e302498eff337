#!/usr/bin/env python3
"""events.py PROGRAM: TensorBoard reads the event files of `vggcl train --tensorboard` and `inspect --tensorboard`;
what it finds is compared with the CSV files, checkpoints and pictures of the same run. tests/CMakeLists.txt runs this by
sh, with the Python that ci/peers.sh names."""
import csv
import json
import os
import signal
import struct
import subprocess
import sys
import tempfile
import time
import zlib

import numpy as np
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import plugin_data_pb2

PROGRAM = os.path.abspath(sys.argv[1])
# 7 steps an epoch.
TRAIN = ("train --data synthetic:200,50 --model vgg11 --width 0.0625 --batch 32 --no-dropout --no-selfcheck"
         " --profile none --save-every 1").split()


def vggcl(*words):
    result = subprocess.run([PROGRAM, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert result.returncode == 0, result.stdout
    return result.stdout


def read(folder):
    """What TensorBoard knows of the events in a folder, without leaving any out."""
    events = EventAccumulator(folder, size_guidance=dict.fromkeys(["scalars", "histograms", "tensors", "images"], 0))
    return events.Reload()


def scalars(events, tag):
    return [(event.step, event.value) for event in events.Scalars(tag)]


def rows(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def close(found, expected, tolerance=1e-6):
    found, expected = np.array(found, float), np.array(expected, float)
    assert found.shape == expected.shape and np.allclose(found, expected, tolerance, 1e-12), (found, expected)


def tensors(path):
    with open(path, "rb") as file:
        size, = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(size))
        data = file.read()
    return {name: np.frombuffer(data[slice(*entry["data_offsets"])], "<f4")
            for name, entry in header.items() if name != "__metadata__"}


def epochs_agree(events, record, steps):
    columns = {"loss/train": "train_loss", "loss/test": "test_loss", "accuracy/train": "train_accuracy",
               "accuracy/test": "test_accuracy", "lr/epoch": "lr", "speed/images_per_second": "images_per_second"}
    for tag, column in columns.items():
        tolerance = 1e-3 if column == "images_per_second" else 2e-6 # the record has 6 digits behind the point
        close(scalars(events, tag), [(steps * int(row["epoch"]) - 1, float(row[column])) for row in record], tolerance)


def steps_agree(events, log, every=1):
    for tag, column in {"loss/step": "loss", "lr/step": "lr"}.items():
        close(scalars(events, tag), [(int(row["step"]), float(row[column])) for row in log[::every]])


def options_agree(events, options):
    table = events.Tensors("config/text_summary")[0].tensor_proto.string_val[0].decode()
    content = events.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    hparams = plugin_data_pb2.HParamsPluginData.FromString(content).session_start_info.hparams
    for name, value in options.items():
        assert f"| {name} | {value} |" in table, table
        kind = hparams[name].WhichOneof("kind")
        assert getattr(hparams[name], kind) == value or str(value) == "yes" and hparams[name].bool_value, hparams[name]


def histograms_agree(events, folder, steps):
    tags = [tag for tag in events.Tags()["histograms"]]
    last = len(events.Histograms(tags[0]))
    for epoch in range(1, last + 1):
        expected = tensors(f"{folder}/epoch-{epoch:03d}.safetensors")
        assert sorted(tags) == sorted("weights/" + name for name in expected)
        for name, values in expected.items():
            event = events.Histograms("weights/" + name)[epoch - 1]
            h = event.histogram_value
            assert event.step == epoch * steps - 1 and h.num == values.size == sum(h.bucket), name
            close([h.min, h.max, h.sum, h.sum_squares],
                  [values.min(), values.max(), values.sum(dtype=float), np.square(values, dtype=float).sum()])
            # The bounds of buckets are in double precision, the values in float.
            inside = np.histogram(values.astype(float), [h.min, *h.bucket_limit])[0] if h.min < h.max else [values.size]
            close(h.bucket, inside)


def whole_run():
    vggcl(*TRAIN, "--epochs", "3", "--save", "whole", "--log-steps", "whole.csv", "--tensorboard", "runs/whole")
    events = read("runs/whole")
    epochs_agree(events, rows("whole/accuracy.csv"), 7)
    steps_agree(events, rows("whole.csv"))
    options_agree(events, {"model": "vgg11", "batch": 32, "no-dropout": "yes"})
    histograms_agree(events, "whole", 7)
    assert events.Tags()["tensors"].count("custom_scalars__config__") == 1


def thinned():
    """An epoch has up to 50 points: with 64 steps every second one."""
    vggcl(*TRAIN, "--batch", "3", "--limit", "190", "--epochs", "2", "--save", "thin", "--log-steps", "thin.csv",
          "--tensorboard", "runs/thin")
    log = rows("thin.csv")
    steps_agree(read("runs/thin"), [row for row in log if int(row["step"]) % 64 % 2 == 0])


def killed_and_resumed():
    """A point is on disk as soon as its step is done; steps that the resumed run does again have one point."""
    run = subprocess.Popen([PROGRAM, *TRAIN, "--epochs", "1000", "--save", "k", "--checkpoint-every", "9",
                            "--log-steps", "k.csv", "--tensorboard", "runs/k"], stdout=subprocess.DEVNULL)
    while not os.path.exists("k.csv") or len(rows("k.csv")) < 30:
        assert run.poll() is None
        time.sleep(0.05)
    run.send_signal(signal.SIGKILL)
    run.wait()
    done = len(rows("k.csv"))
    assert done - 1 <= len(scalars(read("runs/k"), "loss/step")) <= done
    vggcl("train", "--resume", "k", "--no-selfcheck", "--steps", str(done + 10), "--log-steps", "k.csv",
          "--tensorboard", "runs/k")
    events = read("runs/k")
    steps_agree(events, rows("k.csv"))
    epochs_agree(events, rows("k/accuracy.csv"), 7)
    histograms_agree(events, "k", 7)


def stopped_before_the_test():
    """A state of an epoch that was not tested yet: its results stand once."""
    vggcl(*TRAIN, "--epochs", "3", "--save", "u", "--checkpoint-every", "7", "--steps", "7", "--tensorboard", "runs/u")
    os.rename("u/last.safetensors.1", "u/last.safetensors") # of step 7, before the test
    vggcl("train", "--resume", "u", "--no-selfcheck", "--tensorboard", "runs/u")
    events = read("runs/u")
    epochs_agree(events, rows("u/accuracy.csv"), 7)
    assert [step for step, _ in scalars(events, "loss/step")] == [*range(6), *range(7, 21)]


def png_size(image):
    """Of a PNG file, which is decoded to the end."""
    head, data = image[:8], b""
    assert head == b"\x89PNG\r\n\x1a\n"
    position = 8
    while position < len(image):
        size, kind = struct.unpack(">I4s", image[position:position + 8])
        body = image[position + 8:position + 8 + size]
        assert zlib.crc32(kind + body) == struct.unpack(">I", image[position + 8 + size:position + 12 + size])[0]
        if kind == b"IHDR":
            width, height, depth, colour = struct.unpack(">IIBB", body[:10])
        elif kind == b"IDAT":
            data += body
        position += 12 + size
    channels = {0: 1, 2: 3, 3: 1}[colour]
    assert len(zlib.decompress(data)) == height * (1 + (width * channels * depth + 7) // 8)
    return width, height


def inspected():
    """The pictures are the PNG files, at the step of the weights, beside the curves of the run."""
    said = vggcl("inspect", "--weights", "whole/epoch-002.safetensors", "--no-selfcheck", "--profile", "none", "--json",
                 "--tensorboard", "runs/whole")
    files = {os.path.basename(file["file"]): file for file in json.loads(said)["files"]}
    events = read("runs/whole")
    assert sorted(events.Tags()["images"]) == sorted(
        "inspect/" + name[:-4] for name in files if name.endswith(".png"))
    for tag in events.Tags()["images"]:
        image, = events.Images(tag)
        file = files[tag[len("inspect/"):] + ".png"]
        with open(file["file"], "rb") as picture:
            assert picture.read() == image.encoded_image_string
        assert image.step == 13
        assert (image.width, image.height) == (file["width"], file["height"]) == png_size(image.encoded_image_string)
    assert len(scalars(events, "loss/train")) == 3


def new_run():
    """It moves the events of another run aside."""
    said = vggcl(*TRAIN, "--epochs", "1", "--save", "n", "--tensorboard", "runs/whole")
    assert "tensorboard: the event files that were in runs/whole are now in " in said, said
    assert len(scalars(read("runs/whole"), "loss/train")) == 1
    assert len(scalars(read("runs/whole.1"), "loss/train")) == 3


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    for test in [whole_run, thinned, killed_and_resumed, stopped_before_the_test,
                 *([] if "without libpng" in vggcl("version") else [inspected]), new_run]:
        test()
        print(test.__name__, "passed", flush=True)
    os.chdir("/")
