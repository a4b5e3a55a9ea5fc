"""Elasticsearch: one real node, 9.5.3 where the machine has a JDK >= 21, else 8.19.21 on JDK 17.

From the jars on Maven Central, which lack the modules of the stock distribution: no ILM, Painless, data
streams, reindex, delete_by_query or ingest processors, and `GET /` is a stand-in. Bulk, search, aggregations,
mappings and templates are the real thing.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from ._elasticsearch_build import build, chosen, is_built, packages
from ._install import Install
from ._process import HOST, Server, ServerError, free_port, http_status

INSTALL = Install("elasticsearch", packages, is_built, build)

_JVM_OPTIONS = (
    "-XX:+UseG1GC",
    # Ready in half the time on few cores.
    "-XX:TieredStopAtLevel=1",
    "-Des.distribution.type=tar",
    # Debian has no libvec, only Elasticsearch's own distribution does.
    "-Dorg.elasticsearch.nativeaccess.enableVectorLibrary=false",
    "-Dio.netty.noUnsafe=true",
    "-Dio.netty.noKeySetOptimization=true",
    "-Dio.netty.recycler.maxCapacityPerThread=0",
    "-Dlog4j.shutdownHookEnabled=false",
    "-Dlog4j2.disable.jmx=true",
    "--add-modules=jdk.net,jdk.management.agent,ALL-MODULE-PATH",
)
_JVM_OPTIONS_FROM_21 = (
    "--add-modules=jdk.incubator.vector",
    "--enable-native-access=org.elasticsearch.nativeaccess,org.elasticsearch.foreign,org.apache.lucene.core",
)


class Elasticsearch(Server):
    """A single node on a free loopback port, which it keeps over restarts.

    `settings` are lines of elasticsearch.yml, e.g. `{"thread_pool.write.queue_size": 1}` or
    `{"indexing_pressure.memory.limit": "100kb"}`. Security is off. Settings may be changed between `stop()`
    and `start()`.
    """

    name: ClassVar[str] = "elasticsearch"
    # Replaying a large translog after kill() takes over a minute.
    start_timeout_s: ClassVar[float] = 180.0

    def __init__(
        self,
        directory: Path,
        *,
        heap_mb: int = 512,
        settings: Mapping[str, str | int | bool] | None = None,
    ) -> None:
        super().__init__(directory)
        self.heap_mb = heap_mb
        self.settings = dict(settings or {})
        self.port = free_port()
        self._transport_port = free_port()

    @property
    def url(self) -> str:
        """Base URL, without a slash at its end."""
        return f"http://{HOST}:{self.port}"

    @property
    def version(self) -> str:
        """The version that is started, e.g. "9.5.3"."""
        return chosen()[0].version

    def command(self) -> list[str]:
        release, jdk = chosen()
        if jdk is None:
            raise ServerError("no JDK for Elasticsearch: python -m tests.servers.install elasticsearch")
        self._configure(release.home)
        return [
            str(jdk.java),
            f"-Xms{self.heap_mb}m",
            f"-Xmx{self.heap_mb}m",
            f"-Djava.io.tmpdir={self.directory / 'tmp'}",
            f"-Des.path.home={release.home}",
            f"-Des.path.conf={self.directory / 'config'}",
            *_JVM_OPTIONS,
            *(_JVM_OPTIONS_FROM_21 if jdk.version >= 21 else ()),
            f"--module-path={release.home / 'lib'}",
            f"--patch-module=org.elasticsearch.server={release.home / 'classes'}",
            "--module=org.elasticsearch.server/org.elasticsearch.bootstrap.LocalMain",
        ]

    def is_ready(self) -> bool:
        return http_status(self.port, "/_cluster/health?wait_for_status=yellow&timeout=1s") == 200

    def _configure(self, home: Path) -> None:
        for folder in ("config", "tmp", "logs"):
            (self.directory / folder).mkdir(exist_ok=True)
        shutil.copy(home / "log4j2.properties", self.directory / "config")
        settings: dict[str, str | int | bool] = {
            "cluster.name": "lakescope-tests",
            "node.name": "node-1",
            "path.data": str(self.directory / "data"),
            "path.logs": str(self.directory / "logs"),
            "network.host": HOST,
            "http.port": self.port,
            "transport.port": self._transport_port,
            "discovery.type": "single-node",
            # A nearly full disk of the machine must not turn the indices read-only.
            "cluster.routing.allocation.disk.threshold_enabled": False,
            **self.settings,
        }
        lines = (f"{key}: {json.dumps(value)}\n" for key, value in settings.items())
        (self.directory / "config/elasticsearch.yml").write_text("".join(lines))
