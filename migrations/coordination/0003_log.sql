-- The log: one append-only row for every act, partitioned by month.

SET LOCAL search_path = coordination, pg_catalog, pg_temp;

-- A row's number is the fencing token of the grant that it records, so numbers must be drawn one at a time, in order, and never again.
CREATE SEQUENCE coordination.agent_log_id AS bigint CACHE 1 NO CYCLE;

-- Only the functions write here, and they check lengths: CHECKs would be read from the catalog again for every row.
CREATE TABLE coordination.agent_log (
  id bigint NOT NULL DEFAULT nextval('coordination.agent_log_id'),
  timestamp timestamptz NOT NULL DEFAULT clock_timestamp(),
  workspace text NOT NULL,
  agent_name text NOT NULL,
  session_id bigint NOT NULL,
  action_type text NOT NULL,
  -- What the agent is doing from now on; null when the row says nothing about that.
  status text,
  message text,
  metadata jsonb,
  resource_claim text,
  claim_id bigint,
  -- What happened to the claim: granted, renewed, released, expired, handed over, revoked. Only the protocol's own rows have it.
  act text,
  -- Written after the claim that it speaks of was lost.
  late boolean NOT NULL DEFAULT false,
  -- No secret stood behind the row: the agent's name is what the database role said.
  unauthenticated boolean NOT NULL DEFAULT false,
  PRIMARY KEY (id, timestamp)
) PARTITION BY RANGE (timestamp);
ALTER SEQUENCE coordination.agent_log_id OWNED BY coordination.agent_log.id;

CREATE INDEX agent_log_status ON coordination.agent_log (workspace, agent_name, id) WHERE status IS NOT NULL;
CREATE INDEX agent_log_task ON coordination.agent_log (workspace, agent_name, id) WHERE metadata ?| '{task,done,total}';
-- For a claim's grant and its words; its renewals and its end are looked up by nobody.
CREATE INDEX agent_log_claim ON coordination.agent_log (claim_id, id) WHERE claim_id IS NOT NULL AND (act IS NULL OR act = 'granted');
CREATE INDEX agent_log_help ON coordination.agent_log (workspace, id) WHERE action_type = 'help';

CREATE TABLE coordination.agent_log_rest PARTITION OF coordination.agent_log DEFAULT;

CREATE FUNCTION coordination.refuse_rewriting() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RAISE EXCEPTION 'the log is append-only: write a new row instead' USING ERRCODE = 'CB010';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON coordination.agent_log FOR EACH ROW EXECUTE FUNCTION coordination.refuse_rewriting();
CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON coordination.agent_log EXECUTE FUNCTION coordination.refuse_rewriting();
-- A row trigger reaches the partitions by itself, this one does not.
CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON coordination.agent_log_rest EXECUTE FUNCTION coordination.refuse_rewriting();

-- Makes the partitions of this month and of the months ahead. Rows that had to go to the default partition meanwhile move to their months;
-- they keep their numbers.
CREATE FUNCTION coordination.ensure_log_partitions(months_ahead int DEFAULT 6) RETURNS int
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = coordination, pg_catalog, pg_temp SET timezone = 'UTC' AS $$
DECLARE
  months timestamptz[];
  month timestamptz;
BEGIN
  IF months_ahead NOT BETWEEN 0 AND 120 THEN
    RAISE EXCEPTION 'partitions are made 0 to 120 months ahead' USING ERRCODE = 'CB005';
  END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended('coordination.ensure_log_partitions', 0));
  months := ARRAY(
    SELECT m FROM (
      SELECT generate_series(date_trunc('month', clock_timestamp()), date_trunc('month', clock_timestamp()) + make_interval(months => months_ahead), '1 month')
      UNION SELECT date_trunc('month', timestamp) FROM agent_log_rest
    ) wanted (m) WHERE to_regclass(format('coordination.%I', to_char(m, '"agent_log_"YYYY_MM'))) IS NULL ORDER BY m);
  IF EXISTS (SELECT FROM agent_log_rest) THEN
    -- A row may not be deleted from the log, so the default partition is replaced as a whole.
    LOCK TABLE agent_log IN ACCESS EXCLUSIVE MODE;
    ALTER TABLE agent_log DETACH PARTITION agent_log_rest;
    ALTER TABLE agent_log_rest RENAME TO agent_log_moving;
    CREATE TABLE agent_log_rest PARTITION OF agent_log DEFAULT;
    CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON agent_log_rest EXECUTE FUNCTION refuse_rewriting();
  END IF;
  FOREACH month IN ARRAY months LOOP
    EXECUTE format('CREATE TABLE coordination.%I PARTITION OF coordination.agent_log FOR VALUES FROM (%L) TO (%L)',
      to_char(month, '"agent_log_"YYYY_MM'), month, month + interval '1 month');
    EXECUTE format('CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON coordination.%I EXECUTE FUNCTION coordination.refuse_rewriting()',
      to_char(month, '"agent_log_"YYYY_MM'));
  END LOOP;
  IF to_regclass('coordination.agent_log_moving') IS NOT NULL THEN
    INSERT INTO agent_log SELECT * FROM agent_log_moving;
    DROP TABLE agent_log_moving;
  END IF;
  RETURN cardinality(months);
END $$;
SELECT coordination.ensure_log_partitions();
