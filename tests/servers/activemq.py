"""ActiveMQ 5.17 of Debian: the broker of Rucio's and FTS's messages, spoken to by STOMP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Literal
from xml.sax.saxutils import quoteattr

from ._activemq_statistics import QueueStatistics, read_statistics
from ._install import Install
from ._java import Java, find_java
from ._process import HOST, Server, ServerError, free_port
from ._tls import Authority, write_pkcs12, write_truststore

_LIBRARIES = "/usr/share/activemq/lib"
_JARS = "/usr/share/java"

INSTALL = Install(
    "activemq",
    lambda: {
        "activemq": f"{_LIBRARIES}/activemq-broker.jar",
        # Debian's activemq doesn't depend on what its statistics need to become JSON.
        "libxstream-java": f"{_JARS}/xstream.jar",
        "libjettison-java": f"{_JARS}/jettison.jar",
        "libxpp3-java": f"{_JARS}/xpp3.jar",
        "openssl": "/usr/bin/openssl",
    },
)

_PASSWORD = "throw-away"

_CONFIGURATION = """\
<beans xmlns="http://www.springframework.org/schema/beans"
       xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
       xsi:schemaLocation="http://www.springframework.org/schema/beans
                           http://www.springframework.org/schema/beans/spring-beans.xsd
                           http://activemq.apache.org/schema/core
                           http://activemq.apache.org/schema/core/activemq-core.xsd">
  <broker xmlns="http://activemq.apache.org/schema/core"
          brokerName={name} dataDirectory={data} useJmx="false">
    <destinationInterceptors>
      <virtualDestinationInterceptor>
        <virtualDestinations>
          <virtualTopic name="VirtualTopic.&gt;" prefix="Consumer.*."/>
        </virtualDestinations>
      </virtualDestinationInterceptor>
    </destinationInterceptors>
    <destinations>
      {queues}
    </destinations>
    {policy}
    <persistenceAdapter>
      <!-- Not synchronised with the disk: data outlives SIGKILL all the same, only not a power cut. -->
      <kahaDB directory={kahadb} journalMaxFileLength="8mb" journalDiskSyncStrategy="never"/>
    </persistenceAdapter>
    <plugins>
      <statisticsBrokerPlugin/>
      {login}
    </plugins>
    {tls}
    <systemUsage>
      <systemUsage>
        <memoryUsage><memoryUsage limit="{memory_mb} mb"/></memoryUsage>
        <storeUsage><storeUsage limit="1 gb"/></storeUsage>
        <tempUsage><tempUsage limit="256 mb"/></tempUsage>
      </systemUsage>
    </systemUsage>
    <transportConnectors>
      {connectors}
    </transportConnectors>
  </broker>
