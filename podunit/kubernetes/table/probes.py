"""Checks of containers, and what runs at their start and stop (core/v1)."""

from __future__ import annotations

from podunit.kubernetes.fields import Object, refused

_NO_PROBES = "remove it: podunit runs no probes"
_NO_HOOKS = "remove it: podunit runs no hooks"
_NEITHER = "remove it: podunit runs no probes and no hooks"

OBJECTS = (
    Object(
        "Probe",
        "v1",
        "a check of a container, again and again",
        (
            refused("exec", "ExecAction", "a command in the container", _NO_PROBES),
            refused("failureThreshold", "integer", "failures in a row that count; 3 by default", _NO_PROBES),
            refused("grpc", "GRPCAction", "a request of gRPC's health protocol", _NO_PROBES),
            refused("httpGet", "HTTPGetAction", "an HTTP request", _NO_PROBES),
            refused("initialDelaySeconds", "integer", "seconds from the start to the first check", _NO_PROBES),
            refused("periodSeconds", "integer", "seconds between checks; 10 by default", _NO_PROBES),
            refused("successThreshold", "integer", "successes in a row that count; 1 by default", _NO_PROBES),
            refused("tcpSocket", "TCPSocketAction", "a connection over TCP", _NO_PROBES),
            refused(
                "terminationGracePeriodSeconds",
                "integer",
                "the grace period of a stop that the check causes",
                _NO_PROBES,
            ),
            refused("timeoutSeconds", "integer", "seconds that one check may take; 1 by default", _NO_PROBES),
        ),
    ),
    Object(
        "Lifecycle",
        "v1",
        "what runs after a container's start and before its stop",
        (
            refused("postStart", "LifecycleHandler", "what runs right after the start", _NO_HOOKS),
            refused("preStop", "LifecycleHandler", "what runs before the signal to stop", _NO_HOOKS),
            refused("stopSignal", "string", "the signal to stop; by default the image's, or SIGTERM", _NO_HOOKS),
        ),
    ),
    Object(
        "LifecycleHandler",
        "v1",
        "one thing that is done",
        (
            refused("exec", "ExecAction", "a command in the container", _NO_HOOKS),
            refused("httpGet", "HTTPGetAction", "an HTTP request", _NO_HOOKS),
            refused("sleep", "SleepAction", "a pause", _NO_HOOKS),
            refused("tcpSocket", "TCPSocketAction", "nothing: a remnant that the API keeps", _NO_HOOKS),
        ),
    ),
    Object(
        "ExecAction",
        "v1",
        "a command in the container",
        (refused("command", "[]string", "the command and its arguments, without a shell", _NEITHER),),
    ),
    Object(
        "HTTPGetAction",
        "v1",
        "an HTTP request",
        (
            refused("host", "string", "the host; by default the pod", _NEITHER),
            refused("httpHeaders", "[]HTTPHeader", "more headers of the request", _NEITHER),
            refused("path", "string", "the path on the server", _NEITHER),
            refused("port", "IntOrString", "the port, or its name", _NEITHER),
            refused("protocol", "string", "the version of HTTP that is spoken", _NEITHER),
            refused("scheme", "string", "HTTP or HTTPS", _NEITHER),
        ),
    ),
    Object(
        "HTTPHeader",
        "v1",
        "a header of an HTTP request",
        (
            refused("name", "string", "the header", _NEITHER),
            refused("value", "string", "its value", _NEITHER),
        ),
    ),
    Object(
        "TCPSocketAction",
        "v1",
        "a connection over TCP",
        (
            refused("host", "string", "the host; by default the pod", _NEITHER),
            refused("port", "IntOrString", "the port, or its name", _NEITHER),
        ),
    ),
    Object(
        "GRPCAction",
        "v1",
        "a request of gRPC's health protocol",
        (
            refused("mode", "string", "whether TLS is spoken", _NO_PROBES),
            refused("port", "integer", "the port", _NO_PROBES),
            refused("service", "string", "the service that is asked about", _NO_PROBES),
        ),
    ),
    Object(
        "SleepAction",
        "v1",
        "a pause",
        (refused("seconds", "integer", "how long", _NO_HOOKS),),
    ),
)
