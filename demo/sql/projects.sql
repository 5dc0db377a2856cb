-- Numbers are spread by multiplying with primes: varied to look at, the same in every cluster.
insert into cadence_projects (id, name, status, priority, owner_id, start_on, due_on, budget, progress, summary, url, tags)
with named (id, team, name) as (
    select row_number() over (order by team_place, place)::int, team, name
    from (values
        (1, 'power', array['Battery pack, flight model', 'Solar array deployment', 'Power budget 2027', 'Battery heater control',
            'Charge regulator, revision C', 'Power bus fault isolation', 'Cell acceptance testing', 'Maximum power point tracking',
            'Umbilical and ground charging', 'End-of-life power margin']),
        (2, 'avionics', array['Flight computer bring-up', 'UHF radio, engineering model', 'Sun sensor calibration', 'Star tracker trade study',
            'Watchdog and reset logic', 'Harness, flatsat', 'Magnetorquer drivers', 'GPS receiver integration',
            'Telemetry encoder', 'Radiation test campaign']),
        (3, 'software', array['Flight software 2.0 🚀', 'Detumble controller', 'Command dictionary', 'Over-the-air update',
            'Hardware-in-the-loop bench', 'Fault management', 'Orbit propagator', 'Boot loader, dual image',
            'Static analysis clean-up', 'Simulation of eclipse seasons']),
        (4, 'structures', array['Frame, 3U', 'Thermal vacuum test', 'Antenna release mechanism', 'Mass properties',
            'Vibration test, qualification', 'Thermal model correlation', 'Radiator coating', 'Fit check with the dispenser',
            'Panel hinges', 'دليل تجميع الهيكل']),
        (5, 'ground', array['Ground station north', 'Pass scheduler', 'Telemetry archive', 'Doppler correction',
            'Operator console', 'Rotator maintenance', 'Beacon decoder for amateurs', 'Licence coordination',
            'Data lake for students', 'Anomaly paging']),
        (6, 'operations', array['Launch campaign', 'Preliminary design review', 'Critical design review', 'Safety data package',
            'Risk register', 'Supplier audits', 'Clean room rota', 'Insurance, transport and customs', 'Lessons learned: CADENCE-1']),
        (7, 'education', array['Learning modules, power', 'Learning modules, avionics', 'Student platform', 'Ghost cohorts',
            'Race mode for modules', 'Summer school 2027 ☀️', 'Module player', 'Adaptive difficulty',
            'Outreach: רדיו חובבים', 'Certificates'])
    ) as teams (team_place, team, names), unnest(names) with ordinality as listed (name, place)
)
select
    id,
    name,
    case when id % 11 = 0 then 'on hold' when id % 17 = 0 then 'cancelled' when id % 7 = 0 then 'done' when id % 5 = 0 then 'planned' else 'active' end,
    (array['medium', 'high', 'low', 'medium', 'critical', 'medium', 'high'])[1 + id * 5 % 7],
    case when id % 13 <> 0 then (
        select p.id from cadence_people p where p.team = named.team order by (p.id * 31 + named.id * 17) % 29 limit 1
    ) end,
    case when id % 5 <> 0 then date '2026-01-12' + id * 13 % 240 end,
    case when id % 9 <> 0 then date '2026-10-05' + id * 29 % 420 end,
    case when id % 6 <> 0 then round((id * 7919 % 48000)::numeric / 4 + 350, 2) end,
    case when id % 7 = 0 then 1 when id % 5 = 0 then 0 else (id * 37 % 95)::numeric / 100 end,
    case
        when id % 8 = 0 then null
        when id % 23 = 0 then (
            select string_agg(format('%s. %s: what was decided, who decided it, and what it costs to change our minds after the review. '
                || 'The analysis, the drawing and the test report agree to within the margin; where they do not, the test wins.', n, name), E'\n\n' order by n)
            from generate_series(1, 14) as n
        )
        else format('%s for CADENCE-2. %s', name, (array[
            'Ends with a test report that the review board signs.',
            'Students lead; a mentor signs off each step.',
            'Depends on long-lead parts: order early, test late, keep a spare.',
            'The engineering model flies on the balloon first 🎈.'])[1 + id * 3 % 4])
    end,
    case when id % 31 = 0 then 'wiki, ask the owner' when id % 4 <> 0 then format('https://wiki.ascent.example/%s/%s', team, id) end,
    case when id % 10 = 0 then '{}' else array[team] || string_to_array((array['flight', 'test', 'long-lead', 'student-led',
        'review|flight', 'balloon, high altitude', 'test|clean room', '📡 radio'])[1 + id * 11 % 8], '|') end
from named;
