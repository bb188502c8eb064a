select
  cast("partition" as date) as dt,
  cast({{ number('metrics', 'model_version') }} as bigint) as model_version,
  same_as is not null as repeats,
  cast({{ number('metrics', 'records_in') }} as bigint) as records_in,
  cast({{ number('metrics', 'records_out') }} as bigint) as records,
  cast({{ number('metrics', 'records_rejected') }} as bigint) as records_rejected,
  cast({{ number('metrics', 'files_rejected') }} as bigint) as files_rejected,
  {{ number('metrics', 'share_changed') }} as share_altered,
  {{ number('metrics', 'share_fallback') }} as share_left_alone,
  {{ number('metrics', 'mean_characters') }} as mean_characters,
  {{ number('metrics', 'mean_confidence') }} as mean_confidence,
  {{ number('metrics', 'chars_per_second') }} as characters_per_second
from {{ source('lake', 'versions') }}
where dataset = 'restored'
