import { PiriError } from "../../lib/base/errors.ts";
import type { ServiceName } from "../../lib/service/service_host.ts";
import type { Target } from "../build/target.ts";

/** Names of a kind of machine in packages, by target. */
const MACHINES: Readonly<Record<string, { deb: string; rpm: string }>> = {
  "linux-x64": { deb: "amd64", rpm: "x86_64" },
  "linux-arm64": { deb: "arm64", rpm: "aarch64" },
};

/** Facts about one package. */
export interface PackageFacts {
  readonly name: ServiceName;
  /** Version of Piri, as "0.3.0" or "0.3.0-rc.1". */
  readonly version: string;
  readonly target: Target;
  /** Time that all files get. */
  readonly time: Date;
}

/** True if packages are made for a target. */
export function hasPackages({ name }: Target): boolean {
  return Object.hasOwn(MACHINES, name);
}

/** Names of the machine of a package, as Debian and as RPM say it. */
export function machineOf({ target }: PackageFacts): {
  deb: string;
  rpm: string;
} {
  const machine = MACHINES[target.name];
  if (machine !== undefined) return machine;
  throw new PiriError(
    "UNSUPPORTED",
    `Cannot make a package for ${target.name}: packages are for Linux`,
  );
}

/** Version for package managers: "~" sorts before the end, so that 0.3.0~rc.1 is older than 0.3.0. */
export function packageVersion({ version }: PackageFacts): string {
  return version.replace("-", "~").replaceAll("-", ".");
}

/** Sentence about a package, and a paragraph. */
export function summaryOf({ name }: PackageFacts): {
  summary: string;
  text: string;
} {
  return name === "piri-agent"
    ? {
      summary: "runs the commands of a Piri Manager on this host",
      text:
        "The agent dials its Manager over TLS, runs commands as root, and reports exactly how each one ended. It does nothing until it has joined: piri-agent join TOKEN.",
    }
    : {
      summary: "runs commands on many hosts by the agents of Piri",
      text:
        "The Manager accepts agents, gives them commands, and records how each one ended. piri-manager init sets it up.",
    };
}
