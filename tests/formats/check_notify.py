"""Reads messages with other programs' eyes: signatures by Python's hmac, limits, and nothing that calls people."""

import base64
import hashlib
import hmac
import json
import urllib.parse

import corpus

SECRET = b"this is secret"
MS = "1700000000000"


def sha(key, message):
    return base64.b64encode(hmac.new(key, message, hashlib.sha256).digest()).decode()


def strings(value):
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from strings(inner)
    elif isinstance(value, str):
        yield value


def texts(value):
    """Texts of Slack's elements."""
    if isinstance(value, dict):
        yield from ([value["text"]] if isinstance(value.get("text"), str) else [])
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else []:
        yield from texts(inner)


def check(folder, lang):
    read = lambda vendor: (folder / f"{lang}-{vendor}.json").read_text()
    wecom, dingtalk, feishu, slack = (json.loads(read(v)) for v in ("wecom", "dingtalk", "feishu", "slack"))
    query = dict(urllib.parse.parse_qsl((folder / f"{lang}-dingtalk.query").read_text(), strict_parsing=True))
    assert query == {"timestamp": MS, "sign": sha(SECRET, f"{MS}\n{SECRET.decode()}".encode())}, query
    seconds = MS[:-3]
    assert feishu["timestamp"] == seconds and feishu["sign"] == sha(f"{seconds}\n{SECRET.decode()}".encode(), b"")
    assert len(wecom["markdown"]["content"].encode()) <= 4096
    assert len(read("dingtalk").encode()) <= 20_000 and len(read("feishu").encode()) <= 20_000
    assert len(slack["blocks"]) <= 50 and all(len("".join(texts(block))) <= 3000 for block in slack["blocks"])
    assert len(slack["blocks"][0]["text"]["text"]) <= 150
    for text in (text for message in (wecom, dingtalk, feishu, slack) for text in strings(message)):
        for tag in ('<font color="warning">', "</font>"):
            text = text.replace(tag, "")
        assert not set(text) & set("@<&[\u202e\x1b"), text
        assert "://" not in text and "www." not in text.lower(), text


def main():
    checked = 0
    for _, _, _, folder in corpus.each():
        for lang in ("en", "zh"):
            check(folder, lang)
            checked += 1
    print(f"{checked} passed, 0 failed")


main()
