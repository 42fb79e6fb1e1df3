"""Runs a command and prints what it used. Imports little, so that it starts at once and is small."""

import json
import os
import subprocess
import sys
import time


def main() -> None:
    begun = time.monotonic()
    process = subprocess.Popen(sys.argv[1:], stdout=sys.stderr)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    used = {
        "seconds": time.monotonic() - begun,
        "processor_seconds": usage.ru_utime + usage.ru_stime,
        "megabytes": usage.ru_maxrss / 1024,
    }
    json.dump({"used": used, "code": process.returncode}, sys.stdout)


if __name__ == "__main__":
    main()
