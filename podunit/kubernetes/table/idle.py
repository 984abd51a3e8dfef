"""The kinds that change nothing of what runs on one machine."""

from __future__ import annotations

from podunit.kubernetes.fields import Field, Object, ignored, refused

_EVICTION = "nothing evicts pods here; a rolling update keeps all but maxUnavailable of them up"
_LOGIN = "there is no API server here to log in to"
_PRIORITY = "nothing is scheduled here; an annotation weighs a container: podunit/CONTAINER.Service.CPUWeight"
_CLASS = "a claim is one of podman's volumes here, or the directory of its PersistentVolume"
_TERMS = "there is one machine, and nothing to choose"


def _head(reason: str) -> tuple[Field, Field, Field]:
    return (
        ignored("apiVersion", "string", "the version of the API that the object is written for", reason),
        ignored("kind", "string", "what the object is", reason),
        ignored("metadata", "ObjectMeta", "name, labels and annotations", reason),
    )


OBJECTS = (
    Object(
        "PodDisruptionBudget",
        "policy/v1",
        "how many pods may be missing when a cluster moves them",
        (
            *_head(_EVICTION),
            ignored("spec", "PodDisruptionBudgetSpec", "which pods, and how many", _EVICTION),
            ignored("status", "PodDisruptionBudgetStatus", "what a cluster has observed", _EVICTION),
        ),
    ),
    Object(
        "PodDisruptionBudgetSpec",
        "policy/v1",
        "which pods may be missing, and how many",
        (
            ignored("maxUnavailable", "IntOrString", "how many may be missing", _EVICTION),
            ignored("minAvailable", "IntOrString", "how many have to stay", _EVICTION),
            ignored("selector", "LabelSelector", "the labels of the pods", _EVICTION),
            ignored("unhealthyPodEvictionPolicy", "string", "whether a pod that is not ready may go", _EVICTION),
        ),
    ),
    Object(
        "ServiceAccount",
        "v1",
        "as whom pods talk to the API server",
        (
            _head(_LOGIN)[0],
            ignored("automountServiceAccountToken", "boolean", "whether pods get a token", _LOGIN),
            refused(
                "imagePullSecrets",
                "[]LocalObjectReference",
                "logins for registries, for the pods of this account",
                "log in to the registry with podman login, then remove it",
            ),
            *_head(_LOGIN)[1:],
            ignored("secrets", "[]ObjectReference", "Secrets that pods of this account may use", _LOGIN),
        ),
    ),
    Object(
        "PriorityClass",
        "scheduling.k8s.io/v1",
        "how important pods are to the scheduler",
        (
            _head(_PRIORITY)[0],
            ignored("description", "string", "what it is for", _PRIORITY),
            ignored("globalDefault", "boolean", "whether pods without a class have this one", _PRIORITY),
            *_head(_PRIORITY)[1:],
            ignored("preemptionPolicy", "string", "whether its pods make others go", _PRIORITY),
            ignored("value", "integer", "the priority", _PRIORITY),
        ),
    ),
    Object(
        "StorageClass",
        "storage.k8s.io/v1",
        "how a cluster makes volumes",
        (
            ignored("allowVolumeExpansion", "boolean", "whether volumes may grow", _CLASS),
            ignored("allowedTopologies", "[]TopologySelectorTerm", "where volumes may be", _CLASS),
            *_head(_CLASS),
            ignored("mountOptions", "[]string", "options of mount(8)", _CLASS),
            ignored("parameters", "map[string]string", "what the provisioner is told", _CLASS),
            ignored("provisioner", "string", "what makes the volumes", _CLASS),
            ignored("reclaimPolicy", "string", "what becomes of a volume without a claim", _CLASS),
            ignored("volumeBindingMode", "string", "when a volume is made", _CLASS),
        ),
    ),
    Object(
        "TopologySelectorTerm",
        "v1",
        "places where volumes may be",
        (ignored("matchLabelExpressions", "[]TopologySelectorLabelRequirement", "labels of nodes", _TERMS),),
    ),
    Object(
        "TopologySelectorLabelRequirement",
        "v1",
        "a label of nodes",
        (
            ignored("key", "string", "the label", _TERMS),
            ignored("values", "[]string", "its values", _TERMS),
        ),
    ),
)
