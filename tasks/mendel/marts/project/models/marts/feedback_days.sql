select
  dt,
  model_version,
  count(distinct request_id) as answers,
  count(*) as changes,
  count(*) filter (where accepted) as accepted,
  count(*) filter (where not accepted) as rejected,
  avg(cast(accepted as integer)) as share_accepted
from {{ source('lake', 'feedback') }}
group by dt, model_version
