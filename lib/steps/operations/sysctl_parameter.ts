import { basename, join } from "@std/path";
import { PiriError } from "../../base/errors.ts";
import { bytesOf } from "../file_content.ts";
import { fingerprintOf } from "../fingerprint.ts";
import type { HostReader, Thing } from "../host/host.ts";
import { isBooted } from "../providers/services/find_manager.ts";
import {
  type Change,
  type Forecast,
  stepOperation,
} from "../step_operation.ts";
import { Unforeseen } from "../unforeseen.ts";
import { quoted, WrongValue } from "../wrong_value.ts";
import { changeEdit, checkEdit, type TextEdit } from "./edited_text.ts";
import { requireLinux } from "./linux_only.ts";
import { readSysctlLine, withParameter } from "./sysctl_lines.ts";
import {
  pathOfName,
  plainValue,
  valueFlaw,
  wordsOfName,
} from "./sysctl_names.ts";

const FOLDER = "/etc/sysctl.d";
const FILE = `${FOLDER}/90-piri.conf`;
/** Folders whose files are read at each start. A file of the first one hides those of its name in others. */
const FOLDERS: readonly string[] = [
  FOLDER,
  "/run/sysctl.d",
  "/usr/local/lib/sysctl.d",
  "/usr/lib/sysctl.d",
  "/lib/sysctl.d",
];
const MAX_BYTES = 1_048_576;

/** Gives a parameter of the kernel a value. */
export const sysctlParameter = stepOperation({
  name: "sysctl.Parameter",
  description:
    "Makes a parameter of the kernel have a value, now and after the next start",
  subject: "name",
  oneOf: [["value", "absent"]],
  parameters: {
    name: {
      type: "text",
      required: true,
      description: "Name of the parameter, as vm.swappiness",
    },
    value: { type: "text", description: "Its value; blanks count as one" },
    file: {
      type: "path",
      description: `File below ${FOLDER} that sets it at each start`,
      standard: FILE,
    },
    absent: {
      type: "switch",
      description:
        "True to take it from the file; the kernel keeps its value until the next start",
    },
  },
  touches: ({ file = FILE }) => [file],
  things: ({ name }) => [thingOf(name)],
  validate({ name, value, file = FILE, absent }) {
    pathOfName(name);
    const flaw = value === undefined ? undefined : valueFlaw(value);
    if (flaw !== undefined) throw new WrongValue(["value"], flaw);
    if (absent === false) {
      throw new WrongValue(
        ["absent"],
        "it is false; leave it out, and give a value",
      );
    }
    if (/^\/etc\/(?:sysctl\.d\/[^/]*\.conf|sysctl\.conf)$/.test(file)) return;
    throw new WrongValue(
      ["file"],
      `${quoted(file)} is not read at a start: name a file such as ${FILE}`,
    );
  },
  async check(params, reader, forecast) {
    requireLinux("set parameters of the kernel", reader);
    const edit = editOf(params);
    const { effects = [], ...file } = await checkEdit(edit, reader, forecast);
    const changes: Change[] = file.changes.map((change) => ({
      ...change,
      what: change.what === "content" ? "file" : change.what,
    }));
    const reasons = await laterFiles(params, reader);
    const { value } = params;
    if (value === undefined || !isBooted(reader)) {
      if (value !== undefined) {
        reasons.unshift("nothing runs here, so only the file counts");
      }
      return { ...file, changes, effects, ...reasonOf(reasons) };
    }
    const now = await valueNow(params.name, reader, forecast);
    const wanted = plainValue(value);
    if (now !== wanted) {
      requireWritable(params.name, reader);
      changes.push({ what: "value", from: now, to: wanted });
    }
    return {
      verdict: changes.length === 0 ? "ok" : "change",
      changes,
      fingerprint: fingerprintOf([file.fingerprint, now]),
      effects: [...effects, {
        kind: "thing",
        thing: thingOf(params.name),
        facts: { value: wanted },
      }],
      ...reasonOf(reasons),
    };
  },
  async change(params, _, writer) {
    await changeEdit(editOf(params), writer);
    const { name, value } = params;
    if (value === undefined || !isBooted(writer)) return;
    const path = pathOfName(name);
    const wanted = plainValue(value);
    if (plainValue(await textAt(path, writer)) === wanted) return;
    const { code } = await writer.run({ argv: ["tee", path], stdin: wanted });
    if (code === 0) return;
    throw new PiriError(
      "FAILED_PRECONDITION",
      `Cannot set "${name}" to "${wanted}": the kernel did not take it`,
    );
  },
});

interface Params {
  readonly name: string;
  readonly value?: string;
  readonly file?: string;
  readonly absent?: boolean;
}

function editOf({ name, value, file = FILE }: Params): TextEdit {
  return {
    path: file,
    create: value !== undefined,
    absent: value === undefined,
    parents: true,
    edit: (lines) => withParameter(lines, { name, value }),
  };
}

async function valueNow(
  name: string,
  reader: HostReader,
  { opaque }: Forecast,
): Promise<string> {
  const foreseen = reader.foreseen(thingOf(name))?.facts?.["value"];
  if (typeof foreseen === "string") return foreseen;
  const path = pathOfName(name);
  const facts = reader.followed(path);
  if (facts?.kind === "file") {
    if ((facts.mode & 0o444) !== 0) {
      return plainValue(await textAt(path, reader));
    }
    throw failed(
      name,
      "it can only be written, so that nothing tells if it is so",
    );
  }
  if (opaque !== undefined) {
    throw new Unforeseen(
      `the kernel has no "${name}", and step "${opaque}" may bring it`,
    );
  }
  throw failed(
    name,
    "the kernel has no such parameter; load its module by an earlier step",
  );
}

function requireWritable(name: string, reader: HostReader): void {
  const facts = reader.followed(pathOfName(name));
  if (facts === undefined || (facts.mode & 0o222) !== 0) return;
  throw failed(name, "the kernel only tells it, and lets nobody set it");
}

/** Words for files that set the parameter to something else after the step's own. */
async function laterFiles(
  { name, value, file = FILE }: Params,
  reader: HostReader,
): Promise<string[]> {
  if (value === undefined) return [];
  const key = wordsOfName(name)?.join("/");
  const files = new Map<string, string>();
  for (const folder of FOLDERS) {
    if (reader.followed(folder)?.kind !== "folder") continue;
    for (const each of reader.names(folder)) {
      if (each.endsWith(".conf") && !files.has(each)) {
        files.set(each, join(folder, each));
      }
    }
  }
  const found: string[] = [];
  for (const [each, path] of files) {
    if (each <= basename(file) || reader.followed(path)?.kind !== "file") {
      continue;
    }
    const other = (await textAt(path, reader)).split("\n")
      .map(readSysctlLine).findLast((line) => line?.key === key)?.value;
    if (other === undefined || other === plainValue(value)) continue;
    found.push(`"${path}" sets it to "${other}" at the next start`);
  }
  return found;
}

function reasonOf(reasons: readonly string[]) {
  return reasons.length === 0 ? {} : { reason: reasons.join("; ") };
}

async function textAt(path: string, reader: HostReader): Promise<string> {
  const bytes = await bytesOf(
    await reader.content(path),
    MAX_BYTES,
    `"${path}"`,
  );
  return new TextDecoder().decode(bytes);
}

function thingOf(name: string): Thing {
  return {
    kind: "setting",
    name: `sysctl ${wordsOfName(name)?.join("/") ?? name}`,
  };
}

function failed(name: string, why: string): PiriError {
  return new PiriError("FAILED_PRECONDITION", `Cannot set "${name}": ${why}`);
}
