-- The sample domain: a student satellite programme. Plain tables in `public`, as a team has them before it hears of dashboards.

create table cadence_people (
    id integer primary key,
    name text not null,
    email text unique,
    phone text,
    role text not null,
    team text not null,        -- power, avionics, software, structures, ground, operations, education
    active boolean not null,
    joined_on date not null,
    manager_id integer references cadence_people
);

create table cadence_projects (
    id integer primary key,
    name text not null,
    status text not null check (status in ('planned', 'active', 'on hold', 'done', 'cancelled')),
    priority text not null check (priority in ('low', 'medium', 'high', 'critical')),
    owner_id integer references cadence_people,
    start_on date,
    due_on date,
    budget numeric(10, 2),     -- US dollars
    progress numeric(4, 3) not null check (progress between 0 and 1),
    summary text,
    url text,
    tags text[] not null default '{}'
);

create table cadence_tasks (
    id integer primary key,
    title text not null,
    status text not null check (status in ('todo', 'in progress', 'blocked', 'review', 'done')),
    priority text not null check (priority in ('low', 'medium', 'high', 'critical')),
    project_id integer not null references cadence_projects,
    assignee_id integer references cadence_people,
    due_on date,
    estimate_hours numeric(5, 1),
    description text,
    updated_at timestamptz not null
);

create index on cadence_tasks (project_id);
create index on cadence_tasks (assignee_id);

create table modules (
    slug text primary key,     -- subsystem/topic, the file below modules/ without its ending
    title text not null,
    subsystem text not null,
    status text not null check (status in ('draft', 'review', 'published')),
    author text not null,      -- the agent that wrote it
    difficulty text not null check (difficulty in ('beginner', 'intermediate', 'advanced')),
    minutes integer check (minutes > 0),
    body text not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
