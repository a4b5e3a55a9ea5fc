"""RabbitMQ of Debian with its STOMP plugin: the other broker that STOMP clients meet."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import ClassVar

from ._install import Install
from ._process import HOST, Server, free_port

_PROGRAM = "/usr/lib/rabbitmq/bin/rabbitmq-server"

INSTALL = Install("rabbitmq", lambda: {"rabbitmq-server": _PROGRAM})

# A node registers with a name server, epmd. Each gets its own, which ends with it: the machine's would be
# shared with others, and outlive the tests. `exec`, so that the node has the process id that we know.
_START = 'setpriv --pdeathsig KILL epmd -port "$ERL_EPMD_PORT" & exec "$0"'

_CONFIGURATION = """\
listeners.tcp = none
stomp.listeners.tcp.1 = {host}:{port}
default_user = {user}
default_pass = {password}
"""


class RabbitMQ(Server):
    """A broker with STOMP on a free loopback port, which it keeps over restarts, as it does its durable queues.

    Every client logs in as `user` with `password`, to the virtual host "/". AMQP and the management's pages are off.
    """

    name: ClassVar[str] = "rabbitmq"
    user: ClassVar[str] = "guest"
    password: ClassVar[str] = "guest"

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.host = HOST
        self.port = free_port()
        self._distribution_port = free_port()
        self._epmd_port = free_port()

    @property
    def stomp_url(self) -> str:
        """URL of the connector: stomp://127.0.0.1:<port>."""
        return f"stomp://{HOST}:{self.port}"

    def command(self) -> list[str]:
        configuration = _CONFIGURATION.format(
            host=HOST, port=self.port, user=self.user, password=self.password
        )
        (self.directory / "rabbitmq.conf").write_text(configuration)
        (self.directory / "enabled_plugins").write_text("[rabbitmq_stomp].\n")
        return ["/bin/sh", "-c", _START, _PROGRAM]

    def environment(self) -> dict[str, str]:
        mine = {key: value for key, value in os.environ.items() if not key.startswith(("RABBITMQ_", "ERL_"))}
        return {
            **mine,
            "HOME": str(self.directory),  # of Erlang's cookie
            "ERL_EPMD_ADDRESS": HOST,
            "ERL_EPMD_PORT": str(self._epmd_port),
            "RABBITMQ_ALLOW_INPUT": "true",  # the script then becomes the node instead of waiting for it
            "RABBITMQ_CONF_ENV_FILE": os.devnull,
            "RABBITMQ_CONFIG_FILE": str(self.directory / "rabbitmq.conf"),
            "RABBITMQ_DIST_PORT": str(self._distribution_port),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.directory / "enabled_plugins"),
            "RABBITMQ_FEATURE_FLAGS_FILE": str(self.directory / "feature_flags"),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_LOG_BASE": str(self.directory / "log"),
            "RABBITMQ_MNESIA_BASE": str(self.directory / "mnesia"),
            "RABBITMQ_NODENAME": f"lakescope-{self.port}@localhost",
            "RABBITMQ_PID_FILE": str(self.directory / "pid"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-noinput -kernel inet_dist_use_interface {127,0,0,1}",
        }

    def is_ready(self) -> bool:
        login = f"CONNECT\naccept-version:1.2\nhost:/\nlogin:{self.user}\npasscode:{self.password}\n\n\0"
        try:
            with socket.create_connection((HOST, self.port), timeout=5) as connection:
                connection.sendall(login.encode())
                return connection.recv(9) == b"CONNECTED"
        except OSError:
            return False
