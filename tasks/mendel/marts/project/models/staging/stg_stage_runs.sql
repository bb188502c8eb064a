select
  dataset,
  "partition",
  fingerprint,
  stage,
  cast(finished as date) as dt,
  seconds,
  core_seconds,
  gpu_seconds,
  case
    when dataset = 'restored'
    then {{ number('metrics', 'mean_characters') }} * {{ number('metrics', 'records_out') }}
  end as characters
from {{ source('lake', 'versions') }}
where same_as is null
