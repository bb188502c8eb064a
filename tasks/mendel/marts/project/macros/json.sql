{# A number in a column of JSON, null where it is not there. `path` has dots: scores.candidate.cer.value #}
{% macro number(column, path) -%}
  cast(json_extract_string({{ column }}, '$.{{ path }}') as double)
{%- endmacro %}
