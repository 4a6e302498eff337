#!/usr/bin/env python3
"""Makes the golden values of tests/test_golden.c with PyTorch: make_golden.py FOLDER (needs torch and numpy).

VGG16 at width 1/32, with and without batch normalisation, no dropout, in double precision, stored as float32: images,
labels, initial weights, logits in training and in evaluation, every gradient, the losses of ten steps of SGD (lr 1e-4:
at larger ones training with batch normalisation amplifies roundings step by step) and the weights after them."""
import json, struct, sys
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

STAGES = [2, 2, 3, 3, 3]
CHANNELS = [2, 4, 8, 16, 16]


class Vgg(nn.Module):
    def __init__(self, bn):
        super().__init__()
        self.bn, c = bn, 3
        for s, (count, o) in enumerate(zip(STAGES, CHANNELS), 1):
            for i in range(1, count + 1):
                self.add_module(f"conv{s}_{i}", nn.Conv2d(c, o, 3, padding=1))
                if bn:
                    self.add_module(f"bn{s}_{i}", nn.BatchNorm2d(o))
                c = o
        self.fc1, self.fc2 = nn.Linear(c, c), nn.Linear(c, 10)

    def forward(self, x):
        for s, count in enumerate(STAGES, 1):
            for i in range(1, count + 1):
                x = getattr(self, f"conv{s}_{i}")(x)
                x = F.relu(getattr(self, f"bn{s}_{i}")(x) if self.bn else x)
            x = F.max_pool2d(x, 2)
        return self.fc2(F.relu(self.fc1(x.flatten(1))))


def save(path, tensors):
    header, blob = {}, b""
    for name, t in tensors.items():
        a = np.ascontiguousarray(t.detach().numpy(), dtype="<f4")
        header[name] = {"dtype": "F32", "shape": list(a.shape), "data_offsets": [len(blob), len(blob) + a.nbytes]}
        blob += a.tobytes()
    h = json.dumps(header).encode()
    h += b" " * (-len(h) % 8)
    open(path, "wb").write(struct.pack("<Q", len(h)) + h + blob)


def weights(net, prefix=""):
    return {prefix + k: v.clone() for k, v in net.state_dict().items() if "num_batches" not in k}


for bn in (True, False):
    torch.manual_seed(1)
    net = Vgg(bn)
    for name, p in net.named_parameters():  # gradients of a useful size through sixteen layers
        if name.startswith("conv") and name.endswith("weight"):
            nn.init.kaiming_normal_(p)
    net = net.double()
    x, y = (torch.rand(6, 3, 32, 32) * 2 - 1).float().double(), torch.randint(0, 10, (6,))
    out = {**weights(net), "golden.images": x, "golden.labels": y.double()}
    net.eval()
    out["golden.logits_eval"] = net(x)
    net.train()
    optimiser = torch.optim.SGD(net.parameters(), lr=1e-4, momentum=0.9, weight_decay=5e-4)
    losses = []
    for step in range(10):
        optimiser.zero_grad()
        logits = net(x)
        loss = F.cross_entropy(logits, y)
        loss.backward()
        if step == 0:
            out["golden.logits"] = logits
            out.update({"gradient." + k: p.grad.clone() for k, p in net.named_parameters()})
        losses.append(loss)
        optimiser.step()
    out["golden.losses"] = torch.stack(losses)
    out.update(weights(net, "after."))
    save(f"{sys.argv[1]}/{'bn' if bn else 'plain'}.safetensors", out)
