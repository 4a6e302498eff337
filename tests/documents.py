#!/usr/bin/env python3
"""documents.py PROGRAM SOURCE_DIR: checks the Markdown files. Links to files and headings exist, every command and flag
in them is one of the program's, and README.md stays within three screens."""
import pathlib
import re
import subprocess
import sys

program, source = sys.argv[1], pathlib.Path(sys.argv[2])
faults = []


def texts():
    """The Markdown files with their paths, except the CHANGELOG, which names what there was."""
    for path in sorted([*source.glob("*.md"), *source.glob("data/**/*.md"), *source.glob("tests/**/*.md")]):
        if path.name != "CHANGELOG.md":
            yield path, path.read_text()


def anchors(text):
    """The anchors that GitHub and GitLab give to the headings."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.strip().lower()).replace(" ", "-") for h in headings}


def check_links(path, text):
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = path.parent / name if name else path
        if not file.exists():
            faults.append(f"{path}: links to {target}, which does not exist")
        elif anchor and anchor not in anchors(file.read_text()):
            faults.append(f"{path}: links to {target}, which has no such heading")


def flags_of(command, known={}):
    """The command's flags, by its help; None if there is no such command."""
    if command not in known:
        run = subprocess.run([program, command, "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        known[command] = set(re.findall(r"^  (--[a-z0-9-]+)", run.stdout, re.MULTILINE)) if run.returncode == 0 else None
    return known[command]


def check_commands(path, text):
    """The commands in blocks of code and between backticks: "vggcl COMMAND ... --flag ..."."""
    code = re.findall(r"^    .*$", text, re.MULTILINE) + re.findall(r"`([^`]+)`", re.sub(r"```.*?```", "", text, flags=re.S))
    code = "\n".join(code).replace("\\\n", " ")
    for command, rest in re.findall(r"(?:^|[\s/`(])vggcl ([a-z]+)([^\n|;&#]*)", code):
        if command == "help":
            continue
        flags = flags_of(command)
        if flags is None:
            faults.append(f"{path}: there is no command 'vggcl {command}'")
            continue
        for flag in re.findall(r"(?:^|\s)(--[a-z][a-z0-9-]*)", rest):
            if flag not in flags and flag != "--help":
                faults.append(f"{path}: vggcl {command} has no {flag}")


commands = 0
for path, text in texts():
    check_links(path, text)
    check_commands(path, text)
    for number, line in enumerate(text.split("\n"), 1):
        if path.name == "README.md" and len(line) > 120 and not line.startswith("|"):
            faults.append(f"{path}:{number}: {len(line)} characters; lines end at 120")
readme = (source / "README.md").read_text().count("\n")
if readme > 150:
    faults.append(f"README.md: {readme} lines; more than three screens of 50")
if flags_of("train") is None or flags_of("nonsense") is not None:
    faults.append("vggcl help: does not list the commands' flags")
print("\n".join(faults) or "links, commands and flags are right")
sys.exit(bool(faults))
