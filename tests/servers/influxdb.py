"""InfluxDB 1.6 of Debian: line protocol in, InfluxQL out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from ._install import Install
from ._process import HOST, Server, free_port, http_status

INSTALL = Install("influxdb", lambda: {"influxdb": "/usr/bin/influxd", "influxdb-client": "/usr/bin/influx"})

_CONFIGURATION = """\
reporting-disabled = true
bind-address = "{host}:{rpc_port}"

[meta]
dir = "{directory}/meta"

[data]
dir = "{directory}/data"
wal-dir = "{directory}/wal"
query-log-enabled = false

[monitor]
store-enabled = false

[http]
{http}
"""


class InfluxDB(Server):
    """An InfluxDB on a free loopback port, which it keeps over restarts; no database in it yet.

    `http_settings` are lines of its [http] section, e.g. `{"max-body-size": 1000, "auth-enabled": True}`.
    """

    name: ClassVar[str] = "influxdb"

    def __init__(
        self, directory: Path, *, http_settings: Mapping[str, str | int | bool] | None = None
    ) -> None:
        super().__init__(directory)
        self.http_settings = dict(http_settings or {})
        self.port = free_port()
        self._rpc_port = free_port()

    @property
    def url(self) -> str:
        """Base URL, without a slash at its end."""
        return f"http://{HOST}:{self.port}"

    def command(self) -> list[str]:
        settings = {"bind-address": f"{HOST}:{self.port}", "log-enabled": False, **self.http_settings}
        # A JSON scalar is a TOML scalar.
        http = "\n".join(f"{key} = {json.dumps(value)}" for key, value in settings.items())
        configuration = self.directory / "influxdb.conf"
        text = _CONFIGURATION.format(host=HOST, rpc_port=self._rpc_port, directory=self.directory, http=http)
        configuration.write_text(text)
        return ["/usr/bin/influxd", "run", "-config", str(configuration)]

    def environment(self) -> dict[str, str]:
        # INFLUXDB_* variables of the user would override the configuration.
        return {key: value for key, value in super().environment().items() if not key.startswith("INFLUX")}

    def is_ready(self) -> bool:
        return http_status(self.port, "/ping") == 204
