#!/usr/bin/env python3
"""make_corpus.py [FOLDER]: writes the first inputs of every fuzz target, valid files and typical damaged ones, to
FOLDER/TARGET/NAME (default: corpus, beside this script). Other files there are left alone: minimised inputs that
libFuzzer found, and inputs that crashed an earlier version."""
import gzip
import io
import json
import pathlib
import struct
import sys
import tarfile
import zlib

here = pathlib.Path(__file__).parent
corpus = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else here / "corpus"


def seed(target, name, content):
    """Writes one input: bytes, text, or a value as JSON."""
    if not isinstance(content, (bytes, str)):
        content = json.dumps(content, separators=(",", ":"))
    if isinstance(content, str):
        content = content.encode()
    folder = corpus / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)


# ------------------------------------------------------------------------------------------------- safetensors --

def safetensors(tensors, metadata=None, text=None, data=None):
    """tensors: {name: (dtype, bytes of an element, shape)}."""
    header, at = {}, 0
    if metadata is not None:
        header["__metadata__"] = metadata
    for name, (dtype, width, shape) in tensors.items():
        size = width
        for side in shape:
            size *= side
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + size]}
        at += size
    text = (json.dumps(header, separators=(",", ":")) if text is None else text).encode()
    return struct.pack("<Q", len(text)) + text + (bytes(at) if data is None else data)


def hash_words(value, content):
    """hash_words() of src/base/hash.h."""
    prime, mask = 0x100000001b3, (1 << 64) - 1
    whole = len(content) // 8 * 8
    for (word,) in struct.iter_unpack("<Q", content[:whole]):
        value = (value ^ word) * prime & mask
        value ^= value >> 32
    for byte in content[whole:]:
        value = (value ^ byte) * prime & mask
    return value


def with_checksum(tensors, metadata):
    """A file with the checksum that vggcl writes: of all bytes up to the data, then of each tensor."""
    zeros = "0" * 16
    file = safetensors(tensors, {"vggcl.checksum": zeros, **metadata})
    data = 8 + struct.unpack("<Q", file[:8])[0]
    value = hash_words(0xcbf29ce484222325, file[:data])
    for at in json.loads(file[8:data]).values():
        if "data_offsets" in at:
            begin, end = at["data_offsets"]
            value = hash_words(value, file[data + begin:data + end])
    return file.replace(zeros.encode(), b"%016x" % value, 1)


def vgg(channels, classes=10, colours=3, hidden=1, pixels=1, bn=True):
    """Tensors of a VGG; channels: a list of stages, each a list of numbers of channels."""
    tensors, before = {}, colours
    for s, stage in enumerate(channels, 1):
        for i, c in enumerate(stage, 1):
            tensors[f"conv{s}_{i}.weight"] = ("F32", 4, [c, before, 3, 3])
            if bn:
                tensors[f"bn{s}_{i}.weight"] = ("F32", 4, [c])
            before = c
    tensors["fc1.weight"] = ("F32", 4, [hidden, before * pixels])
    tensors["fc2.weight"] = ("F32", 4, [classes, hidden])
    return tensors


VGG11 = [[1], [1], [1, 1], [1, 1], [1, 1]]
NAMES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
TILE = {"rows": 6, "vectors": 2, "width": 8, "panel": 48, "group_rows": 0, "group_columns": 0, "depth": 0}
PROFILE = {"format": "vggcl profile", "version": 1, "device": "pthread-haswell-AMD EPYC",
           "platform": "Portable Computing Language", "driver": "3.1+debian", "clblast": "1.5.3",
           "kernels": "42878578551c4f71", "date": "2026-11-25", "gemm": TILE, "gemm_transposed": TILE,
           "clblast_parameters": "avx512", "conv_words": 2621440,
           "convolutions": [{"n": 128, "h": 8, "w": 8, "c": 256, "o": 256,
                             "forward": {"algorithm": "winograd4-sliced", "engine": "tiled"},
                             "data_gradient": {"algorithm": "winograd4", "engine": "clblast"},
                             "weight_gradient": {"algorithm": "im2col", "engine": "tiled"}}]}
