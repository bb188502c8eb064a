with tests as (
  select
    dt,
    count(*) as tests,
    count(*) filter (where "over") as tests_over
  from {{ source('lake', 'drift') }}
  group by dt
)

select
  cast(days."partition" as date) as dt,
  cast({{ number('days.metrics', 'model_version') }} as bigint) as model_version,
  json_extract_string(days.metrics, '$.verdict') as verdict,
  cast(json_extract_string(days.metrics, '$.alarm') as boolean) as alarm,
  coalesce(tests.tests, 0) as tests,
  coalesce(tests.tests_over, 0) as tests_over
from {{ source('lake', 'versions') }} as days
left join tests on cast(days."partition" as date) = tests.dt
where days.dataset = 'drift'
