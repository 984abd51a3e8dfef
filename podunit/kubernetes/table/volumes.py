"""Volumes of a pod, and the sources that are on the machine or in other objects (core/v1)."""

from __future__ import annotations

from podunit.kubernetes.fields import Object, honoured, refused

_MOUNT = "mount it on the host, by a mount unit or fstab(5), and use a hostPath"
_GONE = "use a hostPath: Kubernetes itself has given this up"
_FILES = "write the files on the host and mount them as a hostPath"
_NO_API = "remove it: there is no API server here that would make it"

OBJECTS = (
    Object(
        "Volume",
        "v1",
        "a directory or files that containers may mount; without a source an emptyDir",
        (
            refused("awsElasticBlockStore", "AWSElasticBlockStoreVolumeSource", "a disk of AWS", _GONE),
            refused("azureDisk", "AzureDiskVolumeSource", "a disk of Azure", _GONE),
            refused("azureFile", "AzureFileVolumeSource", "a share of Azure Files", _MOUNT),
            refused("cephfs", "CephFSVolumeSource", "a file system of Ceph", _MOUNT),
            refused("cinder", "CinderVolumeSource", "a disk of OpenStack", _GONE),
            honoured(
                "configMap",
                "ConfigMapVolumeSource",
                "the keys of a ConfigMap as files",
                "files in a directory in memory, mounted read-only",
            ),
            refused("csi", "CSIVolumeSource", "what a storage driver of the cluster makes", _MOUNT),
            honoured(
                "downwardAPI",
                "DownwardAPIVolumeSource",
                "fields of the pod as files",
                "files in a directory in memory, mounted read-only",
            ),
            honoured("emptyDir", "EmptyDirVolumeSource", "a directory that lives as long as the pod", "see its fields"),
            refused("ephemeral", "EphemeralVolumeSource", "a claim that lives as long as the pod", "use an emptyDir"),
            refused("fc", "FCVolumeSource", "a disk over Fibre Channel", _MOUNT),
            refused("flexVolume", "FlexVolumeSource", "what a program of the node mounts", _MOUNT),
            refused("flocker", "FlockerVolumeSource", "a data set of Flocker", _GONE),
            refused("gcePersistentDisk", "GCEPersistentDiskVolumeSource", "a disk of Google Cloud", _GONE),
            refused("gitRepo", "GitRepoVolumeSource", "a clone of a git repository", "clone it in an init container"),
            refused("glusterfs", "GlusterfsVolumeSource", "a volume of Gluster", _MOUNT),
            honoured(
                "hostPath",
                "HostPathVolumeSource",
                "a file or directory of the host",
                "podman run --mount=type=bind,src=PATH and RequiresMountsFor=",
            ),
            honoured(
                "image",
                "ImageVolumeSource",
                "the files of an image",
                "podman run --mount=type=image, once image@….service has made it present",
            ),
            refused("iscsi", "ISCSIVolumeSource", "a disk over iSCSI", _MOUNT),
            honoured("name", "string", "the volume's name, once in a pod", "a name for volumeMounts"),
            honoured(
                "nfs",
                "NFSVolumeSource",
                "a directory of an NFS server",
                "a mount unit of the pod's, and podman run --mount=type=bind; for the system's pods",
            ),
            honoured(
                "persistentVolumeClaim",
                "PersistentVolumeClaimVolumeSource",
                "what a claim has got",
                "podman's volume of that name, or the directory of a PersistentVolume",
            ),
            refused("photonPersistentDisk", "PhotonPersistentDiskVolumeSource", "a disk of Photon", _GONE),
            refused("portworxVolume", "PortworxVolumeSource", "a volume of Portworx", _GONE),
            honoured(
                "projected",
                "ProjectedVolumeSource",
                "files of several sources in one directory",
                "files in a directory in memory, mounted read-only",
            ),
            refused("quobyte", "QuobyteVolumeSource", "a volume of Quobyte", _GONE),
            refused("rbd", "RBDVolumeSource", "a block device of Ceph", _MOUNT),
            refused("scaleIO", "ScaleIOVolumeSource", "a volume of ScaleIO", _GONE),
            honoured(
                "secret",
                "SecretVolumeSource",
                "the keys of a Secret as files",
                "files in a directory in memory, mounted read-only",
            ),
            refused("storageos", "StorageOSVolumeSource", "a volume of StorageOS", _GONE),
            refused("vsphereVolume", "VsphereVirtualDiskVolumeSource", "a disk of vSphere", _GONE),
        ),
    ),
    Object(
        "HostPathVolumeSource",
        "v1",
        "a file or directory of the host",
        (
            honoured("path", "string", "the absolute path on the host", "podman run --mount=type=bind,src=PATH"),
            honoured(
                "type",
                "string",
                "what has to be there, or is made: Directory, DirectoryOrCreate, File, Socket …",
                "a check, or the making of it, before the container's start",
            ),
        ),
    ),
    Object(
        "EmptyDirVolumeSource",
        "v1",
        "a directory that is empty when the pod starts, and goes with it",
        (
            honoured(
                "medium",
                "string",
                "Memory for a tmpfs, HugePages, HugePages-2Mi or HugePages-1Gi, nothing for the disk",
                "a tmpfs or hugetlbfs that the sandbox holds, or a directory below the state directory",
            ),
            refused(
                "mode", "integer", "the permissions of the directory; 0777 by default", "set them in an init container"
            ),
            honoured("sizeLimit", "Quantity", "the most that it may hold", "size= of the tmpfs; a warning on disk"),
        ),
    ),
    Object(
        "ConfigMapVolumeSource",
        "v1",
        "the keys of a ConfigMap as files",
        (
            honoured("defaultMode", "integer", "the permissions of the files; 0644 by default", "chmod of the files"),
            refused("defaultUser", "integer", "the owner of the files", _FILES),
            honoured(
                "items",
                "[]KeyToPath",
                "the keys, and the files that they become; all by default",
                "these files and no others",
            ),
            honoured("name", "string", "the ConfigMap's name", "an object of the same files, or of an earlier apply"),
            honoured(
                "optional",
                "boolean",
                "whether it or its keys may be missing",
                "without it there are no files, and no error",
            ),
        ),
    ),
    Object(
        "SecretVolumeSource",
        "v1",
        "the keys of a Secret as files",
        (
            honoured("defaultMode", "integer", "the permissions of the files; 0644 by default", "chmod of the files"),
            refused("defaultUser", "integer", "the owner of the files", _FILES),
            honoured(
                "items",
                "[]KeyToPath",
                "the keys, and the files that they become; all by default",
                "these files and no others",
            ),
            honoured(
                "optional",
                "boolean",
                "whether it or its keys may be missing",
                "without it there are no files, and no error",
            ),
            honoured(
                "secretName", "string", "the Secret's name", "an object of the same files, or of an earlier apply"
            ),
        ),
    ),
    Object(
        "KeyToPath",
        "v1",
        "a key and the file that it becomes",
        (
            honoured("key", "string", "the key", "the content of the file"),
            honoured("mode", "integer", "the file's permissions", "chmod of the file"),
            honoured("path", "string", "the file's path in the volume", "the path in the volume"),
            refused("user", "integer", "the file's owner", _FILES),
        ),
    ),
    Object(
        "DownwardAPIVolumeSource",
        "v1",
        "fields of the pod as files",
        (
            honoured("defaultMode", "integer", "the permissions of the files; 0644 by default", "chmod of the files"),
            refused("defaultUser", "integer", "the owner of the files", _FILES),
            honoured("items", "[]DownwardAPIVolumeFile", "the files", "a file each"),
        ),
    ),
    Object(
        "DownwardAPIVolumeFile",
        "v1",
        "a file with a field of the pod",
        (
            honoured(
                "fieldRef", "ObjectFieldSelector", "a field of the pod", "the content of the file: metadata alone"
            ),
            honoured("mode", "integer", "the file's permissions", "chmod of the file"),
            honoured("path", "string", "the file's path in the volume", "the path in the volume"),
            honoured(
                "resourceFieldRef",
                "ResourceFieldSelector",
                "a limit or request of a container",
                "the content of the file",
            ),
            refused("user", "integer", "the file's owner", _FILES),
        ),
    ),
    Object(
        "ProjectedVolumeSource",
        "v1",
        "files of several sources in one directory",
        (
            honoured("defaultMode", "integer", "the permissions of the files; 0644 by default", "chmod of the files"),
            refused("defaultUser", "integer", "the owner of the files", _FILES),
            honoured("sources", "[]VolumeProjection", "the sources", "the files of all of them"),
        ),
    ),
    Object(
        "VolumeProjection",
        "v1",
        "one source of a projected volume",
        (
            refused(
                "clusterTrustBundle", "ClusterTrustBundleProjection", "certificates that the cluster trusts", _NO_API
            ),
            honoured("configMap", "ConfigMapProjection", "the keys of a ConfigMap", "files in the volume"),
            honoured("downwardAPI", "DownwardAPIProjection", "fields of the pod", "files in the volume"),
            refused("podCertificate", "PodCertificateProjection", "a certificate that the cluster signs", _NO_API),
            honoured("secret", "SecretProjection", "the keys of a Secret", "files in the volume"),
            refused("serviceAccountToken", "ServiceAccountTokenProjection", "a token for the API server", _NO_API),
        ),
    ),
    Object(
        "ConfigMapProjection",
        "v1",
        "the keys of a ConfigMap as files",
        (
            honoured(
                "items",
                "[]KeyToPath",
                "the keys, and the files that they become; all by default",
                "these files and no others",
            ),
            honoured("name", "string", "the ConfigMap's name", "an object of the same files, or of an earlier apply"),
            honoured(
                "optional",
                "boolean",
                "whether it or its keys may be missing",
                "without it there are no files, and no error",
            ),
        ),
    ),
    Object(
        "SecretProjection",
        "v1",
        "the keys of a Secret as files",
        (
            honoured(
                "items",
                "[]KeyToPath",
                "the keys, and the files that they become; all by default",
                "these files and no others",
            ),
            honoured("name", "string", "the Secret's name", "an object of the same files, or of an earlier apply"),
            honoured(
                "optional",
                "boolean",
                "whether it or its keys may be missing",
                "without it there are no files, and no error",
            ),
        ),
    ),
    Object(
        "DownwardAPIProjection",
        "v1",
        "fields of the pod as files",
        (honoured("items", "[]DownwardAPIVolumeFile", "the files", "a file each"),),
    ),
    Object(
        "PersistentVolumeClaimVolumeSource",
        "v1",
        "what a claim has got",
        (
            honoured(
                "claimName",
                "string",
                "the claim's name",
                "podman run --mount=type=volume,src=NAME, or what the claim is bound to",
            ),
            honoured("readOnly", "boolean", "whether all mounts are read-only", "podman run --mount=…,ro=true"),
        ),
    ),
    Object(
        "EphemeralVolumeSource",
        "v1",
        "a claim that lives as long as the pod",
        (refused("volumeClaimTemplate", "PersistentVolumeClaimTemplate", "the claim that is made", "use an emptyDir"),),
    ),
    Object(
        "PersistentVolumeClaimTemplate",
        "v1",
        "a claim that is made with a pod",
        (
            refused("metadata", "ObjectMeta", "labels and annotations of the claim", "use an emptyDir"),
            refused("spec", "PersistentVolumeClaimSpec", "what the claim asks for", "use an emptyDir"),
        ),
    ),
    Object(
        "ImageVolumeSource",
        "v1",
        "the files of an image",
        (
            honoured(
                "pullPolicy",
                "string",
                "when it is pulled: Always, IfNotPresent or Never",
                "image-pull@….service pulls at each start, image@….service what is missing",
            ),
            honoured("reference", "string", "the image", "podman run --mount=type=image,src=IMAGE"),
        ),
    ),
    Object(
        "GitRepoVolumeSource",
        "v1",
        "a clone of a git repository",
        (
            refused("directory", "string", "the directory of the clone", "clone it in an init container"),
            refused("repository", "string", "the repository's URL", "clone it in an init container"),
            refused("revision", "string", "the commit that is checked out", "clone it in an init container"),
        ),
    ),
    Object(
        "NFSVolumeSource",
        "v1",
        "a directory of an NFS server",
        (
            honoured("path", "string", "the directory that the server exports", "What= of the mount unit"),
            honoured("readOnly", "boolean", "whether it is mounted read-only", "Options=ro, and ro=true for podman"),
            honoured("server", "string", "the server's name or address", "What= of the mount unit"),
        ),
    ),
)
