import { decodeBase64Url, encodeBase64Url } from "@std/encoding/base64url";
import * as v from "valibot";
import {
  type Address,
  formatAddress,
  parseAddress,
} from "../../base/address.ts";
import { PiriError } from "../../base/errors.ts";
import { NAME_PATTERN } from "../../base/limits.ts";
import {
  type PackedKind,
  packText,
  unpackText,
} from "../../base/packed_text.ts";
import { decodePem, type Identity, type PemLabel } from "../../base/pem.ts";
import { sha256 } from "../../base/sha256.ts";
import { readBy } from "../../base/settings.ts";
import type { StoredAgent, StoredIdentity } from "../../store/identity.ts";
import { parseAdvertised } from "./config.ts";

/** All that makes a Manager the same one on another machine, without its history. It is a secret. */
export interface ExportedState {
  /** The authority's certificate and key, PEM. */
  readonly ca: Identity;
  /** The server's certificate and key, PEM. */
  readonly server: Identity;
  /** Key by which the Manager proves itself, PEM; undefined in a text of a version that knew none. */
  readonly managerKeyPem?: string | undefined;
  readonly listen: Address;
  readonly advertise: Address;
  readonly identity: StoredIdentity;
}

const KIND: PackedKind = {
  name: "the state text",
  prefix: "piristate",
  version: 1,
  mostBytes: 64 * 1_048_576,
};

const Count = v.pipe(v.number(), v.integer());
const Id = v.pipe(
  v.string(),
  v.regex(/^[0-9]{1,20}$/),
  v.transform((digits) => BigInt(digits)),
);
const Name = v.pipe(v.string(), v.regex(NAME_PATTERN));
const Facts = v.record(v.string(), v.string());
const Hash = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z0-9_-]{43}$/),
  v.transform((text) => decodeBase64Url(text)),
);
const Pair = v.object({
  certPem: pemOf("CERTIFICATE"),
  keyPem: pemOf("PRIVATE KEY"),
});

/** The content. Agents are columns and not rows, because alike values next to each other pack best. */
const Content = v.object({
  ca: Pair,
  server: Pair,
  managerKeyPem: v.optional(pemOf("PRIVATE KEY")),
  listen: readBy((text) => parseAddress(text, { lowestPort: 0 })),
  advertise: readBy(parseAdvertised),
  managerId: v.pipe(v.string(), v.nonEmpty()),
  createdAt: Count,
  lastCommandId: Id,
  agents: v.object({
    id: v.array(Name),
    groups: v.array(v.array(Name)),
    cidrs: v.array(v.array(v.string())),
    addedAt: v.array(Count),
    session: v.array(Id),
    lastCommandId: v.array(Id),
    lastSentId: v.array(Id),
    facts: v.array(Facts),
    setFacts: v.array(Facts),
    retired: v.array(v.boolean()),
    instance: v.array(v.nullable(v.string())),
    secretHash: v.array(v.nullable(Hash)),
    // A text of a version that knew no keys has none.
    publicKey: v.optional(v.array(v.nullable(Hash))),
    // A text of a version that did not rotate keys has none.
    nextKey: v.optional(v.array(v.nullable(Hash))),
    trust: v.optional(v.array(v.nullable(v.array(v.string())))),
    revokedAt: v.optional(v.array(v.nullable(Count))),
  }),
  tombstones: v.array(
    v.object({ agent: Name, secretHash: Hash, removedAt: Count }),
  ),
  // A text of a version that knew none has none.
  aliases: v.optional(v.array(v.object({ name: Name, agent: Name })), []),
  revokedKeys: v.optional(
    v.array(v.object({ hash: Hash, agent: Name, revokedAt: Count })),
    [],
  ),
});

