#!/bin/sh
# Makes .venv-unstructured: what `unstructured` needs beside .venv to read PDFs, for the comparison in bench/parser.py.
# Its extra "pdf" would bring models and a cloud client that the fast path never loads, so the packages are named.
set -eu
cd "$(dirname "$0")/../.."
FOLDER=.venv-unstructured

.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --upgrade --target "$FOLDER" \
	"pdfminer.six==20260107" "pdf2image==1.17.0" "pi-heif==1.4.0" "pikepdf>=10.3,<11" "unstructured-inference==1.6.14" \
	onnx ml_dtypes matplotlib pyparsing cycler kiwisolver fonttools
echo "unstructured can read PDFs from $FOLDER."
