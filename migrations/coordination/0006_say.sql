-- Logging by agents. A row about a resource that the session holds belongs to that claim, and progress renews it.

SET LOCAL search_path = coordination, pg_catalog, pg_temp;

CREATE FUNCTION coordination.log(agent text DEFAULT NULL, action_type text DEFAULT 'note', status text DEFAULT NULL, message text DEFAULT NULL,
  resource text DEFAULT NULL, metadata jsonb DEFAULT NULL, workspace text DEFAULT NULL, key text DEFAULT NULL,
  OUT log_id bigint, OUT claim_id bigint, OUT late boolean, OUT expires_at timestamptz, OUT ending text, OUT taken_by text, OUT taken_token bigint, OUT ended_at timestamptz)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = coordination, pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  session sessions := acting_session(log.agent, log.workspace);
  about parsed_resource;
  own claims;
  lost loss;
  stored jsonb;
BEGIN
  IF log.key IS NOT NULL THEN
    stored := first_answer(session, log.key, 'log', jsonb_build_array(log.action_type, log.status, log.message, log.resource, log.metadata));
    IF stored IS NULL THEN
      SELECT to_jsonb(l) INTO stored
      FROM coordination.log(log.agent, log.action_type, log.status, log.message, log.resource, log.metadata, log.workspace) l;
      PERFORM keep_answer(session, log.key, stored);
    END IF;
    SELECT * INTO log_id, claim_id, late, expires_at, ending, taken_by, taken_token, ended_at FROM jsonb_to_record(stored)
      AS a (log_id bigint, claim_id bigint, late boolean, expires_at timestamptz, ending text, taken_by text, taken_token bigint, ended_at timestamptz);
    RETURN;
  END IF;
  late := false;
  IF log.action_type IS NULL OR octet_length(log.action_type) NOT BETWEEN 1 AND 64 OR octet_length(log.status) NOT BETWEEN 1 AND 64
    OR octet_length(log.message) > 16384 OR octet_length(log.metadata::text) > 65536 THEN
    RAISE EXCEPTION 'this log row has no action or is too long: action and status are 1 to 64 bytes, a message up to 16 KiB, metadata up to 64 KiB'
      USING ERRCODE = 'CB005';
  ELSIF log.action_type !~ '^[a-z][a-z0-9_-]*$' THEN
    RAISE EXCEPTION 'action % is not a word: small letters, digits, - and _, such as progress, note, help or complete', quote_literal(log.action_type)
      USING ERRCODE = 'CB005';
  END IF;
  IF log.resource IS NOT NULL THEN
    about := parse_resource(log.resource);
    SELECT c.* INTO own FROM claims c
    WHERE c.workspace = session.workspace AND c.span && about.span AND about.span <@ c.span AND c.session_id = session.id
      AND coalesce(c.ending, '') = '' AND c.expires_at > clock_timestamp()
    ORDER BY c.id DESC LIMIT 1;
    IF own.id IS NOT NULL AND log.action_type = 'progress' THEN
      UPDATE claims c SET expires_at = greatest(c.expires_at, clock_timestamp() + c.ttl), last_progress_at = clock_timestamp()
      WHERE c.id = own.id AND c.released_at IS NULL AND c.expires_at > clock_timestamp() RETURNING c.* INTO own;
    END IF;
    IF own.id IS NULL THEN
      -- Was it ours, and was it lost rather than given back?
      SELECT c.* INTO own FROM (
        (SELECT l.* FROM claims l WHERE l.session_id = session.id AND l.ending <> 'released' AND about.span <@ l.span
          AND l.released_at > clock_timestamp() - interval '1 day' ORDER BY l.id DESC LIMIT 1)
        UNION ALL
        (SELECT o.* FROM claims o WHERE o.workspace = session.workspace AND o.span && about.span AND about.span <@ o.span AND o.session_id = session.id
          AND coalesce(o.ending, '') = '' ORDER BY o.id DESC LIMIT 1)) c
      ORDER BY c.id DESC LIMIT 1;
      late := own.id IS NOT NULL;
    END IF;
    IF late THEN
      lost := loss_of(own);
      ending := lost.ending; taken_by := lost.taken_by; taken_token := lost.taken_token; ended_at := lost.ended_at;
    ELSE
      expires_at := own.expires_at;
    END IF;
    claim_id := own.id;
  END IF;
  INSERT INTO agent_log (workspace, agent_name, session_id, action_type, status, message, metadata, resource_claim, claim_id, late, unauthenticated)
  VALUES (session.workspace, session.agent, session.id, log.action_type, log.status, log.message, log.metadata, about.name, own.id, log.late,
    session.secret_hash IS NULL)
  RETURNING id INTO log_id;
END $$;
