"""OpenSearch 3.8.0: one real node from the jars on Maven Central, on a JDK >= 21.

It has Painless and the pipeline aggregations, but neither ISM nor security, which are plugins. Debian's own JDK is
older: where the machine has no newer one, this server cannot be had, and its tests say so.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from ._install import BUILT, Install, InstallError, run_logged
from ._java import Java, find_java
from ._process import HOST, Server, ServerError, free_port, http_status

VERSION = "3.8.0"

_JAVA = 21
_SOURCES = Path(__file__).with_name("opensearch_node")
_HOME = BUILT / f"opensearch-{VERSION}"
_COPY_JARS = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies"


def _jdk() -> Java | None:
    return find_java(_JAVA, jdk=True)


def _lacking() -> str | None:
    return None if _jdk() else f"OpenSearch {VERSION} needs a JDK >= {_JAVA}, and this machine has none"


def _is_built() -> bool:
    stamp = _HOME / "recipe"
    return stamp.exists() and stamp.read_text() == _fingerprint()


def _build() -> None:
    """Download and build: 71 MB, half a minute."""
    jdk = _jdk()
    if jdk is None:
        raise InstallError(str(_lacking()))
    log = BUILT / "opensearch.log"
    with tempfile.TemporaryDirectory(dir=BUILT, prefix="opensearch-") as work:
        target = Path(work) / "home"
        lib = target / "lib"
        lib.mkdir(parents=True)
        options = ["-DincludeScope=runtime", f"-DoutputDirectory={lib}"]
        run_logged(
            ["mvn", "-B", "-q", "-Dstyle.color=never", "-f", _SOURCES / "pom.xml", _COPY_JARS, *options], log
        )
        compiler: list[str | Path] = [jdk.home / "bin/javac", "-nowarn", "-cp", f"{lib}/*"]
        run_logged([*compiler, "-d", target / "classes", _SOURCES / "OpenSearchMain.java"], log)
        (target / "recipe").write_text(_fingerprint())
        # Renamed in the end, so that an interrupted build is no build.
        shutil.rmtree(_HOME, ignore_errors=True)
        target.rename(_HOME)


def _fingerprint() -> str:
    digest = hashlib.sha256()
    for source in (Path(__file__), *sorted(path for path in _SOURCES.rglob("*") if path.is_file())):
        digest.update(source.read_bytes())
    return digest.hexdigest()


INSTALL = Install("opensearch", lambda: {"maven": "/usr/bin/mvn"}, _is_built, _build, _lacking)


class OpenSearch(Server):
    """A single node on a free loopback port, which it keeps over restarts; security is off.

    `settings` are those of opensearch.yml, e.g. `{"thread_pool.write.queue_size": 1}`.
    """

    name: ClassVar[str] = "opensearch"
    start_timeout_s: ClassVar[float] = 180.0

    def __init__(
        self,
        directory: Path,
        *,
        heap_mb: int = 1024,
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

    def command(self) -> list[str]:
        jdk = _jdk()
        if jdk is None:
            raise ServerError(str(_lacking()))
        (self.directory / "tmp").mkdir(exist_ok=True)
        return [
            str(jdk.java),
            f"-Xms{self.heap_mb}m",
            f"-Xmx{self.heap_mb}m",
            # Ready in half the time on few cores.
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            f"-Djava.io.tmpdir={self.directory / 'tmp'}",
            "--add-modules=jdk.incubator.vector",
            "--enable-native-access=ALL-UNNAMED",
            "-cp",
            f"{_HOME / 'classes'}:{_HOME / 'lib'}/*",
            "OpenSearchMain",
            str(self.directory / "node"),
            str(self.port),
            str(self._transport_port),
            *(f"{key}={_text(value)}" for key, value in self.settings.items()),
        ]

    def is_ready(self) -> bool:
        return http_status(self.port, "/_cluster/health?wait_for_status=yellow&timeout=1s") == 200


def _text(value: str | int | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
