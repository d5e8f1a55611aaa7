"""Kills the gateway and the service with SIGKILL in mid-sentence, while `ponte transcribe` reads a file in real time, and starts them again.

usage: kill_test.py ENGINE MOMENTS [SEED]      ENGINE: fake, or sherpa (human speech)
The audio must be covered exactly once and the text equal an undisturbed run's. PONTE_KILL_SEED repeats a run.
"""

import os
import random
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import ponte_procs as procs

KILLS_A_RUN = 4
SETTLE_SECONDS = 1.0  # of each run without kills, at both ends


def undisturbed(stack, wav, folder, samples):
    results = f"{folder}/undisturbed.results"
    command = procs.transcribe_command(stack.endpoint, wav, "--pace", "realtime", "--results", results)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=300)
    return procs.check_coverage(results, samples)


def disturbed(stack, wav, folder, samples, moments):
    """moments: (seconds after the start, "gateway" or "service")."""
    results = f"{folder}/disturbed-{stack.port}.results"
    command = procs.transcribe_command(stack.endpoint, wav, "--pace", "realtime", "--results", results)
    started = time.monotonic()
    with open(f"{folder}/client-{stack.port}.log", "wb") as log:
        client = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=log)
    for at, victim in moments:
        time.sleep(max(0, started + at - time.monotonic()))  # the moment itself is the test's input, not a wait for something
        process = getattr(stack, victim)
        process.kill()
        process.start()
    code = client.wait(300)
    assert code == 0, f"the client ended with {code}"
    return procs.check_coverage(results, samples)


def choose_moments(rng, seconds):
    chosen = sorted(rng.uniform(SETTLE_SECONDS, seconds - SETTLE_SECONDS) for _ in range(KILLS_A_RUN))
    return [(at, rng.choice(["gateway", "service"])) for at in chosen]


def run(engine, moments, seed):
    rng = random.Random(seed)
    samples = procs.fake_speech([rng.randrange(120) for _ in range(28)]) if engine == "fake" else procs.human_speech()[0]
    count = len(samples) // 2
    failures = []
    with tempfile.TemporaryDirectory() as folder:
        wav = f"{folder}/speech.wav"
        procs.write_wav(wav, samples)
        with procs.Stack(folder, engine) as stack:
            want = undisturbed(stack, wav, folder, count)
        print("undisturbed:", want, flush=True)
        assert len(procs.normalise(want)) >= 20, "the undisturbed run heard too little to compare with"

        def one(plan):
            with procs.Stack(folder, engine) as stack:
                try:
                    got = disturbed(stack, wav, folder, count, plan)
                    assert procs.normalise(got) == procs.normalise(want), f"the text differs: {got}"
                    print("ok", ", ".join(f"{victim} at {at:.2f} s" for at, victim in plan), flush=True)
                except Exception as e:
                    failures.append(e)
                    print("FAILED", plan, e, stack.service.log()[-1500:], stack.gateway.log()[-1500:], sep="\n", flush=True)

        parallel = 5 if engine == "fake" else 2
        plans = [choose_moments(rng, count / procs.RATE) for _ in range(-(-moments // KILLS_A_RUN))]
        for i in range(0, len(plans), parallel):
            threads = [threading.Thread(target=one, args=(plan,)) for plan in plans[i:i + parallel]]
            for t in threads:
                t.start()
            for t in threads:
                t.join()
    return failures


def main():
    engine, moments = sys.argv[1], int(sys.argv[2])
    seed = int(os.environ.get("PONTE_KILL_SEED") or (sys.argv[3] if len(sys.argv) > 3 else time.time_ns() % 1000000))
    print("seed", seed, flush=True)
    sys.exit(1 if run(engine, moments, seed) else 0)


main()
