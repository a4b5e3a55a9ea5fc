"""collectd 5.12 of Debian: real measurements of this machine, posted as JSON by its write_http plugin."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from ._install import LIBRARIES, Install
from ._process import Server

_PROGRAM = "/usr/sbin/collectd"
_READY = "Initialization complete, entering read-loop."

INSTALL = Install(
    "collectd",
    lambda: {
        "collectd-core": _PROGRAM,
        # Of the write_http plugin; collectd-core depends on no library of its plugins.
        "libyajl2": LIBRARIES / "libyajl.so.2",
        "libcurl3-gnutls": LIBRARIES / "libcurl-gnutls.so.4",
    },
)

_CONFIGURATION = """\
Hostname "{hostname}"
FQDNLookup false
BaseDir "{directory}"
PIDFile "{directory}/collectd.pid"
PluginDir "/usr/lib/collectd"
TypesDB "/usr/share/collectd/types.db"
Interval {interval_s}

LoadPlugin logfile
<Plugin logfile>
  LogLevel info
  File stderr
  Timestamp true
</Plugin>

{plugins}

LoadPlugin write_http
<Plugin write_http>
  <Node "lakescope">
    URL "{url}"
    Format "JSON"
    StoreRates false
    # A post is sent when the next value doesn't fit: the smallest size that collectd allows sends often.
    BufferSize 1024
    LogHttpError true
    Timeout 5000
    {login}
  </Node>
</Plugin>
"""


class Collectd(Server):
    """A collectd that measures every `interval_s` and posts to `url`, counters as they are.

    The receiver need not be up: collectd drops what it can't post. `login` is user and password of HTTP
    basic authentication, which collectd sends only after an answer 401 with `WWW-Authenticate: Basic`.
    """

    name: ClassVar[str] = "collectd"

    def __init__(
        self,
        directory: Path,
        url: str,
        *,
        hostname: str = "node-1.example.org",
        interval_s: float = 1.0,
        plugins: Sequence[str] = ("cpu", "memory", "load", "df", "interface"),
        login: tuple[str, str] | None = None,
    ) -> None:
        super().__init__(directory)
        self.url = url
        self.hostname = hostname
        self.interval_s = interval_s
        self.plugins = list(plugins)
        self.login = login
        self._log_start = 0

    def command(self) -> list[str]:
        login = f'User "{self.login[0]}"\n    Password "{self.login[1]}"' if self.login else ""
        configuration = self.directory / "collectd.conf"
        text = _CONFIGURATION.format(
            hostname=self.hostname,
            directory=self.directory,
            interval_s=self.interval_s,
            plugins="\n".join(f"LoadPlugin {plugin}" for plugin in self.plugins),
            url=self.url,
            login=login,
        )
        configuration.write_text(text)
        # The log goes on over restarts: only what is written from here on tells of this start.
        self._log_start = self.log.stat().st_size if self.log.exists() else 0
        return [_PROGRAM, "-f", "-C", str(configuration)]

    def is_ready(self) -> bool:
        return _READY.encode() in self.log.read_bytes()[self._log_start :]
