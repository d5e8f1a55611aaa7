#!/bin/sh
# sherpa.sh OUT WORK WHEEL -- the C header and the shared libraries of sherpa-onnx. No Python is needed afterwards.
set -eu
unzip -q "$3" -d "$2"
mkdir "$1/lib"
cp -R "$2/sherpa_onnx/include" "$1/include"
cp "$2/sherpa_onnx/lib/libsherpa-onnx-c-api.so" "$2/sherpa_onnx/lib/libonnxruntime.so" "$1/lib/"
