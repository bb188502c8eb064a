{# The name of the class that a value is in: each takes values up to its bound, the last one all beyond. #}
{% macro class_of(value, bounds, names) -%}
  case
    {%- for bound in bounds %} when {{ value }} <= {{ bound }} then '{{ names[loop.index0] }}'{% endfor %}
    else '{{ names[-1] }}'
  end
{%- endmacro %}
