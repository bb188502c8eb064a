-- Each record and file that a day rejected has its line with a reason.
select
  days.dt,
  days.records_rejected + days.files_rejected as rejected,
  coalesce(sum(lines.records), 0) as lines
from {{ ref('batch_days') }} as days
left join {{ ref('rejections') }} as lines
  on lines.dataset = 'restored' and cast(days.dt as varchar) = lines."partition"
group by days.dt, days.records_rejected, days.files_rejected
having days.records_rejected + days.files_rejected <> coalesce(sum(lines.records), 0)
