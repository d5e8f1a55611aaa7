#!/bin/sh
# silero.sh OUT WORK WHEEL -- the voice activity detector, in the variant that sherpa-onnx loads with the smallest session.
set -eu
unzip -q "$3" 'silero_vad/data/silero_vad_16k_op15.onnx' '*/licenses/LICENSE' -d "$2"
cp "$2/silero_vad/data/silero_vad_16k_op15.onnx" "$1/silero_vad.onnx"
cp "$2"/*.dist-info/licenses/LICENSE "$1/"
