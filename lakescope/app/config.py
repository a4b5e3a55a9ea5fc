"""The configuration: one TOML file, validated as a whole before anything starts.

    [collectors.NAME]   type = "stomp" ...     where messages come from
    [sinks.NAME]        type = "duckdb" ...    where events go
    [alerts.receivers.NAME]  type = "mail" ... who is notified of alerts
    [alerts.rules.NAME] threshold = 0.3 ...    a change of one rule
    [[objectives]]      kpi = "..." ...        what share of something shall be good
    [reports.NAME]      receivers = [...] ...  a report that is sent, and to whom

In any text ``${VARIABLE}`` (or ``${VARIABLE:-default}``) is replaced from the environment, ``${file:/etc/lakescope/password}`` by
the one line of a file, and ``${credential:NAME}`` by a credential of systemd: secrets belong there. A file that others than its
owner may read is a warning.

Every fault is a `Problem` that names file and line, what was expected, and the remedy.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType, NoneType, UnionType
from typing import Any, Literal, NamedTuple, TypeGuard, Union, get_args, get_origin

import pydantic
from pydantic import Field, SecretStr
from pydantic_core import PydanticUndefined

from lakescope.alerts.catalogue import RULES
from lakescope.alerts.configured import configure
from lakescope.alerts.objectives import Objective
from lakescope.alerts.options import AlertOptions
from lakescope.alerts.receivers._common import ReceiverOptions
from lakescope.app import site
from lakescope.app.access import AccessOptions
from lakescope.app.listeners import Http, Listeners, MetricsListener, PushListener
from lakescope.app.secret_files import SecretFileError, credential, read_secret
from lakescope.collectors._common import CollectorOptions
from lakescope.core.community import FUNCTIONAL_ACTIVITIES, FUNCTIONAL_SCOPES
from lakescope.core.options import DIRECTORY, Options, Tls, UrlOrPath, closest
from lakescope.core.places import ConfigurationError, Problem, Source
from lakescope.core.plugins import PluginError, Room, available, load
from lakescope.pipeline.health import OWN
from lakescope.reports.options import ReportOptions
from lakescope.sinks._common import SinkOptions
from lakescope.sync.options import SyncOptions

DEFAULT_PATH = Path("lakescope.toml")
_NAME = re.compile(r"\w[\w .-]{0,99}")
_VARIABLE = re.compile(
    r"\$\{(?:(?P<way>file|credential):(?!-)(?P<place>[^}]+)|(?P<name>\w+)(?::-(?P<default>[^}]*))?)\}"
)


class PipelineOptions(Options):
    """Batches and bounds."""

    batch_messages: int = Field(default=1000, ge=1)
    """Largest batch (messages)."""
    batch_age_s: float = Field(default=0.5, gt=0)
    """Longest wait for a batch to fill (seconds)."""
    queue_messages: int = Field(default=10_000, ge=1)
    """How far a slow sink may fall behind the others before it holds back the sources (messages)."""
    queue_bytes: int = Field(default=64 * 2**20, ge=2**20)
    """The same in bytes, whichever is reached first; the messages that wait to be decoded are bounded by it, too (bytes of
    each sink's queue, and of each collector's messages)."""
    dead_letters_bytes: int = Field(default=2 * 2**30, ge=2**20)
    """How large the database of dead letters may grow (bytes). Then its oldest move to files in ``dead-letters/`` of the data
    directory, which `lakescope replay` reads."""
    dead_letters_total_bytes: int = Field(default=10 * 2**30, ge=2**20)
    """Most that the dead letters may take on disk, those in files included (bytes). When it is reached, what is to become one
    waits, and holds back its source, until letters are replayed or dropped, or files are taken away."""
    drain_s: float = Field(default=20.0, ge=0)
    """How long a stop may take to store what has been received (seconds)."""
    health_s: float = Field(default=60.0, ge=0)
    """From one report of Lakescope on itself to the next (seconds): events of the dataset ``pipeline``; 0: none."""


class TopologyOptions(Options):
    """CRIC's documents, as URLs or files: what gives events their sites, countries and QoS classes, and Rucio its RSEs."""

    rses: UrlOrPath | None = Field(
        default=None, examples=["https://cric.example.org/api/doma/rse/query/?json&preset=doma"]
    )
    """RSEs: ``api/doma/rse/query/?json&preset=doma``, or a file with its answer."""
    services: UrlOrPath | None = Field(default=None, examples=["/etc/lakescope/services.json"])
    """Services: ``core/service/query/?json``, or a file with its answer."""
    sites: UrlOrPath | None = Field(default=None, examples=["/etc/lakescope/sites.json"])
    """Sites: ``core/rcsite/query/?json``, or a file with its answer."""
    interval_s: float = Field(default=600.0, ge=10)
    """How often URLs are asked (seconds). Files are looked at every 30 s."""
    timeout_s: float = Field(default=60.0, gt=0)
    """Longest wait for an answer to begin or to go on (seconds)."""
    tls: Tls = Tls()
    """TLS towards the URLs."""


