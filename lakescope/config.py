"""The configuration: one TOML file, validated as a whole before anything starts.

    [collectors.NAME]   type = "stomp" ...     where messages come from
    [sinks.NAME]        type = "duckdb" ...    where events go

``${VARIABLE}`` (or ``${VARIABLE:-default}``) in any text is replaced from the environment: secrets belong there.
Every fault is a `Problem` that names file and line, what was expected, and the remedy.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Any, NamedTuple

import pydantic
from pydantic import Field, SecretStr

from lakescope.options import Options
from lakescope.pipeline.health import OWN
from lakescope.plugins import Room, UnknownPlugin, available, load

DEFAULT_PATH = Path("lakescope.toml")
_VARIABLE = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")


class Http(Options):
    """The status page, the API and the push routes."""

    host: str = "127.0.0.1"
    """Address to listen on; ``0.0.0.0`` for all."""
    port: int = Field(default=8137, ge=0, le=65535)
    """Port to listen on; 0 takes a free one."""
    token: SecretStr | None = Field(default=None, min_length=8, examples=["${LAKESCOPE_TOKEN}"])
    """Token for everything but /livez, /readyz and push routes with a token of their own. Without it only the loopback
    can be listened on."""
    allowed_hosts: tuple[str, ...] = Field(default=(), examples=[["lakescope.example.org"]])
    """Names by which it may be asked, beside its addresses, ``localhost`` and its own host's name."""

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        try:
            return ip_address(self.host.strip("[]")).is_loopback
        except ValueError:
            return self.host.lower() == "localhost"


class PipelineOptions(Options):
    """Batches and bounds."""

    batch_messages: int = Field(default=1000, ge=1)
    """Largest batch (messages)."""
    batch_age_s: float = Field(default=0.5, gt=0)
    """Longest wait for a batch to fill (seconds)."""
    queue_messages: int = Field(default=10_000, ge=1)
    """How far a slow sink may fall behind the others before it holds back the sources (messages)."""
    queue_bytes: int = Field(default=64 * 2**20, ge=2**20)
    """The same in bytes of its events as JSON (bytes), whichever is reached first."""
    drain_s: float = Field(default=20.0, ge=0)
    """How long a stop may take to store what has been received (seconds)."""
    health_s: float = Field(default=60.0, ge=0)
    """From one report of Lakescope on itself to the next (seconds): events of the dataset ``pipeline``; 0: none."""


class TopologyOptions(Options):
    """CRIC's documents, as files: what gives events their sites, countries and QoS classes."""

    rses: Path | None = Field(default=None, examples=["/etc/lakescope/rses.json"])
    """Answer of ``api/doma/rse/query/?json&preset=doma``."""
    services: Path | None = Field(default=None, examples=["/etc/lakescope/services.json"])
    """Answer of ``core/service/query/?json``."""
    sites: Path | None = Field(default=None, examples=["/etc/lakescope/sites.json"])
    """Answer of ``core/rcsite/query/?json``."""


class FunctionalTests(Options):
    """What marks noise traffic, so that KPIs can leave it out."""

    activities: tuple[str, ...] = (
        "Functional Test",
        "Functional Tests",
        "Functional Testing",
        "functional-testing",
    )
    """Activities of noise traffic."""
    scopes: tuple[str, ...] = ("-noise",)
    """Endings of noise traffic's scopes."""


class Privacy(Options):
    """Personal data: certificate subjects (FTS's user_dn)."""

    user_salt: SecretStr | None = Field(default=None, min_length=8, examples=["${LAKESCOPE_SALT}"])
    """Keeps a subject as a hash with this salt; without it subjects are dropped."""


class DashboardOptions(Options):
    """Lakescope's own dashboard pages."""

    since: str | None = Field(default=None, pattern=r"^\d+(min|h|d|w)$", examples=["7d"])
    """How far back every dashboard looks at first (12h, 7d); without it each dashboard's own choice."""


class Settings(Options):
    """Everything but the plugins' own options."""

    data_dir: Path = Path("lakescope-data")
    """Where dead letters, spools and the embedded store lie."""
    http: Http = Http()
    """The status page, the API and the push routes."""
    pipeline: PipelineOptions = PipelineOptions()
    """Batches and bounds."""
    topology: TopologyOptions = TopologyOptions()
    """CRIC's documents."""
    functional_tests: FunctionalTests = FunctionalTests()
    """What marks noise traffic."""
    privacy: Privacy = Privacy()
    """Personal data."""
    dashboards: DashboardOptions = DashboardOptions()
    """Lakescope's own dashboard pages."""


