import { join } from "@std/path";
import type { LeftOut } from "./pair.ts";

/** Debian's packages of the programs that Piri is measured beside. */
const PACKAGES = {
  ansible: "ansible",
  "ansible-playbook": "ansible-core",
  clush: "clustershell",
  "dpkg-query": "dpkg",
  "nats-server": "nats-server",
  puppet: "puppet-agent",
  scp: "openssh-client",
  ss: "iproute2",
  ssh: "openssh-client",
  "ssh-keygen": "openssh-client",
  sshd: "openssh-server",
  unshare: "util-linux",
} as const;

/** A program that Piri is measured beside. */
export type Peer = keyof typeof PACKAGES;

/** Folders of daemons, which are only in the PATH of root. */
const FOLDERS = ["/usr/sbin", "/usr/local/sbin"];

/** Reason to leave out a pair that needs these programs, or undefined if all are here. */
export async function lacking(
  ...peers: readonly Peer[]
): Promise<LeftOut | undefined> {
  for (const peer of peers) {
    if (await pathOf(peer) !== undefined) continue;
    return { leftOut: `there is no ${peer} (Debian: ${PACKAGES[peer]})` };
  }
  return undefined;
}

/** Path of a program, or undefined if it is not installed. */
export async function pathOf(
  peer: Peer,
  folders: readonly string[] = [...pathFolders(), ...FOLDERS],
): Promise<string | undefined> {
  for (const folder of folders) {
    const file = join(folder, peer);
    try {
      if ((await Deno.stat(file)).isFile) return file;
    } catch {
      // The next folder may have it.
    }
  }
  return undefined;
}

function pathFolders(): string[] {
  return (Deno.env.get("PATH") ?? "").split(":");
}
