import { assertEquals } from "@std/assert";
import type { SheetStep } from "../../../lib/steps/sheet.ts";
import { sheetOf } from "../runs.ts";
import { inRealRoot, obstacleToRoots } from "./real_root.ts";

const obstacle = obstacleToRoots();
interface Case {
  readonly name: string;
  readonly prepare?: string;
  readonly steps:
    readonly (Pick<SheetStep, "operation"> & Partial<SheetStep>)[];
  /** Line for the shell, and what it prints at the end. */
  readonly look: string;
  readonly seen: string;
  /** Paths that an apply may write. */
  readonly writes: RegExp;
}

const HASH = "$6$abcdefgh$" + "x".repeat(86);
const ACCOUNTS =
  /^\/etc\/(passwd|shadow|group|gshadow|subuid|subgid)-?$|^\/etc\/\.pwd\.lock$|^\/var\/log\/(lastlog|faillog)$|^\/home\/piri-anna\//;

const KEY =
  "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOdU9JsIJECE2dV2orRC39h4iY6yPxYCwemWYhSHs0JD anna@x";
/** Makes the mark of a service manager that runs, so that the kernel counts. */
const BOOTED = "mkdir -p /run/openrc /etc/sysctl.d";

const CASES: readonly Case[] = [
  {
    name: "user.Present makes a user with groups, and files may belong to it",
    steps: [
      { operation: "group.Present", params: { name: "piri-dev", gid: 4321 } },
      {
        operation: "user.Present",
        params: {
          name: "piri-anna",
          groups: ["piri-dev"],
          shell: "/bin/sh",
          comment: "Anna Ü",
          password: HASH,
          expires: "2030-01-31",
        },
      },
      {
        operation: "file.Installed",
        params: {
          path: "/home/piri-anna/hello",
          content: "hi\n",
          user: "piri-anna",
          group: "piri-anna",
        },
      },
    ],
    look:
      "id -Gn piri-anna; stat -c %U:%G /home/piri-anna/hello; getent passwd piri-anna | cut -d: -f5-; grep piri-anna /etc/shadow | cut -d: -f2,8",
    seen:
      `piri-anna piri-dev\npiri-anna:piri-anna\nAnna Ü:/home/piri-anna:/bin/sh\n${HASH}:21945\n`,
    writes: ACCOUNTS,
  },
  {
    name: "user.Present changes fields of a user, and locks it",
    prepare: `useradd -m -s /bin/bash -G games piri-anna
echo 'piri-anna:${HASH}' | chpasswd -e`,
    steps: [{
      operation: "user.Present",
      params: {
        name: "piri-anna",
        uid: 4567,
        shell: "/bin/sh",
        groups: ["mail"],
        "only_groups": true,
        locked: true,
      },
    }],
    look:
      "id piri-anna -u; id -Gn piri-anna; grep piri-anna /etc/shadow | cut -d: -f2 | cut -c1-3",
    seen: "4567\npiri-anna mail\n!$6\n",
    writes: ACCOUNTS,
  },
  {
    name: "group.Present sets number and members of a group",
    prepare: "groupadd -g 4321 piri-dev; gpasswd -M games,mail piri-dev",
    steps: [{
      operation: "group.Present",
      params: {
        name: "piri-dev",
        gid: 4322,
        members: ["mail", "www-data"],
        "only_members": true,
      },
    }],
    look: "getent group piri-dev",
    seen: "piri-dev:x:4322:mail,www-data\n",
    writes: ACCOUNTS,
  },
  {
    name: "user.Absent removes a user with its home and its group",
    prepare: "useradd -m -G games piri-anna",
    steps: [{
      operation: "user.Absent",
      params: { name: "piri-anna", "remove_home": true },
    }],
    look:
      "getent passwd piri-anna; getent group piri-anna; ls -d /home/piri-anna 2>/dev/null; getent group games",
    seen: "games:x:60:\n",
    writes: /^\/etc\/|^\/home\/piri-anna|^\/var\/log\//,
  },
  {
    name: "group.Absent removes a group",
    prepare: "groupadd piri-dev",
    steps: [{ operation: "group.Absent", params: { name: "piri-dev" } }],
    look: "getent group piri-dev || echo none",
    seen: "none\n",
    writes: ACCOUNTS,
  },
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
    writes: ACCOUNTS,
  },
  {
    name: "sysctl.Parameter sets values of its network",
    prepare: BOOTED,
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
    writes: /^\/etc\/sysctl\.d\//,
  },
  {
    name: "mount.Mounted mounts, mounts again and binds",
    prepare:
      `${BOOTED}; mkdir -p /mnt/a /mnt/b '/mnt/c d'; echo '# mine' > /etc/fstab
mount -t tmpfs -o size=1m tmpfs '/mnt/c d'; truncate -s 16M /disk; mkfs.ext4 -q /disk`,
    steps: [
      {
        operation: "mount.Mounted",
        params: {
          path: "/mnt/a",
          source: "tmpfs",
          type: "tmpfs",
          options: ["size=2m,mode=0750", "noexec", "nofail"],
        },
      },
      {
        operation: "mount.Mounted",
        params: {
          path: "/mnt/b",
          source: "/etc/ssl",
          type: "none",
          options: ["bind"],
          persist: false,
        },
      },
      {
        operation: "mount.Mounted",
        params: {
          path: "/mnt/c d",
          source: "tmpfs",
          type: "tmpfs",
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
    writes: /^\/etc\/fstab$|^\/run\/mount\//,
  },
  {
    name: "mount.Unmounted takes mounts and their lines away",
    prepare:
      `${BOOTED}; mkdir -p /mnt/a; echo 'tmpfs /mnt/a/ tmpfs defaults 0 0' > /etc/fstab
mount -t tmpfs tmpfs /mnt/a; mount -t tmpfs tmpfs /mnt/a`,
    steps: [{ operation: "mount.Unmounted", params: { path: "/mnt/a" } }],
    look: "grep -c ' /mnt/a ' /proc/self/mountinfo; cat /etc/fstab",
    seen: "0\n",
    writes: /^\/etc\/fstab$|^\/run\/mount\//,
  },
];

for (const { name, prepare, steps, look, seen, writes } of CASES) {
  Deno.test({
    name: `in a real root ${name}${
      obstacle === undefined ? "" : ` (${obstacle})`
    }`,
    ignore: obstacle !== undefined,
    fn: async () => {
      const sheet = sheetOf(...steps);

      const report = await inRealRoot(sheet, {
        look,
        ...prepare === undefined ? {} : { prepare },
      });

      const { planned, applied, plannedAgain } = report;
      const verdicts = planned.steps.map(({ verdict }) => verdict);
      assertEquals(verdicts, steps.map(() => "change"), planned.message);
      assertEquals(report.plannedPaths, []);
      assertEquals(
        applied.steps.map(({ verdict, changes }) => [verdict, changes]),
        planned.steps.map(({ verdict, changes }) => [verdict, changes]),
        `${applied.message} ${applied.output}`,
      );
      assertEquals(
        report.appliedPaths.filter((path) => !writes.test(path)),
        [],
      );
      assertEquals(report.seen, seen);
      assertEquals(
        plannedAgain.steps.map(({ verdict }) => verdict),
        steps.map(() => "ok"),
      );
      assertEquals(report.againPaths, []);
      const { seen: _, ...told } = report;
      assertEquals(JSON.stringify(told).includes(HASH), false);
    },
  });
}
