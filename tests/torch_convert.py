#!/usr/bin/env python3
"""torch_convert.py PROGRAM: weights that PyTorch saves, under the names of other programs, give in vggcl the probabilities
that the network had in PyTorch: through the command that an error prints, directly, and converted back. Exit status 77,
which counts as skipped, without PyTorch or Pillow."""
import json
import os
import random
import re
import subprocess
import sys
import tempfile

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
sys.path.insert(0, os.path.join(ROOT, "data"))
sys.dont_write_bytecode = True
try:
    import PIL.Image
    import torch
    from torch import nn
except ImportError as missing:
    print(f"skipped: {missing}: apt-get install python3-torch python3-pil")
    sys.exit(77)
import vggcl_torch

PROGRAM = os.path.abspath(sys.argv[1])
TOLERANCE = 1e-4  # of probabilities
CHANNELS = [4, "M", 8, "M", 16, 16, "M", 32, 32, "M", 32, 32, "M"]  # VGG11's, divided by 16
IMAGENET = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
CIFAR10 = [0.4914, 0.4822, 0.4465], [0.2023, 0.1994, 0.2010]
ENVIRONMENT = dict(os.environ, PATH=f"{os.path.dirname(PROGRAM)}:{os.environ['PATH']}")


class Vgg(nn.Module):
    """As torchvision's; classifier: what follows the flattened features."""

    def __init__(self, bn, classifier, parallel=False, dropout=False):
        super().__init__()
        layers, inputs = [], 3
        for i, channels in enumerate(CHANNELS):
            if channels == "M":
                layers.append(nn.MaxPool2d(2))
                continue
            layers += [nn.Conv2d(inputs, channels, 3, padding=1), *([nn.BatchNorm2d(channels)] if bn else []), nn.ReLU()]
            if dropout and CHANNELS[i + 1] != "M":
                layers.append(nn.Dropout(0.4))
            inputs = channels
        for layer in layers:
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight)
        self.features = nn.Sequential(*layers)
        if parallel:
            self.features = nn.DataParallel(self.features)
        self.classifier = classifier

    def forward(self, x):
        return self.classifier(self.features(x).flatten(1))


def hidden(pixels, *sizes, classes=10):
    """Linear layers at classifier.0, .3, .6, as torchvision's."""
    layers, inputs = [], 32 * pixels
    for size in sizes:
        layers += [nn.Linear(inputs, size), nn.ReLU(), nn.Dropout()]
        inputs = size
    return nn.Sequential(*layers, nn.Linear(inputs, classes))


def vggcl(*words, status=0):
    result = subprocess.run([PROGRAM, *map(str, words)], capture_output=True, text=True, env=ENVIRONMENT)
    if result.returncode != status:
        sys.exit(f"vggcl {' '.join(map(str, words))}: {result.returncode}: {result.stderr}")
    return result.stdout if status == 0 else result.stderr


def put_pictures(side):
    os.makedirs(str(side), exist_ok=True)
    for i in range(6):
        small = PIL.Image.frombytes("RGB", (4, 4), bytes(random.randrange(256) for _ in range(48)))
        small.resize((side, side), PIL.Image.BICUBIC).save(f"{side}/{i}.png")
    return [f"{side}/{i}.png" for i in range(6)]


def normalised(paths, mean, std):
    pixels = [torch.frombuffer(bytearray(PIL.Image.open(path).tobytes()), dtype=torch.uint8) for path in paths]
    side = int(paths[0].split("/")[0])
    x = torch.stack(pixels).reshape(-1, side, side, 3).permute(0, 3, 1, 2) / 255
    return (x - torch.tensor(mean).reshape(1, 3, 1, 1)) / torch.tensor(std).reshape(1, 3, 1, 1)


def settle(net, x):
    """Statistics of these images, and a last layer by which their probabilities differ."""
    with torch.no_grad():
        for _ in range(20):
            net.train()(x)
        last = [m for m in net.modules() if isinstance(m, nn.Linear)][-1]
        logits = net.eval()(x) - last.bias
        factor = 2 / logits.std(0).max()
        last.weight *= factor
        last.bias.copy_(-factor * logits.mean(0))
    return net


def predicted(weights, paths, classes):
    lines = vggcl("predict", "--weights", weights, "--top", classes, "--json", "--profile", "none", *paths).splitlines()
    rows = [{p["class"]: p["probability"] for p in json.loads(line)["predictions"]} for line in lines]
    return torch.tensor([[row[str(k)] for k in range(classes)] for row in rows])


def compare(name, ours, net, x):
    with torch.no_grad():
        theirs = net(x).softmax(1)
    difference, spread = (ours - theirs).abs().max().item(), theirs.std(0).max().item()
    print(f"{name}: largest difference {difference:.1e} of {theirs.numel()} probabilities, whose deviation is {spread:.2f}")
    if not difference <= TOLERANCE or spread < 0.05:
        sys.exit(f"{name}: the probabilities differ, or are all alike")


def by_printed_command(path):
    """The file that the command in predict's error makes."""
    error = vggcl("predict", "--weights", path, "none.png", status=1)
    command = re.search(r"not safetensors; convert it with: (vggcl convert .*) \(needs Python 3\)", error)
    if not command:
        sys.exit(f"{path}: no command in: {error}")
    if subprocess.run(command.group(1), shell=True, env=ENVIRONMENT, stdout=subprocess.DEVNULL).returncode:
        sys.exit(f"{path}: the command fails: {command.group(1)}")
    return os.path.splitext(path)[0] + ".safetensors"


