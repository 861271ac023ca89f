"""Checks --format json and jsonl with docs/schema and the jsonschema package.

    pip install jsonschema
    python3 tests/formats/check_schema.py target/release/akguard

The tests in Rust do the same with a validator of their own; this one is not ours.
"""

import json
import sys

from jsonschema import Draft202012Validator

from demo import ROOT, Demo


def main(akguard):
    schema = json.loads((ROOT / "docs/schema/akguard-1.json").read_text())
    ocsf = json.loads((ROOT / "docs/schema/ocsf-2004.json").read_text())
    Draft202012Validator.check_schema(schema)
    Draft202012Validator.check_schema(ocsf)
    demo, count = Demo(akguard), 0

    def validate(name, *args):
        nonlocal count
        rule = ocsf if name == "ocsf" else {"$ref": f"#/$defs/{name}", "$defs": schema["$defs"]}
        text = demo.run(*args)
        whole = "json" in args
        for one in [json.loads(text)] if whole else map(json.loads, text.splitlines()):
            Draft202012Validator(rule).validate(one)
            if whole:
                Draft202012Validator(schema).validate(one)
            count += 1

    for form in ["json", "jsonl"]:
        item = lambda whole, one: whole if form == "json" else one
        validate(item("scan", "alarm"), "scan", "fixtures/demo/logs", "--no-db", "--quiet", "--format", form)
        validate(item("alarms", "alarm"), "alarms", "--format", form)
        validate(item("ak_list", "key"), "ak", "list", "--format", form)
        validate(item("ip_list", "ip"), "ip", "list", "--format", form)
        validate(item("allowlist_list", "policy"), "allowlist", "list", "--format", form)
        for alarm in demo.ids:
            validate("show", "show", alarm, "--format", form)
            validate(item("calls", "numbered_record"), "calls", alarm, "--format", form)
            validate(item("calls_record", "call"), "calls", alarm, "--record", "1", "--format", form)
        for key in demo.keys():
            if key["ak"] != "TEMP_AK":
                validate("ak_show", "ak", "show", key["ak"], "--format", form)
        for ip in demo.ips():
            validate("ip_show", "ip", "show", ip["ip"], "--format", form)
    for name in ["own", "sessions"]:
        validate("allowlist_show", "allowlist", "show", name, "--format", "json")
    validate("ocsf", "alarms", "--format", "ocsf")
    print(f"{count} outputs fit their schema")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "target/release/akguard")
