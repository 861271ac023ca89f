"""Reads --format parquet with DuckDB and with pyarrow, and compares it with the JSON lines of the same command.

    pip install duckdb pyarrow pytz
    python3 tests/formats/check_parquet.py target/release/akguard

Every value must be there under the same name, in the same place, and times must be times. A second log holds what an
attacker may write: formulas, control characters, very long texts.
"""

import datetime
import json
import sys
from pathlib import Path

import duckdb
import pyarrow
import pyarrow.parquet

from demo import Demo

EVIL = "=cmd|'/c calc'!A1\x1b]0;x\x07\u009b31m\u202e\x00\r\n\"'\\</script>中文👩‍👩‍👧"
TIMES = {"at", "time", "first_seen", "first_call", "last_call"}
NUMBERS = {"number", "total", "new_since_processed", "allowlisted_calls"}


def plain(value, name=""):
    """What JSON holds, with times and days as Python has them."""
    if isinstance(value, dict):
        return {name: plain(inner, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    if value is not None and name in TIMES:
        return datetime.datetime.fromisoformat(value).astimezone(datetime.UTC)
    if value is not None and name == "date":
        return datetime.date.fromisoformat(value)
    return value


def in_utc(value):
    """What a reader gives, with its times in UTC."""
    if isinstance(value, dict):
        return {name: in_utc(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [in_utc(inner) for inner in value]
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.UTC)
    return value


def by_duckdb(path):
    found = duckdb.sql(f"FROM read_parquet('{path}')")
    return [in_utc(dict(zip(found.columns, row))) for row in found.fetchall()]


def by_pyarrow(path):
    return [in_utc(row) for row in pyarrow.parquet.read_table(path).to_pylist()]


def check_types(schema):
    for field in schema:
        kind = field.type
        while pyarrow.types.is_list(kind):
            kind = kind.value_type
        if pyarrow.types.is_struct(kind):
            check_types([kind.field(place) for place in range(kind.num_fields)])
        elif field.name in TIMES:
            assert pyarrow.types.is_timestamp(kind) and kind.tz == "UTC", field
        elif field.name in NUMBERS:
            assert pyarrow.types.is_int64(kind), field
        elif field.name == "date":
            assert pyarrow.types.is_date(kind), field
        else:
            assert kind in (pyarrow.string(), pyarrow.int64(), pyarrow.bool_()), field


class Check:
    def __init__(self, demo):
        self.demo, self.count, self.path = demo, 0, Path(demo.folder.name) / "out.parquet"

    def lines(self, *args):
        text = self.demo.run(*args, "--format", "jsonl")
        return [plain(json.loads(line)) for line in text.split("\n") if line]

    def same(self, *args, added=None):
        """Compares a command's two formats; `added` is what Parquet holds of the alarm beside each record."""
        expected = [{**row, **(added or {})} for row in self.lines(*args)]
        self.demo.run(*args, "--format", "parquet", "--output", self.path)
        for read in [by_duckdb, by_pyarrow]:
            found = read(self.path)
            assert len(found) == len(expected), (args, read, len(found), len(expected))
            for one, other in zip(found, expected):
                assert one == other, (args, read, one, other)
        check_types(pyarrow.parquet.read_schema(self.path))
        self.count += len(expected)

    def everything(self):
        self.same("alarms")
        self.same("alarms", "--level", "high")
        self.same("alarms", "--since", "2099-01-01")
        for alarm in self.lines("alarms"):
            own = {name: alarm[name] for name in ["rule", "ak", "ak_masked", "ak_remark"]} | {"alarm": alarm["id"]}
            self.same("calls", alarm["id"], added=own)
            self.same("calls", alarm["id"], "--record", "1")


def hostile(folder):
    long = "@" * 300_000

    def event(request, user, text):
        return {
            "eventTime": 1772380800, "requestID": request, "eventName": "DeleteUser", "resourceType": "cam",
            "eventType": "ApiCall", "sourceIPAddress": text, "userAgent": text, "errorCode": text, "eventRegion": text,
            "requestParameters": json.dumps({"Name": text}), "resources": text,
            "userIdentity": {"type": "CAMUser", "principalId": request, "accountId": text, "userName": user,
                             "secretId": text},
        }

    log = Path(folder) / "hostile.ndjson"
    events = [event("r-1", EVIL, EVIL), event("-1+1", "a", long), event("r-3", long, "=x"), event("", "", "")]
    log.write_text("".join(json.dumps(one) + "\n" for one in events))
    return log


def main(akguard):
    demo = Demo(akguard)
    check = Check(demo)
    check.everything()
    check.same("scan", "fixtures/demo/logs", "--no-db", "--quiet")
    demo.env["AKGUARD_DB"] = str(Path(demo.folder.name) / "hostile.db")
    demo.run("scan", hostile(demo.folder.name), "--quiet")
    assert any("\x1b" in (alarm["user"] or "") for alarm in check.lines("alarms"))
    check.everything()
    print(f"{check.count} rows of Parquet are those of JSON, by DuckDB {duckdb.__version__} and pyarrow {pyarrow.__version__}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "target/release/akguard")
