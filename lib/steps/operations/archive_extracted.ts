import { dirname, join } from "@std/path";
import { PiriError } from "../../base/errors.ts";
import { bytesOf, contentOf, contentOfBytes } from "../file_content.ts";
import { fingerprintOf } from "../fingerprint.ts";
import type {
  FileContent,
  HostReader,
  HostWriter,
  PathAttributes,
  Thing,
} from "../host/host.ts";
import { shownUrl } from "../host/web.ts";
import { NO_FORECAST } from "../no_forecast.ts";
import type { BlobValue } from "../sheet.ts";
import {
  type Change,
  type Check,
  type Forecast,
  stepOperation,
} from "../step_operation.ts";
import { WrongValue } from "../wrong_value.ts";
import { archiveEntries } from "./archive_entries.ts";
import { fileDir } from "./file_dir.ts";
import { hashOf, requestOf, Sum, WEB } from "./file_downloaded.ts";
import { FOLDER_MODE, newAttributes, wantedAttributes } from "./paths.ts";
import { makeParents } from "./new_content.ts";
import type { OpenEntry } from "./tar_reader.ts";
import { requireHash, requireSha256, requireUrl } from "./web_values.ts";

/** Longest list of the files of an archive, in bytes. */
const MAX_LIST_BYTES = 64 * 1_048_576;

/** Number of differing files that are named. */
const MAX_NAMED = 5;

/** Extracts an archive. */
export const archiveExtracted = stepOperation({
  name: "archive.Extracted",
  description:
    "Makes a folder have the files of an archive, tar, tar.gz or zip",
  subject: "path",
  oneOf: [["source", "url"]],
  parameters: {
    path: { type: "path", required: true, description: "Path of the folder" },
    source: { type: "file", description: "Archive of the Manager's data" },
    url: { type: "text", description: "Its place, with https:// or http://" },
    sha256: {
      type: "text",
      description: "SHA-256 of the archive in hex digits; a URL needs it",
    },
    strip: {
      type: "integer",
      description: "Number of leading folders to leave out",
      standard: "0",
    },
    user: { type: "text", description: "Owner, a name or number" },
    group: { type: "text", description: "Group, a name or number" },
    verify: {
      type: "switch",
      description: "True to compare the contents of all files each time",
      standard: "false",
    },
    ...WEB,
  },
  touches: ({ path }) => [path],
  things: (params) => [thingOf(params)],
  validate({ source, url, sha256 }) {
    if (source !== undefined) requireHash(source, sha256);
    if (url === undefined) return;
    requireUrl(url);
    if (sha256 !== undefined) return requireSha256(sha256);
    throw new WrongValue(["sha256"], "it is missing, and a URL needs it");
  },
  check,
  change: (params, _, writer) => extract(params, writer),
});

interface Params {
  readonly path: string;
  readonly source?: string | BlobValue;
  readonly url?: string;
  readonly sha256?: string;
  readonly strip?: number;
  readonly user?: string;
  readonly group?: string;
  readonly verify?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
}

/** File of an archive, as it was extracted. */
interface Extracted {
  readonly name: string;
  readonly kind: "file" | "folder" | "link";
  readonly mode: number;
  readonly size: number;
  readonly sha256?: string;
  readonly target?: string;
}

async function check(
  params: Params,
  reader: HostReader,
  forecast: Forecast,
): Promise<Check> {
  const { path, strip = 0 } = params;
  const wanted = archiveHash(params, reader);
  const thing = thingOf(params);
  if (reader.foreseen(thing)?.facts?.["sha256"] === wanted) {
    const fingerprint = fingerprintOf(["foreseen", wanted]);
    return { verdict: "ok", changes: [], fingerprint };
  }
  const folder = await fileDir.check({ path }, reader, forecast);
  const attributes = await wantedAttributes(params, reader, forecast);
  const list = await readList(params, wanted, reader);
  const wrong = list === undefined
    ? undefined
    : await differing(list, { params, attributes, reader });
  const changes: Change[] = list === undefined
    ? [{
      what: "archive",
      to: `${shownSource(params)}, SHA-256 ${wanted.slice(0, 12)}`,
    }]
    : (wrong ?? []).slice(0, MAX_NAMED).map((name) => ({
      what: `in it ${name}`,
      to: "as in the archive",
    }));
  const more = (wrong?.length ?? 0) - MAX_NAMED;
  if (more > 0) {
    changes.push({ what: `${more} more files`, to: "as in the archive" });
  }
  const fingerprint = fingerprintOf([
    folder.fingerprint,
    wanted,
    strip,
    list === undefined,
    wrong,
  ]);
  if (changes.length === 0) return { verdict: "ok", changes, fingerprint };
  return {
    verdict: "change",
    changes: [...folder.changes, ...changes],
    fingerprint,
    effects: [
      ...folder.effects ?? [],
      { kind: "thing", thing, facts: { sha256: wanted } },
      { kind: "opaque" },
    ],
  };
}

