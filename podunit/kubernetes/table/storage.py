"""Sources of volumes that are no files of this machine (core/v1).

All of it is refused: what holds the data has to be mounted on the host, and is a hostPath then.
"""

from __future__ import annotations

from podunit.kubernetes.fields import Object, refused

_PATH = "use a hostPath"
_MOUNT = "mount it on the host, by a mount unit or fstab(5), and use a hostPath"

_FS_TYPE = refused("fsType", "string", "the file system on it", _MOUNT)
_READ_ONLY = refused("readOnly", "boolean", "whether all mounts are read-only", _MOUNT)
_PARTITION = refused("partition", "integer", "the partition; the whole disk by default", _MOUNT)

OBJECTS = (
    Object(
        "SecretReference",
        "v1",
        "the name of a Secret",
        (
            refused("name", "string", "the Secret's name", _MOUNT),
            refused("namespace", "string", "its namespace", _MOUNT),
        ),
    ),
    Object(
        "AWSElasticBlockStoreVolumeSource",
        "v1",
        "a disk of AWS",
        (
            _FS_TYPE,
            _PARTITION,
            _READ_ONLY,
            refused("volumeID", "string", "the disk", _PATH),
        ),
    ),
    Object(
        "AzureDiskVolumeSource",
        "v1",
        "a disk of Azure",
        (
            refused("cachingMode", "string", "None, ReadOnly or ReadWrite", _PATH),
            refused("diskName", "string", "the disk", _PATH),
            refused("diskURI", "string", "the disk's address", _PATH),
            _FS_TYPE,
            refused("kind", "string", "Shared, Dedicated or Managed", _PATH),
            _READ_ONLY,
        ),
    ),
    Object(
        "AzureFileVolumeSource",
        "v1",
        "a share of Azure Files",
        (
            _READ_ONLY,
            refused("secretName", "string", "the Secret with the account", _MOUNT),
            refused("shareName", "string", "the share", _MOUNT),
        ),
    ),
    Object(
        "AzureFilePersistentVolumeSource",
        "v1",
        "a share of Azure Files",
        (
            _READ_ONLY,
            refused("secretName", "string", "the Secret with the account", _MOUNT),
            refused("secretNamespace", "string", "the Secret's namespace", _MOUNT),
            refused("shareName", "string", "the share", _MOUNT),
        ),
    ),
    Object(
        "CephFSVolumeSource",
        "v1",
        "a file system of Ceph",
        (
            refused("monitors", "[]string", "the addresses of Ceph's monitors", _MOUNT),
            refused("path", "string", "the directory that is mounted; / by default", _MOUNT),
            _READ_ONLY,
            refused("secretFile", "string", "the file with the user's key", _MOUNT),
            refused("secretRef", "LocalObjectReference", "the Secret with what a login needs", _MOUNT),
            refused("user", "string", "the user of Ceph; admin by default", _MOUNT),
        ),
    ),
    Object(
        "CephFSPersistentVolumeSource",
        "v1",
        "a file system of Ceph",
        (
            refused("monitors", "[]string", "the addresses of Ceph's monitors", _MOUNT),
            refused("path", "string", "the directory that is mounted; / by default", _MOUNT),
            _READ_ONLY,
            refused("secretFile", "string", "the file with the user's key", _MOUNT),
            refused("secretRef", "SecretReference", "the Secret with what a login needs", _MOUNT),
            refused("user", "string", "the user of Ceph; admin by default", _MOUNT),
        ),
    ),
    Object(
        "CinderVolumeSource",
        "v1",
        "a disk of OpenStack",
        (
            _FS_TYPE,
            _READ_ONLY,
            refused("secretRef", "LocalObjectReference", "the Secret with what a login needs", _PATH),
            refused("volumeID", "string", "the disk", _PATH),
        ),
    ),
    Object(
        "CinderPersistentVolumeSource",
        "v1",
        "a disk of OpenStack",
        (
            _FS_TYPE,
            _READ_ONLY,
            refused("secretRef", "SecretReference", "the Secret with what a login needs", _PATH),
            refused("volumeID", "string", "the disk", _PATH),
        ),
    ),
    Object(
        "CSIVolumeSource",
        "v1",
        "what a storage driver of the cluster makes",
        (
            refused("driver", "string", "the driver", _MOUNT),
            _FS_TYPE,
            refused("nodePublishSecretRef", "LocalObjectReference", "the Secret for the mount", _MOUNT),
            _READ_ONLY,
            refused("volumeAttributes", "map[string]string", "what the driver is told besides", _MOUNT),
        ),
    ),
    Object(
        "CSIPersistentVolumeSource",
        "v1",
        "what a storage driver of the cluster makes",
        (
            refused("controllerExpandSecretRef", "SecretReference", "the Secret for growing", _MOUNT),
            refused("controllerPublishSecretRef", "SecretReference", "the Secret for attaching", _MOUNT),
            refused("driver", "string", "the driver", _MOUNT),
            _FS_TYPE,
            refused("nodeExpandSecretRef", "SecretReference", "the Secret for growing on the node", _MOUNT),
            refused("nodePublishSecretRef", "SecretReference", "the Secret for the mount", _MOUNT),
            refused("nodeStageSecretRef", "SecretReference", "the Secret for what comes before the mount", _MOUNT),
            _READ_ONLY,
            refused("volumeAttributes", "map[string]string", "what the driver is told besides", _MOUNT),
            refused("volumeHandle", "string", "the volume", _MOUNT),
        ),
    ),
    Object(
        "FCVolumeSource",
        "v1",
        "a disk over Fibre Channel",
        (
            _FS_TYPE,
            refused("lun", "integer", "the number of the disk", _MOUNT),
            _READ_ONLY,
            refused("targetWWNs", "[]string", "the names of the targets", _MOUNT),
            refused("wwids", "[]string", "the identities of the disk", _MOUNT),
        ),
    ),
    Object(
        "FlexVolumeSource",
        "v1",
        "what a program of the node mounts",
        (
            refused("driver", "string", "the program", _MOUNT),
            _FS_TYPE,
            refused("options", "map[string]string", "what the program is told besides", _MOUNT),
            _READ_ONLY,
            refused("secretRef", "LocalObjectReference", "the Secret with what a login needs", _MOUNT),
        ),
    ),
    Object(
        "FlexPersistentVolumeSource",
        "v1",
        "what a program of the node mounts",
        (
            refused("driver", "string", "the program", _MOUNT),
            _FS_TYPE,
            refused("options", "map[string]string", "what the program is told besides", _MOUNT),
            _READ_ONLY,
            refused("secretRef", "SecretReference", "the Secret with what a login needs", _MOUNT),
        ),
    ),
    Object(
        "FlockerVolumeSource",
        "v1",
        "a data set of Flocker",
        (
            refused("datasetName", "string", "the data set's name", _PATH),
            refused("datasetUUID", "string", "its identity", _PATH),
        ),
    ),
    Object(
        "GCEPersistentDiskVolumeSource",
        "v1",
        "a disk of Google Cloud",
        (
            _FS_TYPE,
            _PARTITION,
            refused("pdName", "string", "the disk", _PATH),
            _READ_ONLY,
        ),
    ),
    Object(
        "GlusterfsVolumeSource",
        "v1",
        "a volume of Gluster",
        (
            refused("endpoints", "string", "the Endpoints with the servers", _MOUNT),
            refused("path", "string", "the volume", _MOUNT),
            _READ_ONLY,
        ),
    ),
    Object(
        "GlusterfsPersistentVolumeSource",
        "v1",
        "a volume of Gluster",
        (
            refused("endpoints", "string", "the Endpoints with the servers", _MOUNT),
            refused("endpointsNamespace", "string", "their namespace", _MOUNT),
            refused("path", "string", "the volume", _MOUNT),
            _READ_ONLY,
        ),
    ),
    Object(
        "ISCSIVolumeSource",
        "v1",
        "a disk over iSCSI",
        (
            refused("chapAuthDiscovery", "boolean", "whether the discovery needs a login", _MOUNT),
            refused("chapAuthSession", "boolean", "whether the session needs a login", _MOUNT),
            _FS_TYPE,
            refused("initiatorName", "string", "the name of this side", _MOUNT),
            refused("iqn", "string", "the name of the target", _MOUNT),
            refused("iscsiInterface", "string", "the transport; TCP by default", _MOUNT),
            refused("lun", "integer", "the number of the disk", _MOUNT),
            refused("portals", "[]string", "more addresses of the target", _MOUNT),
            _READ_ONLY,
            refused("secretRef", "LocalObjectReference", "the Secret with what a login needs", _MOUNT),
            refused("targetPortal", "string", "the address of the target", _MOUNT),
        ),
    ),
    Object(
        "ISCSIPersistentVolumeSource",
        "v1",
        "a disk over iSCSI",
        (
            refused("chapAuthDiscovery", "boolean", "whether the discovery needs a login", _MOUNT),
            refused("chapAuthSession", "boolean", "whether the session needs a login", _MOUNT),
            _FS_TYPE,
            refused("initiatorName", "string", "the name of this side", _MOUNT),
            refused("iqn", "string", "the name of the target", _MOUNT),
            refused("iscsiInterface", "string", "the transport; TCP by default", _MOUNT),
            refused("lun", "integer", "the number of the disk", _MOUNT),
            refused("portals", "[]string", "more addresses of the target", _MOUNT),
            _READ_ONLY,
            refused("secretRef", "SecretReference", "the Secret with what a login needs", _MOUNT),
            refused("targetPortal", "string", "the address of the target", _MOUNT),
        ),
    ),
    Object(
        "PhotonPersistentDiskVolumeSource",
        "v1",
        "a disk of Photon",
        (
            _FS_TYPE,
            refused("pdID", "string", "the disk", _PATH),
        ),
    ),
    Object(
        "PortworxVolumeSource",
        "v1",
        "a volume of Portworx",
        (
            _FS_TYPE,
            _READ_ONLY,
            refused("volumeID", "string", "the volume", _PATH),
        ),
    ),
    Object(
        "QuobyteVolumeSource",
        "v1",
        "a volume of Quobyte",
        (
            refused("group", "string", "the group of the files", _PATH),
            _READ_ONLY,
            refused("registry", "string", "the addresses of the registry", _PATH),
            refused("tenant", "string", "the tenant", _PATH),
            refused("user", "string", "the user of the files", _PATH),
            refused("volume", "string", "the volume", _PATH),
        ),
    ),
    Object(
        "RBDVolumeSource",
        "v1",
        "a block device of Ceph",
        (
            _FS_TYPE,
            refused("image", "string", "the block device", _MOUNT),
            refused("keyring", "string", "the file with the user's key", _MOUNT),
            refused("monitors", "[]string", "the addresses of Ceph's monitors", _MOUNT),
            refused("pool", "string", "the pool; rbd by default", _MOUNT),
            _READ_ONLY,
            refused("secretRef", "LocalObjectReference", "the Secret with what a login needs", _MOUNT),
            refused("user", "string", "the user of Ceph; admin by default", _MOUNT),
        ),
    ),
    Object(
        "RBDPersistentVolumeSource",
        "v1",
        "a block device of Ceph",
        (
            _FS_TYPE,
            refused("image", "string", "the block device", _MOUNT),
            refused("keyring", "string", "the file with the user's key", _MOUNT),
            refused("monitors", "[]string", "the addresses of Ceph's monitors", _MOUNT),
            refused("pool", "string", "the pool; rbd by default", _MOUNT),
            _READ_ONLY,
            refused("secretRef", "SecretReference", "the Secret with what a login needs", _MOUNT),
            refused("user", "string", "the user of Ceph; admin by default", _MOUNT),
        ),
    ),
    Object(
        "ScaleIOVolumeSource",
        "v1",
        "a volume of ScaleIO",
        (
            _FS_TYPE,
            refused("gateway", "string", "the address of the API", _PATH),
            refused("protectionDomain", "string", "the protection domain", _PATH),
            _READ_ONLY,
            refused("secretRef", "LocalObjectReference", "the Secret with what a login needs", _PATH),
            refused("sslEnabled", "boolean", "whether TLS is spoken", _PATH),
            refused("storageMode", "string", "ThickProvisioned or ThinProvisioned", _PATH),
            refused("storagePool", "string", "the pool", _PATH),
            refused("system", "string", "the storage system", _PATH),
            refused("volumeName", "string", "the volume", _PATH),
        ),
    ),
    Object(
        "ScaleIOPersistentVolumeSource",
        "v1",
        "a volume of ScaleIO",
        (
            _FS_TYPE,
            refused("gateway", "string", "the address of the API", _PATH),
            refused("protectionDomain", "string", "the protection domain", _PATH),
            _READ_ONLY,
            refused("secretRef", "SecretReference", "the Secret with what a login needs", _PATH),
            refused("sslEnabled", "boolean", "whether TLS is spoken", _PATH),
            refused("storageMode", "string", "ThickProvisioned or ThinProvisioned", _PATH),
            refused("storagePool", "string", "the pool", _PATH),
            refused("system", "string", "the storage system", _PATH),
            refused("volumeName", "string", "the volume", _PATH),
        ),
    ),
    Object(
        "StorageOSVolumeSource",
        "v1",
        "a volume of StorageOS",
        (
            _FS_TYPE,
            _READ_ONLY,
            refused("secretRef", "LocalObjectReference", "the Secret with what a login needs", _PATH),
            refused("volumeName", "string", "the volume", _PATH),
            refused("volumeNamespace", "string", "the space in which its name counts", _PATH),
        ),
    ),
    Object(
        "StorageOSPersistentVolumeSource",
        "v1",
        "a volume of StorageOS",
        (
            _FS_TYPE,
            _READ_ONLY,
            refused("secretRef", "ObjectReference", "the Secret with what a login needs", _PATH),
            refused("volumeName", "string", "the volume", _PATH),
            refused("volumeNamespace", "string", "the space in which its name counts", _PATH),
        ),
    ),
    Object(
        "VsphereVirtualDiskVolumeSource",
        "v1",
        "a disk of vSphere",
        (
            _FS_TYPE,
            refused("storagePolicyID", "string", "the policy's identity", _PATH),
            refused("storagePolicyName", "string", "the policy", _PATH),
            refused("volumePath", "string", "the disk", _PATH),
        ),
    ),
)
