import { createHash } from "node:crypto";
import { decodeBase64Url, encodeBase64Url } from "@std/encoding/base64url";
import * as v from "valibot";
import { formatAddress, parseAddress } from "./address.ts";
import { PiriError } from "./errors.ts";
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

const VERSION = 1;
const CHECKSUM_LENGTH = 8;

const Payload = v.object({
  name: v.pipe(v.string(), v.regex(NAME_PATTERN)),
  addresses: v.pipe(
    v.array(readBy((text) => formatAddress(parseAddress(text)))),
    v.minLength(1),
  ),
  serverName: v.pipe(v.string(), v.minLength(1)),
  ca: v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]+$/)),
  secret: v.pipe(v.string(), v.regex(SECRET_PATTERN)),
});

/** The token as one line: version, JSON in base64url, and a checksum that finds a bad copy before anything is dialled. */
export function encodeJoinToken(token: JoinToken): string {
  const payload: v.InferOutput<typeof Payload> = {
    name: token.name,
    addresses: [...token.addresses],
    serverName: token.serverName,
    ca: encodeBase64Url(token.caCertificate),
    secret: token.secret,
  };
  const text = `piri${VERSION}-${encodeBase64Url(JSON.stringify(payload))}`;
  return `${text}-${checksumOf(text)}`;
}

/**
 * Reads what `piri-manager agent add` printed. Line breaks and spaces that a terminal or a mail put in do no harm.
 * Messages never repeat the token.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function parseJoinToken(line: string): JoinToken {
  const token = line.replaceAll(/\s/g, "");
  const version = /^piri([0-9]+)-/.exec(token)?.[1];
  if (version === undefined) {
    throw refuse(`it does not begin with "piri${VERSION}-"`);
  }
  if (Number(version) !== VERSION) {
    throw refuse(
      `it is of version ${version}, and this build reads version ${VERSION}`,
    );
  }
  const end = token.length - CHECKSUM_LENGTH - 1;
  const text = token.slice(0, end);
  if (token[end] !== "-" || checksumOf(text) !== token.slice(end + 1)) {
    throw refuse("its checksum is wrong, so it was cut short or mistyped");
  }
  return read(text.slice(text.indexOf("-") + 1));
}

function read(encoded: string): JoinToken {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(decodeBase64Url(encoded)));
  } catch {
    throw refuse("what it holds is not JSON");
  }
  const result = v.safeParse(Payload, json);
  if (!result.success) {
    const [issue] = result.issues;
    // Only addresses have a reason, which names the part that cannot be read. No other part is repeated.
    const reason = issue.type === "raw_transform" ? `: ${issue.message}` : "";
    throw refuse(`its ${v.getDotPath(issue) ?? "content"} is wrong${reason}`);
  }
  const { ca, ...rest } = result.output;
  return { ...rest, caCertificate: decodeBase64Url(ca) };
}

function checksumOf(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(
    0,
    CHECKSUM_LENGTH,
  );
}

function refuse(reason: string): PiriError {
  return new PiriError(
    "INVALID_ARGUMENT",
    `Cannot read the join token: ${reason}`,
  );
}
