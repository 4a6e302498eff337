"""report.py FOLDER text|json: for compare_pytorch.sh, the table from what it measured: FOLDER/about.json, and for each
pair P and batch B FOLDER/vggcl-P-B.json and FOLDER/pytorch-P-B.json; of run R by batch FOLDER/batches-R-B.json."""
import glob
import json
import os
import statistics
import sys

DIRECTIONS = {"forward_s": "forward", "data_gradient_s": "data gradient", "weight_gradient_s": "weight gradient"}


def read(*name):
    with open(os.path.join(*name), encoding="utf-8") as file:
        return json.load(file)


def quantities(run, batches, pytorch):
    """Name and unit: value, of one run of one of the two."""
    large, *others = batches
    result = {(f"train, batch {b}", "images/s"): run[b]["train_images_per_s"] for b in batches}
    result[f"eval, batch {large}", "images/s"] = run[large]["eval_images_per_s"]
    measured = {layer["name"] for layer in pytorch[large]["layers"]}
    for layer in run[large]["layers"]:
        for direction, words in DIRECTIONS.items():
            if layer["name"] in measured and layer[direction] > 0:
                result[f"{layer['name']} {words}", "ms"] = 1e3 * layer[direction]
    return result


def compare(folder, about):
    batches = about["batches"]
    pairs = []
    for p in range(about["pairs"]):
        runs = {who: {b: read(folder, f"{who}-{p}-{b}.json") for b in batches} for who in ("vggcl", "pytorch")}
        pairs.append([quantities(runs[who], batches, runs["pytorch"]) for who in ("vggcl", "pytorch")])
    rows = []
    for name, unit in pairs[0][0] if pairs else ():
        ours, theirs = ([pair[who][name, unit] for pair in pairs] for who in range(2))
        ratios = [a / b if unit == "images/s" else b / a for a, b in zip(ours, theirs)]
        rows.append({"name": name, "unit": unit, "vggcl": statistics.median(ours), "pytorch": statistics.median(theirs),
                     "times_as_fast": {"median": statistics.median(ratios), "least": min(ratios), "largest": max(ratios)}})
    return rows


def flatness(folder):
    runs = [read(path) for path in glob.glob(os.path.join(folder, "batches-*.json"))]
    return {batch: {rate: statistics.median(run[rate] for run in runs if run["batch"] == batch)
                    for rate in ("train_images_per_s", "eval_images_per_s")}
            for batch in sorted({run["batch"] for run in runs})}


def main(folder, form):
    about = read(folder, "about.json")
    if about["pairs"]:
        about["pytorch"] = read(folder, f"pytorch-0-{about['batches'][0]}.json")["pytorch"]
    one = read(next(glob.iglob(os.path.join(folder, "[vb]*-*.json"))))  # of vggcl
    about["device"], about["driver"] = one["device"], one["driver"]
    about["quantities"] = compare(folder, about)
    if form == "json":
        print(json.dumps({**about, "by_batch": flatness(folder)}, indent=2))
        return
    print(f"{about['date']}, {about['cpu']}, {about['cores']} cores, {about['device']}, driver {about['driver']}"
          + (f", PyTorch {about['pytorch']}" if about["pairs"] else "") + f", VGG16 of width {about['width']:g}")
    if about["quantities"]:
        print(f"\n{'median of ' + str(about['pairs']) + ' pairs':30} {'vggcl':>10} {'PyTorch':>10}  {'':8}  times as fast")
    for row in about["quantities"]:
        ratio = row["times_as_fast"]
        print(f"{row['name']:30} {row['vggcl']:10.2f} {row['pytorch']:10.2f}  {row['unit']:8}  {ratio['median']:.2f} "
              f"({ratio['least']:.2f} to {ratio['largest']:.2f})")
    rates = flatness(folder)
    if rates:
        print(f"\n{'vggcl, images/s':15} {'train':>10} {'eval':>10}")
        for batch, rate in rates.items():
            print(f"batch {batch:<9} {rate['train_images_per_s']:10.1f} {rate['eval_images_per_s']:10.1f}")
        trained = [rate["train_images_per_s"] for rate in rates.values()]
        print(f"cost of training an image: the dearest batch's is {100 * (max(trained) / min(trained) - 1):.0f} % above "
              "the cheapest's")


main(*sys.argv[1:])
