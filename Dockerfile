# One image for every service, the worker, the commands and Locust: what a container does is its command.
# The base is pinned by tag; PYTHON_IMAGE takes a digest or a mirror.
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /src
RUN python -m venv --without-pip /opt/venv
# The dependencies first: they change more rarely than the sources, and are a layer of their own.
COPY pyproject.toml .
RUN python -c 'import tomllib; p = tomllib.load(open("pyproject.toml", "rb"))["project"]; \
    extra = p["optional-dependencies"]; print(*p["dependencies"], *extra.get("postgres", ["psycopg[binary]>=3.2,<4"]), sep="\n")' \
    > requirements.txt \
    && python -m pip --python /opt/venv/bin/python install --requirement requirements.txt
COPY . .
RUN python -m pip --python /opt/venv/bin/python install --no-deps . \
    && find /opt/venv -type d -name tests -path '*site-packages*' -prune -exec rm -rf {} +

FROM ${PYTHON_IMAGE}
# git_server and the auditor run git; its manual pages and translations are not read here.
RUN apt-get update -q \
    && apt-get install -q -y --no-install-recommends git \
    && rm -rf /var/lib/apt/lists/* /usr/share/doc /usr/share/man /usr/share/locale /var/cache/* /var/log/* \
    && rm -rf /usr/local/lib/python3.11/site-packages/* /usr/local/lib/python3.11/ensurepip /usr/local/bin/pip*
# A volume that is empty takes over the owner of the folder under it.
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /tmp --shell /usr/sbin/nologin saga \
    && install -d -o saga -g saga /data /state /state/data \
        /state/data/backend /state/data/filesystem_server /state/data/git_server \
        /state/data/chroma_stub /state/data/neo4j_stub
COPY --from=build /opt/venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
WORKDIR /tmp
CMD ["testbed", "--help"]