/** Name by which a later look in the same plan knows what is to be there. */
function thingOf({ path, strip = 0 }: Params): Thing {
  return { kind: "setting", name: `archive in ${path}, ${strip}` };
}

function shownSource({ url }: Params): string {
  return url === undefined ? "of the Manager" : shownUrl(url);
}

function archiveHash(params: Params, reader: HostReader): string {
  const { source } = params;
  return source === undefined
    ? hashOf(params) ?? ""
    : contentOf(source, reader).sha256;
}

/** Path of the list of an archive's files, in the folder that it was extracted to. */
function listPath({ path, strip = 0 }: Params, sha256: string): string {
  return join(path, `.piri-archive-${sha256.slice(0, 16)}-${strip}.json`);
}

async function readList(
  params: Params,
  sha256: string,
  reader: HostReader,
): Promise<readonly Extracted[] | undefined> {
  const place = listPath(params, sha256);
  if (reader.facts(params.path)?.kind !== "folder") return undefined;
  if (reader.facts(place)?.kind !== "file") return undefined;
  const content = await reader.content(place);
  const bytes = await bytesOf(content, MAX_LIST_BYTES, `"${place}"`);
  try {
    const list: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return Array.isArray(list) ? list : undefined;
  } catch {
    return undefined;
  }
}

/** Names of the files that are not as the archive has them. */
async function differing(
  list: readonly Extracted[],
  { params: { path, verify = false }, attributes, reader }: {
    params: Params;
    attributes: PathAttributes;
    reader: HostReader;
  },
): Promise<string[]> {
  const wrong: string[] = [];
  for (const entry of list) {
    const at = join(path, entry.name);
    const facts = reader.facts(at);
    const isRight = facts !== undefined && facts.kind === entry.kind &&
      (attributes.uid === undefined || facts.uid === attributes.uid) &&
      (attributes.gid === undefined || facts.gid === attributes.gid) &&
      (entry.kind === "link"
        ? facts.target === entry.target
        : facts.mode === entry.mode) &&
      (entry.kind !== "file" || facts.size === entry.size) &&
      (!verify || entry.kind !== "file" ||
        (await reader.content(at)).sha256 === entry.sha256);
    if (!isRight) wrong.push(entry.name);
  }
  return wrong;
}

async function extract(params: Params, writer: HostWriter): Promise<void> {
  const { path, strip = 0 } = params;
  const sha256 = archiveHash(params, writer);
  const attributes = await wantedAttributes(params, writer, NO_FORECAST);
  const destination = new Destination(path, attributes, writer);
  await destination.makeFolder("", FOLDER_MODE);
  const spool = join(path, `.piri-archive-${sha256.slice(0, 16)}.part`);
  const archive = await archiveOf(params, { spool, writer });
  try {
    // All of it is judged before anything is written.
    for await (const _ of archiveEntries(archive, strip));
    const list: Extracted[] = [];
    for await (const entry of archiveEntries(archive, strip)) {
      list.push(await destination.put(entry));
    }
    const text = JSON.stringify(lastOfEach(list));
    await destination.write(
      listPath(params, sha256),
      contentOfBytes(new TextEncoder().encode(text)),
      0o644,
    );
  } finally {
    if (writer.facts(spool) !== undefined) await writer.remove(spool);
  }
}

