"""The two failures a stage foresees. Anything else is a bug, an outage or a full machine, and is worth a retry."""


class MendelError(Exception):
    """A foreseen failure; `exit_code` is what the CLI returns for it."""

    exit_code = 1


class InputError(MendelError):
    """Bad configuration or bad input. The message says what was found, what was expected and what to change."""

    exit_code = 2


class GateError(MendelError):
    """A quality gate said no. The message names the expectations that failed."""

    exit_code = 3