</beans>
"""

_ABORT_SLOW = """\
<destinationPolicy>
      <policyMap>
        <policyEntries>
          <policyEntry queue="&gt;">
            <slowConsumerStrategy>
              <abortSlowAckConsumerStrategy maxTimeSinceLastAck="{milliseconds}" maxSlowDuration="1000"
                                            checkPeriod="500" abortConnection="true"/>
            </slowConsumerStrategy>
          </policyEntry>
        </policyEntries>
      </policyMap>
    </destinationPolicy>"""

_LOGGING = """\
log4j.rootLogger=INFO, console
log4j.appender.console=org.apache.log4j.ConsoleAppender
log4j.appender.console.layout=org.apache.log4j.PatternLayout
log4j.appender.console.layout.ConversionPattern=%d %-5p %m (%c{1})%n
"""

# Spring 4 and XStream look into the JDK's own classes, as in Debian's launcher, which can't use a
# configuration of one's own.
_OPENED = ("java.lang", "java.util", "java.net", "java.security", "java.util.concurrent")


class ActiveMQ(Server):
    """A broker with STOMP on a free loopback port, which it keeps over restarts, as it does its messages.

    What is sent to /topic/VirtualTopic.x arrives in each /queue/Consumer.<name>.VirtualTopic.x that exists:
    `queues` (names without "/queue/") do from the start, others from their first subscription on. `users`
    (name to password) demands a login. `tls` adds a stomp+ssl connector beside the plain one: "server" with
    the broker's certificate only, "mutual" demands the client's too. `memory_mb` is the broker's limit for
    messages in memory: few, as busy brokers have, the others wait on disk. `abort_slow_s`: the connection of a consumer that
    has acknowledged nothing for longer, though it was given something, is cut off.
    """

    name: ClassVar[str] = "activemq"

    def __init__(
        self,
        directory: Path,
        *,
        users: Mapping[str, str] | None = None,
        tls: Literal["off", "server", "mutual"] = "off",
        queues: Sequence[str] = (),
        memory_mb: int = 16,
        heap_mb: int = 256,
        abort_slow_s: float | None = None,
    ) -> None:
        super().__init__(directory)
        self.users = dict(users or {})
        self.tls = tls
        self.queues = list(queues)
        self.memory_mb = memory_mb
        self.heap_mb = heap_mb
        self.abort_slow_s = abort_slow_s
        self.host = HOST
        self.port = free_port()
        self._tls_port = free_port()

    @property
    def stomp_url(self) -> str:
        """URL of the plain connector: stomp://127.0.0.1:<port>."""
        return f"stomp://{HOST}:{self.port}"

    @property
    def tls_port(self) -> int:
        """Port of the stomp+ssl connector; raises ServerError without `tls`."""
        self._demand_tls()
        return self._tls_port

    @property
    def stomp_tls_url(self) -> str:
        """URL of the TLS connector: stomp+ssl://localhost:<port>; raises ServerError without `tls`."""
        return f"stomp+ssl://localhost:{self.tls_port}"

    @cached_property
    def authority(self) -> Authority:
        """The CA of the broker: its `certificate` is what a client trusts, `issue("name")` makes a client's
        pair that the broker takes. Raises ServerError without `tls`."""
        self._demand_tls()
        return Authority(self.directory / "tls")

    def statistics(self, query: str = ">") -> dict[str, QueueStatistics]:
        """Statistics by queue name of the queues that match, all by default: `>` and `*` are wildcards."""
        return read_statistics(self.port, query, next(iter(self.users.items()), None))

    def queue_size(self, queue: str) -> int:
        """Messages in a queue that nobody has acknowledged, in flight included; 0 for a queue that isn't."""
        found = self.statistics(queue)
        return found[queue].size if queue in found else 0

    def command(self) -> list[str]:
        java = find_java(11, 22)
        if java is None:
            raise ServerError("no Java (11 to 21) for ActiveMQ: python -m tests.servers.install activemq")
        if self.tls != "off":
            self._prepare_stores(java)
        (self.directory / "log4j.properties").write_text(_LOGGING)
        configuration = self.directory / "activemq.xml"
        configuration.write_text(self._configuration())
        libraries = [f"{_LIBRARIES}/*", f"{_LIBRARIES}/optional/*", f"{_JARS}/xstream.jar"]
        return [
            str(java.java),
            f"-Xmx{self.heap_mb}m",
            # Ready in half the time on few cores.
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            *(f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in _OPENED),
            f"-Djava.io.tmpdir={self.directory}",
            f"-Dlog4j.configuration=file:{self.directory / 'log4j.properties'}",
            "--class-path",
            ":".join([*libraries, f"{_JARS}/jettison.jar"]),
            "org.apache.activemq.console.command.ShellCommand",
            "start",
            f"xbean:file:{configuration}",
        ]

    def is_ready(self) -> bool:
        try:
            self.statistics()
        except OSError:
            return False
        return True

    def _configuration(self) -> str:
        users = "".join(
            f"<authenticationUser username={quoteattr(user)} password={quoteattr(password)} groups='users'/>"
            for user, password in self.users.items()
        )
        login = f"<simpleAuthenticationPlugin><users>{users}</users></simpleAuthenticationPlugin>"
        # Last: connectors start in this order, and whoever reaches the plain one takes the broker for ready.
        connectors = f'<transportConnector name="stomp" uri="stomp://{HOST}:{self.port}"/>'
        if self.tls != "off":
            demand = str(self.tls == "mutual").lower()
            uri = f"stomp+ssl://{HOST}:{self._tls_port}?needClientAuth={demand}"
            connectors = f'<transportConnector name="stomp+ssl" uri="{uri}"/>{connectors}'
        return _CONFIGURATION.format(
            name=quoteattr(f"broker-{self.port}"),
            data=quoteattr(str(self.directory / "data")),
            kahadb=quoteattr(str(self.directory / "data/kahadb")),
            queues="".join(f"<queue physicalName={quoteattr(queue)}/>" for queue in self.queues),
            policy=_ABORT_SLOW.format(milliseconds=round(1000 * self.abort_slow_s))
            if self.abort_slow_s
            else "",
            login=login if self.users else "",
            tls=self._tls_context() if self.tls != "off" else "",
            memory_mb=self.memory_mb,
            connectors=connectors,
        )

    def _tls_context(self) -> str:
        stores = " ".join(
            f'{store}={quoteattr(f"file:{self.directory}/tls/{store}.p12")} {store}Type="PKCS12" '
            f'{store}Password="{_PASSWORD}"'
            for store in ("keyStore", "trustStore")
        )
        return f"<sslContext><sslContext {stores}/></sslContext>"

    def _prepare_stores(self, java: Java) -> None:
        keys, trusted = (self.authority.directory / f"{store}.p12" for store in ("keyStore", "trustStore"))
        if not trusted.exists():
            write_pkcs12(self.authority.issue("broker"), keys, _PASSWORD)
            write_truststore(self.authority, trusted, _PASSWORD, java)

    def _demand_tls(self) -> None:
        if self.tls == "off":
            raise ServerError('this broker has no TLS: make it with tls="server" or tls="mutual"')
