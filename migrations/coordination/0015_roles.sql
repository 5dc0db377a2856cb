-- Who may do what. An operator makes the roles (the library's ROLES_SQL); these are the grants to those that exist.

SET LOCAL search_path = coordination, pg_catalog, pg_temp;

CREATE FUNCTION coordination.grant_to_roles() RETURNS text[]
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  role text;
  signature regprocedure;
  granted text[] := '{}';
  agents_call text[] := '{open_session,use_session,claim,claim_all,renew,release,withdraw,log,holders,my_claims,assert_claim,handoff,parse_resource,pathrange,pathmultirange,successor,sweep,verify_history}';
  -- The daemon writes under a claim, and does the night's work.
  mirror_calls text[] := '{open_session,claim,renew,release,ensure_log_partitions,retire_month,verify_history}';
  operators_call text[] := '{revoke,set_slots,ensure_log_partitions,retire_month}';
  all_read text[] := '{agent_log,claims,tickets,pools,agents,workspaces,checkpoints,agent_activity,resource_claims}';
BEGIN
  REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA coordination FROM PUBLIC;
  FOREACH role IN ARRAY '{claimboard_agent,claimboard_operator,claimboard_sync}'::text[] LOOP
    CONTINUE WHEN NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = role);
    EXECUTE format('GRANT USAGE ON SCHEMA coordination TO %I', role);
    EXECUTE (SELECT format('GRANT SELECT ON %s TO %I', string_agg('coordination.' || t, ', '), role) FROM unnest(all_read) t);
    FOR signature IN
      SELECT p.oid FROM pg_proc p WHERE p.pronamespace = 'coordination'::regnamespace
        AND (p.proname = ANY (CASE role WHEN 'claimboard_sync' THEN mirror_calls ELSE agents_call END) OR role = 'claimboard_operator' AND p.proname = ANY (operators_call))
    LOOP
      EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', signature, role);
    END LOOP;
    granted := granted || role;
  END LOOP;
  RETURN granted;
END $$;
SELECT coordination.grant_to_roles();
