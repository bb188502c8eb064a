"""Is a day's drift worth an event?"""

from mendel.core.manifest import Manifest


def no_alarm(drift: Manifest, run_id: str) -> str | None:
    """Why a day's report is no alarm, or None where it is one."""
    if drift.metrics["alarm"]:
        return None
    over = f", in {drift.metrics['tests_over']}" if drift.metrics["tests_over"] else ""
    return f"no alarm; the day: {drift.metrics['verdict']}{over}"
