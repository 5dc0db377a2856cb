-- Resources: one spelling in, one canonical name and one range out. The Rust module `resource` says the same; the tests hold
-- the two against each other.
--
-- Everywhere in this schema: functions that agents call are SECURITY DEFINER with a pinned search_path; what only those call runs on
-- their path and bears no settings of its own, because each change of search_path costs as much as a small query.

CREATE SCHEMA IF NOT EXISTS coordination;
REVOKE ALL ON SCHEMA coordination FROM PUBLIC;
ALTER DEFAULT PRIVILEGES IN SCHEMA coordination REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

CREATE EXTENSION IF NOT EXISTS btree_gist WITH SCHEMA public;

CREATE TYPE coordination.pathrange AS RANGE (subtype = text, collation = "C");

-- name: the canonical spelling; widened: the range covers more than the spelling says.
CREATE TYPE coordination.parsed_resource AS (name text, span coordination.pathrange, widened boolean);

-- The least string that is greater than every string with this prefix; null when there is none.
CREATE FUNCTION coordination.successor(prefix text) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
  point int;
BEGIN
  WHILE prefix <> '' LOOP
    point := ascii(right(prefix, 1));
    prefix := left(prefix, -1);
    IF point < 1114111 THEN
      -- U+D800 to U+DFFF are no characters.
      RETURN prefix || chr(CASE point WHEN 55295 THEN 57344 ELSE point + 1 END);
    END IF;
  END LOOP;
  RETURN NULL;
END $$;

CREATE FUNCTION coordination.parse_resource(spelling text) RETURNS coordination.parsed_resource
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
  problem text;
  literal text;
  rest text := '';
  parsed coordination.parsed_resource;
BEGIN
  -- Most names are plain, and nothing about them needs a second look.
  IF length(spelling) <= 200 AND right(spelling, 1) <> ':' AND spelling ~ '^[A-Za-z0-9_][A-Za-z0-9_.:-]*(/[A-Za-z0-9_][A-Za-z0-9_.:-]*)*$' THEN
    RETURN (spelling, coordination.pathrange(spelling || '/', spelling || '/', '[]'), false);
  END IF;
  problem := CASE
    WHEN spelling IS NULL OR spelling = '' THEN 'is empty: name a file, a subtree such as dir/*, or * for everything'
    WHEN octet_length(spelling) > 1024 THEN 'is longer than 1024 bytes: claim a subtree above it'
    WHEN spelling ~ '[\u0001-\u001f\u007f-\u009f]' THEN 'contains a control character: remove it'
    WHEN spelling IS NOT NFC NORMALIZED THEN 'is not in Unicode normalization form C: normalize it first'
    WHEN spelling !~ '^([^\\]|\\[][*?{}\\])*$' THEN 'contains a backslash that escapes nothing: separate segments by /'
  END;
  IF problem IS NULL THEN
    spelling := CASE WHEN starts_with(spelling, './') THEN substr(spelling, 3) ELSE spelling END;
    problem := CASE
      WHEN spelling ~ '(^|/)\.\.(/|$)' THEN 'contains a .. segment: spell it from the workspace''s root'
      WHEN spelling = '' OR spelling ~ '(^|/)\.(/|$)' THEN 'contains a . segment: leave it out'
      WHEN starts_with(spelling, ':') THEN 'begins with a colon: name a scheme before it, such as table:modules'
      WHEN spelling ~ '^[^/]*:(/[*]*)?$' THEN 'has nothing behind its colon: name it, such as table:modules, or table:* for all of the scheme'
      WHEN spelling ~ '^/|//' THEN 'contains an empty segment: spell it from the workspace''s root, without // or a leading /'
    END;
  END IF;
  IF problem IS NULL THEN
    IF spelling ~ '[][*?{}\\]' THEN
      literal := substring(spelling FROM '^(?:[^*?{[\\]|\\.)*');
      rest := substr(spelling, length(literal) + 1);
      literal := regexp_replace(literal, '\\(.)', '\1', 'g');
      parsed.name := regexp_replace(literal, '([*?{[\\])', '\\\1', 'g');
    ELSE
      literal := spelling;
      parsed.name := spelling;
    END IF;
    IF rest = '' AND right(literal, 1) <> '/' THEN
      parsed.span := coordination.pathrange(literal || '/', literal || '/', '[]');
      parsed.widened := false;
    ELSE
      parsed.name := parsed.name || '*';
      parsed.span := CASE WHEN literal = '' THEN coordination.pathrange(NULL, NULL) ELSE coordination.pathrange(literal, coordination.successor(literal)) END;
      parsed.widened := NOT (rest IN ('', '*', '**') AND (literal = '' OR right(literal, 1) = '/'));
    END IF;
    IF octet_length(parsed.name) > 1024 THEN
      problem := 'is longer than 1024 bytes: claim a subtree above it';
    END IF;
  END IF;
  IF problem IS NOT NULL THEN
    RAISE EXCEPTION 'resource % %', coalesce(quote_literal(left(spelling, 80)), 'null'), problem USING ERRCODE = 'CB004';
  END IF;
  RETURN parsed;
END $$;
