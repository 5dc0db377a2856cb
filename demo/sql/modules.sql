-- The library as the agents find it; the demo's agents write more.
insert into modules (slug, title, subsystem, status, author, difficulty, minutes, body, created_at, updated_at)
with first (place, slug, title, status, author, difficulty, minutes, opening) as (
    values
        (1, 'power/battery', 'Batteries that survive eclipse', 'published', 'alpha', 'beginner', 25, 'A battery is a promise about the next ninety minutes.'),
        (2, 'power/solar-array', 'Solar arrays, from cell to string', 'published', 'alpha', 'intermediate', 40, 'Why four strings, and not one long one?'),
        (3, 'power/regulator', 'Buck, boost or direct transfer', 'review', 'alpha', 'advanced', 55, 'Three ways to waste less than ten per cent.'),
        (4, 'power/budget', 'The power budget, line by line', 'draft', 'alpha', 'beginner', null, 'Add it up before the Sun does.'),
        (5, 'avionics/watchdog', 'Watchdogs 🐕 and when they bite', 'published', 'beta', 'beginner', 20, 'A computer that cannot be reached must help itself.'),
        (6, 'avionics/harness', 'Harness: pins, colours, mistakes', 'review', 'beta', 'beginner', 30, 'Most failures on the flatsat are connectors.'),
        (7, 'avionics/radio', 'Talking to a satellite at 9,600 baud', 'draft', 'gamma', 'intermediate', 45, 'Ten minutes, four times a day.'),
        (8, 'structures/vibration', 'Surviving the ride', 'published', 'gamma', 'intermediate', 35, 'Fourteen g for two minutes, on three axes.'),
        (9, 'structures/thermal', 'Hot side, cold side', 'review', 'gamma', 'advanced', 50, 'There is no air to carry the heat away.'),
        (10, 'software/detumble', 'Detumbling with three coils', 'draft', 'beta', 'advanced', 60, 'The field you push against is the one you measure.'),
        (11, 'software/telemetry', 'What to say in 256 bytes', 'published', 'beta', 'beginner', 20, 'Every byte is a question that somebody will ask at night.'),
        (12, 'ground/passes', 'Planning a pass', 'published', 'gamma', 'beginner', 15, 'مرحبا: أول إشارة من المدار. The first signal from orbit.')
)
select
    slug,
    title,
    split_part(slug, '/', 1),
    status,
    author,
    difficulty,
    minutes,
    opening || E'\n\n' || (
        select string_agg(format('%s. Read the page, predict the number, then measure it. Write both down: the difference between them is what you learned, '
            || 'and the next team starts from it. Discuss with a neighbour before you look at the answer.', n), E'\n' order by n)
        from generate_series(1, 2 + place * 5 % 17) as n
    ),
    timestamptz '2026-10-05 08:00+00' + place * interval '26 hours',
    timestamptz '2026-10-19 08:00+00' + place * interval '31 hours'
from first;
