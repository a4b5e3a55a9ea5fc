"""The documentation says what is: configurations are valid, commands exist, examples run, links lead somewhere."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from configparser import ConfigParser
from pathlib import Path
from pkgutil import resolve_name
from types import UnionType
from typing import Any, NamedTuple, TypeGuard, get_args, get_origin

import pytest

from docs.build import commands, meanings_of, reasons
from lakescope.app.config import Settings, parse
from lakescope.core.columns import columns
from lakescope.core.events import DATASETS
from lakescope.core.messages import REASONS, traits
from lakescope.core.options import Options, descriptions
from lakescope.core.plugins import Room, available, load
from lakescope.dashboards.definitions import DASHBOARDS
from lakescope.kpis import CATALOGUE
from lakescope.pipeline.metrics import Metrics

ROOT = Path(__file__).parent.parent
REFERENCE = ROOT / "docs" / "reference"
PAGES = sorted(
    [
        *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "compose/README.md")),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "changelog.d").glob("*.md"),
    ]
)
_BLOCK = re.compile(r"^```(\w*)( run)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_VARIABLE = re.compile(r"\$\{(\w+)\}")


class Block(NamedTuple):
    """A fenced block of a page."""

    page: Path
    line: int
    language: str
    runs: bool
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def _blocks() -> Iterator[Block]:
    for page in PAGES:
        text = page.read_text()
        for found in _BLOCK.finditer(text):
            yield Block(page, text.count("\n", 0, found.start()) + 1, found[1], bool(found[2]), found[3])


BLOCKS = list(_blocks())


def _some(language: str, *, runs: bool = False) -> list[Block]:
    return [block for block in BLOCKS if block.language == language and (block.runs or not runs)]


# --- configurations ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("block", _some("toml"), ids=str)
def test_configuration_is_valid(block: Block, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    for name in re.findall(r"\$\{credential:([\w-]+)\}", block.text):
        (tmp_path / name).write_text("a-secret")
    for variable in _VARIABLE.findall(block.text):
        is_address = variable.endswith(("_WEBHOOK", "_URL"))
        monkeypatch.setenv(variable, "https://hooks.example.org/a-secret" if is_address else "a-secret")
    parse(block.text, str(block))


def test_settings_named_in_the_text_exist() -> None:
    sections = {
        name: get_args(kind)[0] if isinstance(kind := field.annotation, UnionType) else kind
        for name, field in Settings.model_fields.items()
    }
    named = {
        (page.name, section, option)
        for page in PAGES
        for section, option in re.findall(r"`(\w+)\.(\w+)`", page.read_text())
        if section in sections and section not in DATASETS and option not in ("py", "md")
    }
    assert named
    assert not [
        (page, section, option)
        for page, section, option in sorted(named)
        if option not in sections[section].model_fields  # type: ignore[union-attr]  # each is a model
    ]


# --- commands ---------------------------------------------------------------------------------------------

COMMANDS = {context.command_path: context.command for context in commands()}


def _command_lines() -> Iterator[tuple[str, str]]:
    for block in _some("sh"):
        for line in block.text.replace("\\\n", " ").splitlines():
            if found := re.search(r"(?:^|\s)(lakescope .*)", line):
                yield str(block), found[1]
    for page in PAGES:
        for span in _SPAN.findall(_BLOCK.sub("", page.read_text())):
            if span.startswith("lakescope "):
                yield str(page.relative_to(ROOT)), span


@pytest.mark.parametrize(("place", "line"), sorted(set(_command_lines())))
def test_command_exists(place: str, line: str) -> None:
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words = list(lexer)
    end = next((i for i, word in enumerate(words) if set(word) <= set("|&;<>()")), len(words))
    words = words[:end]
    command, name = COMMANDS["lakescope"], "lakescope"
    rest = words[1:]
    if rest[:1] == ["lakescope"]:  # docker compose exec lakescope lakescope top
        rest = rest[1:]
    while rest and f"{name} {rest[0]}" in COMMANDS:
        name = f"{name} {rest.pop(0)}"
        command = COMMANDS[name]
    assert name != "lakescope", f"{place}: no such command: {line}"
    known = {option for parameter in command.params for option in parameter.opts}
    options = [word.partition("=")[0] for word in rest if word.startswith("-") and word != "-"]
    assert not set(options) - known, f"{place}: no such option: {line}"
    takes_words = any(parameter.param_type_name == "argument" for parameter in command.params)
    assert takes_words or "commands" in vars(command) or not rest or rest[0].startswith("-"), (
        f"{place}: {line}"
    )


@pytest.mark.parametrize("block", _some("sh", runs=True), ids=str)
def test_example_runs(block: Block, tmp_path: Path) -> None:
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block.text],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr


# --- what is named in the text ------------------------------------------------------------------------------

TEXTS = [page for page in PAGES if page.parent.name != "changelog.d"]
"""A fragment of the changes tells of its day."""
_ROOTS = {path.name for path in ROOT.iterdir() if path.is_dir()} | {
    path.name for path in (ROOT / "lakescope").iterdir() if path.is_dir()
}
_WRITTEN = set(re.findall(r"`([^`\n]+)`[^\n]*:\n\n```", (ROOT / "CONTRIBUTING.md").read_text()))
"""Files that the walk-throughs have the reader write."""


def _spans() -> Iterator[tuple[Path, str]]:
    for page in TEXTS:
        for span in _SPAN.findall(_BLOCK.sub("", page.read_text())):
            yield page, span


def _is_there(path: str) -> bool:
    """A path of the repository, also as seen from `lakescope/` or from docs/; `*` and `<name>` stand for any name."""
    pattern = re.sub(r"<\w+>", "*", path.rstrip("/"))
    return any(any(base.glob(pattern)) for base in (ROOT, ROOT / "lakescope", ROOT / "docs"))


def test_paths_named_in_the_text_exist() -> None:
    paths = {
        (page.name, span)
        for page, span in _spans()
        if re.fullmatch(r"[\w.-]+(/[\w.*<>-]+)+/?|[\w-]+/", span) and span.split("/")[0] in _ROOTS
    }
    assert len(paths) > 20
    assert not [(page, path) for page, path in sorted(paths) if path not in _WRITTEN and not _is_there(path)]


def test_files_of_code_named_in_the_text_exist() -> None:
    files = {path.name for room in _ROOTS for path in (ROOT / room).rglob("*.py")}
    named = {(page.name, span) for page, span in _spans() if re.fullmatch(r"\w+\.py", span)}
    assert not [(page, name) for page, name in sorted(named) if name not in files]


def test_modules_named_in_the_text_exist() -> None:
    named = {
        (page.name, span)
        for page, span in _spans()
        if re.fullmatch(r"lakescope(\.\w+)+(?<!\.toml)(?<!\.lock)(?<!\.service)", span)
    }
    groups = {
        f"lakescope.{room}" for room in ("collectors", "formats", "sinks", "receivers", "rules")
    }  # of entry points
    assert named
    assert not [(page, name) for page, name in sorted(named) if name not in groups and not _resolves(name)]


def _resolves(name: str) -> bool:
    """Whether it is a module, or something in one."""
    try:
        resolve_name(name)
    except (ImportError, AttributeError):
        return False
    return True


def test_targets_of_make_named_in_the_text_exist() -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    lines = [block.text for block in _some("sh") if block.page in TEXTS]
    named = set(
        re.findall(
            r"(?:^|`)make ([\w-]+)", "\n".join([*lines, *(f"`{s}" for _, s in _spans())]), re.MULTILINE
        )
    )
    assert named
    assert not named - targets


def test_kpis_and_formats_of_commands_exist() -> None:
    lines = "\n".join(line for place, line in _command_lines() if not place.startswith("changelog.d"))
    lines += "".join(block.text for block in BLOCKS)
    kpis = set(re.findall(r"lakescope query ([a-z_0-9]+)", lines)) | set(
        re.findall(r"/api/kpis/(\w+)", lines)
    )
    formats = set(re.findall(r"lakescope normalise (?:--format|-f)[ =](\w+)", lines)) | set(
        re.findall(r"/push/(?!metrics/|token/)(\w+)", lines)  # but a Pushgateway's paths
    )
    assert kpis
    assert formats
    assert not kpis - CATALOGUE.keys()
    assert not formats - available("formats").keys()


NUMBERS = (
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
)


def test_counts_in_the_text_are_right() -> None:
    counts = {
        "collectors": len(available("collectors")),
        "formats": len(available("formats")),
        "sinks": len(available("sinks")),
        "dashboards": len(DASHBOARDS),
        "datasets": len(DATASETS),
        "KPIs": len(CATALOGUE),
    }
    wrong = []
    for page in TEXTS:
        for number, what in re.findall(
            rf"\b(?i:(\d+|{'|'.join(NUMBERS)})) ({'|'.join(counts)})\b", page.read_text()
        ):
            count = int(number) if number.isdigit() else NUMBERS.index(number.lower()) + 1
            if count not in (1, counts[what]):
                wrong.append((page.name, number, what))
    assert not wrong


def test_the_picture_of_the_layers_is_that_of_import_linter() -> None:
    """docs/architecture.md: "Import rules"; a storey a line, its modules apart by bars."""
    linter = ConfigParser()
    linter.read(ROOT / ".importlinter")

    def storeys(contract: str) -> list[set[str]]:
        lines = linter[f"importlinter:contract:{contract}"]["layers"].split("\n")
        return [set(re.split(r" [|] ", line.strip())) for line in lines if line.strip()]

    house = [storey for storey in storeys("house") if storey not in ({"__main__"}, {"core"})]
    roof = house.index({"app"})
    (picture,) = re.findall(
        r"^## Import rules\n\n```text\n(.*?)^```",
        (ROOT / "docs" / "architecture.md").read_text(),
        re.MULTILINE | re.DOTALL,
    )
    drawn = []
    for line in picture.splitlines():
        names = re.split(r"\s{2,}", re.sub(r"^  (app|rooms|core)\b", "", line).strip())[0]
        if names and set(names) != {"-"}:
            drawn.append(set(names.split(" | ")))
    assert drawn == [*house[:roof], *storeys("roof"), *house[roof + 1 :], *storeys("ground")]


# --- links ------------------------------------------------------------------------------------------------


def _anchors(page: Path) -> set[str]:
    """As GitHub makes them of headings."""
    text = _BLOCK.sub("", page.read_text())
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")
        for heading in _HEADING.findall(text)
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for link in _LINK.findall(_BLOCK.sub("", page.read_text())):
        path, _, anchor = link.partition("#")
        if "://" in path:
            continue
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in _anchors(target)):
            broken.append(link)
    assert not broken


def test_every_page_is_linked_from_an_index() -> None:
    indexes = [ROOT / "README.md", ROOT / "docs" / "README.md"]
    linked = {
        (index.parent / link.partition("#")[0]).resolve()
        for index in indexes
        for link in _LINK.findall(index.read_text())
    }
    pages = {page for page in (ROOT / "docs").rglob("*.md") if page not in indexes}
    assert not pages - linked


# --- the reference ----------------------------------------------------------------------------------------


def _rows(text: str, heading: str | None = None) -> set[str]:
    """First cells of the tables, of one section or of the whole page."""
    if heading is not None:
        (text,) = re.findall(rf"^## {heading}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    return set(re.findall(r"^\| `([\w.\[\]]+)` \|", text, re.MULTILINE))


def _is_options(kind: Any) -> TypeGuard[type[Options]]:
    return isinstance(kind, type) and issubclass(kind, Options)


def _options(model: type[Options], prefix: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        inner, path = field.annotation, f"{prefix}{name}."
        inner = next(filter(_is_options, get_args(inner)), inner) if get_origin(inner) is UnionType else inner
        if get_origin(inner) is dict and isinstance(get_args(inner)[1], type):  # tables by name
            inner, path = get_args(inner)[1], f"{path}NAME."
        if get_origin(inner) is list and _is_options(get_args(inner)[0]):  # a list of tables
            inner, path = get_args(inner)[0], f"{prefix}{name}[]."
        if _is_options(inner):
            yield from _options(inner, path)
        else:
            assert descriptions(model).get(name), f"{model.__name__}.{name} has no description"
            yield prefix + name


def _plugins() -> Iterator[tuple[Room, str]]:
    rooms: tuple[Room, ...] = ("collectors", "sinks", "receivers")
    for room in rooms:
        for name, entry in available(room).items():
            if entry.dist is not None and entry.dist.name == "lakescope":
                yield room, name


@pytest.mark.parametrize(("room", "name"), list(_plugins()))
def test_options_are_those_of_the_reference(room: Room, name: str) -> None:
    page = (REFERENCE / f"{room}.md").read_text()
    assert _rows(page, name) == set(_options(load(room, name).Options))


def test_settings_are_those_of_the_reference() -> None:
    assert _rows((REFERENCE / "configuration.md").read_text()) == set(_options(Settings))


@pytest.mark.parametrize("dataset", DATASETS)
def test_fields_are_those_of_the_reference(dataset: str) -> None:
    page = (REFERENCE / "events.md").read_text()
    fields = {field.name for field in columns(dataset)}
    assert meanings_of(DATASETS[dataset]).keys() >= fields
    assert _rows(page, dataset) | _rows(page, "Every event") == fields | {"dataset"}


def test_reasons_are_those_of_the_reference() -> None:
    headings = re.findall(r"^## (\w+)$", (REFERENCE / "errors.md").read_text(), re.MULTILINE)
    assert headings == list(REASONS)
    assert list(reasons()) == list(REASONS)


def test_formats_are_those_of_the_reference() -> None:
    headings = re.findall(r"^## (\w+)$", (REFERENCE / "formats.md").read_text(), re.MULTILINE)
    assert set(headings) <= set(available("formats"))
    assert {"hermes", "fts", "perfsonar", "push"} <= set(headings)


def test_experimental_formats_are_marked_in_the_reference() -> None:
    sections = re.split(r"^## ", (REFERENCE / "formats.md").read_text(), flags=re.MULTILINE)[1:]
    for section in sections:
        name, text = section.split("\n", 1)
        experimental = traits(load("formats", name)).maturity == "experimental"
        assert text.strip().startswith("**Experimental**") == experimental, name


def test_kpis_are_those_of_the_reference() -> None:
    headings = re.findall(r"^## (\w+)$", (REFERENCE / "kpis.md").read_text(), re.MULTILINE)
    assert headings == list(CATALOGUE)


def test_commands_are_those_of_the_reference() -> None:
    headings = re.findall(r"^## (.+)$", (REFERENCE / "cli.md").read_text(), re.MULTILINE)
    assert headings == list(COMMANDS)


def test_metrics_named_anywhere_exist() -> None:
    exposed = {
        sample for family in Metrics().registry.collect() for sample in (family.name, f"{family.name}_total")
    }
    assert _rows((REFERENCE / "metrics.md").read_text()) <= exposed
    named = {
        (page.name, name)
        for page in PAGES
        for name in re.findall(r"\blakescope_[a-z_]+", page.read_text().replace("_bucket", ""))
    }
    assert not [(page, name) for page, name in sorted(named) if name not in exposed]


# --- containers, changes -----------------------------------------------------------------------------------

COMPOSE = ROOT / "compose"


def _variables() -> set[str]:
    return set(re.findall(r"^(\w+)=", (COMPOSE / ".env.example").read_text(), re.MULTILINE))


def test_the_containers_configuration_is_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (COMPOSE / "lakescope.toml").read_text()
    assert set(_VARIABLE.findall(text)) <= _variables()
    for variable in _variables():
        is_address = variable.endswith("_WEBHOOK")
        monkeypatch.setenv(variable, "https://hooks.example.org/a-secret" if is_address else "a-secret")
    parse(text, "compose/lakescope.toml")


def test_compose_file_refers_to_what_is_there() -> None:
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
    document = yaml.safe_load((COMPOSE / "compose.yaml").read_text())
    services = document["services"]
    assert set(services) >= {"lakescope", "activemq", "elasticsearch", "influxdb", "grafana"}
    for name, service in services.items():
        assert "mem_limit" in service, name
        assert set(service.get("depends_on", ())) <= set(services), name
        for volume in service.get("volumes", ()):
            source = volume.partition(":")[0]
            assert (COMPOSE / source).exists() if source.startswith(".") else source in document["volumes"], (
                volume
            )
        for port in service.get("ports", ()):
            assert port.startswith("127.0.0.1:"), port
    assert (COMPOSE / services["lakescope"]["build"]["context"] / "compose" / "Dockerfile").is_file()
    assert set(re.findall(r"\$\{(\w+):\?", json.dumps(document))) == _variables()
    assert services["lakescope"]["healthcheck"]["test"][-1].count("/livez") == 1


def test_the_image_is_built_from_all_packages() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    kept = re.findall(r"^!(\S+)$", (COMPOSE / "Dockerfile.dockerignore").read_text(), re.MULTILINE)
    assert set(packages) <= set(kept)


def test_fragments_have_their_kind_in_the_name() -> None:
    names = [path.name for path in (ROOT / "changelog.d").glob("*.md") if path.name != "README.md"]
    assert names
    form = re.compile(r"\d{4}\.(breaking|deprecation|feature|fix|security)\.md")
    assert not [name for name in names if not form.fullmatch(name)]
    assert len({name[:4] for name in names}) == len(names)
