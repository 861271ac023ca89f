"""Checks --format ocsf with py-ocsf-models.

    pip install py-ocsf-models
    python3 tests/formats/check_ocsf.py target/release/akguard

The models ask for some attributes that OCSF 1.5.0 only recommends; STRICTER lists them, and the check puts a blank in
their place. Nothing else is changed before loading.
"""

import json
import sys

import py_ocsf_models
from py_ocsf_models.events.findings.detection_finding import DetectionFinding

from demo import Demo

STRICTER = {"account": ["name"], "service": ["version"], "owner": ["uid", "name", "account"]}


def filled(value, name=""):
    if isinstance(value, list):
        return [filled(one, name) for one in value]
    if not isinstance(value, dict):
        return value
    value = {field: filled(one, field) for field, one in value.items()}
    for field in STRICTER.get(name, []):
        value.setdefault(field, {"uid": "", "name": "", "type_id": 0} if field == "account" else "")
    return value


def kept(value, model, path=""):
    """Every attribute that the model knows holds what was written."""
    for field in type(model).model_fields:
        if field in value:
            inner = getattr(model, field)
            if hasattr(type(inner), "model_fields"):
                kept(value[field], inner, f"{path}.{field}")
            else:
                assert inner is not None, f"{path}.{field} got lost"


def nulls(value):
    if isinstance(value, dict):
        return any(map(nulls, value.values()))
    return any(map(nulls, value)) if isinstance(value, list) else value is None


def check(finding, alarm):
    model = DetectionFinding.model_validate(filled(finding))
    kept(finding, model)
    assert not nulls(finding), "OCSF knows no null"
    assert finding["metadata"]["version"] == py_ocsf_models.OCSF_VERSION
    assert (finding["class_uid"], finding["category_uid"]) == (2004, 2)
    assert finding["type_uid"] == finding["class_uid"] * 100 + finding["activity_id"]
    assert finding["finding_info"]["uid"] == alarm["id"] and "confidence_id" not in finding
    severities = {"critical": 5, "high": 4, "medium": 3, "low": 2, "note": 1, "invalid": 1}
    statuses = {"unprocessed": 1, "processed": 4, "ignored": 3}
    assert finding["severity_id"] == severities[alarm["level"]]
    assert finding["status_id"] == (3 if alarm["level"] == "invalid" else statuses[alarm["status"]])
    if alarm["level"] == "invalid":
        assert all(policy in finding["status_detail"] for policy in alarm["allowlisted_by"])
    assert len(finding["evidences"]) == len(alarm["records"])
    for evidence, record in zip(finding["evidences"], alarm["records"]):
        api = evidence["api"]
        assert (api["operation"], api["service"]["name"]) == (record["action"], record["service"])
        assert evidence.get("src_endpoint", {}).get("ip") == record["source_ip"]


def main(akguard):
    demo = Demo(akguard)
    alarms = demo.json("alarms", "--format", "json")["alarms"]
    findings = [json.loads(line) for line in demo.run("alarms", "--format", "ocsf").splitlines()]
    assert len(findings) == len(alarms)
    for finding, alarm in zip(findings, alarms):
        check(finding, alarm)
    shown = [alarm for alarm in alarms if not alarm["allowlisted_calls"] or alarm["level"] == "invalid"]
    for alarm in shown:
        check(json.loads(demo.run("show", alarm["id"], "--format", "ocsf")), alarm)
    scanned = [json.loads(line) for line in demo.run("scan", "fixtures/demo/logs", "--no-db", "--quiet", "--format", "ocsf").splitlines()]
    plain = demo.json("scan", "fixtures/demo/logs", "--no-db", "--quiet", "--format", "json")["alarms"]
    for finding, alarm in zip(scanned, plain, strict=True):
        check(finding, alarm)
    print(f"{len(findings) + len(shown) + len(scanned)} findings, statuses {sorted({f['status_id'] for f in findings})}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "target/release/akguard")
