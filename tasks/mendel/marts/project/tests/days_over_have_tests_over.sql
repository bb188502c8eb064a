-- A day is over where, and only where, one of its tests is.
select *
from {{ ref('drift_days') }}
where (verdict = 'over') <> (tests_over > 0) or (verdict = 'too few records') <> (tests = 0)
