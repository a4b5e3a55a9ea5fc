# ruff: noqa: E501  (one text a line, so that a search finds it)
"""What storage and transfer tools say when a transfer fails.

The texts follow the styles of gfal2, davix, xrootd, GridFTP and SRM, with the URLs, hosts, paths, addresses and
ids that make each one unique; some servers answer in the language of their operators.
"""

from typing import NamedTuple

import msgspec

from lakescope.simulator.chance import Chance, WeightedChoice

CATEGORIES = {
    2: "NO_SUCH_FILE_OR_DIRECTORY",
    5: "INPUT/OUTPUT_ERROR",
    13: "PERMISSION_DENIED",
    17: "FILE_EXISTS",
    22: "INVALID_ARGUMENT",
    28: "NO_SPACE_LEFT_ON_DEVICE",
    52: "INVALID_EXCHANGE",
    70: "COMMUNICATION_ERROR_ON_SEND",
    103: "SOFTWARE_CAUSED_CONNECTION_ABORT",
    104: "CONNECTION_RESET_BY_PEER",
    110: "CONNECTION_TIMED_OUT",
    111: "CONNECTION_REFUSED",
    112: "HOST_IS_DOWN",
    113: "NO_ROUTE_TO_HOST",
    125: "OPERATION_CANCELED",
}
"""FTS's error categories: `strerror` in capitals with underscores."""

_HOPELESS = frozenset((2, 13, 17, 22, 28))


class Error(msgspec.Struct, frozen=True, gc=False):
    """A failure as FTS files it: `scope` SOURCE, DESTINATION, TRANSFER or GENERAL_FAILURE, `phase`, errno `code`."""

    scope: str
    phase: str
    code: int
    text: str

    @property
    def category(self) -> str:
        return CATEGORIES[self.code]

    @property
    def recoverable(self) -> bool:
        return self.code not in _HOPELESS

    @property
    def reason(self) -> str:
        """The form of FTS's REST interface and state messages."""
        return f"{self.scope} [{self.code}] {self.text}"


class Place(NamedTuple):
    """What a text may mention: the two ends of a transfer and the server that runs it."""

    src_url: str
    src_host: str
    src_ip: str
    dst_url: str
    dst_host: str
    dst_ip: str
    pool: str
    fts: str
    size: int


class Template(NamedTuple):
    scope: str
    phase: str
    code: int
    text: str

    def fill(self, place: Place, chance: Chance) -> Error:
        text = self.text.format(
            **place._asdict(),
            path="/" + place.dst_url.split("/", 3)[3].lstrip("/"),
            src_path="/" + place.src_url.split("/", 3)[3].lstrip("/"),
            port=chance.integer(20_000, 60_000),
            hex8=chance.hex(8),
            other8=chance.hex(8),
            hex32=chance.hex(32),
            part=int(place.size * chance.random()),
            number=chance.integer(1_000, 9_999_999),
            seconds=chance.integer(30, 1_800),
        )
        return Error(self.scope, self.phase, self.code, text[:1024])


_PREPARATION, _TRANSFER, _FINALIZATION = "TRANSFER_PREPARATION", "TRANSFER", "TRANSFER_FINALIZATION"

