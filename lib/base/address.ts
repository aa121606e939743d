import { PiriError } from "./errors.ts";
import { parseIp } from "./ip.ts";

/** The port that agents dial unless told otherwise. */
export const DEFAULT_PORT = 7051;

/** Schemes that an address may begin with. All stand for TLS over TCP so far, as does none. */
const SCHEMES: readonly string[] = ["tls"];

/** Host and port that a program listens on or dials. */
export interface Address {
  /** A host name or an IP address, without brackets. */
  readonly host: string;
  /** Number of the port. */
  readonly port: number;
}

/** RFC 1123, and the underscore that some networks use all the same. */
const HOST_NAME =
  /^(?=.{1,253}\.?$)[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*\.?$/;

/** True for a valid host name. An IPv4 address with a mistake in it is none. */
export function isHostName(text: string): boolean {
  return HOST_NAME.test(text) && !/^[0-9.]+$/.test(text);
}

/**
 * Reads "host:port", "host" (with the default port), IPv6 addresses in brackets, and each of them after "tls://".
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function parseAddress(
  text: string,
  { defaultPort = DEFAULT_PORT, lowestPort = 1 }: {
    defaultPort?: number;
    /** 0 where "any free port" makes sense. */
    lowestPort?: number;
  } = {},
): Address {
  const refuse = (reason: string) =>
    new PiriError(
      "INVALID_ARGUMENT",
      `Cannot read the address "${text}": ${reason}`,
    );
  const [, scheme, rest = ""] = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/(.*)$/s
    .exec(text) ?? [, undefined, text];
  if (scheme !== undefined && !SCHEMES.includes(scheme.toLowerCase())) {
    throw refuse(
      `"${scheme}" is not a known scheme; known schemes: ${SCHEMES.join(", ")}`,
    );
  }
  if (parseIp(rest)?.length === 16) {
    throw refuse(`an IPv6 address is written in brackets, as [::1]:7051`);
  }
  const match = /^(?:\[([^\]]*)\]|([^:]*))(?::([0-9]+))?$/.exec(rest);
  if (match === null) {
    throw refuse(`it should look like mgr.example.org:7051`);
  }
  const [, bracketed, plain = "", portText] = match;
  const port = portText === undefined ? defaultPort : Number(portText);
  if (port < lowestPort || port > 65_535) {
    throw refuse(`port ${portText} is not in ${lowestPort} to 65535`);
  }
  if (bracketed !== undefined) {
    if (parseIp(bracketed)?.length !== 16) {
      throw refuse(`"${bracketed}" is not an IPv6 address`);
    }
    return { host: bracketed, port };
  }
  if (parseIp(plain) === undefined && !isHostName(plain)) {
    throw refuse(
      plain === ""
        ? "the host is missing"
        : `"${plain}" is neither a host name nor an IP address`,
    );
  }
  return { host: plain, port };
}

/** The address as parseAddress reads it and people write it, without a scheme. */
export function formatAddress({ host, port }: Address): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** True for a host that stands for all addresses of this machine, which nobody can dial. */
export function isWildcard(host: string): boolean {
  return parseIp(host)?.every((byte) => byte === 0) ?? false;
}
