#!/bin/sh
# moonshine.sh OUT WORK WHEEL -- the Moonshine tiny English model as sherpa-onnx loads it, and what ListModels says of it.
set -eu
unzip -q "$3" 'moonshine_voice/assets/tiny-en/*' '*/licenses/LICENSE' -d "$2"
tiny=$2/moonshine_voice/assets/tiny-en
cp "$tiny/encoder_model.ort" "$tiny/decoder_model_merged.ort" "$1/"
cp "$2"/*.dist-info/licenses/LICENSE "$1/"
# tokenizer.bin is a sequence of (length, bytes); a length >= 128 takes two bytes, b[1] * 128 + b[0] - 128; the token's id is
# its position. sherpa-onnx wants lines of base64 and id.
python3 - "$tiny/tokenizer.bin" "$1/tokens.txt" <<'PYTHON'
import base64, sys
data = open(sys.argv[1], "rb").read()
at, token_id = 0, 0
with open(sys.argv[2], "w") as out:
    while at < len(data):
        length = data[at]
        at += 1
        if length >= 128:
            length = data[at] * 128 + length - 128
            at += 1
        if at + length > len(data):
            sys.exit("tokenizer.bin is cut short")
        out.write("%s %d\n" % (base64.b64encode(data[at:at + length]).decode(), token_id))
        at += length
        token_id += 1
PYTHON
cat >"$1/model.json" <<'JSON'
{
  "name": "moonshine-tiny-en",
  "kind": "moonshine",
  "languages": ["en"],
  "licence": "MIT",
  "sample_rate": 16000,
  "capabilities": { "interim_results": true, "words": false, "alternatives": false, "punctuation": true },
  "files": { "encoder": "encoder_model.ort", "merged_decoder": "decoder_model_merged.ort", "tokens": "tokens.txt" },
  "description": "Moonshine tiny, English; from the package moonshine-voice 0.1.0"
}
JSON
