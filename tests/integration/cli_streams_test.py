"""Eight `ponte transcribe` at once, paced in real time, through a real gateway on human speech: all complete, with the words of one alone.

usage: cli_streams_test.py
"""

import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "lib"))
import ponte_procs as procs

STREAMS = 8
WER_MAX = 0.10


def main():
    samples, said = procs.human_speech()
    with tempfile.TemporaryDirectory() as folder:
        wav = f"{folder}/speech.wav"
        procs.write_wav(wav, samples)
        with procs.Stack(folder) as stack:
            alone = procs.transcribe_at_once(stack, wav, 1, "fast")[0]
            together = procs.transcribe_at_once(stack, wav, STREAMS, "realtime")
    errors, words = procs.word_errors(said, alone)
    print(f"alone: {errors} errors in {words} words: {alone}")
    assert errors <= WER_MAX * words, "too many words are wrong"
    for text in together:
        assert procs.normalise(text) == procs.normalise(alone), f"the text differs among eight: {text}"


main()
