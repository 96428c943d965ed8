# Two images, without a compiler, pip or caches, that run as any user on a read-only file system:
#   docker build --target serve --tag mnistlab-serve .   servers; models train on Dask, or not at all
#   docker build --target full --tag mnistlab-full .     with TensorFlow: Dask workers, or all in one
# The steps are in deploy/install.sh, which the tests run as well.
# MNIST is downloaded and kept in the image; --build-arg MNIST= leaves it out.
FROM python:3.12-slim AS python

FROM python AS source
WORKDIR /source
COPY pyproject.toml requirements.lock README.md LICENSE dashboard.ipynb ./
COPY deploy/install.sh deploy/save_mnist.py deploy/
COPY mnistlab mnistlab

FROM source AS install-serve
ARG MNIST=yes
RUN deploy/install.sh serve /opt/mnistlab ${MNIST:+/opt/mnistlab/mnist.npz}

FROM source AS install-full
ARG MNIST=yes
RUN deploy/install.sh full /opt/mnistlab ${MNIST:+/opt/mnistlab/mnist.npz}

FROM python AS run
RUN useradd --uid 10001 --create-home --home-dir /data --shell /usr/sbin/nologin mnistlab
ARG MNIST=yes
ENV PATH=/opt/mnistlab/bin:$PATH \
    HOME=/data \
    MNISTLAB_HOME=/data \
    MNISTLAB_MNIST=${MNIST:+/opt/mnistlab/mnist.npz} \
    MNISTLAB_APP_IP=0.0.0.0 \
    MNISTLAB_APP_PORT=8866 \
    MNISTLAB_APP_METRICS_PORT=8867 \
    MNISTLAB_APP_BROWSER=0 \
    MNISTLAB_APP_SHARED=1
COPY deploy/healthcheck.py /opt/healthcheck.py
# By number, so that Kubernetes sees that this is not root.
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8866 8867
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD ["python", "/opt/healthcheck.py"]
CMD ["mnistlab", "app"]

FROM run AS full
COPY --from=install-full /opt/mnistlab /opt/mnistlab

# The last one is what `docker build .` makes.
FROM run AS serve
COPY --from=install-serve /opt/mnistlab /opt/mnistlab
