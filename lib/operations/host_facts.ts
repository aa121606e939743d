import {
  arch,
  availableParallelism,
  hostname,
  release,
  totalmem,
} from "node:os";
import {
  familyOf,
  OS_RELEASE_PATHS,
  readOsRelease,
} from "../base/os_release.ts";
import { type InterfaceAddress, networkFacts } from "./network_facts.ts";
import {
  fqdnOf,
  initOf,
  packagesOf,
  type SystemFiles,
  timezoneOf,
} from "./system_facts.ts";

/** Facts by their dotted names. */
export type Facts = Readonly<Record<string, string>>;

/** Facts that the system tells about this host. No program is started, and no server is asked. */
export async function hostFacts(): Promise<Facts> {
  const [system, virtual, packages, timezone, init, hosts, ipv4, ipv6] =
    await Promise.all([
      systemOf(),
      virtualization(),
      packagesOf(files),
      timezoneOf(files),
      initOf(Deno.build.os, files),
      read("/etc/hosts"),
      read("/proc/net/route"),
      read("/proc/net/ipv6_route"),
    ]);
  const { name, version, family, codename } = system;
  return {
    hostname: hostname(),
    fqdn: fqdnOf(hostname(), hosts),
    os: Deno.build.os,
    "os.name": name,
    "os.family": family,
    ...version === "" ? {} : { "os.version": version },
    ...codename === "" ? {} : { "os.codename": codename },
    init,
    ...packages === undefined ? {} : { packages },
    ...timezone === undefined ? {} : { timezone },
    ...networkFacts(addresses(), { ipv4, ipv6 }),
    kernel: release(),
    arch: arch(),
    cpus: String(availableParallelism()),
    memory_mb: String(Math.round(totalmem() / 2 ** 20)),
    ...virtual === undefined ? {} : { virtual },
    // The name of the kernel's version in earlier releases.
    release: release(),
  };
}

interface System {
  readonly name: string;
  /** Empty for none, as of a rolling distribution. */
  readonly version: string;
  readonly family: string;
  /** Empty for none. */
  readonly codename: string;
}

async function systemOf(): Promise<System> {
  switch (Deno.build.os) {
    case "darwin":
      return macosOf(
        await read("/System/Library/CoreServices/SystemVersion.plist"),
      );
    case "windows":
      return {
        name: "windows",
        version: release(),
        family: "windows",
        codename: "",
      };
    default:
      return distributionOf(
        await read(OS_RELEASE_PATHS[0]) || await read(OS_RELEASE_PATHS[1]),
      );
  }
}

/** Distribution that the text of os-release names. */
export function distributionOf(text: string): System {
  const found = readOsRelease(text);
  const { id, version, codename } = found;
  return { name: id || "linux", version, family: familyOf(found), codename };
}

function macosOf(text: string): System {
  const [, version = ""] =
    /<key>ProductVersion<\/key>\s*<string>([^<]*)<\/string>/.exec(text) ?? [];
  return { name: "macos", version, family: "darwin", codename: "" };
}

/** Names of the vendors and products of virtual machines, as DMI tells them. */
const MACHINES: readonly (readonly [RegExp, string])[] = [
  [/amazon ec2/i, "amazon"],
  [/google/i, "google"],
  [/microsoft corporation.*virtual machine/is, "hyperv"],
  [/vmware/i, "vmware"],
  [/virtualbox|innotek/i, "virtualbox"],
  [/\bxen\b/i, "xen"],
  [/parallels/i, "parallels"],
  [/qemu|kvm|openstack|digitalocean|hetzner/i, "kvm"],
];

/** Kind of the virtual machine or container; "none" on hardware, undefined where the system does not tell. */
async function virtualization(): Promise<string | undefined> {
  if (Deno.build.os !== "linux") return undefined;
  if (await exists("/.dockerenv")) return "docker";
  if (await exists("/run/.containerenv")) return "podman";
  const [vendor, product, processors] = await Promise.all([
    read("/sys/class/dmi/id/sys_vendor"),
    read("/sys/class/dmi/id/product_name"),
    read("/proc/cpuinfo"),
  ]);
  return virtualOf(`${vendor}\n${product}`, processors);
}

/** Kind of a virtual machine by its vendor and product, and by the flags of its processors. */
export function virtualOf(machine: string, processors: string): string {
  const [, known] = MACHINES.find(([pattern]) => pattern.test(machine)) ?? [];
  if (known !== undefined) return known;
  return /^flags\s*:.*\bhypervisor\b/m.test(processors) ? "other" : "none";
}

/** Addresses of the interfaces; none where the program may not ask. */
function addresses(): readonly InterfaceAddress[] {
  try {
    return Deno.networkInterfaces();
  } catch {
    return [];
  }
}

const files: SystemFiles = {
  text: read,
  isThere: exists,
  target: async (path) => {
    try {
      return await Deno.readLink(path);
    } catch {
      return undefined;
    }
  },
};

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch {
    return false;
  }
}

async function read(path: string): Promise<string> {
  try {
    return (await Deno.readTextFile(path)).trim();
  } catch {
    return "";
  }
}
