-- Waiting: a ticket is a place in line, first come first served. It must be committed to be seen, so a claim with a wait answers at once:
-- `waiting`, and the caller repeats the same call until it is its turn. The same session, names and mode find the same ticket again, from
-- whichever process.
--
-- A ticket lives two minutes beyond its last poll. It bars whoever comes later from its ground for as long as somebody stands in its way and
-- 30 seconds longer, or for 30 seconds after its last poll; then others pass, and it keeps its place. Whoever a ticket waits for, itself or through
-- others, is exempt from it: so a line never closes a circle, and a deadlock can only be one of holders who wait. Endings read tickets and never lock
-- them; nobody but its session writes a ticket.
--
-- Accepted races: a claim in flight when a ticket is written passes it; what a waiting session is granted meanwhile by another process may
-- close a circle, which the youngest ticket's next poll finds.

SET LOCAL search_path = coordination, pg_catalog, pg_temp;

CREATE TABLE coordination.tickets (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  workspace text NOT NULL,
  -- Canonical, and in canonical order: a set waits as a whole.
  names text[] NOT NULL,
  spans coordination.pathmultirange NOT NULL CHECK (NOT isempty(spans)),
  mode text NOT NULL,
  -- What it shares (see claims.sharers), and its rival.
  sharers int8range NOT NULL,
  rival text NOT NULL,
  owner text NOT NULL,
  agent text NOT NULL,
  session_id bigint NOT NULL,
  reason text,
  queued_at timestamptz NOT NULL,
  polled_at timestamptz NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);
CREATE INDEX tickets_workspace ON coordination.tickets (workspace);

CREATE FUNCTION coordination.alive(ticket coordination.tickets) RETURNS boolean
LANGUAGE sql VOLATILE AS $$
  SELECT ticket.polled_at > clock_timestamp() - interval '2 min'
$$;

