import * as v from "valibot";
import { createHash } from "node:crypto";
import { encodeHex } from "@std/encoding/hex";
import { PiriError } from "../base/errors.ts";
import {
  attributesOf,
  flag,
  hostPath,
  requireHostPath,
  sourceName,
} from "./file_params.ts";
import { report } from "./file_report.ts";
import { NewFile } from "./new_file.ts";
import { placeToWrite } from "./place_to_write.ts";
import type { DataSource, Operation, OperationContext } from "./operation.ts";
import {
  type Attributes,
  changesOf,
  hashOf,
  setAttributes,
  targetAt,
  type TargetFile,
} from "./target_file.ts";

/** Bytes of a file that a legacy frame carries. */
const PIECE_BYTES = 64_536;

const account = v.union([v.string(), v.pipe(v.number(), v.integer())]);

const parameters = v.strictObject({
  path: hostPath,
  source: sourceName,
  method: v.optional(v.pipe(
    v.picklist(["hash", "mtime", "stat", "content"]),
    v.description(
      "How to see that it is there already; hash by default. With content, the source is the text of the file itself",
    ),
  )),
  overwrite: v.optional(
    flag("Whether a file that is there may be replaced; true if absent"),
  ),
  user: v.optional(v.pipe(
    account,
    v.description("Its owner, a name or number; needs an agent that is root"),
  )),
  group: v.optional(v.pipe(
    account,
    v.description("Its group, a name or number"),
  )),
  mode: v.optional(v.pipe(
    v.union([
      v.pipe(v.string(), v.regex(/^(0o?)?[0-7]{3,4}$/)),
      v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0o7777)),
    ], "Expected an octal number as 0644"),
    v.description("Its mode: octal text, or a number"),
  )),
});

type Params = v.InferOutput<typeof parameters>;

/** Parameters with the path for calls of the system. */
type PlacedParams = Params & { readonly at: string };

/** Writes a file of the Manager's data to the host, whole or not at all. Uses the requests of legacy Managers. */
export const fileInstalled: Operation<typeof parameters> = {
  name: "file.Installed",
  description:
    "Puts a file from the Manager's data on the host, as Managers of 2024 ask for it; file.Fetch does it better",
  parameters,
  acts: true,
  paths: ({ path }) => [{ use: "write", path }],
  async *run(params, context) {
    const { path, mode, user, group } = params;
    requireHostPath(path);
    context.guard.require("write", path);
    const wanted = await attributesOf({ mode: modeOf(mode), user, group });
    using place = placeToWrite(path, { guard: context.guard, parents: false });
    const { at } = place;
    const target = await targetAt(path, at);
    const source = await contentToWrite({ ...params, at }, target, context);
    if (source === undefined) {
      const now = target?.attributes ?? {};
      const changes = await setAttributes({ path, at }, wanted, now);
      return yield* report({ path, changes, mode: wanted.mode });
    }
    const size = await write({ ...params, at }, source, {
      context,
      attributes: { ...target?.attributes, ...wanted },
    });
    const { attributes = wanted } = target ?? {};
    const changes = ["content" as const, ...changesOf(wanted, attributes)];
    return yield* report({ path, changes, size });
  },
};

/** Hash or time of the Manager's file, which the written file must match, or the text to write. */
interface Source {
  readonly sha256?: string;
  /** Seconds since 1970. */
  readonly mtime?: number;
  readonly text?: string;
}

const statSchema = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({ size: v.number(), mtime: v.number() }),
);

async function contentToWrite(
  { at, source, method = "hash", overwrite = true }: PlacedParams,
  target: TargetFile | undefined,
  { data, signal }: OperationContext,
): Promise<Source | undefined> {
  if (target !== undefined && !overwrite) return undefined;
  if (method === "content") {
    const sha256 = createHash("sha256").update(source).digest("hex");
    const same = target !== undefined && await hashOf(at, signal) === sha256;
    return same ? undefined : { text: source };
  }
  if (method === "hash") {
    const sha256 = encodeHex(await data.bytes("file_hash", source));
    const same = target !== undefined && await hashOf(at, signal) === sha256;
    return same ? undefined : { sha256 };
  }
  const { mtime, size } = method === "stat"
    ? await askStat(source, data)
    : { mtime: await askTime(source, data), size: undefined };
  // A file system may store times less exactly than the Manager gives them.
  const now = target === undefined ? undefined : (await Deno.stat(at)).mtime;
  const same = now !== undefined && now !== null &&
    Math.abs(now.getTime() - mtime * 1_000) < 1 &&
    (size === undefined || size === target?.size);
  return same ? undefined : { mtime };
}

async function askTime(source: string, data: DataSource): Promise<number> {
  const text = await data.text("file_mtime", source);
  const mtime = text.trim() === "" ? NaN : Number(text);
  if (Number.isFinite(mtime)) return mtime;
  throw new PiriError(
    "UNSUPPORTED",
    `Cannot install "${source}": the Manager tells no time of it`,
  );
}

async function askStat(
  source: string,
  data: DataSource,
): Promise<v.InferOutput<typeof statSchema>> {
  const text = await data.text("file_stat", { filename: source });
  const result = v.safeParse(statSchema, text);
  if (result.success) return result.output;
  throw new PiriError(
    "UNSUPPORTED",
    `Cannot install "${source}": the Manager does not tell its size and time`,
  );
}

/** Requests pieces until an empty one comes, because legacy Managers do not tell a file's size. */
async function write(
  { path, at, source }: PlacedParams,
  { sha256, mtime, text }: Source,
  { context: { data, signal }, attributes }: {
    context: OperationContext;
    attributes: Attributes;
  },
): Promise<number> {
  await using file = await NewFile.create(path, { attributes, at });
  const hash = createHash("sha256");
  let offset = 0;
  if (text !== undefined) {
    const bytes = new TextEncoder().encode(text);
    await file.write(bytes);
    await file.finish();
    return bytes.length;
  }
  for (;;) {
    const piece = await data.bytes("file_content", {
      filename: source,
      offset,
      length: PIECE_BYTES,
    });
    if (signal.aborted) {
      throw new PiriError(
        "CANCELLED",
        `Cannot install "${source}": the command was cancelled`,
      );
    }
    if (piece.length === 0) break;
    hash.update(piece);
    await file.write(piece);
    offset += piece.length;
  }
  if (sha256 !== undefined && hash.digest("hex") !== sha256) {
    throw new PiriError(
      "FAILED_PRECONDITION",
      `Cannot install "${source}": it was changed while it was fetched`,
    );
  }
  await file.finish();
  if (mtime !== undefined) await Deno.utime(at, mtime, mtime);
  return offset;
}

function modeOf(mode: Params["mode"]): number | undefined {
  return typeof mode === "string" ? parseInt(mode.replace(/^0o/, ""), 8) : mode;
}
