import * as v from "valibot";
import { type BlobName, SHA256_PATTERN } from "../../base/blob.ts";
import type { Counters } from "../../base/counters.ts";
import { PiriError } from "../../base/errors.ts";
import { Limits } from "../../base/limits.ts";
import type { NewCommand } from "../../store/records.ts";
import type { Blobs } from "./blobs.ts";
import type { DataService } from "../data/data_service.ts";

const Params = v.object({
  sha256: v.pipe(v.string(), v.regex(SHA256_PATTERN)),
  offset: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  length: v.pipe(v.number(), v.safeInteger(), v.minValue(1)),
});

/** Means of the requests for blobs. */
export interface BlobRequestsOptions {
  readonly blobs: Pick<Blobs, "members" | "namesOf" | "read">;
  readonly counters: Counters;
  /** Open commands of an agent. */
  readonly commandsOf: (agent: string) => readonly { made: NewCommand }[];
  /** Hashes that a command leads to by something that is recorded, as a plan; none if absent. */
  readonly moreOf?: (command: NewCommand) => Promise<readonly string[]>;
}

/** Adds requests for pieces of blobs to a data service. An agent gets those that its open commands lead to. */
export function withBlobs(
  service: DataService,
  options: BlobRequestsOptions,
): DataService {
  const grants = new Grants(options);
  return {
    answer: async (owner, type, params, limits = {}) => {
      if (type !== "blob") {
        return await service.answer(owner, type, params, limits);
      }
      const { sha256, offset, length } = blobParams(params);
      await grants.require(owner.id, sha256);
      const { maxBytes = Limits.chunk } = limits;
      const bytes = await options.blobs.read(sha256, {
        offset,
        length: Math.min(length, Limits.chunk, maxBytes),
      });
      options.counters.add("blob_bytes_sent", bytes.length);
      return bytes;
    },
  };
}

/** Rights of agents to blobs. */
class Grants {
  readonly #options: BlobRequestsOptions;
  /** Names in the parameters of open commands: a large blob is asked for in thousands of pieces. */
  readonly #names = new WeakMap<NewCommand, readonly BlobName[]>();

  readonly #more = new WeakMap<NewCommand, Promise<readonly string[]>>();

  constructor(options: BlobRequestsOptions) {
    this.#options = options;
  }

  /** @throws {PiriError} DENIED unless an open command of the agent names the blob, or a tree that has it */
  async require(agent: string, sha256: string): Promise<void> {
    const commands = this.#options.commandsOf(agent);
    const names = commands.flatMap(({ made }) => this.#namesOf(made));
    if (names.some((name) => name.sha256 === sha256)) return;
    for (const { sha256: tree, isTree } of names) {
      if (!isTree) continue;
      if ((await this.#options.blobs.members(tree)).has(sha256)) return;
    }
    for (const { made } of commands) {
      if ((await this.#moreOf(made)).includes(sha256)) return;
    }
    throw new PiriError(
      "DENIED",
      `Cannot answer the request: no open command of agent "${agent}" names the blob ${sha256}`,
    );
  }

  #moreOf(command: NewCommand): Promise<readonly string[]> {
    const known = this.#more.get(command);
    if (known !== undefined) return known;
    const more = this.#options.moreOf?.(command) ?? Promise.resolve([]);
    this.#more.set(command, more);
    more.catch(() => this.#more.delete(command));
    return more;
  }

  #namesOf(command: NewCommand): readonly BlobName[] {
    const known = this.#names.get(command);
    if (known !== undefined) return known;
    const { operation, params } = command;
    const names = this.#options.blobs.namesOf(operation, params);
    this.#names.set(command, names);
    return names;
  }
}

function blobParams(text: string): v.InferOutput<typeof Params> {
  const result = v.safeParse(
    v.pipe(v.string(), v.parseJson(), Params),
    text,
  );
  if (result.success) return result.output;
  throw new PiriError(
    "INVALID_ARGUMENT",
    `Cannot answer the request: "${
      v.getDotPath(result.issues[0]) ?? "data"
    }" is missing or wrong`,
  );
}