-- Whether two wishes for one ground exclude each other. Slots of one pool stand in one line.
CREATE FUNCTION coordination.exclude(mode text, other text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT mode = 'exclusive' OR other = 'exclusive' OR mode = 'slot' AND other = 'slot'
$$;

-- Whether a ticket that was not polled lately still has its turn: somebody stands in its way, or did until 30 seconds ago.
CREATE FUNCTION coordination.has_turn(ticket coordination.tickets) RETURNS boolean
LANGUAGE sql VOLATILE AS $$
  SELECT ticket.polled_at > clock_timestamp() - interval '30 s'
    OR EXISTS (
      SELECT FROM coordination.claims c WHERE c.workspace = ticket.workspace AND c.span && ticket.spans AND c.owner <> ticket.owner
        AND c.sharers && CASE ticket.mode WHEN 'slot' THEN int8range(NULL, 0, '[]') ELSE ticket.sharers END
        AND coalesce(c.ending, '') = '' AND c.expires_at > clock_timestamp() - interval '30 s')
    OR EXISTS (
      SELECT FROM coordination.claims c WHERE c.workspace = ticket.workspace AND c.span && ticket.spans AND c.owner <> ticket.owner
        AND c.sharers && CASE ticket.mode WHEN 'slot' THEN int8range(NULL, 0, '[]') ELSE ticket.sharers END
        -- The statement's time, which an index can be searched for.
        AND c.released_at > statement_timestamp() - interval '30 s')
$$;

-- Who waits for whom: for the holder of a claim, or for the owner of a ticket that stands ahead.
CREATE TYPE coordination.wait_edge AS (ticket bigint, waiter text, polled_at timestamptz, holder text, ground text, behind bigint);

CREATE FUNCTION coordination.waits(workspace text) RETURNS SETOF coordination.wait_edge
LANGUAGE sql VOLATILE AS $$
  WITH line AS MATERIALIZED (SELECT t.* FROM coordination.tickets t WHERE t.workspace = waits.workspace AND coordination.alive(t))
  SELECT t.id, t.owner, t.polled_at, c.owner, c.resource, NULL::bigint
  FROM line t CROSS JOIN LATERAL coordination.open_claims(t.workspace, t.spans) c
  WHERE c.sharers && t.sharers AND c.rival <> t.rival AND c.expires_at > clock_timestamp()
  UNION ALL
  -- Whoever waits for a slot waits for any of its holders, so for nobody certain, unless one has them all.
  SELECT t.id, t.owner, t.polled_at, taken.owner, t.names[1], NULL
  FROM line t JOIN coordination.pools p ON p.workspace = t.workspace AND p.resource = t.names[1]
  CROSS JOIN LATERAL (
    SELECT min(c.owner) AS owner FROM coordination.open_claims(t.workspace, t.spans) c WHERE c.slot <= p.slots AND c.expires_at > clock_timestamp()
    HAVING count(*) >= p.slots AND min(c.owner) = max(c.owner)) taken
  WHERE t.mode = 'slot'
  UNION ALL
  SELECT t.id, t.owner, t.polled_at, ahead.owner, ahead.names[1], ahead.id
  FROM line t JOIN line ahead ON ahead.id < t.id AND ahead.owner <> t.owner AND ahead.spans && t.spans AND coordination.exclude(ahead.mode, t.mode)
$$;

-- The tickets of others that a wish must let go first; `place` is the number of its own ticket, if it has one. With `passed`: those that it
-- may pass instead, because they wait for this owner or did not take their turn.
CREATE FUNCTION coordination.ahead(workspace text, spans coordination.pathmultirange, mode text, owner text, place bigint, passed boolean DEFAULT false)
RETURNS SETOF coordination.tickets
LANGUAGE sql VOLATILE ROWS 1 AS $$
  WITH RECURSIVE earlier AS MATERIALIZED (
    SELECT t AS ticket FROM coordination.tickets t
    WHERE t.workspace = ahead.workspace AND t.spans && ahead.spans AND t.owner <> ahead.owner AND (ahead.place IS NULL OR t.id < ahead.place)
      AND coordination.exclude(t.mode, ahead.mode) AND coordination.alive(t)
  ), edges AS MATERIALIZED (
    SELECT w.* FROM coordination.waits(ahead.workspace) w WHERE EXISTS (SELECT FROM earlier)
  ), waiting_for_me (owner) AS (
    SELECT e.waiter FROM edges e WHERE e.holder = ahead.owner
    UNION
    SELECT e.waiter FROM edges e JOIN waiting_for_me w ON e.holder = w.owner
  )
  SELECT (e.ticket).* FROM earlier e
  WHERE ahead.passed <> (coordination.has_turn(e.ticket) AND (e.ticket).owner NOT IN (SELECT w.owner FROM waiting_for_me w))
$$;

-- The circle of holders that a ticket closes, in words, or null. Only who polled lately waits; of a circle's tickets, the youngest is told.
CREATE FUNCTION coordination.circle(ticket coordination.tickets) RETURNS text
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  edges wait_edge[] := ARRAY(SELECT w FROM waits(ticket.workspace) w WHERE w.behind IS NULL AND w.polled_at > clock_timestamp() - interval '30 s'
    AND w.ticket <= circle.ticket.id AND (w.ticket = circle.ticket.id OR w.waiter <> circle.ticket.owner));
  -- Breadth first: owner to the words that lead there.
  ways jsonb := '{}';
  frontier text[] := ARRAY[ticket.owner];
  beyond text[];
  step record;
BEGIN
  WHILE frontier <> '{}' LOOP
    beyond := '{}';
    FOR step IN
      SELECT DISTINCT ON (e.holder) e.waiter, e.holder, e.ground FROM unnest(edges) e
      WHERE e.waiter = ANY (frontier) AND NOT ways ? e.holder ORDER BY e.holder, e.ticket
    LOOP
      ways := ways || jsonb_build_object(step.holder, coalesce(ways ->> step.waiter || ', who waits for ', ticket.owner || ' would wait for ')
        || format('%L held by %s', step.ground, step.holder));
      IF step.holder = ticket.owner THEN
        RETURN ways ->> step.holder;
      END IF;
      beyond := beyond || step.holder;
    END LOOP;
    frontier := beyond;
  END LOOP;
  RETURN NULL;
END $$;

-- Tells those who wait for this ground to poll now. Nothing is sent while nobody waits: a notification costs every commit in the database.
CREATE FUNCTION coordination.call_waiters(workspace text, spans coordination.pathmultirange) RETURNS void
LANGUAGE sql VOLATILE AS $$
  SELECT pg_notify('coordination_tickets', t.id::text) FROM (
    SELECT t.id FROM coordination.tickets t
    WHERE t.workspace = call_waiters.workspace AND t.spans && call_waiters.spans AND coordination.alive(t) ORDER BY t.id LIMIT 16) t
$$;

-- Writes the ticket of a wish, or polls it; null when somebody else is at that and does not commit. Whoever writes a new one is alone in the workspace until the commit, so that of two who would
-- close a circle one sees the other.
CREATE FUNCTION coordination.queue(session coordination.sessions, names text[], spans coordination.pathmultirange, mode text, sharers int8range,
  rival text, reason text) RETURNS coordination.tickets
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
  own tickets;
  told text;
  started timestamptz;
BEGIN
  PERFORM force_durability();
  UPDATE tickets t SET polled_at = clock_timestamp()
  WHERE t.workspace = session.workspace AND t.session_id = session.id AND t.mode = queue.mode AND t.names = queue.names AND alive(t) RETURNING t.* INTO own;
  IF own.id IS NULL THEN
    PERFORM pg_advisory_xact_lock(hashtextextended('coordination.queue ' || session.workspace, 0));
    DELETE FROM tickets t WHERE t.id IN (SELECT d.id FROM tickets d WHERE d.workspace = session.workspace AND NOT alive(d) FOR UPDATE SKIP LOCKED);
    started := clock_timestamp();
    INSERT INTO tickets (workspace, names, spans, mode, sharers, rival, owner, agent, session_id, reason, queued_at, polled_at)
    VALUES (session.workspace, queue.names, queue.spans, queue.mode, queue.sharers, queue.rival, session.owner, session.agent, session.id, queue.reason,
      started, started) RETURNING * INTO own;
    INSERT INTO agent_log (workspace, agent_name, session_id, action_type, status, message, metadata, resource_claim, unauthenticated)
    VALUES (session.workspace, session.agent, session.id, 'wait', 'waiting', queue.reason,
      jsonb_build_object('ticket', own.id) || CASE WHEN cardinality(queue.names) > 1 THEN jsonb_build_object('names', to_jsonb(queue.names)) ELSE '{}' END,
      queue.names[1], session.secret_hash IS NULL);
  END IF;
  told := circle(own);
  IF told IS NOT NULL THEN
    RAISE EXCEPTION 'this wait would never end: %', told USING ERRCODE = 'CB011',
      HINT = 'Release what the others wait for, or claim all of it as one set before the work begins.';
  END IF;
  RETURN own;
EXCEPTION
  WHEN lock_not_available OR deadlock_detected THEN
    RETURN NULL;
END $$;

-- The parts that two lists of names have in common. Ranges of names are nested or apart, so a common part is the narrower of the two.
CREATE FUNCTION coordination.common_ground(names text[], others text[]) RETURNS text
LANGUAGE sql STABLE AS $$
  SELECT string_agg(DISTINCT CASE WHEN a.span <@ b.span THEN a.name ELSE b.name END, ', ')
  FROM (SELECT (coordination.parse_resource(n)).* FROM unnest(names) n) a
  JOIN (SELECT (coordination.parse_resource(n)).* FROM unnest(others) n) b ON a.span && b.span
$$;

-- Parts of a refused wish that nobody stands in the way of, at this moment: the other members of a set; and of a subtree, what lies right
-- below its root and was claimed of late, because the database knows no other names.
CREATE FUNCTION coordination.free_parts(session coordination.sessions, wishes coordination.parsed_resource[], ground coordination.pathmultirange, mode text,
  blocking int8range, rival text) RETURNS text[]
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
  root text := rtrim(wishes[1].name, '*');
  candidates text[];
BEGIN
  IF cardinality(wishes) > 1 THEN
    candidates := ARRAY(SELECT w.name FROM unnest(wishes) w LIMIT 100);
  ELSIF wishes[1].name = '*' OR right(wishes[1].name, 2) = '/*' THEN
    candidates := ARRAY(
      SELECT root || split_part(r.below, '/', 1) || CASE WHEN strpos(r.below, '/') > 0 THEN '/*' ELSE '' END
      FROM (
        SELECT substr(c.resource, length(root) + 1) AS below, c.id FROM claims c
        WHERE c.id > (SELECT max(n.id) - 1000 FROM claims n) AND c.workspace = session.workspace AND c.span <@ wishes[1].span AND c.span <> wishes[1].span) r
      WHERE split_part(r.below, '/', 1) NOT IN ('', '*') GROUP BY 1 ORDER BY max(r.id) DESC LIMIT 100);
  END IF;
  RETURN ARRAY(
    SELECT (c.p).name FROM (SELECT parse_resource(n) AS p, place FROM unnest(candidates) WITH ORDINALITY u (n, place)) c
    WHERE NOT (c.p).widened
      AND NOT EXISTS (SELECT FROM open_claims(session.workspace, pathmultirange((c.p).span)) o
        WHERE o.sharers && blocking AND o.rival <> free_parts.rival AND o.expires_at > clock_timestamp())
      AND NOT EXISTS (SELECT FROM tickets t WHERE t.workspace = session.workspace AND t.spans && (c.p).span AND t.owner <> session.owner
        AND exclude(t.mode, free_parts.mode) AND alive(t))
    ORDER BY c.place LIMIT 8);
END $$;

-- What stands in the way of a wish, as answers: live claims of others, and tickets ahead. With a wait, they are what the caller's ticket
-- waits for. No row: nothing stood in the way any longer.
CREATE FUNCTION coordination.obstacles(session coordination.sessions, wishes coordination.parsed_resource[], mode text, sharers int8range,
  blocking int8range, rival text, reason text, waits boolean) RETURNS SETOF coordination.claim_answer
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
  wished text[] := ARRAY(SELECT w.name FROM unnest(wishes) w);
  ground pathmultirange := (SELECT range_agg(w.span) FROM unnest(wishes) w);
  answer claim_answer;
  answers claim_answer[] := '{}';
  line int := 0;
  own tickets;
  free text[];
  earliest timestamptz;
  soon interval;
BEGIN
  FOR answer IN SELECT r.* FROM unnest(wishes) w CROSS JOIN LATERAL refusals(session.workspace, (w.name, w.span, w.widened)::parsed_resource, obstacles.blocking, obstacles.rival) r LOOP
    answers := answers || answer;
    earliest := least(earliest, answer.held_until);
  END LOOP;
  FOR answer IN
    SELECT 'held', NULL, NULL, NULL, t.agent, t.queued_at, t.polled_at + interval '2 min', common_ground(wished, t.names),
      wished[1], false, NULL, s.incarnation, t.mode, t.reason, NULL, NULL, NULL, NULL, t.id, NULL, NULL, NULL, NULL
    FROM ahead(session.workspace, ground, obstacles.mode, session.owner, place_in_line(session, ground, obstacles.mode)) t JOIN sessions s ON s.id = t.session_id ORDER BY t.id
  LOOP
    line := line + 1;
    IF line <= 32 THEN
      answers := answers || answer;
    END IF;
  END LOOP;
  IF answers = '{}' THEN
    RETURN;
  END IF;
  free := free_parts(session, wishes, ground, obstacles.mode, obstacles.blocking, obstacles.rival);
  IF waits THEN
    own := queue(session, wished, ground, obstacles.mode, obstacles.sharers, obstacles.rival, obstacles.reason);
    IF own.id IS NULL THEN
      answer := NULL;
      answer.outcome := 'busy';
      answer.canonical := wished[1];
      RETURN NEXT answer;
      RETURN;
    END IF;
    -- When the first lease may be over, the head first, and no later than in a second, at different times.
    soon := greatest(least((0.7 + 0.3 * random()) * interval '1 s', earliest - clock_timestamp() + line * interval '15 ms'), interval '10 ms');
  END IF;
  FOREACH answer IN ARRAY answers LOOP
    answer.free := free;
    IF waits THEN
      answer.outcome := 'waiting';
      answer.ticket := own.id;
      answer."position" := line + 1;
      -- Until when the place in line is kept.
      answer.expires_at := own.polled_at + interval '2 min';
      answer.poll_after := soon;
    END IF;
    RETURN NEXT answer;
  END LOOP;
END $$;

-- The session's oldest ticket for this ground, which says how long it has waited.
CREATE FUNCTION coordination.place_in_line(session coordination.sessions, spans coordination.pathmultirange, mode text) RETURNS bigint
LANGUAGE sql VOLATILE AS $$
  SELECT min(t.id) FROM coordination.tickets t
  WHERE t.workspace = session.workspace AND t.session_id = session.id AND t.mode = place_in_line.mode AND place_in_line.spans <@ t.spans AND coordination.alive(t)
$$;

-- After a grant: the ticket that waited for exactly this, if there is one, is done.
CREATE FUNCTION coordination.leave_line(session coordination.sessions, names text[], mode text) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
  own tickets;
BEGIN
  DELETE FROM tickets t WHERE t.workspace = session.workspace AND t.session_id = session.id AND t.mode = leave_line.mode AND t.names = leave_line.names RETURNING t.* INTO own;
  IF own.mode = 'slot' THEN
    -- There may be another slot for the next.
    PERFORM call_waiters(own.workspace, own.spans);
  END IF;
END $$;

-- What a wish shares with others: see claims.sharers. No claim has the number 0, so its point meets the unbounded only.
CREATE FUNCTION coordination.sharers_wished(mode text) RETURNS int8range
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN mode = 'exclusive' THEN int8range(NULL, NULL) ELSE int8range(0, 0, '[]') END
$$;

-- Gives the place in line up; later tickets are told. `gone` when there is no such ticket any more.
CREATE FUNCTION coordination.withdraw(ticket bigint, OUT outcome text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = coordination, pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  found tickets;
  mine boolean;
BEGIN
  SELECT t.* INTO found FROM tickets t WHERE t.id = withdraw.ticket FOR UPDATE;
  IF found.id IS NULL THEN
    outcome := 'gone';
    RETURN;
  END IF;
  IF current_setting('coordination.session', true) <> '' THEN
    mine := (session_of(current_setting('coordination.session'))).id = found.session_id;
  ELSE
    mine := EXISTS (SELECT FROM sessions s WHERE s.id = found.session_id AND s.bound_role = session_user AND NOT (SELECT strict FROM settings WHERE only_row));
  END IF;
  IF NOT mine THEN
    RAISE EXCEPTION 'ticket % is another session''s: call coordination.use_session(secret) of the session that waits', ticket USING ERRCODE = 'CB003';
  END IF;
  PERFORM end_ticket(found, 'withdrawn');
  outcome := 'withdrawn';
END $$;

CREATE FUNCTION coordination.end_ticket(ended coordination.tickets, message text) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
BEGIN
  DELETE FROM tickets t WHERE t.id = ended.id;
  INSERT INTO agent_log (workspace, agent_name, session_id, action_type, status, message, metadata, resource_claim)
  VALUES (ended.workspace, ended.agent, ended.session_id, 'withdraw', 'idle', end_ticket.message, jsonb_build_object('ticket', ended.id), ended.names[1]);
  PERFORM call_waiters(ended.workspace, ended.spans);
END $$;
