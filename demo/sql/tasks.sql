-- 443 tasks: six for every project and a seventh for the first twenty-nine.
insert into cadence_tasks (id, title, status, priority, project_id, assignee_id, due_on, estimate_hours, description, updated_at)
with numbered as (
    select row_number() over (order by step, project.id)::int as id, step, project.id as project_id, project.name, project.status as project_status,
        project.owner_id, project.due_on
    from cadence_projects as project, generate_series(1, 7) as step
    where step < 7 or project.id <= 29
),
verbs (verbs) as (
    values (array['Write the test plan for', 'Order parts for', 'Model the worst case of', 'Review the drawings of', 'Calibrate', 'Document',
        'Rehearse', 'Measure the noise of', 'Close the action items of', 'Teach a module on', 'Find the root cause in', 'Prepare slides on'])
)
select
    id,
    format('%s: %s', verbs[1 + (step * 5 + project_id * 7) % 12], name) || case id % 41 when 0 then ' 🔥' when 1 then ' (עדיפות)' else '' end,
    case
        when project_status = 'done' then 'done'
        when project_status = 'planned' then 'todo'
        else (array['todo', 'in progress', 'done', 'review', 'todo', 'blocked', 'in progress', 'todo', 'done'])[1 + id * 4 % 9]
    end,
    (array['medium', 'low', 'high', 'medium', 'critical', 'high', 'low', 'medium'])[1 + id * 3 % 8],
    project_id,
    case when id % 7 = 0 then null when id % 3 = 0 then owner_id else 1 + id * 19 % 27 end,
    case when id % 5 <> 0 then coalesce(due_on - step * 9, date '2026-12-01' + id % 90) end,
    case when id % 4 <> 0 then 0.5 + id * 7 % 80 / 2.0 end,
    case
        when id % 6 = 0 then null
        when id % 37 = 0 then (
            select string_agg(format('Step %s. Power the unit from the bench supply at %s V, wait until the current settles, write down the value and '
                || 'the time, and compare with the table of the last run. If it differs by more than 3 %%, stop, take a photo 📷 and ask.', n, 5 + n % 4), E'\n' order by n)
            from generate_series(1, 16) as n
        )
        when id % 29 = 0 then 'اختبار اللوحة قبل التركيب، ثم تسجيل النتائج في قاعدة البيانات.'
        else (array[
            'Done when a second person has repeated it from the notes alone.',
            'Ask the lead before ordering: the supplier''s minimum is 25 pieces, and the second source is slower.',
            'Same procedure as for CADENCE-1, new limits; see the report, section 4.2.',
            E'Two parts:\n- the bench test\n- the numbers in the budget'])[1 + id * 3 % 4]
    end,
    timestamptz '2026-11-02 09:00+00' + id * interval '61 minutes'
from numbered, verbs;
