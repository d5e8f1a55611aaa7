"""tests/bench/run search [PASSAGES [SECONDS]] -- the search index: how long it takes to build, what it holds in memory, and how long a question takes with 1 and 2 threads."""

import json
import os
import pathlib
import subprocess
import sys

PROGRAM = os.path.join(os.environ["PONTE_BUILD_DIR"], "bin", "bench_search")
SOURCE = pathlib.Path(os.environ["PONTE_SOURCE_DIR"])


def main():
    passages = sys.argv[1] if len(sys.argv) > 1 else "10000"
    seconds = sys.argv[2] if len(sys.argv) > 2 else "5"
    lessons = sorted(map(str, (SOURCE / "tests/quality/materials").iterdir()))
    rows = []
    for threads in ("1", "2", "4"):
        done = subprocess.run([PROGRAM, passages, threads, seconds, *lessons], stdout=subprocess.PIPE, check=True)
        row = json.loads(done.stdout)
        rows.append(row)
        print(
            f"{row['passages']} passages  built in {row['build_ms']:.0f} ms ({row['build_cpu_ms']:.0f} ms CPU), {row['memory_mb']:.1f} MB  {row['threads']} threads: {row['per_second']:.0f}/s"
            f"  {row['cpu_us']:.0f} us CPU  p50 {row['p50_us'] / 1000:.1f} ms  p95 {row['p95_us'] / 1000:.1f} ms  {row['memory_after_mb']:.1f} MB",
            flush=True,
        )
    folder = SOURCE / "build" / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "search.json").write_text(json.dumps(rows, indent=1), encoding="utf-8")


main()
