"""Elasticsearch from Maven Central's jars into `.servers/elasticsearch-<version>`."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ._install import BUILT, LIBRARIES, InstallError, run_logged
from ._java import Java, find_java

_SOURCES = Path(__file__).with_name("elasticsearch_node")
_COPY_JARS = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies"
_PLATFORM = {"x86_64": "linux-x64", "aarch64": "linux-aarch64"}.get(platform.machine(), "unsupported")

_LOGGING = """\
status = error
appender.c.type = Console
appender.c.name = c
appender.c.layout.type = PatternLayout
appender.c.layout.pattern = [%d{ISO8601}][%-5p][%-25c{1.}] [%node_name]%marker %m%n
rootLogger.level = info
rootLogger.appenderRef.c.ref = c
"""

# Plugins of 8.x receive nine arguments where 9.x passes one object.
_HANDLERS_9 = "RestHandlersServices s, "
_HANDLERS_8 = (
    "org.elasticsearch.common.settings.Settings a, "
    "org.elasticsearch.common.io.stream.NamedWriteableRegistry b, RestController c, "
    "org.elasticsearch.common.settings.ClusterSettings d, "
    "org.elasticsearch.common.settings.IndexScopedSettings e, "
    "org.elasticsearch.common.settings.SettingsFilter f, "
    "org.elasticsearch.cluster.metadata.IndexNameExpressionResolver g, "
)


@dataclass(frozen=True)
class Release:
    """A version of Elasticsearch and the JDKs it runs on."""

    version: str
    java: int
    below_java: int = 1000

    @property
    def home(self) -> Path:
        """Where it is built: jars and modules, read-only for the nodes."""
        return BUILT / f"elasticsearch-{self.version}"

    def jdk(self) -> Java | None:
        """A JDK of this machine that fits."""
        return find_java(self.java, self.below_java, jdk=True)


_RELEASES = (Release("9.5.3", java=21), Release("8.19.21", java=17, below_java=25))


def chosen() -> tuple[Release, Java | None]:
    """The newest release that a JDK of this machine can run, or the one that ES_VERSION asks for."""
    wanted = os.environ.get("ES_VERSION")
    releases = [release for release in _RELEASES if wanted in (None, release.version)]
    if not releases:
        raise InstallError(f"ES_VERSION={wanted}: expected {' or '.join(r.version for r in _RELEASES)}")
    found = ((release, jdk) for release in releases if (jdk := release.jdk()))
    return next(found, (releases[-1], None))


def packages() -> Mapping[str, str | Path]:
    """Maven always, a JDK when there is none that fits."""
    needed: dict[str, str | Path] = {"maven": "/usr/bin/mvn", "libzstd1": LIBRARIES / "libzstd.so.1"}
    if chosen()[1] is None:
        needed["openjdk-17-jdk-headless"] = "/usr/bin/javac"
    return needed


def is_built() -> bool:
    """Whether the chosen release stands built by the recipe of this very file."""
    release, jdk = chosen()
    stamp = release.home / "recipe"
    return jdk is not None and stamp.exists() and stamp.read_text() == _fingerprint(release)


def build() -> None:
    """Download and build the chosen release: 44 MB, half a minute."""
    release, jdk = chosen()
    if jdk is None:
        raise InstallError(f"Elasticsearch {release.version} needs a JDK >= {release.java}, none is found")
    if _PLATFORM == "unsupported":
        raise InstallError(f"Elasticsearch: no native library folder known for {platform.machine()}")
    with tempfile.TemporaryDirectory(dir=BUILT, prefix="elasticsearch-") as work:
        target = Path(work) / "home"
        _fill(target, release, jdk, BUILT / "elasticsearch.log")
        (target / "recipe").write_text(_fingerprint(release))
        # Renamed in the end, so that an interrupted build is no build.
        shutil.rmtree(release.home, ignore_errors=True)
        target.rename(release.home)


def _fill(home: Path, release: Release, jdk: Java, log: Path) -> None:
    lib, netty, shim = home / "lib", home / "modules/transport-netty4", home / "modules/rest-root-shim"
    native, classes, sources = lib / "platform" / _PLATFORM, home / "classes", home / "sources"
    for folder in (native, netty, shim, home / "plugins", classes):
        folder.mkdir(parents=True)
    version = f"-Des.version={release.version}"
    options = [version, "-DincludeScope=runtime", f"-DoutputDirectory={lib}"]
    run_logged(
        ["mvn", "-B", "-q", "-Dstyle.color=never", "-f", _SOURCES / "pom.xml", _COPY_JARS, *options], log
    )
    for pattern in ("netty-*.jar", "transport-netty4-*.jar", "elasticsearch-ssl-config-*.jar"):
        for jar in lib.glob(pattern):
            jar.rename(netty / jar.name)
    _unpack_descriptor(next(netty.glob("transport-netty4-*.jar")), netty)
    # Stock Elasticsearch ships its own zstd; Debian's does as well.
    (native / "libzstd.so").symlink_to(LIBRARIES / "libzstd.so.1")

    shutil.copytree(_SOURCES, sources)
    plugin = sources / "shim/local/RestRootPlugin.java"
    if release.version.startswith("8."):
        plugin.write_text(plugin.read_text().replace(_HANDLERS_9, _HANDLERS_8))
    javac, main = jdk.home / "bin/javac", sources / "server/org/elasticsearch/bootstrap/LocalMain.java"
    patch = f"org.elasticsearch.server={sources / 'server'}"
    run_logged([javac, "--module-path", lib, "--patch-module", patch, "-d", classes, main], log)
    shim_classes = sources / "shim-classes"
    run_logged(
        [javac, "--module-path", lib, "--add-modules", "ALL-MODULE-PATH", "-d", shim_classes, plugin], log
    )
    run_logged([jdk.home / "bin/jar", "cf", shim / "rest-root-shim.jar", "-C", shim_classes, "."], log)
    (shim / "plugin-descriptor.properties").write_text(
        "description=stand-in for rest-root\nname=rest-root-shim\nclassname=local.RestRootPlugin\n"
        f"version={release.version}\nelasticsearch.version={release.version}\njava.version={release.java}\n"
    )
    (home / "log4j2.properties").write_text(_LOGGING)


def _unpack_descriptor(jar: Path, target: Path) -> None:
    folder = "META-INF/es-plugins/transport-netty4/"
    with zipfile.ZipFile(jar) as archive:
        for member in archive.namelist():
            if member.startswith(folder) and not member.endswith("/"):
                (target / Path(member).name).write_bytes(archive.read(member))


def _fingerprint(release: Release) -> str:
    digest = hashlib.sha256(release.version.encode())
    for source in (Path(__file__), *sorted(path for path in _SOURCES.rglob("*") if path.is_file())):
        digest.update(source.read_bytes())
    return digest.hexdigest()
