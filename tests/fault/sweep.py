#!/usr/bin/env python3
"""Faults in a short training, one fault a try: is anything lost or silently different?

    tests/fault/sweep.py kill-call                 # SIGKILL before each file call, and during each write
    tests/fault/sweep.py fail --every 3            # each third of: an error of each open, write, fsync, rename, ...
    tests/fault/sweep.py alloc --first 2000 --count 500
    tests/fault/sweep.py short                     # a few of each kind; ctest runs this
    tests/fault/sweep.py long                      # all kinds except power, for hours

KIND is one of
    kill-call    SIGKILL before the N-th file call in the save folder, and in the middle of the N-th write
    kill-random  SIGKILL at a random moment
    fail         an error of the N-th open, write, fsync, rename, mkdir, close, ... in the save folder
    alloc        the N-th allocation of the program fails
    opencl       the N-th OpenCL call fails
    query        the N-th OpenCL query does, clGet...()
    hang         the N-th OpenCL call, clSetKernelArg() aside, never returns; needs the option --stall of vggcl train
    pairs        two runs are started in one folder: one trains, the other one says who does
    power        a power cut: tests/fault/power-cut.sh

Each try trains 12 steps of a tiny network in its own folder, in one of these scenarios, unless --scenario names one:
    new          into a new folder
    again        into a folder that holds an earlier run, which is moved aside
    resume       a run that was stopped in its second epoch
    elsewhere    the same, into another folder
    cache        into a new folder, with some compiled kernels missing in the program cache
    log          into a new folder, with --log-steps
    check        into a new folder, with the selfcheck before

A try survives if
  - the run ends by itself, or by the SIGKILL that it got; not by another signal, nor by the time limit;
  - its exit status is 0 only if its results are those of an undisturbed run; else it is 1, or 6 if
    an OpenCL call fails and leaves no usable device, and standard error has one line, which says what failed: the
    system's or OpenCL's error, or that memory ran out;
  - every .safetensors file is whole, and an earlier run in the folder is unchanged, wherever it was moved to;
  - the run then goes on with --resume (or is started again if it had not saved a state) to the same weights, tables and
    checkpoints, to the bit, as an undisturbed run, and leaves no temporary file.

The last lines are a table; what failed is listed with the command that repeats it. "missed" are faults that did not
happen, because the run was over. Exit status 1 if anything failed. The faults are made by tests/fault/preload.c; see
there for faults that this program does not make. Python 3.9, no packages."""
import argparse
import csv
import errno
import hashlib
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..")
EPOCHS, PAIR_EPOCHS = 3, 60  # the second of a pair must start before the first one is done
NETWORK = ["--data", "synthetic:64,32", "--model", "8,M,8,M", "--width", "0.03125", "--batch", "16", "--ema", "0.9",
           "--profile", "none"]
TRAIN = ["train", "--no-selfcheck", *NETWORK, "--checkpoint-every", "5"]
RESUME = ["train", "--no-selfcheck", "--resume"]
# The error that each call fails with; the first one in sweeps unless --all-errors.
ERRORS = {"open": ["EMFILE", "EACCES", "ENOSPC", "EIO"], "write": ["ENOSPC", "EIO", "EDQUOT"], "pwrite": ["ENOSPC"],
          "fsync": ["EIO", "ENOSPC"], "fdatasync": ["EIO"], "close": ["EIO"], "rename": ["ENOSPC", "EIO"],
          "mkdir": ["EACCES", "ENOSPC"], "unlink": ["EACCES"], "ftruncate": ["EIO"], "posix_fallocate": ["ENOSPC"],
          "mmap": ["ENOMEM"], "flock": ["ENOLCK"]}
SCENARIOS = {"kill-call": ["new", "again", "resume", "elsewhere", "cache", "log"],
             "kill-random": ["new", "again", "resume", "elsewhere", "log"],
             "fail": ["new", "again", "resume", "elsewhere", "cache", "log"],
             "alloc": ["new", "resume", "elsewhere"], "opencl": ["new", "resume", "cache", "check"], "query": ["new", "resume"],
             "hang": ["new", "resume"],
             "pairs": ["new", "again", "resume", "mixed"]}
