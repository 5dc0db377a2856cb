-- Logging by agents. A row about a resource that the session holds belongs to that claim, and progress renews it.

CREATE FUNCTION coordination.log(agent text DEFAULT NULL, action_type text DEFAULT 'note', status text DEFAULT NULL, message text DEFAULT NULL,
  resource text DEFAULT NULL, metadata jsonb DEFAULT NULL, workspace text DEFAULT NULL,
  OUT log_id bigint, OUT claim_id bigint, OUT late boolean, OUT expires_at timestamptz, OUT ending text, OUT taken_by text, OUT taken_token bigint, OUT ended_at timestamptz)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = coordination, pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  session sessions := acting_session(log.agent, log.workspace);
  about parsed_resource;
  own claims;
  lost loss;
BEGIN
  late := false;
  IF log.resource IS NOT NULL THEN
    about := parse_resource(log.resource);
    SELECT c.* INTO own FROM claims c
    WHERE c.workspace = session.workspace AND c.span && about.span AND about.span <@ c.span AND c.session_id = session.id
      AND c.released_at IS NULL AND c.expires_at > clock_timestamp()
    ORDER BY c.id DESC LIMIT 1;
    IF own.id IS NOT NULL AND log.action_type = 'progress' THEN
      UPDATE claims c SET expires_at = greatest(c.expires_at, clock_timestamp() + c.ttl), last_progress_at = clock_timestamp()
      WHERE c.id = own.id AND c.released_at IS NULL AND c.expires_at > clock_timestamp() RETURNING c.* INTO own;
    END IF;
    IF own.id IS NULL THEN
      -- Was it ours, and was it lost rather than given back?
      SELECT c.* INTO own FROM claims c
      WHERE c.session_id = session.id AND about.span <@ c.span
        AND (c.released_at > clock_timestamp() - interval '1 day' AND c.ending <> 'released' OR c.released_at IS NULL)
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
EXCEPTION
  WHEN check_violation OR not_null_violation THEN
    RAISE EXCEPTION 'this log row is too long or has no action: action and status are up to 64 bytes, a message 16 KiB, metadata 64 KiB'
      USING ERRCODE = 'CB005';
END $$;
