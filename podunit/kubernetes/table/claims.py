"""PersistentVolumeClaim and PersistentVolume (core/v1)."""

from __future__ import annotations

from podunit.kubernetes.fields import Object, honoured, ignored, refused

_PATH = "use a hostPath"
_MOUNT = "mount it on the host, by a mount unit or fstab(5), and use a hostPath"
_ONE_CLASS = "there is one class of storage here: directories of this machine"
_NO_SIZE = "nothing keeps a volume to a size: the file system's own quota would"
_SERVER = "the server of a cluster writes it"
_STATUS = "podunit status says how a pod here is"
_API_VERSION = "the version of the API that the object is written for"
_KIND = "what the object is"
_METADATA = "name, labels and annotations"

OBJECTS = (
    Object(
        "PersistentVolumeClaim",
        "v1",
        "storage that outlives a pod",
        (
            honoured("apiVersion", "string", _API_VERSION, "has to be v1"),
            honoured("kind", "string", _KIND, "has to be PersistentVolumeClaim"),
            honoured("metadata", "ObjectMeta", _METADATA, "the name by which pods refer to it"),
            honoured(
                "spec",
                "PersistentVolumeClaimSpec",
                "what is asked for",
                "podman's volume of that name, or the directory of a PersistentVolume",
            ),
            ignored("status", "PersistentVolumeClaimStatus", "what a cluster has observed", _STATUS),
        ),
    ),
    Object(
        "PersistentVolumeClaimSpec",
        "v1",
        "what a claim asks for",
        (
            honoured(
                "accessModes",
                "[]string",
                "ReadWriteOnce, ReadOnlyMany …",
                "any of them: pods of one machine can share a directory",
            ),
            refused("dataSource", "TypedLocalObjectReference", "what the volume begins with", _PATH),
            refused("dataSourceRef", "TypedObjectReference", "what the volume begins with", _PATH),
            honoured(
                "resources",
                "VolumeResourceRequirements",
                "how large it has to be",
                "a warning, since nothing keeps a volume to a size",
            ),
            honoured(
                "selector",
                "LabelSelector",
                "labels of the volumes that will do",
                "the directory of the one PersistentVolume without a claimRef that has them; an error if several do",
            ),
            ignored("storageClassName", "string", "the class of storage that makes the volume", _ONE_CLASS),
            refused("volumeAttributesClassName", "string", "the class of the volume's properties", _PATH),
            honoured(
                "volumeMode", "string", "Filesystem, or Block for a device", "has to be that of its PersistentVolume"
            ),
            honoured("volumeName", "string", "the one volume that will do", "the directory of that PersistentVolume"),
        ),
    ),
    Object(
        "VolumeResourceRequirements",
        "v1",
        "how large a volume has to be",
        (
            ignored("limits", "map[string]Quantity", "the most that it may be", _NO_SIZE),
            honoured(
                "requests",
                "map[string]Quantity",
                "the least that it has to be, as storage",
                "a warning, since nothing keeps a volume to a size",
            ),
        ),
    ),
    Object(
        "TypedLocalObjectReference",
        "v1",
        "another object of the namespace",
        (
            refused("apiGroup", "string", "the group of its kind", _PATH),
            refused("kind", "string", "its kind", _PATH),
            refused("name", "string", "its name", _PATH),
        ),
    ),
    Object(
        "TypedObjectReference",
        "v1",
        "another object",
        (
            refused("apiGroup", "string", "the group of its kind", _PATH),
            refused("kind", "string", "its kind", _PATH),
            refused("name", "string", "its name", _PATH),
            refused("namespace", "string", "its namespace", _PATH),
        ),
    ),
    Object(
        "PersistentVolume",
        "v1",
        "storage that claims can get",
        (
            honoured("apiVersion", "string", "the version of the API that the object is written for", "has to be v1"),
            honoured("kind", "string", "what the object is", "has to be PersistentVolume"),
            honoured("metadata", "ObjectMeta", "name, labels and annotations", "the name by which pods refer to it"),
            honoured("spec", "PersistentVolumeSpec", "what and where it is", "a directory of the host"),
            ignored("status", "PersistentVolumeStatus", "what a cluster has observed", _STATUS),
        ),
    ),
    Object(
        "PersistentVolumeSpec",
        "v1",
        "what and where a volume is",
        (
            honoured(
                "accessModes",
                "[]string",
                "ReadWriteOnce, ReadOnlyMany …",
                "any of them: pods of one machine can share a directory",
            ),
            refused("awsElasticBlockStore", "AWSElasticBlockStoreVolumeSource", "a disk of AWS", _PATH),
            refused("azureDisk", "AzureDiskVolumeSource", "a disk of Azure", _PATH),
            refused("azureFile", "AzureFilePersistentVolumeSource", "a share of Azure Files", _MOUNT),
            ignored("capacity", "map[string]Quantity", "how large it is, as storage", _NO_SIZE),
            refused("cephfs", "CephFSPersistentVolumeSource", "a file system of Ceph", _MOUNT),
            refused("cinder", "CinderPersistentVolumeSource", "a disk of OpenStack", _PATH),
            honoured("claimRef", "ObjectReference", "the claim that has got it", "the claim that gets the directory"),
            refused("csi", "CSIPersistentVolumeSource", "what a storage driver of the cluster makes", _MOUNT),
            refused("fc", "FCVolumeSource", "a disk over Fibre Channel", _MOUNT),
            refused("flexVolume", "FlexPersistentVolumeSource", "what a program of the node mounts", _MOUNT),
            refused("flocker", "FlockerVolumeSource", "a data set of Flocker", _PATH),
            refused("gcePersistentDisk", "GCEPersistentDiskVolumeSource", "a disk of Google Cloud", _PATH),
            refused("glusterfs", "GlusterfsPersistentVolumeSource", "a volume of Gluster", _MOUNT),
            honoured(
                "hostPath",
                "HostPathVolumeSource",
                "a file or directory of the host",
                "podman run --mount=type=bind,src=PATH",
            ),
            refused("iscsi", "ISCSIPersistentVolumeSource", "a disk over iSCSI", _MOUNT),
            honoured(
                "local",
                "LocalVolumeSource",
                "a directory or device of one node",
                "podman run --mount=type=bind,src=PATH, or --device",
            ),
            honoured("mountOptions", "[]string", "options of the mount", "Options= of the mount unit, with nfs"),
            honoured(
                "nfs",
                "NFSVolumeSource",
                "a directory of an NFS server",
                "a mount unit of each pod that uses it, for the system's pods",
            ),
            ignored(
                "nodeAffinity",
                "VolumeNodeAffinity",
                "the nodes that can reach it",
                "there is one machine, and nothing to choose",
            ),
            ignored(
                "persistentVolumeReclaimPolicy",
                "string",
                "Retain, Delete or Recycle, when its claim goes",
                "podunit never removes a directory of the host that a volume names",
            ),
            refused("photonPersistentDisk", "PhotonPersistentDiskVolumeSource", "a disk of Photon", _PATH),
            refused("portworxVolume", "PortworxVolumeSource", "a volume of Portworx", _PATH),
            refused("quobyte", "QuobyteVolumeSource", "a volume of Quobyte", _PATH),
            refused("rbd", "RBDPersistentVolumeSource", "a block device of Ceph", _MOUNT),
            refused("scaleIO", "ScaleIOPersistentVolumeSource", "a volume of ScaleIO", _PATH),
            ignored("storageClassName", "string", "the class of storage that it belongs to", _ONE_CLASS),
            refused("storageos", "StorageOSPersistentVolumeSource", "a volume of StorageOS", _PATH),
            refused("volumeAttributesClassName", "string", "the class of its properties", _PATH),
            honoured(
                "volumeMode",
                "string",
                "Filesystem, or Block for a device",
                "podman run --device of containers that name it in volumeDevices",
            ),
            refused("vsphereVolume", "VsphereVirtualDiskVolumeSource", "a disk of vSphere", _PATH),
        ),
    ),
    Object(
        "LocalVolumeSource",
        "v1",
        "a directory or device of one node",
        (
            refused("fsType", "string", "the file system on it", _PATH),
            honoured("path", "string", "its path", "podman run --mount=type=bind,src=PATH"),
        ),
    ),
    Object(
        "ObjectReference",
        "v1",
        "another object",
        (
            honoured("apiVersion", "string", "the version of its API", "v1, whatever it says"),
            refused("fieldPath", "string", "a part of it", _PATH),
            honoured("kind", "string", "its kind", "a claim, whatever it says"),
            honoured("name", "string", "its name", "the claim of that name"),
            honoured("namespace", "string", "its namespace", "any: names count on the whole machine"),
            ignored("resourceVersion", "string", "the version of it that is meant", _SERVER),
            ignored("uid", "string", "its identity", _SERVER),
        ),
    ),
)