# The C library's functions that change files or allocate, and OpenCL's.
COUNTED = (r"cl[A-Z]\w+|creat|(open|openat|p?write|pwritev?|ftruncate|truncate|mmap|fopen|fallocate)(64)?|"
           r"writev|f(data)?sync|sync\w*|close|rename(at2?)?|(sym)?link(at)?|mkdir(at)?|unlink(at)?|rmdir|remove|"
           r"posix_fallocate(64)?|copy_file_range|sendfile|fdopen|flock|malloc|calloc|realloc(array)?|"
           r"aligned_alloc|posix_memalign|strn?dup|open_memstream|v?asprintf|__open(at)?_2")
FAULTS = ["kill-call", "kill-random", "fail", "alloc", "opencl", "query", "hang", "pairs"]
STATE_KEYS = ["state.step", "state.epoch", "state.epoch_step", "state.best_epoch", "state.best_accuracy", "epochs",
              "seed"]


# ---------------------------------------------------------------------------------------------------- reading a folder

class Wrong(Exception):
    """What a try failed by."""


def read_safetensors(path):
    """The metadata, and the digest of tensors' names and data; Wrong if the file is not whole."""
    with open(path, "rb") as file:
        content = file.read()
    try:
        length = int.from_bytes(content[:8], "little")
        header = json.loads(content[8:8 + length])
        metadata = header.pop("__metadata__", {})
        end = 0
        for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
            size = 4
            for n in entry["shape"]:
                size *= n
            if entry["data_offsets"] != [end, end + size] or entry["dtype"] != "F32":
                raise ValueError(f"{name} is not where it should be")
            end += size
        if len(content) != 8 + length + end:
            raise ValueError(f"{len(content)} bytes, not {8 + length + end}")
    except (ValueError, KeyError, TypeError) as error:
        raise Wrong(f"{path} is damaged: {error}") from None
    return metadata, hashlib.sha256(json.dumps(sorted(header)).encode() + content[8 + length:]).hexdigest()


def below(folder):
    return sorted(os.path.join(path, name) for path, _, names in os.walk(folder) for name in names)


def check_whole(folder):
    for path in below(folder):
        if path.endswith(".safetensors"):
            read_safetensors(path)


def digest(folder):
    """Of the names and contents of all files that a run saves; the lock of a killed run is not one."""
    total = hashlib.sha256()
    for path in below(folder):
        if os.path.basename(path) != ".vggcl-lock":
            total.update(os.path.relpath(path, folder).encode())
            with open(path, "rb") as file:
                total.update(file.read())
    return total.hexdigest()


def results(folder):
    """What a run must give, whatever happened meanwhile: the tensors and progress of its checkpoints, and its table,
    without times."""
    found = {}
    for name in ("last.safetensors", "best.safetensors"):
        path = os.path.join(folder, name)
        if os.path.exists(path):
            metadata, data = read_safetensors(path)
            found[name] = data
            found[name + " progress"] = [metadata.get(key) for key in STATE_KEYS]
    path = os.path.join(folder, "accuracy.csv")
    if os.path.exists(path):
        with open(path, newline="", encoding="utf-8") as file:
            found["accuracy.csv"] = [row[:6] + row[8:] for row in csv.reader(file)]
    found["config.json"] = os.path.exists(os.path.join(folder, "config.json"))
    return found


def check_results(found, wanted, whose):
    for name in wanted:
        if found.get(name) != wanted[name]:
            raise Wrong(f"{whose}: {name} is {'missing' if name not in found else 'not that of an undisturbed run'}")


def check_log(path):
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    steps = [row[0] for row in rows[1:]]
    if rows[:1] != [["step", "epoch", "lr", "loss"]] or steps != [str(step) for step in range(EPOCHS * 4)]:
        raise Wrong(f"{path} does not have each step once: {' '.join(steps)}")


def check_tidy(folder):
    for path in below(folder):
        if path.endswith(".tmp") or os.path.basename(path) == ".vggcl-lock":
            raise Wrong(f"{path} is left over")


# ------------------------------------------------------------------------------------------------------- running vggcl

class Ended:
    """A process that ended: status (-9 for SIGKILL), output, errors; struck: the call that the fault was at."""

    def __init__(self, status, output, errors):
        self.status, self.output, self.errors = status, output, errors

    def weights(self):
        found = re.search(r"^weights +([0-9a-f]{16})$", self.output, re.M)
        return found.group(1) if found else None


