import { PiriError } from "../../base/errors.ts";
import { bytesOf, contentOfBytes } from "../file_content.ts";
import { fingerprintOf } from "../fingerprint.ts";
import type { HostReader, HostWriter, Thing } from "../host/host.ts";
import { isBooted } from "../providers/services/find_manager.ts";
import {
  type Change,
  type Effect,
  type Forecast,
  stepOperation,
} from "../step_operation.ts";
import { Unforeseen } from "../unforeseen.ts";
import { quoted, WrongValue } from "../wrong_value.ts";
import { requireLinux } from "./linux_only.ts";
import { changeFile, checkFile, findFile } from "./new_content.ts";
import { kindText } from "./paths.ts";

const MARK = "# Managed by Piri: changes here are lost.\n";
const MAX_BYTES = 16 * 1_048_576;

/** Loads a module of the kernel, or keeps it out. */
export const kernelModule = stepOperation({
  name: "kernel.Module",
  description:
    "Makes a module of the kernel be loaded, now and at each start, or kept out",
  subject: "name",
  parameters: {
    name: { type: "text", required: true, description: "Name of the module" },
    params: {
      type: "map",
      description: "Its options, which count when it is loaded",
    },
    boot: {
      type: "switch",
      description: "False to load it now only",
      standard: "true",
    },
    blacklisted: {
      type: "switch",
      description: "True to keep it out: it is unloaded, and nothing loads it",
      standard: "false",
    },
    absent: {
      type: "switch",
      description:
        "True to unload it and forget it; what needs it may load it again",
      standard: "false",
    },
  },
  touches: ({ name }) => [loadFile(name), optionsFile(name)],
  things: ({ name }) => [thingOf(name)],
  validate,
  async check(params, reader, forecast) {
    requireLinux("load modules of the kernel", reader);
    const { name } = params;
    const { changesOptions, ...files } = await checkFiles(
      params,
      reader,
      forecast,
    );
    if (!isBooted(reader)) {
      return {
        ...files,
        verdict: files.changes.length === 0 ? "ok" : "change",
        reason: "nothing runs here, so only the files count",
      };
    }
    const isWanted = wantsLoaded(params);
    const now = await stateNow(name, reader);
    const changes = [...files.changes];
    const effects = [...files.effects];
    if (isWanted && now === "absent") {
      await requireKnown(name, reader, forecast);
      changes.push({ what: "module", from: "(absent)", to: "loaded" });
      // It may bring devices and parameters.
      effects.push({ kind: "opaque" });
    }
    if (!isWanted && now === "built in") {
      throw failed(name, "it is a part of this kernel, and always there");
    }
    if (!isWanted && now === "loaded") {
      requireUnused(name, reader);
      changes.push({ what: "module", from: "loaded", to: "(absent)" });
    }
    effects.push({
      kind: "thing",
      thing: thingOf(name),
      facts: isWanted ? { loaded: true } : undefined,
    });
    return {
      verdict: changes.length === 0 ? "ok" : "change",
      changes,
      fingerprint: fingerprintOf([files.fingerprint, now]),
      effects,
      ...now === "loaded" && isWanted && changesOptions
        ? { reason: "it is loaded, so that options count when it is next" }
        : {},
    };
  },
  async change(params, _, writer) {
    for (const [path, text] of filesOf(params)) {
      if (text !== undefined) {
        await changeFile(wantedFile(path, text), writer);
      } else if (writer.facts(path) !== undefined) await writer.remove(path);
    }
    if (!isBooted(writer)) return;
    const { name } = params;
    const isLoaded = await stateNow(name, writer) !== "absent";
    if (isLoaded === wantsLoaded(params)) return;
    await modprobe([...isLoaded ? ["-r"] : [], "--", name], name, writer);
  },
});

interface Params {
  readonly name: string;
  readonly params?: Readonly<Record<string, string>>;
  readonly boot?: boolean;
  readonly blacklisted?: boolean;
  readonly absent?: boolean;
}

