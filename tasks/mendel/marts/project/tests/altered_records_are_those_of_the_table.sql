-- Manifests and rows say the same of a day. A day that repeats an earlier one has no rows of its own.
select
  days.dt,
  days.altered,
  count(*) filter (where rows.changed) as changed_rows
from {{ ref('batch_days') }} as days
inner join {{ source('lake', 'restored') }} as rows on days.dt = rows.dt
where not days.repeats
group by days.dt, days.altered
having days.altered <> count(*) filter (where rows.changed)
