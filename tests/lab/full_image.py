"""An image that says all that an image can say."""

from __future__ import annotations

from tests.lab.guest import Guest

FULL = "localhost/full:1"

_CONTAINERFILE = """
FROM localhost/podunit-test:1
RUN mkdir -p /srv/data && echo "app:x:1234:1235:App:/srv:/bin/sh" >> /etc/passwd && \
  echo "app:x:1235:" >> /etc/group && echo "more:x:1300:app" >> /etc/group && echo kept > /srv/data/file && \
  chown 0:1235 / && chmod 0751 /
USER app
ENV FROM_IMAGE="a b"
WORKDIR /srv/made
VOLUME /srv/data
STOPSIGNAL SIGUSR1
ENTRYPOINT ["/bin/sh", "-c"]
CMD ["trap 'echo usr1; exit 3' USR1; sleep 1000 & wait"]
"""


def make_full_image(lab: Guest) -> None:
    """Build it in a lab."""
    lab.write("/root/image/Containerfile", _CONTAINERFILE)
    lab.sh(f"podman build --quiet --network=none --tag={FULL} /root/image", timeout_sec=120)
