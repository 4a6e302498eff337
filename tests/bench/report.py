"""report.py FOLDER text|json PAIRS CORES WIDTH BATCHES SIDE...: for compare_pytorch.sh, the tables of what it
measured. SIDE is vggcl or vggcl-PRECISION, any number of times, then pytorch. FOLDER has SIDE-P-B.json of pair P
and batch B, batches-SIDE-R-B.json of run R by batch, and chosen, the output of pytorch_bench.py --choose."""
import datetime
import glob
import json
import os
import re
import statistics
import sys

DIRECTIONS = {"forward": "forward", "data_gradient": "data gradient", "weight_gradient": "weight gradient"}


def read(*name):
    with open(os.path.join(*name), encoding="utf-8") as file:
        return json.load(file)


def shown(side, mode):
    """A side's name in a table, with PyTorch's mode."""
    return f"PyTorch {mode}" if side == "pytorch" else side.replace("-", " ")


def quantities(side, run, layers):
    """Name and unit: value and mode, of one side's run of one pair, by batch; of layers if these were asked for."""
    large = next(iter(run))
    result = {(f"train, batch {b}", "images/s"): (run[b]["train_images_per_s"], run[b].get("train_mode")) for b in run}
    result[f"eval, batch {large}", "images/s"] = run[large]["eval_images_per_s"], run[large].get("eval_mode")
    memory = run[large].get("peak_bytes", run[large].get("device_bytes"))
    result[f"memory, batch {large}", "MiB"] = memory / 2**20, run[large].get("train_mode")
    for layer in run[large]["layers"]:
        for direction, words in DIRECTIONS.items():
            if layer["name"] in layers and layer[f"{direction}_s"] > 0:
                result[f"{layer['name']} {words}", "ms"] = 1e3 * layer[f"{direction}_s"], layer.get(f"{direction}_mode")
    return {what: (value, shown(side, mode)) for what, (value, mode) in result.items()}


def compare(ours, theirs, pairs):
    """The rows of one side beside another, from each pair's quantities."""
    rows = []
    for name, unit in pairs[0][ours]:
        both = [[pair[side][name, unit][0] for pair in pairs] for side in (ours, theirs)]
        ratios = [a / b if unit == "images/s" else b / a for a, b in zip(*both)]
        rows.append({"name": name, "unit": unit, "side": shown(ours, None), "value": statistics.median(both[0]),
                     "peer": statistics.mode(pair[theirs][name, unit][1] for pair in pairs),
                     "peer_value": statistics.median(both[1]),
                     "ratio": {"median": statistics.median(ratios), "least": min(ratios), "largest": max(ratios)}})
    return rows


def compare_all(folder, pairs, batches, sides):
    measured = []
    for p in range(pairs):
        runs = {who: {b: read(folder, f"{who}-{p}-{b}.json") for b in batches} for who in sides}
        layers = {layer["name"] for layer in runs["pytorch"][batches[0]]["layers"]}
        measured.append({who: quantities(who, run, layers) for who, run in runs.items()})
    own = [side for side in sides if side != "pytorch"]
    against = [(side, "pytorch") for side in own] + [(side, own[0]) for side in own[1:]]
    return [row for ours, theirs in against for row in compare(ours, theirs, measured)] if measured else []


def by_batch(folder, side):
    runs = [read(path) for path in glob.glob(os.path.join(folder, f"batches-{side}-*.json"))]
    return {batch: {rate: statistics.median(run[rate] for run in runs if run["batch"] == batch)
                    for rate in ("train_images_per_s", "eval_images_per_s")}
            for batch in sorted({run["batch"] for run in runs})}


def print_modes(batches):
    for batch, found in batches.items():
        print(f"\n{'PyTorch, batch ' + batch + ', images/s':40} {'train':>10} {'eval':>10}   (few steps)")
        for mode, rates in found["images_per_s"].items():
            print(f"{mode:40} {rates['train']:10.1f} {rates['eval']:10.1f}")
    left_out = {f"{mode} ({why})": 0 for found in batches.values() for mode, why in found["left_out"].items()}
    if left_out:
        print("left out: " + "; ".join(left_out))


def print_rows(rows, pairs):
    print(f"\n{'median of ' + str(pairs) + ' pairs':26} {'vggcl':>10} {'peer':>10}  {'':8}  ratio")
    for row in rows:
        ratio = "{median:.2f} ({least:.2f} to {largest:.2f})".format(**row["ratio"])
        print(f"{row['name']:26} {row['value']:10.2f} {row['peer_value']:10.2f}  {row['unit']:8}  {ratio}  "
              f"{row['side']} / {row['peer']}")


def print_by_batch(side, rates):
    print(f"\n{shown(side, None) + ', images/s':24} {'train':>10} {'eval':>10}")
    for batch, rate in rates.items():
        print(f"{'batch ' + str(batch):24} {rate['train_images_per_s']:10.1f} {rate['eval_images_per_s']:10.1f}")
    trained = [rate["train_images_per_s"] for rate in rates.values()]
    print(f"cost of training an image: the dearest batch's is {100 * (max(trained) / min(trained) - 1):.0f} % above "
          "the cheapest's")


def cpu():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        models = re.findall(r"model name\s*: (.*)", file.read())
    return models[0] if models else "unknown CPU"


def main(folder, form, pairs, cores, width, batches, *sides):
    batches, one = batches.split(), read(next(glob.iglob(os.path.join(folder, "*vggcl*.json"))))
    about = {"date": datetime.date.today().isoformat(), "cpu": cpu(), "cores": int(cores), "device": one["device"],
             "driver": one["driver"], "width": float(width), "pairs": int(pairs)}
    chosen = read(folder, "chosen") if about["pairs"] else {"batches": {}}
    rows = compare_all(folder, about["pairs"], batches, sides)
    flat = {side: rates for side in sides if (rates := by_batch(folder, side))}
    if form == "json":
        print(json.dumps({**about, "pytorch": chosen, "quantities": rows, "by_batch": flat}, indent=2))
        return
    print(f"{about['date']}, {about['cpu']}, {cores} cores, {about['device']}, driver {about['driver']}"
          + (f", PyTorch {chosen['pytorch']}" if rows else "") + f", VGG16 of width {about['width']:g}")
    print_modes(chosen["batches"])
    if rows:
        print_rows(rows, pairs)
    for side, rates in flat.items():
        print_by_batch(side, rates)


main(*sys.argv[1:])
