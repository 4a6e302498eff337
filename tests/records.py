#!/usr/bin/env python3
"""records.py schema SCHEMA FILE... | records.py junit FILE...: whether what compare wrote is valid: JSON by its schema,
and JUnit's XML by what the schemas of Jenkins (junit-10.xsd) and Apache Ant (JUnit.xsd) have in common and what readers
rely on. Prints each fault and fails."""
import json
import re
import sys
import xml.etree.ElementTree as tree

faults = []


def fault(file, text):
    faults.append(f"{file}: {text}")


def check_schema(path, files):
    import jsonschema
    with open(path, encoding="utf-8") as file:
        schema = json.load(file)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    for name in files:
        with open(name, encoding="utf-8") as file:
            for error in validator.iter_errors(json.load(file)):
                fault(name, f"{'/'.join(map(str, error.absolute_path))}: {error.message[:300]}")


DECIMAL = re.compile(r"\d+(\.\d+)?$")
SUITE = {"name": r".+", "package": r".+", "hostname": r".+", "id": r"\d+$", "tests": r"\d+$", "failures": r"\d+$",
         "errors": r"\d+$", "time": DECIMAL.pattern, "timestamp": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$"}
CASE = {"name": r".+", "classname": r".+", "time": DECIMAL.pattern}


def check_attributes(name, element, wanted):
    if set(element.attrib) != set(wanted):
        fault(name, f"<{element.tag}> has the attributes {sorted(element.attrib)}, not {sorted(wanted)}")
    for key, pattern in wanted.items():
        if not re.match(pattern, element.get(key, ""), re.DOTALL):
            fault(name, f"<{element.tag} {key}=\"{element.get(key)}\">")


def check_suite(name, suite, number):
    check_attributes(name, suite, SUITE)
    tags = [child.tag for child in suite]
    cases = suite.findall("testcase")
    if tags != ["properties"] + ["testcase"] * len(cases) + ["system-out", "system-err"] or not cases:
        fault(name, f"a suite has the elements {tags}")
    for case in cases:
        check_attributes(name, case, CASE)
        if len(case) > 1 or any(child.tag not in ("failure", "error") or set(child.attrib) != {"type", "message"}
                                or not child.get("message") for child in case):
            fault(name, f"the test case {case.get('name')} has other elements than one failure or error with a message")
    for item in suite.find("properties"):
        if item.tag != "property" or not item.get("name") or "value" not in item.attrib:
            fault(name, "a property lacks name or value")
    counts = {"id": number, "tests": len(cases), "failures": len(suite.findall("testcase/failure")),
              "errors": len(suite.findall("testcase/error"))}
    for key, count in counts.items():
        if suite.get(key) != str(count):
            fault(name, f"{key}=\"{suite.get(key)}\", but there are {count}")


def check_junit(files):
    for name in files:
        root = tree.parse(name).getroot()
        if root.tag != "testsuites" or root.attrib or not len(root):
            fault(name, "is not a list of test suites")
        for number, suite in enumerate(root):
            check_suite(name, suite, number)


if len(sys.argv) > 3 and sys.argv[1] == "schema":
    check_schema(sys.argv[2], sys.argv[3:])
elif len(sys.argv) > 2 and sys.argv[1] == "junit":
    check_junit(sys.argv[2:])
else:
    sys.exit(__doc__)
for line in faults:
    print(line)
sys.exit(1 if faults else 0)