WEIGHTS = {"format": "pt", "producer": "vggcl 0.1.0", "preprocessing": "RGB, NCHW, (x/255 - 0.5)/0.5",
           "image.mean": "[0.5,0.5,0.5]", "image.std": "[0.5,0.5,0.5]", "image.height": "32", "image.width": "32",
           "image.channels": "3", "image.source": "CIFAR-10 in data", "image.fingerprint": "0123456789abcdef",
           "classes": json.dumps(NAMES), "normalize": "half", "model": "vgg11", "width": "0.001953125",
           "head": "flatten", "no-bn": "no", "recipe": "seed", "batch": "128", "lr": "0.01", "seed": "0",
           "data": "data/cifar-10-batches-bin", "data-format": "cifar10", "labels": "fine", "size": "0",
           "test-share": "0.1", "state.step": "391", "state.epoch": "1"}
STATE = {**WEIGHTS, "state.data": "/data/cifar-10-batches-bin", "state.fingerprint": "0123456789abcdef",
         "state.epoch_step": "0", "state.loss_sum": "0", "state.correct": "0", "state.epoch_seconds": "1.5",
         "state.best_epoch": "1", "state.best_accuracy": "0.41", "profile": json.dumps(PROFILE),
         "profile.2": "none"}


def make_safetensors():
    f32 = ("F32", 4, [2, 3])
    seed("safetensors", "two", safetensors({"a": f32, "b": ("F32", 4, [1])}, {"format": "pt"}))
    seed("safetensors", "other-types", safetensors({"a": ("F64", 8, [1]), "b": f32, "c": ("BF16", 2, [1, 1, 1, 1, 1])}))
    seed("safetensors", "scalar-and-empty", safetensors({"a": ("F32", 4, []), "b": ("F32", 4, [0, 3])}))
    seed("safetensors", "no-tensors", safetensors({}))
    seed("safetensors", "truncated", safetensors({"a": f32})[:-1])
    seed("safetensors", "long-header", struct.pack("<Q", 100000001) + b"{}")
    seed("safetensors", "header-beyond-end", struct.pack("<Q", 100) + b"{}")
    seed("safetensors", "no-object", safetensors({}, text="[1]"))
    seed("safetensors", "not-json", safetensors({}, text='{"a":'))
    seed("safetensors", "metadata-number", safetensors({}, text='{"__metadata__":{"a":1}}'))
    seed("safetensors", "overflow", safetensors({}, text=json.dumps(
        {"a": {"dtype": "F32", "shape": [1 << 62, 1 << 62], "data_offsets": [0, 0]}})))
    seed("safetensors", "huge-empty", safetensors({}, text=json.dumps(
        {"a": {"dtype": "F32", "shape": [1 << 62, 1 << 62, 0], "data_offsets": [0, 0]}})))
    seed("safetensors", "overlap", safetensors({}, data=bytes(8), text=json.dumps(
        {n: {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]} for n in "ab"})))
    seed("safetensors", "floats", safetensors({"a": ("F16", 2, [2, 3]), "b": ("BF16", 2, [1]), "c": ("F64", 8, [3]), "d": f32}))
    seed("safetensors", "pytorch", b"PK\3\4\0\0\10\10archive/data.pkl")
    seed("safetensors", "control-characters", safetensors({"a\n\x1b[2J": ("X", 1, [1])}))


