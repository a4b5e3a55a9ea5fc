"""``python -m benchmarks [NAME ...]``: all of them, or those named."""

import sys

from benchmarks import dashboards, hot_path, whole_process

ALL = {"hot_path": hot_path.main, "whole_process": whole_process.main, "dashboards": dashboards.main}

for name in sys.argv[1:] or ALL:
    print(f"--- {name}")
    ALL[name]()
