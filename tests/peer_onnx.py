#!/usr/bin/env python3
"""peer_onnx.py PROGRAM: networks that `vggcl export` writes pass onnx.checker, and ONNX Runtime gives the probabilities
of `vggcl predict`: the largest difference of their logarithms, which are the logits less a constant, is at most 1e-4
for 1,000 images. The networks have random weights and statistics. tests/CMakeLists.txt runs this by peers.sh, with the
Python that ci/peers.sh names."""
import json, os, struct, subprocess, sys, tempfile, zlib

import numpy, onnx, onnxruntime

IMAGES, BATCH, TOLERANCE = 1000, 7, 1e-4
program = os.path.abspath(sys.argv[1])
random = numpy.random.default_rng(0)


def vggcl(*words):
    return subprocess.run([program, *words], check=True, stdout=subprocess.PIPE, text=True).stdout


def write_safetensors(path, tensors, metadata):
    header, data = {"__metadata__": metadata}, b""
    for name, values in tensors.items():
        start, data = len(data), data + values.astype("<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": values.shape, "data_offsets": [start, len(data)]}
    header = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(header)) + header + data)


def write_png(path, image):
    """image: bytes, channels x height x width."""
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    channels, height, width = image.shape
    rows = b"".join(b"\0" + row.tobytes() for row in image.transpose(1, 2, 0))
    header = struct.pack(">IIBBBBB", width, height, 8, 2 if channels == 3 else 0, 0, 0, 0)
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
                   + chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b""))


def uniform(low, high, *shape):
    return random.uniform(low, high, shape)


def make_network(model, shape, classes, bn, head):
    """The tensors of a VGG of the layers in the list, with 512 hidden features x width 1/16."""
    tensors, (channels, height, width), stage, number = {}, shape, 1, 1
    for word in model.split(","):
        if word == "M":
            height, width, stage, number = height // 2, width // 2, stage + 1, 1
            continue
        outputs = int(word) // 16
        deviation = (2 / (9 * channels)) ** 0.5
        tensors[f"conv{stage}_{number}.weight"] = random.normal(0, deviation, (outputs, channels, 3, 3))
        tensors[f"conv{stage}_{number}.bias"] = uniform(-0.2, 0.2, outputs)
        if bn:
            for suffix, low, high in (("weight", 0.5, 1.5), ("bias", -0.5, 0.5), ("running_mean", -0.5, 0.5),
                                      ("running_var", 0.2, 2)):
                tensors[f"bn{stage}_{number}.{suffix}"] = uniform(low, high, outputs)
        channels, number = outputs, number + 1
    features = channels * (1 if head == "avgpool" else height * width)
    for name, inputs, outputs in ("fc1", features, 32), ("fc2", 32, classes):
        tensors[name + ".weight"] = random.normal(0, (2 / inputs) ** 0.5, (outputs, inputs))
        tensors[name + ".bias"] = uniform(-0.2, 0.2, outputs)
    return tensors


def predicted(shape, names):
    """Random images, and vggcl's probabilities for each class, in the order of the names."""
    images = random.integers(0, 256, (IMAGES, *shape), numpy.uint8)
    images[: IMAGES // 2] //= random.integers(1, 8, (IMAGES // 2, 1, 1, 1), numpy.uint8)
    os.makedirs("images", exist_ok=True)
    for i, image in enumerate(images):
        write_png(f"images/{i:04}.png", image)
    lines = vggcl("predict", "--weights", "w.safetensors", "--profile", "none", "--json", "--top", str(len(names)),
                  "images").splitlines()
    guesses = [{p["class"]: p["probability"] for p in json.loads(line)["predictions"]} for line in lines]
    return images, numpy.array([[guess[name] for name in names] for guess in guesses])


def log_probabilities(path, images, batch):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    output, = session.get_outputs()
    values = numpy.concatenate([session.run(None, {"images": images[i : i + batch]})[0].astype(float)
                                for i in range(0, len(images), batch)])
    if output.name == "probabilities":
        return numpy.log(values)
    assert output.name == "logits"
    values -= values.max(1, keepdims=True)
    return values - numpy.log(numpy.exp(values).sum(1, keepdims=True))


def check_export(flags, images, mean, std, names, expected):
    vggcl("export", "w.safetensors", *flags)
    model = onnx.load("w.onnx")
    onnx.checker.check_model(model, full_check=True)
    metadata = {pair.key: pair.value for pair in model.metadata_props}
    assert json.loads(metadata["classes"]) == names, metadata
    operators = [node.op_type for node in model.graph.node]
    assert ("BatchNormalization" in operators) == (has_bn and "--fold-bn" not in flags), operators
    if "--with-preprocess" not in flags:
        images = ((images / 255 - mean.reshape(-1, 1, 1)) / std.reshape(-1, 1, 1)).astype(numpy.float32)
    worst = abs(log_probabilities("w.onnx", images, BATCH) - expected).max()
    alone = abs(log_probabilities("w.onnx", images[:20], 1) - expected[:20]).max()
    print(f"{title:>40}  {' '.join(flags) or 'plain':<30}  {worst:.1e}  one by one {alone:.1e}", flush=True)
    assert worst <= TOLERANCE and alone <= TOLERANCE


networks = [
    # layers, shape of the images, classes, batch normalisation, head
    ("128,128,M,256,M,256,M", (3, 32, 32), 10, True, "flatten"),
    ("128,M,256,256,M", (1, 22, 36), 5, False, "flatten"),
    ("128,M,256,M,512,M", (3, 40, 24), 100, True, "avgpool"),
]
with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    for model, shape, classes, has_bn, head in networks:
        title = f"{model} {head}{'' if has_bn else ' no-bn'} {'x'.join(map(str, shape))}"
        mean, std = uniform(0.3, 0.6, shape[0]), uniform(0.2, 0.4, shape[0])
        names = [f"class ä {i}, \"{chr(97 + i % 26)}\"" for i in range(classes)]
        write_safetensors("w.safetensors", make_network(model, shape, classes, has_bn, head), {
            "model": model, "width": "0.0625", "head": head, "producer": "vggcl", "normalize": "dataset",
            "image.channels": str(shape[0]), "image.height": str(shape[1]), "image.width": str(shape[2]),
            "image.mean": json.dumps(mean.tolist()), "image.std": json.dumps(std.tolist()),
            "classes": json.dumps(names)})
        images, probabilities = predicted(shape, names)
        for flags in [], ["--fold-bn"], ["--with-preprocess"], ["--fold-bn", "--with-preprocess"]:
            check_export(flags, images, mean, std, names, numpy.log(probabilities))
