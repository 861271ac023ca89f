#!/bin/sh
# Scans what is new, prints the alarms nobody has been told about, keeps a backup, prunes once a month.
# It prints nothing when there is nothing to say, so cron sends mail only when there is.
#
# Exit codes: 0 nothing new, 10 new alarms, 3 new alarms or none and some input could not be read,
# 1 could not finish, 2 wrong settings. Of several the first of 2, 1, 3, 10.
set -eu
umask 077
PATH=/usr/local/bin:/usr/bin:/bin
LC_ALL=C
export PATH LC_ALL

: "${AKGUARD:=akguard}"                    # the program
: "${AKGUARD_ETC:=/etc/akguard}"           # akguard.toml, assets.csv, inventory/; each may be missing
: "${AKGUARD_LOGS:=/srv/cloudaudit}"       # the logs, only read
: "${AKGUARD_STATE:=/var/lib/akguard}"     # everything that is written
: "${AKGUARD_LEVEL:=medium}"               # report this level and above
: "${AKGUARD_KEEP:=14}"                    # backups, logs and reports to keep
: "${AKGUARD_PRUNE:=180d}"                 # take out what is older, once a month; "never" for never
: "${AKGUARD_WAIT:=10m}"                   # how long to wait for another akguard
: "${AKGUARD_FRESH:=2}"                    # complain when no log file is younger than so many days; 0 for never

AKGUARD_DB=${AKGUARD_DB:-$AKGUARD_STATE/akguard.db}
export AKGUARD_DB
# Only the settings named here count, whatever folder the job starts in.
if [ -z "${AKGUARD_CONFIG:-}" ] && [ -f "$AKGUARD_ETC/akguard.toml" ]; then
    AKGUARD_CONFIG=$AKGUARD_ETC/akguard.toml
    export AKGUARD_CONFIG
fi

mkdir -p "$AKGUARD_STATE"
cd "$AKGUARD_STATE"
mkdir -p backup log report

stamp=$(date -u +%Y-%m-%dT%H%M%SZ)
log=log/$stamp-$$.log
report=report/$stamp-$$.txt

fail() { # fail CODE WHAT: say what went wrong, show the end of the log, and end
    echo "akguard-daily: $2 (code $1); the log is $AKGUARD_STATE/$log" >&2
    tail -n 20 "$log" >&2 || true
    exit "$1"
}

run() { # run ARGUMENTS: akguard, with its code in $code and what it says on stderr in the log
    code=0
    "$AKGUARD" "$@" 2>>"$log" || code=$?
}

keep_newest() { # keep_newest FILES, oldest first: remove all but the last $AKGUARD_KEEP
    while [ "$#" -gt "$AKGUARD_KEEP" ]; do
        rm -f -- "$1"
        shift
    done
}

# 0. Logs that no longer arrive look like a quiet day, so ask for a young file.
stale=0
if [ "$AKGUARD_FRESH" -ne 0 ]; then
    find -L "$AKGUARD_LOGS" -type f ! -name '.*' -size +0 -mtime "-$AKGUARD_FRESH" 2>>"$log" | grep -q . || stale=1
fi

# 1. Scan. Files that are known are skipped, so the whole folder is named every time.
set -- scan "$AKGUARD_LOGS" --strict --wait "$AKGUARD_WAIT" --output last-scan.txt
if [ -f "$AKGUARD_ETC/assets.csv" ]; then set -- "$@" --assets "$AKGUARD_ETC/assets.csv"; fi
if [ -d "$AKGUARD_ETC/inventory" ]; then set -- "$@" --inventory "$AKGUARD_ETC/inventory"; fi
run "$@"
rejected=0
case $code in
0) ;;
3) rejected=3 ;;
2) fail 2 "wrong usage or settings" ;;
*) fail 1 "the scan did not finish, akguard ended with $code" ;;
esac

# 2. What is new. The file is written first, so that an alarm that was marked as shown is not lost.
run alarms --new --mark daily --level "$AKGUARD_LEVEL" --status unprocessed --fail-on "$AKGUARD_LEVEL" \
    --wait "$AKGUARD_WAIT" --output "$report"
new=0
case $code in
0) rm -f "$report" ;;
10)
    new=10
    cat "$report"
    ;;
2) fail 2 "wrong usage or settings" ;;
*) fail 1 "the alarms could not be listed, akguard ended with $code" ;;
esac

# 3. A backup that is whole, or none: checked under another name first.
part=backup/new-$stamp-$$.db
trap 'rm -f -- "$part" "$part-wal" "$part-shm" "$part.lock"' EXIT
find backup -name 'new-*' -mtime +0 -exec rm -f {} +
run db backup "$part" --wait "$AKGUARD_WAIT" >>"$log"
[ "$code" -eq 0 ] || fail 1 "no backup could be made"
run db check --db "$part" >>"$log"
[ "$code" -eq 0 ] || fail 1 "the backup is damaged"
mv -f "$part" "backup/akguard-$(date -u +%F).db"
keep_newest backup/akguard-*.db

# 4. Once a month, after the backup.
month=$(date -u +%Y-%m)
if [ "$AKGUARD_PRUNE" != never ] && [ "$(cat pruned 2>/dev/null || true)" != "$month" ]; then
    run db prune --before "$AKGUARD_PRUNE" --wait "$AKGUARD_WAIT" >>"$log"
    [ "$code" -eq 0 ] || fail 1 "prune failed"
    run db vacuum --wait "$AKGUARD_WAIT" >>"$log"
    [ "$code" -eq 0 ] || fail 1 "vacuum failed"
    echo "$month" >pruned
fi

keep_newest log/*.log
keep_newest report/*.txt

if [ "$stale" -ne 0 ]; then
    fail 1 "no file in $AKGUARD_LOGS is younger than $AKGUARD_FRESH days"
fi
if [ "$rejected" -ne 0 ]; then
    fail 3 "some input could not be read"
fi
exit "$new"
