import { dirname, join } from "@std/path";
import { PiriError } from "../../base/errors.ts";
import { bytesOf, contentOf, contentOfBytes } from "../file_content.ts";
import { fingerprintOf } from "../fingerprint.ts";
import type { HostReader, HostWriter } from "../host/host.ts";
import { findManager } from "../providers/packages/find_manager.ts";
import { waitForLock } from "../providers/packages/lock_wait.ts";
import type {
  PackageManager,
  RepositoryFiles,
} from "../providers/packages/package_manager.ts";
import type { BlobValue } from "../sheet.ts";
import {
  type Check,
  type Effect,
  type Forecast,
  stepOperation,
} from "../step_operation.ts";
import { quoted, WrongValue } from "../wrong_value.ts";
import {
  changeFile,
  checkFile,
  findFile,
  type WantedFile,
} from "./new_content.ts";
import { listsEffects, runOne } from "./packages.ts";

const MAX_KEY_BYTES = 1_048_576;
const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/;
const WORD = /^[^\s\p{C}]+$/u;

/** Sets a repository of packages up. */
export const packageRepository = stepOperation({
  name: "package.Repository",
  description:
    "Sets up a repository of packages in a file of its own, and reads its lists",
  subject: "name",
  parameters: {
    name: {
      type: "text",
      required: true,
      description: "Name of the file, and of the repository",
    },
    url: { type: "text", required: true, description: "URL of the repository" },
    suites: { type: "texts", description: "Its suites (apt), as bookworm" },
    components: {
      type: "texts",
      description: "Its components (apt), as main",
    },
    key: {
      type: "content",
      description: "Key that signs it: its text, or a file of the host's state",
    },
    key_source: {
      type: "file",
      description: "Instead of key: a file of the Manager's data with it",
    },
    enabled: {
      type: "switch",
      description: "False to keep it and not use it",
      standard: "true",
    },
    absent: {
      type: "switch",
      description: "True to remove it, and its key",
      standard: "false",
    },
  },
  validate,
  async check(params, reader, forecast) {
    const manager = await findManager(reader);
    const files = filesOf(manager);
    if (params.absent === true) return checkAbsent(params, { files, reader });
    const { wanted } = await wantedBy(params, { files, reader });
    return await checkFiles(wanted, {
      reader,
      forecast,
      isUsed: params.enabled,
    });
  },
  async change(params, _, writer) {
    const manager = await findManager(writer);
    const files = filesOf(manager);
    if (params.absent === true) {
      for (const path of pathsOf(params.name, files)) {
        if (writer.facts(path) !== undefined) await writer.remove(path);
      }
      return;
    }
    const { wanted, text } = await wantedBy(params, { files, reader: writer });
    const [list, ...keys] = wanted;
    for (const key of keys) await changeFile(key, writer);
    if (list === undefined) return;
    if (params.enabled === false) return void await changeFile(list, writer);
    await waitForLock(manager, writer);
    if (files.readsInPlace === true) {
      await readInPlace(list, { params, files, writer });
    } else {
      await readLists(list.path, { params, files, text, writer });
      await changeFile(list, writer);
    }
  },
});

interface Params {
  readonly name: string;
  readonly url: string;
  readonly suites?: readonly string[];
  readonly components?: readonly string[];
  readonly key?: string | BlobValue;
  readonly "key_source"?: string | BlobValue;
  readonly enabled?: boolean;
  readonly absent?: boolean;
}

function filesOf({ name, repositories }: PackageManager): RepositoryFiles {
  if (repositories !== undefined) return repositories;
  throw new PiriError(
    "UNSUPPORTED",
    `Cannot set up a repository on this host: that is not there yet for ${name}; write its files by file.Installed`,
  );
}

/** Paths of all files of a repository. */
function pathsOf(name: string, files: RepositoryFiles): string[] {
  return [
    files.pathOf(name),
    files.keyPathOf(name, true),
    files.keyPathOf(name, false),
  ];
}

/** Files of a repository: its list, and its key if it has one. */
async function wantedBy(
  params: Params,
  { files, reader }: { files: RepositoryFiles; reader: HostReader },
): Promise<{ wanted: readonly WantedFile[]; text: string }> {
  const { name, url, suites = [], components = [], enabled = true } = params;
  const { key, key_source: keySource } = params;
  const given = key ?? keySource;
  const keys: WantedFile[] = [];
  if (given !== undefined) {
    const content = contentOf(given, reader);
    const bytes = await bytesOf(content, MAX_KEY_BYTES, "the key");
    const isArmored = new TextDecoder().decode(bytes.subarray(0, 512))
      .includes("-----BEGIN PGP");
    const path = files.keyPathOf(name, isArmored);
    keys.push(fileOf(path, bytes));
  }
  const text = files.textOf({
    name,
    url,
    suites,
    components,
    enabled,
    keyPath: keys[0]?.path,
  });
  const list = fileOf(files.pathOf(name), new TextEncoder().encode(text));
  return { wanted: [list, ...keys], text };
}

