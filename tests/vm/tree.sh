# Makes the tree of a lab that of a machine: hardware, a kernel and limits of its own; runs in it, after the lab's tree.sh.
set -eu

systemctl unmask systemd-udevd.service systemd-udev-trigger.service systemd-udev-settle.service \
    systemd-udevd-control.socket systemd-udevd-kernel.socket \
    systemd-modules-load.service systemd-sysctl.service \
    dev-hugepages.mount dev-mqueue.mount sys-fs-fuse-connections.mount run-lock.mount
rm /etc/containers/containers.conf.d/lab.conf

echo /dev/vda / ext4 defaults 0 1 > /etc/fstab
# A machine keeps its ID when it boots again.
tr -d - < /proc/sys/kernel/random/uuid > /etc/machine-id

chmod 755 /usr/local/sbin/lab-agent
cat > /etc/systemd/system/lab-agent.service <<'END'
[Unit]
Description=Commands from outside of the machine
BindsTo=dev-virtio\x2dports-agent.device
After=dev-virtio\x2dports-agent.device

[Service]
ExecStart=/usr/local/sbin/lab-agent
# What a command has left running is not the agent's.
KillMode=process

[Install]
WantedBy=multi-user.target
END
systemctl enable lab-agent.service

update-initramfs -u
ln /boot/vmlinuz-* /boot/vmlinuz
ln /boot/initrd.img-* /boot/initrd
