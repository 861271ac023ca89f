"""Runs akguard over the demo, for the checks beside this file."""

import json
import os
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "fixtures" / "demo"


class Demo:
    """A database of the demo, with decisions, a remark and allowlist policies in it."""

    def __init__(self, akguard):
        self.akguard = Path(akguard).resolve()
        self.folder = tempfile.TemporaryDirectory()
        self.env = {**os.environ, "AKGUARD_DB": str(Path(self.folder.name) / "demo.db"), "USER": "wen"}
        self.scanned = self.scan()
        self.ids = [alarm["id"] for alarm in self.scanned]
        self.run("process", self.ids[0], "--note", "key rotated")
        self.run("ignore", self.ids[1])
        self.run("remark", "ip", "192.0.2.66", "scanner")
        scope = ["--ip", "203.0.113.0/24", "--ip", "198.51.100.0/24", "--ip", "10.0.0.0/8"]
        self.run("allowlist", "add", *scope, "--method", "api", "--reason", "own networks", "--name", "own")
        more = ["--ip-type", "outside", "--ak", "temporary", "--code", "0", "--code", "4102"]
        self.run("allowlist", "add", *more, "--reason", "sessions", "--name", "sessions", "--expires", "30d")

    def scan(self, *more):
        text = self.run("scan", DEMO / "logs", "--assets", DEMO / "assets.csv", "--inventory", DEMO / "inventory",
                        "--quiet", "--format", "jsonl", *more)
        return [json.loads(line) for line in text.splitlines()]

    def run(self, *args):
        command = [str(self.akguard), *map(str, args)]
        done = subprocess.run(command, cwd=ROOT, env=self.env, capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"{command}: {done.returncode}: {done.stderr}")
        return done.stdout

    def json(self, *args):
        return json.loads(self.run(*args))

    def keys(self):
        return self.json("ak", "list", "--format", "json")["keys"]

    def ips(self):
        return self.json("ip", "list", "--format", "json")["ips"]
