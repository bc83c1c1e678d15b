# stackspec in a container: docker build --build-arg EXTRAS=s3,postgres -t stackspec .
# The project is mounted: docker run --rm --user "$(id -u):$(id -g)" -v "$PWD:/project" stackspec plan
FROM python:3.12-slim AS build
ARG EXTRAS=""
COPY pyproject.toml README.md LICENSE /source/
COPY stackspec /source/stackspec
COPY schemas /source/schemas
RUN python -m venv /opt/stackspec \
    && /opt/stackspec/bin/python -m pip install --quiet --no-cache-dir --disable-pip-version-check "/source${EXTRAS:+[$EXTRAS]}"

FROM python:3.12-slim
# Git is for --changed-since and reconcile. Debian keeps no version of it but the newest.
# hadolint ignore=DL3008
RUN apt-get update -qq \
    && apt-get install -qq -y --no-install-recommends ca-certificates git \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 1000 stackspec
COPY --from=build /opt/stackspec /opt/stackspec
ENV PATH=/opt/stackspec/bin:$PATH
USER 1000
WORKDIR /project
ENTRYPOINT ["stackspec"]
CMD ["--help"]
