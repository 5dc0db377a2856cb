-- The daemon's ledger: what is known of every page it made. A cache: lost, it is rebuilt from Notion by reads.

CREATE TABLE sync.ledger (
    only_one        boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    id              uuid NOT NULL DEFAULT gen_random_uuid(),
    -- Grows while the daemon runs, and stands in Notion too: a ledger behind Notion was rolled back.
    mark            bigint NOT NULL DEFAULT 0,
    -- Fencing token of the one process that may write: a larger one shuts out the bearers of smaller ones.
    token           bigint NOT NULL DEFAULT 0
);
INSERT INTO sync.ledger DEFAULT VALUES;

CREATE TABLE sync.dashboards (
    name            text PRIMARY KEY,
    database_id     uuid NOT NULL,
    data_source_id  uuid NOT NULL,
    -- Notion's property ids by our property names: a person's rename does not change the id.
    property_ids    jsonb NOT NULL,
    -- How each was defined when setup made or changed it last: what the file says otherwise now is changed.
    definitions     jsonb NOT NULL DEFAULT '{}',
    -- Digest of the schema file under which the pages were last examined; another digest re-examines them all.
    digest          uuid,
    -- What the last pass saw, for `status`: written when it changed, never per pass.
    source_rows     bigint,
    backlog         bigint NOT NULL DEFAULT 0,
    passed_at       timestamptz,
    problem         text,
    -- A person's word: nothing is written while paused; these properties may change on every page, until they have.
    paused          boolean NOT NULL DEFAULT false,
    confirmed_changes text[] NOT NULL DEFAULT '{}'
);

CREATE TABLE sync.pages (
    dashboard       text NOT NULL REFERENCES sync.dashboards (name) ON DELETE CASCADE ON UPDATE CASCADE,
    key             text COLLATE "C" NOT NULL,
    -- No row: certainly never written. in_doubt: a write was sent, its answer is not known.
    state           text NOT NULL CHECK (state IN ('in_doubt', 'synced', 'trashed')),
    page_id         uuid CHECK (page_id IS NOT NULL OR state = 'in_doubt'),
    -- The row version the page shows, and a fingerprint per property name of what stands in Notion.
    source_hash     uuid,
    fingerprints    jsonb NOT NULL DEFAULT '{}',
    -- A relation points to a row that had no page yet: look again at every pass.
    unresolved      boolean NOT NULL DEFAULT false,
    -- The write whose answer is not known: only what answers this very write may end the doubt.
    doubt           bigint,
    doubt_since     timestamptz,
    -- A person confirmed that it may go to the trash: it no longer counts against the safety limit.
    confirmed       boolean NOT NULL DEFAULT false,
    PRIMARY KEY (dashboard, key)
) WITH (fillfactor = 80);

CREATE INDEX pages_by_page_id ON sync.pages (page_id);

-- Rows that cannot be written, and why; retried with backoff, gone once they are written.
CREATE TABLE sync.problems (
    dashboard       text NOT NULL REFERENCES sync.dashboards (name) ON DELETE CASCADE ON UPDATE CASCADE,
    key             text COLLATE "C" NOT NULL,
    problem         text NOT NULL,
    since           timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (dashboard, key)
);

-- What people changed in cells that the daemon owns, the last time for each: who is known where Notion told.
CREATE TABLE sync.drift (
    dashboard       text NOT NULL REFERENCES sync.dashboards (name) ON DELETE CASCADE ON UPDATE CASCADE,
    key             text COLLATE "C" NOT NULL,
    property        text NOT NULL,
    standing        jsonb NOT NULL,
    edited_by       uuid,
    seen_at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    healed          boolean NOT NULL,
    PRIMARY KEY (dashboard, key, property)
);

-- One line of history a write, for people who ask why a row is late. Pruned by the daemon.
CREATE TABLE sync.writes (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    dashboard       text NOT NULL,
    key             text NOT NULL,
    kind            text NOT NULL CHECK (kind IN ('create', 'update', 'trash', 'restore')),
    properties      text[] NOT NULL,
    source_hash     uuid,
    read_at         timestamptz NOT NULL,
    sent_at         timestamptz NOT NULL,
    answered_at     timestamptz,
    outcome         text
);

CREATE INDEX writes_by_page ON sync.writes (dashboard, key, id);
CREATE INDEX writes_by_time ON sync.writes USING brin (sent_at);

-- Who has which address, as Notion last told: rows name people by their addresses, Notion by ids.
CREATE TABLE sync.people (
    address         text PRIMARY KEY,
    user_id         uuid NOT NULL
);

-- Requests of one-shot commands (setup, verify): they count in the same window as those of the daemon.
CREATE TABLE sync.spent (
    at              timestamptz NOT NULL DEFAULT clock_timestamp(),
    requests        bigint NOT NULL
);
