# For the checks of this folder, sourced by each: a simulated Notion, a private Postgres or a local cluster that end with the script.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
scratch=$(mktemp -d)
target=$(cd "$root" && cargo metadata --no-deps --format-version 1 | sed -E 's/.*"target_directory":"([^"]*)".*/\1/')
export npm_config_update_notifier=false
sim=
others=() # further processes that end with the script
claimboard=

finish() {
    [[ -z $claimboard ]] || "$claimboard" local stop >/dev/null 2>&1 || true
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
    "$python" -m pip install --quiet --disable-pip-version-check --no-compile "$@"
}

# Sets database: a fresh one with the protocol in it, as its owner, who is no superuser. Sets superuser, the url for administering,
# and sockets, the folder of the server's socket. Arguments are settings of the server: start_postgres port=5433
start_postgres() {
    local postgres setting
    (cd "$root" && cargo build --quiet -p local-postgres --example hold)
    mkfifo "$scratch/keep"
    "$target/debug/examples/hold" temporary "$@" <"$scratch/keep" >"$scratch/postgres" &
    postgres=$!
    others+=("$postgres") # its server ends with it
    exec {keep}>"$scratch/keep"
    for _ in $(seq 600); do
        [[ $(wc -l <"$scratch/postgres") -ge 2 ]] && break
        kill -0 "$postgres" 2>/dev/null || fail "postgres did not start"
        sleep 0.1
    done
    local migration
    superuser=$(sed -n 1p "$scratch/postgres")
    for setting in "$@"; do
        [[ $setting != port=* ]] || superuser+="&$setting"
    done
    sockets=$(sed -n 2p "$scratch/postgres")/sockets
    database=${superuser/postgres@localhost\/postgres/owner@localhost\/app}
    psql -qX -v ON_ERROR_STOP=1 "$superuser" -c "CREATE ROLE owner LOGIN" -c "CREATE DATABASE app OWNER owner"
    for migration in "$root"/migrations/coordination/*.sql; do
        PGOPTIONS='-c client_min_messages=warning' psql -qX1 -v ON_ERROR_STOP=1 -f "$migration" "$database" >/dev/null
    done
}

# Sets database to an empty one of the same owner.
fresh_database() {
    psql -qX -v ON_ERROR_STOP=1 "$superuser" -c "CREATE DATABASE board OWNER owner"
    database=${database/\/app/\/board}
}

# Sets status, the address of the status page of a daemon that mirrors database to the simulated Notion, once all is on the board.
start_sync() {
    local line=
    (cd "$root" && cargo build --quiet --workspace --bins --examples)
    export DATABASE_URL=$database NOTION_TOKEN=$token NOTION_BASE_URL=$url NOTION_PARENT_PAGE=$page NOTION_REQUESTS_PER_MINUTE=6000
    export CLAIMBOARD_LISTEN=127.0.0.1:0
    (cd "$scratch" && "$target/debug/claimboard-sync" setup >/dev/null) || fail "set-up"
    (cd "$scratch" && exec "$target/debug/claimboard-sync" run 2>"$scratch/daemon") &
    others+=("$!")
    for _ in $(seq 600); do
        line=$(sed -nE 's|.*status page on (http://[^ /]+)/.*|\1|p' "$scratch/daemon")
        [[ -z $line ]] || ! curl -fs "$line/readyz" >/dev/null || break
        sleep 0.1
    done
    curl -fsS "$line/readyz" >/dev/null || fail "the daemon is not ready: $(tail -n 5 "$scratch/daemon")"
    status=$line
}

# Sets claimboard, and a local cluster and a repository of this script's own.
start_claimboard() {
    (cd "$root" && cargo build --quiet -p agent-cli)
    claimboard=$target/debug/claimboard
    # Root's server must be able to enter it.
    chmod 711 "$scratch"
    export CLAIMBOARD_DATA=$scratch/data XDG_STATE_HOME=$scratch/state
    unset DATABASE_URL CLAIMBOARD_AGENT CLAIMBOARD_WORKSPACE
    mkdir -p "$scratch/repository/.git"
    (cd "$scratch/repository" && "$claimboard" claims 2>/dev/null) >/dev/null || fail "no local cluster"
}
