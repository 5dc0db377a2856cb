-- What a board shows: one row an agent, one row a resource. Stable: dashboards are built on these columns.

SET LOCAL search_path = coordination, pg_catalog, pg_temp;

CREATE VIEW coordination.agent_activity AS
-- Claims are read once, not once an agent: see 0004 on searches of the constraint's index.
WITH held AS MATERIALIZED (
  SELECT c.workspace::text AS workspace, c.agent, string_agg(DISTINCT c.resource, ', ') AS names FROM coordination.claims c
  WHERE coalesce(c.ending, '') = '' AND c.expires_at > clock_timestamp() GROUP BY c.workspace, c.agent
)
SELECT a.workspace, a.agent,
  CASE
    WHEN said.status = 'idle' AND held.names IS NOT NULL THEN 'working'
    -- It waited, and its place in line is gone.
    WHEN said.status = 'waiting' AND said.action_type = 'wait' AND NOT EXISTS (
      SELECT FROM coordination.tickets t WHERE t.workspace = a.workspace AND t.agent = a.agent AND t.polled_at > clock_timestamp() - interval '2 min')
      THEN CASE WHEN held.names IS NOT NULL THEN 'working' ELSE 'idle' END
    -- What it was working on is over, and it said nothing since.
    WHEN said.status = 'working' AND said.claim_id IS NOT NULL AND held.names IS NULL THEN 'idle'
    ELSE coalesce(said.status, 'idle')
  END AS status,
  task.metadata ->> 'task' AS current_task,
  CASE WHEN count.total > 0 AND count.done IS NOT NULL THEN format('%s%% (%s/%s)', div(count.done * 100, count.total), count.done, count.total) END AS progress,
  count.done::int AS done, count.total::int AS total,
  said.timestamp AS last_update,
  blocked.messages AS blockers,
  held.names AS claims
FROM coordination.agents a
LEFT JOIN LATERAL (
  SELECT l.id, l.status, l.claim_id, l.timestamp, l.action_type FROM coordination.agent_log l
  WHERE l.workspace = a.workspace AND l.agent_name = a.agent AND l.status IS NOT NULL ORDER BY l.id DESC LIMIT 1) said ON true
LEFT JOIN LATERAL (
  SELECT l.metadata FROM coordination.agent_log l
  WHERE l.workspace = a.workspace AND l.agent_name = a.agent AND l.metadata ?| '{task,done,total}' ORDER BY l.id DESC LIMIT 1) task ON true
LEFT JOIN LATERAL (
  -- Agents write what they like into metadata; it must never break the board.
  SELECT CASE WHEN jsonb_typeof(task.metadata -> 'done') = 'number' THEN least(greatest((task.metadata ->> 'done')::numeric, 0), 1000000000) END AS done,
    CASE WHEN jsonb_typeof(task.metadata -> 'total') = 'number' THEN least(greatest((task.metadata ->> 'total')::numeric, 0), 1000000000) END AS total) count ON true
LEFT JOIN LATERAL (
  SELECT string_agg(l.message, E'\n' ORDER BY l.id) AS messages FROM coordination.agent_log l
  WHERE said.status = 'blocked' AND l.workspace = a.workspace AND l.agent_name = a.agent AND l.status = 'blocked'
    AND l.id > coalesce((
      SELECT o.id FROM coordination.agent_log o
      WHERE o.workspace = a.workspace AND o.agent_name = a.agent AND o.status <> 'blocked' ORDER BY o.id DESC LIMIT 1), 0)) blocked ON true
LEFT JOIN held ON held.workspace = a.workspace AND held.agent = a.agent;

CREATE VIEW coordination.resource_claims AS
WITH recent AS MATERIALIZED (
  SELECT c.*, c.released_at IS NULL AND c.expires_at > clock_timestamp() AS live,
    CASE WHEN c.slot IS NOT NULL THEN 'slot' WHEN c.shared THEN 'shared' ELSE 'exclusive' END AS mode
  FROM coordination.claims c
  WHERE coalesce(c.ending, '') = '' AND c.expires_at > clock_timestamp() - interval '1 day' OR c.released_at > clock_timestamp() - interval '1 day'
), latest AS (
  -- All live claims of a resource, or else its last one.
  SELECT r.*, rank() OVER (PARTITION BY workspace, resource ORDER BY live DESC, CASE WHEN live THEN 0 ELSE -id END) AS place FROM recent r
)
SELECT l.workspace, l.resource, min(l.mode) AS mode, string_agg(DISTINCT l.agent, ', ') AS claimed_by,
  CASE WHEN NOT bool_or(l.live) THEN coalesce(min(l.ending), 'expired') WHEN bool_and(said.status = 'blocked') THEN 'blocked' ELSE 'working' END AS status,
  min(l.acquired_at) AS started, max(l.eta) AS eta, max(l.expires_at) AS expires_at,
  CASE WHEN NOT bool_or(l.live) THEN coalesce(max(l.released_at), max(l.expires_at)) END AS released_at,
  string_agg(DISTINCT l.reason, '; ') AS reason
FROM latest l
LEFT JOIN LATERAL (
  SELECT o.status FROM coordination.agent_log o
  WHERE l.live AND o.workspace = l.workspace AND o.agent_name = l.agent AND o.status IS NOT NULL ORDER BY o.id DESC LIMIT 1) said ON true
WHERE l.place = 1
GROUP BY l.workspace, l.resource;
