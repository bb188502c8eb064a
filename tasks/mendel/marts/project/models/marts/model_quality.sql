select
  decided.number as decision,
  decided.decided,
  decided.action,
  decided.version,
  decided.champion_before,
  decided.champion,
  decided.candidate,
  scored.* exclude (evaluation)
from {{ source('lake', 'decisions') }} as decided
left join {{ ref('stg_evaluations') }} as scored on decided.evaluation = scored.evaluation
