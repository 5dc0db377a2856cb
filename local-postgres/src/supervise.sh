# Runs Postgres for as long as somebody holds the other end of standard input.
# usage: sh -c SCRIPT supervise REMOVE POSTGRES ARGUMENT...
# Lines on standard input name a signal for Postgres; end of file means INT, a fast shutdown.
# Standard output is the locked file: every Postgres process inherits it as 9, so that the
# lock is free only once the last of them is gone. Standard error is the log.
# REMOVE is a folder to remove if the owner died, or empty.
remove=$1
shift
exec 3<&0 9>&1 >&2 </dev/null
"$@" 3<&- &
postgres=$!
{
    while read -r signal; do kill -s "$signal" "$postgres"; done
    kill -s INT "$postgres"
    exit 0
} <&3 3<&- 9>&- 2>/dev/null &
watcher=$!
wait "$postgres"
status=$?
kill "$watcher" 2>/dev/null
# A watcher that ended by itself saw the end of file: nobody is left to clean up.
if wait "$watcher" 2>/dev/null && [ -n "$remove" ]; then rm -rf -- "$remove"; fi
exit "$status"
