"""The kinds that make pods, and how they replace them (apps/v1, batch/v1 and core/v1)."""

from __future__ import annotations

from podunit.kubernetes.fields import Object, honoured, ignored, refused

_ITS_FIELDS = "as its fields say"
_IN_PLACE = "pods are replaced in their places, none is added meanwhile"
_STATUS = "podunit status says how a pod here is"

_API_VERSION = honoured(
    "apiVersion", "string", "the version of the API that the object is written for", "as the kind asks for"
)
_KIND = honoured("kind", "string", "what the object is", "so many pods, named after the object: NAME-0 and so on")
_METADATA = honoured(
    "metadata", "ObjectMeta", "name, labels and annotations", "the name is the beginning of the pods' names"
)

_REPLICAS = honoured("replicas", "integer", "how many pods there are; 1 by default", "so many pods")
_SELECTOR = honoured(
    "selector", "LabelSelector", "the labels by which it knows its pods", "has to match the template's labels"
)
_TEMPLATE = honoured("template", "PodTemplateSpec", "what each pod is made from", "each pod's units")
_READY = honoured(
    "minReadySeconds",
    "integer",
    "seconds that a new pod has to be ready before it counts",
    "so long the containers run without a break before the pod counts as up",
)
_HISTORY = honoured(
    "revisionHistoryLimit",
    "integer",
    "how many old revisions are kept; 10 by default",
    "so many podunit rollout undo can go back to",
)

