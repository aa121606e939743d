import { createHash } from "node:crypto";
import { basename, dirname, join } from "@std/path";
import { PiriError } from "../../base/errors.ts";
import { bytesOf, contentOfBytes } from "../file_content.ts";
import { fingerprintOf } from "../fingerprint.ts";
import type {
  FileContent,
  HostReader,
  HostWriter,
  Thing,
  WebRequest,
} from "../host/host.ts";
import { shownUrl } from "../host/web.ts";
import { NO_FORECAST } from "../no_forecast.ts";
import { type Check, type Forecast, stepOperation } from "../step_operation.ts";
import { Unforeseen } from "../unforeseen.ts";
import { WrongValue } from "../wrong_value.ts";
import { changeFile, checkFile, findFile } from "./new_content.ts";
import { ATTRIBUTES, PARENTS, wantedAttributes } from "./paths.ts";
import { requireSha256, requireUrl } from "./web_values.ts";

/** Longest note of a tag, in bytes. */
const MAX_NOTE_BYTES = 65_536;

/** Parameters of a request. */
export const WEB = {
  headers: {
    type: "map",
    secret: true,
    description: "Headers of the request; a redirect elsewhere gets none",
  },
} as const;

/** Puts a file of a server on the host. */
export const fileDownloaded = stepOperation({
  name: "file.Downloaded",
  description: "Makes a file be as one of a server",
  subject: "path",
  parameters: {
    path: { type: "path", required: true, description: "Path of the file" },
    url: {
      type: "text",
      required: true,
      description: "Its place, with https:// or http://",
    },
    sha256: {
      type: "text",
      description: "SHA-256 in hex digits that it must have",
    },
    unpinned: {
      type: "switch",
      description:
        "True to take what the server has, and to download it again once its ETag is another",
      standard: "false",
    },
    ...WEB,
    ...ATTRIBUTES,
    ...PARENTS,
  },
  touches: ({ path, unpinned = false }) =>
    unpinned ? [path, notePath(path)] : [path],
  things: (params) => [thingOf(params)],
  validate({ url, sha256, unpinned = false }) {
    requireUrl(url);
    if (sha256 !== undefined) requireSha256(sha256);
    if (unpinned === (sha256 === undefined)) return;
    throw new WrongValue(
      ["sha256"],
      unpinned
        ? '"unpinned" is true, which takes what the server has; leave one of both out'
        : "it is missing; unpinned: true takes what the server has",
    );
  },
  check,
  async change(params, checked, writer) {
    const { path } = params;
    const attributes = await wantedAttributes(params, writer, NO_FORECAST);
    const isNew = checked.changes.some(({ what }) => what === "content");
    if (!isNew) {
      await changeFile({ ...params, attributes, content: undefined }, writer);
      return;
    }
    const answer = await writer.download(requestOf(params));
    const sum = new Sum(answer, params);
    await changeFile(
      { ...params, attributes, content: sum, showsText: false },
      writer,
    );
    if (params.unpinned !== true) return;
    const note: Note = {
      url: shownUrl(params.url),
      etag: answer.etag ?? "",
      sha256: sum.found,
    };
    await changeFile({
      path: notePath(path),
      attributes: {},
      content: contentOfBytes(new TextEncoder().encode(JSON.stringify(note))),
    }, writer);
  },
});

interface Params {
  readonly path: string;
  readonly url: string;
  readonly sha256?: string;
  readonly unpinned?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
  readonly user?: string;
  readonly group?: string;
  readonly mode?: number;
  readonly parents?: boolean;
}

/** Note beside a file without a fixed content. */
interface Note {
  readonly url: string;
  readonly etag: string;
  readonly sha256: string;
}

