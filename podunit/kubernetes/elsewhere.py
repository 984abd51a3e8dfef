"""The kinds of a cluster that podunit does not run, and what does their work on one machine.

In: nothing. Out: a hint for each kind.
"""

from __future__ import annotations

from collections.abc import Mapping

_RIGHTS = "there is no API server here to be guarded: rights on this machine are users, sudo and polkit"
_HOOK = "there is no API server here whose requests could be looked at"
_RATION = "limit pods by spec.resources, or all of them by a drop-in of pod.slice: systemctl edit pod.slice"
_NODE = "this machine is the only node"
_STORAGE = "use hostPath, or emptyDir: volumes are directories of this machine"
_CLUSTER = "a cluster keeps these itself: leave them out of the file"

# Kind → what to do instead.
INSTEAD: Mapping[str, str] = {
    "APIService": _HOOK,
    "Binding": _CLUSTER,
    "CSIDriver": _STORAGE,
    "CSINode": _STORAGE,
    "CSIStorageCapacity": _STORAGE,
    "CertificateSigningRequest": "have certificates from your own authority, and mount them as hostPath",
    "ClusterRole": _RIGHTS,
    "ClusterRoleBinding": _RIGHTS,
    "ComponentStatus": _CLUSTER,
    "ControllerRevision": _CLUSTER,
    "CustomResourceDefinition": "operators need a cluster: write out the pods that one would make",
    "EndpointSlice": _CLUSTER,
    "Endpoints": _CLUSTER,
    "Event": _CLUSTER,
    "FlowSchema": _HOOK,
    "Gateway": "run a reverse proxy such as nginx or Caddy as a pod with a hostPort",
    "GatewayClass": "run a reverse proxy such as nginx or Caddy as a pod with a hostPort",
    "HTTPRoute": "run a reverse proxy such as nginx or Caddy as a pod with a hostPort",
    "HorizontalPodAutoscaler": "write the number of replicas into the Deployment; limits let one pod grow",
    "Ingress": "run a reverse proxy such as nginx or Caddy as a pod with a hostPort",
    "IngressClass": "run a reverse proxy such as nginx or Caddy as a pod with a hostPort",
    "Lease": _CLUSTER,
    "LimitRange": _RATION,
    "MutatingWebhookConfiguration": _HOOK,
    "NetworkPolicy": "filter on this machine with nftables or firewalld; a hostIP of 127.0.0.1 keeps a port local",
    "Node": _NODE,
    "PodTemplate": "write a Pod or a Deployment",
    "PriorityLevelConfiguration": _HOOK,
    "ResourceQuota": _RATION,
    "Role": _RIGHTS,
    "RoleBinding": _RIGHTS,
    "RuntimeClass": "podman's configuration names the runtime: containers.conf(5)",
    "ValidatingAdmissionPolicy": _HOOK,
    "ValidatingAdmissionPolicyBinding": _HOOK,
    "ValidatingWebhookConfiguration": _HOOK,
    "VerticalPodAutoscaler": "write the resources into the pod",
    "VolumeAttachment": _STORAGE,
    "VolumeSnapshot": "snapshot the file system below the hostPath",
    "VolumeSnapshotClass": "snapshot the file system below the hostPath",
}
