"""TCP checks (pkg/probe/tcp). In: a TCPSocketAction and the way to the pod. Out: a result."""

from __future__ import annotations

from podunit.prober.dialer import Dialer, describe_error
from podunit.prober.series import Result
from podunit.probes import TcpSocket


async def check_tcp(action: TcpSocket, dialer: Dialer) -> Result:
    """Make the check once: who takes a connection is well. The caller has a timeout."""
    try:
        async with dialer.connect(action.host, action.port):
            return Result(True, "connected")
    except OSError as error:
        return Result(False, describe_error(error))
