"""RabbitMQ of Debian with its STOMP plugin: the other broker that STOMP clients meet."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import stomp

from tests.contract._issuer import Key

from ._install import Install
from ._process import HOST, Server, free_port, run_tool

_PROGRAM = "/usr/lib/rabbitmq/bin/rabbitmq-server"
_CONTROL = "/usr/lib/rabbitmq/bin/rabbitmqctl"

INSTALL = Install("rabbitmq", lambda: {"rabbitmq-server": _PROGRAM})

# A node registers with a name server, epmd. Each gets its own, which ends with it: the machine's would be
# shared with others, and outlive the tests. `exec`, so that the node has the process id that we know.
_START = 'setpriv --pdeathsig KILL epmd -port "$ERL_EPMD_PORT" & exec "$0"'

_CONFIGURATION = """\
listeners.tcp = none
stomp.listeners.tcp.1 = {host}:{port}
default_user = {user}
default_pass = {password}
{consumer_timeout}
{tokens}
"""
_TOKENS = """\
auth_backends.1 = rabbit_auth_backend_internal
auth_backends.2 = rabbit_auth_backend_oauth2
auth_oauth2.resource_server_id = rabbitmq
auth_oauth2.default_key = {kid}
auth_oauth2.signing_keys.{kid} = {file}
"""


class RabbitMQ(Server):
    """A broker with STOMP on a free loopback port, which it keeps over restarts, as it does its durable queues.

    Every client logs in as `user` with `password`, to the virtual host "/". AMQP and the management's pages are off.
    `consumer_timeout_s`: a consumer that leaves a message without acknowledgement for longer is cut off (the broker's own
    default is 30 minutes); the broker then looks each second. `issuer_key`: tokens that it has signed are passwords, with
    the audience and the scopes of `resource_server_id` (rabbitmq_auth_backend_oauth2, README.md of 3.10).
    """

    name: ClassVar[str] = "rabbitmq"
    user: ClassVar[str] = "guest"

    def __init__(
        self, directory: Path, *, consumer_timeout_s: int | None = None, issuer_key: Key | None = None
    ) -> None:
        super().__init__(directory)
        self.issuer_key = issuer_key
        self.consumer_timeout_s = consumer_timeout_s
        self.password = "guest"
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
            host=HOST,
            port=self.port,
            user=self.user,
            password=self.password,
            consumer_timeout=f"consumer_timeout = {self.consumer_timeout_s * 1000}"
            if self.consumer_timeout_s
            else "",
            tokens=self._tokens(),
        )
        (self.directory / "rabbitmq.conf").write_text(configuration)
        tick = "{channel_tick_interval, 1000}" if self.consumer_timeout_s else ""
        (self.directory / "advanced.config").write_text(f"[{{rabbit, [{tick}]}}].\n")
        plugins = ["rabbitmq_stomp", *(["rabbitmq_auth_backend_oauth2"] if self.issuer_key else [])]
        (self.directory / "enabled_plugins").write_text(f"[{','.join(plugins)}].\n")
        return ["/bin/sh", "-c", _START, _PROGRAM]

    def _tokens(self) -> str:
        if self.issuer_key is None:
            return ""
        file = self.directory / "issuer.pem"
        file.write_bytes(self.issuer_key.public_pem)
        return _TOKENS.format(kid=self.issuer_key.kid, file=file)

    def environment(self) -> dict[str, str]:
        mine = {key: value for key, value in os.environ.items() if not key.startswith(("RABBITMQ_", "ERL_"))}
        return {
            **mine,
            "HOME": str(self.directory),  # of Erlang's cookie
            "ERL_EPMD_ADDRESS": HOST,
            "ERL_EPMD_PORT": str(self._epmd_port),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(self.directory / "advanced.config"),
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

    def send(self, destination: str, bodies: Sequence[bytes]) -> None:
        """Publishes bodies, persistent; returns once the broker has them on disk."""
        connection = stomp.StompConnection12([(self.host, self.port)], vhost="/")
        connection.connect(self.user, self.password, wait=True)
        waiter = stomp.listener.WaitingListener("sent")
        connection.set_listener("receipt", waiter)
        for body in bodies[:-1]:
            connection.send(destination, body, headers={"persistent": "true"})
        connection.send(destination, bodies[-1], headers={"persistent": "true"}, receipt="sent")
        waiter.wait_on_receipt()
        opened = connection.transport.socket
        connection.disconnect()
        opened.close()  # stomp.py 8.2 leaves it open

    def queue_size(self, queue: str) -> int:
        """Messages that the broker holds, given to somebody or not (count); 0 for a queue that is not there."""
        listed = self._control("--formatter", "json", "list_queues", "name", "messages")
        return sum(one["messages"] for one in json.loads(listed) if one["name"] == queue)

    def change_password(self, password: str) -> None:
        """Of the user; who is connected stays so."""
        self._control("change_password", self.user, password)
        self.password = password

    def close_connections(self) -> None:
        """Hangs up on everybody."""
        self._control("close_all_connections", "asked to by a test")

    def _control(self, *arguments: str) -> str:
        return run_tool(_CONTROL, "--quiet", *arguments, environment=self.environment())

    def is_ready(self) -> bool:
        login = f"CONNECT\naccept-version:1.2\nhost:/\nlogin:{self.user}\npasscode:{self.password}\n\n\0"
        try:
            with socket.create_connection((HOST, self.port), timeout=5) as connection:
                connection.sendall(login.encode())
                return connection.recv(9) == b"CONNECTED"
        except OSError:
            return False
