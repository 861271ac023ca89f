#!/usr/bin/env bash
# Measures akguard against DuckDB and against itself, as whole processes, and prints one table of bars and values.
#
#   tests/bench/compare.sh [--large] [ROW...]
#
# Rows: plain gz split tccli db memory small rescan start, and with --large: growth limit linear.
# --large makes 30 copies of the data once (some 4 GB in the data folder) and takes many minutes.
#
# Before: cargo build --release && cargo bench --bench scan -- --generate-only
#
# RUNS                  runs of each command (5); the table shows medians
# AKGUARD               the program (target/release/akguard)
# AKGUARD_BENCH_DATA    the data (target/tmp/bench-data)
#
# DuckDB answers seven of the rules only (compare.sql). It keeps no request ids, shows no alarms with identities and
# reasons, and looks for no repeated events. After the runs the calls of each rule are compared between the two.
set -euo pipefail
export LC_ALL=C

cd "$(dirname "$0")/../.."
runs=${RUNS:-5}
akguard=${AKGUARD:-target/release/akguard}
data=${AKGUARD_BENCH_DATA:-target/tmp/bench-data}
here=tests/bench
copies=30

say() { printf '%s\n' "$*" >&2; }
fail() {
    say "compare: $*"
    exit 1
}

# ---- What was asked for ----

all=(plain gz split tccli db memory growth limit small rescan linear start)
large=false
rows=()
for argument in "$@"; do
    case $argument in
        --large) large=true ;;
        -h | --help)
            sed -n '2,/^set -/{/^set -/!s/^# \{0,1\}//p}' "$0"
            exit 0
            ;;
        *)
            [[ " ${all[*]} " == *" $argument "* ]] || fail "there is no row '$argument'; rows: ${all[*]}"
            rows+=("$argument")
            ;;
    esac
