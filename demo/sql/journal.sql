-- The demo's own instruments, in a schema of their own: when did which visible change commit, and when was it on the board?
-- A product needs none of this; it exists to measure one from outside.

create schema demo;

create table demo.changes (
    id bigint generated always as identity primary key,
    dashboard text not null,
    page text not null,
    state text not null
);

create function demo.note_change() returns trigger language plpgsql as $$
declare
    subject jsonb := to_jsonb(coalesce(new, old));
begin
    -- The board shows minutes.
    if subject ? 'updated_at' then
        subject := jsonb_set(subject, '{updated_at}', to_jsonb(date_trunc('minute', (subject ->> 'updated_at')::timestamptz)));
    end if;
    insert into demo.changes (dashboard, page, state)
    values (tg_argv[0], subject ->> tg_argv[1], case when tg_op = 'DELETE' then 'gone' else md5(subject::text) end);
    return null;
end $$;

create trigger note_change after insert or update or delete on cadence_people for each row execute function demo.note_change('Team', 'id');
create trigger note_change after insert or update or delete on cadence_projects for each row execute function demo.note_change('Projects', 'id');
create trigger note_change after insert or update or delete on cadence_tasks for each row execute function demo.note_change('Tasks', 'id');
create trigger note_change after insert or update or delete on modules for each row execute function demo.note_change('Module Library', 'slug');

-- What the first load has to bring to the board.
create view demo.rows as
    select 'Team' as dashboard, id::text as key from cadence_people
    union all select 'Projects', id::text from cadence_projects
    union all select 'Tasks', id::text from cadence_tasks
    union all select 'Module Library', slug from modules;

-- What Agent Activity shows after each transaction of an agent since a point in time, replayed from the log.
create function demo.activity(since timestamptz) returns table (id bigint, page text, state text, xid xid) language sql stable as $$
    select l.id, l.agent_name,
        md5(row(
            case when said.status = 'idle' and held.names is not null then 'working'
                when said.status = 'working' and said.claim_id is not null and held.names is null then 'idle'
                else said.status end,
            task.metadata -> 'task', task.metadata -> 'done', task.metadata -> 'total',
            date_trunc('minute', said.timestamp), held.names)::text),
        l.xmin
    from coordination.agent_log l
    cross join lateral (
        select s.status, s.claim_id, s.timestamp from coordination.agent_log s
        where s.workspace = l.workspace and s.agent_name = l.agent_name and s.status is not null and s.id <= l.id order by s.id desc limit 1) said
    left join lateral (
        select t.metadata from coordination.agent_log t
        where t.workspace = l.workspace and t.agent_name = l.agent_name and t.metadata ?| '{task,done,total}' and t.id <= l.id
        order by t.id desc limit 1) task on true
    left join lateral (
        select string_agg(distinct c.resource, ', ') as names from coordination.claims c
        where c.workspace = l.workspace and c.agent = l.agent_name and c.acquired_at <= l.timestamp
            and coalesce(c.released_at, c.expires_at) > l.timestamp) held on true
    where l.workspace = 'demo' and l.timestamp >= since
$$;

-- The same for Resource Claims: a claim shows whether its holder is blocked, and its ending.
create function demo.claims(since timestamptz) returns table (id bigint, page text, state text, xid xid) language sql stable as $$
    select l.id, c.resource, md5(row(c.agent, case when l.status = 'blocked' then 'blocked' else 'working' end,
        date_trunc('minute', c.acquired_at), date_trunc('minute', c.eta), c.reason)::text), l.xmin
    from coordination.agent_log l
    join coordination.claims c on c.workspace = l.workspace and c.agent = l.agent_name and c.acquired_at <= l.timestamp
        and coalesce(c.released_at, c.expires_at) > l.timestamp
    where l.workspace = 'demo' and l.timestamp >= since and l.status is not null
    union all
    select l.id, c.resource, md5(row(c.agent, l.act, date_trunc('minute', c.acquired_at), date_trunc('minute', c.eta), c.reason,
        date_trunc('minute', c.released_at))::text), l.xmin
    from coordination.agent_log l
    join coordination.claims c on c.id = l.claim_id
    where l.workspace = 'demo' and l.timestamp >= since and l.act in ('released', 'expired', 'handed over', 'revoked')
$$;

-- From commit to the answer of the write that brought a visible change to the board. A change that was undone before
-- anything looked was never to be seen: it and its undoing do not count.
create function demo.lags(since timestamptz) returns table (dashboard text, page text, committed_at timestamptz, lag interval)
language plpgsql as $$
begin
    create temporary table changes on commit drop as
    with told as (
        select 'Agent Activity' as dashboard, a.* from demo.activity(since - interval '2 minutes') a
        union all select 'Resource Claims', c.* from demo.claims(since - interval '2 minutes') c
        union all select d.dashboard, d.id, d.page, d.state, d.xmin from demo.changes d
    ), committed as (
        -- Only the last state of a transaction was ever visible.
        select distinct on (t.dashboard, t.page, t.xid::text) t.*, pg_xact_commit_timestamp(t.xid) as at
        from told t order by t.dashboard, t.page, t.xid::text, t.id desc
    ), ordered as (
        select c.*, lag(c.state) over (partition by c.dashboard, c.page order by c.at, c.id) as before from committed c
    )
    select o.dashboard, o.page, o.state, o.at from ordered o where o.state is distinct from o.before;
    create index on changes (dashboard, page, at);

    create temporary table answers on commit drop as
    select w.dashboard, case when w.key like '["demo", %' or w.key like '["demo",%' then w.key::jsonb ->> 1 else w.key end as page, w.read_at, w.answered_at,
        lag(w.read_at) over (partition by w.dashboard, w.key order by w.read_at, w.id) as previous_read_at
    from sync.writes w where w.outcome = 'written';
    create index on answers (dashboard, page, read_at);

    return query
    select c.dashboard, c.page, c.at, w.answered_at - c.at
    from changes c
    cross join lateral (
        select a.* from answers a where a.dashboard = c.dashboard and a.page = c.page and a.read_at >= c.at
        order by a.read_at limit 1) w
    left join lateral (
        select s.state from changes s where s.dashboard = c.dashboard and s.page = c.page and s.at <= w.previous_read_at
        order by s.at desc limit 1) shown on true
    where c.at >= since
        and not exists (
            select from changes undone where undone.dashboard = c.dashboard and undone.page = c.page
                and undone.at between c.at and w.read_at and undone.state = shown.state);
end $$;
