import type { PendingAgent } from "../../../proto/gen/piri/control/v1/control_messages.ts";
import { defineSubcommand } from "../command.ts";
import { ExitCode } from "../exit_code.ts";
import { oneLine } from "../text.ts";
import { withAgentHint } from "./hints.ts";
import { commandJson } from "./json.ts";
import { time } from "./json_values.ts";
import type { ManagerServices } from "./services.ts";
import { userOf } from "./signature.ts";
import { outcomeText } from "./states.ts";

const fingerprint = {
  type: "string",
  value: "SHA256:...",
  summary: "its key, as the host prints it; needed if several ask for the name",
} as const;

/** `agent pending`: lists the hosts that wait. */
export const pending = defineSubcommand({
  name: "pending",
  summary: "list the hosts that wait until somebody accepts them",
  positionals: {},
  flags: {},
  examples: ["", "--json"],
  async execute({ dir, output }, services: ManagerServices) {
    using control = await services.connect(dir);
    const { pending } = await control.enrolment.listPending({});
    await output.list(pending, {
      json: pendingJson,
      columns: {
        NAME: ({ name }) => name,
        STATE: ({ state, reason }) =>
          reason === "" ? state : `${state}: ${reason}`,
        KEY: ({ fingerprint }) => fingerprint,
        ADDRESS: ({ address }) => address,
        TOKEN: ({ token }) => String(token),
        SINCE: ({ askedAtMs }) => output.time(askedAtMs),
        "LAST SEEN": ({ lastAtMs }) => output.time(lastAtMs),
        OS: ({ facts }) => facts["os"] ?? "",
      },
    });
    return ExitCode.ok;
  },
});

/** `agent accept`: lets a host in that waits. */
export const accept = defineSubcommand({
  name: "accept",
  summary: "let a host in that waits, after a look at its key",
  positionals: { name: { type: "one", summary: "name that it asks for" } },
  flags: { fingerprint },
  examples: ["web-1 --fingerprint SHA256:SmQx6Ag1e0YcZ8nKq5Wl2v"],
  async execute(
    { positionals: { name }, flags, dir, output, terminal },
    services: ManagerServices,
  ) {
    using control = await services.connect(dir);
    const { agent } = await control.enrolment.acceptAgent({
      name,
      fingerprint: flags.fingerprint ?? "",
      requestedBy: userOf(terminal),
    });
    const key = agent?.fingerprint ?? "";
    await output.either(
      { name, fingerprint: key, accepted: true },
      oneLine(
        `accepted "${name}" with the key ${key}: it joins when it asks again, within 10 s`,
      ),
    );
    return ExitCode.ok;
  },
});

/** `agent reject`: turns a host away that waits. */
export const reject = defineSubcommand({
  name: "reject",
  summary: "turn a host away that waits, and tell it the reason",
  positionals: {
    name: { type: "one", summary: "name that it asks for" },
    reason: { type: "one", summary: "reason that the host is told" },
  },
  flags: { fingerprint },
  examples: ["web-1 'not one of ours'"],
  async execute(
    { positionals: { name, reason }, flags, dir, output, terminal },
    services: ManagerServices,
  ) {
    using control = await services.connect(dir);
    const { agent } = await control.enrolment.rejectAgent({
      name,
      reason,
      fingerprint: flags.fingerprint ?? "",
      requestedBy: userOf(terminal),
    });
    const key = agent?.fingerprint ?? "";
    await output.either(
      { name, fingerprint: key, rejected: true, reason },
      oneLine(`rejected "${name}" with the key ${key}: ${reason}`),
    );
    return ExitCode.ok;
  },
});

/** `agent revoke`: ends an agent's trust at once. */
export const revoke = defineSubcommand({
  name: "revoke",
  summary: "cut an agent off, and block its key and name",
  positionals: { name: { type: "one", summary: "name of the agent" } },
  flags: {},
  examples: ["web-1"],
  async execute(
    { positionals: { name: id }, dir, output, terminal },
    services: ManagerServices,
  ) {
    using control = await services.connect(dir);
    const { commands, told } = await withAgentHint(
      control.agents.revokeAgent({ id, requestedBy: userOf(terminal) }),
      id,
      control,
    );
    await output.either(
      {
        id,
        revoked: true,
        connected: told,
        commands: commands.map(commandJson),
      },
      ...commands.map((command) =>
        oneLine(`command ${command.id}: ${outcomeText(command)}`)
      ),
      `revoked agent "${id}": ${
        told ? "its connection was ended" : "it was away"
      }; "piri-manager agent remove ${id}" frees the name`,
    );
    return ExitCode.ok;
  },
});

function pendingJson(host: PendingAgent): Record<string, unknown> {
  return {
    name: host.name,
    state: host.state,
    reason: host.reason,
    fingerprint: host.fingerprint,
    token: Number(host.token),
    address: host.address,
    version: host.version,
    facts: host.facts,
    askedAt: time(host.askedAtMs),
    lastAt: time(host.lastAtMs),
  };
}
