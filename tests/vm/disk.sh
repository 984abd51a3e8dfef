# Makes a machine's disk: `disk.sh CACHE LAYERS STATE SOURCE DISK` stacks the layers, lays what is in the archive STATE on
# top, and the folder SOURCE at /src/units, and fills the file DISK with an ext4 of that. Runs in namespaces of its own.
set -eu

cache=$1 layers=$2 state=$3 source=$4 disk=$5
cd "$cache"
mount -t tmpfs -o mode=755 disk mnt
mkdir mnt/upper mnt/work mnt/root
mount -t overlay -o "lowerdir=$layers,upperdir=mnt/upper,workdir=mnt/work" disk mnt/root
tar --extract --preserve-permissions --xattrs --xattrs-include='*' --file="$state" --directory=mnt/root
cp -r "$source" mnt/root/src/units
mkfs.ext4 -q -d mnt/root "$disk" 3G
