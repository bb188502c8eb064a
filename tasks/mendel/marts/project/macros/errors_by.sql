{# Errors of each evaluation and system by a class of sentences. #}
{% macro errors_by(class) -%}
select
  dt,
  system,
  {{ class }},
  count(*) as sentences,
  cast(sum(characters) as bigint) as characters,
  cast(sum(errors) as bigint) as errors,
  cast(sum(errors_before) as bigint) as errors_before,
  sum(errors) / sum(characters) as cer,
  1 - sum(errors) / nullif(sum(errors_before), 0) as removed
from {{ ref('stg_sentences') }}
group by dt, system, {{ class }}
{%- endmacro %}
