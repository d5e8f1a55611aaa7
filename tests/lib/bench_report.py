"""What every benchmark's JSON file says beside its results: when, of which revision, on what machine, how busy it was."""

import json
import os
import platform
import subprocess
import time


def revision():
    run = subprocess.run(["git", "-C", os.environ["PONTE_SOURCE_DIR"], "describe", "--always", "--dirty"], stdout=subprocess.PIPE, text=True, check=False)
    return run.stdout.strip()


def write(name, results, load):
    """Writes build/bench/NAME.json; `load` is os.getloadavg() from before the benchmark."""
    folder = os.path.join(os.environ["PONTE_SOURCE_DIR"], "build", "bench")
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, f"{name}.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"benchmark": name, "unix_time": int(time.time()), "revision": revision(), "machine": platform.platform(),
                   "cores": os.cpu_count(), "load_before": load, "results": results}, file, indent=2)
        file.write("\n")
    print(f"written: {os.path.relpath(path)}")
