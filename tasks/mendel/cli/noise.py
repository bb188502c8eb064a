"""`mendel noise`: profiles of real noise."""

from __future__ import annotations

from typing import Annotated

import typer

from mendel.core import lake
from mendel.core.errors import InputError

app = typer.Typer(no_args_is_help=True)


@app.callback()
def noise() -> None:
    """Noise profiles: which errors happen, how often, how long."""


@app.command()
def learn(
    pairs: Annotated[
        str,
        typer.Option(
            help='JSON Lines with the keys "noisy" and "clean", or a folder with NAME.txt and NAME.gt.txt: path or URI.',
            show_default=False,
        ),
    ],
    out: Annotated[str, typer.Option(help="YAML file to write the profile to: path or URI.", show_default=False)],
    name: Annotated[str, typer.Option(help="Name of the profile; without it the file's.", show_default=False)] = "",
    force: Annotated[bool, typer.Option("--force", help="Write over a profile that is there.")] = False,
    clean: Annotated[
        str, typer.Option(help="Folder of the clean texts; the noisy ones are those in --pairs.", show_default=False)
    ] = "",
) -> None:
    """Learn a noise profile from real errors: pairs of a noisy text and the clean one it should be.

    Give the pairs as they come, those without errors too: they tell the rates. Texts may be pages long: they are cut into
    passages, and what has no counterpart is left out and counted. Files are text, hOCR, ALTO or PAGE XML. Operation
    rates, segment lengths, the characters that are confused, inserted and most often wrong, and how much texts differ in
    noise are estimated by expectation-maximisation. `corrupt` and the restorers take the profile as it is.

    Example: `mendel noise learn --pairs scans.jsonl --out scans.yaml`, or `--pairs scanned/ --clean typed/`; then
    `mendel corrupt … --set noise=@scans.yaml`
    """
    from mendel.noise.learn import learn as fit
    from mendel.noise.learn_pairs import read
    from mendel.noise.learn_report import table, to_yaml

    target = lake.normalise(out)
    if lake.exists(target) and not force:
        raise InputError(f"--out {out} exists; choose another, or write over it with --force")
    texts = read(pairs, clean)
    if texts.alone:
        print(f"{len(texts.alone)} files without counterpart, such as {texts.alone[0]}")
    learned = fit(texts.clean, texts.noisy, name or target.rsplit("/", 1)[-1].removesuffix(".yaml"))
    lake.write(target, to_yaml(learned).encode())
    print(table(learned))
    print(f"written to {out}")
