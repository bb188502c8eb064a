"""The reference pages that the code itself writes, for scripts/docs.py: each function returns one page of Markdown.

    python scripts/reference.py FOLDER

Nothing here needs torch, a running Airflow or the network.
"""

from __future__ import annotations

import ast
import json
import logging
import os
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

REPO = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(REPO / "tasks"))


def main(folder: Path) -> None:
    for write in (cli, configuration, api, chart, metrics, dags):
        (folder / f"{write.__name__}.md").write_text(write())


def page(title: str, intro: str, *parts: str) -> str:
    return "\n\n".join([f"# {title}", intro, *filter(None, parts)]) + "\n"


def table(heads: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Nothing where there are no rows."""
    lines = ["| " + " | ".join(cell(value) for value in row) + " |" for row in rows]
    if not lines:
        return ""
    heads = list(heads)
    return "\n".join(["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads), *lines])


def cell(value: object) -> str:
    return " ".join(str(value).split()).replace("|", "\\|")


def code(value: object) -> str:
    return f"`{value}`"


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]


# The command line


def cli() -> str:
    import typer

    from mendel.cli.main import app

    return page(
        "Command line",
        "What `mendel COMMAND --help` says, made from the code.",
        *_commands(typer.main.get_command(app), "mendel"),
    )


def _commands(command: Any, name: str) -> Iterator[str]:
    if name == "mendel":
        yield _paragraphs(command.help)
    elif not getattr(command, "commands", None):
        parameters = [param for param in command.params if not getattr(param, "hidden", False) and param.name != "help"]
        arguments = [param for param in parameters if param.param_type_name == "argument"]
        usage = " ".join([name, "[OPTIONS]", *((param.metavar or param.name).upper() for param in arguments)])
        yield f"## {name}"
        yield f"    {usage}"
        yield _paragraphs(command.help)
        yield table(["option", "what it is", "default"], map(_option, parameters))
    for key, sub in sorted(getattr(command, "commands", {}).items()):
        if sub.hidden:
            continue
        yield from _commands(sub, f"{name} {key}")


def _paragraphs(text: str | None) -> str:
    return "\n".join(line.strip() for line in (text or "").splitlines())


def _option(param: Any) -> list[str]:
    named = (
        param.opts + param.secondary_opts
        if param.param_type_name == "option"
        else [(param.metavar or param.name).upper()]
    )
    default = param.default
    if callable(default) or default in (None, [], (), "", False) or "Sentinel" in type(default).__name__:
        default = "required" if param.required else ""
    else:
        default = code(default)
    variable = f" Environment: `{param.envvar}`." if getattr(param, "envvar", None) else ""
    return [", ".join(map(code, named)), (getattr(param, "help", None) or "") + variable, default]


# The pipeline file


def configuration() -> str:
    from mendel.pipeline import Pipeline

    schema = Pipeline.model_json_schema()
    sections = dict(_definitions(schema))
    return page(
        "Configuration",
        "A pipeline file is YAML: `include/pipelines/demo.yaml`. `!include FILE` puts another file in, and `<<:` merges it. "
        "Any value can be set for one command: `mendel corrupt … --set noise.target_cer=0.08`, or a whole section from a file: "
        "`--set noise=@include/noise/heavy.yaml`. Unknown keys are refused. This page is made from the models that check the "
        "file.",
        table(["section", "type", "default", "what it is"], _fields(schema)),
        *(
            "\n\n".join(
                filter(
                    None,
                    [
                        f"## {_title(name)} {{ #{_anchor(name)} }}",
                        _paragraphs(definition.get("description")),
                        table(["key", "type", "default", "what it is"], _fields(definition)),
                    ],
                )
            )
            for name, definition in sections.items()
        ),
    )


def _definitions(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """In the order in which a reader of the file meets them, each once."""
    definitions, waiting, seen = schema["$defs"], [schema], set()
    while waiting:
        for name in re.findall(r'"\$ref": "#/\$defs/([^"]+)"', json.dumps(waiting.pop(0).get("properties", {}))):
            if name not in seen:
                seen.add(name)
                waiting.append(definitions[name])
                yield name, definitions[name]


def _title(name: str) -> str:
    *way, last = name.split("__")
    return f"{last} ({way[1]})" if way else last


def _anchor(name: str) -> str:
    return name.lower().replace("__", "-")


def _fields(definition: dict[str, Any]) -> Iterator[list[str]]:
    required = definition.get("required", [])
    for name, field in definition.get("properties", {}).items():
        default = "required" if name in required else ""
        if "default" in field and not isinstance(field["default"], dict):
            default = code(json.dumps(field["default"], ensure_ascii=False))
        yield [code(name), _type(field), default, field.get("description", "")]


def _type(field: dict[str, Any]) -> str:
    if "$ref" in field:
        name = field["$ref"].rpartition("/")[2]
        return f"[{_title(name)}](#{_anchor(name)})"
    if "const" in field:
        return code(field["const"])
    if "enum" in field:
        return ", ".join(map(code, field["enum"]))
    for many in ("anyOf", "oneOf", "allOf"):
        if many in field:
            return " or ".join(_type(choice) for choice in field[many])
    kind = field.get("type", "any")
    if kind == "array":
        if "prefixItems" in field:
            return "list of " + ", ".join(_type(item) for item in field["prefixItems"])
        return f"list of {_type(field.get('items', {}))}"
    if kind == "object" and isinstance(field.get("additionalProperties"), dict):
        return f"map to {_type(field['additionalProperties'])}"
    return str(kind) + "".join(f", {sign} {field[key]}" for key, sign in BOUNDS.items() if key in field)


BOUNDS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}


# The service


def api() -> str:
    import structlog
    from fastapi.testclient import TestClient

    from mendel.serving.app import create
    from mendel.serving.settings import Serve

    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING)
    )  # not a line for the request
    described = TestClient(create("memory://docs", Serve()), base_url="http://localhost").get("/openapi.json").json()
    return page(
        "HTTP API",
        f"{described['info']['description']} Made from the service's own `/openapi.json`. How to start it: "
        "[serve](../how-to/serve.md).",
        *(
            _operation(described, f"{method.upper()} {path}", operation)
            for path, methods in described["paths"].items()
            for method, operation in methods.items()
        ),
        "## Schemas",
        *(
            f"### {name} {{ #{_anchor(name)} }}\n\n{definition.get('description', '')}\n\n"
            + table(["field", "type", "default", "what it is"], _fields(definition))
            for name, definition in described["components"]["schemas"].items()
            if definition.get("properties")
        ),
    )


def _operation(described: dict[str, Any], name: str, operation: dict[str, Any]) -> str:
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    parts = [f"## {name}", _paragraphs(operation.get("description") or operation.get("summary"))]
    if body:
        parts.append(f"Body: {_type(body['schema'])}.")
        if example := _example(described, body):
            parts.append(f"```json\n{json.dumps(example, indent=2, ensure_ascii=False)}\n```")
    parameters = operation.get("parameters", [])
    parts.append(
        table(
            ["parameter", "in", "what it is"],
            ([code(entry["name"]), entry["in"], entry.get("description", "")] for entry in parameters),
        )
    )
    parts.append(
        table(
            ["status", "what it means", "body"],
            (
                [status, answer["description"], _content(answer)]
                for status, answer in sorted(operation["responses"].items())
            ),
        )
    )
    return "\n\n".join(filter(None, parts))


def _example(described: dict[str, Any], body: dict[str, Any]) -> Any:
    schema = body["schema"]
    if "$ref" in schema:
        schema = described["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return body.get("example") or next(iter(schema.get("examples", [])), None)


def _content(answer: dict[str, Any]) -> str:
    return ", ".join(
        _type(content["schema"]) if "$ref" in content.get("schema", {}) else code(media)
        for media, content in answer.get("content", {}).items()
    )


# The chart


def chart() -> str:
    """charts/mendel/README.md, whose table is made from values.yaml; its links are those of a page in docs/reference."""
    from chart_values import readme

    def link(match: re.Match[str]) -> str:
        target, anchor = match[1], match[2] or ""
        if "://" in target or not target:
            return match[0]
        return f"]({os.path.relpath(REPO / 'charts' / 'mendel' / target, REPO / 'docs' / 'reference')}{anchor})"

    text = re.sub(r"<!--.*?-->\n?", "", readme()).replace("# Mendel's chart", "# Helm chart", 1)
    return re.sub(r"\]\(([^)#\s]*)(#[^)\s]*)?\)", link, text)


# Metrics


def metrics() -> str:
    rows_of: dict[str, list[list[str]]] = {}
    for file in sorted((REPO / "tasks" / "mendel").rglob("*.py")):
        for row in _metrics_of(ast.parse(file.read_text())):
            rows_of.setdefault(file.parent.name, []).append(row)
    return page(
        "Metrics",
        "Every metric for Prometheus, read from the code that makes it. A counter's name ends in `_total` when it is scraped; "
        "a histogram has `_bucket`, `_sum` and `_count`. The service shows its own at `/metrics`, the stream on "
        "`stream.metrics_port`, the lake where `mendel lake metrics` runs. All show `process_*` of the Prometheus client too, "
        "such as `process_start_time_seconds`.",
        *(
            f"## {capital(module)}\n\n" + table(["metric", "kind", "labels", "what it counts"], rows)
            for module, rows in rows_of.items()
        ),
    )


def _metrics_of(tree: ast.Module) -> Iterator[list[str]]:
    constants = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        kind = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
        if not isinstance(node, ast.Call) or kind not in ("Counter", "Gauge", "Histogram") or len(node.args) < 2:
            continue
        name, what, *labels = node.args
        if not (isinstance(name, ast.Constant) and str(name.value).startswith("mendel_")):
            continue
        of = (
            constants.get(labels[0].id, labels[0])
            if labels and isinstance(labels[0], ast.Name)
            else labels and labels[0]
        )
        names = ast.literal_eval(of) if of else ()
        total = "_total" if kind == "Counter" else ""
        yield [code(f"{name.value!s}{total}"), kind.lower(), ", ".join(map(code, names)), ast.literal_eval(what)]


# The DAGs


def dags() -> str:
    """Parsed as Airflow parses them, with a home that is thrown away."""
    with tempfile.TemporaryDirectory(prefix="mendel-docs-") as home:
        for name in [name for name in os.environ if name.startswith("MENDEL_")]:
            del os.environ[name]  # the deployment's
        os.environ |= {
            "AIRFLOW_HOME": home,
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(REPO / "plugins"),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
        }
        from airflow.dag_processing.dagbag import DagBag

        bag = DagBag(dag_folder=str(REPO / "dags"))
        if bag.import_errors:
            raise SystemExit(f"DAG files that do not import: {bag.import_errors}")
        order = [
            "ingest",
            "corrupt",
            "finetune",
            "promote",
            "restore_b",
            "restore_s",
            "watch",
            "collect_f",
            "retrain",
            "build",
            "collect_g",
        ]
        ordered = sorted(
            bag.dags.values(), key=lambda dag: [dag.dag_id.startswith(name) for name in order], reverse=True
        )
        return page(
            "DAGs",
            "The files below [dags/](../../dags): wiring only. Params are the fields of the trigger form, with what the local "
            "deployment offers. Times are limits as hours, minutes and seconds, not what a run takes.",
            *map(_dag, ordered),
        )


def _dag(dag: Any) -> str:
    limits = "One run at a time." if dag.max_active_runs == 1 else f"At most {dag.max_active_runs} runs at a time."
    hours = " and ".join(str(alert.interval) for alert in dag.deadline or [])
    params = [(name, dag.params.get_param(name)) for name in dag.params]
    return "\n\n".join(
        [
            f"## {dag.dag_id}",
            f"[dags/{Path(dag.fileloc).name}](../../dags/{Path(dag.fileloc).name}) · {_schedule(dag.schedule)}",
            re.sub(r"^### .*\n+", "", dag.doc_md).strip(),
            f"{limits} A run ends after {dag.dagrun_timeout} at the latest, and is reported as late after {hours}.",
            table(
                ["task", "pool", "timeout of a try", "retries", "what it does"],
                (
                    [
                        code(task.task_id),
                        "" if task.pool == "default_pool" else code(task.pool),
                        task.execution_timeout or "",
                        task.retries,
                        _task(task),
                    ]
                    for task in dag.topological_sort()
                ),
            ),
            table(
                ["param", "title", "default", "values", "what it is"],
                (
                    [
                        code(name),
                        param.schema.get("title", ""),
                        code(json.dumps(param.value)),
                        _values(param.schema),
                        param.schema.get("description_md") or param.description or "",
                    ]
                    for name, param in params
                ),
            ),
        ]
    )


def _task(task: Any) -> str:
    if task.outlets:
        return "Emits the asset " + ", ".join(code(asset.name) for asset in task.outlets) + "."
    klass = getattr(task, "operator_class", type(task))
    doc = task.doc_md or next(iter((klass.__doc__ or "").split("\n\n")), "")
    return re.sub(r"; see `[^`]*`\.$", ".", doc.strip())


def _values(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return ", ".join(code(value) for value in schema["enum"] if value is not None)
    kinds = schema.get("type", "any")
    kind = " or ".join(kind for kind in ([kinds] if isinstance(kinds, str) else kinds) if kind != "null")
    return str(kind) + "".join(f", {sign} {schema[key]}" for key, sign in BOUNDS.items() if key in schema)


def _schedule(schedule: Any) -> str:
    if isinstance(schedule, str):
        return f"cron `{schedule}` (UTC)"
    if expression := getattr(schedule, "expression", None):
        return f"cron `{expression}` (UTC), one partition a tick"
    names = re.findall(r"name='(\w+)'", repr(schedule))
    return "after the asset " + ", ".join(map(code, dict.fromkeys(names))) + ", for the same partition"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
