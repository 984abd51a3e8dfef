"""Container and what only one container has, but for its rights (core/v1)."""

from __future__ import annotations

from podunit.kubernetes.fields import Object, honoured, ignored, refused

_RESTART = (
    "Restart= of the container; Always makes an init container a sidecar, a service that starts before and stops after"
    " the others; in a Job only the pod's"
)
_HUGE_PAGES = (
    "podman run --cgroup-conf=hugetlb.{}.max, which systemd has no directive for, of a container of the system's pods;"
    " vm.nr_hugepages and its like say how many there are"
)
_MESSAGE = (
    "a file bound there, of which the last 4096 bytes are kept at the end for podunit describe, until the next end or"
    " podunit delete; of a container with neither this nor a terminationMessagePolicy there is none"
)

OBJECTS = (
    Object(
        "Container",
        "v1",
        "one container of a pod",
        (
            honoured(
                "args", "[]string", "arguments of the command; without them the image's", "words after the image's name"
            ),
            honoured("command", "[]string", "what runs; without it the image's entry point", "podman run --entrypoint"),
            honoured("env", "[]EnvVar", "variables of the environment", "podman run --env"),
            honoured(
                "envFrom",
                "[]EnvFromSource",
                "ConfigMaps and Secrets whose keys become variables",
                "podman run --env, or --secret for what a Secret holds",
            ),
            honoured(
                "image",
                "string",
                "the image that the container runs",
                "podman run IMAGE, once image@….service has made it present",
            ),
            honoured(
                "imagePullPolicy",
                "string",
                "when the image is pulled: Always, IfNotPresent or Never",
                "image-pull@….service pulls at each start, image@….service what is missing",
            ),
            honoured("lifecycle", "Lifecycle", "what runs after the start and before the stop", "see its fields"),
            honoured(
                "livenessProbe",
                "Probe",
                "a check whose failure restarts the container",
                "podunit-prober.service stops the container, whose service has failed then and restarts as it says",
            ),
            honoured("name", "string", "the container's name, once in a pod", "container@POD.NAME.service"),
            honoured("ports", "[]ContainerPort", "ports that the container listens on", "see its fields"),
            honoured(
                "readinessProbe",
                "Probe",
                "a check of whether the container can serve",
                "pod@POD.service is active when the pod is ready; READY of podunit ps",
            ),
            ignored(
                "resizePolicy",
                "[]ContainerResizePolicy",
                "whether changed resources restart the container",
                "podunit apply restarts what changed",
            ),
            honoured(
                "resources",
                "ResourceRequirements",
                "limits and requests of the container",
                "directives of the container's service",
            ),
            honoured("restartPolicy", "string", "when this container starts again", _RESTART),
            honoured(
                "restartPolicyRules", "[]ContainerRestartRule", "exit codes that start it again", "see its fields"
            ),
            honoured("securityContext", "SecurityContext", "what the container may do", "see its fields"),
            honoured(
                "startupProbe",
                "Probe",
                "a check that has to succeed before the others begin",
                "container@POD.NAME.service is active when it has succeeded",
            ),
            honoured(
                "stdin",
                "boolean",
                "whether standard input stays open for who attaches",
                "podman run --interactive, for podman attach; refused for init containers",
            ),
            honoured(
                "stdinOnce",
                "boolean",
                "whether standard input ends with the first who attached",
                "what podman does by itself; without it and a tty, a warning",
            ),
            honoured(
                "terminationMessagePath",
                "string",
                "the file in which a container leaves its last words, /dev/termination-log by default",
                _MESSAGE,
            ),
            honoured(
                "terminationMessagePolicy",
                "string",
                "whether the log may stand for the last words: File or FallbackToLogsOnError",
                "where the file of a container that has failed is empty, the last 80 lines of its journal, 2048 bytes"
                " of them at most",
            ),
            honoured("tty", "boolean", "whether the container has a terminal", "podman run --tty"),
            honoured(
                "volumeDevices",
                "[]VolumeDevice",
                "block devices that the container gets",
                "podman run --device, and a check before the start that it is one",
            ),
            honoured("volumeMounts", "[]VolumeMount", "where volumes are mounted", "podman run --mount"),
            honoured("workingDir", "string", "the directory in which the command starts", "podman run --workdir"),
        ),
    ),
    Object(
        "EnvVar",
        "v1",
        "a variable of the environment",
        (
            honoured("name", "string", "the variable's name", "podman run --env=NAME=VALUE"),
            honoured(
                "value",
                "string",
                "its value; $(NAME) stands for a variable defined before, $$ for a dollar",
                "podman run --env=NAME=VALUE",
            ),
            honoured("valueFrom", "EnvVarSource", "where the value comes from", "see its fields"),
        ),
    ),
    Object(
        "EnvVarSource",
        "v1",
        "where the value of a variable comes from",
        (
            honoured("configMapKeyRef", "ConfigMapKeySelector", "a key of a ConfigMap", "podman run --env"),
            honoured("fieldRef", "ObjectFieldSelector", "a field of the pod", "podman run --env"),
            refused("fileKeyRef", "FileKeySelector", "a key of a file in a volume"),
            honoured(
                "resourceFieldRef", "ResourceFieldSelector", "a limit or request of a container", "podman run --env"
            ),
            honoured(
                "secretKeyRef",
                "SecretKeySelector",
                "a key of a Secret",
                "podman run --secret, from a file that only its owner may read",
            ),
        ),
    ),
    Object(
        "ConfigMapKeySelector",
        "v1",
        "a key of a ConfigMap",
        (
            honoured("key", "string", "the key", "the value of the variable"),
            honoured("name", "string", "the ConfigMap's name", "an object of the same files, or of an earlier apply"),
            honoured(
                "optional", "boolean", "whether it may be missing", "without the key there is no variable, and no error"
            ),
        ),
    ),
    Object(
        "SecretKeySelector",
        "v1",
        "a key of a Secret",
        (
            honoured("key", "string", "the key", "the value of the variable"),
            honoured("name", "string", "the Secret's name", "an object of the same files, or of an earlier apply"),
            honoured(
                "optional", "boolean", "whether it may be missing", "without the key there is no variable, and no error"
            ),
        ),
    ),
    Object(
        "FileKeySelector",
        "v1",
        "a key of a file of variables in a volume",
        (
            refused("key", "string", "the key"),
            refused("optional", "boolean", "whether it may be missing"),
            refused("path", "string", "the file's path in the volume"),
            refused("volumeName", "string", "the volume"),
        ),
    ),
    Object(
        "ObjectFieldSelector",
        "v1",
        "a field of the pod",
        (
            honoured(
                "apiVersion",
                "string",
                "the version that the path is written for; v1 by default",
                "v1, whatever it says",
            ),
            honoured(
                "fieldPath",
                "string",
                "the field's path, such as metadata.name",
                "metadata, spec.nodeName, the addresses of pod and host",
            ),
        ),
    ),
    Object(
        "ResourceFieldSelector",
        "v1",
        "a limit or request of a container",
        (
            honoured(
                "containerName", "string", "the container; by default the one that asks", "a container of the pod"
            ),
            honoured(
                "divisor",
                "Quantity",
                "the unit in which the value is written; 1 by default",
                "the value is rounded up to whole units",
            ),
            honoured(
                "resource", "string", "the resource, such as limits.memory", "limits and requests of cpu and memory"
            ),
        ),
    ),
    Object(
        "EnvFromSource",
        "v1",
        "an object whose keys become variables",
        (
            honoured("configMapRef", "ConfigMapEnvSource", "a ConfigMap", "podman run --env for each key"),
            honoured("prefix", "string", "what stands before each variable's name", "part of each variable's name"),
            honoured("secretRef", "SecretEnvSource", "a Secret", "podman run --secret for each key"),
        ),
    ),
    Object(
        "ConfigMapEnvSource",
        "v1",
        "a ConfigMap whose keys become variables",
        (
            honoured("name", "string", "the ConfigMap's name", "an object of the same files, or of an earlier apply"),
            honoured(
                "optional", "boolean", "whether it may be missing", "without it there are no variables, and no error"
            ),
        ),
    ),
    Object(
        "SecretEnvSource",
        "v1",
        "a Secret whose keys become variables",
        (
            honoured("name", "string", "the Secret's name", "an object of the same files, or of an earlier apply"),
            honoured(
                "optional", "boolean", "whether it may be missing", "without it there are no variables, and no error"
            ),
        ),
    ),
    Object(
        "ContainerPort",
        "v1",
        "a port that a container listens on",
        (
            honoured(
                "containerPort", "integer", "the port in the container", "podman run --publish=…:PORT of the sandbox"
            ),
            honoured(
                "hostIP", "string", "the host's address that the port is published on", "podman run --publish=IP:…"
            ),
            honoured(
                "hostPort",
                "integer",
                "the host's port; without it nothing is published",
                "podman run --publish=PORT:… of the sandbox",
            ),
            honoured("name", "string", "a name of the port, once in a pod", "a name that others may refer to"),
            honoured("protocol", "string", "TCP, UDP or SCTP", "podman run --publish=…/PROTOCOL"),
        ),
    ),
    Object(
        "ResourceRequirements",
        "v1",
        "what a container or a pod may use, and what it needs",
        (
            refused(
                "claims",
                "[]ResourceClaim",
                "devices of spec.resourceClaims",
                "mount the device as a hostPath of type CharDevice or BlockDevice into a privileged container",
            ),
            honoured(
                "limits", "ResourceList", "the most that may be used", "MemoryMax= with MemorySwapMax=0, and CPUQuota="
            ),
            honoured("requests", "ResourceList", "what is needed", "MemoryLow= and CPUWeight="),
        ),
    ),
    Object(
        "ResourceList",
        "v1",
        "an amount for each resource, as limits or as requests",
        (
            honoured(
                "cpu", "Quantity", "processor time, 1 for one processor", "limits: CPUQuota=; requests: CPUWeight="
            ),
            ignored(
                "ephemeral-storage",
                "Quantity",
                "space on the node's own disk",
                "what a container writes to disk has no limit here but quotas of the file system",
            ),
            honoured("hugepages-1Gi", "Quantity", "memory in pages of 1 GiB", _HUGE_PAGES.format("1GB")),
            honoured("hugepages-2Mi", "Quantity", "memory in pages of 2 MiB", _HUGE_PAGES.format("2MB")),
            honoured(
                "memory",
                "Quantity",
                "memory in bytes, with a unit such as Mi or G",
                "limits: MemoryMax=; requests: MemoryLow=, for the system's pods",
            ),
            honoured(
                "vendor/class",
                "Quantity",
                "devices of a vendor, such as nvidia.com/gpu",
                "podman run --device of so many of CDI, from vendor/class=0 on, or those that an annotation names",
            ),
        ),
    ),
    Object(
        "VolumeMount",
        "v1",
        "where a container has a volume",
        (
            refused("bindMountOptions", "[]string", "more options of the bind mount"),
            honoured("mountPath", "string", "the path in the container", "podman run --mount=…,dst=PATH"),
            honoured(
                "mountPropagation",
                "string",
                "whether mounts made later pass between host and container",
                "podman run --mount=…,bind-propagation=rslave or rshared, for a hostPath",
            ),
            honoured("name", "string", "the volume of spec.volumes", "podman run --mount=…,src=…"),
            honoured("readOnly", "boolean", "whether the container may only read", "podman run --mount=…,ro=true"),
            honoured(
                "recursiveReadOnly",
                "string",
                "whether mounts below are read-only too",
                "Enabled and IfPossible: a read-only copy of the mounts, that podman run --mount gets instead",
            ),
            honoured(
                "subPath",
                "string",
                "a path in the volume that stands for all of it",
                "ExecStartPre= mounts it for podman run --mount=…,src=…",
            ),
            honoured(
                "subPathExpr",
                "string",
                "a subPath with $(VAR) in it",
                "ExecStartPre= mounts it for podman run --mount=…,src=…",
            ),
        ),
    ),
    Object(
        "VolumeDevice",
        "v1",
        "a block device that a container gets",
        (
            honoured("devicePath", "string", "the path in the container", "podman run --device=…:PATH"),
            honoured(
                "name",
                "string",
                "the volume that stands for the device",
                "a claim of a PersistentVolume of volumeMode Block",
            ),
        ),
    ),
    Object(
        "ContainerResizePolicy",
        "v1",
        "whether a changed resource restarts the container",
        (
            ignored("resourceName", "string", "cpu or memory", "podunit apply restarts what changed"),
            ignored(
                "restartPolicy", "string", "NotRequired or RestartContainer", "podunit apply restarts what changed"
            ),
        ),
    ),
    Object(
        "ContainerRestartRule",
        "v1",
        "a rule of when a container starts again",
        (
            honoured(
                "action",
                "string",
                "what is done: Restart or RestartAllContainers",
                "has to be Restart",
            ),
            honoured(
                "exitCodes",
                "ContainerRestartRuleOnExitCodes",
                "exit codes that the rule is for",
                "RestartForceExitStatus= or RestartPreventExitStatus=",
            ),
        ),
    ),
    Object(
        "ContainerRestartRuleOnExitCodes",
        "v1",
        "exit codes",
        (
            honoured("operator", "string", "In or NotIn", "whether the codes are listed, or all others"),
            honoured(
                "values",
                "[]integer",
                "the exit codes",
                "RestartForceExitStatus= or RestartPreventExitStatus=",
            ),
        ),
    ),
)