class FunctionalTests(Options):
    """What marks noise traffic, so that KPIs can leave it out."""

    activities: tuple[str, ...] = FUNCTIONAL_ACTIVITIES
    """Activities of noise traffic: Rucio's and FTS's own names."""
    scopes: tuple[str, ...] = FUNCTIONAL_SCOPES
    """Endings of noise traffic's scopes: ESCAPE's, unless a community names its own."""


class Experiments(Options):
    """The experiments that share the lake."""

    names: tuple[str, ...] = Field(default=(), examples=[["SKA", "LSST", "CTA"]])
    """What scopes begin with, in any case: a scope belongs to the experiment with the longest name that fits. Without names
    only what a source says itself."""


class Vos(Options):
    """The VOs' names, the same whoever speaks of them."""

    names: dict[str, str] = Field(default={}, examples=[{"def": "escape"}])
    """A source's name -> the community's. ``def`` is how Rucio calls the VO of an instance that has only one: its name holds
    for all messages that name none, unless their collector's `vo` says otherwise."""


class Privacy(Options):
    """Personal data: certificate subjects (FTS's user_dn)."""

    user_salt: SecretStr | None = Field(default=None, min_length=8, examples=["${LAKESCOPE_SALT}"])
    """Keeps a subject as a hash with this salt; without it subjects are dropped."""
    keep_days: int | None = Field(default=None, ge=1, examples=[90])
    """Days after which accounts, subjects and clients' hosts of stored events become null, once a day, where the store can change
    what it holds (duckdb, elasticsearch); the events stay. Without it names are kept as long as their events."""
    service_accounts: tuple[str, ...] = ("root",)
    """Accounts that are nobody's: everybody is shown their names. Of all others viewers without the right `people` are shown
    pseudonyms."""


class DashboardOptions(Options):
    """Lakescope's own dashboard pages."""

    since: str | None = Field(default=None, pattern=r"^\d+(min|h|d|w)$", examples=["7d"])
    """How far back dashboards look at first (12h, 7d), but for Lakescope's own health; without it each dashboard's own choice."""


class SiteOptions(Options):
    """A site's own KPIs, dashboards and rules of alerts, beside Lakescope's and those of installed packages."""

    folder: Path | None = Field(default=None, examples=["/etc/lakescope/site"])
    """Folder of Python files that define `KPIS`, `DASHBOARDS` or `RULES`; they are run, as a plugin is."""


class Settings(Options):
    """Everything but the plugins' own options."""

    data_dir: Path = Field(default=Path("lakescope-data"), validate_default=True)
    """Where dead letters, spools and the embedded store lie. As every path of the configuration: relative to its file."""
    http: Http = Http()
    """The status page, the API and the push routes."""
    push: PushListener | None = None
    """An address of the push routes alone."""
    metrics: MetricsListener | None = None
    """An address of ``/metrics`` alone."""
    access: AccessOptions = AccessOptions()
    """Who may come in, and what they may see and do."""
    pipeline: PipelineOptions = PipelineOptions()
    """Batches and bounds."""
    topology: TopologyOptions = TopologyOptions()
    """CRIC's documents."""
    functional_tests: FunctionalTests = FunctionalTests()
    """What marks noise traffic."""
    experiments: Experiments = Experiments()
    """The experiments that share the lake."""
    vos: Vos = Vos()
    """The VOs' names."""
    privacy: Privacy = Privacy()
    """Personal data."""
    dashboards: DashboardOptions = DashboardOptions()
    """Lakescope's own dashboard pages."""
    site: SiteOptions = SiteOptions()
    """A site's own KPIs, dashboards and rules of alerts."""
    alerts: AlertOptions = AlertOptions()
    """Alerts."""
    objectives: list[Objective] = Field(default_factory=list)
    """What share of something shall be good over which time; rules of alerts are made of each."""
    reports: dict[str, ReportOptions] = Field(default_factory=dict)
    """Reports that `lakescope report send` sends."""
    sync: SyncOptions = SyncOptions()
    """Synchronisations into Rucio."""

    @property
    def is_protected(self) -> bool:
        """Whether one must say who one is."""
        return self.http.token is not None or self.access.is_configured


