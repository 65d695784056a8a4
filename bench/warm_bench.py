#!/usr/bin/python3
"""What a warm start spares: a script that loads packages, bare, cold under the hood and warm, in turn.

    bench/warm_bench.py PROGRAM [ROUNDS] [PACKAGE...]

PROGRAM is the `fumehood` to measure; the packages are those of /usr/bin/python3 (default: numpy and pandas). Before each warm run it
waits until an interpreter is ready, outside of what is measured; what is started is made sure of by the records.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def percentile(samples, share):
    return sorted(samples)[min(len(samples) - 1, round(share * (len(samples) - 1)))]


class Bench:
    def __init__(self, program, packages, top):
        self.program = program
        self.packages = packages
        self.work = top / "work"
        self.state = top / "state"
        self.work.mkdir()
        loading = "".join(f"import {package}\n" for package in packages)
        (self.work / "script.py").write_text(f"{loading}print('done')\n", encoding="utf-8")
        # Without what an interpreter does at its end, which takes longer the more is loaded, warm or cold.
        (self.work / "exit.py").write_text(f"{loading}import os\nprint('done', flush=True)\nos._exit(0)\n", encoding="utf-8")
        self.environment = {**os.environ, "FUMEHOOD_STATE": str(self.state)}

    def call(self, *words):
        began = time.perf_counter()
        subprocess.run(words, cwd=self.work, env=self.environment, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        return (time.perf_counter() - began) * 1000

    def await_ready(self):
        """A box that waits, and nothing else in the making that would disturb what is measured next."""
        for _ in range(1200):
            names = os.listdir(self.state / "warm")
            if sum(not name.startswith((".", "making.")) for name in names) >= 2 and not any(name.startswith("making.") for name in names):
                return
            time.sleep(0.05)
        raise SystemExit("no interpreter became ready within a minute")

    def started_warm(self):
        newest = max(os.listdir(self.state / "runs"))
        lines = (self.state / "runs" / newest / "events.jsonl").read_text(encoding="utf-8").splitlines()
        return any(event["type"] == "warm" and event["used"] for event in map(json.loads, lines))

    def measure(self, script, rounds):
        samples = {"bare python3": [], "cold: fumehood run": [], "warm: fumehood run --warm": []}
        for _ in range(rounds):
            samples["bare python3"].append(self.call("/usr/bin/python3", script))
            samples["cold: fumehood run"].append(self.call(self.program, "run", "-q", "--", "python3", script))
            self.await_ready()
            samples["warm: fumehood run --warm"].append(self.call(self.program, "run", "-q", "--warm", "--", "python3", script))
            assert self.started_warm(), "a run that was to be warm was not"
            self.await_ready()
        return samples


def main():
    program = os.path.abspath(sys.argv[1])
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 30
    packages = sys.argv[3:] or ["numpy", "pandas"]
    with tempfile.TemporaryDirectory(prefix="fh-warm-bench-", dir="/var/tmp") as top:
        bench = Bench(program, packages, Path(top))
        words = [word for package in packages for word in ("--import", package)]
        bench.call(program, "runtimes", "warm", "python3", *words, "--count", "2")
        try:
            for script, title in (("script.py", "whole"), ("exit.py", "left by os._exit")):
                samples = bench.measure(script, rounds)
                cold = statistics.median(samples["cold: fumehood run"])
                print(f"| import {', '.join(packages)}: {title} | median, ms | p99, ms | cold is so many times this |\n|---|--:|--:|--:|")
                for name, times in samples.items():
                    print(f"| {name} | {statistics.median(times):.1f} | {percentile(times, 0.99):.1f} | {cold / statistics.median(times):.1f} |")
                print(flush=True)
        finally:
            bench.call(program, "runtimes", "warm", "python3", "--off")


main()
