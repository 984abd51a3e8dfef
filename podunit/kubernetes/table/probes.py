"""Checks of containers, and what runs at their start and stop (core/v1)."""

from __future__ import annotations

from podunit.kubernetes.fields import Object, honoured, refused

OBJECTS = (
    Object(
        "Probe",
        "v1",
        "a check of a container, again and again",
        (
            honoured("exec", "ExecAction", "a command in the container", "run by the container's own runtime"),
            honoured(
                "failureThreshold",
                "integer",
                "failures in a row that count; 3 by default",
                "counted by podunit-prober.service",
            ),
            honoured(
                "grpc",
                "GRPCAction",
                "a request of gRPC's health protocol",
                "made by podunit-prober.service in the pod's network",
            ),
            honoured(
                "httpGet", "HTTPGetAction", "an HTTP request", "made by podunit-prober.service in the pod's network"
            ),
            honoured(
                "initialDelaySeconds",
                "integer",
                "seconds from the start to the first check",
                "kept by podunit-prober.service",
            ),
            honoured(
                "periodSeconds",
                "integer",
                "seconds between checks; 10 by default",
                "kept by podunit-prober.service",
            ),
            honoured(
                "successThreshold",
                "integer",
                "successes in a row that count; 1 by default",
                "counted by podunit-prober.service",
            ),
            honoured(
                "tcpSocket",
                "TCPSocketAction",
                "a connection over TCP",
                "made by podunit-prober.service in the pod's network",
            ),
            honoured(
                "terminationGracePeriodSeconds",
                "integer",
                "the grace period of a stop that the check causes",
                "podman stop --time",
            ),
            honoured(
                "timeoutSeconds",
                "integer",
                "seconds that one check may take; 1 by default",
                "kept by podunit-prober.service; a command is killed",
            ),
        ),
    ),
    Object(
        "Lifecycle",
        "v1",
        "what runs after a container's start and before its stop",
        (
            honoured(
                "postStart",
                "LifecycleHandler",
                "what runs right after the start",
                "ExecStartPost= of the container; a failure stops it, and has failed its start",
            ),
            honoured(
                "preStop",
                "LifecycleHandler",
                "what runs before the signal to stop",
                "ExecStop= of the container, within the grace period; that of a sidecar waits for its turn to stop",
            ),
            honoured(
                "stopSignal",
                "string",
                "the signal to stop; by default the image's, or SIGTERM",
                "podman run --stop-signal; needs spec.os.name",
            ),
        ),
    ),
    Object(
        "LifecycleHandler",
        "v1",
        "one thing that is done",
        (
            honoured("exec", "ExecAction", "a command in the container", "podman exec"),
            honoured(
                "httpGet",
                "HTTPGetAction",
                "an HTTP request; any response is a success",
                "made by podunit-prober.service in the pod's network",
            ),
            honoured("sleep", "SleepAction", "a pause", "/bin/sleep"),
            refused(
                "tcpSocket",
                "TCPSocketAction",
                "nothing: a remnant that the API keeps",
                "remove it: Kubernetes does nothing for it either",
            ),
        ),
    ),
    Object(
        "ExecAction",
        "v1",
        "a command in the container",
        (
            honoured(
                "command",
                "[]string",
                "the command and its arguments, without a shell",
                "a process in the container, with its rights, environment and working directory",
            ),
        ),
    ),
    Object(
        "HTTPGetAction",
        "v1",
        "an HTTP request",
        (
            honoured(
                "host", "string", "the host; by default the pod", "where the request goes, from the pod's network"
            ),
            honoured("httpHeaders", "[]HTTPHeader", "more headers of the request", "headers of the request"),
            honoured("path", "string", "the path on the server", "the request's path"),
            honoured("port", "IntOrString", "the port, or its name", "the port; a name is one of the container's"),
            refused(
                "protocol",
                "string",
                "the version of HTTP that is spoken",
                "remove it: HTTP/1.1 is spoken, which is the default",
            ),
            honoured("scheme", "string", "HTTP or HTTPS", "TLS, whose certificate nobody verifies"),
        ),
    ),
    Object(
        "HTTPHeader",
        "v1",
        "a header of an HTTP request",
        (
            honoured("name", "string", "the header", "a header of the request"),
            honoured("value", "string", "its value", "the header's value"),
        ),
    ),
    Object(
        "TCPSocketAction",
        "v1",
        "a connection over TCP",
        (
            honoured(
                "host", "string", "the host; by default the pod", "where the connection goes, from the pod's network"
            ),
            honoured("port", "IntOrString", "the port, or its name", "the port; a name is one of the container's"),
        ),
    ),
    Object(
        "GRPCAction",
        "v1",
        "a request of gRPC's health protocol",
        (
            honoured("mode", "string", "whether TLS is spoken", "TLS, whose certificate nobody verifies"),
            honoured("port", "integer", "the port", "the port at the pod's address"),
            honoured("service", "string", "the service that is asked about", "the request's service"),
        ),
    ),
    Object(
        "SleepAction",
        "v1",
        "a pause",
        (honoured("seconds", "integer", "how long, the grace period at most", "/bin/sleep SECONDS"),),
    ),
)