done
if [ ${#rows[@]} -eq 0 ]; then rows=("${all[@]}"); fi
[[ $runs =~ ^[1-9][0-9]*$ ]] || fail "RUNS is '$runs', not a number from 1 on"
want() { [[ " ${rows[*]} " == *" $1 "* ]]; }
any() {
    local row
    for row in "$@"; do
        if want "$row"; then return 0; fi
    done
    return 1
}

missing=()
command -v hyperfine > /dev/null || missing+=("hyperfine (cargo install hyperfine)")
command -v jq > /dev/null || missing+=("jq (apt install jq)")
command -v python3 > /dev/null || missing+=("python3 (apt install python3)")
# The shell's own `time` shows no memory.
if ! /usr/bin/time -f %M -o /dev/null true 2> /dev/null; then missing+=("GNU time as /usr/bin/time (apt install time)"); fi
if [ ${#missing[@]} -gt 0 ]; then
    for tool in "${missing[@]}"; do say "compare: not found: $tool"; done
    exit 1
fi
[ -x "$akguard" ] || fail "no program at $akguard; build it with: cargo build --release"
duckdb=$(python3 -c 'import duckdb; print(duckdb.__version__)' 2> /dev/null) || duckdb=

if any plain gz split tccli db memory growth limit small rescan linear; then
    [ -f "$data/manifest.txt" ] || fail "no data in $data; make it with: cargo bench --bench scan -- --generate-only"
    events=$(awk '$1 == "events" { print $2 }' "$data/manifest.txt")
    checksum=$(awk '$1 == "checksum" { print $2 }' "$data/manifest.txt")
    bytes=$(stat -c %s "$data/events.ndjson")
    tccli_bytes=$(stat -c %s "$data/tccli.json")
fi

# Next to the data, so that databases lie on the same disk.
mkdir -p "$data"
work=$(mktemp -d "$data/compare.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
# Settings of the person who measures must not count.
: > "$work/akguard.toml"
export AKGUARD_CONFIG="$work/akguard.toml"
unset AKGUARD_DB

# ---- Measuring ----

turn=0
# Runs a command once and adds a line of its times and memory; turn 0 is for warming up and adds nothing. Commands that
# are compared take turns, so that a slow minute of the machine hits all of them.
run() {
    local name=$1 quoted
    shift
    # GNU time gives the memory of this process alone; it costs about a millisecond.
    printf -v quoted '%q ' /usr/bin/time -f %M -o "$work/peak" "$@"
    if ! hyperfine --shell=none --style none --output inherit --runs 1 --export-json "$work/run.json" "$quoted" \
        > "$work/said" 2>&1; then
        cat "$work/said" >&2
        fail "$name failed: $*"
    fi
    if [ "$turn" -gt 0 ]; then
        jq -c --arg name "$name" --argjson peak "$(cat "$work/peak")" '.results[0]
            | {name: $name, wall: .times[0], cpu: (.user + .system), peak: ($peak * 1024)}' \
            "$work/run.json" >> "$work/runs"
    fi
}
: > "$work/runs"

# A field's median, or its highest value, over the runs of a name.
over() {
    jq -rn --arg name "$1" --arg field "$2" --arg how "$3" '[inputs | select(.name == $name)[$field]] | sort
        | if $how == "most" then .[-1] else (.[(length - 1) / 2 | floor] + .[length / 2 | floor]) / 2 end' "$work/runs"
}
wall() { over "$1" wall median; }
cpu() { over "$1" cpu median; }
peak() { over "$1" peak most; }
calculate() { awk "BEGIN { printf \"%.10g\", $1 }"; }
rounded() { awk -v value="$1" -v digits="$2" 'BEGIN { printf "%.*f", digits, value }'; }

scan() {
    local name=$1
    shift
    run "$name" "$akguard" scan "$@" --format json --quiet --output "$work/$name.json"
}
turns() {
    local first=$1 what=$2
    shift 2
    for ((turn = first; turn <= runs; turn++)); do
        if [ "$turn" -eq 0 ]; then say "$what: warming up"; else say "$what: turn $turn of $runs"; fi
        "$@"
    done
}

# ---- The table ----

# What was measured, one line each, in the order of the rows at the end.
: > "$work/table"
# row, title, bar, aim, "most" or "least", measured value, unit, digits, the values behind it
result() {
    local row=$1 title=$2 bar=$3 aim=$4 sense=$5 value=$6 unit=$7 digits=$8 behind=$9 verdict sign='<='
    if [ "$sense" = least ]; then sign='>='; fi
    verdict=$(awk -v v="$value" -v bar="$bar" -v aim="$aim" -v sense="$sense" 'function in_(b) {
        return sense == "least" ? v + 0 >= b + 0 : v + 0 <= b + 0 }
        BEGIN { print in_(aim) ? "aim met" : in_(bar) ? "bar met" : "**missed**" }')
    printf '%s\t| %s | %s %s%s (%s) | %s%s | %s | %s |\n' \
        "$row" "$title" "$sign" "$bar" "$unit" "$aim" "$(rounded "$value" "$digits")" "$unit" "$behind" "$verdict" \
        >> "$work/table"
}
skipped() {
    printf '%s\t| %s | | | %s | skipped |\n' "$1" "$2" "$3" >> "$work/table"
}
mega() { rounded "$(calculate "$1 / 1000000")" 0; }
seconds() { rounded "$1" "${2:-2}"; }

# ---- akguard and DuckDB on the same input ----

different=false
: > "$work/checks"
both() {
    scan "$1" "$data/$2" --no-db
    run "duckdb-$1" python3 $here/compare.py query "$data/$3" "$work/duckdb-$1.result"
    if [ "$turn" -gt 0 ]; then cat "$work/duckdb-$1.result" >> "$work/duckdb-$1.results"; fi
}
# The same calls by rule, or the times say nothing. Calls that make a key only with a certain request parameter are taken
# out of akguard's count: the query reads no request bodies.
check() {
    local conditional
    conditional=$(awk -F '\t' '$1 == "create_key" && $4 != "always" { print tolower($3) }' src/catalog/data/api_lists.tsv |
        jq -Rnc '[inputs]')
    jq -rn --arg input "$1" --argjson conditional "$conditional" \
        --slurpfile ours "$work/$1.json" --slurpfile theirs "$work/duckdb-$1.result" '
        ["root-key-high-risk-api", "non-console-high-risk-api", "unauthorized-service-call", "create-key",
            "off-hours-sensitive-operation", "cos-browser-call", "create-resource-api"][] as $rule
        | [$ours[0].alarms[] | select(.rule == $rule) | .records[]] as $records
        | [$records[] | select($rule == "create-key" and (.action | ascii_downcase | IN($conditional[])))] as $left_out
        | ($records - $left_out | map(.success + .failed) | add // 0) as $a
        | ($left_out | map(.success + .failed) | add // 0) as $more
        | ($theirs[0].calls[$rule] // 0) as $d
        | "| \($input) | \($rule) | \($a)\(if $more > 0 then " (and \($more) told by a parameter)" else "" end) | \($d)"
            + " | \(if $a == $d then "same" else "**different**" end) |"' >> "$work/checks"
    if grep -q different "$work/checks"; then different=true; fi
}
against_duckdb() {
    local row=$1 file=$2 pattern=$3 title=$4 bar=$5 aim=$6 ours theirs inside
    want "$row" || return 0
    if [ -z "$duckdb" ]; then
        skipped "$row" "$title" "DuckDB not found (pip install duckdb)"
        return 0
    fi
    turns 0 "$row" both "$row" "$file" "$pattern"
    check "$row"
    ours=$(wall "$row") theirs=$(wall "duckdb-$row")
    inside=$(jq -s 'map(.seconds) | sort | (.[(length - 1) / 2 | floor] + .[length / 2 | floor]) / 2' "$work/duckdb-$row.results")
    result "$row" "$title" "$bar" "$aim" least "$(calculate "$theirs / $ours")" x 2 \
        "akguard $(mega "$bytes / $ours") MB/s in $(seconds "$ours") s, DuckDB $(mega "$bytes / $theirs") MB/s in $(seconds "$theirs") s; its query alone $(mega "$bytes / $inside") MB/s in $(seconds "$inside") s, against which $(rounded "$(calculate "$inside / $ours")" 2)x; CPU $(seconds "$(cpu "$row")") and $(seconds "$(cpu "duckdb-$row")") s"
}

# ---- akguard against itself ----

tccli_turn() {
    scan tccli "$data/tccli.json" --no-db
    scan tccli-plain "$data/events.ndjson" --no-db
}
tccli_row() {
    want tccli || return 0
    turns 0 tccli tccli_turn
    local reply plain
    reply=$(calculate "$tccli_bytes / $(wall tccli)") plain=$(calculate "$bytes / $(wall tccli-plain)")
    result tccli "tccli-shaped JSON, MB/s against plain NDJSON" 0.5 0.8 least "$(calculate "$reply / $plain")" x 2 \
        "$(mega "$reply") MB/s in $(seconds "$(wall tccli)") s, plain $(mega "$plain") MB/s in $(seconds "$(wall tccli-plain)") s"
}

database_turn() {
    scan no-db "$data/events.ndjson" --no-db
    rm -f "$work"/new.db*
    scan new-db "$data/events.ndjson" --db "$work/new.db"
    if want rescan; then scan rescan "$data/events.ndjson" --db "$work/new.db"; fi
}
database_rows() {
    any db memory rescan || return 0
    turns 0 database database_turn
    local without with
    without=$(wall no-db) with=$(wall new-db)
    if want db; then
        result db "scan into a new database against \`--no-db\`, time" 1.3 1.1 most "$(calculate "$with / $without")" x 2 \
            "$(seconds "$with") s against $(seconds "$without") s"
    fi
    if want memory; then
        result memory "peak memory, $events events, \`--no-db\`" 350 150 most \
            "$(calculate "$(peak no-db) / 1000000")" " MB" 0 "highest of $runs runs"
        result memory "peak memory, $events events, into a database" 350 150 most \
            "$(calculate "$(peak new-db) / 1000000")" " MB" 0 "highest of $runs runs"
    fi
    if want rescan; then
        result rescan "rescan of a file already read, against the first scan" 0.1 0.03 most \
            "$(calculate "$(wall rescan) / $with")" x 3 "$(seconds "$(wall rescan)" 3) s against $(seconds "$with") s"
    fi
    rm -f "$work"/new.db*
}

# Makes a folder of data unless it is there and was made from these events.
made() {
    local folder=$1 stamp=$2
    shift 2
    if [ "$(cat "$data/$folder/made-from.txt" 2> /dev/null)" = "$stamp" ]; then return 0; fi
    rm -rf "${data:?}/$folder"
    say "making $data/$folder"
    python3 $here/compare.py "$@"
    # Last, so that an interrupted making is not taken for whole.
    echo "$stamp" > "$data/$folder/made-from.txt"
}

# The stamp would be an input as well, so the files are named, not the folder.
small_turn() { scan small "$data"/small/d-* --no-db; }
small_row() {
    want small || return 0
    made small "$checksum 4000 files" small "$data/events.ndjson" "$data/small"
    turns 0 small small_turn
    local count
    count=$(jq '.summary.events.read' "$work/small.json")
    [ "$count" -eq 20000 ] || fail "$count events read from the small files, not 20000"
    result small "4,000 gz files of five events, events per CPU second" 20000 60000 least \
        "$(calculate "$count / $(cpu small)")" "" 0 "CPU $(seconds "$(cpu small)" 3) s, wall $(seconds "$(wall small)" 3) s"
}

large_turn() {
    scan one "$data"/many/part-00-*.gz --no-db
    if any growth linear; then scan ten "$data"/many/part-0?-*.gz --no-db; fi
    if $limited; then scan thirty "$data"/many/part-*.gz --no-db --memory 300MB; fi
}
large_rows() {
    any growth limit linear || return 0
    local row ten=$((events * 10)) thirty=$((events * copies))
    if ! $large; then
        for row in growth limit linear; do
            if want $row; then skipped $row "$row: up to $thirty events" "only with --large"; fi
        done
        return 0
    fi
    local help
    limited=false
    if want limit; then
        help=$("$akguard" scan --help)
        if [[ $help == *--memory* ]]; then
            limited=true
        else
            skipped limit "peak memory of $thirty events with \`--memory 300MB\`" "this akguard has no --memory"
        fi
    fi
    if [ ! -f "$data/many/made-from.txt" ]; then
        local need free
        need=$(($(stat -c %s "$data/events.ndjson.gz") * copies * 11 / 10))
        free=$(df -B1 --output=avail "$data" | tail -1)
        [ "$free" -gt "$need" ] || fail "the copies need $(mega "$need") MB in $data, $(mega "$free") MB are free"
    fi
    made many "$checksum $copies copies" copies "$data/events.ndjson" "$data/many" "$copies"
    # Warm enough: reading the files once. A run that is thrown away would take minutes.
    cat "$data"/many/part-* > /dev/null
    turns 1 large large_turn
    local name expected got
    for name in one:1 ten:10 thirty:$copies; do
        [ -f "$work/${name%:*}.json" ] || continue
        expected=$((events * ${name#*:})) got=$(jq '.summary.events.read - .summary.events.duplicates' "$work/${name%:*}.json")
        [ "$got" -eq "$expected" ] || fail "$got different events read, not $expected"
    done
    local one per_event="gz files, four to a million events"
    one=$(wall one)
    if want growth; then
        # Of medians: one odd run must not make the growth.
        result growth "growth of peak memory from $events to $ten events, bytes per further event" 20 10 most \
            "$(calculate "($(over ten peak median) - $(over one peak median)) / ($ten - $events)")" "" 1 \
            "$(mega "$(over one peak median)") MB to $(mega "$(over ten peak median)") MB, \`--no-db\`"
    fi
    if $limited; then
        result limit "peak memory of $thirty events with \`--memory 300MB\`" 450 300 most \
            "$(calculate "$(peak thirty) / 1000000")" " MB" 0 "highest of $runs runs, \`--no-db\`"
        result limit "its time per event against $events events without the option" 1.5 1.2 most \
            "$(calculate "$(wall thirty) / $one / $copies")" x 2 "$(seconds "$(wall thirty)") s against $(seconds "$one") s; $per_event"
    fi
    if want linear; then
        result linear "time per event at $ten against $events" 1.1 1.0 most "$(calculate "$(wall ten) / $one / 10")" x 2 \
            "$(seconds "$(wall ten)") s against $(seconds "$one") s; $per_event"
    fi
}

# Too short for one run at a time; whether the machine is busy shows in the spread.
start_row() {
    want start || return 0
    local demo=fixtures/demo what quoted number=0 arguments=()
    "$akguard" scan $demo/logs --assets $demo/assets.csv --inventory $demo/inventory \
        --db "$work/demo.db" --quiet --output "$work/demo.txt"
    for what in --help alarms; do
        arguments=("$what")
        if [ "$what" = alarms ]; then arguments+=(--db "$work/demo.db"); fi
        printf -v quoted '%q ' "$akguard" "${arguments[@]}"
        say "start: $what"
        hyperfine --shell=none --style none --warmup 3 --runs $((runs * 10)) --export-json "$work/start.json" "$quoted" \
            > /dev/null 2>&1 || fail "akguard $what failed"
        result start "\`akguard $what\`$([ $number -eq 0 ] || echo ' on the demo database')" 30 10 most \
            "$(calculate "1000 * $(jq '.results[0].median' "$work/start.json")")" " ms" 1 \
            "median of $((runs * 10)) runs, $(jq -r '.results[0] | "\(.min * 10000 | round / 10) to \(.max * 10000 | round / 10)"' "$work/start.json") ms"
        number=$((number + 1))
    done
}

against_duckdb plain events.ndjson events.ndjson "\`scan --no-db\`, plain NDJSON, MB/s against DuckDB" 0.6 1.2
against_duckdb gz events.ndjson.gz events.ndjson.gz "the same in one gz file" 0.8 1.2
against_duckdb split split 'split/*.ndjson.gz' "the same in 64 gz files" 1.0 1.5
tccli_row
database_rows
large_rows
small_row
start_row

# ---- What came out ----

printf '| row | bar (aim) | measured | values | result |\n|---|---|---|---|---|\n'
for row in "${all[@]}"; do
    awk -F '\t' -v row="$row" '$1 == row { print $2 }' "$work/table"
done
printf '\nMedians of %s runs in turns, whole processes; memory is the highest. MB: a million bytes without compression.\n' "$runs"
if [ "$runs" -lt 5 ]; then printf 'Fewer than 5 runs: enough to try the script, not to judge by.\n'; fi
if [ -s "$work/checks" ]; then
    printf '\nCalls by rule, to see that both answer the same:\n\n'
    printf '| input | rule | akguard | DuckDB | |\n|---|---|---|---|---|\n'
    cat "$work/checks"
fi
printf '\nMachine: %s, %s CPUs, %s memory\n' \
    "$(lscpu | sed -n 's/^Model name: *//p' | head -1)" "$(nproc)" "$(awk '/^MemTotal/ { printf "%.1f GB", $2 * 1024 / 1e9 }' /proc/meminfo)"
printf 'Date: %s\n' "$(date -u '+%Y-%m-%d %H:%M UTC')"
printf 'Data: %s events, checksum %s\n' "${events:--}" "${checksum:--}"
printf 'Versions: %s, %s, duckdb %s, %s, %s\n' "$("$akguard" --version)" \
    "$(rustc --version 2> /dev/null || echo 'no rustc')" "${duckdb:-not found}" "$(hyperfine --version)" "$(jq --version)"
if $different; then fail "akguard and DuckDB count different calls, so their times cannot be compared"; fi
