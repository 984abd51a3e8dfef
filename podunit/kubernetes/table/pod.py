"""Pod and what only a whole pod has (core/v1)."""

from __future__ import annotations

from podunit.kubernetes.fields import Object, honoured, ignored, refused

_ONE_MACHINE = "there is one machine, and nothing to choose"
_NO_API = "there is no API server here to talk to"
_NO_OTHERS = "podunit never removes a pod to make room for another"
_NO_DEVICES = "mount the device as a hostPath of type CharDevice or BlockDevice into a privileged container"

OBJECTS = (
    Object(
        "Pod",
        "v1",
        "containers that share a network and start and stop together",
        (
            honoured("apiVersion", "string", "the version of the API that the object is written for", "has to be v1"),
            honoured("kind", "string", "what the object is", "has to be Pod"),
            honoured("metadata", "ObjectMeta", "name, labels and annotations", "what its fields say"),
            honoured("spec", "PodSpec", "what runs, and how", "pod@NAME.service and the units below it"),
            ignored("status", "PodStatus", "what a cluster has observed", "see podunit status for the pod here"),
        ),
    ),
    Object(
        "PodSpec",
        "v1",
        "what a pod runs, and how",
        (
            honoured(
                "activeDeadlineSeconds",
                "integer",
                "how long the pod may run, in seconds",
                "RuntimeMaxSec= of the sandbox",
            ),
            ignored("affinity", "Affinity", "which nodes and neighbours the pod wants", _ONE_MACHINE),
            ignored(
                "automountServiceAccountToken", "boolean", "whether containers get a token for the API server", _NO_API
            ),
            honoured(
                "containers",
                "[]Container",
                "the containers that run side by side",
                "a service each: container@POD.NAME.service",
            ),
            honoured(
                "dnsConfig",
                "PodDNSConfig",
                "name servers, search domains and options of the resolver",
                "podman run --dns, --dns-search, --dns-option; with dnsPolicy None a file that containers mount",
            ),
            honoured(
                "dnsPolicy",
                "string",
                "where the resolver's settings come from",
                "None: only what dnsConfig says; all others: the network of the pods, and the host's settings",
            ),
            honoured(
                "enableServiceLinks",
                "boolean",
                "whether the environment tells of services",
                "false, as it is here in any case; true is a warning: a Service is found by its name",
            ),
            refused(
                "ephemeralContainers",
                "[]EphemeralContainer",
                "containers added to a running pod to look into it",
                "look into a running pod with podunit exec",
            ),
            ignored(
                "evictionResponders", "[]EvictionResponder", "who answers when the pod is to be evicted", _NO_OTHERS
            ),
            honoured("hostAliases", "[]HostAlias", "more lines of /etc/hosts", "podman run --add-host"),
            honoured("hostIPC", "boolean", "whether the pod uses the host's IPC namespace", "podman run --ipc=host"),
            honoured(
                "hostNetwork",
                "boolean",
                "whether the pod uses the host's network",
                "podman run --network=host --uts=host",
            ),
            honoured("hostPID", "boolean", "whether containers see the host's processes", "podman run --pid=host"),
            honoured(
                "hostUsers",
                "boolean",
                "whether users in the pod are the host's own",
                "false: podman run --userns=auto of the sandbox, which containers join, and --mount=…,idmap of volumes;"
                " for the system's pods, from podman 5 on, where /etc/subuid and /etc/subgid give IDs to 'containers'",
            ),
            honoured("hostname", "string", "the pod's host name", "podman run --hostname; without it the pod's name"),
            refused(
                "hostnameOverride",
                "string",
                "the host name as programs see it, dots included",
                "write a hostname instead",
            ),
            honoured(
                "imagePullSecrets",
                "[]LocalObjectReference",
                "Secrets with which images are pulled",
                "podman pull --authfile, by pull@POD.NAME.service for each container",
            ),
            honoured(
                "initContainers",
                "[]Container",
                "containers that run to their end, one by one, before the others",
                "a oneshot service each, ordered before the containers",
            ),
            ignored("nodeName", "string", "the node that runs the pod", "the pod runs where podunit installs it"),
            ignored("nodeSelector", "map[string]string", "labels of the nodes that may run the pod", _ONE_MACHINE),
            honoured("os", "PodOS", "the operating system of the containers", "has to be linux"),
            ignored(
                "overhead",
                "ResourceList",
                "what a runtime class needs beside the containers",
                "what a runtime needs is counted in the pod's slice as it is used",
            ),
            ignored("preemptionPolicy", "string", "whether the pod may push out others of less priority", _NO_OTHERS),
            ignored("priority", "integer", "how important the pod is beside others", _NO_OTHERS),
            honoured(
                "priorityClassName",
                "string",
                "the class that says how important the pod is",
                "the system's own: OOMScoreAdjust=-997 of the system's pods, from podman 5 on",
            ),
            refused(
                "readinessGates",
                "[]PodReadinessGate",
                "conditions that others set before the pod counts as ready",
                "remove it: nobody here would set such a condition",
            ),
            refused("resourceClaims", "[]PodResourceClaim", "devices that the pod claims", _NO_DEVICES),
            honoured(
                "resources",
                "ResourceRequirements",
                "limits and requests of the pod as a whole",
                "directives of the pod's slice, pod-NAME.slice",
            ),
            honoured(
                "restartPolicy",
                "string",
                "when a container that has ended starts again: Always, OnFailure or Never",
                "Restart= with the kubelet's pauses, of 10 s doubled up to 5 min (RestartSec=, RestartSteps=,"
                " RestartMaxDelaySec=; before systemd 254 the start waits). The first restart waits, too; and a stop"
                " by hand makes the pauses short again, not ten minutes without a crash, which systemd does not count",
            ),
            honoured("runtimeClassName", "string", "the runtime that runs the containers", "podman --runtime"),
            ignored("schedulerName", "string", "the scheduler that chooses the node", _ONE_MACHINE),
            refused(
                "schedulingGates",
                "[]PodSchedulingGate",
                "what has to be removed before the pod may start",
                "remove it, and start the pod when it may run",
            ),
            ignored("schedulingGroup", "PodSchedulingGroup", "pods that are scheduled together", _ONE_MACHINE),
            honoured(
                "securityContext",
                "PodSecurityContext",
                "rights of all containers, where they do not say",
                "see its fields",
            ),
            ignored("serviceAccount", "string", "an old name of serviceAccountName", _NO_API),
            ignored("serviceAccountName", "string", "as whom the pod talks to the API server", _NO_API),
            honoured(
                "setHostnameAsFQDN",
                "boolean",
                "whether the host name is the whole domain name",
                "podman run --hostname=NAME.SUBDOMAIN.default.svc.cluster.local",
            ),
            honoured(
                "shareProcessNamespace",
                "boolean",
                "whether containers see each other's processes",
                "podman run --pid=container:… of the sandbox",
            ),
            honoured(
                "subdomain",
                "string",
                "the domain of the pod's host name in the cluster's DNS",
                "a headless Service of this name that selects the pod gives it the name HOSTNAME.SUBDOMAIN",
            ),
            honoured(
                "terminationGracePeriodSeconds",
                "integer",
                "seconds between the signal to stop and the kill; 30 by default",
                "podman run --stop-timeout and TimeoutStopSec=",
            ),
            ignored("tolerations", "[]Toleration", "taints of nodes that do not keep the pod away", _ONE_MACHINE),
            ignored(
                "topologySpreadConstraints",
                "[]TopologySpreadConstraint",
                "how pods spread over zones and nodes",
                _ONE_MACHINE,
            ),
            honoured("volumes", "[]Volume", "directories and files that containers may mount", "see its fields"),
        ),
    ),
    Object(
        "PodOS",
        "v1",
        "an operating system",
        (honoured("name", "string", "linux or windows", "has to be linux"),),
    ),
    Object(
        "LocalObjectReference",
        "v1",
        "the name of another object",
        (honoured("name", "string", "the object's name", "an object of the same files, or of an earlier apply"),),
    ),
    Object(
        "HostAlias",
        "v1",
        "a line of /etc/hosts",
        (
            honoured("hostnames", "[]string", "the names", "podman run --add-host=NAME:…"),
            honoured("ip", "string", "the address that they stand for", "podman run --add-host=…:IP"),
        ),
    ),
    Object(
        "PodDNSConfig",
        "v1",
        "settings of the resolver",
        (
            honoured("nameservers", "[]string", "addresses of name servers", "podman run --dns, instead of the host's"),
            honoured(
                "options",
                "[]PodDNSConfigOption",
                "options of resolv.conf(5)",
                "podman run --dns-option; with podman 4 beside the host's",
            ),
            honoured(
                "searches",
                "[]string",
                "domains in which short names are looked up",
                "podman run --dns-search; with podman 4 beside the host's",
            ),
        ),
    ),
    Object(
        "PodDNSConfigOption",
        "v1",
        "an option of resolv.conf(5)",
        (
            honoured("name", "string", "the option", "podman run --dns-option=NAME"),
            honoured("value", "string", "its value, if it has one", "podman run --dns-option=NAME:VALUE"),
        ),
    ),
)
