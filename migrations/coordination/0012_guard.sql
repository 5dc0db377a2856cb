-- Enforcement where writes happen: a guarded table refuses writes without a live claim of the transaction's session.

SET LOCAL search_path = coordination, pg_catalog, pg_temp;

-- A resource from a template such as modules/{slug}; a column's value stands for itself, wildcards and all.
CREATE FUNCTION coordination.fill_template(template text, columns jsonb) RETURNS text
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  filled text := '';
  rest text := template;
  name text;
BEGIN
  LOOP
    name := substring(rest FROM '\{([^{}]*)\}');
    EXIT WHEN name IS NULL;
    filled := filled || left(rest, strpos(rest, '{') - 1) || regexp_replace(coalesce(columns ->> name, ''), '([*?{[\\])', '\\\1', 'g');
    rest := substr(rest, strpos(rest, '}') + 1);
  END LOOP;
  RETURN filled || rest;
END $$;

CREATE FUNCTION coordination.check_claimed(resource text) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
  wanted parsed_resource := parse_resource(check_claimed.resource);
  in_use text := coalesce(current_setting('coordination.session', true), '');
  session sessions;
BEGIN
  IF in_use <> '' THEN
    session := session_of(in_use);
  END IF;
  PERFORM FROM claims c
  WHERE c.span && wanted.span AND wanted.span <@ c.span AND coalesce(c.ending, '') = '' AND c.expires_at > clock_timestamp() AND NOT c.shared AND c.slot IS NULL
    AND (CASE WHEN in_use <> '' THEN c.session_id = session.id
      ELSE c.session_id IN (SELECT s.id FROM sessions s WHERE s.bound_role = session_user) AND NOT (SELECT strict FROM settings WHERE only_row) END)
  ORDER BY c.id LIMIT 1 FOR KEY SHARE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'nobody may write here without an exclusive claim on %', quote_literal(wanted.name)
      USING ERRCODE = 'CB008', HINT = 'Call coordination.use_session(secret) in this transaction, and coordination.claim(resource) before it.';
  END IF;
END $$;

CREATE FUNCTION coordination.guard_row() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = coordination, pg_catalog, pg_temp SET enable_seqscan = off SET jit = off AS $$
DECLARE
  before text := CASE WHEN TG_OP <> 'INSERT' THEN fill_template(TG_ARGV[0], to_jsonb(OLD)) END;
  after text := CASE WHEN TG_OP <> 'DELETE' THEN fill_template(TG_ARGV[0], to_jsonb(NEW)) END;
BEGIN
  IF before IS NOT NULL THEN
    PERFORM check_claimed(before);
  END IF;
  IF after IS DISTINCT FROM before AND after IS NOT NULL THEN
    PERFORM check_claimed(after);
  END IF;
  RETURN NULL;
END $$;

CREATE FUNCTION coordination.guard_truncate() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = coordination, pg_catalog, pg_temp AS $$
BEGIN
  PERFORM check_claimed(CASE WHEN strpos(TG_ARGV[0], '{') > 0 THEN left(TG_ARGV[0], strpos(TG_ARGV[0], '{') - 1) || '*' ELSE TG_ARGV[0] END);
  RETURN NULL;
END $$;

-- Runs as the caller, who must own the table. Checked after the row is written, so that what other triggers make of it counts.
CREATE FUNCTION coordination.require_claim("table" regclass, resource text) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = coordination, pg_catalog, pg_temp AS $$
DECLARE
  name text;
BEGIN
  FOR name IN SELECT m[1] FROM regexp_matches(resource, '\{([^{}]*)\}', 'g') m LOOP
    IF NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = "table" AND a.attname = name AND a.attnum > 0 AND NOT a.attisdropped) THEN
      RAISE EXCEPTION 'table % has no column %: the template is %', "table", quote_literal(name), quote_literal(resource) USING ERRCODE = 'CB005';
    END IF;
  END LOOP;
  IF regexp_replace(resource, '\{[^{}]*\}', '', 'g') ~ '[{}]' THEN
    RAISE EXCEPTION 'template % has an open brace: write column names as {column}', quote_literal(resource) USING ERRCODE = 'CB005';
  END IF;
  PERFORM parse_resource(regexp_replace(resource, '\{[^{}]*\}', 'x', 'g'));
  PERFORM release_guard("table");
  EXECUTE format('CREATE TRIGGER require_claim AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION coordination.guard_row(%L)', "table", resource);
  EXECUTE format('CREATE TRIGGER require_claim_whole BEFORE TRUNCATE ON %s EXECUTE FUNCTION coordination.guard_truncate(%L)', "table", resource);
END $$;

CREATE FUNCTION coordination.release_guard("table" regclass) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = coordination, pg_catalog, pg_temp SET client_min_messages = warning AS $$
BEGIN
  EXECUTE format('DROP TRIGGER IF EXISTS require_claim ON %s', "table");
  EXECUTE format('DROP TRIGGER IF EXISTS require_claim_whole ON %s', "table");
END $$;
