-- Proof from the record: replays history by the log's numbers, never by timestamps. A grant's number is drawn after its claim stands and
-- an ending's number before it commits, so the numbers from grant to end are a lower bound of the time for which the claim was held.
-- It starts from the last checkpoint: what retention dropped is proved no more, what it carried on is.

SET LOCAL search_path = coordination, pg_catalog, pg_temp;

-- One row: how much was read, and the first offence, or null. Memory and time grow with the history: it is for tests and for the night.
CREATE FUNCTION coordination.verify_history(OUT claims bigint, OUT acts bigint, OUT offence_at bigint, OUT offence text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = coordination, pg_catalog, pg_temp SET jit = off AS $$
#variable_conflict use_column
BEGIN
  -- One statement, so that claims and log are of one snapshot in every isolation level.
  CREATE TEMPORARY TABLE history ON COMMIT DROP AS
  SELECT coalesce(c.id, l.claim_id) AS id, c.id IS NOT NULL AS stored, c.workspace::text, c.resource::text, c.span::pathrange, c.sharers, c.rival, c.ending, c.successor, c.session_id,
    l.granted, l.ended, l.grants, l.ends, l.acts, l.first_act, l.last_act, l.last_renewed, l.end_act, l.said_workspace, l.said_resource, l.said_session, l.ticket, l.passed,
    int8range(l.granted, l.ended) AS numbers
  FROM coordination.claims c
  FULL JOIN (
    SELECT a.claim_id, count(*) AS acts, min(a.id) AS first_act, max(a.id) AS last_act,
      min(a.id) FILTER (WHERE a.act = 'granted') AS granted, count(*) FILTER (WHERE a.act = 'granted') AS grants,
      max(a.id) FILTER (WHERE a.act = 'renewed') AS last_renewed,
      min(a.id) FILTER (WHERE a.act NOT IN ('granted', 'renewed')) AS ended, count(*) FILTER (WHERE a.act NOT IN ('granted', 'renewed')) AS ends,
      min(a.act) FILTER (WHERE a.act NOT IN ('granted', 'renewed')) AS end_act,
      min(a.workspace) FILTER (WHERE a.act = 'granted') AS said_workspace, min(a.resource_claim) FILTER (WHERE a.act = 'granted') AS said_resource,
      min(a.session_id) FILTER (WHERE a.act = 'granted') AS said_session,
      min((a.metadata ->> 'ticket')::bigint) FILTER (WHERE a.act = 'granted') AS ticket,
      (min(translate(a.metadata ->> 'passed', '[]', '{}')) FILTER (WHERE a.act = 'granted'))::bigint[] AS passed
    FROM kept_log a WHERE a.act IS NOT NULL GROUP BY a.claim_id) l ON l.claim_id = c.id;
  -- By name first: claims whose lease is over and that nobody closed are open to all later numbers.
  CREATE INDEX ON pg_temp.history USING gist (span, numbers, workspace) WHERE stored AND grants = 1 AND (ended IS NULL OR ended > granted);
  ANALYZE pg_temp.history;

  SELECT count(*), coalesce(sum(h.acts), 0) INTO claims, acts FROM pg_temp.history h;
  WITH queued AS MATERIALIZED (SELECT h.* FROM pg_temp.history h WHERE h.stored AND h.ticket IS NOT NULL)
  SELECT o.at, o.what INTO offence_at, offence FROM (
    SELECT coalesce(h.first_act, 0) AS at, format('claim %s %s', h.id, CASE
      WHEN NOT h.stored THEN 'is in the log and not among the claims'
      WHEN h.grants IS DISTINCT FROM 1 THEN format('has %s grants in the log', coalesce(h.grants, 0))
      WHEN h.first_act <> h.granted THEN 'was acted upon before its grant'
      WHEN (h.said_workspace, h.said_resource, h.said_session) IS DISTINCT FROM (h.workspace, h.resource, h.session_id)
        THEN 'differs from what the log says was granted'
      WHEN h.ends > 1 THEN format('has %s ends in the log', h.ends)
      WHEN h.end_act IS DISTINCT FROM h.ending
        THEN format('ended as %s and the log says %s', coalesce(h.ending, 'nothing'), coalesce(h.end_act, 'nothing'))
      WHEN h.last_renewed > h.ended THEN 'was renewed after its end'
    END) AS what
    FROM pg_temp.history h
    WHERE NOT h.stored OR h.grants IS DISTINCT FROM 1 OR h.first_act <> h.granted
      OR (h.said_workspace, h.said_resource, h.said_session) IS DISTINCT FROM (h.workspace, h.resource, h.session_id)
      OR h.ends > 1 OR h.end_act IS DISTINCT FROM h.ending OR h.last_renewed > h.ended
    UNION ALL
    SELECT later.granted, format('claims %s (%s) and %s (%s) of different owners were held at once', earlier.id, earlier.resource, later.id, later.resource)
    FROM pg_temp.history later
    JOIN pg_temp.history earlier ON earlier.workspace = later.workspace AND earlier.span && later.span AND earlier.numbers && later.numbers
      AND earlier.sharers && later.sharers AND earlier.rival <> later.rival AND earlier.granted < later.granted
      AND earlier.stored AND earlier.grants = 1 AND (earlier.ended IS NULL OR earlier.ended > earlier.granted)
    WHERE later.stored AND later.grants = 1 AND (later.ended IS NULL OR later.ended > later.granted)
    UNION ALL
    -- First come, first served: whoever passed an older ticket wrote down that it might.
    SELECT late.granted, format('claim %s was granted before claim %s, whose ticket %s stood ahead of ticket %s', early.id, late.id, late.ticket, early.ticket)
    FROM queued late
    JOIN queued early ON early.ticket > late.ticket AND early.granted < late.granted AND early.workspace = late.workspace AND early.span && late.span
      AND early.sharers && late.sharers AND early.rival <> late.rival AND NOT late.ticket = ANY (early.passed)
    UNION ALL
    SELECT 0, format('ticket %s is still there, although what it waits for was granted', t.id) FROM tickets t JOIN pg_temp.history h ON h.ticket = t.id
      AND t.names = ARRAY[h.resource]
    UNION ALL
    SELECT taken.ended, format('claim %s ended after its successor %s was granted', taken.id, heir.id)
    FROM pg_temp.history taken JOIN pg_temp.history heir ON heir.id = taken.successor WHERE heir.granted < taken.ended
    UNION ALL
    SELECT twice.id, format('the log has the number %s twice', twice.id) FROM (SELECT id FROM kept_log GROUP BY id HAVING count(*) > 1) twice
    UNION ALL
    SELECT q.seqstart, 'the log''s numbers are drawn ahead or may come again: its sequence must be CACHE 1 NO CYCLE'
    FROM pg_sequence q WHERE q.seqrelid = 'coordination.agent_log_id'::regclass AND (q.seqcache <> 1 OR q.seqcycle)
  ) o ORDER BY o.at LIMIT 1;
  DROP TABLE pg_temp.history;
END $$;