class Bench:
    """The program, the preloaded library, the time limit, and where the tries are."""

    def __init__(self, arguments, work):
        self.program, self.preload = os.path.abspath(arguments.program), os.path.abspath(arguments.preload)
        self.limit, self.work = arguments.limit, work
        self.cache = os.path.join(work, "cache")
        self.report = os.path.join(work, "report")
        self.scenarios = {}

    def scenario(self, name, epochs):
        if (name, epochs) not in self.scenarios:
            self.scenarios[name, epochs] = Scenario(self, name, epochs)
        return self.scenarios[name, epochs]

    def environment(self, folder, fault, cold):
        here = {**os.environ, "VGGCL_CACHE_DIR": os.path.join(folder, "cache") if cold else self.cache}
        if fault:
            before = [here["LD_PRELOAD"]] if here.get("LD_PRELOAD") else []
            here.update(LD_PRELOAD=":".join([self.preload, *before]), VGGCL_FAULT=fault, VGGCL_FAULT_FOLDER=folder,
                        VGGCL_FAULT_REPORT=self.report)
        return here

    def start(self, folder, words, fault=None, cold=False):
        if os.path.exists(self.report):
            os.remove(self.report)
        return subprocess.Popen([self.program, *words], cwd=folder, env=self.environment(folder, fault, cold),
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                errors="replace")

    def end(self, process, limit=None):
        try:
            output, errors = process.communicate(timeout=limit or self.limit)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise Wrong(f"vggcl did not end within {limit or self.limit:g} s") from None
        return Ended(process.returncode, output, errors)

    def run(self, folder, words, fault=None, cold=False):
        return self.end(self.start(folder, words, fault, cold))

    def read_report(self, word):
        """The lines of the last run's report that begin with word, without it."""
        if not os.path.exists(self.report):
            return []
        with open(self.report, encoding="utf-8", errors="replace") as file:
            return [line.split()[1:] for line in file if line.startswith(word + " ")]

    def undisturbed(self, folder, words):
        ended = self.run(folder, words)
        if ended.status != 0:
            sys.exit(f"{' '.join([self.program, *words])}\nends with status {ended.status}: {ended.errors}")
        return ended


class Scenario:
    """A folder to start from, the command to disturb, and what must come out of it."""

    def __init__(self, bench, name, epochs=EPOCHS):
        self.bench, self.name = bench, name
        self.template = os.path.join(bench.work, f"{name}-{epochs}")
        self.cold = name == "cache"
        train = [*TRAIN, "--epochs", str(epochs), "--save", "save"]
        self.words = {"resume": [*RESUME, "save"],
                      "elsewhere": [*RESUME, "from", "--save", "save"],
                      "check": [word for word in train if word != "--no-selfcheck"],
                      "log": [*train, "--log-steps", "steps.csv"]}.get(name, train)
        os.mkdir(self.template)
        if name == "again":
            bench.undisturbed(self.template, [*TRAIN, "--epochs", "1", "--seed", "1", "--save", "save"])
        elif name in ("resume", "elsewhere", "mixed"):
            bench.undisturbed(self.template, [*train[:-1], "from" if name == "elsewhere" else "save", "--steps", "6"])
        whole = self.make_whole(epochs)
        if self.cold:
            self.make_cache()
        self.kept = {"again": "save", "elsewhere": "from"}.get(name)  # the folder that holds what must not change
        self.kept_digest = digest(os.path.join(self.template, self.kept)) if self.kept else None
        self.wanted = results(whole)
        self.hash = self.wanted["accuracy.csv"][-1][-1]
        self.measure()

    def make_whole(self, epochs):
        """The save folder of an undisturbed run, which also fills the program cache."""
        whole = os.path.join(self.bench.work, f"whole-{epochs}")
        if not os.path.exists(whole):
            os.mkdir(whole)
            self.bench.undisturbed(whole, [*TRAIN, "--epochs", str(epochs), "--save", "save"])
        return os.path.join(whole, "save")

    def make_cache(self):
        """A program cache without each seventh file: compiling takes long."""
        cache = os.path.join(self.template, "cache")
        shutil.copytree(self.bench.cache, cache)
        for path in below(cache)[::7]:
            os.remove(path)

    def measure(self):
        """An undisturbed run: its duration, and the number of its calls."""
        bench = self.bench
        folder = self.copy("measure")
        start = time.monotonic()
        ended = bench.run(folder, self.words, "count", self.cold)
        self.seconds = time.monotonic() - start
        self.check_complete(folder, ended)
        self.counts = {name: int(number) for name, number in bench.read_report("count")}
        if not self.counts.get("file"):
            sys.exit(f"{bench.preload}: is not loaded, or counts nothing")

    def copy(self, name):
        folder = os.path.join(self.bench.work, name)
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.template, folder, symlinks=True)
        return folder

    def check_complete(self, folder, ended):
        """That a run with exit status 0 did all that it should."""
        if ended.status != 0:
            raise Wrong(f"exit status {ended.status}: {ended.errors.strip()}")
        if ended.weights() != self.hash:
            raise Wrong(f"exit status 0, but the weights are {ended.weights()}, not {self.hash}")
        check_results(results(os.path.join(folder, "save")), self.wanted, "exit status 0, but save")
        self.check_kept(folder)
        if self.name == "log":
            check_log(os.path.join(folder, "steps.csv"))
        check_tidy(os.path.join(folder, "save"))

    def check_cache(self, folder):
        """A run that uses the same kernels removes what a killed one left in the cache."""
        if self.cold:
            self.bench.run(folder, [*TRAIN, "--epochs", "1", "--save", "next"], cold=True)
            check_tidy(folder)

    def check_kept(self, folder):
        names = [name for name in os.listdir(folder) if self.kept and name.startswith(self.kept)]
        if self.kept and self.kept_digest not in [digest(os.path.join(folder, name)) for name in names]:
            raise Wrong(f"the run that was in {self.kept} is not there any more, unchanged")

    def follow(self, folder):
        """Goes on after a fault, as the user would."""
        save = os.path.join(folder, "save")
        if self.name == "again" and os.path.exists(save) and digest(save) == self.kept_digest:
            words = self.words
        elif os.path.exists(os.path.join(save, "last.safetensors")):
            words = [*RESUME, "save"] + (self.words[-2:] if self.name == "log" else [])
        else:
            words = self.words
        ended = self.bench.run(folder, words, cold=self.cold)
        try:
            self.check_complete(folder, ended)
        except Wrong as wrong:
            raise Wrong(f"then vggcl {' '.join(words)}: {wrong}") from None
        self.check_cache(folder)


