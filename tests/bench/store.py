"""tests/bench/run store [SECONDS] -- writes and reads of the store engine on SQLite and PostgreSQL (both with fsync), by 1, 16 and 64 threads."""

import json
import os
import subprocess
import sys

PROGRAM = os.path.join(os.environ["PONTE_BUILD_DIR"], "bin", "bench_store")
WITH_POSTGRES = ["sh", os.path.join(os.environ["PONTE_SOURCE_DIR"], "tests/lib/with_postgres.sh")]


def main():
    seconds = sys.argv[1] if len(sys.argv) > 1 else "3"
    rows = []
    for engine in ([], WITH_POSTGRES):
        for mode in ("write", "change", "read"):
            for threads in ("1", "16", "64"):
                done = subprocess.run(
                    [*engine, PROGRAM, mode, threads, seconds],
                    env={**os.environ, "PONTE_LOG": "warn", "PONTE_TEST_POSTGRES_FSYNC": "on"},
                    stdout=subprocess.PIPE,
                    check=False,
                )
                if done.returncode == 77:
                    print("PostgreSQL is not installed: left out")
                    continue
                if done.returncode != 0:
                    sys.exit(f"bench_store {mode} {threads}: exit code {done.returncode}")
                row = json.loads(done.stdout)
                rows.append(row)
                print(
                    f"{row['engine']:10} {mode:6} {threads:>2} threads  {row['per_second']:7.0f}/s  {row['cpu_us']:6.1f} us CPU"
                    f"  p50 {row['p50_us'] / 1000:6.2f} ms  p99 {row['p99_us'] / 1000:6.2f} ms  runs {row['runs_each']:.2f}  failed {row['failed']}",
                    flush=True,
                )
    folder = os.path.join(os.environ["PONTE_SOURCE_DIR"], "build", "bench")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "store.json"), "w", encoding="utf-8") as out:
        json.dump(rows, out, indent=1)


main()
