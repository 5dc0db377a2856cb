-- Sessions: an agent's incarnation, proved by a secret of which only the hash is stored.

SET LOCAL search_path = coordination, pg_catalog, pg_temp;

CREATE TABLE coordination.settings (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  -- Refuse claims and log rows that no session's secret stands behind.
  strict boolean NOT NULL DEFAULT false
);
INSERT INTO coordination.settings DEFAULT VALUES;

CREATE TABLE coordination.workspaces (
  workspace text PRIMARY KEY CHECK (octet_length(workspace) BETWEEN 1 AND 128 AND workspace !~ '[\u0001-\u001f\u007f-\u009f]'),
  created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
INSERT INTO coordination.workspaces (workspace) VALUES ('default');

CREATE TABLE coordination.agents (
  workspace text NOT NULL REFERENCES coordination.workspaces,
  agent text NOT NULL CHECK (octet_length(agent) BETWEEN 1 AND 100 AND agent !~ '[\u0001-\u001f\u007f-\u009f]'),
  incarnations int NOT NULL DEFAULT 0,
  PRIMARY KEY (workspace, agent)
);

CREATE TABLE coordination.sessions (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  workspace text NOT NULL,
  agent text NOT NULL,
  incarnation int NOT NULL,
  -- Who the exclusion constraint sees: two processes of one agent are two owners.
  owner text NOT NULL GENERATED ALWAYS AS (agent || '#' || incarnation) STORED,
  secret_hash bytea UNIQUE,
  -- The database role that a session without a secret is bound to.
  bound_role text,
  opened_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CHECK ((secret_hash IS NULL) <> (bound_role IS NULL)),
  FOREIGN KEY (workspace, agent) REFERENCES coordination.agents,
  UNIQUE (workspace, agent, incarnation),
  UNIQUE (workspace, agent, bound_role)
);

-- A commit that was answered must survive a crash, whatever the caller set. A function-level SET would end before the commit.
-- Assigned and not performed by its callers: PL/pgSQL evaluates an assignment without starting a query.
CREATE FUNCTION coordination.force_durability() RETURNS text
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  RETURN CASE current_setting('synchronous_commit') WHEN 'off' THEN set_config('synchronous_commit', 'on', true) END;
END $$;

-- What is stored of a secret. Inlined, so that a lookup by it is one statement.
CREATE FUNCTION coordination.hash_of(secret text) RETURNS bytea
LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT pg_catalog.sha256(pg_catalog.convert_to(secret, 'UTF8'))
$$;

CREATE FUNCTION coordination.add_session(workspace text, agent text, secret uuid, bound_role text) RETURNS coordination.sessions
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  session sessions;
  number int;
BEGIN
  INSERT INTO agents AS a (workspace, agent, incarnations) VALUES (add_session.workspace, add_session.agent, 1)
  ON CONFLICT ON CONSTRAINT agents_pkey DO UPDATE SET incarnations = a.incarnations + 1 RETURNING incarnations INTO number;
  INSERT INTO sessions AS s (workspace, agent, incarnation, secret_hash, bound_role)
  VALUES (add_session.workspace, add_session.agent, number, hash_of(secret::text), add_session.bound_role) RETURNING s.* INTO session;
  RETURN session;
EXCEPTION
  WHEN check_violation THEN
    RAISE EXCEPTION 'agent % in workspace % cannot have a session: names are 1 to 100 and 1 to 128 bytes, without control characters',
      quote_nullable(left(add_session.agent, 80)), quote_nullable(left(add_session.workspace, 80)) USING ERRCODE = 'CB005';
END $$;

CREATE FUNCTION coordination.open_session(agent text, workspace text DEFAULT 'default', OUT session_id bigint, OUT secret uuid, OUT incarnation int)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = coordination, pg_catalog, pg_temp AS $$
DECLARE
  session sessions;
  durable text;
BEGIN
  IF agent IS NULL OR workspace IS NULL THEN
    RAISE EXCEPTION 'a session needs an agent and a workspace' USING ERRCODE = 'CB005';
  END IF;
  durable := force_durability();
  BEGIN
    INSERT INTO workspaces (workspace) VALUES (open_session.workspace) ON CONFLICT DO NOTHING;
  EXCEPTION WHEN check_violation THEN
    RAISE EXCEPTION 'workspace % is not a name: 1 to 128 bytes without control characters', quote_literal(left(workspace, 80))
      USING ERRCODE = 'CB005';
  END;
  secret := gen_random_uuid();
  session := add_session(workspace, agent, secret, NULL);
  -- Sessions are opened rarely enough, and often enough, to tidy up by.
  PERFORM sweep(20);
  session_id := session.id;
  incarnation := session.incarnation;
END $$;

-- The session that a secret proves; an error when there is none.
CREATE FUNCTION coordination.session_of(secret text) RETURNS coordination.sessions
LANGUAGE plpgsql STABLE AS $$
DECLARE
  session sessions;
BEGIN
  SELECT s.* INTO session FROM sessions s WHERE s.secret_hash = hash_of(session_of.secret);
  IF session.id IS NULL THEN
    RAISE EXCEPTION 'no session of this database has this secret: open one with coordination.open_session(agent, workspace)' USING ERRCODE = 'CB006';
  END IF;
  RETURN session;
END $$;

-- Acts for a session until the transaction ends. The setting holds the secret itself: knowing a session's number is worth nothing.
CREATE FUNCTION coordination.use_session(secret uuid, OUT session_id bigint, OUT agent text, OUT workspace text, OUT incarnation int)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = coordination, pg_catalog, pg_temp AS $$
DECLARE
  session sessions;
  in_use text;
BEGIN
  session := session_of(coalesce(secret::text, ''));
  in_use := set_config('coordination.session', secret::text, true);
  session_id := session.id;
  agent := session.agent;
  workspace := session.workspace;
  incarnation := session.incarnation;
END $$;

-- The session that acts: the one in use, or one without a secret that is bound to the login role.
CREATE FUNCTION coordination.acting_session(agent text, workspace text) RETURNS coordination.sessions
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  in_use text := current_setting('coordination.session', true);
  session sessions;
BEGIN
  IF in_use <> '' THEN
    session := session_of(in_use);
    IF session.agent <> acting_session.agent OR session.workspace <> acting_session.workspace THEN
      RAISE EXCEPTION 'the session in use is of agent % in workspace %: leave agent and workspace null, or use another session',
        quote_literal(session.agent), quote_literal(session.workspace) USING ERRCODE = 'CB003';
    END IF;
    RETURN session;
  END IF;
  IF (SELECT strict FROM settings WHERE only_row) THEN
    RAISE EXCEPTION 'this database refuses agents without a session: call coordination.use_session(secret) in this transaction'
      USING ERRCODE = 'CB006';
  ELSIF acting_session.agent IS NULL THEN
    RAISE EXCEPTION 'say which agent this is, or call coordination.use_session(secret) in this transaction' USING ERRCODE = 'CB006';
  END IF;
  workspace := coalesce(workspace, 'default');
  FOR attempt IN 1..2 LOOP
    SELECT s.* INTO session FROM sessions s
    WHERE s.workspace = acting_session.workspace AND s.agent = acting_session.agent AND s.bound_role = session_user;
    EXIT WHEN session.id IS NOT NULL;
    IF NOT EXISTS (SELECT FROM workspaces w WHERE w.workspace = acting_session.workspace) THEN
      RAISE EXCEPTION 'nobody ever opened a session in workspace %: check its spelling, or call coordination.open_session(agent, workspace)',
        quote_literal(left(workspace, 80)) USING ERRCODE = 'CB007';
    END IF;
    BEGIN
      session := add_session(workspace, agent, NULL, session_user);
      EXIT;
    EXCEPTION WHEN unique_violation THEN
      -- Another transaction of this role was first: read its row.
      NULL;
    END;
  END LOOP;
  RETURN session;
END $$;
