import { decodeBase64Url, encodeBase64Url } from "@std/encoding/base64url";
import * as v from "valibot";
import { formatAddress, parseAddress } from "./address.ts";
import { encodeLine, type LineKind, parseLine } from "./checked_line.ts";
import { PiriError } from "./errors.ts";
import { SECRET_PATTERN } from "./secret.ts";
import { readBy } from "./settings.ts";

/** Everything that a command line on another machine needs to find a Manager, to recognize it, and to sign in once. The line is a secret. */
export interface LoginLine {
  /** Address of the control port, "host:port". The Manager's certificate has the host. */
  readonly address: string;
  /** The certificate of the only authority to trust, DER. */
  readonly caCertificate: Uint8Array<ArrayBuffer>;
  /** Name of the operator. */
  readonly operator: string;
  /** Code that is traded for a token: 256 bits in base64url. */
  readonly code: string;
}

const KIND = {
  noun: "the login line",
  prefix: "piri-login",
  version: 1,
  payload: v.object({
    address: readBy((text) => formatAddress(parseAddress(text))),
    ca: v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]+$/)),
    operator: v.pipe(v.string(), v.minLength(1)),
    code: v.pipe(v.string(), v.regex(SECRET_PATTERN)),
  }),
} satisfies LineKind<unknown>;

/** The line after `piri-manager login`. */
export function encodeLoginLine(login: LoginLine): string {
  const { address, operator, code, caCertificate } = login;
  const ca = encodeBase64Url(caCertificate);
  return encodeLine(KIND, { address, ca, operator, code });
}

/**
 * Reads what `piri-manager operator add` printed. Messages never repeat the line.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function parseLoginLine(line: string): LoginLine {
  const { ca, ...rest } = parseLine(KIND, line);
  return { ...rest, caCertificate: decodeBase64Url(ca) };
}

/** Error for a login that fails, whatever the reason: a stranger learns nothing by it. */
export function badLogin(): PiriError {
  return new PiriError(
    "AUTH_FAILED",
    "Cannot log in: the code is not known, or too many logins from this address failed within the last minutes",
  );
}
