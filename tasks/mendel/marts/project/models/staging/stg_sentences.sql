select
  scored.*,
  noisy.errors as errors_before,
  {{ class_of('scored.characters', var('lengths'), var('length_names')) }} as length,
  {{ class_of('noisy.errors / scored.characters', var('noise_levels'), var('noise_level_names')) }} as noise_level
from {{ source('lake', 'evaluation') }} as scored
inner join {{ source('lake', 'evaluation') }} as noisy
  on scored.dt = noisy.dt and scored.pair = noisy.pair and noisy.system = 'identity'