async function check(
  params: Params,
  reader: HostReader,
  forecast: Forecast,
): Promise<Check> {
  const { path, url, unpinned = false } = params;
  const wanted = hashOf(params);
  const found = await findFile(path, reader);
  const now = found.content?.sha256;
  const note = unpinned ? await readNote(path, reader) : undefined;
  const etag = unpinned ? await tagOf(params, reader) : undefined;
  const thing = thingOf(params);
  const isForeseen = etag !== undefined &&
    reader.foreseen(thing)?.facts?.["etag"] === etag;
  const isRight = isForeseen ||
    (unpinned
      ? now !== undefined && note?.sha256 === now &&
        note.url === shownUrl(url) &&
        note.etag === etag
      : now === wanted);
  const attributes = await wantedAttributes(params, reader, forecast);
  const base = await checkFile(
    {
      ...params,
      attributes,
      content: isRight ? undefined : notYet(wanted ?? `of ${url} ${etag}`),
      showsText: false,
    },
    found,
    { reader, forecast },
  );
  const changes = base.changes.map((change) =>
    change.what === "content"
      ? {
        what: "content",
        from: now === undefined ? "(absent)" : `SHA-256 ${now.slice(0, 12)}`,
        to: wanted === undefined
          ? `from ${shownUrl(url)}`
          : `SHA-256 ${wanted.slice(0, 12)}`,
      }
      : change
  );
  const willBe = etag === undefined || base.verdict !== "change" ? [] : [{
    kind: "thing" as const,
    thing,
    facts: { etag },
  }];
  return {
    ...base,
    changes,
    effects: [...base.effects ?? [], ...willBe],
    fingerprint: fingerprintOf([base.fingerprint, note?.etag, etag]),
  };
}

/** Name by which a later look in the same plan knows the tag that is to be there. */
function thingOf({ path }: Params): Thing {
  return { kind: "setting", name: `download of ${path}` };
}

/** Content that is not here yet. */
function notYet(sha256: string): FileContent {
  return {
    sha256,
    size: 0,
    // deno-lint-ignore require-yield
    async *pieces() {
      throw new Unforeseen("its content is downloaded by an earlier step");
    },
  };
}

/** Hash that a download must have; undefined for one that takes what comes. */
export function hashOf(
  { sha256 }: { readonly sha256?: string },
): string | undefined {
  return sha256?.toLowerCase();
}

async function tagOf(params: Params, reader: HostReader): Promise<string> {
  const { status, etag } = await reader.askServer(requestOf(params));
  if (status === 200 && etag !== undefined) return etag;
  throw new PiriError(
    "FAILED_PRECONDITION",
    status === 200
      ? `Cannot tell whether "${
        shownUrl(params.url)
      }" has changed: the server gives no ETag; write "sha256"`
      : `Cannot download "${
        shownUrl(params.url)
      }": the server answers ${status}`,
  );
}

/** Request of a step. */
export function requestOf(
  { url, headers }: Pick<Params, "url" | "headers">,
): WebRequest {
  return { url, ...headers === undefined ? {} : { headers } };
}

/** Path of the note beside a file. */
function notePath(path: string): string {
  return join(dirname(path), `.${basename(path)}.piri-etag`);
}

async function readNote(
  path: string,
  reader: HostReader,
): Promise<Note | undefined> {
  const place = notePath(path);
  if (reader.facts(place)?.kind !== "file") return undefined;
  const content = await reader.content(place);
  const bytes = await bytesOf(content, MAX_NOTE_BYTES, `"${place}"`);
  try {
    const note: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return isNote(note) ? note : undefined;
  } catch {
    return undefined;
  }
}

function isNote(value: unknown): value is Note {
  return typeof value === "object" && value !== null &&
    ["url", "etag", "sha256"].every((key) =>
      typeof Reflect.get(value, key) === "string"
    );
}

/** Content of an answer, which is refused at its end if its hash is not the wanted one. */
export class Sum implements FileContent {
  readonly sha256: string;
  readonly size: number;
  readonly #pieces: () => AsyncIterable<Uint8Array>;
  readonly #wanted: string | undefined;
  readonly #url: string;
  #found = "";

  constructor(
    { size = 0, pieces }: Awaited<ReturnType<HostWriter["download"]>>,
    params: Pick<Params, "url" | "sha256" | "unpinned">,
  ) {
    this.#wanted = hashOf(params);
    this.#url = params.url;
    this.#pieces = pieces;
    this.size = size;
    this.sha256 = this.#wanted ?? "unknown";
  }

  /** Hash of what has come, once all of it was read. */
  get found(): string {
    return this.#found;
  }

  async *pieces(): AsyncGenerator<Uint8Array> {
    const hash = createHash("sha256");
    for await (const piece of this.#pieces()) {
      hash.update(piece);
      yield piece;
    }
    this.#found = hash.digest("hex");
    if (this.#wanted === undefined || this.#found === this.#wanted) return;
    throw new PiriError(
      "FAILED_PRECONDITION",
      `Cannot take "${
        shownUrl(this.#url)
      }": its SHA-256 is ${this.#found}, and must be ${this.#wanted}`,
    );
  }
}
