#!/bin/sh
# Install MNIST Lab into a new virtual environment, each package at the version in requirements.lock.
# The Dockerfile runs this; so does tests/deploy/test_image.py, where Docker is missing.
#
#   deploy/install.sh serve|full FOLDER [MNIST]
#
#   serve   without TensorFlow: models are trained on a Dask cluster, or not at all
#   full    with TensorFlow: for Dask workers, and for servers that train by themselves
#   MNIST   a file to write MNIST to; it is downloaded, or copied from MNISTLAB_MNIST
#
# PYTHON is the interpreter to install for, BUILD_PYTHON one that has pip; by default both python3.
set -eu

target=${1:?give serve or full} folder=${2:?give a folder} mnist=${3:-}
case $target in
  serve) extras=cluster ;;
  full) extras=cluster,train ;;
  *) echo "$target is not a target; give serve or full." >&2; exit 2 ;;
esac

cd "$(dirname "$0")/.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
lock="$PWD/requirements.lock"

# The tools stay in a folder of their own, which is deleted at the end.
"${BUILD_PYTHON:-python3}" -m venv "$scratch/tools"
pip() { "$scratch/tools/bin/python" -m pip --quiet --no-cache-dir "$@"; }
pip install --constraint "$lock" hatchling hatch-fancy-pypi-readme uv
pip wheel --no-deps --no-build-isolation --wheel-dir "$scratch/wheel" .

uv() { UV_CACHE_DIR="$scratch/cache" "$scratch/tools/bin/uv" --quiet "$@"; }
uv venv --no-config --python "${PYTHON:-$(command -v python3)}" "$folder"
# Wheels only: nothing here needs a compiler. Compiled now, because the server cannot write here.
uv pip install --no-config --python "$folder/bin/python" --constraints "$lock" \
  --no-build --compile-bytecode "$(echo "$scratch"/wheel/*.whl)[$extras]"

if [ -n "$mnist" ]; then
  MNISTLAB_HOME="$scratch/home" "$folder/bin/python" deploy/save_mnist.py "$mnist"
fi
