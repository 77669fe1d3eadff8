# The image for all pods of a cluster, or for `submit --image`.
#   docker build --build-arg EXTRAS=cluster,clip -t interloom:0.1 .
FROM python:3.11-slim

# Extras of pyproject.toml: `cluster`, and what the recipe's steps need (clip, embed, asr, ocr, video, retrieve, or all).
ARG EXTRAS=cluster

# KubeRay asks a pod with wget whether it is healthy; libgomp1 is what torch, faiss and numba share.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends wget libgomp1 \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /opt/interloom
COPY . .
RUN pip install --no-cache-dir --constraint constraints.txt ".[${EXTRAS}]"

RUN useradd --create-home interloom
USER interloom
WORKDIR /home/interloom
CMD ["interloom", "--help"]