USUAL: WeightedChoice[Template] = WeightedChoice(
    [
        (Template("TRANSFER", _TRANSFER, 5, "TRANSFER ERROR: Copy failed (3rd pull). Last attempt: Transfer failure: rejected GET: 500 Internal Server Error {src_url}"), 8),
        (Template("TRANSFER", _TRANSFER, 5, "TRANSFER ERROR: Copy failed (3rd push). Last attempt: HTTP 502 : Bad Gateway after 1 attempts ({dst_host}, request {hex32})"), 4),
        (Template("TRANSFER", _TRANSFER, 70, "TRANSFER ERROR: Copy failed (3rd pull). Last attempt: Transfer failure: problem with size ({part} bytes received, {size} expected) for {dst_url}"), 5),
        (Template("TRANSFER", _TRANSFER, 103, "TRANSFER ERROR: Copy failed (streamed). Last attempt: (Neon): Could not send request body: connection was closed by server (destination)"), 4),
        (Template("TRANSFER", _TRANSFER, 110, "TRANSFER globus_xio: Unable to connect to {dst_ip}:{port} globus_xio: System error in connect: Connection timed out"), 6),
        (Template("TRANSFER", _TRANSFER, 70, 'TRANSFER globus_ftp_client: the server responded with an error 451 "General problem: Post-processing failed: pool {pool}, PNFSID={hex32}"'), 4),
        (Template("TRANSFER", _TRANSFER, 104, "TRANSFER [ERROR] Socket error: connection reset by peer [{src_ip}]:{port}, stream {hex8}"), 4),
        (Template("TRANSFER", _TRANSFER, 52, "TRANSFER [FATAL] Auth failed: No protocols left to try (source: {src_host}:1094)"), 2),
        (Template("TRANSFER", _TRANSFER, 5, "TRANSFER [ERROR] Server responded with an error: [3005] Unable to open file {path}; input/output error (destination)"), 3),
        (Template("SOURCE", _PREPARATION, 2, "SOURCE CHECKSUM HTTP 404 : File not found after 1 attempts"), 7),
        (Template("SOURCE", _PREPARATION, 2, "SOURCE [ERROR] Server responded with an error: [3011] Unable to open {src_path}; No such file or directory"), 5),
        (Template("SOURCE", _PREPARATION, 5, "SOURCE SRM_GET_TURL error on the turl request : [SE][StatusOfGetRequest][SRM_FAILURE] httpg://{src_host}:8443/srm/managerv2: request {number}: pool {pool} is disabled"), 3),
        (Template("SOURCE", _PREPARATION, 110, "SOURCE srm-ifce err: Connection timed out, err: [SE][Ls][ETIMEDOUT] httpg://{src_host}:8443/srm/managerv2: User timeout over"), 3),
        (Template("DESTINATION", _PREPARATION, 13, "DESTINATION MAKE_PARENT HTTP 403 : Permission refused after 1 attempts, {path}"), 4),
        (Template("DESTINATION", _PREPARATION, 17, "Destination file exists and overwrite is not enabled"), 6),
        (Template("DESTINATION", _PREPARATION, 70, "DESTINATION srm-ifce err: Communication error on send, err: [SE][PrepareToPut][] httpg://{dst_host}:8446/srm/managerv2: CGSI-gSOAP running on {fts} reports Error reading token data header: Connection closed"), 3),
        (Template("DESTINATION", _FINALIZATION, 5, "DESTINATION CHECKSUM MISMATCH Source and destination ADLER32 checksums do not match: {hex8} != {other8}"), 6),
        (Template("DESTINATION", _FINALIZATION, 22, "DESTINATION File size mismatch: expected {size}, found {part} at {dst_url}"), 2),
        (Template("TRANSFER", _TRANSFER, 110, "TRANSFER Transfer canceled because the gsiftp performance marker timeout of {seconds} seconds has been exceeded, or all performance markers during that period indicated zero bytes transferred"), 5),
        (Template("TRANSFER", _TRANSFER, 5, "TRANSFER ERROR: Copy failed (3rd pull). Last attempt: Échec du transfert : délai d'attente dépassé sur le serveur {dst_host} (requête n° {number})"), 1.5),
        (Template("TRANSFER", _TRANSFER, 110, "TRANSFER Zeitüberschreitung: Pool {pool} überlastet, Übertragung {hex8} nach {seconds} s abgebrochen"), 1.2),
        (Template("DESTINATION", _PREPARATION, 13, "DESTINATION MAKE_PARENT Permiso denegado: no se pudo crear el directorio {path} (código {number})"), 1),
        (Template("SOURCE", _PREPARATION, 5, "SOURCE Σφάλμα εισόδου/εξόδου κατά την ανάγνωση του {src_path}"), 0.5),
        (Template("TRANSFER", _TRANSFER, 110, "TRANSFER 接続がタイムアウトしました: {dst_ip}:{port} ({seconds}秒)"), 0.5),
        (Template("GENERAL_FAILURE", "TRANSFER_SERVICE", 112, "Transfer fts_url_copy {number} has died with: Killed, no progress message for {seconds} seconds on {fts}"), 1),
    ]
)  # fmt: skip

