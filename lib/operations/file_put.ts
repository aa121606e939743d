import { concat } from "@std/bytes/concat";
import { dirname, join, resolve } from "@std/path";
import * as v from "valibot";
import { SHA256_PATTERN } from "../base/blob.ts";
import { systemClock } from "../base/clock.ts";
import { PiriError } from "../base/errors.ts";
import { fileError } from "../files/file_errors.ts";
import { isFileName } from "../files/names.ts";
import {
  MAX_TREE_BYTES,
  parseTree,
  partsOf,
  type TreeEntry,
} from "../files/tree.ts";
import { type TreeSummary, TreeWriter } from "../files/tree_writer.ts";
import { blobPieces } from "./blob_reader.ts";
import { attributesOf, flag } from "./file_params.ts";
import type { Guard } from "./guard.ts";
import { anyHostPath, openPlace, requireAbsolute } from "./host_place.ts";
import type {
  Operation,
  OperationContext,
  OperationEvent,
  Outcome,
} from "./operation.ts";
import { placeToWrite } from "./place_to_write.ts";
import { writeFiles } from "./write_files.ts";

const OCTAL = /^[0-7]{3,4}$/;

const parameters = v.strictObject({
  tree: v.pipe(
    v.string(),
    v.regex(SHA256_PATTERN, "Expected a SHA-256 in 64 hex digits"),
    v.description("List of the files, a blob of the Manager by its SHA-256"),
  ),
  path: v.pipe(
    anyHostPath,
    v.description(
      'Where to put it; with "/" at its end, the folder to put it into',
    ),
  ),
  mode: v.optional(v.pipe(
    v.string(),
    v.regex(OCTAL, "Expected an octal number as 0644"),
    v.description("Mode of all files; their own by default"),
  )),
  user: v.optional(v.pipe(
    v.string(),
    v.description("Owner of everything; needs an agent that is root"),
  )),
  group: v.optional(v.pipe(v.string(), v.description("Group of everything"))),
  parents: v.optional(
    flag("Whether missing folders above are made; false by default"),
  ),
  delete: v.optional(
    flag("Whether what the list does not have is deleted from its folders"),
  ),
  backup: v.optional(
    flag("Whether what is replaced or deleted stays as NAME~"),
  ),
});

type Params = v.InferOutput<typeof parameters>;

/** Makes files and folders on the host equal to a list: what `piri-manager put` sends. */
export const filePut: Operation<typeof parameters> = {
  name: "file.Put",
  description:
    "Puts files and folders on the host; piri-manager put sends them",
  parameters,
  acts: true,
  paths: ({ path }) => [{ use: "write", path }],
  blobs: ({ tree }) => [{ sha256: tree, isTree: true }],
  async *run(params, context) {
    const { path } = params;
    const { guard } = context;
    requireAbsolute(path, "write");
    guard.require("write", path);
    const entries = await askTree(params.tree, context);
    const wanted = await attributesOf(
      params.mode === undefined
        ? { user: params.user, group: params.group }
        : { ...params, mode: parseInt(params.mode, 8) },
    );
    if (params.parents) await makeParents(path, guard);
    using place = openPlace(path, "write", guard);
    requireFit(entries, place.name, path);
    requireAllowed(entries, place.real, {
      guard,
      deletes: (params.delete ?? false) || (params.backup ?? false),
    });
    const writer = new TreeWriter(place.folder, entries, {
      rootName: place.name === "." ? undefined : place.name,
      fileMode: wanted.mode,
      modeMask: guard.modeMask,
      uid: wanted.uid,
      gid: wanted.gid,
      backup: params.backup ?? false,
      delete: params.delete ?? false,
      hasNewParents: params.parents ?? false,
      signal: context.signal,
    });
    const needed = await writer.plan();
    yield* writeFiles(writer, needed, {
      signal: context.signal,
      clock: systemClock,
      contentOf: ({ sha256, size }, from) =>
        size === from
          ? nothing()
          : blobPieces(sha256, { ...context, from, isPassedOn: true }),
    });
    await writer.finish();
    return yield* report(params, writer.summary);
  },
};

/** Reads the list. */
async function askTree(
  sha256: string,
  context: OperationContext,
): Promise<TreeEntry[]> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of blobPieces(sha256, context)) {
    pieces.push(piece);
    size += piece.length;
    if (size <= MAX_TREE_BYTES) continue;
    throw new PiriError(
      "INVALID_ARGUMENT",
      `Cannot read the list of files: it is over the limit of ${MAX_TREE_BYTES} bytes`,
    );
  }
  return parseTree(new TextDecoder().decode(concat(pieces)));
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

/** Makes the folders above a path, or the folder that it names by "/" at its end. */
async function makeParents(path: string, guard: Guard): Promise<void> {
  const isFolder = /[\\/]$/.test(path);
  try {
    const within = isFolder ? join(path, "x") : path;
    using place = placeToWrite(within, { guard, parents: true });
    await place.keep();
  } catch (error) {
    throw fileError("write", isFolder ? path : dirname(path), error);
  }
}

/** Refuses a list with a root for a folder to put things into, and one without for a path of its own. */
function requireFit(
  [first]: readonly TreeEntry[],
  name: string,
  path: string,
): void {
  const hasRoot = first?.name === "";
  const fits = name === "." ? !hasRoot : hasRoot && isFileName(name);
  if (fits) return;
  throw new PiriError(
    "INVALID_ARGUMENT",
    `Cannot write "${path}": the list of files ${
      hasRoot ? "is that of one file or folder" : "belongs into a folder"
    }, and the path is none for it`,
  );
}

/** Refuses a list with a place that the command may not write. */
function requireAllowed(
  entries: readonly TreeEntry[],
  real: string,
  { guard, deletes }: { guard: Guard; deletes: boolean },
): void {
  if (guard.isFree) return;
  if (deletes) guard.requireAllBelow(real);
  for (const entry of entries) {
    const place = [real, ...partsOf(entry)].join("/");
    guard.require("write", place);
    // Another program could follow the link.
    if (entry.kind === "link") {
      guard.require("read", resolve(dirname(place), entry.target));
    }
  }
}

async function* report(
  { path }: Params,
  summary: TreeSummary,
): AsyncGenerator<OperationEvent, Outcome> {
  const { files, bytes, unchanged, folders, links, attributes, deleted } =
    summary;
  const changes = files + folders + links + attributes + deleted;
  const parts = [
    counted(files, `file (${bytes} bytes)`, `files (${bytes} bytes)`),
    counted(folders, "folder", "folders"),
    counted(links, "link", "links"),
  ].filter((part) => part !== "");
  const message = changes === 0 ? `unchanged: ${path}` : [
    parts.length === 0
      ? `changed ${path}`
      : `wrote ${parts.join(", ")} to ${path}`,
    counted(unchanged, "file was there", "files were there"),
    counted(
      attributes,
      "mode, owner or time set",
      "modes, owners and times set",
    ),
    counted(deleted, "deleted", "deleted"),
  ].filter((part) => part !== "").join("; ");
  const line = new TextEncoder().encode(`${message}\n`);
  yield { kind: "output", stream: "stdout", bytes: line };
  return {
    success: true,
    changed: changes > 0,
    message,
    data: { path, ...summary },
  };
}

function counted(count: number, one: string, many: string): string {
  return count === 0 ? "" : `${count} ${count === 1 ? one : many}`;
}
