import { decodeBase64Url, encodeBase64Url } from "@std/encoding/base64url";
import * as v from "valibot";
import { formatAddress, parseAddress } from "./address.ts";
import { encodeLine, type LineKind, parseLine } from "./checked_line.ts";
import { NAME_PATTERN } from "./limits.ts";
import { SECRET_PATTERN } from "./secret.ts";
import { readBy } from "./settings.ts";

/** Everything that a new agent needs to find its Manager, to recognize it, and to be let in once. The token is a secret. */
export interface JoinToken {
  /** Name that the agent joins under; undefined if the host chooses it. */
  readonly name?: string | undefined;
  /** Addresses to dial, "host:port", tried in order. */
  readonly addresses: readonly string[];
  /** Name that the Manager's certificate must have, whatever address was dialled. */
  readonly serverName: string;
  /** The certificate of the only authority to trust, DER. */
  readonly caCertificate: Uint8Array<ArrayBuffer>;
  /** Key of the Manager, 32 bytes of Ed25519; undefined in a token for one name. */
  readonly managerKey?: Uint8Array<ArrayBuffer> | undefined;
  /** Secret that is sent to the Manager as `join_token`: 256 bits in base64url. */
  readonly secret: string;
}

const Bytes = v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]+$/));

const MANAGER = {
  addresses: v.pipe(
    v.array(readBy((text) => formatAddress(parseAddress(text)))),
    v.minLength(1),
  ),
  serverName: v.pipe(v.string(), v.minLength(1)),
  ca: Bytes,
  secret: v.pipe(v.string(), v.regex(SECRET_PATTERN)),
};

/** Token for one name. */
const NAMED = {
  noun: "the join token",
  prefix: "piri",
  version: 1,
  payload: v.object({
    ...MANAGER,
    name: v.pipe(v.string(), v.regex(NAME_PATTERN)),
  }),
} satisfies LineKind<unknown>;

/** Token whose hosts choose their names, with the Manager's key. */
const OPEN = {
  ...NAMED,
  version: 2,
  payload: v.object({ ...MANAGER, managerKey: Bytes }),
} satisfies LineKind<unknown>;

/** The token as one line: `piri1-` for one name, `piri2-` with the Manager's key. */
export function encodeJoinToken(token: JoinToken): string {
  const { name, addresses, serverName, caCertificate, secret, managerKey } =
    token;
  const ca = encodeBase64Url(caCertificate);
  const manager = { addresses, serverName, ca, secret };
  return managerKey === undefined
    ? encodeLine(NAMED, { name, ...manager })
    : encodeLine(OPEN, {
      ...manager,
      managerKey: encodeBase64Url(managerKey),
    });
}

function isOpen(line: string): boolean {
  return line.trimStart().startsWith(`${OPEN.prefix}${OPEN.version}-`);
}

/**
 * Reads what `piri-manager agent add` or `token create` printed. Messages never repeat the token.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function parseJoinToken(line: string): JoinToken {
  if (isOpen(line)) {
    const { ca, managerKey, ...rest } = parseLine(OPEN, line);
    return {
      ...rest,
      caCertificate: decodeBase64Url(ca),
      managerKey: decodeBase64Url(managerKey),
    };
  }
  const { ca, ...rest } = parseLine(NAMED, line);
  return { ...rest, caCertificate: decodeBase64Url(ca) };
}
