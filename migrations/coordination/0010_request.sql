-- Idempotency: a call that bears a key is done once. The same key with the same arguments gets the first answer again.

SET LOCAL search_path = coordination, pg_catalog, pg_temp;

CREATE TABLE coordination.requests (
  session_id bigint NOT NULL,
  key text NOT NULL CHECK (octet_length(key) BETWEEN 1 AND 256),
  verb text NOT NULL,
  arguments bytea NOT NULL,
  answer jsonb,
  made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (session_id, key)
);

-- The first answer, or null: then the caller is the first, and nobody else gets past here with this key until it commits.
CREATE FUNCTION coordination.first_answer(session coordination.sessions, key text, verb text, arguments jsonb) RETURNS jsonb
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
  earlier requests;
  hash bytea := sha256(convert_to(arguments::text, 'UTF8'));
BEGIN
  IF octet_length(first_answer.key) NOT BETWEEN 1 AND 256 THEN
    RAISE EXCEPTION 'an idempotency key has 1 to 256 bytes' USING ERRCODE = 'CB005';
  END IF;
  INSERT INTO requests (session_id, key, verb, arguments) VALUES (session.id, first_answer.key, first_answer.verb, hash)
  ON CONFLICT ON CONSTRAINT requests_pkey DO NOTHING;
  IF FOUND THEN
    RETURN NULL;
  END IF;
  SELECT r.* INTO earlier FROM requests r WHERE r.session_id = session.id AND r.key = first_answer.key;
  IF (earlier.verb, earlier.arguments) IS DISTINCT FROM (first_answer.verb, hash) THEN
    RAISE EXCEPTION 'key % was used for another call: take a new key for every call', quote_literal(first_answer.key) USING ERRCODE = 'CB009';
  END IF;
  RETURN earlier.answer;
END $$;

-- Null: nothing was decided, so the key is free again.
CREATE FUNCTION coordination.keep_answer(session coordination.sessions, key text, answer jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  IF keep_answer.answer IS NULL THEN
    DELETE FROM requests r WHERE r.session_id = session.id AND r.key = keep_answer.key;
  ELSE
    UPDATE requests r SET answer = keep_answer.answer WHERE r.session_id = session.id AND r.key = keep_answer.key;
  END IF;
END $$;