class Plugin(NamedTuple):
    """One collector, sink or receiver of the configuration."""

    name: str
    type: str
    options: Any


class Configuration(NamedTuple):
    """A valid configuration."""

    settings: Settings
    collectors: dict[str, Plugin]
    sinks: dict[str, Plugin]
    source: Source = Source()
    receivers: Mapping[str, Plugin] = MappingProxyType({})
    secret_files: tuple[Path, ...] = ()
    """What ``${file:...}`` and ``${credential:...}`` of its text name."""

    def document(self) -> dict[str, Any]:
        """The effective configuration as plain data, secrets masked, unset options left out."""
        plain = self.settings.model_dump(mode="json", exclude_none=True)
        rooms = (("collectors", self.collectors), ("sinks", self.sinks), ("receivers", self.receivers))
        for room, plugins in rooms:
            place = plain if room != "receivers" else plain["alerts"]
            place[room] = {
                plugin.name: {"type": plugin.type} | plugin.options.model_dump(mode="json", exclude_none=True)
                for plugin in plugins.values()
            }
        return plain


def load_file(path: Path) -> Configuration:
    """The configuration of a file. Raises `ConfigurationError`."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        problem = f"expected UTF-8, found the byte 0x{error.object[error.start]:02x}"
        remedy = f"save it as UTF-8: iconv -f {_encoding(error.object)} -t UTF-8 {path}"
        raise ConfigurationError([Problem(str(path), line, "", problem, remedy)]) from error
    except OSError as error:
        remedy = "give its path with -c, or write one: `lakescope config sample > lakescope.toml`"
        text = f"expected a configuration file: {error.strerror}"
        raise ConfigurationError([Problem(str(path), None, "", text, remedy)]) from error
    return parse(text, str(path), path.parent)


def _encoding(content: bytes) -> str:
    """The likeliest of a text that is not UTF-8, by its first bytes."""
    return "UTF-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "LATIN1"


def parse(text: str, file: str = "configuration", directory: Path = Path()) -> Configuration:
    """The configuration of a TOML text, its relative paths relative to `directory`. Raises `ConfigurationError`."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        problem = Problem(
            file,
            int(line[1]) if line else None,
            "",
            f"not TOML: {error}",
            _toml_remedy(str(error)),
        )
        raise ConfigurationError([problem]) from error
    return _Reader(Source(file, text), directory).read(document)


def validate(model: type[Options], document: dict[str, Any], source: Source, place: tuple[str, ...]) -> Any:
    """The table at `place` of another file than a configuration, as a `model`. Raises `ConfigurationError`."""
    reader = _Reader(source, Path())
    for part in reversed(place):
        reader.document = {part: reader.document or document}
    value = reader._validate(model, document, place)
    if value is None:
        raise ConfigurationError(reader.problems)
    return value


def _toml_remedy(error: str) -> str:
    if "overwrite" in error or "twice" in error:
        return "an option and a table stand once each in a file: remove one, or give it another name"
    if "Illegal character" in error:
        return "remove the character; a text in double quotes takes \\n, \\t and \\u0000 for it"
    return 'tables are written [name], options name = "value", their text in quotes'


