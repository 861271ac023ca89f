#!/usr/bin/env python3
"""Compares the readers of akguard with other people's on the same files, and the table inside with its source.

Needs: pip install maxminddb==3.2.0 py-ip2region==3.0.6, and the example built: cargo build --release --example geo_measure

    tests/geo/compare.py files [--program PATH] FILE.mmdb|FILE.csv ...     each file, and .xdb files made here, by both readers
    tests/geo/compare.py table [--program PATH] FILE.mmdb [FILE.mmdb ...]  the table inside against its source

Random addresses are the same in every run. "By address" draws an address, "by range" a range of the file first, as
short ranges are seldom drawn by address.
"""

import argparse
import bisect
import csv
import ipaddress
import pathlib
import random
import struct
import subprocess
import sys
import tempfile

import maxminddb

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from build_table import PROVINCES, place_of

COUNT = 200_000


# Special, but not to older versions of Python; akguard gives these no place.
SPECIAL = [ipaddress.ip_network(net) for net in ("2001::/23", "2002::/16", "3fff::/20", "192.88.99.0/24")]


def routable(ip):
    special = not ip.is_global or ip.is_multicast or any(ip in net for net in SPECIAL)
    return not special and (ip.version == 4 or int(ip) >> 125 == 1)


def random_ips(seed, version, count=COUNT):
    rng, ips = random.Random(seed), []
    while len(ips) < count:
        ip = ipaddress.ip_address(rng.getrandbits(32)) if version == 4 else ipaddress.IPv6Address(1 << 125 | rng.getrandbits(125))
        if routable(ip):
            ips.append(ip)
    return ips


def ask(program, files, ips):
    """What akguard says: for each address one code for each file, and one for the table inside."""
    text = "\n".join(map(str, ips))
    run = subprocess.run([program, *map(str, files)], input=text, capture_output=True, text=True, check=True)
    return [line.split("\t")[1:] for line in run.stdout.splitlines()]


