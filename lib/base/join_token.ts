import { decodeBase64Url, encodeBase64Url } from "@std/encoding/base64url";
import * as v from "valibot";
import { formatAddress, parseAddress } from "./address.ts";
import { encodeLine, type LineKind, parseLine } from "./checked_line.ts";
import { NAME_PATTERN } from "./limits.ts";
import { SECRET_PATTERN } from "./secret.ts";
import { readBy } from "./settings.ts";

/** Everything that a new agent needs to find its Manager, to recognize it, and to be let in once. The token is a secret. */
export interface JoinToken {
  /** Name that the agent joins under. */
  readonly name: string;
  /** Addresses to dial, "host:port", tried in order. */
  readonly addresses: readonly string[];
  /** Name that the Manager's certificate must have, whatever address was dialled. */
  readonly serverName: string;
  /** The certificate of the only authority to trust, DER. */
  readonly caCertificate: Uint8Array<ArrayBuffer>;
  /** Secret that is sent to the Manager as `join_token`: 256 bits in base64url. */
  readonly secret: string;
}

const KIND = {
  noun: "the join token",
  prefix: "piri",
  version: 1,
  payload: v.object({
    name: v.pipe(v.string(), v.regex(NAME_PATTERN)),
    addresses: v.pipe(
      v.array(readBy((text) => formatAddress(parseAddress(text)))),
      v.minLength(1),
    ),
    serverName: v.pipe(v.string(), v.minLength(1)),
    ca: v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]+$/)),
    secret: v.pipe(v.string(), v.regex(SECRET_PATTERN)),
  }),
} satisfies LineKind<unknown>;

/** The token as one line. */
export function encodeJoinToken(token: JoinToken): string {
  const { name, addresses, serverName, caCertificate, secret } = token;
  const ca = encodeBase64Url(caCertificate);
  return encodeLine(KIND, { name, addresses, serverName, ca, secret });
}

/**
 * Reads what `piri-manager agent add` printed. Messages never repeat the token.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function parseJoinToken(line: string): JoinToken {
  const { ca, ...rest } = parseLine(KIND, line);
  return { ...rest, caCertificate: decodeBase64Url(ca) };
}