function validate(
  { name, params = {}, boot, blacklisted = false, absent = false }: Params,
): void {
  if (!/^[A-Za-z0-9_][A-Za-z0-9_-]{0,62}$/.test(name)) {
    throw new WrongValue(
      ["name"],
      `${
        quoted(name)
      } is no name of a module: it can have letters, digits, _ and - only, 63 at most`,
    );
  }
  if (blacklisted && absent) {
    throw new WrongValue(
      ["absent"],
      '"blacklisted" is true as well, and both cannot be; leave one out',
    );
  }
  const more = boot !== undefined ? "boot" : "params";
  const hasMore = Object.keys(params).length > 0 || boot !== undefined;
  if ((blacklisted || absent) && hasMore) {
    throw new WrongValue(
      [more],
      "it is for a module that is loaded, and this one shall not be; leave it out",
    );
  }
  for (const [key, value] of Object.entries(params)) {
    // modprobe.d has no quotes for these signs.
    if (/^[A-Za-z0-9_.-]{1,64}$/.test(key) && /^[!-~]{0,512}$/.test(value)) {
      if (!/[#"'\\]/.test(value)) continue;
    }
    throw new WrongValue(
      ["params", key],
      `the option ${
        quoted(key)
      } must be of letters, digits and signs without blanks or quotes`,
    );
  }
}

function wantsLoaded({ blacklisted = false, absent = false }: Params): boolean {
  return !blacklisted && !absent;
}

function loadFile(name: string): string {
  return `/etc/modules-load.d/piri-${name}.conf`;
}

function optionsFile(name: string): string {
  return `/etc/modprobe.d/piri-${name}.conf`;
}

/** Files of a module with their texts; undefined for one that shall not be there. */
function filesOf(
  { name, params = {}, boot = true, blacklisted = false, absent = false }:
    Params,
): (readonly [string, string | undefined])[] {
  const options = Object.entries(params).toSorted()
    .map(([key, value]) => `${key}=${value}`);
  const rules = absent ? [] : blacklisted
    // The first one stops aliases only, the second one all that loads it by name.
    ? [`blacklist ${name}`, `install ${name} /bin/false`]
    : options.length === 0
    ? []
    : [`options ${name} ${options.join(" ")}`];
  const isLoaded = boot && !blacklisted && !absent;
  return [
    [loadFile(name), isLoaded ? `${MARK}${name}\n` : undefined],
    [
      optionsFile(name),
      rules.length === 0 ? undefined : `${MARK}${rules.join("\n")}\n`,
    ],
  ];
}

function wantedFile(path: string, text: string) {
  const content = contentOfBytes(new TextEncoder().encode(text));
  return { path, content, attributes: {}, parents: true };
}

async function checkFiles(
  params: Params,
  reader: HostReader,
  forecast: Forecast,
) {
  const changes: Change[] = [];
  const effects: Effect[] = [];
  const seen: string[] = [];
  let changesOptions = false;
  for (const [path, text] of filesOf(params)) {
    const before = changes.length;
    if (text === undefined) {
      const facts = reader.facts(path);
      seen.push(kindText(facts));
      if (facts !== undefined) {
        changes.push({ what: path, from: kindText(facts), to: "(absent)" });
        effects.push({ kind: "path", path, facts: undefined });
      }
    } else {
      const found = await findFile(path, reader);
      const file = await checkFile(wantedFile(path, text), found, {
        reader,
        forecast,
      });
      changes.push(
        ...file.changes.map((change) =>
          change.what === "content" ? { ...change, what: path } : change
        ),
      );
      effects.push(...file.effects ?? []);
      seen.push(file.fingerprint);
    }
    if (path === optionsFile(params.name)) {
      changesOptions = changes.length > before;
    }
  }
  return { changes, effects, fingerprint: fingerprintOf(seen), changesOptions };
}

/** State of a module as the kernel tells it, or as earlier steps will leave it. */
async function stateNow(
  name: string,
  reader: HostReader,
): Promise<"absent" | "loaded" | "built in"> {
  const own = kernelName(name);
  const foreseen = reader.foreseen(thingOf(name));
  if (foreseen !== undefined) {
    return foreseen.facts === undefined ? "absent" : "loaded";
  }
  const folder = `/sys/module/${own}`;
  // Only what was loaded has a state: a folder without one is that of a part of the kernel.
  if (reader.followed(`${folder}/initstate`) !== undefined) return "loaded";
  return reader.followed(folder) !== undefined ||
      (await builtIn(reader)).has(own)
    ? "built in"
    : "absent";
}

/** Names of modules that are parts of the kernel. */
async function builtIn(reader: HostReader): Promise<ReadonlySet<string>> {
  const table = { name: "modules.builtin", paths: ["/lib/modules"] };
  return await reader.shared(table, async () => {
    const release = (await textAt("/proc/sys/kernel/osrelease", reader)).trim();
    const text = await textAt(
      `/lib/modules/${release}/modules.builtin`,
      reader,
    );
    return new Set(
      text.split("\n").map((line) =>
        kernelName(line.replace(/^.*\//, "").replace(/\.ko(?:\..*)?$/, ""))
      ),
    );
  });
}

async function textAt(path: string, reader: HostReader): Promise<string> {
  if (reader.followed(path)?.kind !== "file") return "";
  const content = await reader.content(path);
  return new TextDecoder().decode(
    await bytesOf(content, MAX_BYTES, `"${path}"`),
  );
}

/** @throws {Unforeseen} for a module that an earlier step may bring */
async function requireKnown(
  name: string,
  reader: HostReader,
  { opaque }: Forecast,
): Promise<void> {
  const { code } = await reader.ask({ argv: ["modprobe", "-n", "-q", name] });
  if (code === 0) return;
  if (opaque !== undefined) {
    throw new Unforeseen(
      `this host has no module "${name}", and step "${opaque}" may bring it`,
    );
  }
  throw failed(name, "modprobe finds none of that name for this kernel");
}

function requireUnused(name: string, reader: HostReader): void {
  const path = `/sys/module/${kernelName(name)}/holders`;
  if (reader.followed(path)?.kind !== "folder") return;
  const holders = reader.names(path);
  if (holders.length === 0) return;
  throw failed(name, `the modules ${holders.join(", ")} use it`);
}

async function modprobe(
  words: readonly string[],
  name: string,
  writer: HostWriter,
): Promise<void> {
  const { code } = await writer.run({ argv: ["modprobe", ...words] });
  if (code === 0) return;
  throw failed(name, `modprobe ended with exit code ${code}`);
}

/** The kernel writes no hyphens in names of modules. */
function kernelName(name: string): string {
  return name.replaceAll("-", "_");
}

function thingOf(name: string): Thing {
  return { kind: "setting", name: `module ${kernelName(name)}` };
}

function failed(name: string, why: string): PiriError {
  return new PiriError(
    "FAILED_PRECONDITION",
    `Cannot change the module "${name}": ${why}`,
  );
}
