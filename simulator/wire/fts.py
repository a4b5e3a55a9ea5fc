"""What FTS says: start (ST), complete (CO), state (SS) and optimiser (OP) messages, over STOMP.

Forms as FTS 3.14 writes them with JsonCpp (`msg-bus/`, `msg-ifce`): keys in alphabetical order, a tab a level, one
space after the end. Whether it is ST, CO, SS or OP stands nowhere in a body: the destination tells. FTS gives
persistent messages 24 hours to live; that header is left out, since a broker would drop back-filled ones.
"""

from json.encoder import encode_basestring_ascii as quoted

from lakescope.simulator.agenda import Later
from lakescope.simulator.clock import SECOND, minute_text, posix
from lakescope.simulator.incidents import Disturbances
from lakescope.simulator.lake import Lake
from lakescope.simulator.optimizer import Optimizer, Report
from lakescope.simulator.options import Options
from lakescope.simulator.routes import Routes
from lakescope.simulator.transfers import Transfer
from lakescope.simulator.wire.dialect import Dialect
from lakescope.simulator.wire.message import Wire

START = "/topic/transfer.fts_monitoring_start"
COMPLETE = "/topic/transfer.fts_monitoring_complete"
STATE = "/topic/transfer.fts_monitoring_state"
OPTIMIZER = "/topic/transfer.fts_monitoring_queue_state"

_PERSISTENT = {"persistent": "true"}
_FLEETING_HEADERS = {"persistent": "false"}
_HTTP = {"davs": "https", "https": "https", "root": "root"}
_LONGEST_LAG = 30.0
"""Seconds until the message daemon has looked at its directory again."""


