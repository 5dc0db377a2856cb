-- Claims. Properties: no two owners ever hold overlapping resources incompatibly, whatever runs at once (the exclusion constraint);
-- a later incompatible holder has the larger token; an answer that was given survives a crash; nobody waits without bound.
--
-- Design: a committed live holder refuses at once, without a write. Otherwise INSERT .. ON CONFLICT DO NOTHING lets the constraint
-- decide; on a conflict, claims whose lease is over are closed and the attempt is repeated. Whoever has taken or closed something tries for
-- a moment and does not wait: where it would have to, it undoes what it has and waits with empty hands. So no circle lasts, unless a caller
-- claims several times in one transaction. The token is the number of the grant's log row, drawn after the claim row stands. Every ending
-- locks the row FOR UPDATE and then updates it, so that an assertion's FOR KEY SHARE holds it off while a renewal does not.
--
-- The constraint's index is searched by statements that say `coalesce(ending, '') = ''`, the words of its predicate, and by no others: a plain scan
-- of a GiST index that begins again in one statement (the inner side of a join, a subquery for each row) can mark the entries of other rows as dead
-- when a page is split meanwhile, up to PostgreSQL 18 at least, and the constraint would not see those rows any more. So the words may stand only where
-- a statement searches once; everybody else calls open_claims(), in which each search begins anew, or says `released_at IS NULL`, which never finds the index.
--
-- Accepted races: a claim may be refused because of a holder that releases in the same instant; a claim that meets an open
-- transaction answers busy although that transaction may roll back; shared claims are in no order among themselves.

SET LOCAL search_path = coordination, pg_catalog, pg_temp;

CREATE TABLE coordination.pools (
  workspace text NOT NULL REFERENCES coordination.workspaces,
  resource text NOT NULL CHECK (octet_length(resource) <= 1024),
  slots int NOT NULL CHECK (slots BETWEEN 1 AND 10000),
  PRIMARY KEY (workspace, resource)
);

-- What the constraint's index relies on: an empty range overlaps nothing, an over-long bound breaks the index for everybody. Domains, because a
-- table's own CHECKs are read from the catalog again for every row that is written; and functions for the generated columns for the same reason.
CREATE DOMAIN coordination.ground AS coordination.pathrange CHECK (NOT isempty(VALUE)
  AND coalesce(octet_length(lower(VALUE)), 0) <= 1025 AND coalesce(octet_length(upper(VALUE)), 0) <= 1028);
CREATE DOMAIN coordination.resource_name AS text CHECK (octet_length(VALUE) BETWEEN 1 AND 1024);
CREATE DOMAIN coordination.short_name AS text CHECK (octet_length(VALUE) BETWEEN 1 AND 128);
CREATE DOMAIN coordination.slot_number AS int CHECK (VALUE > 0);

CREATE FUNCTION coordination.sharers_of(id bigint, shared boolean, slot int) RETURNS int8range
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
  RETURN CASE
    WHEN slot IS NOT NULL THEN pg_catalog.int8range(-slot, -slot, '[]')
    WHEN shared THEN pg_catalog.int8range(id, id, '[]')
    ELSE pg_catalog.int8range(NULL, NULL)
  END;
END $$;

CREATE FUNCTION coordination.rival_of(id bigint, owner text, slot int) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
  RETURN CASE WHEN slot IS NULL THEN owner ELSE '#' || id END;
END $$;