/** The state as one word of text. */
export function encodeState(state: ExportedState): string {
  const {
    identity: { agents, tombstones, aliases, revokedKeys, ...identity },
    ...rest
  } = state;
  const content: v.InferInput<typeof Content> = {
    ...rest,
    listen: formatAddress(rest.listen),
    advertise: formatAddress(rest.advertise),
    ...identity,
    lastCommandId: String(identity.lastCommandId),
    agents: {
      id: agents.map(({ id }) => id),
      groups: agents.map(({ groups }) => [...groups]),
      cidrs: agents.map(({ cidrs }) => [...cidrs]),
      addedAt: agents.map(({ addedAt }) => addedAt),
      session: agents.map(({ session }) => String(session)),
      lastCommandId: agents.map(({ lastCommandId }) => String(lastCommandId)),
      lastSentId: agents.map(({ lastSentId }) => String(lastSentId)),
      facts: agents.map(({ facts }) => facts),
      setFacts: agents.map(({ setFacts }) => setFacts),
      retired: agents.map(({ retired }) => retired),
      revokedAt: agents.map(({ revokedAt }) => revokedAt),
      instance: agents.map(({ instance }) => instance),
      // An agent with a key is not admitted by its secret, so the text needs one of both only.
      secretHash: agents.map(({ secretHash, publicKey }) =>
        secretHash === null || publicKey !== null
          ? null
          : encodeBase64Url(secretHash)
      ),
      publicKey: agents.map(({ publicKey }) =>
        publicKey === null ? null : encodeBase64Url(publicKey)
      ),
      nextKey: agents.map(({ nextKey }) =>
        nextKey === null ? null : encodeBase64Url(nextKey)
      ),
      trust: agents.map(({ trust }) => trust === null ? null : [...trust]),
    },
    aliases: [...aliases],
    revokedKeys: revokedKeys.map(({ hash, ...rest }) => ({
      ...rest,
      hash: encodeBase64Url(hash),
    })),
    tombstones: tombstones.map(({ secretHash, ...rest }) => ({
      ...rest,
      secretHash: encodeBase64Url(secretHash),
    })),
  };
  return packText(KIND, new TextEncoder().encode(JSON.stringify(content)));
}

/**
 * Reads what `encodeState` wrote. Messages never repeat any of it.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function decodeState(text: string): ExportedState {
  const content = parse(unpackText(KIND, text));
  const { ca, server, managerKeyPem, listen, advertise, agents, ...identity } =
    content;
  return {
    ca,
    server,
    managerKeyPem,
    listen,
    advertise,
    identity: { ...identity, agents: rowsOf(agents) },
  };
}

function parse(bytes: Uint8Array): v.InferOutput<typeof Content> {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw refuse("what it holds is not JSON");
  }
  const result = v.safeParse(Content, json);
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw refuse(`its ${v.getDotPath(issue) ?? "content"} is wrong`);
}

function rowsOf(
  { publicKey, nextKey, trust, revokedAt, ...known }: v.InferOutput<
    typeof Content
  >["agents"],
): StoredAgent[] {
  const { length } = known.id;
  const none = known.id.map(() => null);
  const keys = publicKey ?? none;
  const columns = {
    ...known,
    publicKey: keys,
    nextKey: nextKey ?? none,
    trust: trust ?? none,
    revokedAt: revokedAt ?? none,
    // Of an agent with a key: it has joined, and no secret has this hash.
    secretHash: known.secretHash.map((hash, row) => {
      const key = keys[row];
      return key ? sha256(key) : hash;
    }),
  };
  if (Object.values(columns).some((column) => column.length !== length)) {
    throw refuse("its agents are incomplete");
  }
  const names = Object.keys(columns) as (keyof typeof columns)[];
  // Each column has the type of its field, so a row has that of an agent.
  return columns.id.map((_, row) =>
    Object.fromEntries(
      names.map((name) => [name, columns[name][row]]),
    ) as unknown as StoredAgent
  );
}

function pemOf(label: PemLabel) {
  return v.pipe(
    v.string(),
    v.check((pem) => {
      try {
        decodePem(label, pem);
        return true;
      } catch {
        return false;
      }
    }),
  );
}

function refuse(reason: string): PiriError {
  return new PiriError(
    "INVALID_ARGUMENT",
    `Cannot read ${KIND.name}: ${reason}`,
  );
}
