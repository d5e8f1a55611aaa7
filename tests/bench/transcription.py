"""What live transcription costs and how late its text comes, on human speech with the real engine. Two parts: bench_transcription, a gRPC client
without a gateway (docs/transcription.md says what its numbers are), and eight command line clients in real time through a gateway.
"""
import argparse
import json
import os
import subprocess
import tempfile

import bench_report
import ponte_procs as procs

STREAMS = 8


def direct():
    environment = dict(os.environ, PONTE_SERVICES=procs.program("ponte-services"))
    run = subprocess.run([procs.program("bench_transcription")], env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(run.stdout)["results"]


def through_the_gateway():
    samples, said = procs.human_speech()
    with tempfile.TemporaryDirectory() as folder:
        wav = f"{folder}/speech.wav"
        procs.write_wav(wav, samples)
        with procs.Stack(folder) as stack:
            procs.transcribe_at_once(stack, wav, 1, "fast")  # what the first stream loads is not theirs
            processes = {"service": stack.service.popen.pid, "gateway": stack.gateway.popen.pid}
            cpu = {name: procs.cpu_seconds(pid) for name, pid in processes.items()}
            memory = {name: procs.private_kb(pid) for name, pid in processes.items()}
            texts = procs.transcribe_at_once(stack, wav, STREAMS, "realtime")
            seconds = STREAMS * len(samples) / 2 / procs.RATE
            row = {"scenario": "eight command line clients through the gateway, real time", "streams": STREAMS, "audio_seconds": round(seconds, 1)}
            for name, pid in processes.items():
                row[f"{name}_cpu_seconds_per_audio_second"] = round((procs.cpu_seconds(pid) - cpu[name]) / seconds, 5)
                row[f"{name}_kb_per_stream"] = round((procs.private_kb(pid) - memory[name]) / STREAMS)
    counts = [procs.word_errors(said, text) for text in texts]
    row["word_error_rate"] = round(sum(errors for errors, _ in counts) / sum(words for _, words in counts), 4)
    return row


def main():
    argparse.ArgumentParser(prog="tests/bench/run transcription", description=__doc__.split("\n", 1)[0]).parse_args()
    load = os.getloadavg()
    results = direct() + [through_the_gateway()]
    for row in results:
        print(json.dumps(row))
    bench_report.write("transcription", results, load)


main()