# --------------------------------------------------------------------------------------------------------------- tries

def check_message(ended, hint):
    """One line that says what failed."""
    lines = [line for line in ended.errors.splitlines() if not line.startswith("vggcl: warning: ")]
    if len(lines) != 1 or not lines[0].startswith("vggcl: error: "):
        raise Wrong(f"standard error is not one line: {ended.errors!r}")
    if not re.search(hint, lines[0]):
        raise Wrong(f"the message has no '{hint}': {lines[0]}")


class Fault:
    """One fault of the preloaded library, in a scenario. hint: a regular expression for the message."""

    def __init__(self, scenario, text, hint="", words=()):
        self.scenario, self.text, self.hint, self.words = scenario, text, hint, list(words)
        self.struck = None

    def attempt(self, folder):
        bench, scenario = self.scenario.bench, self.scenario
        try:
            ended = bench.run(folder, scenario.words + self.words, self.text, scenario.cold)
        finally:
            self.struck = bench.read_report("struck")
        if not self.struck:
            return scenario.check_complete(folder, ended)
        killed = self.text.startswith(("kill:", "torn:"))
        check_whole(folder)
        scenario.check_kept(folder)
        if ended.status == 0:
            self.forgive_lock(folder)
            return scenario.check_complete(folder, ended)
        if killed and ended.status == -9:
            return scenario.follow(folder)
        if ended.status < 0:
            raise Wrong(f"ended by signal {-ended.status}")
        self.check_status(ended)
        check_message(ended, self.hint)
        return scenario.follow(folder)

    def forgive_lock(self, folder):
        """A lock file whose removal failed stays, and is in nobody's way."""
        for call, *_, path in self.struck:
            left = os.path.join(folder, path)
            if call == "unlink" and path.endswith(".vggcl-lock") and os.path.exists(left):
                os.unlink(left)

    def check_status(self, ended):
        """6 if the driver that fails leaves no usable device."""
        driver = self.text.startswith(("opencl:", "query:"))
        if ended.status != 1 and not (driver and ended.status == 6):
            raise Wrong(f"exit status {ended.status}, not 1: {ended.errors.strip()}")


