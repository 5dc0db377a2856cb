-- The statements of the design that this protocol replaced go on working: a table that takes its inserts and writes through to the one log.
-- It keeps its rows, because it is a table: its ALTER TABLE .. ADD COLUMN IF NOT EXISTS must run, which a view could not take.

SET LOCAL search_path = coordination, pg_catalog, pg_temp;

CREATE FUNCTION coordination.write_through() RETURNS trigger
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = coordination, pg_catalog, pg_temp AS $$
DECLARE
  about parsed_resource;
  session sessions;
  own bigint;
  answer claim_answer;
  lost record;
BEGIN
  session := acting_session(NEW.agent_name, NULL);
  IF NEW.resource_claim IS NOT NULL AND NEW.action_type IN ('claim', 'complete', 'release') THEN
    about := parse_resource(NEW.resource_claim);
    SELECT c.id INTO own FROM claims c
    WHERE c.session_id = session.id AND c.resource = about.name AND c.span && about.span AND coalesce(c.ending, '') = '' ORDER BY c.id DESC LIMIT 1;
  END IF;
  IF NEW.action_type = 'claim' AND about.name IS NOT NULL THEN
    SELECT * INTO answer FROM coordination.claim(NEW.resource_claim, NEW.agent_name, reason => NEW.message) LIMIT 1;
    IF answer.outcome = 'held' THEN
      RAISE EXCEPTION '% is held by % until %', quote_literal(answer.overlap), quote_literal(answer.holder), answer.held_until USING ERRCODE = 'CB001',
        DETAIL = coalesce(answer.held_reason, '');
    ELSIF answer.outcome = 'busy' THEN
      RAISE EXCEPTION 'an open transaction decides over %: repeat the insert a little later', quote_literal(about.name) USING ERRCODE = '55P03';
    END IF;
    NEW.id := answer.token;
    RETURN NEW;
  END IF;
  IF own IS NOT NULL THEN
    SELECT * INTO lost FROM coordination.release(own);
    IF lost.outcome = 'lost' THEN
      RAISE WARNING 'the claim on % was lost before: %', quote_literal(about.name), lost.ending;
    END IF;
  END IF;
  SELECT l.log_id INTO NEW.id FROM coordination.log(NEW.agent_name, NEW.action_type, NEW.status, NEW.message, NEW.resource_claim, NEW.metadata) l;
  RETURN NEW;
END $$;

-- Runs as the caller, who must be allowed to create the table.
CREATE FUNCTION coordination.install_compat(name text) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  EXECUTE format('CREATE TABLE %I (id bigint PRIMARY KEY, agent_name varchar(255) NOT NULL, action_type varchar(255) NOT NULL, status varchar(255),
    message text, metadata jsonb, resource_claim varchar(255), timestamp timestamptz NOT NULL DEFAULT clock_timestamp())', name);
  EXECUTE format('CREATE TRIGGER write_through BEFORE INSERT ON %I FOR EACH ROW EXECUTE FUNCTION coordination.write_through()', name);
END $$;
