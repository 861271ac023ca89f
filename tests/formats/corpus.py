"""Reports with hostile strings, and the documents made of them."""

import json
import pathlib
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
HOSTILE = [
    "=cmd|' /C calc'!A0", "+1", "-1+1", "@SUM(A1:A9)", "\t=1+1", "\r=1+1", "＝1+1",
    "@all <@U1> <!channel> <at id=all></at>", "<script>alert(1)</script><img src=x>", "http://evil.example/ www.evil.example a@evil.example",
    "[a](https://evil.example) ![b](http://evil.example/x.png)", "mailto:a@b.example", "internal:Sheet1!A1", "x\x00\x01\x1b[31m\x7f\ufffe\uffff\u202ey",
    "_x0041_ _x000D_", "a\r\n# b\n- c\n\n> d\n```\ne", "&lt;@all&gt; **b** `c` ]]>", "é" * 40_000, "🚨" * 20_000, " lead and trail ", "",
]
KEPT = {"generated", "since", "until", "before", "level", "status", "type", "rule", "identity", "first_call",
        "last_call", "ip_type", "date", "first_seen", "at", "created", "expires", "read_at"}


def sample():
    return json.loads((ROOT / "fixtures/report/sample.json").read_text())


def mutated(value, text, every, name=""):
    if isinstance(value, dict):
        return {key: mutated(inner, text, every, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [mutated(inner, text, every, name) for inner in value]
    return text if isinstance(value, str) and (every or name not in KEPT) else value


def reports():
    """(name, hostile text or None, report)"""
    yield "sample", None, sample()
    for number, text in enumerate(HOSTILE):
        small = sample()
        # Enough for every kind of row, and few enough to be quick with long texts.
        small["alarms"] = small["alarms"][:4]
        for alarm in small["alarms"]:
            alarm["records"] = alarm["records"][:2]
        yield f"{number}-fields", text, mutated(small, text, False)
        yield f"{number}-all", text, mutated(small, text, True)


def written(report, folder):
    path = folder / "report.json"
    path.write_text(json.dumps(report))
    subprocess.run([ROOT / "target/release/examples/documents", path, folder], check=True)


def each():
    """(name, hostile text or None, report, folder with its documents)"""
    subprocess.run(["cargo", "build", "-q", "--release", "--locked", "--example", "documents"], check=True, cwd=ROOT)
    for name, text, report in reports():
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            written(report, folder)
            yield name, text, report, folder
