import { openLibc, type ResourceLimit } from "./libc.ts";

/** Limit of a resource as people set it; undefined means no limit. */
export interface WantedLimit {
  readonly soft: number | undefined;
  readonly hard: number | undefined;
}

/** Resources that have a limit, by their names, with the kernel's numbers and names (getrlimit(2)). */
const RESOURCES = {
  cpuSeconds: [0, "Max cpu time"],
  fileBytes: [1, "Max file size"],
  dataBytes: [2, "Max data size"],
  stackBytes: [3, "Max stack size"],
  coreBytes: [4, "Max core file size"],
  processes: [6, "Max processes"],
  openFiles: [7, "Max open files"],
  lockedBytes: [8, "Max locked memory"],
  addressBytes: [9, "Max address space"],
  pendingSignals: [11, "Max pending signals"],
  queueBytes: [12, "Max msgqueue size"],
  nicePriority: [13, "Max nice priority"],
  realtimePriority: [14, "Max realtime priority"],
} as const;

/** Resource that has a limit. */
export type Resource = keyof typeof RESOURCES;

const RESOURCE_NAMES = Object.keys(RESOURCES) as Resource[];

/** Limits by resource; one that is not named has the standard one. */
export type WantedLimits = {
  readonly [name in Resource]?: WantedLimit | undefined;
};

/** No limit, in the kernel's terms. */
const INFINITE = 2n ** 64n - 1n;

/** Limits that service managers raise for process 1 itself, as they are set for services and logins instead. */
const STANDARD: WantedLimits = {
  openFiles: { soft: 1_024, hard: 524_288 },
  coreBytes: { soft: 0, hard: undefined },
  lockedBytes: { soft: 8_388_608, hard: 8_388_608 },
};

/**
 * Sets the limits of this process, and so of its children, to those of the system, and not to those of the shell or
 * service that started it. Those of the system are those of process 1, but for a few. Returns the resources whose hard
 * limit could not be raised, as without root: they have the nearest that is allowed. Does nothing on systems other than
 * Linux.
 */
export function setResourceLimits(
  wanted: WantedLimits,
  limitsOfProcess1: string = read("/proc/1/limits"),
): Resource[] {
  const libc = openLibc();
  if (libc === undefined) return [];
  const standard = parseLimits(limitsOfProcess1);
  return RESOURCE_NAMES.filter((name) => {
    const [number] = RESOURCES[name];
    const limit = kernelLimit(wanted[name] ?? STANDARD[name]) ??
      standard.get(name);
    if (limit === undefined || libc.setResourceLimit(number, limit)) {
      return false;
    }
    const { hard } = libc.resourceLimit(number);
    libc.setResourceLimit(number, {
      soft: least(limit.soft, hard),
      hard: least(limit.hard, hard),
    });
    return limit.soft > hard;
  });
}

/** Reads limits in the form of /proc/PID/limits. */
function parseLimits(text: string): Map<Resource, ResourceLimit> {
  const limits = new Map<Resource, ResourceLimit>();
  for (const name of RESOURCE_NAMES) {
    const [, title] = RESOURCES[name];
    const line = text.split("\n").find((line) => line.startsWith(`${title} `));
    const [soft, hard] = line?.slice(title.length).trim().split(/\s+/) ?? [];
    if (soft === undefined || hard === undefined) continue;
    limits.set(name, { soft: amountOf(soft), hard: amountOf(hard) });
  }
  return limits;
}

function amountOf(text: string): bigint {
  return text === "unlimited" ? INFINITE : BigInt(text);
}

function kernelLimit(
  limit: WantedLimit | undefined,
): ResourceLimit | undefined {
  if (limit === undefined) return undefined;
  const { soft, hard } = limit;
  return {
    soft: soft === undefined ? INFINITE : BigInt(soft),
    hard: hard === undefined ? INFINITE : BigInt(hard),
  };
}

function least(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

function read(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}