def mmdb_says(path):
    reader = maxminddb.open_database(str(path))
    version = reader.metadata().ip_version

    def say(ip):
        if ip.version == 6 and version == 4:
            return "-"
        record = reader.get(ip)
        if record and isinstance(record.get("country"), str):
            record = {"country_code": record["country_code"], "state1": record["region"]}
        return (place_of(record, {}) if record else "") or "-"

    return say, [ip for v in (4, 6) for ip in random_ips(str(path), v, COUNT // 2)] + ranges_of_mmdb(reader)


def ranges_of_mmdb(reader, count=COUNT // 2):
    """Addresses of random networks, the first 3 million of the file being drawn from."""
    rng, nets = random.Random(1), []
    for number, (net, _) in enumerate(reader):
        if number == 3_000_000:
            break
        if len(nets) < count:
            nets.append(net)
        elif (at := rng.randrange(number + 1)) < count:
            nets[at] = net
    ips = [net[rng.randrange(net.num_addresses)] for net in nets]
    ips = [ip.ipv4_mapped or ip if ip.version == 6 else ip for ip in ips]
    return [ip for ip in ips if routable(ip)]


def csv_says(path):
    """CSV of first, last, country code, without a heading. Of ranges that begin together the narrower is believed."""
    starts, rows, found = [], [], []
    for row in csv.reader(open(path)):
        parse = (lambda text: int(text)) if row[0].isdigit() else (lambda text: int(ipaddress.ip_address(text)))
        found.append((parse(row[0]), -parse(row[1]), row[2]))
    for first, last, code in sorted(found, key=lambda row: row[:2]):
        starts.append(first)
        rows.append((-last, code))
    version = 6 if starts[-1] >> 32 else 4

    def say(ip):
        at = bisect.bisect_right(starts, int(ip)) - 1
        return rows[at][1] if ip.version == version and at >= 0 and int(ip) <= rows[at][0] else "-"

    rng = random.Random(str(path))
    make = ipaddress.IPv4Address if version == 4 else ipaddress.IPv6Address
    drawn = [make(rng.randint(starts[at], rows[at][0])) for at in rng.choices(range(len(starts)), k=COUNT // 2)]
    return say, random_ips(str(path), version, COUNT // 2) + [ip for ip in drawn if routable(ip)]


def make_xdb(path, version, seed):
    """Writes a larger .xdb file as ip2region's maker does: entries end where the first two bytes change."""
    rng, bits = random.Random(seed), 32 if version == 4 else 128
    top = 1 << bits
    cuts = sorted({0, top, *(rng.randrange(top) for _ in range(50_000)), *(rng.randrange(1 << 16) << bits - 16 for _ in range(20_000))})
    if version == 6:
        cuts = sorted({*cuts, *((0x2400 << 112) + rng.randrange(1 << 118) for _ in range(50_000))})
    leads = {lead << bits - 16 for lead in range(1 << 16)}
    cuts = sorted({*cuts, *leads})
    names = [f"中国|{'省' if n % 2 else '0'}|{p}|x|0" for n, p in enumerate(["北京市", "广东省", "上海", "西藏自治区"])]
    names += ["美国|0|加州|0|0", "日本|东京都|东京|0|JP", "中国|香港特别行政区|0|0|HK", "0|0|0|内网IP|内网IP"]
    texts, at, base = b"", [], 256 + 524288
    for name in names:
        at.append((base + len(texts), len(name.encode())))
        texts += name.encode()
    start, size = base + len(texts), bits // 4 + 6
    table, entries = bytearray(524288), bytearray()
    pack = (lambda n: n.to_bytes(4, "little")) if version == 4 else (lambda n: n.to_bytes(16, "big"))
    for first, end in zip(cuts, cuts[1:]):
        if rng.random() < 0.1:
            continue
        place, length = rng.choice(at)
        here, lead = start + len(entries), first >> bits - 16
        begin = struct.unpack_from("<I", table, lead * 8)[0] or here
        struct.pack_into("<II", table, lead * 8, begin, here + size)
        entries += pack(first) + pack(end - 1) + struct.pack("<HI", length, place)
    header = struct.pack("<HHIIIHH", 3, 1, 0, start, start + len(entries) - size, version, 4).ljust(256, b"\0")
    path.write_bytes(header + bytes(table) + texts + bytes(entries))
    drawn = [ipaddress.ip_address(cut.to_bytes(bits // 8, "big")) for cut in rng.sample(cuts[:-1], 50_000)]
    return [ip for ip in drawn if routable(ip)]


# What the texts written by make_xdb stand for.
XDB_PLACES = {"北京市": "CN-BJ", "广东省": "CN-GD", "上海": "CN-SH", "西藏自治区": "CN-XZ"}


def xdb_says(path, version):
    import ip2region.searcher
    import ip2region.util

    kind = ip2region.util.IPv4 if version == 4 else ip2region.util.IPv6
    searcher = ip2region.searcher.new_with_buffer(kind, path.read_bytes())

    def say(ip):
        fields = searcher.search(ip.packed).split("|")
        if fields[0] == "中国":
            return "HK" if fields[1].startswith("香港") else XDB_PLACES[fields[2]]
        return {"美国": "US", "日本": "JP"}.get(fields[0], "-")

    return say


def compare(program, path, say, ips):
    said = ask(program, [path], ips)
    wrong = [(str(ip), mine[0], say(ip)) for ip, mine in zip(ips, said) if mine[0] != say(ip)]
    print(f"{path.name}: {len(ips)} addresses, {sum(mine[0] != '-' for mine in said)} with a place, {len(wrong)} differ {wrong[:3]}")
    return not wrong


def files(program, paths):
    good = True
    for path in paths:
        say, ips = csv_says(path) if path.suffix == ".csv" else mmdb_says(path)
        good &= compare(program, path, say, ips)
    with tempfile.TemporaryDirectory() as folder:
        for version in (4, 6):
            path = pathlib.Path(folder, f"made-v{version}.xdb")
            ips = make_xdb(path, version, version) + random_ips(version, version)
            good &= compare(program, path, xdb_says(path, version), ips)
    return good


def table(program, paths):
    for path in paths:
        reader = maxminddb.open_database(str(path))
        for version in [reader.metadata().ip_version]:
            for how, ips in (("by address", random_ips(str(path), version)), ("by range", ranges_of_mmdb(reader, COUNT))):
                source = [place_of(record, {}) if (record := reader.get(ip)) else "" for ip in ips]
                said = [mine[-1] for mine in ask(program, [], ips)]
                known = [(a, b) for a, b in zip(source, said) if a]
                country = sum(a[:2] == b[:2] for a, b in known)
                china = [(a, b) for a, b in known if "-" in a]
                province = sum(a == b for a, b in china)
                print(f"{path.name} {how}: {len(known)} with a country, equal {country / len(known):.4%};"
                      f" {len(china)} with a province, equal {province / max(1, len(china)):.4%}")
    return True


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["files", "table"])
    parser.add_argument("--program", default="target/release/examples/geo_measure")
    parser.add_argument("paths", nargs="*", type=pathlib.Path)
    args = parser.parse_args()
    sys.exit(0 if {"files": files, "table": table}[args.what](args.program, args.paths) else 1)
