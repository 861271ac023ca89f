"""Checks --format csc-json with the vendor's own SDK.

    pip install tencentcloud-sdk-python-csip
    python3 tests/formats/check_csc.py target/release/akguard

Every object is loaded by the SDK's class of that name. A field that the class does not know (the SDK warns of it), one
that the class has and akguard leaves out, and one of another type fail.
"""

import re
import sys
import warnings

from tencentcloud.csip.v20221121 import models

from demo import Demo

TYPES = {"int": int, "str": str, "bool": bool}
seen = {}


def types_of(cls):
    return dict(re.findall(r":type (\w+): (.+)", cls.__init__.__doc__ or ""))


def check_type(value, kind, path):
    kind = kind.strip()
    if value is None:
        return
    if kind.startswith("list of "):
        assert isinstance(value, list), f"{path}: {value!r} is no list"
        for place, one in enumerate(value):
            check_type(one, kind.removeprefix("list of "), f"{path}[{place}]")
    elif kind in TYPES:
        fits = isinstance(value, TYPES[kind]) and (kind == "bool" or not isinstance(value, bool))
        assert fits, f"{path}: {value!r} is no {kind}"
    else:
        check(kind.strip("`").rsplit(".", 1)[-1].rstrip("`"), value, path)


def check(name, value, path=""):
    """Loads an object with the SDK's class, and everything in it."""
    cls, path = getattr(models, name), path or name
    loaded = cls()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        loaded._deserialize(value)
    assert not told, f"{path}: {told[0].message}"
    known = types_of(cls)
    missing = set(known) - set(value)
    assert not missing, f"{path}: {sorted(missing)} are missing"
    for field, kind in known.items():
        check_type(value[field], kind, f"{path}.{field}")
    assert loaded._serialize(allow_none=True).keys() == value.keys(), f"{path}: fields got lost"
    seen[name] = seen.get(name, 0) + 1


def check_reply(action, reply):
    check(f"{action}Response", reply)
    if "Data" in reply:
        ids = [one.get("ID", one.get("CallID")) for one in reply["Data"]]
        assert len(set(ids)) == len(ids), f"{action}: ids are not unique"
        assert all(isinstance(i, str) or 0 <= i < 2**53 for i in ids), f"{action}: ids do not fit a double"
    return reply


def main(akguard):
    demo, csc = Demo(akguard), ["--format", "csc-json"]
    alarms = check_reply("DescribeAccessKeyAlarm", demo.json("alarms", *csc))
    assert alarms["Total"] == len(demo.ids)
    assert {0, 1, 2} == {alarm["Status"] for alarm in alarms["Data"]}
    again = check_reply("DescribeAccessKeyAlarm", demo.json("scan", "fixtures/demo/logs", "--no-db", "--quiet", *csc))
    assert {one["ID"] for one in again["Data"]} <= {one["ID"] for one in alarms["Data"]}, "ids are not stable"
    for alarm in demo.ids:
        check_reply("DescribeAccessKeyAlarmDetail", demo.json("show", alarm, *csc))
        records = check_reply("DescribeCallRecord", demo.json("calls", alarm, *csc))
        for place in range(1, min(records["Total"], 5) + 1):
            check_reply("DescribeCallRecord", demo.json("calls", alarm, "--record", place, *csc))
    keys = check_reply("DescribeAccessKeyAsset", demo.json("ak", "list", *csc))
    of_keys = {key["ID"] for key in keys["Data"]}
    assert {alarm["AccessKeyID"] for alarm in alarms["Data"]} <= of_keys, "alarms name keys that are not listed"
    for key in demo.keys():
        if key["ak"] != "TEMP_AK":
            check_reply("DescribeAccessKeyAsset", demo.json("ak", "show", key["ak"], *csc))
    addresses = check_reply("DescribeSourceIPAsset", demo.json("ip", "list", *csc))
    by_ip = {address["SourceIP"]: address for address in addresses["Data"]}
    for ip in demo.ips():
        shown = check_reply("DescribeSourceIPDetail", demo.json("ip", "show", ip["ip"], *csc))["SourceIPInfo"]
        assert shown == by_ip[ip["ip"]], ip["ip"]
        assert {used["ID"] for used in shown["AKInfo"]} <= of_keys
    listed = check_reply("DescribeAccessKeyWhiteList", demo.json("allowlist", "list", *csc))
    for policy in listed["Data"]:
        shown = check_reply("DescribeAccessKeyWhiteList", demo.json("allowlist", "show", policy["Name"], *csc))
        assert shown["Data"] == [policy]
    check_reply("DescribeAccessKeyWhiteList", demo.json("allowlist", "export", *csc)["Response"])
    for name, count in sorted(seen.items()):
        print(f"{count:6} {name}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "target/release/akguard")
