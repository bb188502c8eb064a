-- However errors are told apart, they are the same errors.
with sums as (
  {% for mart in ['errors_by_operation', 'errors_by_length', 'errors_by_noise_level'] %}
  select dt, system, sum(errors) as errors, sum(errors_before) as errors_before
  from {{ ref(mart) }}
  group by dt, system
  {% if not loop.last %}union all{% endif %}
  {% endfor %}
)

select dt, system
from sums
group by dt, system
having count(*) <> 3 or min(errors) <> max(errors) or min(errors_before) <> max(errors_before)
