import type { StepItem } from "./item.ts";
import { StateError } from "./problems.ts";
import { readSwitch, scalarOf } from "./read_parameter.ts";
import { entryOf, isEmpty, type Tree, type TreeEntry } from "./tree.ts";

/** Entries of a step in Piri's words. `type` is not among them. */
type Rewrite = (entries: readonly TreeEntry[]) => readonly TreeEntry[];

/** Operations of RedPepper that are others here, if there is none of their own name. */
const ALIASES: ReadonlyMap<string, string> = new Map([
  ["apt.Installed", "package.Installed"],
  ["data.Show", "echo.Echo"],
  ["systemd.Enabled", "service.Enabled"],
  ["systemd.Reload", "service.Reload"],
  ["systemd.Restart", "service.Restart"],
  ["systemd.Running", "service.Running"],
]);

const REWRITES: ReadonlyMap<string, Rewrite> = new Map([
  ["command.Run", commandEntries],
  ["command.RunMultiple", commandEntries],
  ["data.Show", dataEntries],
  ["echo.Echo", echoEntries],
  ["file.Installed", fileEntries],
  ["git.UpToDate", gitEntries],
]);

/**
 * A step with the names and parameters of RedPepper's operations in the words of ours. Other steps stay as they are.
 *
 * @throws {StateError} for what cannot be said here
 */
export function ownStep(
  item: StepItem,
  operations: ReadonlyMap<string, unknown>,
): StepItem {
  const type = entryOf(item.body, "type");
  if (type?.value.kind !== "scalar") return item;
  const { text } = type.value;
  const name = ALIASES.get(text) ?? text;
  const isOther = !operations.has(text) && operations.has(name);
  const isOwnShow = text === "data.Show" && !isOther;
  const rewrite = isOwnShow ? undefined : REWRITES.get(text);
  if (rewrite === undefined && !isOther) return item;
  const entries = item.body.entries.filter((entry) => entry !== type);
  const own = isOther ? { ...type.value, text: name, value: name } : type.value;
  return {
    ...item,
    // The value that data.Show names is an expression, also where a dollar sign means nothing.
    isLiteral: item.isLiteral && text !== "data.Show",
    body: {
      ...item.body,
      entries: [
        { ...type, value: own },
        ...rewrite === undefined ? entries : rewrite(entries),
      ],
    },
  };
}

/**
 * Advice for an operation that is not here.
 *
 * @returns undefined for a name that RedPepper does not have either
 */
export function adviceOn(operation: string): string | undefined {
  const [module = ""] = operation.split(".");
  return ADVICE.get(module);
}

const ADVICE: ReadonlyMap<string, string> = new Map([
  [
    "apt",
    'it is not there yet; write command.Run, as "command: apt-get install -y NAME" with "unless: dpkg -s NAME"',
  ],
  [
    "package",
    'it is not there yet; write command.Run, as "command: apt-get install -y NAME" with "unless: dpkg -s NAME"',
  ],
  [
    "py",
    'Python of a state is not run; write command.Run, as "command: python3 SCRIPT" with a script from files/',
  ],
  [
    "request",
    "the Manager runs no code for an agent; put the answer into data/ and write ${NAME}, or write command.Run",
  ],
  [
    "service",
    'it is not there yet; write command.Run, as "command: systemctl start NAME" with "unless: systemctl is-active NAME"',
  ],
  [
    "systemd",
    'it is not there yet; write command.Run, as "command: systemctl start NAME" with "unless: systemctl is-active NAME"',
  ],
]);

/** Programs: `shell` is a switch there, output is always taken, and everything is waited for. */
function commandEntries(entries: readonly TreeEntry[]): TreeEntry[] {
  const shell = find(entries, "shell");
  const line = find(entries, "command") ?? find(entries, "commands");
  if (find(entries, "wait") !== undefined) refuseUnwaited(entries);
  const kept = entries.filter(({ key }) => !OUTPUT_KEYS.has(key));
  if (shell === undefined || line === undefined || !isSwitch(shell.value)) {
    return kept;
  }
  const others = kept.filter((entry) => entry !== shell);
  if (readSwitch(shell.value, "shell")) return others;
  if (line.key === "commands") {
    throw new StateError(
      shell.keyPlace,
      'Cannot use "shell: false" in command.RunMultiple: write a command.Run with "argv" for each of them',
    );
  }
  return others.map((entry) =>
    entry === line ? { ...entry, key: "argv" } : entry
  );
}

const OUTPUT_KEYS: ReadonlySet<string> = new Set([
  "wait",
  "capture_stdout",
  "capture_stderr",
  "encoding",
]);

/** @throws {StateError} for a program that is not waited for */
function refuseUnwaited(entries: readonly TreeEntry[]): void {
  const wait = find(entries, "wait");
  if (wait === undefined || readSwitch(wait.value, "wait")) return;
  throw new StateError(
    wait.keyPlace,
    'Cannot use "wait: false": a step ends when its program has; write a unit for what goes on running, or "command: setsid LINE >/dev/null 2>&1 &"',
  );
}

function isSwitch(tree: Tree): boolean {
  return tree.kind === "scalar" &&
    /^(?:true|false|yes|no|on|off)$/i.test(tree.text);
}

/** `message` is `text` here. */
function echoEntries(entries: readonly TreeEntry[]): TreeEntry[] {
  const reverse = find(entries, "reverse");
  if (reverse !== undefined && readSwitch(reverse.value, "reverse")) {
    throw new StateError(
      reverse.keyPlace,
      'Cannot use "reverse: true": write the text as it should be said',
    );
  }
  return entries.flatMap((entry) =>
    entry === reverse
      ? []
      : [entry.key === "message" ? { ...entry, key: "text" } : entry]
  );
}

/** Value that data.Show tells: the Manager knows it, so it is said as a text. */
function dataEntries(entries: readonly TreeEntry[]): TreeEntry[] {
  return entries.map((entry) => {
    if (entry.key !== "name") return entry;
    const scalar = scalarOf(entry.value, "name", "the name of a value in data");
    const parts = scalar.text.split(".").map((part) => JSON.stringify(part));
    const text = `\${data[${parts.join("][")}] | json}`;
    return { ...entry, key: "text", value: { ...scalar, text, value: text } };
  });
}

/** Entries of a step for a file, with the `source` of `method: content` as its content. */
function fileEntries(entries: readonly TreeEntry[]): readonly TreeEntry[] {
  const method = find(entries, "method")?.value;
  if (method?.kind !== "scalar" || method.text !== "content") return entries;
  return entries.map((entry) =>
    entry.key === "source" ? { ...entry, key: "content" } : entry
  );
}

/** `force_pull` said how branches are fetched: here they always are, and a commit is chosen. */
function gitEntries(entries: readonly TreeEntry[]): TreeEntry[] {
  return entries.filter(({ key }) => key !== "force_pull");
}

function find(
  entries: readonly TreeEntry[],
  key: string,
): TreeEntry | undefined {
  return entries.find((entry) => entry.key === key && !isEmpty(entry.value));
}
