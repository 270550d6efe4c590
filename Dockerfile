# One image for web, worker, beat and migrate; the command tells which it is.
# Where no GPU is used, a CPU build of torch saves some gigabytes: give pip an index that has one, e.g.
#   docker compose build --build-arg PIP_EXTRA_INDEX_URL=<the address of PyTorch's CPU wheels>
FROM python:3.11-slim-bookworm AS build
ARG PIP_EXTRA_INDEX_URL=""
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /srv/cited
COPY requirements.lock ./
RUN python -m venv /opt/venv \
    && /opt/venv/bin/pip install "$(grep '^torch==' requirements.lock)" \
    && /opt/venv/bin/pip install -r requirements.lock

FROM python:3.11-slim-bookworm
# Git for sources that are repositories; Tesseract for scans in Cyrillic letters, and with the languages that
# collections may have (1 to 8 MB each) for OCR_ENGINE=tesseract.
RUN apt-get update && apt-get install -y --no-install-recommends git tesseract-ocr \
        tesseract-ocr-dan tesseract-ocr-deu tesseract-ocr-fin tesseract-ocr-fra tesseract-ocr-hun \
        tesseract-ocr-ita tesseract-ocr-nld tesseract-ocr-nor tesseract-ocr-por tesseract-ocr-rus \
        tesseract-ocr-spa tesseract-ocr-swe tesseract-ocr-tur \
    && rm -rf /var/lib/apt/lists/*
RUN useradd --system --uid 10001 --create-home cited \
    && install -d -o cited -g cited /var/lib/cited
COPY --from=build /opt/venv /opt/venv
WORKDIR /srv/cited
COPY . .
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    MALLOC_ARENA_MAX=2 \
    TOKENIZERS_PARALLELISM=false \
    DJANGO_SETTINGS_MODULE=portal.settings \
    VAR_DIR=/var/lib/cited
USER cited
VOLUME /var/lib/cited
EXPOSE 8000
CMD ["uvicorn", "portal.asgi:application", "--host", "0.0.0.0", "--port", "8000", "--no-access-log", \
     "--log-level", "warning", "--lifespan", "on", "--no-server-header", "--timeout-graceful-shutdown", "5"]