class Plugin(NamedTuple):
    """One collector or sink of the configuration."""

    name: str
    type: str
    options: Any


class Configuration(NamedTuple):
    """A valid configuration."""

    settings: Settings
    collectors: dict[str, Plugin]
    sinks: dict[str, Plugin]

    def document(self) -> dict[str, Any]:
        """The effective configuration as plain data, secrets masked, unset options left out."""
        plain = self.settings.model_dump(mode="json", exclude_none=True)
        for room, plugins in (("collectors", self.collectors), ("sinks", self.sinks)):
            plain[room] = {
                plugin.name: {"type": plugin.type} | plugin.options.model_dump(mode="json", exclude_none=True)
                for plugin in plugins.values()
            }
        return plain


class Problem(NamedTuple):
    """One fault of a configuration file."""

    file: str
    line: int | None
    place: str
    text: str
    remedy: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        place = f" [{self.place}]" if self.place else ""
        return f"{where}:{place} {self.text}\n    remedy: {self.remedy}"


class ConfigurationError(RuntimeError):
    """The configuration cannot be used; `problems` says why, all at once."""

    def __init__(self, problems: Sequence[Problem]):
        self.problems = list(problems)
        super().__init__("\n".join(map(str, problems)))


def load_file(path: Path) -> Configuration:
    """The configuration of a file. Raises `ConfigurationError`."""
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        remedy = "give its path with -c, or write one: `lakescope config sample > lakescope.toml`"
        raise ConfigurationError(
            [Problem(str(path), None, "", f"cannot be read: {error}", remedy)]
        ) from error
    return parse(text, str(path))


