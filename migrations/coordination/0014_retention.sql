-- Retention: months of the log that are old enough go as a whole, with the claims that ended in them. A checkpoint says what went,
-- and the grants of claims that outlived their month are carried on, so that verify_history still finds where each claim began.

SET LOCAL search_path = coordination, pg_catalog, pg_temp;

CREATE TABLE coordination.checkpoints (
  month text PRIMARY KEY,
  -- Everything before this moment is gone, but for what was carried on.
  ended_at timestamptz NOT NULL,
  -- The largest number that went: every number in the log from here on is larger, or carried on.
  last_number bigint,
  log_rows bigint NOT NULL,
  claims bigint NOT NULL,
  made_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- The grant and the last renewal, in a month that went, of a claim that did not go.
CREATE TABLE coordination.carried_log (LIKE coordination.agent_log, PRIMARY KEY (id));
CREATE INDEX carried_log_claim ON coordination.carried_log (claim_id);

-- The history as far as it is kept.
CREATE VIEW coordination.kept_log AS TABLE coordination.agent_log UNION ALL TABLE coordination.carried_log;

CREATE OR REPLACE FUNCTION coordination.token_of(claim coordination.claims) RETURNS bigint
LANGUAGE sql STABLE AS $$
  SELECT coalesce(
    (SELECT l.id FROM coordination.agent_log l WHERE l.claim_id = claim.id AND l.act = 'granted' AND l.timestamp = claim.acquired_at),
    (SELECT l.id FROM coordination.carried_log l WHERE l.claim_id = claim.id AND l.act = 'granted'))
$$;

-- Drops the oldest month that ended longer ago than `keep`; nulls when there is none. What takes time (counting, carrying on) happens
-- before the lock that everybody would wait for, and a lock that is not to be had at once leaves all as it was.
CREATE FUNCTION coordination.retire_month(keep interval, OUT month text, OUT ended_at timestamptz, OUT log_rows bigint, OUT claims bigint)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = coordination, pg_catalog, pg_temp SET timezone = 'UTC' SET lock_timeout = '2s' AS $$
#variable_conflict use_column
DECLARE
  partition text;
  first_of timestamptz;
  upto timestamptz;
  number bigint;
BEGIN
  IF keep IS NULL OR keep < interval '1 month' THEN
    RAISE EXCEPTION 'the log is kept for a month at least' USING ERRCODE = 'CB005';
  END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended('coordination.ensure_log_partitions', 0));
  SELECT c.relname, to_date(right(c.relname, 7), 'YYYY_MM')::timestamptz INTO partition, first_of
  FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
  WHERE i.inhparent = 'coordination.agent_log'::regclass AND c.relname ~ '^agent_log_\d{4}_\d{2}$'
  ORDER BY c.relname LIMIT 1;
  upto := first_of + interval '1 month';
  IF partition IS NULL OR upto > clock_timestamp() - keep THEN
    RETURN;
  END IF;

  EXECUTE format('SELECT count(*), max(id) FROM coordination.%I', partition) INTO log_rows, number;
  INSERT INTO carried_log
  SELECT l.* FROM agent_log l JOIN claims c ON c.id = l.claim_id
  WHERE c.acquired_at < upto AND (c.released_at IS NULL OR c.released_at >= upto)
    AND l.timestamp >= first_of AND l.timestamp < upto
    AND (l.act = 'granted' OR l.act = 'renewed' AND l.id = (
      SELECT max(r.id) FROM agent_log r WHERE r.claim_id = c.id AND r.act = 'renewed' AND r.timestamp < upto));
  WITH gone AS (DELETE FROM claims c WHERE c.released_at < upto RETURNING c.id),
    forgotten AS (DELETE FROM carried_log l USING gone WHERE l.claim_id = gone.id)
  SELECT count(*) INTO claims FROM gone;
  month := to_char(first_of, 'YYYY-MM');
  ended_at := upto;
  INSERT INTO checkpoints (month, ended_at, last_number, log_rows, claims) VALUES (month, ended_at, number, log_rows, claims);
  EXECUTE format('DROP TABLE coordination.%I', partition);
END $$;
