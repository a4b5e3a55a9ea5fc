"""``python -m benchmarks [NAME ...]``: all of them, or those named."""

import sys

from benchmarks import (
    accounts,
    alerts,
    alerts_rounds,
    alerts_search_speed,
    causes,
    dashboards,
    hot_path,
    kafka,
    overflow,
    push,
    report,
    stomp,
    sync,
    whole_process,
)

ALL = {
    "accounts": accounts.main,
    "alerts": alerts.main,
    "alerts_rounds": alerts_rounds.main,
    "alerts_search_speed": alerts_search_speed.main,
    "causes": causes.main,
    "hot_path": hot_path.main,
    "kafka": kafka.main,
    "overflow": overflow.main,
    "push": push.main,
    "stomp": stomp.main,
    "whole_process": whole_process.main,
    "dashboards": dashboards.main,
    "report": report.main,
    "sync": sync.main,
}

names = [name for name in sys.argv[1:] if name in ALL] or ALL
for name in names:
    print(f"--- {name}")
    ALL[name]()
