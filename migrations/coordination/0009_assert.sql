-- Fencing inside the database: a write that asserts its claim cannot outlive it. The assertion locks the claim's row FOR KEY SHARE; every
-- ending locks it FOR UPDATE first, so it waits for the writer's commit or the writer finds the claim ended. Renewals do neither.
-- In REPEATABLE READ and SERIALIZABLE an ending after the snapshot is the retryable 40001. A second assertion in the same transaction finds
-- its own lock on the row: it reads and writes nothing, and there is no flag that could be forged.

SET LOCAL search_path = coordination, pg_catalog, pg_temp;

-- Raises unless the acting session holds this token's claim and it covers the resource.
CREATE FUNCTION coordination.assert_claim(token bigint, resource text) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = coordination, pg_catalog, pg_temp SET enable_seqscan = off SET jit = off AS $$
#variable_conflict use_column
DECLARE
  wanted parsed_resource := parse_resource(assert_claim.resource);
  session sessions;
  held claims;
  grant_row record;
BEGIN
  IF current_setting('coordination.session', true) <> '' THEN
    session := session_of(current_setting('coordination.session'));
    FOR held IN
      SELECT c.* FROM claims c
      WHERE c.workspace = session.workspace AND c.span && wanted.span AND wanted.span <@ c.span AND c.rival <> '' AND c.session_id = session.id
        AND coalesce(c.ending, '') = '' AND c.expires_at > clock_timestamp()
      ORDER BY c.id FOR KEY SHARE
    LOOP
      IF token_of(held) = assert_claim.token THEN
        RETURN;
      END IF;
    END LOOP;
  END IF;

  SELECT l.claim_id, l.session_id, l.resource_claim INTO grant_row FROM agent_log l WHERE l.id = assert_claim.token AND l.act = 'granted';
  IF grant_row.claim_id IS NULL THEN
    RAISE EXCEPTION 'token % was never granted in this database', coalesce(token::text, 'null') USING ERRCODE = 'CB002';
  END IF;
  IF session.id IS NULL THEN
    SELECT s.* INTO session FROM sessions s WHERE s.id = grant_row.session_id AND s.bound_role = session_user AND NOT (SELECT strict FROM settings WHERE only_row);
  END IF;
  IF session.id IS DISTINCT FROM grant_row.session_id THEN
    RAISE EXCEPTION 'token % is not this session''s: call coordination.use_session(secret) of the session that claimed', token USING ERRCODE = 'CB003';
  END IF;
  SELECT c.* INTO held FROM claims c WHERE c.id = grant_row.claim_id FOR KEY SHARE;
  IF held.released_at IS NOT NULL OR held.expires_at <= clock_timestamp() THEN
    RAISE EXCEPTION 'the claim on % is lost: %', quote_literal(held.resource), lost_how(loss_of(held)) USING ERRCODE = 'CB002';
  ELSIF NOT wanted.span <@ held.span THEN
    RAISE EXCEPTION 'token % covers % and not %', token, quote_literal(held.resource), quote_literal(wanted.name) USING ERRCODE = 'CB008';
  END IF;
END $$;

CREATE FUNCTION coordination.lost_how(lost coordination.loss) RETURNS text
LANGUAGE sql STABLE AS $$
  SELECT format('%s at %s%s%s', lost.ending, lost.ended_at,
    CASE lost.ending WHEN 'handed over' THEN ', to ' WHEN 'expired' THEN ', taken over by ' ELSE ', by ' END || lost.taken_by, ', token ' || lost.taken_token || ' is valid instead')
$$;
