"""Writes FOLDER/adamw.safetensors, which tests/test_op_adamw.c compares with: steps of torch.optim.AdamW in double precision
on random gradients.

    python3 make_adamw.py FOLDER

Each case has its hyperparameters in the metadata ("usual.lr", ...), and as tensors the initial weight, the gradient of
each step, and after each step the weight and the moments, a row a step. Needs torch and numpy."""
import sys

import torch

import vgg

WORDS, STEPS = 96, 12
CASES = {  # AdamW's defaults, and others at which every term shows
    "usual": {"lr": 1e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 1e-2},
    "coarse": {"lr": 0.25, "beta1": 0.75, "beta2": 0.875, "eps": 2**-4, "weight_decay": 0.125},
}


def run(lr, beta1, beta2, eps, weight_decay):
    """The case's tensors. Gradients are of sizes from 1e-9 to 1, and change their signs from step to step."""
    p = torch.nn.Parameter(torch.rand(WORDS).double() * 2 - 1)
    optimiser = torch.optim.AdamW([p], lr, (beta1, beta2), eps, weight_decay)
    gradients = torch.randn(STEPS, WORDS) * torch.logspace(-9, 0, WORDS)
    out = {"initial": p.detach().clone(), "gradients": gradients, "weight": [], "exp_avg": [], "exp_avg_sq": []}
    for g in gradients.double():
        p.grad = g
        optimiser.step()
        state = optimiser.state[p]
        for name, t in [("weight", p), ("exp_avg", state["exp_avg"]), ("exp_avg_sq", state["exp_avg_sq"])]:
            out[name].append(t.detach().clone())
    return {name: torch.stack(t) if isinstance(t, list) else t for name, t in out.items()}


def main(folder):
    torch.manual_seed(1)
    tensors, metadata = {}, {}
    for name, hyperparameters in CASES.items():
        tensors.update({f"{name}.{kind}": t for kind, t in run(**hyperparameters).items()})
        metadata.update({f"{name}.{key}": repr(value) for key, value in hyperparameters.items()})
    vgg.save(f"{folder}/adamw.safetensors", tensors, metadata)


if __name__ == "__main__":
    main(sys.argv[1])
