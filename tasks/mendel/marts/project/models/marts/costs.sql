select
  runs.dataset,
  runs."partition",
  runs.fingerprint,
  runs.stage,
  runs.dt,
  runs.seconds,
  runs.core_seconds,
  runs.gpu_seconds,
  prices.currency,
  (runs.core_seconds * prices.core_hour + runs.gpu_seconds * prices.gpu_hour) / 3600 as cost,
  (runs.core_seconds * prices.core_watts + runs.gpu_seconds * prices.gpu_watts) / 3600 as watt_hours,
  cast(round(runs.characters) as bigint) as characters,
  1000 * (runs.core_seconds * prices.core_hour + runs.gpu_seconds * prices.gpu_hour) / 3600
    / nullif(runs.characters, 0) as cost_per_1000_characters
from {{ ref('stg_stage_runs') }} as runs
left join {{ source('lake', 'prices') }} as prices on true
