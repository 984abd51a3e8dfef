"""The kinds that make pods, and how they replace them (apps/v1, batch/v1 and core/v1)."""

from __future__ import annotations

from podunit.kubernetes.fields import Object, honoured, ignored, refused

_POD = "write the pod itself, of kind Pod"
_PODS = "write each pod itself, of kind Pod and with a name of its own"
_STATUS = "podunit status says how a pod here is"

_API_VERSION = refused("apiVersion", "string", "the version of the API that the object is written for", _POD)
_KIND = refused("kind", "string", "what the object is", _POD)
_METADATA = refused("metadata", "ObjectMeta", "name, labels and annotations", _POD)

_REPLICAS = refused("replicas", "integer", "how many pods there are; 1 by default", _PODS)
_SELECTOR = refused("selector", "LabelSelector", "the labels by which it knows its pods", _POD)
_TEMPLATE = refused("template", "PodTemplateSpec", "what each pod is made from", _POD)
_READY = refused("minReadySeconds", "integer", "seconds that a new pod has to be ready before it counts", _POD)
_HISTORY = refused("revisionHistoryLimit", "integer", "how many old versions are kept; 10 by default", _POD)

OBJECTS = (
    Object(
        "Deployment",
        "apps/v1",
        "equal pods, replaced step by step",
        (
            _API_VERSION,
            _KIND,
            _METADATA,
            refused("spec", "DeploymentSpec", "the pods, and how they are replaced", _POD),
            ignored("status", "DeploymentStatus", "what a cluster has observed", _STATUS),
        ),
    ),
    Object(
        "DeploymentSpec",
        "apps/v1",
        "the pods of a Deployment, and how they are replaced",
        (
            _READY,
            refused("paused", "boolean", "whether changes wait", _POD),
            refused("progressDeadlineSeconds", "integer", "seconds after which a rollout has failed", _POD),
            _REPLICAS,
            _HISTORY,
            _SELECTOR,
            refused("strategy", "DeploymentStrategy", "how new pods replace old ones", _POD),
            _TEMPLATE,
        ),
    ),
    Object(
        "DeploymentStrategy",
        "apps/v1",
        "how new pods replace old ones",
        (
            refused("rollingUpdate", "RollingUpdateDeployment", "how many at a time", _POD),
            refused("type", "string", "RollingUpdate or Recreate", _POD),
        ),
    ),
    Object(
        "RollingUpdateDeployment",
        "apps/v1",
        "how many pods are replaced at a time",
        (
            refused("maxSurge", "IntOrString", "how many pods there may be too many", _POD),
            refused("maxUnavailable", "IntOrString", "how many pods may be missing", _POD),
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
            refused("spec", "ReplicaSetSpec", "the pods", _POD),
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
            refused("spec", "ReplicationControllerSpec", "the pods", _POD),
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
            refused("selector", "map[string]string", "the labels by which it knows its pods", _POD),
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
            refused("spec", "StatefulSetSpec", "the pods, and how they are replaced", _POD),
            ignored("status", "StatefulSetStatus", "what a cluster has observed", _STATUS),
        ),
    ),
    Object(
        "StatefulSetSpec",
        "apps/v1",
        "the pods of a StatefulSet, and how they are replaced",
        (
            _READY,
            refused("ordinals", "StatefulSetOrdinals", "how the pods are numbered", _POD),
            refused(
                "persistentVolumeClaimRetentionPolicy",
                "StatefulSetPersistentVolumeClaimRetentionPolicy",
                "what becomes of volumes whose pods go",
                _POD,
            ),
            refused("podManagementPolicy", "string", "OrderedReady or Parallel", _POD),
            _REPLICAS,
            _HISTORY,
            _SELECTOR,
            refused("serviceName", "string", "the Service by which the pods have names", _POD),
            _TEMPLATE,
            refused("updateStrategy", "StatefulSetUpdateStrategy", "how new pods replace old ones", _POD),
            refused("volumeClaimTemplates", "[]PersistentVolumeClaim", "volumes that each pod gets", "use a hostPath"),
        ),
    ),
    Object(
        "StatefulSetOrdinals",
        "apps/v1",
        "how pods are numbered",
        (refused("start", "integer", "the first number; 0 by default", _POD),),
    ),
    Object(
        "StatefulSetPersistentVolumeClaimRetentionPolicy",
        "apps/v1",
        "what becomes of volumes whose pods go",
        (
            refused("whenDeleted", "string", "Retain or Delete, when the StatefulSet goes", _POD),
            refused("whenScaled", "string", "Retain or Delete, when there are fewer pods", _POD),
        ),
    ),
    Object(
        "StatefulSetUpdateStrategy",
        "apps/v1",
        "how new pods replace old ones",
        (
            refused("rollingUpdate", "RollingUpdateStatefulSetStrategy", "how many at a time", _POD),
            refused("type", "string", "RollingUpdate or OnDelete", _POD),
        ),
    ),
    Object(
        "RollingUpdateStatefulSetStrategy",
        "apps/v1",
        "which pods are replaced, and how many at a time",
        (
            refused("maxUnavailable", "IntOrString", "how many pods may be missing", _POD),
            refused("partition", "integer", "the number from which on pods are replaced", _POD),
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
            refused("spec", "DaemonSetSpec", "the pod, and how it is replaced", _POD),
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
            refused("updateStrategy", "DaemonSetUpdateStrategy", "how new pods replace old ones", _POD),
        ),
    ),
    Object(
        "DaemonSetUpdateStrategy",
        "apps/v1",
        "how new pods replace old ones",
        (
            refused("rollingUpdate", "RollingUpdateDaemonSet", "how many at a time", _POD),
            refused("type", "string", "RollingUpdate or OnDelete", _POD),
        ),
    ),
    Object(
        "RollingUpdateDaemonSet",
        "apps/v1",
        "how many pods are replaced at a time",
        (
            refused("maxSurge", "IntOrString", "how many nodes may have two pods", _POD),
            refused("maxUnavailable", "IntOrString", "how many nodes may have none", _POD),
        ),
    ),
    Object(
        "PodTemplateSpec",
        "v1",
        "what pods are made from",
        (
            honoured(
                "metadata",
                "ObjectMeta",
                "labels and annotations of the pods",
                "labels and annotations of the pod; a name has no effect",
            ),
            honoured("spec", "PodSpec", "what the pods run, and how", "as that of a pod"),
        ),
    ),
    Object(
        "LabelSelector",
        "meta/v1",
        "labels by which objects are known",
        (
            refused("matchExpressions", "[]LabelSelectorRequirement", "what else has to be true of the labels", _POD),
            refused("matchLabels", "map[string]string", "labels that have to be there, with their values", _POD),
        ),
    ),
    Object(
        "LabelSelectorRequirement",
        "meta/v1",
        "what has to be true of a label",
        (
            refused("key", "string", "the label", _POD),
            refused("operator", "string", "In, NotIn, Exists or DoesNotExist", _POD),
            refused("values", "[]string", "the values for In and NotIn", _POD),
        ),
    ),
)
