"""What `import srbm` costs, in a process of its own, beside `import numpy`."""

import resource
import subprocess
import sys


def seconds(code):
    """Processor time of a fresh interpreter that runs `code`."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def run():
    """Times of `pass`, `import numpy` and `import srbm`, in turn."""
    codes = {"python": "pass", "import numpy": "import numpy", "import srbm": "import srbm"}
    times = {name: [] for name in codes}
    for _ in range(7):
        for name, code in codes.items():
            times[name].append(seconds(code))
    return times
