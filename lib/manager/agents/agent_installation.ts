import type { Installation } from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import { VERSION_PATTERN } from "../../base/version_pattern.ts";

/** Beginning of the names of facts about an installation. Only hellos tell them. */
const PREFIX = "installation.";

/** Kinds of installations that agents tell of. */
const KINDS: ReadonlySet<string> = new Set(["slots", "package", "loose"]);

const TARGET = /^[a-z0-9]{1,20}-[a-z0-9]{1,20}$/;

/** True for the name of a fact about an installation. */
export function isOfInstallation(name: string): boolean {
  return name.startsWith(PREFIX);
}

type Facts = Readonly<Record<string, string>>;

/** Facts of a host with those about how its agent is installed, which the host's own facts cannot claim. */
export function withInstallation(
  facts: Facts,
  installation: Installation | undefined,
): Facts {
  const { kind = "", trial = "", target = "" } = installation ?? {};
  const others = Object.entries(facts)
    .filter(([name]) => !isOfInstallation(name));
  return {
    ...Object.fromEntries(others),
    ...KINDS.has(kind) ? { [`${PREFIX}kind`]: kind } : {},
    ...VERSION_PATTERN.test(trial) ? { [`${PREFIX}trial`]: trial } : {},
    ...TARGET.test(target) ? { [`${PREFIX}target`]: target } : {},
  };
}

/** The facts that are about an installation. */
export function installationAmong(facts: Facts): Facts {
  const own = Object.entries(facts)
    .filter(([name]) => isOfInstallation(name));
  return Object.fromEntries(own);
}

/** Facts of an agent whose version is no longer on trial. */
export function withoutTrial(facts: Facts): Facts {
  const { [`${PREFIX}trial`]: _over, ...others } = facts;
  return others;
}
