with days as (
  select
    *,
    cast(round(mean_characters * records) as bigint) as characters
  from {{ ref('stg_restored_days') }}
)

select
  dt,
  model_version,
  repeats,
  records_in,
  records,
  records_rejected,
  files_rejected,
  cast(round(share_altered * records) as bigint) as altered,
  cast(round(share_left_alone * records) as bigint) as left_alone,
  characters,
  mean_confidence,
  characters / nullif(characters_per_second, 0) as seconds
from days
