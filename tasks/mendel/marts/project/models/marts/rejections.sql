select
  dataset,
  "partition",
  reason,
  count(*) as records
from {{ source('lake', 'rejected') }}
group by dataset, "partition", reason
