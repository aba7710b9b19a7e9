#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Hear speech and wake words: run.sh [SOUND.wav|-]. Fetches the Python packages that carry the networks, converts them to
# .edge, and without a sound lets espeak-ng speak one. A microphone: arecord -q -t raw -f S16_LE -r 16000 | run.sh -
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
root=$(CDPATH= cd -- "$here/../.." && pwd)
build=${BUILD_DIR:-$root/build/quickstart}
work=${WORK_DIR:-$root/build/listen}
if [ ! -x "$build/edgert" ] || [ ! -x "$build/examples/listen" ]; then
  cmake -S "$root" -B "$build" -DCMAKE_BUILD_TYPE=Release > /dev/null
  cmake --build "$build" --parallel --target edgert-cli example_listen > /dev/null
fi
mkdir -p "$work"
if [ ! -x "$work/venv/bin/python" ]; then python3 -m venv "$work/venv"; fi
python=$work/venv/bin/python
where() { "$python" -c "import importlib.util as u; print(u.find_spec('$1').submodule_search_locations[0])" 2> /dev/null; }
where silero_vad > /dev/null && where openwakeword > /dev/null ||
  "$python" -m pip install -q --no-deps silero-vad==6.2.3 openwakeword==0.4.0
words=$(where openwakeword)/resources/models
convert() { [ -e "$work/$2.edge" ] || "$build/edgert" convert "$1" -o "$work/$2.edge"; }
convert "$(where silero_vad)/data/silero_vad_op18_ifless.onnx" voice
convert "$words/melspectrogram.onnx" mel
convert "$words/embedding_model.onnx" embed
for word in hey_jarvis alexa hey_mycroft; do convert "$words/${word}_v0.1.onnx" $word; done
sound=${1:-}
if [ -z "$sound" ]; then
  command -v espeak-ng > /dev/null || { echo "no sound given, and no espeak-ng to speak one: apt-get install espeak-ng" && exit 1; }
  sound=$work/spoken.wav
  espeak-ng -m -w "$sound" 'Good morning. <break time="1500ms"/> Hey Jarvis! What time is it? <break time="1200ms"/>
    Alexa! Play some music. <break time="800ms"/> And that was all for today. <break time="900ms"/>'
fi
case $sound in /* | -) ;; *) sound=$PWD/$sound ;; esac
cd "$work"
exec "$build/examples/listen" voice.edge mel.edge embed.edge hey_jarvis.edge alexa.edge hey_mycroft.edge "$sound"