def make_state():
    small = vgg(VGG11)
    seed("state", "weights", safetensors(small, WEIGHTS))
    seed("state", "state", safetensors(small, STATE))
    seed("state", "checksum", with_checksum(small, STATE))
    seed("state", "checksum-wrong", with_checksum(small, STATE)[:-1] + b"x")
    seed("state", "first-state", safetensors({}, STATE))
    seed("state", "no-metadata", safetensors(small))
    seed("state", "list", safetensors(vgg([[2, 3], [4]], hidden=64, bn=False), {"model": "16,24,M,32,M", "width": "0.125"}))
    seed("state", "avgpool", safetensors(small, {**WEIGHTS, "head": "avgpool", "image.height": "64"}))
    seed("state", "many-convolutions", safetensors(vgg([[1]] * 64, hidden=64)))
    seed("state", "crash-no-classes", safetensors(vgg(VGG11, classes=0), {"classes": "[]"}))
    seed("state", "crash-no-channels", safetensors(vgg(VGG11, colours=0), {"image.channels": "0"}))
    seed("state", "nine-channels", safetensors(vgg(VGG11, colours=9), {"producer": "", "normalize": "dataset"}))
    empty = {**vgg(VGG11), "fc2.weight": ("F32", 4, [1 << 61, 0])}
    seed("state", "crash-empty-tensor", safetensors(empty))
    seed("state", "crash-width-infinite", safetensors(small, {**WEIGHTS, "width": "inf"}))
    seed("state", "crash-width-large", safetensors(small, {**WEIGHTS, "width": "1e300"}))
    theirs = {"features.0": [2, 3, 3, 3], "features.3": [4, 2, 3, 3], "features.5": [4, 4, 3, 3], "classifier.0": [5, 4],
              "classifier.3": [10, 5]}
    for name, rename in {"torchvision": str, "wrapped": lambda name: name.replace("s.", "s.module."),
                         "timm": lambda name: name.replace("classifier.0", "pre_logits.fc1").replace("classifier.3", "head.fc")}.items():
        seed("state", name, safetensors({f"{rename(layer)}.{part}": ("F32", 4, shape if part == "weight" else shape[:1])
                                         for layer, shape in theirs.items() for part in ("weight", "bias")}))
    seed("state", "crash-name-without-dot", safetensors({"a": ("F32", 4, [1])}))
    seed("state", "wrong-numbers", safetensors(small, {**STATE, "state.step": "-1", "image.std": "[0,0,1e999]",
                                                       "classes": '["\\u0000",1]', "batch": "x\x1b[31m"}))


# -------------------------------------------------------------------------------------------------- JSON files --

def make_config():
    seed("config", "recipe", {"recipe": "fast", "lr": 0.1, "nesterov": True, "batch": 256})
    seed("config", "every-kind", {"model": "64,M,128,M", "width": 0.5, "seed": 7, "mem-limit": "1.5G", "data": "synthetic",
                                  "no-bn": False, "optimizer": "adamw", "device": "0:0,0:1", "device-split": "2:1"})
    seed("config", "include", {"config": "/dev/null", "recipe": "seed"})
    seed("config", "numbers", {"lr": 1e-300, "epochs": 1e6, "eps": "1e-30", "weight-decay": 0, "seed": 9007199254740993})
    seed("config", "wrong-value", {"batch": [1]})
    seed("config", "crash-control-character", {"a\nb": 1})
    seed("config", "twice", '{"lr":1,"lr":2}')
    seed("config", "not-an-object", "[]")
    seed("config", "deep", '{"a":' + "[" * 3000)
    seed("config", "escapes", '{"save":"\\u00e9\\ud83d\\ude00","data":"\\u001b[2J"}')