/** Archive in a form that can be read twice: a download is kept beside its files until they are there. */
async function archiveOf(
  params: Params,
  { spool, writer }: { spool: string; writer: HostWriter },
): Promise<FileContent> {
  const { source, url } = params;
  if (source !== undefined) return contentOf(source, writer);
  const request = { ...params, url: url ?? "" };
  const answer = await writer.download(requestOf(request));
  await writer.writeFile(spool, new Sum(answer, request), {
    attributes: newAttributes({}, writer, { folder: undefined, mode: 0o600 }),
  });
  return await writer.content(spool);
}

/** An archive may have a file twice: then the last one counts. */
function lastOfEach(list: readonly Extracted[]): readonly Extracted[] {
  return [...new Map(list.map((entry) => [entry.name, entry])).values()];
}

/** Folder that an archive is extracted to. */
class Destination {
  readonly #path: string;
  readonly #attributes: PathAttributes;
  readonly #writer: HostWriter;

  constructor(
    path: string,
    attributes: PathAttributes,
    writer: HostWriter,
  ) {
    this.#path = path;
    this.#attributes = attributes;
    this.#writer = writer;
  }

  async put(entry: OpenEntry): Promise<Extracted> {
    const { name, kind, mode, size, target } = entry;
    await this.#makeFoldersAbove(name);
    const at = join(this.#path, name);
    switch (kind) {
      case "folder":
        await this.makeFolder(name, mode);
        return { name, kind, mode, size: 0 };
      case "link":
        await this.#clear(at);
        await this.#writer.makeLink(at, target ?? "");
        return { name, kind, mode, size: 0, target: target ?? "" };
      case "copy": {
        const from = join(this.#path, target ?? "");
        const content = await this.#writer.content(from);
        const facts = this.#writer.facts(from);
        await this.write(at, content, facts?.mode ?? mode);
        return {
          name,
          kind: "file",
          mode: facts?.mode ?? mode,
          size: content.size,
          sha256: content.sha256,
        };
      }
      default: {
        const pieces = () => entry.pieces();
        await this.write(at, { sha256: "", size, pieces }, mode);
        const { sha256 } = await this.#writer.content(at);
        return { name, kind, mode, size, sha256 };
      }
    }
  }

  /** Makes a folder below the destination, or gives one its mode. */
  async makeFolder(name: string, mode: number): Promise<void> {
    const at = join(this.#path, name);
    const facts = this.#writer.facts(at);
    if (facts === undefined) {
      const folder = name === ""
        ? await makeParents(at, this.#writer)
        : undefined;
      await this.#writer.makeFolder(
        at,
        newAttributes({ ...this.#attributes, mode }, this.#writer, {
          folder,
          mode,
        }),
      );
      return;
    }
    if (name === "") return;
    if (facts.kind !== "folder") throw inTheWay(at);
    await this.#writer.setAttributes(at, { ...this.#attributes, mode });
  }

  async write(at: string, content: FileContent, mode: number): Promise<void> {
    await this.#clear(at);
    await this.#writer.writeFile(at, content, {
      attributes: newAttributes({ ...this.#attributes, mode }, this.#writer, {
        folder: this.#writer.facts(dirname(at)),
        mode,
      }),
    });
  }

  /** Folders above an entry. A link among them could lead out of the destination. */
  async #makeFoldersAbove(name: string): Promise<void> {
    const parts = name.split("/").slice(0, -1);
    for (const index of parts.keys()) {
      const above = parts.slice(0, index + 1).join("/");
      const facts = this.#writer.facts(join(this.#path, above));
      if (facts === undefined) await this.makeFolder(above, FOLDER_MODE);
      else if (facts.kind !== "folder") {
        throw inTheWay(join(this.#path, above));
      }
    }
  }

  /** @throws {PiriError} FAILED_PRECONDITION for a folder where no folder belongs */
  async #clear(at: string): Promise<void> {
    const facts = this.#writer.facts(at);
    if (facts?.kind === "folder" || facts?.kind === "other") throw inTheWay(at);
    if (facts?.kind === "link") await this.#writer.remove(at);
  }
}

function inTheWay(path: string): PiriError {
  return new PiriError(
    "FAILED_PRECONDITION",
    `Cannot extract the archive: something of another kind is at "${path}"; move it away first`,
  );
}
