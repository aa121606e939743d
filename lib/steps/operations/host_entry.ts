import { isIP } from "node:net";
import { stepOperation } from "../step_operation.ts";
import { quoted, WrongValue } from "../wrong_value.ts";
import { changeEdit, checkEdit, type TextEdit } from "./edited_text.ts";
import { requireHostName } from "./host_names.ts";

const FILE = "/etc/hosts";

/** Lets a host know names of an address. */
export const hostEntry = stepOperation({
  name: "host.Entry",
  description: "Makes /etc/hosts give an address to names, and no other one",
  subject: "ip",
  parameters: {
    ip: { type: "text", required: true, description: "Address of the names" },
    names: {
      type: "texts",
      required: true,
      description: "Names, the main one first; others of the address stay",
    },
    absent: {
      type: "switch",
      description: "True to take these names from the address",
      standard: "false",
    },
  },
  touches: () => [FILE],
  validate({ ip, names }) {
    if (isIP(ip) === 0) {
      throw new WrongValue(
        ["ip"],
        `${quoted(ip)} is no address, as 10.0.0.5 or fd00::5`,
      );
    }
    if (names.length === 0) {
      throw new WrongValue(["names"], "no name is given; give one");
    }
    for (const [index, name] of names.entries()) {
      requireHostName(name, ["names", index]);
    }
  },
  check: (params, reader, forecast) =>
    checkEdit(editOf(params), reader, forecast),
  change: (params, _, writer) => changeEdit(editOf(params), writer),
});

interface Params {
  readonly ip: string;
  readonly names: readonly string[];
  readonly absent?: boolean;
}

/** Line of the file that has an address. */
interface Entry {
  readonly ip: string;
  readonly names: readonly string[];
  /** End of the line from its comment on. */
  readonly comment: string;
}

function editOf({ ip, names: given, absent = false }: Params): TextEdit {
  const family = isIP(ip);
  const names = [...new Set(given)];
  const isSame = (entry: Entry) => plainIp(entry.ip) === plainIp(ip);
  return {
    path: FILE,
    create: !absent,
    absent,
    edit: (lines) => {
      let isDone = absent;
      const edited = lines.flatMap((line) => {
        const entry = entryOf(line);
        if (entry === undefined) return [line];
        if (isSame(entry) && !isDone) {
          isDone = true;
          return hasAll(entry, names) ? [line] : [
            lineOf({ ...entry, names: merged(entry.names, names) }),
          ];
        }
        // A name has one address of each family, and the first line counts.
        if (absent ? !isSame(entry) : isIP(entry.ip) !== family) return [line];
        return without(line, entry, names);
      });
      return isDone ? edited : [...edited, lineOf({ ip, names, comment: "" })];
    },
  };
}

/** True for a line that has the names. */
function hasAll({ names: now }: Entry, names: readonly string[]): boolean {
  return names.every((name) => includes(now, name));
}

function merged(
  now: readonly string[],
  names: readonly string[],
): readonly string[] {
  return [...now, ...names.filter((name) => !includes(now, name))];
}

/** Line without names; none if no name is left. */
function without(
  line: string,
  entry: Entry,
  names: readonly string[],
): string[] {
  const left = entry.names.filter((name) => !includes(names, name));
  if (left.length === entry.names.length) return [line];
  return left.length === 0 ? [] : [lineOf({ ...entry, names: left })];
}

function includes(names: readonly string[], name: string): boolean {
  return names.some((each) => each.toLowerCase() === name.toLowerCase());
}

function entryOf(line: string): Entry | undefined {
  const at = line.indexOf("#");
  const text = at < 0 ? line : line.slice(0, at);
  const [ip = "", ...names] = text.trim().split(/\s+/);
  if (isIP(ip) === 0) return undefined;
  return { ip, names, comment: at < 0 ? "" : line.slice(at) };
}

function lineOf({ ip, names, comment }: Entry): string {
  const end = comment === "" ? "" : ` ${comment}`;
  return `${ip}\t${names.join(" ")}${end}`;
}

/** Address in the form that is the same for all ways to write it. */
function plainIp(ip: string): string {
  const [address = "", zone] = ip.split("%");
  if (isIP(address) !== 6) return ip;
  const { hostname } = new URL(`http://[${address}]/`);
  return zone === undefined ? hostname : `${hostname}%${zone}`;
}
