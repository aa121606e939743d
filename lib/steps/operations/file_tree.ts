import { join } from "@std/path";
import { PiriError } from "../../base/errors.ts";
import { globMatches } from "../../base/glob.ts";
import { MAX_TREE_BYTES, parseTree, type TreeEntry } from "../../files/tree.ts";
import { bytesOf, contentOf } from "../file_content.ts";
import { fingerprintOf } from "../fingerprint.ts";
import { ForecastReader } from "../host/forecast_reader.ts";
import type { HostReader, HostWriter, PathAttributes } from "../host/host.ts";
import { NO_FORECAST } from "../no_forecast.ts";
import type { BlobValue } from "../sheet.ts";
import {
  type Change,
  type Check,
  type Effect,
  type Forecast,
  stepOperation,
} from "../step_operation.ts";
import { fileDir } from "./file_dir.ts";
import { fileSymlinked } from "./file_symlinked.ts";
import { changeFile, checkFile, findFile } from "./new_content.ts";
import { ATTRIBUTES, wantedAttributes } from "./paths.ts";
import { requireRemovable, unnamedIn } from "./trees.ts";

/** Makes a folder be as one of the Manager's. */
export const fileTree = stepOperation({
  name: "file.Tree",
  description:
    "Makes a folder have the files of a folder of the Manager's data",
  subject: "path",
  trees: ["source"],
  parameters: {
    path: { type: "path", required: true, description: "Path of the folder" },
    source: {
      type: "folder",
      required: true,
      description: "Folder of the Manager's data",
    },
    ...ATTRIBUTES,
    "dir_mode": { type: "mode", description: "Mode of folders, as 0755" },
    clean: {
      type: "switch",
      description: "True to remove what the Manager's folder does not have",
      standard: "false",
    },
    exclude: {
      type: "texts",
      description: "Names that are neither copied nor removed, with *",
    },
  },
  touches: ({ path }) => [path],
  check,
  async change(params, checked, writer) {
    const { path } = params;
    const attributes = await wantedAttributes(params, writer, NO_FORECAST);
    const entries = await entriesOf(params, writer);
    const folder = folderParams(params);
    const steps = [
      { kind: "folder", name: "" } as const,
      ...entries.filter(({ name }) => name !== ""),
    ];
    for (const entry of steps) {
      await changeEntry(entry, {
        path: join(path, entry.name),
        attributes,
        folder,
        writer,
      });
    }
    for (const effect of checked.effects ?? []) {
      if (effect.kind !== "path" || effect.facts !== undefined) continue;
      await writer.remove(effect.path);
    }
  },
});

interface Params {
  readonly path: string;
  readonly source: string | BlobValue;
  readonly user?: string;
  readonly group?: string;
  readonly mode?: number;
  readonly "dir_mode"?: number;
  readonly clean?: boolean;
  readonly exclude?: readonly string[];
}

type FolderParams = Pick<Params, "user" | "group" | "mode">;

async function check(
  params: Params,
  host: HostReader,
  forecast: Forecast,
): Promise<Check> {
  const { path, clean = false } = params;
  // What the step makes is there for what it makes after that.
  const reader = new ForecastReader(host);
  const attributes = await wantedAttributes(params, host, forecast);
  const entries = (await entriesOf(params, host))
    .filter(({ name }) => name !== "");
  const changes: Change[] = [];
  const effects: Effect[] = [];
  const observed: unknown[] = [];
  const take = (name: string, found: Check) => {
    observed.push([name, found.fingerprint]);
    changes.push(...found.changes.map((change) => ({
      ...change,
      what: name === "" ? change.what : `${change.what} of ${name}`,
    })));
    for (const effect of found.effects ?? []) {
      effects.push(effect);
      if (effect.kind === "path") reader.add(effect);
    }
  };
  const folder = folderParams(params);
  take("", await fileDir.check({ ...folder, path }, reader, forecast));
  for (const entry of entries) {
    const at = join(path, entry.name);
    switch (entry.kind) {
      case "folder":
        take(
          entry.name,
          await fileDir.check({ ...folder, path: at }, reader, forecast),
        );
        break;
      case "link": {
        const { target } = entry;
        const link = { path: at, target };
        take(entry.name, await fileSymlinked.check(link, reader, forecast));
        break;
      }
      case "file": {
        const found = await findFile(at, reader);
        const wanted = wantedFile(entry, { ...params, at, attributes, reader });
        take(entry.name, await checkFile(wanted, found, { reader, forecast }));
      }
    }
  }
  if (clean && host.facts(path)?.kind === "folder") {
    for (const each of strayIn(params, entries, { reader: host, forecast })) {
      requireRemovable(each, host);
      observed.push(each);
      changes.push({ what: `in it ${each}`, from: "there", to: "(absent)" });
      effects.push({ kind: "path", path: each, facts: undefined });
    }
  }
  const fingerprint = fingerprintOf(observed);
  if (changes.length === 0) return { verdict: "ok", changes, fingerprint };
  return { verdict: "change", changes, fingerprint, effects };
}