def make_profile():
    seed("profile", "whole", PROFILE)
    seed("profile", "match", {**PROFILE, "match": {"platform": "Portable Computing Language",
                                                   "native_vector_width_float": 16}})
    wrong = [{"algorithm": "winograd4", "direction": "forward"}, {"engine": "clblast"},
             {"tile": TILE, "transposed": True}]
    seed("profile", "wrong", {**PROFILE, "wrong": wrong, "unmeasured": True})
    seed("profile", "wrong-twice", {**PROFILE, "wrong": wrong * 2})
    seed("profile", "no-convolutions", {**PROFILE, "convolutions": []})
    seed("profile", "twice", {**PROFILE, "convolutions": PROFILE["convolutions"] * 2})
    seed("profile", "range", {**PROFILE, "conv_words": 1 << 62})
    seed("profile", "version", {**PROFILE, "version": 2})
    seed("profile", "unknown-key", {**PROFILE, "k\n" * 40: 1})
    seed("profile", "long-text", {**PROFILE, "device": "x" * 300})
    seed("profile", "unknown-algorithm", {**PROFILE, "convolutions": [
        {"n": 1, "h": 1, "w": 1, "c": 1, "o": 1, "forward": {"algorithm": "x", "engine": "tiled"}}]})


def make_records():
    device = {"index": 0, "selector": "0:0", "default": True, "type": "GPU", "name": "NVIDIA H200",
              "platform": "NVIDIA CUDA", "driver": "570"}
    record = {"device": device, "faults": [], "cold_start_s": 4.5, "warm_start_s": 0.25, "status": "passed",
              "selfcheck": {"quick": False, "checks": 213, "failures": 0, "worst": 0.5, "seconds": 60.5, "failed": []},
              "losses": {"network": "vgg16, width 0.0625", "device": [2.3, 2.2], "reference": [2.3, 2.25],
                         "tolerance": [1e-6, 1e-6]},
              "benchmark": {"train_images_per_s": 12345.5, "eval_images_per_s": 23456.5, "peak_flops_per_s": 5e13,
                            "flops_share": 0.4, "copy_bytes_per_s": 4e12, "bytes_share": 0.8, "device_bytes": 1 << 30},
              "seconds": 90.0}
    other = {**record, "status": "wrong", "faults": ["gives wrong results: </script>\nconv"],
             "losses": {**record["losses"], "device": [2.31, None]}}
    seed("records", "two", {"devices": [record, other]})
    seed("records", "failed", {"devices": [{"device": device, "faults": [], "status": "failed",
                                            "error": "benchmark: \x1b[2Jout of memory\n"}]})
    seed("records", "crash-status", {"devices": [{**record, "status": "\x1b[2J"}]})
    seed("records", "wrong-kinds", {"devices": [{**record, "losses": 1, "benchmark": [], "selfcheck": "x",
                                                 "faults": {}, "error": 5}]})
    seed("records", "list-of-lists", {"devices": [{**record, "losses": {"device": [[]], "reference": {}}}]})
    seed("records", "huge", {"devices": [{**record, "losses": {"network": "", "device": [1e308, -1e308]},
                                          "benchmark": {"flops_share": 1e308}},
                                         {**record, "losses": {"network": "", "device": [-1e308, 1e308]}}]})
    rounds = [{"train_images_per_s": 12000, "eval_images_per_s": 23000, "first_step_s": 1},
              {"train_images_per_s": 12700, "eval_images_per_s": None, "first_step_s": "x"}]
    told = {**record, "seconds": 90, "benchmark": {**record["benchmark"], "network": "vgg16", "rounds": rounds},
            "parts": [{"name": "selfcheck", "status": "wrong", "seconds": 3.5, "text": "]]>"}],
            "selfcheck": {"failed": [{"operator": "conv", "kernels": "gemm/gemm", "shape": "1x1", "fault": "\uffff"}, 1]}}
    seed("records", "told", {"schema": 1, "vggcl": {"version": "0.1.0", "commit": None}, "host": {"name": "h"},
                             "time": "2026-11-29T10:11:12Z", "verdict": "wrong", "devices": [
                                 told, {**told, "status": "slower", "earlier": True, "file": "f", "measured": 3}]})
    seed("records", "no-devices", {"devices": {}})
    seed("records", "no-record", {"devices": [1]})
    seed("records", "not-json", "{")


