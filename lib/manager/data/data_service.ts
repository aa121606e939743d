import { encodeHex } from "@std/encoding/hex";
import * as v from "valibot";
import { PiriError } from "../../base/errors.ts";
import { Limits } from "../../base/limits.ts";
import { octalMode } from "../../base/posix_rights.ts";
import { FileLibrary } from "./file_library.ts";
import { type DataOwner, Layers, lookUp } from "./layers.ts";
import {
  isNamed,
  NAMED_REQUESTS,
  type NamedContext,
} from "./named_requests.ts";
import { readModule } from "./operation_module.ts";

/** Answers the DataRequests of agents. An agent gets its own data and the files of its own groups only. */
export interface DataService {
  /**
   * Answers one request. Text is sent as `string` of a DataResponse, bytes as `bytes`.
   *
   * @param params JSON, or the plain name where a type takes one name: legacy agents send it so.
   * @param options.named True if the agent may use the requests of the second legacy protocol, too.
   * @throws {PiriError} NOT_FOUND, INVALID_ARGUMENT, UNSUPPORTED (no such type), CORRUPT, DISK; its message is the answer
   */
  answer(
    owner: DataOwner,
    type: string,
    params: string,
    options?: { maxBytes?: number; named?: boolean },
  ): Promise<string | Uint8Array>;
  /** Files with settings for one agent alone, by its name, as people know them. */
  settingsOf?(agent: string): Promise<readonly string[]>;
}

/** Folders of the data and files. */
export interface DataServiceOptions {
  /** Folder with all.yaml, agents/ and groups/. */
  readonly data: string;
  /** Folder with all/ and groups/. */
  readonly files: string;
}

interface Request {
  readonly owner: DataOwner;
  readonly params: string;
  /** Most bytes of the answer. */
  readonly maxBytes: number;
}

type Answer = (request: Request) => Promise<string | Uint8Array>;

/** Bytes of an answer besides its text or bytes, at most. */
const ANSWER_OVERHEAD = 1_024;

const ContentParams = v.object({
  filename: v.string(),
  offset: v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(0)), 0),
  length: v.optional(
    v.pipe(v.number(), v.safeInteger(), v.minValue(1)),
    Limits.chunk,
  ),
});

/** Makes the data service of a state folder. Files are read when they are asked for, and never kept in memory. */
export function createDataService(
  folders: DataServiceOptions,
): DataService {
  const layers = new Layers(folders.data);
  const files = new FileLibrary(folders.files);
  const types = new Map<string, Answer>([
    ["data", (request) => answerData(layers, request)],
    ["state", (request) => answerState(layers, request)],
    ["file_stat", async ({ owner, params }) => {
      const name = nameIn(params, "filename");
      const { size, mtimeMs, sha256, mode } = await files.hash(owner, name);
      return JSON.stringify({
        size,
        mtime: mtimeMs / 1_000,
        sha256: encodeHex(sha256),
        ...(mode === undefined ? {} : { mode: octalMode(mode) }),
      });
    }],
    ["file_mtime", async ({ owner, params }) => {
      const { mtimeMs } = await files.facts(owner, nameIn(params, "filename"));
      return (mtimeMs / 1_000).toFixed(3);
    }],
    ["file_hash", async ({ owner, params }) => {
      return (await files.hash(owner, nameIn(params, "filename"))).sha256;
    }],
    ["file_content", async ({ owner, params, maxBytes }) => {
      const { filename, offset, length } = contentParams(params);
      const most = Math.min(length, Limits.chunk, maxBytes);
      return await files.read(owner, filename, { offset, length: most });
    }],
    ["operation_module", async ({ owner, params, maxBytes }) => {
      return await readModule(files, owner, { name: params, maxBytes });
    }],
  ]);
  return {
    answer: async (
      owner,
      type,
      params,
      { maxBytes = Limits.message - ANSWER_OVERHEAD, named = false } = {},
    ) => {
      const second = named && isNamed(type, params)
        ? NAMED_REQUESTS.get(type)
        : undefined;
      if (second !== undefined) {
        const first: NamedContext["first"] = (type, params) => {
          const request = { owner, params: JSON.stringify(params), maxBytes };
          return type === "data"
            ? answerData(layers, request)
            : answerState(layers, request);
        };
        return await second(params, { files, owner, maxBytes, first });
      }
      const answer = types.get(type);
      if (answer === undefined) {
        throw new PiriError(
          "UNSUPPORTED",
          `Cannot answer a request of the type ${
            JSON.stringify(type.slice(0, 100))
          }: this Manager has ${[...types.keys()].join(", ")}`,
        );
      }
      return await answer({ owner, params, maxBytes });
    },
    settingsOf: (agent) => layers.filesFor(agent),
  };
}

async function answerData(layers: Layers, request: Request): Promise<string> {
  const key = nameIn(request.params, "key");
  const value = lookUp(await layers.of(request.owner), key);
  return toJson(value, `data ${JSON.stringify(key.slice(0, 200))}`, request);
}

/** Answers with a state, which is a map under `states`. Legacy agents ask for it by its name. */
async function answerState(layers: Layers, request: Request): Promise<string> {
  const name = nameIn(request.params, "name");
  const states = lookUp(await layers.of(request.owner), "states");
  const known = typeof states === "object" && states !== null &&
    Object.hasOwn(states, name);
  const state = known
    ? (states as Readonly<Record<string, unknown>>)[name]
    : undefined;
  return toJson(state, `state ${JSON.stringify(name.slice(0, 200))}`, request);
}

function toJson(
  value: unknown,
  what: string,
  { owner, maxBytes }: Request,
): string {
  if (value === undefined) {
    throw new PiriError(
      "NOT_FOUND",
      `Cannot find the ${what}: the Manager has none for agent "${owner.id}"`,
    );
  }
  const json = JSON.stringify(value);
  const size = new TextEncoder().encode(json).length;
  if (size <= maxBytes) return json;
  throw new PiriError(
    "INVALID_ARGUMENT",
    `Cannot answer with the ${what}: its ${size} bytes are over the limit of ${maxBytes}; ask for a part of it`,
  );
}

/** The one name that a request takes: in a JSON object, as a JSON string, or as plain text. */
function nameIn(params: string, key: string): string {
  const value = tryJson(params);
  if (typeof value === "string") return value;
  if (typeof value !== "object" || value === null) return params;
  const name = Object.hasOwn(value, key)
    ? (value as Readonly<Record<string, unknown>>)[key]
    : undefined;
  if (typeof name === "string") return name;
  throw new PiriError(
    "INVALID_ARGUMENT",
    `Cannot answer the request: "${key}" is missing`,
  );
}

function contentParams(params: string): v.InferOutput<typeof ContentParams> {
  const result = v.safeParse(ContentParams, tryJson(params));
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw new PiriError(
    "INVALID_ARGUMENT",
    `Cannot answer the request: "${
      v.getDotPath(issue) ?? "data"
    }" is missing or wrong`,
  );
}

function tryJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