/** Paths in the folder that the Manager's does not have. */
function strayIn(
  { path, exclude = [] }: Params,
  entries: readonly TreeEntry[],
  { reader, forecast }: { reader: HostReader; forecast: Forecast },
): string[] {
  const names = new Map(
    entries.map(({ name, kind }) => [
      join(path, name),
      kind === "folder" ? "below" as const : "itself" as const,
    ]),
  );
  return unnamedIn(path, reader, (at) => {
    if (isExcluded(at.slice(path.length + 1), exclude)) return "itself";
    return names.get(at) ?? forecast.named(at);
  });
}

function isExcluded(name: string, exclude: readonly string[]): boolean {
  return name.split("/").some((part) =>
    exclude.some((pattern) => globMatches(pattern, part))
  );
}

async function changeEntry(
  entry: TreeEntry | { readonly kind: "folder"; readonly name: string },
  { path, attributes, folder, writer }: {
    path: string;
    attributes: PathAttributes;
    folder: FolderParams;
    writer: HostWriter;
  },
): Promise<void> {
  switch (entry.kind) {
    case "folder": {
      const params = { ...folder, path };
      const found = await fileDir.check(params, writer, NO_FORECAST);
      if (found.verdict === "ok") return;
      await fileDir.change(params, found, writer);
      return;
    }
    case "link":
      if (writer.facts(path)?.target === entry.target) return;
      await writer.makeLink(path, entry.target);
      return;
    case "file":
      await changeFile(
        wantedFile(entry, { at: path, attributes, reader: writer }),
        writer,
      );
  }
}

function wantedFile(
  { sha256, size }: { readonly sha256: string; readonly size: number },
  { at, attributes, reader, user, group }: {
    at: string;
    attributes: PathAttributes;
    reader: HostReader;
    user?: string;
    group?: string;
  },
) {
  return {
    path: at,
    attributes,
    content: reader.blob({ sha256, size }),
    showsText: false,
    ...user === undefined ? {} : { user },
    ...group === undefined ? {} : { group },
  } as const;
}

function folderParams(
  { user, group, dir_mode: mode }: Params,
): FolderParams {
  return {
    ...user === undefined ? {} : { user },
    ...group === undefined ? {} : { group },
    ...mode === undefined ? {} : { mode },
  };
}

/** Entries of the Manager's folder, without those that are left out. */
async function entriesOf(
  { source, exclude = [] }: Params,
  reader: HostReader,
): Promise<TreeEntry[]> {
  const content = contentOf(source, reader);
  const bytes = await bytesOf(content, MAX_TREE_BYTES, "the list of files");
  const entries = parseTree(new TextDecoder().decode(bytes));
  if (entries.some(({ name, kind }) => name === "" && kind !== "folder")) {
    throw new PiriError(
      "INVALID_ARGUMENT",
      "Cannot make a folder of the list of files: it is that of one file",
    );
  }
  return entries.filter(({ name }) => !isExcluded(name, exclude));
}
