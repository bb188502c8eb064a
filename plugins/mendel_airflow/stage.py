"""The one factory that turns a stage's command into a task.

    stage("corrupt", setting("noise.target_cer", param="target_cer"), FORCE, doc="…")

runs `mendel corrupt --config … --partition … --set=noise.target_cer=0.08` on the deployment's target. The params that
an option names are the DAG's own; an option whose param is empty is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from airflow.sdk import BaseOperator, XComArg
from airflow.sdk.definitions.mappedoperator import MappedOperator

from mendel_airflow import targets
from mendel_airflow.partitions import PARTITION


def stage(
    command: str,
    *options: str,
    doc: str,
    timeout: timedelta = timedelta(hours=1),
    links: Sequence[Any] = (),
    partitioned: bool = True,
    **kwargs: Any,
) -> BaseOperator:
    """A task that runs `mendel COMMAND` on the run's partition.

    :param command: as typed, `validate corpus`; the task is named `validate_corpus`.
    :param options: more of the command line, templated.
    :param doc: what the task does, for its page in the UI.
    :param timeout: how long one try may take; there is no stage without an end.
    :param partitioned: off for a command that is about the whole lake.
    :param kwargs: what else BaseOperator takes (pool, trigger_rule, …), or a task_id that the command does not give.
    """
    arguments = _arguments(command, options, doc, timeout, partitioned)
    return targets.operator(command)(**{**arguments, **kwargs}, links=links)


def mapped_stage(
    command: str,
    *options: str,
    over: XComArg,
    index: str,
    doc: str,
    timeout: timedelta = timedelta(hours=1),
    **kwargs: Any,
) -> MappedOperator:
    """As `stage`, once for each of a list of options that an earlier task made.

    :param over: a list of options, `[{"shard": 0}, {"shard": 1}]` for `--shard 0` and `--shard 1`.
    :param index: template that names one of them in the UI.
    """
    fixed = _arguments(command, options, doc, timeout)
    return targets.operator(command).partial(**fixed, map_index_template=index, **kwargs).expand(mapped=over)


def setting(key: str, *, param: str, form: str = "{}") -> str:
    """The option that sets `key` in the stage's section to the run's param, written as `form` says."""
    value = form.replace("{}", f"{{{{ params.{param} }}}}")
    return _if_given(param, f"--set={key}={value}")


def option(name: str, *, param: str) -> str:
    """The option `name` with the run's param as its value."""
    return _if_given(param, f"{name}={{{{ params.{param} }}}}")


def flag(name: str, *, param: str) -> str:
    """The option `name`, which takes no value, where the run's param is on."""
    return f"{{% if params.{param} %}}{name}{{% endif %}}"


FORCE = flag("--force", param="force")


def _if_given(param: str, text: str) -> str:
    return f"{{% if params.{param} is not none %}}{text}{{% endif %}}"


def _arguments(
    command: str, options: Sequence[str], doc: str, timeout: timedelta, partitioned: bool = True
) -> dict[str, Any]:
    common = ["--config", "{{ params.config }}", *(["--partition", PARTITION] if partitioned else [])]
    return {
        "task_id": command.replace(" ", "_"),
        "arguments": [*command.split(), *common, *options],
        "execution_timeout": timeout,
        "doc_md": f"{doc}\n\nRuns `mendel {command}`; see `mendel {command} --help`.",
    }
