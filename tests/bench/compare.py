#!/usr/bin/env python3
"""What compare.sh needs Python for: DuckDB's query, and copies of the benchmark's data.

    compare.py query INPUT RESULT            run compare.sql over INPUT, a file or a glob; time and counts to RESULT
    compare.py copies EVENTS FOLDER NUMBER   write NUMBER copies of EVENTS with request ids of their own
    compare.py small EVENTS FOLDER           write 4,000 files of five events each
"""

import gzip
import itertools
import json
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
LISTS = HERE.parent.parent / "src" / "catalog" / "data"
# Each copy lies in four files, so that one copy can be read on as many cores as ten.
FILES_OF_COPY = 4
SMALL_FOLDERS, SMALL_FILES, SMALL_EVENTS = 40, 100, 5


def query(source, result):
    import duckdb  # only here: the other commands do without

    connection = duckdb.connect()
    connection.execute(f"set threads = {len(os.sched_getaffinity(0))}")
    values = {"input": source}
    for name, file in [("high_risk", "high_risk_apis"), ("api_lists", "api_lists"), ("error_codes", "error_codes")]:
        values[name] = str(LISTS / f"{file}.tsv")
    for name, value in values.items():
        connection.execute(f"set variable {name} = '" + value.replace("'", "''") + "'")
    statements = (HERE / "compare.sql").read_text()
    start = time.perf_counter()
    rows = connection.execute(statements).fetchall()
    seconds = time.perf_counter() - start
    calls = {}
    for row in rows:
        calls[row[0]] = calls.get(row[0], 0) + row[9]
    Path(result).write_text(json.dumps({"seconds": seconds, "groups": len(rows), "calls": calls}) + "\n")


def lines_in_blocks(file, size):
    """The file in blocks of whole lines."""
    while block := file.read(size):
        yield block + file.readline()


def write_copy(task):
    """One copy: the first four digits of each request id are XORed with the copy's number."""
    events, folder, number = task
    # With the ids of the copies apart in these digits only, two of them could meet only where the first copy had two
    # ids that are the same in the other 28.
    digits = {b"%04x" % old: b"%04x" % (old ^ number) for old in range(65536)}
    size = os.path.getsize(events)
    mark = b'"requestID":"'
    done, place, out = 0, -1, None
    with open(events, "rb") as file:
        for block in lines_in_blocks(file, 1 << 20):
            if min(done * FILES_OF_COPY // size, FILES_OF_COPY - 1) != place:
                if out:
                    out.close()
                place += 1
                # As hard as the benchmark packs its own files.
                out = gzip.open(Path(folder) / f"part-{number:02}-{place}.ndjson.gz", "wb", 6)
            done += len(block)
            head, *rest = block.split(mark)
            out.write(mark.join([head, *(digits[piece[:4]] + piece[4:] for piece in rest)]))
    out.close()


def copies(events, folder, number):
    Path(folder).mkdir()
    with ProcessPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for done, _ in enumerate(pool.map(write_copy, [(events, folder, copy) for copy in range(int(number))]), 1):
            print(f"\rcopies: {done} of {number}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)


def small(events, folder):
    with open(events, "rb") as lines:
        for number in range(SMALL_FOLDERS):
            day = Path(folder) / f"d-{number:02}"
            day.mkdir(parents=True)
            for place in range(SMALL_FILES):
                text = b"".join(itertools.islice(lines, SMALL_EVENTS))
                name = f"f-{number * SMALL_FILES + place:04}.ndjson.gz"
                (day / name).write_bytes(gzip.compress(text, 6))


if __name__ == "__main__":
    commands = {"query": query, "copies": copies, "small": small}
    if len(sys.argv) < 3 or sys.argv[1] not in commands:
        sys.exit(__doc__)
    commands[sys.argv[1]](*sys.argv[2:])