def make_history():
    names = "epoch,lr,train_loss,train_accuracy,test_loss,test_accuracy,seconds,images_per_second,weights_hash\n"
    rows = ["1,0.01,2.1,0.2,1.9,0.3,10.5,4700.1,0123456789abcdef\n", "2,0.01,1.8,0.3,1.6,0.4,10.4,4800.2,fedcba9876543210\n"]
    whole = names + "".join(rows)
    seed("history", "two", whole)
    seed("history", "windows", whole.replace("\n", "\r\n"))
    seed("history", "spreadsheet", "\ufeff" + whole.replace(",", ";"))
    seed("history", "others", "loss,epoch,test_accuracy\nx,0,0.5\ny,1,\n\nz,2,1\n")
    seed("history", "short-row", names + rows[0][:20] + "\n")
    seed("history", "same-epoch", names + rows[0] * 2)
    seed("history", "wrong-number", names + rows[0].replace("0.2", "nan").replace("0.3", "1.5"))
    seed("history", "many-columns", "epoch" + "," * 100 + "\n1" + "," * 100 + "\n")
    seed("history", "no-rows", names)
    seed("history", "keras", "epoch,accuracy,loss,val_accuracy,val_loss\n0,0.1,2.3,0.2,2.1\n1,0.3,2.0,0.4,1.8\n")
    seed("history", "lightning", "epoch,step,train_loss,val_loss,val_acc\n0,9,,2.1,0.3\n0,9,2.3,,\n1,19,,1.5,0.5\n1,19,1.6,,\n")
    seed("history", "resumed", "# x\nepoch,loss\n1,2\n2,3\nepoch,loss\n2,1\n0.5,4\n")
    seed("history", "mac", '"","epoch","loss","Test Acc@1 (%)"\r"1",1,"2\r""3""",10.5\r"2",2,1,"12,5 %"\r')
    seed("history", "open-quote", 'epoch,loss\n1,"2\n')
    seed("history", "tabs", "epoch\tval_loss\tvalid acc\n3\t1,5\tNA\n1\t2,5\t40,5\n")
    seed("history", "nul", whole.replace("0.2", "0\x002"))


# ---------------------------------------------------------------------------------------------------- archives --

CIFAR10 = [f"data_batch_{i}.bin" for i in range(1, 6)] + ["test_batch.bin", "batches.meta.txt"]
TOP = "cifar-10-batches-bin/"