class Hang(Fault):
    """vggcl train documents the status for this, which is not that of wrong flags, or of a loss that is not finite."""

    def check_status(self, ended):
        if ended.status in (0, 2, 3):
            raise Wrong(f"exit status {ended.status}: {ended.errors.strip()}")


class Kill:
    """SIGKILL after some seconds."""

    def __init__(self, scenario, seconds):
        self.scenario, self.seconds, self.struck = scenario, seconds, None
        self.text = f"SIGKILL after {seconds:.3f} s"

    def attempt(self, folder):
        scenario = self.scenario
        process = scenario.bench.start(folder, scenario.words)
        time.sleep(self.seconds)
        process.kill()
        ended = scenario.bench.end(process)
        if ended.status == 0:
            return scenario.check_complete(folder, ended)
        self.struck = [["SIGKILL"]]
        if ended.status != -9:
            raise Wrong(f"exit status {ended.status}: {ended.errors.strip()}")
        check_whole(folder)
        scenario.check_kept(folder)
        return scenario.follow(folder)


class Pair:
    """Two runs in one folder, the second one some seconds after the first one. In the scenario "mixed" the second one
    resumes what the first one moves aside, or finds in use."""

    def __init__(self, scenario, seconds):
        self.scenario, self.seconds, self.struck = scenario, seconds, [["pair"]]
        self.text = f"the second one after {seconds:.3f} s"

    def attempt(self, folder):
        scenario, bench = self.scenario, self.scenario.bench
        words = [scenario.words, [*RESUME, "save"] if scenario.name == "mixed" else scenario.words]
        first = bench.start(folder, words[0])
        time.sleep(self.seconds)
        second = bench.start(folder, words[1])
        ended = [bench.end(first), bench.end(second)]
        check_whole(folder)
        scenario.check_kept(folder)
        for one in ended:
            if one.status == 0 and one.weights() != scenario.hash:
                raise Wrong(f"exit status 0, but the weights are {one.weights()}, not {scenario.hash}")
            if one.status != 0:
                self.check_refused(one)
        fine = sum(one.status == 0 for one in ended)
        complete = sum(results(os.path.join(folder, name)) == scenario.wanted for name in os.listdir(folder))
        if not fine or not complete or (fine == 2 and scenario.name in ("new", "again") and complete != 2):
            raise Wrong(f"{fine} runs ended with status 0, and {complete} complete ones are in the folder")
        check_tidy(folder)

    def check_refused(self, one):
        if one.status != 1:
            raise Wrong(f"exit status {one.status}, not 0 or 1: {one.errors.strip()}")
        # Between the move of the earlier run and the first state of the new one there is nothing to resume.
        check_message(one, "save.*(in use by process|No such file)" if self.scenario.name == "mixed"
                      else "save: in use by process [0-9]+ on ")


def errors_of(call, all_errors):
    return ERRORS[call] if all_errors else ERRORS[call][:1]


def kill_calls(scenario, arguments):
    del arguments  # as the other makers of tries
    return ([Fault(scenario, f"kill:{n}") for n in range(1, scenario.counts["file"] + 1)] +
            [Fault(scenario, f"torn:{n}") for n in range(1, scenario.counts["write"] + 1)])


def fails(scenario, arguments):
    calls = arguments.call or ERRORS
    return [Fault(scenario, f"fail:{call}:{n}:{getattr(errno, error)}", re.escape(os.strerror(getattr(errno, error))))
            for call in calls for n in range(1, scenario.counts[call] + 1)
            for error in errors_of(call, arguments.all_errors)]


def allocs(scenario, arguments):
    del arguments
    return [Fault(scenario, f"alloc:{n}", "memory|not valid JSON") for n in range(1, scenario.counts["alloc"] + 1)]


def opencl_calls(scenario, arguments, calls="opencl"):
    return [Fault(scenario, f"{calls}:{n}:{arguments.code}", rf"\(?{arguments.code}\b|CL_|OpenCL")
            for n in range(1, scenario.counts[calls] + 1)]


def opencl_queries(scenario, arguments):
    return opencl_calls(scenario, arguments, "query")


def hangs(scenario, arguments):
    help_text = scenario.bench.undisturbed(scenario.bench.work, ["train", "--help"]).output
    if "--stall" not in help_text:
        sys.exit(f"{arguments.program} has no option train --stall: a call that never returns hangs it")
    return [Hang(scenario, f"hang:{n}", "hang|return", ["--stall", str(arguments.stall)])
            for n in range(1, scenario.counts["hang"] + 1)]


