-- The daemon's ledger: what is known of every page it made. A cache: lost, it is rebuilt from Notion by reads.

CREATE TABLE sync.ledger (
    only_one        boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    id              uuid NOT NULL DEFAULT gen_random_uuid(),
    -- Grows while the daemon runs, and stands in Notion too: a ledger behind Notion was rolled back.
    mark            bigint NOT NULL DEFAULT 0,
    -- Fencing token of the one process that may write: a larger one shuts out the bearers of smaller ones.
    token           bigint NOT NULL DEFAULT 0,
    -- When the daemon last said that it lives, to the minute, and the budget that it has learnt.
    beat_at         timestamptz,
    requests_per_minute bigint
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
    -- Integrations that made it and its pages: a page by anybody else is not ours.
    hands           uuid[] NOT NULL DEFAULT '{}',
    -- Digest of the schema file under which the pages were last examined; another digest re-examines them all.
    digest          uuid,
    -- What the last pass saw, for `status`: written when it changed, never per pass.
    source_rows     bigint,
    backlog         bigint NOT NULL DEFAULT 0,
    passed_at       timestamptz,
    -- The same figures as people are shown them: changed only when the real ones leave their band.
    shown_rows      bigint,
    shown_backlog   bigint,
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
    -- What was last written to each property, cut short: for people who ask what a plan changes.
    shown           jsonb NOT NULL DEFAULT '{}',
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

-- A figure that is shown, after the real one became `actual`: it stays while they are close.
CREATE FUNCTION sync.in_band(shown bigint, actual bigint, slack bigint) RETURNS bigint LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE
        WHEN actual = 0 AND slack > 10 THEN 0
        WHEN shown IS NULL OR abs(actual - shown) > greatest(slack, shown / 5) THEN actual
        ELSE shown
    END
$$;

-- What board Sync Status shows: a row a dashboard, and the heartbeat. It leaves itself out, or it would never be done.
CREATE VIEW sync.status AS
    SELECT name,
           CASE WHEN paused THEN 'paused'
                WHEN problem IS NOT NULL THEN 'stands still'
                WHEN coalesce(shown_backlog, 0) > 0 AND digest IS NULL THEN 'loading'
                WHEN coalesce(shown_backlog, 0) > 0 THEN 'catching up'
                WHEN wrong.rows > 0 THEN 'rows with problems'
                WHEN passed_at IS NULL THEN 'starting'
                ELSE 'live'
           END AS state,
           shown_rows AS rows,
           coalesce(shown_backlog, 0) AS waiting,
           CASE WHEN shown_backlog > 0
                THEN greatest(1, ceil(shown_backlog / coalesce(nullif(requests_per_minute, 0), 180)::numeric))::bigint
           END AS minutes_left,
           wrong.rows AS problems,
           problem AS message,
           CAST(NULL AS timestamptz) AS heartbeat
    FROM sync.dashboards, sync.ledger,
         LATERAL (SELECT count(*) AS rows FROM sync.problems p WHERE p.dashboard = name) AS wrong
    WHERE name <> 'Sync Status'
    UNION ALL
    SELECT 'Heartbeat', NULL, NULL, NULL, NULL, NULL, NULL, beat_at FROM sync.ledger WHERE beat_at IS NOT NULL;
