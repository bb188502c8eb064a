with noisy as (
  select * from {{ source('lake', 'evaluation') }} where system = 'identity'
)

{% for cause in var('causes') %}
select
  scored.dt,
  scored.system,
  '{{ cause }}' as operation,
  cast(sum(scored.characters) as bigint) as characters,
  cast(sum(scored.errors_{{ cause }}) as bigint) as errors,
  cast(sum(noisy.errors_{{ cause }}) as bigint) as errors_before,
  sum(scored.errors_{{ cause }}) / sum(scored.characters) as cer,
  1 - sum(scored.errors_{{ cause }}) / nullif(sum(noisy.errors_{{ cause }}), 0) as removed
from {{ source('lake', 'evaluation') }} as scored
inner join noisy on scored.dt = noisy.dt and scored.pair = noisy.pair
group by scored.dt, scored.system
{% if not loop.last %}union all{% endif %}
{% endfor %}
