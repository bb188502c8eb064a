select
  'evaluation/dt=' || "partition" || '/' || fingerprint as evaluation,
  cast({{ number('metrics', 'sentences') }} as bigint) as sentences,
  {{ number('metrics', 'scores.identity.cer.value') }} as cer_before,
  {{ number('metrics', 'scores.candidate.cer.value') }} as cer,
  {{ number('metrics', 'scores.candidate.reduction.value') }} as removed,
  {{ number('metrics', 'scores.candidate.exact.value') }} as exact,
  {{ number('metrics', 'scores.candidate.worse.value') }} as worse,
  {{ number('metrics', 'scores.candidate.clean_altered.value') }} as clean_altered,
  {{ number('metrics', 'scores.candidate.foreign_altered.value') }} as foreign_altered
from {{ source('lake', 'versions') }}
where dataset = 'evaluation'