def parse(text: str, file: str = "configuration") -> Configuration:
    """The configuration of a TOML text. Raises `ConfigurationError`."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        problem = Problem(
            file,
            int(line[1]) if line else None,
            "",
            f"not TOML: {error}",
            'text is written in quotes: name = "value"',
        )
        raise ConfigurationError([problem]) from error
    return _Reader(text, file).read(document)


class _Reader:
    """Reads one document and gathers its problems."""

    def __init__(self, text: str, file: str):
        self.lines = text.splitlines()
        self.file = file
        self.document: dict[str, Any] = {}
        self.problems: list[Problem] = []

    def read(self, document: dict[str, Any]) -> Configuration:
        self.document = document
        document = self._expand(document, ())
        rooms = {room: document.pop(room, {}) for room in ("collectors", "sinks")}
        settings = self._validate(Settings, document, ())
        if settings is not None and settings.http.token is None and not settings.http.is_loopback:
            self._problem(
                ("http", "host"),
                f"others can reach {settings.http.host!r}, and [http] has no token",
                'add token = "${LAKESCOPE_TOKEN}" below [http] and export LAKESCOPE_TOKEN=$(openssl rand -hex 24),'
                ' or listen on this machine only: host = "127.0.0.1"',
            )
        collectors = self._plugins("collectors", rooms["collectors"])
        sinks = self._plugins("sinks", rooms["sinks"])
        for room, plugins in (("collectors", collectors), ("sinks", sinks)):
            if not plugins and not self.problems:
                example = ", ".join(available(room))
                remedy = f"add [{room}.NAME] with type = one of {example}"
                self._problem((room,), f"there are no {room}", remedy)
        if self.problems:
            raise ConfigurationError(self.problems)
        return Configuration(settings, collectors, sinks)

    def _plugins(self, room: Room, tables: Any) -> dict[str, Plugin]:
        found: dict[str, Plugin] = {}
        if not isinstance(tables, Mapping):
            self._problem(
                (room,), f"expected tables [{room}.NAME]", f"write [{room}.mine] and its options below"
            )
            return found
        for name, table in tables.items():
            place = (room, name)
            if room == "collectors" and name == OWN:
                self._problem(
                    place, f"`{OWN}` is the name of Lakescope's reports on itself", "give it another name"
                )
                continue
            if not isinstance(table, dict) or not isinstance(table.get("type"), str):
                kinds = ", ".join(available(room))
                self._problem(place, "`type` is missing or no text", f"add type = one of {kinds}")
                continue
            options = dict(table)
            kind = options.pop("type")
            try:
                plugin = load(room, kind)
            except UnknownPlugin as error:
                close = difflib.get_close_matches(str(kind), available(room), 1)
                remedy = f'write type = "{close[0]}"' if close else "`lakescope plugins` lists them"
                self._problem((*place, "type"), str(error), remedy)
                continue
            validated = self._validate(plugin.Options, options, place, kind)
            if validated is not None:
                found[name] = Plugin(name, kind, validated)
        return found

    def _validate(
        self, model: type[Options], document: dict[str, Any], place: tuple[str, ...], kind: str = ""
    ) -> Any:
        try:
            return model.model_validate(document)
        except pydantic.ValidationError as errors:
            for error in errors.errors(include_url=False):
                self._explain(model, error, place, kind)
            return None

    def _explain(self, model: type[Options], error: Any, place: tuple[str, ...], kind: str) -> None:
        inner: tuple[str | int, ...] = error["loc"]
        where = (*place, *map(str, inner))
        known, fields = _descend(model, inner)
        option = str(inner[len(known)] if len(known) < len(inner) else inner[-1]) if inner else ""
        if error["type"] == "extra_forbidden":
            close = difflib.get_close_matches(option, fields, 1)
            remedy = f"write `{close[0]}`" if close else f"remove it; there are {', '.join(fields)}"
            self._problem(where, f"no option `{option}`", remedy)
            return
        if error["type"] == "missing":
            example = _example(fields.get(option), option)
            self._problem(where, f"option `{option}` is missing", f"add {example}")
            return
        text = error["msg"].removeprefix("Value error, ")
        if not known:
            self._problem(where, text, f"`lakescope plugins {kind}` shows the options".replace("  ", " "))
            return
        field = known[-1][1]
        found = "" if "SecretStr" in str(field.annotation) else _shown(self._raw((*place, *inner)))
        self._problem(where, f"{text}{found}", f"for example {_example(field, known[-1][0])}")

    def _raw(self, place: tuple[str | int, ...]) -> Any:
        """What stands in the file: with the names of variables, not what they hold."""
        value: Any = self.document
        for part in place:
            try:
                value = value[part]
            except (KeyError, IndexError, TypeError):
                return None
        return value

    def _expand(self, value: Any, place: tuple[str, ...]) -> Any:
        """Environment variables into every text."""
        if isinstance(value, dict):
            return {key: self._expand(inner, (*place, key)) for key, inner in value.items()}
        if isinstance(value, list):
            return [self._expand(inner, place) for inner in value]
        if not isinstance(value, str):
            return value

        def variable(match: re.Match[str]) -> str:
            found = os.environ.get(match[1], match[2])
            if found is None:
                self._problem(place, f"environment variable {match[1]} is not set", f"export {match[1]}=...")
                return ""
            return found

        return _VARIABLE.sub(variable, value)

    def _problem(self, place: tuple[str, ...], text: str, remedy: str) -> None:
        self.problems.append(Problem(self.file, self._line(place), ".".join(place), text, remedy))

    def _line(self, place: Sequence[str]) -> int | None:
        """Line of the deepest part of `place` that stands in the file: tomllib keeps none."""
        best: tuple[int, int] | None = None
        table: tuple[str, ...] = ()
        for number, line in enumerate(self.lines, 1):
            if header := re.match(r"\s*\[+([^\]]+)\]", line):
                table = tuple(part.strip().strip("\"'") for part in header[1].split("."))
                here = table
            elif key := re.match(r"\s*([\w\"'.-]+)\s*=", line):
                here = (*table, *(part.strip("\"'") for part in key[1].split(".")))
            else:
                continue
            if tuple(place[: len(here)]) == here and (best is None or len(here) > best[0]):
                best = (len(here), number)
        return best[1] if best else None


def _descend(
    model: type[Options], place: Sequence[str | int]
) -> tuple[list[tuple[str, Any]], Mapping[str, Any]]:
    """The options on the way to `place` as (name, field), as far as they are known; the fields where it ends."""
    known: list[tuple[str, Any]] = []
    for part in place:
        field = model.model_fields.get(str(part))
        if field is None:
            break
        known.append((str(part), field))
        if not (isinstance(field.annotation, type) and issubclass(field.annotation, Options)):
            break
        model = field.annotation
    return known, model.model_fields


def _example(field: Any, option: str) -> str:
    examples = getattr(field, "examples", None) or [getattr(field, "default", None)]
    return f"{option} = {toml_value(examples[0])}"


def toml_value(value: Any) -> str:
    """`value` as TOML writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(toml_value, value))}]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml_value(inner)}" for key, inner in value.items()) + " }"
    if isinstance(value, (int, float)):
        return str(value)
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


_USERINFO = re.compile(r"(?<=://)[^/@\s]+@")


def _shown(value: Any) -> str:
    if isinstance(value, (dict, list)) or value is None:
        return ""
    return f", found {_USERINFO.sub('', value)!r}" if isinstance(value, str) else f", found {value!r}"
