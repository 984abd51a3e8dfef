"""What all objects have, and the kinds that pods refer to (meta/v1 and core/v1)."""

from __future__ import annotations

from podunit.kubernetes.fields import Object, honoured, ignored, refused

_SERVER = "the server of a cluster writes it"
_ONE_POD = "pods on one machine answer, each at its own address"
_PORT = "publish the port by a container's hostPort"
_STATUS = "podunit status says how a pod here is"
_API_VERSION = "the version of the API that the object is written for"
_KIND = "what the object is"
_METADATA = "name, labels and annotations"

OBJECTS = (
    Object(
        "ObjectMeta",
        "meta/v1",
        "what is known of every object",
        (
            honoured(
                "annotations",
                "map[string]string",
                "notes for programs",
                "those of podunit/ are obeyed, others are notes",
            ),
            ignored("creationTimestamp", "Time", "when the object was made", _SERVER),
            ignored("deletionGracePeriodSeconds", "integer", "seconds that the deletion may take", _SERVER),
            ignored("deletionTimestamp", "Time", "when the object is to be gone", _SERVER),
            ignored(
                "finalizers", "[]string", "who has to act before the object may go", "podunit delete waits for nobody"
            ),
            ignored(
                "generateName", "string", "the beginning of a name that the server makes up", "the name is what counts"
            ),
            ignored("generation", "integer", "how often the object has changed", _SERVER),
            honoured("labels", "map[string]string", "words by which objects are chosen", "podman run --label"),
            ignored("managedFields", "[]ManagedFieldsEntry", "who has written which field", _SERVER),
            honoured("name", "string", "the object's name", "pod@NAME.service"),
            honoured(
                "namespace",
                "string",
                "the space in which the name counts",
                "the network of its pods, and a part of their names there; no two pods of a machine have one name",
            ),
            ignored("ownerReferences", "[]OwnerReference", "objects with which this one goes", _SERVER),
            ignored("resourceVersion", "string", "which version of the object this is", _SERVER),
            ignored("selfLink", "string", "the object's path on the server", _SERVER),
            ignored("uid", "string", "the object's identity", _SERVER),
        ),
    ),
    Object(
        "ConfigMap",
        "v1",
        "texts and data for pods, by key",
        (
            honoured("apiVersion", "string", _API_VERSION, "has to be v1"),
            honoured("binaryData", "map[string]string", "data in base64, by key", "files of volumes"),
            honoured("data", "map[string]string", "texts, by key", "variables, and files of volumes"),
            honoured(
                "immutable",
                "boolean",
                "whether it never changes",
                "an apply with other data is refused, until it is deleted",
            ),
            honoured("kind", "string", _KIND, "has to be ConfigMap"),
            honoured("metadata", "ObjectMeta", _METADATA, "the name by which pods refer to it"),
        ),
    ),
    Object(
        "Secret",
        "v1",
        "data for pods that few may see, by key",
        (
            honoured("apiVersion", "string", _API_VERSION, "has to be v1"),
            honoured("data", "map[string]string", "data in base64, by key", "variables, and files of volumes"),
            honoured(
                "immutable",
                "boolean",
                "whether it never changes",
                "an apply with other data is refused, until it is deleted",
            ),
            honoured("kind", "string", _KIND, "has to be Secret"),
            honoured("metadata", "ObjectMeta", _METADATA, "the name by which pods refer to it"),
            honoured(
                "stringData",
                "map[string]string",
                "texts, by key; they win over data",
                "variables, and files of volumes",
            ),
            honoured("type", "string", "which keys programs may expect", "a note: its keys are not checked"),
        ),
    ),
    Object(
        "Namespace",
        "v1",
        "a space in which names count",
        (
            honoured("apiVersion", "string", _API_VERSION, "has to be v1"),
            honoured("kind", "string", _KIND, "nothing: a namespace needs no object here"),
            honoured("metadata", "ObjectMeta", _METADATA, "the name is checked"),
            ignored("spec", "NamespaceSpec", "what has to be done before it may go", "podunit delete waits for nobody"),
            ignored("status", "NamespaceStatus", "what a cluster has observed", _STATUS),
        ),
    ),
    Object(
        "NamespaceSpec",
        "v1",
        "what has to be done before a namespace may go",
        (ignored("finalizers", "[]string", "who has to act before", "podunit delete waits for nobody"),),
    ),
    Object(
        "Service",
        "v1",
        "an address for the pods that have some labels",
        (
            honoured("apiVersion", "string", _API_VERSION, "has to be v1"),
            honoured("kind", "string", _KIND, "names for a pod on its network, and ports of the host"),
            honoured("metadata", "ObjectMeta", _METADATA, "the name is a name of the pod on its network"),
            honoured("spec", "ServiceSpec", "the ports, and who answers there", "as its fields say"),
            ignored("status", "ServiceStatus", "what a cluster has observed", _STATUS),
        ),
    ),
    Object(
        "ServiceSpec",
        "v1",
        "the ports of a Service, and who answers there",
        (
            ignored(
                "allocateLoadBalancerNodePorts", "boolean", "whether a load balancer has ports of the nodes", _ONE_POD
            ),
            honoured(
                "clusterIP",
                "string",
                "its address in the cluster; None for none",
                "None leads no port to another targetPort; addresses are refused",
            ),
            refused("clusterIPs", "[]string", "its addresses in the cluster", _PORT),
            refused("externalIPs", "[]string", "addresses of nodes on which it answers as well", _PORT),
            refused("externalName", "string", "the name outside for which it stands", _PORT),
            ignored("externalTrafficPolicy", "string", "whether requests from outside stay on their node", _ONE_POD),
            ignored(
                "healthCheckNodePort", "integer", "the port on which nodes say that they can serve", "nobody asks nodes"
            ),
            ignored("internalTrafficPolicy", "string", "whether requests from inside stay on their node", _ONE_POD),
            ignored("ipFamilies", "[]string", "IPv4, IPv6 or both", "the network has IPv6 where the kernel has it"),
            ignored(
                "ipFamilyPolicy", "string", "whether it needs both", "the network has IPv6 where the kernel has it"
            ),
            refused("loadBalancerClass", "string", "which load balancer of the cluster", _PORT),
            refused("loadBalancerIP", "string", "the load balancer's address", _PORT),
            refused("loadBalancerSourceRanges", "[]string", "addresses that may come in", _PORT),
            honoured("ports", "[]ServicePort", "the ports", "ports of the pod that the Service selects"),
            ignored("publishNotReadyAddresses", "boolean", "whether pods count that are not ready", _ONE_POD),
            honoured(
                "selector",
                "map[string]string",
                "labels of the pods that answer",
                "the pod of which these are labels; several only without an address (clusterIP None)",
            ),
            ignored("sessionAffinity", "string", "ClientIP, if who came once gets to the same pod again", _ONE_POD),
            ignored("sessionAffinityConfig", "SessionAffinityConfig", "for how long", _ONE_POD),
            ignored("trafficDistribution", "string", "whether near pods are preferred", _ONE_POD),
            honoured(
                "type",
                "string",
                "ClusterIP, NodePort, LoadBalancer or ExternalName",
                "LoadBalancer publishes port on the host, NodePort nodePort; ExternalName is refused",
            ),
        ),
    ),
    Object(
        "ServicePort",
        "v1",
        "a port of a Service",
        (
            ignored("appProtocol", "string", "the protocol above TCP", "nothing between looks into the connection"),
            honoured("name", "string", "the port's name", "a name for errors"),
            honoured(
                "nodePort",
                "integer",
                "the port on each node",
                "podman run --publish, with type NodePort or LoadBalancer; a warning names what is taken without it",
            ),
            honoured(
                "port",
                "integer",
                "the port of the Service",
                "the port under the Service's name; nft redirects it where the pod listens on another",
            ),
            honoured("protocol", "string", "TCP, UDP or SCTP", "podman run --publish"),
            honoured(
                "targetPort",
                "IntOrString",
                "the port of the pods, or its name",
                "the port of the pod, or the name of one of its containers' ports",
            ),
        ),
    ),
    Object(
        "SessionAffinityConfig",
        "v1",
        "how long a client gets to the same pod",
        (refused("clientIP", "ClientIPConfig", "by the client's address", _PORT),),
    ),
    Object(
        "ClientIPConfig",
        "v1",
        "how long an address gets to the same pod",
        (refused("timeoutSeconds", "integer", "how many seconds; 10800 by default", _PORT),),
    ),
)