OBJECTS = (
    Object(
        "Deployment",
        "apps/v1",
        "equal pods, replaced step by step",
        (
            _API_VERSION,
            _KIND,
            _METADATA,
            honoured("spec", "DeploymentSpec", "the pods, and how they are replaced", _ITS_FIELDS),
            ignored("status", "DeploymentStatus", "what a cluster has observed", _STATUS),
        ),
    ),
    Object(
        "DeploymentSpec",
        "apps/v1",
        "the pods of a Deployment, and how they are replaced",
        (
            _READY,
            honoured("paused", "boolean", "whether changes wait", "pods keep what they are, and none is added"),
            honoured(
                "progressDeadlineSeconds",
                "integer",
                "seconds after which a rollout has failed",
                "a pod that is not up by then ends the apply; 600 by default",
            ),
            _REPLICAS,
            _HISTORY,
            _SELECTOR,
            honoured("strategy", "DeploymentStrategy", "how new pods replace old ones", _ITS_FIELDS),
            _TEMPLATE,
        ),
    ),
    Object(
        "DeploymentStrategy",
        "apps/v1",
        "how new pods replace old ones",
        (
            honoured("rollingUpdate", "RollingUpdateDeployment", "how many at a time", _ITS_FIELDS),
            honoured(
                "type",
                "string",
                "RollingUpdate or Recreate",
                "whether pods are stopped one after the other, or all at once",
            ),
        ),
    ),
    Object(
        "RollingUpdateDeployment",
        "apps/v1",
        "how many pods are replaced at a time",
        (
            ignored("maxSurge", "IntOrString", "how many pods there may be too many", _IN_PLACE),
            honoured(
                "maxUnavailable",
                "IntOrString",
                "how many pods may be missing",
                "so many are replaced at once, rounded down; one by default, and at least",
            ),
        ),
    ),
    Object(
        "ReplicaSet",
        "apps/v1",
        "equal pods",
        (
            _API_VERSION,
            _KIND,
            _METADATA,
            honoured("spec", "ReplicaSetSpec", "the pods", _ITS_FIELDS),
            ignored("status", "ReplicaSetStatus", "what a cluster has observed", _STATUS),
        ),
    ),
    Object("ReplicaSetSpec", "apps/v1", "the pods of a ReplicaSet", (_READY, _REPLICAS, _SELECTOR, _TEMPLATE)),
    Object(
        "ReplicationController",
        "v1",
        "equal pods, as the API had them before the ReplicaSet",
        (
            _API_VERSION,
            _KIND,
            _METADATA,
            honoured("spec", "ReplicationControllerSpec", "the pods", _ITS_FIELDS),
            ignored("status", "ReplicationControllerStatus", "what a cluster has observed", _STATUS),
        ),
    ),
    Object(
        "ReplicationControllerSpec",
        "v1",
        "the pods of a ReplicationController",
        (
            _READY,
            _REPLICAS,
            honoured("selector", "map[string]string", "the labels by which it knows its pods", _ITS_FIELDS),
            _TEMPLATE,
        ),
    ),
    Object(
        "StatefulSet",
        "apps/v1",
        "pods with numbers, each with a name and volumes of its own",
        (
            _API_VERSION,
            _KIND,
            _METADATA,
            honoured("spec", "StatefulSetSpec", "the pods, and how they are replaced", _ITS_FIELDS),
            ignored("status", "StatefulSetStatus", "what a cluster has observed", _STATUS),
        ),
    ),
    Object(
        "StatefulSetSpec",
        "apps/v1",
        "the pods of a StatefulSet, and how they are replaced",
        (
            _READY,
            honoured("ordinals", "StatefulSetOrdinals", "how the pods are numbered", _ITS_FIELDS),
            refused(
                "persistentVolumeClaimRetentionPolicy",
                "StatefulSetPersistentVolumeClaimRetentionPolicy",
                "what becomes of volumes whose pods go",
                "claims are kept; podunit delete --volumes removes them",
            ),
            honoured(
                "podManagementPolicy",
                "string",
                "OrderedReady or Parallel",
                "whether pods start and go one after the other",
            ),
            _REPLICAS,
            _HISTORY,
            _SELECTOR,
            honoured(
                "serviceName",
                "string",
                "the Service by which the pods have names",
                "the subdomain of the pods: web-0.NAME is found on their network where a headless Service selects them",
            ),
            _TEMPLATE,
            honoured("updateStrategy", "StatefulSetUpdateStrategy", "how new pods replace old ones", _ITS_FIELDS),
            honoured(
                "volumeClaimTemplates",
                "[]PersistentVolumeClaim",
                "volumes that each pod gets",
                "a volume CLAIM-POD for each pod",
            ),
        ),
    ),
    Object(
        "StatefulSetOrdinals",
        "apps/v1",
        "how pods are numbered",
        (honoured("start", "integer", "the first number; 0 by default", "the first pod's number"),),
    ),
    Object(
        "StatefulSetPersistentVolumeClaimRetentionPolicy",
        "apps/v1",
        "what becomes of volumes whose pods go",
        (
            refused(
                "whenDeleted",
                "string",
                "Retain or Delete, when the StatefulSet goes",
                "claims are kept; podunit delete --volumes removes them",
            ),
            refused(
                "whenScaled",
                "string",
                "Retain or Delete, when there are fewer pods",
                "claims are kept; podunit delete --volumes removes them",
            ),
        ),
    ),
    Object(
        "StatefulSetUpdateStrategy",
        "apps/v1",
        "how new pods replace old ones",
        (
            honoured("rollingUpdate", "RollingUpdateStatefulSetStrategy", "how many at a time", _ITS_FIELDS),
            honoured(
                "type", "string", "RollingUpdate or OnDelete", "whether pods are restarted by the apply, or by you"
            ),
        ),
    ),
    Object(
        "RollingUpdateStatefulSetStrategy",
        "apps/v1",
        "which pods are replaced, and how many at a time",
        (
            honoured(
                "maxUnavailable",
                "IntOrString",
                "how many pods may be missing",
                "so many are replaced at once, rounded down; one by default, and at least",
            ),
            honoured(
                "partition", "integer", "the number from which on pods are replaced", "pods below it keep what they are"
            ),
        ),
    ),
    Object(
        "DaemonSet",
        "apps/v1",
        "a pod for each node",
        (
            _API_VERSION,
            _KIND,
            _METADATA,
            honoured("spec", "DaemonSetSpec", "the pod, and how it is replaced", _ITS_FIELDS),
            ignored("status", "DaemonSetStatus", "what a cluster has observed", _STATUS),
        ),
    ),
    Object(
        "DaemonSetSpec",
        "apps/v1",
        "the pod of a DaemonSet, and how it is replaced",
        (
            _READY,
            _HISTORY,
            _SELECTOR,
            _TEMPLATE,
            honoured("updateStrategy", "DaemonSetUpdateStrategy", "how new pods replace old ones", _ITS_FIELDS),
        ),
    ),
    Object(
        "DaemonSetUpdateStrategy",
        "apps/v1",
        "how new pods replace old ones",
        (
            honoured("rollingUpdate", "RollingUpdateDaemonSet", "how many at a time", _ITS_FIELDS),
            honoured(
                "type", "string", "RollingUpdate or OnDelete", "whether pods are restarted by the apply, or by you"
            ),
        ),
    ),
    Object(
        "RollingUpdateDaemonSet",
        "apps/v1",
        "how many pods are replaced at a time",
        (
            ignored("maxSurge", "IntOrString", "how many nodes may have two pods", _IN_PLACE),
            honoured(
                "maxUnavailable",
                "IntOrString",
                "how many nodes may have none",
                "so many are replaced at once, rounded down; one by default, and at least",
            ),
        ),
    ),
    Object(
        "PodTemplateSpec",
        "v1",
        "what pods are made from",
        (
            honoured("metadata", "ObjectMeta", "labels and annotations of the pods", _ITS_FIELDS),
            honoured("spec", "PodSpec", "what the pods run, and how", _ITS_FIELDS),
        ),
    ),
    Object(
        "LabelSelector",
        "meta/v1",
        "labels by which objects are known",
        (
            honoured(
                "matchExpressions", "[]LabelSelectorRequirement", "what else has to be true of the labels", _ITS_FIELDS
            ),
            honoured(
                "matchLabels", "map[string]string", "labels that have to be there, with their values", _ITS_FIELDS
            ),
        ),
    ),
    Object(
        "LabelSelectorRequirement",
        "meta/v1",
        "what has to be true of a label",
        (
            honoured("key", "string", "the label", _ITS_FIELDS),
            honoured("operator", "string", "In, NotIn, Exists or DoesNotExist", _ITS_FIELDS),
            honoured("values", "[]string", "the values for In and NotIn", _ITS_FIELDS),
        ),
    ),
)