CREATE TABLE coordination.claims (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  workspace coordination.short_name NOT NULL,
  resource coordination.resource_name NOT NULL,
  span coordination.ground NOT NULL,
  owner coordination.short_name NOT NULL,
  agent text NOT NULL,
  -- No foreign key: it would lock the session's row in every claim, and sessions are never deleted.
  session_id bigint NOT NULL,
  shared boolean NOT NULL DEFAULT false,
  slot coordination.slot_number,
  -- Two claims can be incompatible only where these overlap: everything for an exclusive claim, its own number for a shared one,
  -- the slot's negative number for a slot.
  sharers int8range NOT NULL GENERATED ALWAYS AS (coordination.sharers_of(id, shared, slot)) STORED,
  -- An owner's claims do not exclude each other; its slots of one pool do.
  rival text NOT NULL GENERATED ALWAYS AS (coordination.rival_of(id, owner, slot)) STORED,
  reason text,
  eta timestamptz,
  ttl interval NOT NULL,
  acquired_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  last_progress_at timestamptz,
  released_at timestamptz,
  ending text,
  -- The owner, or the operator, who ended it, and the claim that stands in its place.
  ended_by text,
  successor bigint,
  CONSTRAINT claims_no_overlap EXCLUDE USING gist (span WITH &&, workspace WITH =, sharers WITH &&, rival WITH <>) WHERE (coalesce(ending, '') = '')
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

-- For the recently ended; as coarse as this so that it costs nothing. No index may name expires_at: renewals would stop being HOT.
CREATE INDEX claims_ended ON coordination.claims USING brin (released_at) WITH (pages_per_range = 16, autosummarize = on);

-- For who lost what: claims that somebody or time took away.
CREATE INDEX claims_lost ON coordination.claims (session_id, id) WHERE ending <> 'released';

-- What nobody has ended yet on this ground, found by the constraint's index; its lease may be over.
CREATE FUNCTION coordination.open_claims(workspace text, ground coordination.pathmultirange) RETURNS SETOF coordination.claims
LANGUAGE plpgsql STABLE ROWS 1 AS $$
BEGIN
  RETURN QUERY SELECT c.* FROM coordination.claims c
    WHERE c.workspace = open_claims.workspace AND c.span && ground AND coalesce(c.ending, '') = '';
END $$;

CREATE FUNCTION coordination.mode_of(claim coordination.claims) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN claim.slot IS NOT NULL THEN 'slot' WHEN claim.shared THEN 'shared' ELSE 'exclusive' END
$$;

-- The grant's number: its log row bears the claim's own starting time, so one partition is read.
CREATE FUNCTION coordination.token_of(claim coordination.claims) RETURNS bigint
LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN (SELECT l.id FROM coordination.agent_log l WHERE l.claim_id = claim.id AND l.act = 'granted' AND l.timestamp = claim.acquired_at);
END $$;

-- The one way in which a claim ends. The caller holds the row FOR UPDATE and has found it not ended. `heir` is the agent who was given it.
CREATE FUNCTION coordination.end_claim(ended coordination.claims, ending text, ended_by text, successor bigint, at timestamptz,
  message text, unauthenticated boolean, heir text DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
  number bigint;
BEGIN
  UPDATE claims c SET released_at = at, ending = end_claim.ending, ended_by = end_claim.ended_by, successor = end_claim.successor
  WHERE c.id = ended.id AND c.released_at IS NULL;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'claim % ended twice: its row was not locked', ended.id USING ERRCODE = 'XX000';
  END IF;
  INSERT INTO agent_log (timestamp, workspace, agent_name, session_id, action_type, message, metadata, resource_claim, claim_id, act, unauthenticated)
  VALUES (at, ended.workspace, ended.agent, ended.session_id,
    CASE end_claim.ending WHEN 'released' THEN 'release' WHEN 'expired' THEN 'expire' WHEN 'handed over' THEN 'handoff' ELSE 'revoke' END,
    end_claim.message, CASE WHEN end_claim.heir IS NOT NULL THEN jsonb_build_object('to', end_claim.heir)
      WHEN end_claim.ended_by <> ended.owner THEN jsonb_build_object('by', end_claim.ended_by) END,
    ended.resource, ended.id, end_claim.ending, end_claim.unauthenticated)
  RETURNING id INTO number;
  IF EXISTS (SELECT FROM tickets t WHERE t.workspace = ended.workspace AND t.spans && ended.span) THEN
    PERFORM call_waiters(ended.workspace, pathmultirange(ended.span));
  END IF;
  RETURN number;
END $$;

CREATE FUNCTION coordination.last_word(claim coordination.claims, OUT message text, OUT metadata jsonb)
LANGUAGE plpgsql STABLE AS $$
BEGIN
  SELECT l.message, l.metadata INTO last_word.message, last_word.metadata FROM coordination.agent_log l
  WHERE l.claim_id = claim.id AND l.act IS NULL AND l.timestamp >= claim.acquired_at AND NOT l.late ORDER BY l.id DESC LIMIT 1;
END $$;

-- Who stands in the way of a wish: live claims of others, the oldest `most` of them, oldest first. `mine` is what the wish shares (see claims.sharers), `me` its rival.
CREATE FUNCTION coordination.standing(workspace text, span coordination.pathrange, mine int8range, me text, most int DEFAULT NULL)
RETURNS TABLE (claim_id bigint, token bigint, holder text, incarnation int, resource text, span coordination.pathrange, mode text,
  held_since timestamptz, held_until timestamptz, reason text, eta timestamptz, progress text, progress_at timestamptz)
LANGUAGE sql STABLE ROWS 1 AS $$
  SELECT c.id, coordination.token_of(c), c.agent, s.incarnation, c.resource, c.span, coordination.mode_of(c), c.acquired_at, c.expires_at,
    c.reason, c.eta, (coordination.last_word(c)).message, c.last_progress_at
  FROM (
    SELECT * FROM coordination.open_claims(standing.workspace, coordination.pathmultirange(standing.span)) c
    WHERE c.sharers && mine AND c.rival <> me AND c.expires_at > clock_timestamp()
    ORDER BY c.id LIMIT most) c
  JOIN coordination.sessions s ON s.id = c.session_id ORDER BY c.id
$$;

-- A slot that no live claim holds and that no other transaction is taking; never waits. Random, so that takers spread.
CREATE FUNCTION coordination.pick_slot(workspace text, pool text, span coordination.pathrange, slots int) RETURNS int
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  candidate int;
  taken int8range[] := ARRAY(SELECT c.sharers FROM coordination.open_claims(workspace, coordination.pathmultirange(span)) c
    WHERE c.expires_at > clock_timestamp());
BEGIN
  FOR candidate IN
    SELECT k FROM generate_series(1, slots) k WHERE NOT int8range(-k, -k, '[]') && ANY (taken) ORDER BY random()
  LOOP
    IF pg_try_advisory_xact_lock(hashtextextended(format('coordination.slot %s %s %s', candidate, workspace, pool), 0)) THEN
      RETURN candidate;
    END IF;
  END LOOP;
  RETURN NULL;
END $$;

-- One row `granted`; one row `held` for each holder in the way and each ticket ahead, or with a wait such rows `waiting`; or one row `busy`.
CREATE TYPE coordination.claim_answer AS (
  outcome text, claim_id bigint, token bigint, expires_at timestamptz, holder text, held_since timestamptz, held_until timestamptz,
  overlap text, canonical text, widened boolean, slot int, held_incarnation int, held_mode text, held_reason text, held_eta timestamptz,
  held_progress text, held_progress_at timestamptz, predecessors jsonb,
  -- Of who stands ahead in line, its ticket; of a wait, the caller's own, its place in line, and when to ask again.
  ahead bigint, ticket bigint, "position" int, poll_after interval, free text[]);

CREATE FUNCTION coordination.refusals(workspace text, wish coordination.parsed_resource, mine int8range, me text) RETURNS SETOF coordination.claim_answer
LANGUAGE sql STABLE ROWS 1 AS $$
  -- Ranges of names are nested or apart, so the common ground is the narrower of the two.
  SELECT 'held', s.claim_id, s.token, NULL::timestamptz, s.holder, s.held_since, s.held_until,
    CASE WHEN wish.span <@ s.span THEN wish.name ELSE s.resource END, wish.name, wish.widened, NULL::int, s.incarnation, s.mode, s.reason, s.eta,
    s.progress, s.progress_at, NULL::jsonb, NULL::bigint, NULL::bigint, NULL::int, NULL::interval, NULL::text[]
  FROM coordination.standing(workspace, wish.span, mine, me, 32) s
$$;

CREATE FUNCTION coordination.claim(
  resource text, agent text DEFAULT NULL, ttl interval DEFAULT '15 min', mode text DEFAULT 'exclusive', workspace text DEFAULT NULL,
  reason text DEFAULT NULL, eta timestamptz DEFAULT NULL, wait interval DEFAULT '0', key text DEFAULT NULL)
RETURNS SETOF coordination.claim_answer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = coordination, pg_catalog, pg_temp SET lock_timeout = '250ms'
-- By index from the first row on, before any statistics know of one; and no such plan is worth compiling.
SET enable_seqscan = off SET jit = off AS $$
#variable_conflict use_column
DECLARE
  session sessions;
  wish parsed_resource;
  mine int8range;
  wanted int8range;
  me text;
  slots int;
  free int;
  started timestamptz;
  stood timestamptz;
  closed claims;
  closed_ids bigint[];
  end_number bigint;
  answer claim_answer;
  in_use text;
  barred boolean;
  crowded boolean;
  -- The own ticket, and the older ones that may be passed.
  place bigint;
  passed bigint[];
  notes jsonb;
  stored jsonb;
  patience text;
  closing boolean;
BEGIN
  IF claim.key IS NOT NULL THEN
    session := acting_session(claim.agent, claim.workspace);
    stored := first_answer(session, claim.key, 'claim', jsonb_build_array(claim.resource, claim.ttl, claim.mode, claim.reason, claim.eta));
    IF stored IS NULL THEN
      SELECT jsonb_agg(to_jsonb(c)) INTO stored FROM coordination.claim(claim.resource, claim.agent, claim.ttl, claim.mode, claim.workspace, claim.reason,
        claim.eta, claim.wait) c;
      PERFORM keep_answer(session, claim.key, CASE WHEN stored -> 0 ->> 'outcome' NOT IN ('busy', 'waiting') THEN stored END);
    END IF;
    RETURN QUERY SELECT * FROM jsonb_populate_recordset(NULL::claim_answer, stored);
    RETURN;
  END IF;
  wish := parse_resource(claim.resource);
  patience := current_setting('coordination.busy_after', true);
  IF patience <> '' THEN
    patience := set_config('lock_timeout', patience, true);
  END IF;

  -- The plain case in one statement, with hardly an expression around it, because PL/pgSQL prepares each one anew in every transaction: a session
  -- in use, sound arguments, nobody there, nobody waiting anywhere in the workspace.
  in_use := current_setting('coordination.session', true);
  IF in_use <> '' AND claim.agent IS NULL AND claim.workspace IS NULL AND claim.mode IN ('exclusive', 'shared')
    AND claim.ttl BETWEEN interval '30 s' AND interval '24 h' AND claim.wait BETWEEN interval '0' AND interval '24 h'
    AND (claim.eta IS NULL OR isfinite(claim.eta)) AND (claim.reason IS NULL OR octet_length(claim.reason) <= 4096)
    AND current_setting('synchronous_commit') <> 'off'
  THEN
    started := clock_timestamp();
    BEGIN
      -- The log's number, the token, is drawn for a row that comes out of the insert: after the claim stands.
      WITH granted AS (
        INSERT INTO claims (workspace, resource, span, owner, agent, session_id, shared, reason, eta, ttl, acquired_at, expires_at)
        SELECT s.workspace, wish.name, wish.span, s.owner, s.agent, s.id, claim.mode = 'shared', claim.reason, claim.eta, claim.ttl, started, started + claim.ttl
        FROM sessions s
        WHERE s.secret_hash = hash_of(in_use)
          AND NOT EXISTS (SELECT FROM tickets t WHERE t.workspace = s.workspace)
          AND NOT EXISTS (SELECT FROM claims c
            WHERE c.workspace = s.workspace AND c.span && wish.span
              AND c.sharers && CASE claim.mode WHEN 'exclusive' THEN int8range(NULL, NULL) ELSE int8range(0, 0, '[]') END
              AND c.rival <> s.owner AND coalesce(c.ending, '') = '' AND c.expires_at > clock_timestamp())
        ON CONFLICT ON CONSTRAINT claims_no_overlap DO NOTHING RETURNING id, workspace, agent, session_id
      )
      INSERT INTO agent_log (timestamp, workspace, agent_name, session_id, action_type, status, message, resource_claim, claim_id, act)
      SELECT CASE WHEN clock_timestamp() - started > interval '50 ms' THEN clock_timestamp() ELSE started END, g.workspace, g.agent,
        g.session_id, 'claim', 'working', claim.reason, wish.name, g.id, 'granted' FROM granted g
      RETURNING 'granted', id, claim_id, timestamp, timestamp + claim.ttl, wish.name, wish.widened
      INTO answer.outcome, answer.token, answer.claim_id, stood, answer.expires_at, answer.canonical, answer.widened;
    EXCEPTION
      WHEN lock_not_available OR deadlock_detected THEN
        answer.outcome := 'busy';
        answer.canonical := wish.name;
        answer.widened := wish.widened;
    END;
    IF answer.outcome IS NOT NULL THEN
      IF stood <> started THEN
        -- It waited for an open transaction: the lease begins now, and after the predecessor's end.
        UPDATE claims c SET acquired_at = stood, expires_at = stood + claim.ttl WHERE c.id = answer.claim_id;
      END IF;
      RETURN NEXT answer;
      RETURN;
    END IF;
  END IF;

  IF claim.ttl IS NULL OR claim.ttl NOT BETWEEN interval '30 s' AND interval '24 h' THEN
    RAISE EXCEPTION 'a claim lives 30 seconds to 24 hours: renew it for longer' USING ERRCODE = 'CB005';
  ELSIF NOT isfinite(claim.eta) THEN
    RAISE EXCEPTION 'the eta is %: give a point in time, or null', claim.eta USING ERRCODE = 'CB005';
  ELSIF octet_length(claim.reason) > 4096 THEN
    RAISE EXCEPTION 'the reason is longer than 4096 bytes: log a message instead' USING ERRCODE = 'CB005';
  ELSIF claim.wait IS NULL OR claim.wait NOT BETWEEN interval '0' AND interval '24 h' THEN
    RAISE EXCEPTION 'a claim waits 0 to 24 hours' USING ERRCODE = 'CB005';
  ELSIF claim.mode IS NULL OR claim.mode NOT IN ('exclusive', 'shared', 'slot') THEN
    RAISE EXCEPTION 'mode % is unknown: exclusive, shared or slot', quote_nullable(left(claim.mode, 40)) USING ERRCODE = 'CB005';
  END IF;
  session := acting_session(claim.agent, claim.workspace);
  mine := sharers_wished(claim.mode);
  me := CASE claim.mode WHEN 'slot' THEN '' ELSE session.owner END;
  IF claim.mode = 'slot' THEN
    SELECT p.slots INTO slots FROM pools p WHERE p.workspace = session.workspace AND p.resource = wish.name;
    IF slots IS NULL THEN
      RAISE EXCEPTION '% has no slots: an operator says how many with coordination.set_slots(resource, slots, workspace)', quote_literal(wish.name)
        USING ERRCODE = 'CB012';
    END IF;
  END IF;
  PERFORM force_durability();
  patience := current_setting('lock_timeout');
  FOR round IN 1..6 LOOP
    SELECT EXISTS (SELECT FROM claims c
        WHERE c.workspace = session.workspace AND c.span && wish.span AND c.sharers && mine AND c.rival <> me
          AND coalesce(c.ending, '') = '' AND c.expires_at > clock_timestamp()),
      EXISTS (SELECT FROM tickets t WHERE t.workspace = session.workspace AND t.spans && wish.span)
    INTO barred, crowded;
    place := CASE WHEN crowded THEN place_in_line(session, pathmultirange(wish.span), claim.mode) END;
    IF crowded AND NOT barred THEN
      barred := EXISTS (SELECT FROM ahead(session.workspace, pathmultirange(wish.span), claim.mode, session.owner, place));
    END IF;
    IF barred THEN
      RETURN QUERY SELECT * FROM obstacles(session, ARRAY[wish], claim.mode, mine, mine, me, claim.reason, claim.wait > interval '0');
      IF FOUND THEN
        RETURN;
      END IF;
      -- Whoever stood in the way is gone by now.
    END IF;
    IF place IS NOT NULL THEN
      passed := ARRAY(SELECT a.id FROM ahead(session.workspace, pathmultirange(wish.span), claim.mode, session.owner, place, passed => true) a);
    END IF;

    BEGIN
      closing := false;
      closed_ids := '{}';
      IF slots IS NOT NULL THEN
        free := pick_slot(session.workspace, wish.name, wish.span, slots);
        IF free IS NULL THEN
          RETURN QUERY SELECT * FROM obstacles(session, ARRAY[wish], claim.mode, mine, int8range(-slots, 0, '[]'), me, claim.reason,
            claim.wait > interval '0');
          IF FOUND THEN
            RETURN;
          END IF;
          EXIT;
        END IF;
      END IF;

      IF round % 2 = 1 THEN
        -- Every second round closes what has expired and bars the way, and then tries for a moment only; the rounds between wait with empty hands.
        wanted := CASE WHEN free IS NULL THEN mine ELSE int8range(-free, -free, '[]') END;
        PERFORM FROM claims c
        WHERE c.workspace = session.workspace AND c.span && wish.span AND c.sharers && wanted AND c.rival <> me
          AND coalesce(c.ending, '') = '' AND c.expires_at <= clock_timestamp()
        ORDER BY c.id LIMIT 1 FOR UPDATE;
        closing := FOUND;
        IF closing THEN
          PERFORM set_config('lock_timeout', '1ms', true);
          FOR closed IN
            SELECT c.* FROM claims c
            WHERE c.workspace = session.workspace AND c.span && wish.span AND c.sharers && wanted AND c.rival <> me
              AND coalesce(c.ending, '') = '' AND c.expires_at <= clock_timestamp()
            ORDER BY c.id FOR UPDATE
          LOOP
            end_number := end_claim(closed, 'expired', session.owner, NULL, clock_timestamp(), NULL, session.secret_hash IS NULL);
            closed_ids := closed_ids || closed.id;
          END LOOP;
        END IF;
      END IF;

      notes := CASE WHEN place IS NOT NULL THEN jsonb_build_object('ticket', place, 'passed', to_jsonb(passed)) END;
      IF closed_ids <> '{}' THEN
        notes := coalesce(notes, '{}') || jsonb_build_object('after', to_jsonb(closed_ids));
      END IF;
      started := clock_timestamp();
      -- The log's number, the token, is drawn for a row that comes out of the insert: after the claim stands.
      WITH granted AS (
        INSERT INTO claims (workspace, resource, span, owner, agent, session_id, shared, slot, reason, eta, ttl, acquired_at, expires_at)
        VALUES (session.workspace, wish.name, wish.span, session.owner, session.agent, session.id, claim.mode = 'shared', free,
          claim.reason, claim.eta, claim.ttl, started, started + claim.ttl)
        ON CONFLICT ON CONSTRAINT claims_no_overlap DO NOTHING RETURNING id
      )
      INSERT INTO agent_log (timestamp, workspace, agent_name, session_id, action_type, status, message, metadata, resource_claim, claim_id, act, unauthenticated)
      SELECT CASE WHEN clock_timestamp() - started > interval '50 ms' THEN clock_timestamp() ELSE started END, session.workspace, session.agent,
        session.id, 'claim', 'working', claim.reason, notes, wish.name, g.id, 'granted', session.secret_hash IS NULL FROM granted g
      RETURNING id, claim_id, timestamp INTO answer.token, answer.claim_id, stood;
      IF FOUND THEN
        IF closing THEN
          PERFORM set_config('lock_timeout', patience, true);
        END IF;
        IF stood <> started THEN
          -- It waited for an open transaction: the lease begins now, and after the predecessor's end.
          UPDATE claims c SET acquired_at = stood, expires_at = stood + claim.ttl WHERE c.id = answer.claim_id;
        END IF;
        IF closed_ids <> '{}' THEN
          UPDATE claims c SET successor = answer.claim_id WHERE c.id = ANY (closed_ids) AND c.span && wish.span;
          answer.predecessors := (SELECT jsonb_agg(jsonb_build_object('claim_id', c.id, 'agent', c.agent, 'resource', c.resource, 'ending', c.ending,
            'expired_at', c.expires_at, 'last_progress_at', c.last_progress_at, 'last_progress', (last_word(c)).message,
            'last_metadata', (last_word(c)).metadata) ORDER BY c.id) FROM claims c WHERE c.id = ANY (closed_ids));
        END IF;
        IF place IS NOT NULL THEN
          PERFORM leave_line(session, ARRAY[wish.name], claim.mode);
        END IF;
        answer.outcome := 'granted';
        answer.expires_at := stood + claim.ttl;
        answer.slot := free;
        answer.canonical := wish.name;
        answer.widened := wish.widened;
        RETURN NEXT answer;
        RETURN;
      END IF;

      IF closing THEN
        RAISE EXCEPTION USING ERRCODE = 'lock_not_available';
      END IF;
    EXCEPTION
      WHEN lock_not_available OR deadlock_detected THEN
        EXIT WHEN NOT closing;
    END;
  END LOOP;
  answer := NULL;
  answer.outcome := 'busy';
  answer.canonical := wish.name;
  answer.widened := wish.widened;
  RETURN NEXT answer;
END $$;

-- The claim of an acting session, locked as its ending needs it; an error when it is somebody else's.
CREATE FUNCTION coordination.own_claim(claim_id bigint, session coordination.sessions) RETURNS coordination.claims
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  found claims;
BEGIN
  SELECT c.* INTO found FROM claims c WHERE c.id = own_claim.claim_id AND c.session_id = session.id FOR UPDATE;
  IF found.id IS NULL THEN
    IF NOT EXISTS (SELECT FROM claims c WHERE c.id = own_claim.claim_id) THEN
      RAISE EXCEPTION 'there is no claim % in this database', coalesce(claim_id::text, 'null') USING ERRCODE = 'CB003';
    END IF;
    RAISE EXCEPTION 'claim % is not one of session % (agent %): only the session that holds a claim can renew, release or hand it over',
      coalesce(claim_id::text, 'null'), session.id, quote_literal(session.agent) USING ERRCODE = 'CB003';
  END IF;
  RETURN found;
END $$;

-- A claim that ended without its holder's doing, for the holder: how, when, by whom, and the token that is valid now.
CREATE TYPE coordination.loss AS (ending text, taken_by text, taken_token bigint, ended_at timestamptz);

CREATE FUNCTION coordination.loss_of(claim coordination.claims) RETURNS coordination.loss
LANGUAGE sql STABLE AS $$
  SELECT coalesce(claim.ending, 'expired'), coalesce((SELECT c.agent FROM coordination.claims c WHERE c.id = claim.successor), claim.ended_by),
    (SELECT coordination.token_of(c) FROM coordination.claims c WHERE c.id = claim.successor), coalesce(claim.released_at, claim.expires_at)
$$;

-- The session without a secret acts by its role; which agent it is follows from the claim.
CREATE FUNCTION coordination.holding_session(claim_id bigint) RETURNS coordination.sessions
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  session sessions;
BEGIN
  IF current_setting('coordination.session', true) <> '' THEN
    RETURN session_of(current_setting('coordination.session'));
  END IF;
  SELECT s.* INTO session FROM sessions s JOIN claims c ON c.session_id = s.id
  WHERE c.id = holding_session.claim_id AND s.bound_role = session_user AND NOT (SELECT strict FROM settings WHERE only_row);
  IF session.id IS NULL AND NOT EXISTS (SELECT FROM claims c WHERE c.id = holding_session.claim_id) THEN
    RAISE EXCEPTION 'there is no claim % in this database', coalesce(claim_id::text, 'null') USING ERRCODE = 'CB003';
  ELSIF session.id IS NULL THEN
    RAISE EXCEPTION 'claim % is not yours: call coordination.use_session(secret) in this transaction', coalesce(claim_id::text, 'null')
      USING ERRCODE = 'CB003';
  END IF;
  RETURN session;
END $$;

CREATE FUNCTION coordination.renew(claim_id bigint, ttl interval DEFAULT NULL, key text DEFAULT NULL,
  OUT outcome text, OUT expires_at timestamptz, OUT ending text, OUT taken_by text, OUT taken_token bigint, OUT ended_at timestamptz)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = coordination, pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  in_use text := current_setting('coordination.session', true);
  session sessions;
  kept claims;
  lost loss;
  stored jsonb;
BEGIN
  IF renew.key IS NOT NULL THEN
    session := holding_session(renew.claim_id);
    stored := first_answer(session, renew.key, 'renew', jsonb_build_array(renew.claim_id, renew.ttl));
    IF stored IS NULL THEN
      SELECT to_jsonb(r) INTO stored FROM coordination.renew(renew.claim_id, renew.ttl) r;
      PERFORM keep_answer(session, renew.key, stored);
    END IF;
    SELECT * INTO outcome, expires_at, ending, taken_by, taken_token, ended_at FROM jsonb_to_record(stored)
      AS a (outcome text, expires_at timestamptz, ending text, taken_by text, taken_token bigint, ended_at timestamptz);
    RETURN;
  END IF;
  IF renew.ttl NOT BETWEEN interval '30 s' AND interval '24 h' THEN
    RAISE EXCEPTION 'a claim lives 30 seconds to 24 hours: renew it again for longer' USING ERRCODE = 'CB005';
  END IF;
  IF current_setting('synchronous_commit') = 'off' THEN
    PERFORM force_durability();
  END IF;
  IF in_use <> '' THEN
    SELECT s.id, s.secret_hash INTO session.id, session.secret_hash FROM sessions s WHERE s.secret_hash = hash_of(in_use);
  END IF;
  IF session.id IS NULL THEN
    session := holding_session(renew.claim_id);
  END IF;
  -- Never shorter than it was: somebody may already trust the later time.
  WITH kept AS (
    UPDATE claims c SET expires_at = greatest(c.expires_at, clock_timestamp() + coalesce(renew.ttl, c.ttl)), ttl = coalesce(renew.ttl, c.ttl)
    WHERE c.id = renew.claim_id AND c.session_id = session.id AND c.released_at IS NULL AND c.expires_at > clock_timestamp()
    RETURNING c.*
  ), said AS (
    INSERT INTO agent_log (workspace, agent_name, session_id, action_type, resource_claim, claim_id, act, unauthenticated)
    SELECT k.workspace, k.agent, k.session_id, 'renew', k.resource, k.id, 'renewed', session.secret_hash IS NULL FROM kept k
  )
  SELECT k.expires_at INTO expires_at FROM kept k;
  IF FOUND THEN
    outcome := 'renewed';
    RETURN;
  END IF;
  SELECT c.* INTO kept FROM claims c WHERE c.id = renew.claim_id AND c.session_id = session.id;
  IF kept.id IS NULL THEN
    session := holding_session(renew.claim_id);
    kept := own_claim(renew.claim_id, session);
  END IF;
  lost := loss_of(kept);
  outcome := 'lost'; ending := lost.ending; taken_by := lost.taken_by; taken_token := lost.taken_token; ended_at := lost.ended_at;
END $$;

CREATE FUNCTION coordination.release(claim_id bigint, key text DEFAULT NULL, OUT outcome text, OUT ending text, OUT taken_by text, OUT taken_token bigint, OUT ended_at timestamptz)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = coordination, pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  session sessions;
  held claims;
  lost loss;
  now_is timestamptz;
  stored jsonb;
  crowded boolean;
  number bigint;
BEGIN
  IF release.key IS NULL AND current_setting('synchronous_commit') <> 'off' THEN
    -- One statement for what nearly always happens: the lock first, because an assertion may hold it for long, then the end.
    WITH held AS MATERIALIZED (
      SELECT c.id FROM sessions s JOIN claims c ON c.session_id = s.id
      WHERE s.secret_hash = hash_of(current_setting('coordination.session', true)) AND c.id = release.claim_id FOR UPDATE OF c
    ), ended AS (
      UPDATE claims c SET released_at = clock_timestamp(), ending = 'released', ended_by = c.owner FROM held h
      WHERE c.id = h.id AND c.released_at IS NULL AND c.expires_at > clock_timestamp() RETURNING c.*
    )
    INSERT INTO agent_log (timestamp, workspace, agent_name, session_id, action_type, resource_claim, claim_id, act)
    SELECT e.released_at, e.workspace, e.agent, e.session_id, 'release', e.resource, e.id, 'released' FROM ended e
    RETURNING 'released', timestamp, EXISTS (SELECT FROM tickets t WHERE t.workspace = agent_log.workspace) INTO outcome, ended_at, crowded;
    IF NOT crowded THEN
      RETURN;
    ELSIF crowded THEN
      PERFORM call_waiters(c.workspace, pathmultirange(c.span)) FROM claims c WHERE c.id = release.claim_id;
      RETURN;
    END IF;
  END IF;
  session := holding_session(release.claim_id);
  IF release.key IS NOT NULL THEN
    stored := first_answer(session, release.key, 'release', jsonb_build_array(release.claim_id));
    IF stored IS NULL THEN
      SELECT to_jsonb(r) INTO stored FROM coordination.release(release.claim_id) r;
      PERFORM keep_answer(session, release.key, stored);
    END IF;
    SELECT * INTO outcome, ending, taken_by, taken_token, ended_at FROM jsonb_to_record(stored)
      AS a (outcome text, ending text, taken_by text, taken_token bigint, ended_at timestamptz);
    RETURN;
  END IF;
  PERFORM force_durability();
  held := own_claim(release.claim_id, session);
  -- Read after the lock was had.
  now_is := clock_timestamp();
  IF held.released_at IS NULL AND held.expires_at > now_is THEN
    number := end_claim(held, 'released', session.owner, NULL, now_is, NULL, session.secret_hash IS NULL);
    outcome := 'released'; ended_at := now_is;
    RETURN;
  ELSIF held.released_at IS NULL THEN
    number := end_claim(held, 'expired', session.owner, NULL, now_is, NULL, session.secret_hash IS NULL);
    held.ending := 'expired'; held.released_at := held.expires_at;
  END IF;
  lost := loss_of(held);
  outcome := 'lost'; ending := lost.ending; taken_by := lost.taken_by; taken_token := lost.taken_token; ended_at := lost.ended_at;
END $$;

-- Who holds something that overlaps this resource.
CREATE FUNCTION coordination.holders(resource text DEFAULT '*', workspace text DEFAULT NULL)
RETURNS TABLE (claim_id bigint, token bigint, holder text, incarnation int, held_resource text, mode text, held_since timestamptz, held_until timestamptz,
  reason text, eta timestamptz, progress text, progress_at timestamptz, overlap text)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = coordination, pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  asked parsed_resource := parse_resource(holders.resource);
BEGIN
  IF workspace IS NULL AND current_setting('coordination.session', true) <> '' THEN
    workspace := (session_of(current_setting('coordination.session'))).workspace;
  END IF;
  RETURN QUERY SELECT s.claim_id, s.token, s.holder, s.incarnation, s.resource, s.mode, s.held_since, s.held_until, s.reason, s.eta, s.progress,
    s.progress_at, CASE WHEN asked.span <@ s.span THEN asked.name ELSE s.resource END
  FROM standing(coalesce(holders.workspace, 'default'), asked.span, int8range(NULL, NULL), '') s;
  IF NOT FOUND AND NOT EXISTS (SELECT FROM workspaces w WHERE w.workspace = coalesce(holders.workspace, 'default')) THEN
    RAISE EXCEPTION 'nobody ever opened a session in workspace %: check its spelling', quote_literal(left(workspace, 80)) USING ERRCODE = 'CB007';
  END IF;
END $$;

-- What the acting session holds, oldest first: for going on after a restart.
CREATE FUNCTION coordination.my_claims(agent text DEFAULT NULL, workspace text DEFAULT NULL)
RETURNS TABLE (claim_id bigint, token bigint, canonical text, mode text, slot int, ttl interval, expires_at timestamptz, remaining interval)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = coordination, pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  session sessions := acting_session(my_claims.agent, my_claims.workspace);
BEGIN
  RETURN QUERY SELECT c.id, token_of(c), c.resource::text, mode_of(c), c.slot::int, c.ttl, c.expires_at, c.expires_at - clock_timestamp()
  FROM claims c
  WHERE c.workspace = session.workspace AND c.session_id = session.id AND coalesce(c.ending, '') = '' AND c.expires_at > clock_timestamp() ORDER BY c.id;
END $$;

-- Several resources, all or none. Members go in canonical order, so that two sets hardly ever turn each other away; what another member covers
-- is left out. One row `granted` for each member, or the rows that refused the first one that was refused.
CREATE FUNCTION coordination.claim_all(
  resources text[], agent text DEFAULT NULL, ttl interval DEFAULT '15 min', mode text DEFAULT 'exclusive', workspace text DEFAULT NULL,
  reason text DEFAULT NULL, eta timestamptz DEFAULT NULL, wait interval DEFAULT '0', key text DEFAULT NULL)
RETURNS SETOF claim_answer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = coordination, pg_catalog, pg_temp SET lock_timeout = '250ms' SET jit = off AS $$
#variable_conflict use_column
DECLARE
  session sessions := acting_session(claim_all.agent, claim_all.workspace);
  wishes parsed_resource[];
  turns parsed_resource[];
  member parsed_resource;
  answers jsonb := '[]';
  one jsonb;
  -- What the caller has set of coordination.busy_after.
  habit text;
  deadline timestamptz;
  contested parsed_resource;
BEGIN
  IF cardinality(claim_all.resources) IS NULL OR cardinality(claim_all.resources) NOT BETWEEN 1 AND 1000 THEN
    RAISE EXCEPTION 'a set has 1 to 1000 resources' USING ERRCODE = 'CB005';
  ELSIF claim_all.mode = 'slot' THEN
    RAISE EXCEPTION 'slots are not claimed in sets: claim them one at a time' USING ERRCODE = 'CB005';
  ELSIF claim_all.mode IS NULL OR claim_all.mode NOT IN ('exclusive', 'shared') THEN
    RAISE EXCEPTION 'mode % is unknown: exclusive or shared', quote_nullable(left(claim_all.mode, 40)) USING ERRCODE = 'CB005';
  END IF;
  IF claim_all.key IS NOT NULL THEN
    answers := first_answer(session, claim_all.key, 'claim_all', jsonb_build_array(claim_all.resources, claim_all.ttl, claim_all.mode, claim_all.reason, claim_all.eta));
    IF answers IS NULL THEN
      SELECT jsonb_agg(to_jsonb(c)) INTO answers FROM coordination.claim_all(claim_all.resources, claim_all.agent, claim_all.ttl, claim_all.mode, claim_all.workspace,
        claim_all.reason, claim_all.eta, claim_all.wait) c;
      PERFORM keep_answer(session, claim_all.key, CASE WHEN answers -> 0 ->> 'outcome' NOT IN ('busy', 'waiting') THEN answers END);
    END IF;
    RETURN QUERY SELECT * FROM jsonb_populate_recordset(NULL::claim_answer, answers);
    RETURN;
  END IF;
  IF claim_all.wait IS NULL OR claim_all.wait NOT BETWEEN interval '0' AND interval '24 h' THEN
    RAISE EXCEPTION 'a claim waits 0 to 24 hours' USING ERRCODE = 'CB005';
  END IF;
  wishes := ARRAY(
    WITH wished AS MATERIALIZED (
      SELECT (p).name, (p).span, bool_or((p).widened) AS widened FROM (SELECT parse_resource(r) AS p FROM unnest(claim_all.resources) r) parsed GROUP BY 1, 2)
    SELECT (w.name, w.span, w.widened)::parsed_resource FROM wished w
    WHERE NOT EXISTS (SELECT FROM wished wider WHERE w.span <@ wider.span AND w.span <> wider.span)
    ORDER BY lower(w.span) COLLATE "C" NULLS FIRST);
  IF cardinality(wishes) = 1 THEN
    RETURN QUERY SELECT * FROM coordination.claim(wishes[1].name, claim_all.agent, claim_all.ttl, claim_all.mode, claim_all.workspace, claim_all.reason,
      claim_all.eta, claim_all.wait);
    RETURN;
  ELSIF claim_all.wait > interval '0' THEN
    -- Who waits for a set stands in line with all of it: it takes nothing before it can have everything.
    RETURN QUERY SELECT * FROM obstacles(session, wishes, claim_all.mode, sharers_wished(claim_all.mode), sharers_wished(claim_all.mode), session.owner,
      claim_all.reason, true);
    IF FOUND THEN
      RETURN;
    END IF;
  END IF;
  habit := coalesce(current_setting('coordination.busy_after', true), '');
  IF habit <> '' THEN
    PERFORM set_config('lock_timeout', habit, true);
  END IF;
  -- Null when the caller waits without bound.
  deadline := clock_timestamp() + nullif(current_setting('lock_timeout'), '0')::interval;
  turns := wishes;
  LOOP
    answers := '[]';
    contested := NULL;
    BEGIN
      FOREACH member IN ARRAY turns LOOP
        IF answers <> '[]' THEN
          -- With something in hand: for a moment, and not twice the same one, so that of two that turn each other away one gets through.
          PERFORM set_config('coordination.busy_after', 2 + floor(random() * 6) || 'ms', true);
        ELSIF deadline IS NOT NULL THEN
          PERFORM set_config('coordination.busy_after', greatest(1, ceil(extract(epoch FROM deadline - clock_timestamp()) * 1000)) || 'ms', true);
        END IF;
        SELECT jsonb_agg(to_jsonb(c)) INTO one
        FROM coordination.claim(member.name, claim_all.agent, claim_all.ttl, claim_all.mode, claim_all.workspace, claim_all.reason, claim_all.eta) c;
        IF one -> 0 ->> 'outcome' <> 'granted' THEN
          IF one -> 0 ->> 'outcome' = 'busy' AND answers <> '[]' AND coalesce(clock_timestamp() < deadline, true) THEN
            contested := member;
          END IF;
          answers := one;
          -- Undoes the members that stood.
          RAISE EXCEPTION USING ERRCODE = 'CB001';
        END IF;
        answers := answers || one;
      END LOOP;
    EXCEPTION WHEN SQLSTATE 'CB001' THEN
      -- Nothing: the answers say it.
    END;
    EXIT WHEN contested IS NULL;
    -- Next time it waits for that one first, with empty hands.
    turns := contested || array_remove(turns, contested);
  END LOOP;
  PERFORM set_config('coordination.busy_after', habit, true);
  IF answers -> 0 ->> 'outcome' <> 'granted' THEN
    IF claim_all.wait > interval '0' AND answers -> 0 ->> 'outcome' = 'held' THEN
      -- Somebody was faster, and is gone already or makes the next call wait.
      answers := '[{"outcome": "busy"}]';
    ELSE
      answers := (SELECT jsonb_agg(a || jsonb_build_object('free', free_parts(session, wishes, (SELECT range_agg(w.span) FROM unnest(wishes) w), claim_all.mode,
        sharers_wished(claim_all.mode), session.owner))) FROM jsonb_array_elements(answers) a);
    END IF;
  END IF;
  IF answers -> 0 ->> 'outcome' = 'granted' AND EXISTS (SELECT FROM tickets t WHERE t.workspace = session.workspace AND t.session_id = session.id) THEN
    PERFORM leave_line(session, ARRAY(SELECT w.name FROM unnest(wishes) w), claim_all.mode);
  END IF;
  RETURN QUERY SELECT * FROM jsonb_populate_recordset(NULL::claim_answer, answers) a ORDER BY a.canonical COLLATE "C", a.claim_id;
END $$;

CREATE FUNCTION coordination.set_slots(resource text, slots int, workspace text DEFAULT 'default') RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = coordination, pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  pool parsed_resource := parse_resource(set_slots.resource);
BEGIN
  IF set_slots.slots IS NULL OR set_slots.slots NOT BETWEEN 1 AND 10000 THEN
    RAISE EXCEPTION 'a pool has 1 to 10000 slots' USING ERRCODE = 'CB005';
  ELSIF upper_inf(pool.span) OR lower(pool.span) <> upper(pool.span) THEN
    RAISE EXCEPTION 'slots belong to one name, not to a subtree: %', quote_literal(pool.name) USING ERRCODE = 'CB004';
  ELSIF NOT EXISTS (SELECT FROM workspaces w WHERE w.workspace = set_slots.workspace) THEN
    RAISE EXCEPTION 'nobody ever opened a session in workspace %: check its spelling', quote_nullable(left(set_slots.workspace, 80))
      USING ERRCODE = 'CB007';
  END IF;
  INSERT INTO pools (workspace, resource, slots) VALUES (set_slots.workspace, pool.name, set_slots.slots)
  ON CONFLICT ON CONSTRAINT pools_pkey DO UPDATE SET slots = excluded.slots;
END $$;

-- Closes claims whose lease was over long ago and that nobody took over, so that the record does not show them as held for ever. Cheap, and in
-- nobody's way: it waits for no lock, and leaves the recently expired to whoever takes them over, with their last words.
CREATE FUNCTION coordination.sweep("limit" int DEFAULT 100, older_than interval DEFAULT '1 hour') RETURNS int
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = coordination, pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  over claims;
  swept int := 0;
BEGIN
  IF "limit" IS NULL OR "limit" NOT BETWEEN 1 AND 10000 OR older_than IS NULL OR older_than < interval '0' THEN
    RAISE EXCEPTION 'a sweep closes 1 to 10000 claims, no younger than any time since their expiry' USING ERRCODE = 'CB005';
  END IF;
  PERFORM force_durability();
  FOR over IN
    SELECT c.* FROM claims c
    WHERE c.id = ANY (ARRAY(SELECT o.id FROM claims o WHERE coalesce(o.ending, '') = '' AND o.expires_at <= clock_timestamp() - older_than LIMIT "limit"))
      AND c.released_at IS NULL AND c.expires_at <= clock_timestamp() - older_than
    ORDER BY c.id FOR UPDATE SKIP LOCKED
  LOOP
    PERFORM end_claim(over, 'expired', NULL, NULL, clock_timestamp(), NULL, false);
    swept := swept + 1;
  END LOOP;
  DELETE FROM tickets t WHERE t.id IN (SELECT d.id FROM tickets d WHERE NOT alive(d) FOR UPDATE SKIP LOCKED);
  RETURN swept;
END $$;
