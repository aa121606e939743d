import { PiriError } from "../../../base/errors.ts";
import type { HostReader } from "../../host/host.ts";
import {
  inNeutralWords,
  type ServiceAct,
  type ServiceFacts,
  type ServiceManager,
} from "./service_manager.ts";

/** Folder of the scripts that start and stop services. */
const SCRIPTS = "/etc/init.d";

/** Runlevel of services that start with the host. */
const RUNLEVEL = "default";

/** Exit codes of `rc-service NAME status` for a service that has started: as it should, and with its process gone. */
const STARTED = 0;
const CRASHED = 32;

const STATUSES: ReadonlyMap<number | undefined, string> = new Map([
  [STARTED, "started"],
  [CRASHED, "crashed"],
  [3, "stopped"],
  [4, "stopping"],
  [8, "starting"],
  [16, "inactive"],
]);

/** Exit codes of what runs, stops, starts or waits for another. */
const MOVING: ReadonlySet<number> = new Set([STARTED, 4, 8, 16]);

/** An OpenRC, that runs or is only installed. */
export class OpenRc implements ServiceManager {
  readonly kind = "OpenRC";
  readonly acts: ReadonlySet<ServiceAct>;
  readonly rereads = undefined;

  constructor(readonly runs: boolean) {
    const lasting = ["enable", "disable"] as const;
    const now = ["start", "stop", "restart", "reload"] as const;
    this.acts = new Set(runs ? [...now, ...lasting] : lasting);
  }

  nameOf(name: string): string {
    if (isScriptName(name)) return name;
    throw new PiriError(
      "INVALID_ARGUMENT",
      `Cannot use the service name "${name}": it can have letters, digits and the characters _.@+- only, 255 at most`,
    );
  }

  async find(name: string, reader: HostReader): Promise<ServiceFacts> {
    const path = `${SCRIPTS}/${name}`;
    const isThere = await isScript(path, reader);
    const code = isThere && this.runs
      ? (await reader.ask(
        inNeutralWords(["rc-service", "--quiet", name, "status"]),
      )).code
      : undefined;
    const levels = await reader.shared(
      { name: "runlevels of OpenRC", paths: ["/etc/runlevels"] },
      () => readLevels(reader),
    );
    return {
      id: name,
      names: [name],
      isThere,
      isUp: code === STARTED,
      isDown: code === undefined || !MOVING.has(code),
      status: isThere ? STATUSES.get(code) ?? "not running" : "not there",
      enabled: isThere ? levels.has(name) : undefined,
      runlevels: levels.get(name) ?? [],
      isMasked: false,
      canReload: isThere && await describesReload(name, reader),
      isStale: false,
      isLoaded: false,
      files: isThere ? [path] : [],
      // Its status does not tell one start from another.
      start: "",
    };
  }

  findNow(name: string, reader: HostReader): Promise<ServiceFacts> {
    return this.find(name, reader);
  }

  definitions(name: string): readonly string[] {
    return [`${SCRIPTS}/${name}`];
  }

  additions(): undefined {
    return undefined;
  }

  command(
    act: ServiceAct,
    { id, status, runlevels = [] }: ServiceFacts,
  ): readonly string[] {
    if (act === "enable") return ["rc-update", "add", id, RUNLEVEL];
    if (act === "disable") return ["rc-update", "del", id, ...runlevels];
    // OpenRC takes one that has crashed for one that runs: it must forget that first.
    const isCrashed = status === STATUSES.get(CRASHED);
    const starts = act === "start" || act === "restart";
    return isCrashed && starts
      ? ["rc-service", id, "zap", "start"]
      : ["rc-service", id, act];
  }

  lastLines(): Promise<string[]> {
    return Promise.resolve([]);
  }

  obstacles(): Promise<string[]> {
    return Promise.resolve([]);
  }
}

/** True for a name that a script of a service can have. */
export function isScriptName(name: string): boolean {
  return /^[A-Za-z0-9_][A-Za-z0-9_.@+-]{0,254}$/.test(name);
}

async function isScript(path: string, reader: HostReader): Promise<boolean> {
  const { code } = await reader.ask(inNeutralWords(["test", "-x", path]));
  return code === 0;
}

/** Runlevels of all services that are in one. */
async function readLevels(
  reader: HostReader,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const { code, stdout, stderr } = await reader.ask(
    inNeutralWords(["rc-update", "--nocolor", "show"]),
  );
  if (code !== 0) {
    throw new PiriError(
      "UNAVAILABLE",
      `Cannot ask OpenRC for its runlevels: ${stderr.trim()}`,
    );
  }
  return new Map(
    stdout.split("\n").map((line) => {
      const [name = "", levels = ""] = line.split("|");
      const names = levels.split(" ").filter((level) => level !== "");
      return [name.trim(), names] as const;
    }).filter(([, names]) => names.length > 0),
  );
}

async function describesReload(
  name: string,
  reader: HostReader,
): Promise<boolean> {
  const { stdout } = await reader.ask(
    inNeutralWords(["rc-service", "--nocolor", name, "describe"]),
  );
  return /^\s*\*?\s*reload\b/m.test(stdout);
}
