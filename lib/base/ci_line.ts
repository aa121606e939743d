import { decodeBase64Url, encodeBase64Url } from "@std/encoding/base64url";
import * as v from "valibot";
import { formatAddress, parseAddress } from "./address.ts";
import { encodeLine, type LineKind, parseLine } from "./checked_line.ts";
import { readBy } from "./settings.ts";

/** Everything that a job of a CI needs to find a Manager, to recognize it, and to sign in by a token of the CI. It has no secret in it. */
export interface CiLine {
  /** Address of the control port, "host:port". The Manager's certificate has the host. */
  readonly address: string;
  /** The certificate of the only authority to trust, DER. */
  readonly caCertificate: Uint8Array<ArrayBuffer>;
  /** Name of the operator. */
  readonly operator: string;
  /** Audience that the token of the CI must have. */
  readonly audience: string;
}

const KIND = {
  noun: "the line for CI jobs",
  prefix: "piri-ci",
  version: 1,
  payload: v.object({
    address: readBy((text) => formatAddress(parseAddress(text))),
    ca: v.pipe(v.string(), v.regex(/^[A-Za-z0-9_-]+$/)),
    operator: v.pipe(v.string(), v.minLength(1)),
    audience: v.pipe(v.string(), v.minLength(1)),
  }),
} satisfies LineKind<unknown>;

/** The line after `piri-manager login --ci`. */
export function encodeCiLine(line: CiLine): string {
  const { address, operator, audience, caCertificate } = line;
  const ca = encodeBase64Url(caCertificate);
  return encodeLine(KIND, { address, ca, operator, audience });
}

/** True for a text that means to be such a line. */
export function looksLikeCiLine(text: string): boolean {
  return /^\s*piri-ci[0-9]+-/.test(text);
}

/**
 * Reads what `piri-manager operator add --from` printed.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function parseCiLine(line: string): CiLine {
  const { ca, ...rest } = parseLine(KIND, line);
  return { ...rest, caCertificate: decodeBase64Url(ca) };
}
