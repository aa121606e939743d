import type { RootCase } from "../root_case.ts";

const KEY =
  "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOdU9JsIJECE2dV2orRC39h4iY6yPxYCwemWYhSHs0JD anna@x";

/** Makes the mark of a service manager that runs, so that the kernel counts. */
const BOOTED = "mkdir /run/openrc";

/** Cases of keys, parameters of the kernel and mounts. */
export const KERNEL: readonly RootCase[] = [
  {
    name: "ssh.AuthorizedKeys writes keys of a user",
    prepare: "useradd -m piri-anna; chmod 755 /home/piri-anna",
    steps: [{
      operation: "ssh.AuthorizedKeys",
      params: { user: "piri-anna", keys: [KEY] },
    }],
    look:
      "cd /home/piri-anna; stat -c '%U:%G %a' .ssh .ssh/authorized_keys; ssh-keygen -l -f .ssh/authorized_keys | cut -d' ' -f1,3-",
    seen:
      "piri-anna:piri-anna 700\npiri-anna:piri-anna 600\n256 anna@x (ED25519)\n",
    written: [
      "+ /home/piri-anna/.ssh/",
      "+ /home/piri-anna/.ssh/authorized_keys",
    ],
  },
  {
    name: "sysctl.Parameter sets values of its network",
    prepare: "mkdir -p /etc/sysctl.d",
    start: BOOTED,
    steps: [
      {
        operation: "sysctl.Parameter",
        params: { name: "net.ipv4.ip_forward", value: "1" },
      },
      {
        operation: "sysctl.Parameter",
        params: {
          name: "net.ipv4.ip_local_port_range",
          value: "20000 30000",
          file: "/etc/sysctl.d/50-own.conf",
        },
      },
    ],
    look:
      "cd /proc/sys/net/ipv4; cat ip_forward ip_local_port_range; cat /etc/sysctl.d/50-own.conf /etc/sysctl.d/90-piri.conf",
    seen:
      "1\n20000\t30000\nnet.ipv4.ip_local_port_range = 20000 30000\nnet.ipv4.ip_forward = 1\n",
    written: ["+ /etc/sysctl.d/50-own.conf", "+ /etc/sysctl.d/90-piri.conf"],
  },
  {
    name: "mount.Mounted mounts, mounts again and binds",
    prepare: "mkdir -p /mnt/a /mnt/b '/mnt/c d'; echo '# mine' > /etc/fstab",
    start: `${BOOTED}; mount -t tmpfs -o size=1m tmpfs '/mnt/c d'`,
    steps: [
      {
        operation: "mount.Mounted",
        params: {
          path: "/mnt/a",
          source: "tmpfs",
          fstype: "tmpfs",
          options: ["size=2m,mode=0750", "noexec", "nofail"],
        },
      },
      {
        operation: "mount.Mounted",
        params: {
          path: "/mnt/b",
          source: "/etc/ssl",
          fstype: "none",
          options: ["bind"],
          persist: false,
        },
      },
      {
        operation: "mount.Mounted",
        params: {
          path: "/mnt/c d",
          source: "tmpfs",
          fstype: "tmpfs",
          options: ["ro", "size=4m"],
        },
      },
    ],
    look:
      "grep ' /mnt/' /proc/self/mountinfo | cut -d' ' -f4-6; stat -c %a /mnt/a; ls /mnt/b; cat /etc/fstab",
    seen: `/ /mnt/c\\040d ro,relatime
/ /mnt/a rw,noexec,relatime
/etc/ssl /mnt/b rw,relatime
750
certs
openssl.cnf
private
# mine
tmpfs /mnt/a tmpfs size=2m,mode=0750,noexec,nofail 0 0
tmpfs /mnt/c\\040d tmpfs ro,size=4m 0 0
`,
    written: ["~ /etc/fstab"],
  },
  {
    name: "mount.Unmounted takes mounts and their lines away",
    prepare:
      "mkdir -p /mnt/a; echo 'tmpfs /mnt/a/ tmpfs defaults 0 0' > /etc/fstab",
    start:
      `${BOOTED}; mount -t tmpfs tmpfs /mnt/a; mount -t tmpfs tmpfs /mnt/a`,
    steps: [{ operation: "mount.Unmounted", params: { path: "/mnt/a" } }],
    look: "grep -c ' /mnt/a ' /proc/self/mountinfo; cat /etc/fstab",
    seen: "0\n",
    written: ["~ /etc/fstab"],
  },
];
