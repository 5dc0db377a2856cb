# For the checks of this folder, sourced by each: a simulated Notion that ends with the script.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
scratch=$(mktemp -d)
sim=
others=() # further processes that end with the script

finish() {
    kill ${sim:+"$sim"} ${others[@]+"${others[@]}"} 2>/dev/null || true
    rm -rf "$scratch"
}
trap finish EXIT

fail() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 1
}

# Sets url, token and page.
start_notion() {
    (cd "$root" && cargo build --quiet -p notion-sim)
    local target
    target=$(cd "$root" && cargo metadata --no-deps --format-version 1 | sed -E 's/.*"target_directory":"([^"]*)".*/\1/')
    "$target/debug/notion-sim" --port 0 --json --requests-per-minute 6000 >"$scratch/notion.json" &
    sim=$!
    for _ in $(seq 100); do
        [[ -s $scratch/notion.json ]] && break
        kill -0 "$sim" 2>/dev/null || fail "notion-sim did not start"
        sleep 0.1
    done
    field() { sed -E "s/.*\"$1\":\"([^\"]*)\".*/\\1/" "$scratch/notion.json"; }
    url=$(field url) token=$(field token) page=$(field root_page_id)
}

# Sets python to an interpreter of its own that has these packages.
python_with() {
    python3 -m venv "$scratch/python"
    python=$scratch/python/bin/python
    "$python" -m pip install --quiet --disable-pip-version-check "$@"
}
