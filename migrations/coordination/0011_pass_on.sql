-- Endings that are somebody's decision: handing over, and revoking.

SET LOCAL search_path = coordination, pg_catalog, pg_temp;

-- Gives a claim to the newest session of another agent, with its lease begun anew; nobody gets in between. The new holder finds it with
-- coordination.my_claims().
CREATE FUNCTION coordination.handoff(claim_id bigint, to_agent text, message text DEFAULT NULL,
  OUT outcome text, OUT new_claim_id bigint, OUT new_token bigint, OUT expires_at timestamptz,
  OUT ending text, OUT taken_by text, OUT taken_token bigint, OUT ended_at timestamptz)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = coordination, pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  session sessions := holding_session(handoff.claim_id);
  held claims := own_claim(handoff.claim_id, session);
  heir sessions;
  passed claims;
  lost loss;
  at timestamptz := clock_timestamp();
  durable text;
  number bigint;
BEGIN
  IF octet_length(handoff.message) > 16384 THEN
    RAISE EXCEPTION 'the message is longer than 16 KiB' USING ERRCODE = 'CB005';
  END IF;
  durable := force_durability();
  IF held.released_at IS NOT NULL OR held.expires_at <= at THEN
    lost := loss_of(held);
    outcome := 'lost'; ending := lost.ending; taken_by := lost.taken_by; taken_token := lost.taken_token; ended_at := lost.ended_at;
    RETURN;
  END IF;
  SELECT s.* INTO heir FROM sessions s WHERE s.workspace = session.workspace AND s.agent = handoff.to_agent ORDER BY s.incarnation DESC LIMIT 1;
  IF heir.id IS NULL THEN
    RAISE EXCEPTION 'agent % has no session in workspace %: it must open one first', quote_nullable(left(to_agent, 80)), quote_literal(session.workspace)
      USING ERRCODE = 'CB006';
  ELSIF heir.id = session.id THEN
    RAISE EXCEPTION 'agent % holds it already: name another agent', quote_literal(to_agent) USING ERRCODE = 'CB005';
  END IF;
  number := end_claim(held, 'handed over', held.owner, NULL, at, handoff.message, session.secret_hash IS NULL, heir.agent);
  at := clock_timestamp();
  INSERT INTO claims (workspace, resource, span, owner, agent, session_id, shared, slot, reason, eta, ttl, acquired_at, expires_at, last_progress_at)
  VALUES (held.workspace, held.resource, held.span, heir.owner, heir.agent, heir.id, held.shared, held.slot, held.reason, held.eta, held.ttl, at,
    at + held.ttl, held.last_progress_at)
  ON CONFLICT ON CONSTRAINT claims_no_overlap DO NOTHING RETURNING * INTO passed;
  IF passed.id IS NULL THEN
    -- Only a claim of the giver's own can stand here; everybody else was kept out by the one that is passed on.
    RAISE EXCEPTION '% overlaps another claim of yours: release that one, or hand it over first', quote_literal(held.resource) USING ERRCODE = 'CB001';
  END IF;
  INSERT INTO agent_log (timestamp, workspace, agent_name, session_id, action_type, message, metadata, resource_claim, claim_id, act, unauthenticated)
  VALUES (passed.acquired_at, heir.workspace, heir.agent, heir.id, 'claim', handoff.message, jsonb_build_object('from', session.agent, 'after', jsonb_build_array(held.id)),
    passed.resource, passed.id, 'granted', session.secret_hash IS NULL)
  RETURNING id INTO new_token;
  UPDATE claims c SET successor = passed.id WHERE c.id = held.id;
  outcome := 'handed over';
  new_claim_id := passed.id;
  expires_at := passed.expires_at;
END $$;

-- For operators: ends somebody else's claim at once, with a reason. A writer that asserted the claim is waited for.
CREATE FUNCTION coordination.revoke(claim_id bigint, reason text, OUT outcome text, OUT ended_at timestamptz)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = coordination, pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  held claims;
  durable text;
  number bigint;
BEGIN
  IF coalesce(btrim(revoke.reason), '') = '' OR octet_length(revoke.reason) > 4096 THEN
    RAISE EXCEPTION 'say why, in up to 4096 bytes: the holder will read it' USING ERRCODE = 'CB005';
  END IF;
  durable := force_durability();
  SELECT c.* INTO held FROM claims c WHERE c.id = revoke.claim_id FOR UPDATE;
  IF held.id IS NULL THEN
    RAISE EXCEPTION 'there is no claim %', coalesce(claim_id::text, 'null') USING ERRCODE = 'CB003';
  ELSIF held.released_at IS NOT NULL THEN
    outcome := 'already ended';
    ended_at := held.released_at;
    RETURN;
  END IF;
  ended_at := clock_timestamp();
  number := end_claim(held, 'revoked', left(session_user, 64), NULL, ended_at, revoke.reason, false);
  outcome := 'revoked';
END $$;