class Fts(Dialect):
    """Writes a message when FTS's own daemon does, and sends it 0 to 30 s later; during a stall, after it."""

    source = "fts"
    format = "fts"

    def __init__(
        self,
        seed: int,
        later: Later,
        begin: int,
        options: Options,
        disturbances: Disturbances,
        lake: Lake,
        routes: Routes,
    ) -> None:
        super().__init__(seed, later, begin, options.repeated)
        self._silent = options.silent
        self._options = options
        self._disturbances = disturbances
        self._optimizer = Optimizer(lake, routes)
        # the first report takes what the warm-up has counted and is dropped, so that the next covers one interval
        if options.optimizer:
            interval = options.interval("optimizer", begin)
            self._later(begin - 2 * interval, self._optimize, interval)
        self._state_headers: dict[str, dict[str, str]] = {}

    def _lag(self, us: int, transfer: Transfer) -> int:
        stall = self._disturbances.stall_of(transfer.fts, us)
        if stall:
            us = int((stall.end + self.chance.between(0.5, 120)) * SECOND)
        return us + int(min(0.1 + self.chance.exponential(2.5), _LONGEST_LAG) * SECOND)

    # When it speaks

    def submitted(self, us: int, transfer: Transfer) -> None:
        if self._options.is_sparse(us):
            return
        state = "STAGING" if transfer.rule.stagein else "SUBMITTED"
        # FTS's REST server notes this one itself, and its clock has microseconds
        self.send(self._lag(us, transfer), self._write_accepted, (transfer, state, us))

    def started(self, us: int, transfer: Transfer) -> None:
        if self._options.is_sparse(us):
            return
        if transfer.rule.stagein:
            self._state(us, transfer, "STARTED")
            return
        self._state(us - 40_000, transfer, "READY")
        self._state(us, transfer, "ACTIVE")
        self.send(self._lag(us, transfer), self._write_start, transfer)

    def ended(self, us: int, transfer: Transfer) -> None:
        is_archiving = transfer.route.dst.kind == "TAPE" and not transfer.error
        state = "CANCELED" if transfer.canceled else "FAILED" if transfer.error else "FINISHED"
        self._state(us, transfer, "ARCHIVING" if is_archiving else state)
        if not transfer.rule.stagein and self.chance.random() >= self._silent:
            self.send(self._lag(us, transfer), self._write_complete, (transfer, is_archiving))

    def archived(self, us: int, transfer: Transfer) -> None:
        self._state(us, transfer, "FINISHED")

    def _state(self, us: int, transfer: Transfer, state: str) -> None:
        if self._options.is_sparse(us):
            return
        self.send(self._lag(us, transfer), self._write_state, (transfer, state, us))

    def _optimize(self, us: int, elapsed_us: int) -> None:
        for report in self._optimizer.reports(us, elapsed_us):
            self.send(us + int(self.chance.between(0.1, 20) * SECOND), self._write_optimizer, report)
        interval = self._options.interval("optimizer", us)
        self._later(us + interval, self._optimize, interval)

    # What it says

    def _wire(self, us: int, destination: str, headers: dict[str, str], body: str) -> Wire:
        return Wire(posix(us), self.source, self.format, destination, headers, body.encode())

    def _write_start(self, us: int, t: Transfer) -> Wire:
        src, dst = t.route.src_door, t.route.dst_door
        body = f"""{{
	"dest_srm_v" : "",
	"dst_hostname" : "{dst.host}",
	"dst_site_name" : "",
	"dst_url" : "{t.dst_url}",
	"endpnt" : "{t.fts.alias}",
	"file_id" : {t.file_id},
	"file_metadata" : {_file_metadata(t)},
	"is_archiving" : false,
	"job_id" : "{t.job_id}",
	"job_metadata" : {_job_metadata(t)},
	"src_hostname" : "{src.host}",
	"src_site_name" : "",
	"src_srm_v" : "",
	"src_url" : "{t.src_url}",
	"srm_space_token_dst" : "",
	"srm_space_token_src" : "",
	"t_channel" : "{src.host}__{dst.host}",
	"timestamp" : {t.started // 1000},
	"transfer_id" : "{_transfer_id(t, t.started)}",
	"user_dn" : "",
	"vo" : "{t.rule.vo.name}"
}} """
        return self._wire(us, START, _PERSISTENT, body)

    def _write_state(self, us: int, argument: tuple[Transfer, str, int]) -> Wire:
        t, state, at = argument
        final = state in ("FAILED", "CANCELED") and t.error
        is_staged = t.rule.stagein
        archived_ms = t.archived // 1000 if state == "FINISHED" else 0
        body = f"""{{
	"archiving" : {"true" if t.archived else "false"},
	"archiving_finished" : {archived_ms},
	"archiving_start" : {t.ended // 1000 if t.archived else 0},
	"dest_se" : "{t.route.dst_door.endpoint}",
	"dst_url" : "{t.dst_url}",
	"endpnt" : "{t.fts.alias}",
	"file_id" : {t.file_id},
	"file_metadata" : {_file_metadata(t)},
	"file_state" : "{state}",
	"job_id" : "{t.job_id}",
	"job_metadata" : {_job_metadata(t)},
	"job_state" : "{state}",
	"reason" : {quoted(t.error.reason) if final and t.error else '""'},
	"retry_counter" : 0,
	"retry_max" : 0,
	"source_se" : "{t.route.src_door.endpoint}",
	"src_url" : "{t.src_url}",
	"staging" : {"true" if is_staged else "false"},
	"staging_finished" : {at // 1000 if is_staged and state == "FINISHED" else 0},
	"staging_start" : {t.started // 1000 if is_staged else 0},
	"submit_time" : {t.submitted // 1000},
	"timestamp" : {at // 1000},
	"user_dn" : "",
	"user_filesize" : {t.size},
	"vo_name" : "{t.rule.vo.name}"
}} """
        return self._wire(us, STATE, self._vo_headers(t), body)

    def _write_accepted(self, us: int, argument: tuple[Transfer, str, int]) -> Wire:
        """The REST server's own form at submission: a fractional timestamp, no sizes, no reason."""
        t, state, at = argument
        body = f"""{{
	"dest_se" : "{t.route.dst_door.endpoint}",
	"dst_url" : "{t.dst_url}",
	"endpnt" : "{t.fts.alias}",
	"file_id" : {t.file_id},
	"file_metadata" : {_file_metadata(t)},
	"file_state" : "{state}",
	"job_id" : "{t.job_id}",
	"job_metadata" : {_job_metadata(t)},
	"job_state" : "{state}",
	"retry_counter" : 0,
	"retry_max" : 0,
	"source_se" : "{t.route.src_door.endpoint}",
	"src_url" : "{t.src_url}",
	"timestamp" : {_number(at / 1000)},
	"user_dn" : "",
	"vo_name" : "{t.rule.vo.name}"
}} """
        return self._wire(us, STATE, self._vo_headers(t), body)

    def _vo_headers(self, t: Transfer) -> dict[str, str]:
        """Only state messages name the virtual organisation in a header."""
        vo = t.rule.vo.name
        if vo not in self._state_headers:
            self._state_headers[vo] = _PERSISTENT | {"vo": vo}
        return self._state_headers[vo]

    def _write_complete(self, us: int, argument: tuple[Transfer, bool]) -> Wire:
        t, is_archiving = argument
        src, dst, error = t.route.src_door, t.route.dst_door, t.error
        first, last = t.first_byte // 1000, t.last_byte // 1000
        duration = last - first
        rate = t.size / (duration / 1000) if duration > 0 else -1.0
        ended_ms = t.ended // 1000
        scheme, over = dst.scheme, _HTTP[dst.scheme]
        state, flag = ("Abort", -1) if t.canceled else ("Error", 0) if error else ("Ok", 1)
        body = f"""{{
	"activity" : "{t.rule.activity}",
	"auth_method" : "{_auth_method(t)}",
	"block_size" : 0,
	"buf_size" : 0,
	"channel_type" : "urlcopy",
	"chk_timeout" : 0,
	"cleanup_code" : -1,
	"dest_srm_v" : "",
	"dst_hostname" : "{dst.host}",
	"dst_protocol" : "{scheme}",
	"dst_se" : "{dst.endpoint}",
	"dst_site_name" : "",
	"dst_transfer_protocol" : "{over}",
	"dst_url" : "{t.dst_url}",
	"endpnt" : "{t.fts.alias}",
	"eviction_code" : -1,
	"f_size" : {t.size},
	"file_id" : {t.file_id},
	"file_metadata" : {_file_metadata(t)},
	"file_size" : {t.size},
	"final_destination" : "",
	"ipver" : "{"unknown" if error else "ipv4" if t.file_id % 10 < 3 else "ipv6"}",
	"is_archiving" : {"true" if is_archiving else "false"},
	"is_recoverable" : {"true" if error and error.recoverable else "false"},
	"job_id" : "{t.job_id}",
	"job_m_replica" : false,
	"job_metadata" : {_job_metadata(t)},
	"job_multihop" : false,
	"job_state" : "UNKNOWN",
	"nstreams" : 1,
	"operation_time" : {ended_ms - t.started // 1000 if t.started else 0},
	"overwrite_on_disk_deletion_code" : -1,
	"overwrite_on_disk_flag" : false,
	"protocol" : "{scheme}",
	"protocol_translation" : false,
	"retry" : 0,
	"retry_max" : 0,
	"scitag" : 0,
	"src_hostname" : "{src.host}",
	"src_protocol" : "{src.scheme}",
	"src_se" : "{src.endpoint}",
	"src_site_name" : "",
	"src_srm_v" : "",
	"src_transfer_protocol" : "{over}",
	"src_url" : "{t.src_url}",
	"srm_finalization_time" : 0,
	"srm_overhead_percentage" : 0.0,
	"srm_overhead_time" : {_WRAPPED_COUNT if t.file_id % 1000 == 0 else 0},
	"srm_preparation_time" : 0,
	"srm_space_token_dst" : "",
	"srm_space_token_src" : "",
	"t__error_message" : {quoted(error.text) if error else '""'},
	"t_channel" : "{src.host}__{dst.host}",
	"t_error_code" : {error.code if error else 0},
	"t_failure_phase" : "{error.phase if error else ""}",
	"t_final_transfer_state" : "{state}",
	"t_final_transfer_state_flag" : {flag},
	"t_timeout" : {600 + t.size // 500_000},
	"tcp_buf_size" : 0,
	"throughput" : {_number(rate)},
	"time_srm_fin_end" : 0,
	"time_srm_fin_st" : 0,
	"time_srm_prep_end" : 0,
	"time_srm_prep_st" : 0,
	"timestamp_checksum_dest_ended" : 0,
	"timestamp_checksum_dest_st" : 0,
	"timestamp_checksum_dst_diff" : 0,
	"timestamp_checksum_src_diff" : 0,
	"timestamp_chk_src_ended" : 0,
	"timestamp_chk_src_st" : 0,
	"timestamp_tr_comp" : {last},
	"timestamp_tr_st" : {first},
	"tr_bt_transfered" : {0 if error else t.size},
	"tr_error_category" : "{error.category if error else ""}",
	"tr_error_scope" : "{error.scope if error else ""}",
	"tr_id" : "{_transfer_id(t, t.ended)}",
	"tr_timestamp_complete" : {ended_ms},
	"tr_timestamp_start" : {t.started // 1000},
	"transfer_lasthop" : false,
	"transfer_time" : {duration},
	"transfer_type" : "{_TYPES[t.file_id % 10]}",
	"user_dn" : "",
	"vo" : "{t.rule.vo.name}"
}} """
        return self._wire(us, COMPLETE, _PERSISTENT, body)

    def _write_optimizer(self, us: int, report: Report) -> Wire:
        source, destination = report.source, report.destination
        body = f"""{{
	"active_count" : {report.active},
	"connections" : {report.connections},
	"dest_se" : "{destination}",
	"diff" : {report.diff},
	"duration_avg" : {report.duration},
	"endpnt" : "{report.alias}",
	"filesize_avg" : {_number(report.size)},
	"filesize_stddev" : {_number(report.deviation)},
	"rationale" : "{report.rationale}",
	"retry_count" : {report.retried},
	"source_se" : "{source}",
	"submitted_count" : {report.submitted},
	"success_rate" : {_number(report.success)},
	"throughput" : {_number(report.throughput)},
	"throughput_ema" : {_number(report.average)},
	"timestamp" : {report.us // 1000}
}} """
        return self._wire(us, OPTIMIZER, _FLEETING_HEADERS, body)