function fileOf(path: string, bytes: Uint8Array): WantedFile {
  return {
    path,
    content: contentOfBytes(bytes),
    attributes: { mode: 0o644 },
    parents: true,
  };
}

/** Refuses words that would break the file of a repository. One that is removed has only its name. */
function validate(
  {
    name,
    url,
    suites = [],
    components = [],
    key,
    key_source: keySource,
    absent,
  }: Params,
): void {
  if (!NAME.test(name)) {
    throw new WrongValue(
      ["name"],
      `${
        quoted(name)
      } has other characters than letters, digits, "-", "_" and "."`,
    );
  }
  if (absent === true) return;
  if (!WORD.test(url) || !/^[a-z][a-z0-9+.-]*:/.test(url)) {
    throw new WrongValue(
      ["url"],
      `${quoted(url)} is no URL; write it without blanks, as https://host/path`,
    );
  }
  for (const [parameter, words] of Object.entries({ suites, components })) {
    const wrong = words.findIndex((word) => !WORD.test(word));
    if (wrong < 0) continue;
    throw new WrongValue(
      [parameter, wrong],
      `${
        quoted(words[wrong] ?? "")
      } has blanks in it, or is empty; write several as a list`,
    );
  }
  if (key === undefined || keySource === undefined) return;
  throw new WrongValue(
    ["key_source"],
    '"key" is given as well, and only one of both can be; leave one out',
  );
}

async function checkFiles(
  wanted: readonly WantedFile[],
  { reader, forecast, isUsed = true }: {
    reader: HostReader;
    forecast: Forecast;
    isUsed: boolean | undefined;
  },
): Promise<Check> {
  const checks = await Promise.all(wanted.map(async (file) => {
    const found = await findFile(file.path, reader);
    return await checkFile(file, found, { reader, forecast });
  }));
  const fingerprint = fingerprintOf(checks.map((each) => each.fingerprint));
  const names = ["list", "key"];
  const changes = checks.flatMap((check, index) =>
    check.changes.map((change) => ({
      ...change,
      what: `${names[index]} ${change.what}`,
    }))
  );
  if (changes.length === 0) return { verdict: "ok", changes, fingerprint };
  return {
    verdict: "change",
    changes: [
      ...changes,
      ...isUsed ? [{ what: "lists of packages", to: "read anew" }] : [],
    ],
    fingerprint,
    effects: [
      ...checks.flatMap(({ effects = [] }) => effects),
      ...otherPackages({ areRead: isUsed }),
    ],
  };
}

function checkAbsent(
  { name }: Params,
  { files, reader }: { files: RepositoryFiles; reader: HostReader },
): Check {
  const there = pathsOf(name, files).filter((path) =>
    reader.facts(path) !== undefined
  );
  return {
    verdict: there.length === 0 ? "ok" : "change",
    changes: there.map((path) => ({
      what: path,
      from: "file",
      to: "(absent)",
    })),
    fingerprint: fingerprintOf(there),
    effects: [
      ...there.map((path): Effect => ({
        kind: "path",
        path,
        facts: undefined,
      })),
      ...otherPackages({ areRead: false }),
    ],
  };
}

/** Packages and versions are other ones then. */
function otherPackages(how: { areRead: boolean }): Effect[] {
  return [...listsEffects(how), { kind: "opaque" }];
}

/** Reads the lists of a repository before its file is in place, so that it is never there without them. */
async function readLists(
  path: string,
  { params: { name }, files, text, writer }: {
    params: Params;
    files: RepositoryFiles;
    text: string;
    writer: HostWriter;
  },
): Promise<void> {
  const trial = join(
    dirname(path),
    `.piri-${path.slice(dirname(path).length + 1)}`,
  );
  await changeFile(fileOf(trial, new TextEncoder().encode(text)), writer);
  try {
    await runOne(files.refresh(trial, name), writer);
  } finally {
    await writer.remove(trial);
  }
}

/** Puts the file of a repository in place and reads its lists. If that fails, the file is not left there. */
async function readInPlace(
  list: WantedFile,
  { params: { name }, files, writer }: {
    params: Params;
    files: RepositoryFiles;
    writer: HostWriter;
  },
): Promise<void> {
  await changeFile(list, writer);
  try {
    await runOne(files.refresh(list.path, name), writer);
  } catch (error) {
    await writer.remove(list.path);
    throw error;
  }
}