SITE_DOWN: dict[str, WeightedChoice[Template]] = {
    scope: WeightedChoice(
        [
            (Template(scope, _PREPARATION, 111, f"{scope} CHECKSUM (Neon): Could not connect to server: Connection refused ({{{end}_host}} [{{{end}_ip}}])"), 5),
            (Template(scope, _PREPARATION, 113, f"{scope} Failed to connect to {{{end}_url}}: No route to host after {{seconds}} s"), 3),
            (Template(scope, _PREPARATION, 110, f"{scope} [ERROR] Operation expired: connection to {{{end}_host}}:1094 timed out, stream {{hex8}}"), 2),
            (Template(scope, _PREPARATION, 110, f"{scope} srm-ifce err: Connection timed out, err: [SE][Ls][ETIMEDOUT] httpg://{{{end}_host}}:8443/srm/managerv2: User timeout over"), 1),
        ]
    )
    for scope, end in (("SOURCE", "src"), ("DESTINATION", "dst"))
}  # fmt: skip

CERTIFICATE: dict[str, WeightedChoice[Template]] = {
    scope: WeightedChoice(
        [
            (Template(scope, _PREPARATION, 52, f"{scope} CHECKSUM (Neon): SSL handshake failed: certificate verify failed: certificate has expired ({{{end}_host}})"), 6),
            (Template(scope, _PREPARATION, 70, f"{scope} srm-ifce err: Communication error on send, err: [SE][Ls][] httpg://{{{end}_host}}:8443/srm/managerv2: CGSI-gSOAP running on {{fts}} reports could not open connection to {{{end}_host}}:8443: OpenSSL Error: certificate verify failed: certificate has expired"), 2),
            (Template(scope, _PREPARATION, 52, f"{scope} [FATAL] TLS error: certificate verify failed: certificate has expired [{{{end}_host}}:1094]"), 2),
        ]
    )
    for scope, end in (("SOURCE", "src"), ("DESTINATION", "dst"))
}  # fmt: skip

DISK_FULL: WeightedChoice[Template] = WeightedChoice(
    [
        (Template("DESTINATION", _TRANSFER, 28, "TRANSFER ERROR: Copy failed (3rd pull). Last attempt: HTTP 507 : Insufficient Storage: No space left on device, {dst_url}"), 5),
        (Template("DESTINATION", _TRANSFER, 28, "TRANSFER [ERROR] Server responded with an error: [3009] Unable to write {path}; No space left on device (destination)"), 3),
        (Template("DESTINATION", _PREPARATION, 28, "DESTINATION srm-ifce err: No space left on device, err: [SE][StatusOfPutRequest][SRM_NO_FREE_SPACE] httpg://{dst_host}:8446/srm/managerv2: No space left on device, request {number}"), 2),
        (Template("DESTINATION", _TRANSFER, 28, "TRANSFER ERROR: Copy failed (3rd push). Last attempt: No space left on device: pool {pool} a atteint son quota ({size} octets demandés)"), 1),
    ]
)  # fmt: skip

SLOW_LINK: WeightedChoice[Template] = WeightedChoice(
    [
        (Template("TRANSFER", _TRANSFER, 110, "TRANSFER Transfer canceled because the no-progress timeout of {seconds} seconds was exceeded: {src_host} to {dst_host}, {part} of {size} bytes"), 5),
        (Template("TRANSFER", _TRANSFER, 110, "TRANSFER ERROR: Copy failed (3rd pull). Last attempt: Transfer failure: Connection timed out reading from [{src_ip}]:{port}"), 4),
        (Template("TRANSFER", _TRANSFER, 104, "TRANSFER [ERROR] Socket error: connection reset by peer [{src_ip}]:{port}, stream {hex8}"), 2),
        (Template("TRANSFER", _TRANSFER, 110, "TRANSFER globus_xio: Unable to connect to {dst_ip}:{port} globus_xio: System error in connect: Connection timed out"), 1),
    ]
)  # fmt: skip

CANCEL_ERROR = Template(
    "GENERAL_FAILURE", "", 125, "Transfer canceled because it stayed in the queue for too long"
)
