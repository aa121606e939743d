import { contentOfBytes } from "../file_content.ts";
import { fingerprintOf } from "../fingerprint.ts";
import type { HostReader } from "../host/host.ts";
import { hasProgram } from "../providers/programs.ts";
import { runProgram } from "../providers/run_program.ts";
import { isBooted } from "../providers/services/find_manager.ts";
import { type Change, stepOperation } from "../step_operation.ts";
import { requireHostName } from "./host_names.ts";
import { requireLinux } from "./linux_only.ts";
import { changeFile, checkFile, findFile } from "./new_content.ts";

const FILE = "/etc/hostname";

/** Longest name that Linux takes, in characters. */
const MAX_NAME = 64;
const SETTING = { kind: "setting", name: "host name" } as const;

/** Gives a host its name. */
export const hostName = stepOperation({
  name: "host.Name",
  description: "Makes a host have a name, now and after its next start",
  subject: "name",
  parameters: {
    name: { type: "text", required: true, description: "Name of the host" },
  },
  touches: () => [FILE],
  things: () => [SETTING],
  validate: ({ name }) => requireHostName(name, ["name"], MAX_NAME),
  async check({ name }, reader, forecast) {
    requireLinux("name a host", reader);
    const wanted = wantedFile(name);
    const found = await findFile(FILE, reader);
    const { effects = [], ...file } = await checkFile(wanted, found, {
      reader,
      forecast,
    });
    // The kernel's name is that of the machine, also where another root has been entered.
    if (!isBooted(reader)) {
      return {
        ...file,
        effects,
        reason: "nothing runs here, so only the file counts",
      };
    }
    const now = await nameNow(reader);
    const changes: Change[] = [
      ...file.changes,
      ...now === name ? [] : [{ what: "name", from: now, to: name }],
    ];
    return {
      verdict: changes.length === 0 ? "ok" : "change",
      changes,
      fingerprint: fingerprintOf([file.fingerprint, now]),
      effects: [...effects, {
        kind: "thing",
        thing: SETTING,
        facts: { value: name },
      }],
    };
  },
  async change({ name }, _, writer) {
    await changeFile(wantedFile(name), writer);
    if (!isBooted(writer) || await nameNow(writer) === name) return;
    const argv = hasProgram("hostname", writer)
      ? ["hostname", name]
      : ["sysctl", "-q", "-w", `kernel.hostname=${name}`];
    await runProgram({ argv }, `name the host "${name}"`, writer);
  },
});

function wantedFile(name: string) {
  const content = contentOfBytes(new TextEncoder().encode(`${name}\n`));
  return { path: FILE, content, attributes: {} };
}

async function nameNow(reader: HostReader): Promise<string> {
  const foreseen = reader.foreseen(SETTING)?.facts?.["value"];
  if (typeof foreseen === "string") return foreseen;
  return (await reader.ask({ argv: ["uname", "-n"] })).stdout.trim();
}