_TYPES = ("3rd pull",) * 7 + ("3rd push",) * 2 + ("streamed",)
_WRAPPED_COUNT = 2**64 - 137
"""A negative overhead in FTS's unsigned field."""


def _transfer_id(t: Transfer, us: int) -> str:
    return f"{minute_text(us)}__{t.route.channel}__{t.file_id}__{t.job_id}"


def _auth_method(t: Transfer) -> str:
    return "oauth2" if t.rule.vo.rucio == "ska" else "certificate"


def _job_metadata(t: Transfer) -> str:
    if t.foreign:
        return '\n\t{\n\t\t"activity" : "functional-testing"\n\t}'
    return f"""
	{{
		"auth_method" : "{_auth_method(t)}",
		"issuer" : "rucio",
		"multi_sources" : false,
		"overwrite_when_only_on_disk" : false
	}}"""


def _file_metadata(t: Transfer) -> str:
    """Rucio's own, or whatever another client thought of: nothing, a text, a number."""
    if t.foreign:
        return ("null", '"functional-test"', str(t.file_id % 97))[t.file_id % 3]
    rule, src, dst = t.rule, t.route.src, t.route.dst
    return f"""
	{{
		"activity" : "{rule.activity}",
		"adler32" : "{t.adler32}",
		"dest_rse_id" : "{dst.id}",
		"dst_rse" : "{dst.name}",
		"dst_type" : "{dst.kind}",
		"filesize" : {t.size},
		"md5" : {f'"{t.md5}"' if t.md5 else "null"},
		"name" : "{t.name}",
		"request_id" : "{t.request_id}",
		"request_type" : "{"STAGEIN" if rule.stagein else "TRANSFER"}",
		"scope" : "{rule.scope}",
		"src_rse" : "{src.name}",
		"src_rse_id" : "{src.id}",
		"src_type" : "{src.kind}"
	}}"""


def _number(value: float) -> str:
    """A float as JsonCpp writes it: 17 significant digits, and a decimal point always."""
    text = f"{value:.17g}"
    return text if "." in text or "e" in text else f"{text}.0"