class _Reader:
    """Reads one document and gathers its problems."""

    def __init__(self, source: Source, directory: Path):
        self.source = source
        self.directory = directory
        self.document: dict[str, Any] = {}
        self.problems: list[Problem] = []
        self.secret_files: list[Path] = []

    def read(self, document: dict[str, Any]) -> Configuration:
        self.document = document
        document = self._expand(document, ())
        rooms: dict[str, Any] = {room: document.pop(room, {}) for room in ("collectors", "sinks")}
        alerts = document.get("alerts")
        if isinstance(alerts, dict):
            rooms["receivers"] = alerts.pop("receivers", {})
        settings = self._validate(Settings, document, ())
        if settings is not None:
            self.problems += site.load(settings.site.folder)
            for fault in configure(RULES, settings.alerts, settings.objectives)[1]:
                self._problem(*fault)
        collectors = self._plugins("collectors", rooms["collectors"])
        sinks = self._plugins("sinks", rooms["sinks"])
        receivers = self._plugins("receivers", rooms.get("receivers", {}))
        if settings is not None:
            listeners = Listeners(settings.http, settings.push, settings.metrics, settings.is_protected)
            for unsafe in listeners.unsafe({name: one.options for name, one in collectors.items()}):
                self._problem(*unsafe)
        if settings is not None:
            self._check_subscriptions(settings.alerts, receivers)
            if (store := settings.alerts.store) is not None and store not in sinks:
                suggestion = closest(store, sinks)
                remedy = f'write "{suggestion}"' if suggestion else f"name one of {', '.join(sinks)}"
                self._problem(("alerts", "store"), f"there is no sink {store!r}", remedy)
            for name, report in settings.reports.items():
                self._check_receivers(("reports", name, "receivers"), report.receivers, receivers)
                self._check_letters(("reports", name, "receivers"), report.receivers, receivers)
        for room, plugins in (("collectors", collectors), ("sinks", sinks)):
            if not plugins and not self.problems:
                example = ", ".join(available(room))
                remedy = f"add [{room}.NAME] with type = one of {example}"
                self._problem((room,), f"there are no {room}", remedy)
        if self.problems:
            raise ConfigurationError(self.problems)
        files = tuple(dict.fromkeys(self.secret_files))
        return Configuration(settings, collectors, sinks, self.source, receivers, files)

    def _check_subscriptions(self, alerts: AlertOptions, receivers: Mapping[str, Plugin]) -> None:
        for name, subscription in alerts.subscriptions.items():
            for option in ("receivers", "escalate_to"):
                place = ("alerts", "subscriptions", name, option)
                self._check_receivers(place, getattr(subscription, option), receivers)

    def _check_receivers(
        self, place: tuple[str, ...], names: Sequence[str], receivers: Mapping[str, Plugin]
    ) -> None:
        for name in names:
            if name not in receivers:
                suggestion = closest(name, receivers)
                remedy = f'write "{suggestion}"' if suggestion else f"add [alerts.receivers.{name}]"
                self._problem(place, f"there is no receiver {name!r}", remedy)

    def _check_letters(
        self, place: tuple[str, ...], names: Sequence[str], receivers: Mapping[str, Plugin]
    ) -> None:
        for name in names:
            if name in receivers and not _takes_letters(kind := receivers[name].type):
                kinds = ", ".join(filter(_takes_letters, available("receivers")))
                text = f"the receiver {name!r} is of type {kind}, which takes alerts only"
                self._problem(place, text, f"name a receiver of type {kinds}")

    def _plugins(self, room: Room, tables: Any) -> dict[str, Plugin]:
        plugins: dict[str, Plugin] = {}
        places = ("alerts", room) if room == "receivers" else (room,)
        heading = ".".join(places)
        if not isinstance(tables, Mapping):
            self._problem(
                places, f"expected tables [{heading}.NAME]", f"write [{heading}.mine] and its options below"
            )
            return plugins
        for name, table in tables.items():
            place = (*places, name)
            if room == "collectors" and name == OWN:
                self._problem(
                    place, f"`{OWN}` is the name of Lakescope's reports on itself", "give it another name"
                )
                continue
            if not _NAME.fullmatch(name):
                self._problem(
                    place,
                    f"expected a name of letters, digits, spaces, `_`, `-` and `.`, 100 at most, found {name[:120]!r}",
                    f"name it [{heading}.{re.sub(r'[^A-Za-z0-9_-]+', '-', name)[:30].strip('-') or 'mine'}]:"
                    " files and metrics are named by it",
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
            except PluginError as error:
                self._problem((*place, "type"), error.text, error.remedy)
                continue
            if text := _fault(room, plugin):
                self._problem((*place, "type"), text, "upgrade the package of this plugin, or mend it")
                continue
            options_model = self._validate(plugin.Options, options, place, kind)
            if options_model is not None:
                plugins[name] = Plugin(name, kind, options_model)
        return plugins

    def _validate(
        self, model: type[Options], document: dict[str, Any], place: tuple[str, ...], kind: str = ""
    ) -> Any:
        try:
            return model.model_validate(document, context={DIRECTORY: self.directory})
        except pydantic.ValidationError as errors:
            for error in errors.errors(include_url=False):
                self._explain(model, error, place, kind)
            return None

    def _explain(self, model: type[Options], error: Any, place: tuple[str, ...], kind: str) -> None:
        inner: tuple[str | int, ...] = error["loc"]
        where = (*place, *map(str, inner))
        if any(problem.place == ".".join(where) for problem in self.problems):
            return  # a variable that is not set is one mistake
        path, fields = _descend(model, inner)
        option = str(inner[len(path)] if len(path) < len(inner) else inner[-1]) if inner else ""
        if error["type"] == "extra_forbidden":
            names = [*fields, *(("collectors", "sinks") if model is Settings and not path else ())]
            suggestion = closest(option, names)
            remedy = f"write `{suggestion}`" if suggestion else f"remove it; there are {', '.join(names)}"
            self._problem(where, f"no option `{option}`", remedy)
            return
        if error["type"] == "missing":
            example = _example(fields.get(option), option)
            self._problem(where, f"option `{option}` is missing", f"add {example}")
            return
        text = error["msg"].removeprefix("Value error, ")
        if error["type"] == "too_short" and path and "SecretStr" in str(path[-1][1].annotation):
            text = f"expected at least {error['ctx']['min_length']} characters"
        if not path:
            self._problem(where, text, f"`lakescope plugins {kind}` shows the options".replace("  ", " "))
            return
        name, field = path[-1]
        heading = _heading(where, inner)
        if error["type"] == "model_type":  # of a table that may have a secret
            self._problem(where, "expected a table", f"write its options below {heading}")
            return
        if len(path) == len(inner) and _is_table(model, path):
            self._problem(where, text, f"write it below {heading}")
            return
        if len(path) == len(inner) and _has_tables(field):
            kind = "[{}.NAME]" if get_origin(_plain_type(field)) is dict else "[[{}]]"
            tables = kind.format(".".join(where))
            self._problem(where, f"expected tables {tables}", f"write {tables} and its options below")
            return
        found_text = "" if "SecretStr" in str(field.annotation) else _quote_value(self._raw((*place, *inner)))
        self._problem(where, f"{text}{found_text}", f"for example {_example(field, name)}")

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
            if match["way"]:
                return self._read_secret(match["way"], match["place"], place)
            value = os.environ.get(match["name"], match["default"])
            if value is None:
                name = match["name"]
                self._problem(place, f"environment variable {name} is not set", f"export {name}=...")
                return ""
            return value

        if "${" in _VARIABLE.sub("", value):
            text = (
                "expected ${VARIABLE}, ${VARIABLE:-default}, ${file:PATH} or ${credential:NAME},"
                " found another text behind `${`"
            )
            self._problem(
                place, text, "write the variable's name in letters, digits and `_`, and close it with `}`"
            )
        return _VARIABLE.sub(variable, value)

    def _read_secret(self, way: str, name: str, place: tuple[str, ...]) -> str:
        try:
            path = credential(name) if way == "credential" else self.directory / name
            secret = read_secret(path)
        except SecretFileError as error:
            self._problem(place, error.text, error.remedy)
            return ""
        self.secret_files.append(path)
        return secret

    def _problem(self, place: tuple[str, ...], text: str, remedy: str) -> None:
        self.problems.append(self.source.problem(place, text, remedy))


def _takes_letters(kind: str) -> bool:
    """Whether receivers of a type take reports (`LetterReceiver`)."""
    return hasattr(load("receivers", kind), "send_letter")


_BASES: dict[Room, type[Options]] = {
    "collectors": CollectorOptions,
    "sinks": SinkOptions,
    "receivers": ReceiverOptions,
}


_CONTRACTS: dict[Room, str] = {"collectors": "Collector", "sinks": "Sink", "receivers": "Receiver"}
_METHODS: dict[Room, tuple[str, ...]] = {
    "collectors": ("run", "acknowledge", "close"),
    "sinks": ("encode", "setup", "write", "close"),
    "receivers": ("send", "close"),
}
"""What `lakescope.core.contracts` demands of a plugin: as a method, or as an attribute that the class declares."""


def _fault(room: Room, plugin: Any) -> str | None:
    """Why a plugin, of whatever package, cannot be used."""
    if not isinstance(plugin, type):
        return f"expected a class, found {type(plugin).__name__} {plugin!r:.60}"
    name = f"{plugin.__module__}.{plugin.__name__}"
    declared = {name for base in plugin.__mro__ for name in vars(base).get("__annotations__", ())}
    if lacking := [
        method
        for method in _METHODS[room]
        if method not in declared and not callable(getattr(plugin, method, None))
    ]:
        return (
            f"expected {name} to have {', '.join(lacking)}, as lakescope.plugin.{_CONTRACTS[room]} describes"
        )
    base, options = _BASES[room], getattr(plugin, "Options", None)
    if isinstance(options, type) and issubclass(options, base):
        return None
    kind = options.__mro__[1].__name__ if isinstance(options, type) else type(options).__name__
    return f"expected {name}.Options to be derived from lakescope.plugin.{base.__name__}, found {kind}"


def _descend(
    model: type[Options], place: Sequence[str | int]
) -> tuple[list[tuple[str, Any]], Mapping[str, Any]]:
    """The options on the way to `place` as (name, field), as far as they are known; the fields where it ends."""
    path: list[tuple[str, Any]] = []
    parts = iter(place)
    for part in parts:
        field = model.model_fields.get(str(part))
        if field is None:
            break
        path.append((str(part), field))
        kind = _plain_type(field)
        tables = get_args(kind)[-1] if get_origin(kind) in (dict, list) else None
        if _is_options(tables) and (name := next(parts, None)) is not None:
            path.append((str(name), field))
            kind = tables
        if not _is_options(kind):
            break
        model = kind
    return path, model.model_fields


def _plain_type(field: Any) -> Any:
    """A field's type; of options that may be left out theirs."""
    kind = field.annotation
    return next(filter(_is_options, get_args(kind)), kind) if get_origin(kind) is UnionType else kind


def _has_tables(field: Any) -> bool:
    """Whether a field is a dict or list of options."""
    kind = _plain_type(field)
    return get_origin(kind) in (dict, list) and _is_options(get_args(kind)[-1])


def _is_table(model: type[Options], path: Sequence[tuple[str, Any]]) -> bool:
    """Whether a path ends at options, and not at one of them."""
    field = path[-1][1]
    is_element = len(path) > 1 and path[-2][1] is field
    return is_element or _is_options(_plain_type(field))


def _heading(where: Sequence[str], inner: Sequence[str | int]) -> str:
    """As the file has it: of a list of tables without the number."""
    if inner and isinstance(inner[-1], int):
        return f"[[{'.'.join(where[:-1])}]]"
    return f"[{'.'.join(where)}]"


def _is_options(kind: Any) -> TypeGuard[type[Options]]:
    return isinstance(kind, type) and issubclass(kind, Options)


def _example(field: Any, option: str) -> str:
    """A line that the option takes: its first example, its default, or a value of its type."""
    if field is None:
        return f"{option} = ..."
    if field.examples:
        return f"{option} = {toml_value(field.examples[0])}"
    default = field.get_default(call_default_factory=True)
    if default is None or default is PydanticUndefined:
        default = _any_value(field.annotation)
    return f"{option} = {toml_value(default)}"


def _any_value(kind: Any) -> Any:
    """Of a choice the first one; true; a number; else a text, which says nothing: give the field an example."""
    if get_origin(kind) in (Union, UnionType):
        kind = next(one for one in get_args(kind) if one is not NoneType)
    if get_origin(kind) is Literal:
        return get_args(kind)[0]
    return {bool: True, int: 1, float: 1.0}.get(kind, "text")


_BARE = re.compile("[A-Za-z0-9_-]+")


def toml_value(value: Any) -> str:
    """`value` as TOML writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(toml_value, value))}]"
    if isinstance(value, dict):
        keys = {key: key if _BARE.fullmatch(key) else toml_value(key) for key in value}
        return "{ " + ", ".join(f"{keys[key]} = {toml_value(inner)}" for key, inner in value.items()) + " }"
    if isinstance(value, (int, float)):
        return str(value)
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


_USERINFO = re.compile(r"[^/@\s]+@")


def _quote_value(value: Any) -> str:
    """What was found, short, without users and passwords."""
    if isinstance(value, list) and value and all(isinstance(one, str) for one in value):
        value = ", ".join(value)
    if isinstance(value, (dict, list)) or value is None:
        return ""
    return f", found {_USERINFO.sub('', value)[:200]!r}" if isinstance(value, str) else f", found {value!r}"