def check(name, net, side, images, save, back=None):
    """save(net, path) writes the file. back: names that convert gives, to be loaded again."""
    paths = put_pictures(side)
    x = normalised(paths, *images)
    classes = settle(net, x)(x).shape[1]
    save(net, f"my {name}.pth")
    weights = by_printed_command(f"my {name}.pth")
    compare(name, predicted(weights, paths, classes), net, x)
    if back:
        vggcl("convert", weights, "back.safetensors", "--to", back)
        tensors, _ = vggcl_torch.read_safetensors("back.safetensors")
        net.load_state_dict(tensors)  # raises an error unless all names are there, and no others
        compare(f"{name}, back", predicted("back.safetensors", paths, classes), net, x)
    return weights


class Attack:
    """Runs a command where a file is read without care."""

    def __reduce__(self):
        return os.system, ("touch attacked",)


def check_reader():
    """Tensors of every kind in both formats of torch.save(), among objects that must not come to life."""
    base = torch.randn(6, 10)
    tensors = {"transposed": base.t(), "part": base[2:5, ::2], "channels last": torch.randn(2, 3, 4, 5).to(
        memory_format=torch.channels_last), "scalar": torch.tensor(3.0), "empty": torch.empty(0, 3), "half": base.half(),
        "bfloat": base.bfloat16(), "double": base.double(), "int": torch.arange(3), "bool": torch.tensor([True, False]),
        "parameter": nn.Parameter(base)}
    content = {"attack": Attack(), "acc": 93.0, "net": tensors, "optimizer": torch.optim.SGD([base], 0.1).state_dict()}
    for archive in (True, False):
        torch.save(content, "all.pth", _use_new_zipfile_serialization=archive)
        subprocess.run(["/usr/bin/python3", os.path.join(ROOT, "src", "cli", "read_torch.py"), "all.pth", "all.safetensors"],
                       check=True)
        read, _ = vggcl_torch.read_safetensors("all.safetensors")
        wrong = [name for name, t in tensors.items() if read[name].dtype != t.dtype or not torch.equal(read[name], t)]
        if wrong or os.path.exists("attacked"):
            sys.exit(f"read_torch.py: wrong tensors {wrong}, or code of the file was run")


def check_refusals():
    torch.save(nn.Linear(2, 2), "whole.pth")
    error = vggcl("convert", "whole.pth", "o.safetensors", status=1)
    if "whole.pth: cannot be converted: python3 ended with exit status 1: has no state_dict" not in error or os.path.exists("o.safetensors.part"):
        sys.exit(f"a whole module: {error}")
    torch.save({"features.0.weight": torch.zeros(4, 3, 7, 7), "features.0.bias": torch.zeros(4)}, "alien.pth")
    error = vggcl("convert", "alien.pth", "o.safetensors", status=1)
    if "alien.pth: features.0 belongs to no VGG" not in error or os.path.exists("o.safetensors"):
        sys.exit(f"a 7x7 convolution: {error}")
    alien = Vgg(False, nn.Sequential(nn.Linear(32, 32), nn.Linear(32, 10)))  # without a ReLU
    torch.save(alien.state_dict(), "alien.pth")
    error = vggcl("convert", "alien.pth", "o.safetensors", status=1)
    if "alien.pth: classifier.1 belongs to no VGG" not in error:
        sys.exit(f"two linear layers without a ReLU: {error}")
    torch.save(Vgg(False, hidden(1, 32)).state_dict(), "two.pth")
    error = vggcl("convert", "two.pth", "o.safetensors", "--to", "kuangliu", status=2)
    if "two.pth: its network has 2 linear layers" not in error:
        sys.exit(f"names for one linear layer: {error}")


def main():
    random.seed(1)
    torch.manual_seed(1)
    with tempfile.TemporaryDirectory() as work:
        os.chdir(work)
        check("kuangliu", Vgg(True, nn.Linear(32, 10)), 32, CIFAR10, back="kuangliu",
              save=lambda net, path: torch.save({"net": nn.DataParallel(net).state_dict(), "acc": 93.0, "epoch": 7}, path))
        check("chenyaofo", Vgg(True, hidden(1, 32, 32)), 32, CIFAR10, back="torchvision",
              save=lambda net, path: torch.save(net.state_dict(), path, _use_new_zipfile_serialization=False))
        check("dropout", Vgg(True, hidden(1, 32), dropout=True), 32, CIFAR10,
              save=lambda net, path: torch.save(net.half().float().state_dict(), path))
        check("chengyangfu", Vgg(False, nn.Sequential(nn.Dropout(), nn.Linear(32, 32), nn.ReLU(), nn.Dropout(),
                                                      nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 10)), parallel=True), 32, IMAGENET,
              save=lambda net, path: torch.save({"state_dict": net.state_dict()}, path))
        weights = check("torchvision", Vgg(True, hidden(49, 24, 24, classes=12)), 224, IMAGENET, back="torchvision",
                        save=lambda net, path: torch.save(net.state_dict(), path))
        error = vggcl("predict", "--weights", weights, "--size", 64, "224/0.png", "--profile", "none", status=2)
        if "takes images of another size than 64x64 (224x224 to 255x255 if square)" not in error:
            sys.exit(f"another size: {error}")
        paths = put_pictures(32)
        said = subprocess.run([PROGRAM, "predict", "--weights", "my kuangliu.safetensors", "--normalize", "half", "--profile",
                               "none", *paths], capture_output=True, text=True)
        if said.returncode:
            sys.exit(f"--normalize half: {said.stderr}")
        check_reader()
        check_reader()
        check_refusals()


main()