def tar(entries, kind=tarfile.USTAR_FORMAT, end=True):
    """entries: (name, contents), or (name, type, target)."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=kind) as archive:
        for name, what, *target in entries:
            info = tarfile.TarInfo(name)
            if target:
                info.type, info.linkname = what, target[0]
                archive.addfile(info)
            else:
                info.size = len(what)
                archive.addfile(info, io.BytesIO(what))
    size = sum(512 + (0 if e[2:] else (len(e[1]) + 511) // 512 * 512) for e in entries)
    return out.getvalue() if kind != tarfile.USTAR_FORMAT else out.getvalue()[:size + (1024 if end else 0)]


def make_archive():
    whole = [(TOP, tarfile.DIRTYPE, "")] + [(TOP + name, b"x") for name in CIFAR10]
    packed = {"mtime": 0, "compresslevel": 9}
    seed("archive", "whole", tar(whole))
    seed("archive", "no-end", tar(whole, end=False))
    seed("archive", "gzip", gzip.compress(tar(whole), **packed))
    seed("archive", "gzip-truncated", gzip.compress(tar(whole), **packed)[:-20])
    seed("archive", "pax", gzip.compress(tar([("./" + TOP + CIFAR10[0], b"x"), (TOP + "\u00e9" * 120, b"y")],
                                             tarfile.PAX_FORMAT), **packed))
    seed("archive", "gnu-long-name", gzip.compress(tar([(TOP + "n" * 200, b"y")], tarfile.GNU_FORMAT), **packed))
    seed("archive", "twice", tar(whole[:2] + whole[1:2]))
    seed("archive", "outside", tar([("../" + CIFAR10[0], b"x")]))
    seed("archive", "absolute", tar([("/etc/passwd", b"x")]))
    seed("archive", "below", tar([(TOP + "a/" + CIFAR10[0], b"x")]))
    seed("archive", "symbolic-link", tar([(TOP + CIFAR10[0], tarfile.SYMTYPE, "/etc/passwd")]))
    seed("archive", "hard-link", tar([(TOP + CIFAR10[0], tarfile.LNKTYPE, "/etc/passwd")]))
    seed("archive", "device", tar([(TOP + CIFAR10[0], tarfile.CHRTYPE, "")]))
    seed("archive", "escape", tar([("\x1b[2J\n", b"x")]))
    seed("archive", "zeros", gzip.compress(tar([(TOP + CIFAR10[0], bytes(1 << 20))]), **packed))
    seed("archive", "empty", b"")


# ---------------------------------------------------------------------------------------------------- data sets --

def files(parts):
    """parts: (position of the name, contents), see fuzz_files()."""
    return b"".join(struct.pack("<BH", name, len(content)) + content for name, content in parts)


def make_cifar():
    def part(name, content):
        return struct.pack("<BB", name, len(content)) + content
    names10, names100 = "\n".join(NAMES).encode(), "\n".join(f"c{i}" for i in range(100)).encode()[:255]
    coarse = "\n".join(f"c{i}" for i in range(20)).encode()
    ten = b"".join(part(i, b"\0" + bytes([i, 9])) for i in range(6)) + part(6, names10)
    hundred = part(7, b"\0\x05\x63") + part(8, b"\0\x01") + part(10, coarse)
    seed("cifar", "cifar10", b"\0" + ten)
    seed("cifar", "cifar10-validate", b"\x02" + ten)
    seed("cifar", "cifar10-uneven", b"\0" + part(0, b"\0\1\2\3") + ten[5:])
    seed("cifar", "cifar10-label", b"\0" + ten.replace(b"\x09", b"\x0a"))
    seed("cifar", "cifar10-incomplete", b"\0" + part(0, b"\x01\1\2") + ten[5:])
    seed("cifar", "cifar10-missing", b"\0" + ten[5:])
    seed("cifar", "cifar10-long-name", b"\0" + ten + part(6, b"x" * 40))
    seed("cifar", "cifar100-coarse", b"\x01" + hundred)
    seed("cifar", "cifar100-fine", b"\0" + hundred + part(9, names100))
    seed("cifar", "cifar100-validate-all", b"\x07" + hundred)
    seed("cifar", "none", b"\0")


def idx_images(count, side=8, data=None, height=None):
    data = bytes(count * side * (height or side)) if data is None else data
    return struct.pack(">IIII", 0x803, count, height or side, side) + data


def idx_labels(labels):
    return struct.pack(">II", 0x801, len(labels)) + bytes(labels)


def make_idx():
    """Names: 4 endings of train-images, of train-labels, of t10k-images, of t10k-labels; the same of EMNIST; texts; then
    files with four dimensions."""
    images, labels = idx_images(2), idx_labels([0, 1])

    def whole(first=0, pack=lambda b: b, ending=0, more=()):
        return files([(first + ending, pack(images)), (first + 4 + ending, pack(labels)),
                      (first + 8 + ending, pack(images)), (first + 12 + ending, pack(labels)), *more])
    stored = lambda b: gzip.compress(b, compresslevel=0, mtime=0)  # noqa: E731
    small = lambda b: gzip.compress(b, mtime=0)  # noqa: E731
    seed("idx", "plain", whole())
    seed("idx", "dots", whole(ending=1))
    seed("idx", "gzip", whole(pack=small, ending=2))
    seed("idx", "gzip-stored", whole(pack=stored, ending=2))
    seed("idx", "gzip-truncated", whole(pack=lambda b: small(b)[:-6], ending=3))
    seed("idx", "gzip-not", whole(ending=2))
    seed("idx", "names", whole(more=[(32, b"zero\none\n")]))
    seed("idx", "mapping", whole(more=[(33, b"0 48\n1 49\n")]))
    seed("idx", "letters", files([(16, idx_images(2, 8, height=9)), (20, idx_labels([1, 2])),
                                  (24, idx_images(2, 8, height=9)), (28, idx_labels([2, 1])), (34, b"1 65 97\n2 66 98\n")]))
    colour = struct.pack(">IIIII", 0x804, 2, 3, 8, 9) + bytes(2 * 3 * 8 * 9)
    plain = [(4, labels), (12, labels)]
    seed("idx", "colour", files([(35, colour), (39, colour), *plain]))
    seed("idx", "colour-gzip", files([(37, stored(colour)), (41, small(colour)), *plain]))
    seed("idx", "colour-transposed", files([(43, colour), (44, colour), (20, labels), (28, labels)]))
    seed("idx", "colour-and-grey", files([(35, colour), (8, images), *plain]))
    seed("idx", "colour-channels", files([(35, colour[:8] + bytes([255] * 4) + colour[12:]), (39, colour), *plain]))
    seed("idx", "colour-short", files([(35, colour[:-1]), (39, colour), *plain]))
    seed("idx", "two-sets", whole(more=[(16, images)]))
    seed("idx", "many-images", whole(more=[(0, idx_images(0xffffffff, 256, b"")), (4, idx_labels([0]))]))
    seed("idx", "many-in-gzip", whole(pack=small, ending=2, more=[(2, small(idx_images(100000, 28, b"")))]))
    seed("idx", "magic", whole(more=[(0, b"\0\0\x0d\x03" + images[4:])]))
    seed("idx", "one-class", whole(more=[(4, idx_labels([0, 0])), (12, idx_labels([0, 0]))]))
    seed("idx", "short", whole(more=[(0, images[:-1])]))
    seed("idx", "long", whole(more=[(0, images + b"x")]))


def make_names():
    seed("names", "ten-lines", bytes([10]) + "\n".join(NAMES).encode())
    seed("names", "windows", bytes([3]) + b"a\r\nb\r\n\r\nc")
    seed("names", "too-few", bytes([3]) + b"a\nb")
    seed("names", "too-long", bytes([1]) + b"x" * 32)
    seed("names", "longest", bytes([1]) + b"x" * 31)
    seed("names", "names", b"\xff" + b"zero\none\ntwo\nthree\n")
    seed("names", "mapping", b"\xfe" + b"0 48\n1 49 50\n2 50\r\n3 51\n")
    seed("names", "mapping-gap", b"\xfe" + b"1 65\n")
    seed("names", "mapping-wrong", b"\xfe" + b"256 65\n")
    seed("names", "mapping-huge", b"\xfe" + b"99999999999999999999999 -1\n")
    seed("names", "mapping-no-code", b"\xfe" + b"3\n3 4")


def png(width, height, kind, rows, extra=b""):
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)) + extra
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def make_picture():
    grey = png(9, 8, 0, b"".join(bytes([0] + [17 * i % 256 for i in range(9)]) for _ in range(8)))
    seed("picture", "png-grey", b"\0" + grey)
    seed("picture", "png-alpha", b"\x05" + png(4, 4, 6, (b"\0" + bytes(range(16))) * 4))
    seed("picture", "png-truncated", b"\0" + grey[:-20])
    seed("picture", "png-huge", b"\0" + png(1 << 14, 1 << 14, 2, b"\0"))
    seed("picture", "gif", b"\0GIF89a\x02\0\x02\0\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\x02\0\x02\0\0\x02\x03D\x02\x05\0;")
    tags = [(256, 3, 1, 2), (257, 3, 1, 2), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (273, 4, 1, 8),
            (277, 3, 1, 1), (278, 3, 1, 2), (279, 4, 1, 4), (274, 3, 1, 6)]
    ifd = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", *t) for t in sorted(tags)) + bytes(4)
    seed("picture", "tiff-rotated", b"\0" + struct.pack("<2sHI", b"II", 42, 12) + b"\0\x55\xaa\xff" + ifd)
    bmp = struct.pack("<IiiHHIIiiII", 40, 2, 2, 1, 24, 0, 16, 0, 0, 0, 0) + bytes(16)
    seed("picture", "bmp", b"\0" + struct.pack("<2sIHHI", b"BM", 14 + len(bmp), 0, 0, 54) + bmp)
    seed("picture", "text", b"\0just a text")
    seed("picture", "svg", b'\0<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')
    seed("picture", "empty", b"\0")


def make_picture_cache():
    def cache(how, height, width, channels, count=4, pixels=None, present=b"\1\1\1\1"):
        pixels = bytes(4 * height * width * channels) if pixels is None else pixels
        head = struct.pack("<24s7Q", b"vggcl pictures 2\n", 0, count, height, width, channels, 0, 0)
        return bytes([how]) + head + present + pixels
    seed("picture_cache", "valid", cache(7, 8, 8, 1))
    seed("picture_cache", "left-out", cache(7, 8, 9, 3, present=b"\1\0\1\0"))
    seed("picture_cache", "checksum", cache(3, 8, 8, 1))
    seed("picture_cache", "start", cache(5, 8, 8, 1))
    seed("picture_cache", "key", cache(6, 8, 8, 1))
    seed("picture_cache", "count", cache(7, 8, 8, 1, count=3))
    seed("picture_cache", "short", cache(7, 8, 8, 1)[:50])
    seed("picture_cache", "crash-overflow", cache(7, 1 << 32, 1 << 31, 2, pixels=b""))
    seed("picture_cache", "crash-no-channels", cache(7, 8, 8, 0))
    seed("picture_cache", "crash-large-side", cache(7, 1, 257, 1))


# -------------------------------------------------------------------------------------------------------- texts --

def make_options():
    seed("options", "recipe", "recipe=fast\nlr=0.1\nnesterov\ntta=no\nbatch=256")
    seed("options", "list", "model=64,64,M,128,128,M\nshape=64x48x3\nwidth=0.25\nhead=avgpool\nclasses=1000")
    seed("options", "longest-list", "model=" + ",".join(["8192,M"] * 64))
    seed("options", "deep", "model=8,M,8,M,8,M,8,M,8,M,8,M\nshape=8x8x1")
    seed("options", "devices", "device=gpu\ndevice=0:1/2\ndevice-split=2:1")
    seed("options", "device-part", "device=h200")
    seed("options", "device-numbers", "device=1:1")
    seed("options", "sizes", "mem-limit=1.5G\nmem-limit=512K\nmem-limit=9007199254740992\nmem-limit=1e400")
    seed("options", "numbers", "seed=9007199254740993\nlr=nan\nlr=1e-320\neps=0x1p-99\nbatch= 7\nbatch=+7\nwidth=,5")
    seed("options", "adamw", "optimizer=adamw\nbeta1=0.5\nmomentum=0.5")
    seed("options", "shapes", "shape=8x256x1\nshape=257x8x3\nshape=32x32x2\nshape=+32x32x3\nshape=32x32x3x")
    seed("options", "bytes", b"save=\xff\x01\ndata=a\tb\nweights=\xc3\xa9")
    seed("options", "unknown", "a\x1b[2Jb=1\nconv=x\x07y")


def make_synthetic():
    for name, text in {"word": "synthetic", "small": "synthetic:20,10", "fewest": "synthetic:10,10", "too-few": "synthetic:9,10",
                       "huge": "synthetic:99999999999999999999,10", "sign": "synthetic:+20,10", "one": "synthetic:20",
                       "more": "synthetic:20,10,", "other": "synthetics:20,10", "escape": "synthetic:\x1b[2J"}.items():
        seed("synthetic", name, text)


for make in [value for name, value in list(globals().items()) if name.startswith("make_")]:
    make()
