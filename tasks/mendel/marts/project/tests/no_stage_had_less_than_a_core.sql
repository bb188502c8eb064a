select *
from {{ ref('costs') }}
where core_seconds < seconds - 0.01 or cost < 0
