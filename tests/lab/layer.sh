# Makes a layer: `layer.sh CACHE LAYERS INPUT OUTPUT COMMAND…` runs COMMAND in the tree that the layers make, without
# network, with the folder INPUT at /mnt, and copies what it changed to OUTPUT. Runs in namespaces of its own.
set -eu

cache=$1 layers=$2 input=$3 output=$4
shift 4
cd "$cache"
mount -t tmpfs -o mode=755 layer mnt
mkdir mnt/upper mnt/work mnt/root
mount -t overlay -o "lowerdir=$layers,upperdir=mnt/upper,workdir=mnt/work" layer mnt/root
mount --bind "$input" mnt/root/mnt
mount -t proc proc mnt/root/proc
mount --bind /dev/null mnt/root/dev/null
mount -t tmpfs tmpfs mnt/root/tmp
chroot mnt/root env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 "$@"
cp -a mnt/upper "$output"
