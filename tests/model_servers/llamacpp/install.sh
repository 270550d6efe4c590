#!/bin/sh
# Makes .venv-llamacpp for `make test-llamacpp`: llama-cpp-python and its server, compiled from the source package
# that the registry has. It takes a C++ compiler, and some minutes on two cores.
set -eu
cd "$(dirname "$0")/../../.."
PYTHON=${PYTHON:-python3}
VENV=${LLAMACPP_VENV:-.venv-llamacpp}
VERSION=0.3.36

fail() {
    echo "llama.cpp could not be installed: $1" >&2
    exit 1
}

install() {
    "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check "$@" ||
        fail "pip did not get $*. What it said is above: is there such a release, and was the registry reached?"
}

for compiler in cc c++; do
    command -v "$compiler" >/dev/null || fail "it is compiled, and there is no $compiler (Debian: apt-get install g++)."
done
"$PYTHON" -m venv "$VENV"
PATH="$PWD/$VENV/bin:$PATH"
command -v cmake >/dev/null || install cmake
command -v ninja >/dev/null || install ninja

source=$(mktemp -d)
trap 'rm -rf "$source"' EXIT
python -m pip download --quiet --no-deps --no-binary llama-cpp-python --dest "$source" "llama-cpp-python==$VERSION" ||
    fail "pip did not get the source package."
tar -xzf "$source"/*.tar.gz -C "$source" --strip-components 1

# Little is computed with the model of the tests, so it is compiled quickly and runs slowly; and of llama.cpp only
# what the Python package loads, half of what its own build compiles.
cmake -S "$source/vendor/llama.cpp" -B "$source/build" -G Ninja --log-level=WARNING \
    -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_FLAGS_RELEASE=-O0 -DCMAKE_BUILD_RPATH_USE_ORIGIN=ON \
    -DGGML_OPENMP=OFF -DGGML_LLAMAFILE=OFF -DLLAMA_OPENSSL=OFF -DLLAMA_BUILD_UI=OFF -DLLAMA_USE_PREBUILT_UI=OFF
cmake --build "$source/build" --target llama || fail "it did not compile."
rm -rf "$VENV/llama.cpp"
mkdir "$VENV/llama.cpp"
cp -a "$source"/build/bin/*.so* "$VENV/llama.cpp/"

# LLAMA_CPP_LIB_PATH tells the Python package where its libraries are.
CMAKE_ARGS=-DLLAMA_BUILD=OFF install "$source[server]"
install "gguf==0.19.0" "tokenizers==0.23.3"
LLAMA_CPP_LIB_PATH="$PWD/$VENV/llama.cpp" python -c "import llama_cpp, llama_cpp.server.app"
echo "llama.cpp is ready in $VENV: LLAMACPP_PYTHON=$PWD/$VENV/bin/python make test-llamacpp"
