import { defineSubcommand, type Group } from "../command.ts";
import { ExitCode } from "../exit_code.ts";
import type { Output } from "../output.ts";
import { oneLine } from "../text.ts";
import { secretHashBytes } from "./agent_secret.ts";
import type {
  Found,
  ImportedAgent,
  ManagerServices,
  RedpepperImport,
} from "./services.ts";
import { userOf } from "./signature.ts";

const redpepper = defineSubcommand({
  name: "redpepper",
  summary: "take over agents, data and states of RedPepper",
  positionals: {
    folder: {
      type: "one",
      summary: "folder of its data, with agents.yml, or that of manager.yml",
    },
  },
  flags: {
    into: {
      type: "string",
      value: "DIR",
      summary:
        "write the files below this folder, and the agents as lines in its agents.sh",
    },
    "dry-run": {
      type: "boolean",
      summary: "tell all of it, and write nothing",
    },
  },
  hints: {
    force: "nothing is overwritten: move away what is there, and import again",
    output: "to write elsewhere: --into DIR",
  },
  more: [{
    title: "In front of a line",
    lines: [
      ["+", "is new"],
      ["=", "is there already, and the same"],
      ["!", "is there and differs, so it stays as it is; or cannot be taken"],
    ],
  }],
  examples: [
    "/var/lib/redpepper/data --dry-run",
    "/var/lib/redpepper/data",
    "/etc/redpepper --into ./piri",
  ],
  async execute(
    { positionals: { folder }, flags, dir, stateDir, json, output, terminal },
    services: ManagerServices,
  ) {
    const { into, "dry-run": isDry } = flags;
    const found = await services.redpepper(folder, { stateDir, into });
    if (!isDry && into === undefined) {
      await addAgents(found.agents, {
        services,
        dir,
        requestedBy: userOf(terminal),
      });
    }
    if (!isDry) {
      for (const { path, found: there } of found.files) {
        if (there === "nothing") await found.write(path);
      }
    }
    if (json) await printJson(found, output);
    else await printText(found, { output, isDry, into });
    return isComplete(found) ? ExitCode.ok : ExitCode.failed;
  },
});

/** `import redpepper`: takes over what another tool has. */
export const importGroup: Group<ManagerServices> = {
  name: "import",
  summary: "take over what another tool has",
  subcommands: [redpepper],
};

async function addAgents(
  agents: readonly ImportedAgent[],
  { services, dir, requestedBy }: {
    readonly services: ManagerServices;
    readonly dir: string;
    readonly requestedBy: string;
  },
): Promise<void> {
  const fresh = agents.filter(({ found }) => found === "nothing");
  if (fresh.length === 0) return;
  using control = await services.connect(dir);
  for (const { id, groups, cidrs, secretHash } of fresh) {
    await control.agents.addAgent({
      id,
      groups: [...groups],
      cidrs: [...cidrs],
      requestedBy,
      ...secretHash === undefined
        ? {}
        : { secretHash: secretHashBytes(secretHash) },
    });
  }
}

function isComplete({ agents, files, notes }: RedpepperImport): boolean {
  return !notes.some(({ isLost }) => isLost) &&
    [...agents, ...files].every(({ found }) => found !== "other");
}

async function printJson(
  { agents, files, notes }: RedpepperImport,
  output: Output,
): Promise<void> {
  for (const { id, groups, cidrs, secretHash, found } of agents) {
    await output.value({
      kind: "agent",
      id,
      groups,
      cidrs,
      hasSecret: secretHash !== undefined,
      found,
    });
  }
  for (const file of files) await output.value({ kind: "file", ...file });
  for (const { file, line, message, isLost } of notes) {
    await output.value({
      kind: isLost ? "lost" : "note",
      file,
      line: line ?? null,
      message,
    });
  }
}

const MARKS: Readonly<Record<Found, string>> = {
  nothing: "+",
  same: "=",
  other: "!",
};

async function printText(
  { agents, files, notes }: RedpepperImport,
  { output, isDry, into }: {
    readonly output: Output;
    readonly isDry: boolean;
    readonly into: string | undefined;
  },
): Promise<void> {
  for (const agent of agents) {
    await output.line(`${MARKS[agent.found]} ${agentText(agent)}`);
  }
  for (const { path, found } of files) {
    const why = found === "other" ? ": it is there with other content" : "";
    await output.line(`${MARKS[found]} ${path}${why}`);
  }
  for (const [isLost, mark] of [[false, "note: "], [true, "! "]] as const) {
    for (
      const { file, line, message } of notes.filter((note) =>
        note.isLost === isLost
      )
    ) {
      const place = line === undefined ? file : `${file}:${line}`;
      await output.line(oneLine(`${mark}${place}: ${message}`));
    }
  }
  const all = [...agents, ...files];
  const count = (found: Found) =>
    all.filter((each) => each.found === found).length;
  const lost = notes.filter(({ isLost }) => isLost).length;
  await output.line(
    `${count("nothing")} ${isDry ? "would be" : "are"} new, ${
      count("same")
    } are there already, ${count("other")} differ, ${lost} not taken`,
  );
  await next({ agents, isDry, into, output });
}

function agentText(
  { id, groups, cidrs, secretHash, found }: ImportedAgent,
): string {
  return oneLine([
    `agent ${id}`,
    groups.length > 0 ? `groups ${groups.join(", ")}` : "no groups",
    `from ${cidrs.join(", ")}`,
    secretHash === undefined ? "without a secret" : "with its secret",
    ...found === "other"
      ? ["it is there with other groups, networks or another secret"]
      : [],
  ].join("; "));
}

/** Tells how the agents come here. */
async function next(
  { agents, isDry, into, output }: {
    readonly agents: readonly ImportedAgent[];
    readonly isDry: boolean;
    readonly into: string | undefined;
    readonly output: Output;
  },
): Promise<void> {
  if (isDry || agents.length === 0) return;
  if (into !== undefined) {
    await output.note(
      `Copy data, files and states into the Manager's folder, and run agents.sh there`,
    );
    return;
  }
  await output.note(
    "An agent of June 2024 connects with its secret as before, once it dials this Manager and trusts its certificate. All others get Piri: piri-manager agent token NAME, and piri-agent join on the host",
  );
  await output.note("Next: piri-manager state check, then piri-manager plan");
}
