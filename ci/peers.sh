#!/usr/bin/env bash
# peers.sh [FOLDER]: prints the path of a Python that has onnx, onnxruntime and TensorBoard, which tests compare vggcl
# with (label "peers", which take the path from $VGGCL_PEERS). It is /usr/bin/python3 if that has them; else pip installs
# them, in the versions of ci/peers.txt, into a virtual environment in FOLDER (default build-ci/peers). Exit status 1,
# and the reason on the standard error, if that is not possible, e.g. without a network connection.
set -euo pipefail
exec </dev/null
cd "$(dirname "$0")/.."
folder=$(realpath -m "${1:-build-ci/peers}")

has() { "$1" -c "import onnx, onnxruntime; from tensorboard.backend.event_processing import event_accumulator"; }
for python in /usr/bin/python3 "$folder/bin/python"; do
    if [ -x "$python" ] && has "$python" 2>/dev/null; then
        echo "$python"
        exit 0
    fi
done
echo "Installing onnx, onnxruntime and TensorBoard in $folder" >&2
{ /usr/bin/python3 -m venv "$folder" && "$folder/bin/pip" -q --retries 1 install -r ci/peers.txt && has "$folder/bin/python"; } >&2 ||
    exit 1
echo "$folder/bin/python"
