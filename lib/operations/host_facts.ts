import {
  arch,
  availableParallelism,
  hostname,
  release,
  totalmem,
} from "node:os";

/** Facts by their dotted names. */
export type Facts = Readonly<Record<string, string>>;

/** Facts that the system tells about this host. */
export async function hostFacts(): Promise<Facts> {
  const { name, version } = await systemOf();
  const virtual = await virtualization();
  return {
    hostname: hostname(),
    os: Deno.build.os,
    "os.name": name,
    ...version === "" ? {} : { "os.version": version },
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
}

async function systemOf(): Promise<System> {
  switch (Deno.build.os) {
    case "darwin":
      return macosOf(
        await read("/System/Library/CoreServices/SystemVersion.plist"),
      );
    case "windows":
      return { name: "windows", version: release() };
    default:
      return distributionOf(
        await read("/etc/os-release") || await read("/usr/lib/os-release"),
      );
  }
}

/** Distribution that the text of os-release names. Source: os-release(5). */
export function distributionOf(text: string): System {
  const valueOf = (key: string) =>
    new RegExp(`^${key}=["']?(.*?)["']?$`, "m").exec(text)?.[1] ?? "";
  return {
    name: valueOf("ID") || "linux",
    version: valueOf("VERSION_ID"),
  };
}

function macosOf(text: string): System {
  const [, version = ""] =
    /<key>ProductVersion<\/key>\s*<string>([^<]*)<\/string>/.exec(text) ?? [];
  return { name: "macos", version };
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
