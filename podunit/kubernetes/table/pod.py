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
            refused(
                "activeDeadlineSeconds",
                "integer",
                "how long the pod may run, in seconds",
                "limit a container by an annotation: podunit/CONTAINER.Service.RuntimeMaxSec",
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
            refused("dnsConfig", "PodDNSConfig", "name servers, search domains and options of the resolver"),
            refused("dnsPolicy", "string", "where the resolver's settings come from"),
            ignored(
                "enableServiceLinks",
                "boolean",
                "whether the environment tells of services",
                "there are no services here to tell of",
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
            refused("hostAliases", "[]HostAlias", "more lines of /etc/hosts"),
            refused("hostIPC", "boolean", "whether the pod uses the host's IPC namespace"),
            honoured(
                "hostNetwork",
                "boolean",
                "whether the pod uses the host's network",
                "podman run --network=host --uts=host",
            ),
            refused("hostPID", "boolean", "whether containers see the host's processes"),
            refused(
                "hostUsers",
                "boolean",
                "whether users in the pod are the host's own",
                "remove it; pods of a user, without root, have users of their own",
            ),
            honoured("hostname", "string", "the pod's host name", "podman run --hostname; without it the pod's name"),
            refused(
                "hostnameOverride",
                "string",
                "the host name as programs see it, dots included",
                "write a hostname instead",
            ),
            refused(
                "imagePullSecrets",
                "[]LocalObjectReference",
                "secrets with which images are pulled",
                "log in to the registry with podman login, then remove it",
            ),
            honoured(
                "initContainers",
                "[]Container",
                "containers that run to their end, one by one, before the others",
                "a oneshot service each, ordered before the containers",
            ),
            ignored("nodeName", "string", "the node that runs the pod", "the pod runs where podunit installs it"),
            ignored("nodeSelector", "map[string]string", "labels of the nodes that may run the pod", _ONE_MACHINE),
            refused(
                "os", "PodOS", "the operating system of the containers", "remove it: only Linux containers run here"
            ),
            refused(
                "overhead",
                "ResourceList",
                "what a runtime class needs beside the containers",
                "count it in by spec.resources.limits",
            ),
            ignored("preemptionPolicy", "string", "whether the pod may push out others of less priority", _NO_OTHERS),
            ignored("priority", "integer", "how important the pod is beside others", _NO_OTHERS),
            ignored("priorityClassName", "string", "the class that says how important the pod is", _NO_OTHERS),
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
                "Restart=, with ever longer pauses from systemd 254 on",
            ),
            refused(
                "runtimeClassName",
                "string",
                "the runtime that runs the containers",
                "name the runtime for all containers in containers.conf(5)",
            ),
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
            refused(
                "setHostnameAsFQDN",
                "boolean",
                "whether the host name is the whole domain name",
                "write the hostname that programs are to see",
            ),
            refused("shareProcessNamespace", "boolean", "whether containers see each other's processes"),
            refused("subdomain", "string", "the domain of the pod's host name in the cluster's DNS"),
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
        (refused("name", "string", "linux or windows", "remove it: only Linux containers run here"),),
    ),
    Object(
        "LocalObjectReference",
        "v1",
        "the name of another object",
        (refused("name", "string", "the object's name"),),
    ),
    Object(
        "HostAlias",
        "v1",
        "a line of /etc/hosts",
        (
            refused("hostnames", "[]string", "the names"),
            refused("ip", "string", "the address that they stand for"),
        ),
    ),
    Object(
        "PodDNSConfig",
        "v1",
        "settings of the resolver",
        (
            refused("nameservers", "[]string", "addresses of name servers"),
            refused("options", "[]PodDNSConfigOption", "options of resolv.conf(5)"),
            refused("searches", "[]string", "domains in which short names are looked up"),
        ),
    ),
    Object(
        "PodDNSConfigOption",
        "v1",
        "an option of resolv.conf(5)",
        (
            refused("name", "string", "the option"),
            refused("value", "string", "its value, if it has one"),
        ),
    ),
)
