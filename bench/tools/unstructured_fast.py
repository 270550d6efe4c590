"""Reads PDFs with `unstructured`, strategy "fast": `python -m bench.tools.unstructured_fast FILE...`.

Prints one JSON object. A process of its own, for its libraries are not the portal's.
"""

import json
import logging
import sys
import time

import pypdfium2

from ingestion.parsing._spacy import use_local_model


def main() -> None:
    logging.disable(logging.WARNING)
    use_local_model()
    from unstructured.partition.pdf import partition_pdf

    pages, elements, seconds = 0, 0, 0.0
    for path in sys.argv[1:]:
        with pypdfium2.PdfDocument(path) as document:
            pages += len(document)
        began = time.process_time()
        elements += len(partition_pdf(path, strategy="fast", languages=["eng"]))
        seconds += time.process_time() - began
    sys.stdout.write(json.dumps({"pages": pages, "elements": elements, "seconds": seconds}) + "\n")


if __name__ == "__main__":
    main()
