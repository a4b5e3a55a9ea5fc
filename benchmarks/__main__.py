"""``python -m benchmarks [NAME ...]``: all of them, or those named."""

import sys

from benchmarks import hot_path, whole_process

ALL = {"hot_path": hot_path.main, "whole_process": whole_process.main}

for name in sys.argv[1:] or ALL:
    print(f"--- {name}")
    ALL[name]()