MAKERS = {"kill-call": kill_calls, "fail": fails, "alloc": allocs, "opencl": opencl_calls, "query": opencl_queries,
          "hang": hangs}


def random_tries(kind, scenarios, arguments):
    """Without an end; the same number is the same try, whichever was the first one."""
    number = 0
    while True:
        scenario = scenarios[number % len(scenarios)]
        number += 1
        share = random.Random(f"{arguments.seed} {number}").random()
        if kind == "pairs":
            yield Pair(scenario, share * 0.3)
        else:
            yield Kill(scenario, share * 1.1 * scenario.seconds)


# --------------------------------------------------------------------------------------------------------------- sweeps

class Sweep:
    """The tries of a kind, numbered from 1, and what became of them, by scenario."""

    def __init__(self, bench, kind, arguments):
        self.kind, self.arguments, self.rows = kind, arguments, {}
        names = arguments.scenario or SCENARIOS[kind]
        self.scenarios = [bench.scenario(name, PAIR_EPOCHS if kind == "pairs" else EPOCHS) for name in names]
        if kind in MAKERS:
            tries = [one for scenario in self.scenarios for one in MAKERS[kind](scenario, arguments)]
            self.total = len(tries)
        else:
            self.total = arguments.count or 20
            tries = random_tries(kind, self.scenarios, arguments)
            tries = [next(tries) for _ in range(arguments.first - 1 + self.total * arguments.every)]
        chosen = range(arguments.first, len(tries) + 1, arguments.every)
        if arguments.spread:  # as many, from all over the range
            step = max(1, len(tries) // arguments.spread)
            chosen = range(1 + arguments.seed % step, len(tries) + 1, step)
        chosen = list(chosen)[:arguments.count or arguments.spread or len(tries)]
        self.tries = [(number, tries[number - 1]) for number in chosen]

    def command(self, number):
        a = self.arguments
        words = ["tests/fault/sweep.py", self.kind, "--first", str(number), "--count", "1"]
        words += [word for name in a.scenario or () for word in ("--scenario", name)]
        words += [word for name in a.call or () for word in ("--call", name)]
        words += ["--all-errors"] if a.all_errors else []
        words += ["--seed", str(a.seed)] if self.kind in ("kill-random", "pairs") else []
        words += ["--code", str(a.code)] if self.kind in ("opencl", "query") else []
        return " ".join(words + ["--program", a.program, "--preload", a.preload, "--keep", "DIR"])

    def attempt(self, number, one):
        row = self.rows.setdefault(one.scenario.name, {"tried": 0, "survived": 0, "failed": 0, "missed": 0})
        folder = one.scenario.copy("try")
        try:
            one.attempt(folder)
            row["tried"] += bool(one.struck)
            row["survived"] += bool(one.struck)
            row["missed"] += not one.struck
        except Wrong as wrong:
            row["tried"] += 1
            row["failed"] += 1
            at = " ".join(one.struck[0]).replace(folder + "/", "") if one.struck else ""
            print(f"FAILED {self.kind} {number}, {one.scenario.name}, {one.text} ({at}): "
                  f"{str(wrong).replace(folder + '/', '')}\n       again: {self.command(number)}", flush=True)
            if self.arguments.keep:
                shutil.copytree(folder, os.path.join(self.arguments.keep, f"{self.kind}-{number}"), dirs_exist_ok=True)

    def run(self):
        shown = time.monotonic()
        for done, (number, one) in enumerate(self.tries):
            self.attempt(number, one)
            if time.monotonic() - shown > 60:
                shown = time.monotonic()
                print(f"       {self.kind}: {done + 1} of {len(self.tries)} tries; to continue: --first {number + 1}",
                      flush=True)


def print_table(sweeps):
    print(f"\n{'kind':12s} {'scenario':10s} {'faults':>7s} {'tried':>6s} {'survived':>9s} {'failed':>7s} "
          f"{'missed':>7s}")
    for sweep in sweeps:
        for name, row in sweep.rows.items():
            faults = sum(len(MAKERS[sweep.kind](s, sweep.arguments)) for s in sweep.scenarios if s.name == name) \
                if sweep.kind in MAKERS else "-"
            print(f"{sweep.kind:12s} {name:10s} {faults:>7} {row['tried']:6d} {row['survived']:9d} {row['failed']:7d} "
                  f"{row['missed']:7d}")
    tried, failed = (sum(row[key] for sweep in sweeps for row in sweep.rows.values()) for key in ("tried", "failed"))
    print(f"{tried} tried, {tried - failed} survived, {failed} failed")
    return failed


def symbols(option, path):
    listed = subprocess.run(["nm", "-D", option, path], check=True, capture_output=True, text=True).stdout
    return {line.split()[-1].split("@")[0] for line in listed.splitlines()}


def check_library(arguments):
    """That no call of the program which changes files, allocates or calls OpenCL is left out."""
    missing = sorted(name for name in symbols("--undefined-only", arguments.program) - symbols(
        "--defined-only", arguments.preload) if re.fullmatch(COUNTED, name))
    if missing:
        sys.exit(f"{arguments.program} calls {', '.join(missing)}: add to tests/fault/preload.c")


def run_power_cuts(arguments):
    script = os.path.join(HERE, "power-cut.sh")
    if not os.path.exists(script):
        sys.exit(f"{script}: is not there")
    os.execv(script, [script, arguments.program, str(arguments.count or 20)])


def sweep_all(bench, arguments, options):
    """options: of each kind, what is set for it."""
    sweeps = []
    for kind, changes in options.items():
        sweeps.append(Sweep(bench, kind, argparse.Namespace(**{**vars(arguments), **changes})))
        sweeps[-1].run()
    return print_table(sweeps)


SAVING = ["new", "again", "resume", "log", "elsewhere", "cache"]
SHORT = {"kill-call": {"spread": 7, "scenario": SAVING}, "kill-random": {"count": 3, "scenario": SAVING[:3]},
         "fail": {"spread": 7, "scenario": SAVING}, "alloc": {"spread": 5}, "opencl": {"spread": 5},
         "query": {"scenario": ["new"]}, "hang": {"spread": 3}, "pairs": {"count": 4}}
LONG = {"hang": {"spread": 90}, "kill-call": {}, "kill-random": {"count": 300}, "fail": {},
        "alloc": {"every": 7}, "opencl": {"every": 7}, "query": {}, "pairs": {"count": 20}}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=[*FAULTS, "power", "short", "long"], metavar="KIND")
    parser.add_argument("--first", type=int, default=1, metavar="N", help="begin with try N; to continue a sweep")
    parser.add_argument("--count", type=int, metavar="N", help="at most N tries")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only each N-th try")
    parser.add_argument("--spread", type=int, metavar="N", help="about N tries, from the whole range")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="of random moments")
    parser.add_argument("--scenario", action="append", help="only this one; may be given several times",
                        choices=sorted({name for names in SCENARIOS.values() for name in names}))
    parser.add_argument("--call", action="append", choices=ERRORS,
                        help="with fail: only this; may be given several times")
    parser.add_argument("--all-errors", action="store_true", help="with fail: several errors of each call")
    parser.add_argument("--code", type=int, default=-5,
                        help="of OpenCL calls that fail; default -5, CL_OUT_OF_RESOURCES")
    parser.add_argument("--stall", type=int, default=2, metavar="SECONDS", help="with hang: of vggcl train --stall")
    parser.add_argument("--limit", type=float, default=120, metavar="SECONDS", help="for a run; default 120")
    parser.add_argument("--keep", metavar="DIR", help="copy the folders of tries that failed to DIR")
    parser.add_argument("--program", default=os.path.join(ROOT, "build", "vggcl"), help="default build/vggcl")
    parser.add_argument("--preload", help="default: tests/libvggcl_fault.so beside the program")
    arguments = parser.parse_args()
    if not arguments.preload:
        arguments.preload = os.path.join(os.path.dirname(arguments.program), "tests", "libvggcl_fault.so")
    for path in (arguments.program, arguments.preload):
        if not os.path.exists(path):
            sys.exit(f"{path}: is not there; build it with the tests, or name it with --program and --preload")
    if arguments.kind == "power":
        run_power_cuts(arguments)
    options = {"short": SHORT, "long": LONG}.get(arguments.kind, {arguments.kind: {}})
    check_library(arguments)
    with tempfile.TemporaryDirectory(prefix="vggcl-fault-") as work:
        return 1 if sweep_all(Bench(arguments, os.path.realpath(work)), arguments, options) else 0


if __name__ == "__main__":
    sys.exit(main())
