import { PiriError } from "../../base/errors.ts";
import { parseIp } from "../../base/ip.ts";

/** A network that an agent may connect from: CIDR, RFC 4632 and RFC 4291. */
export interface Network {
  readonly bytes: Uint8Array;
  /** How many bits of `bytes` count. */
  readonly prefix: number;
}

/**
 * Reads 10.0.0.0/8, 2001:db8::/32, or one address.
 *
 * @throws {PiriError} INVALID_ARGUMENT
 */
export function parseNetwork(text: string): Network {
  const refuse = (reason: string) =>
    new PiriError(
      "INVALID_ARGUMENT",
      `Cannot read the network "${text}": ${reason}`,
    );
  const [address = "", prefixText, ...rest] = text.split("/");
  const given = address.includes("%") ? undefined : parseIp(address);
  if (given === undefined || rest.length > 0) {
    throw refuse("it should look like 10.0.0.0/8 or 2001:db8::/32");
  }
  const bits = given.length * 8;
  const prefix = prefixText === undefined ? bits : Number(prefixText);
  if (prefixText !== undefined && !/^[0-9]{1,3}$/.test(prefixText)) {
    throw refuse(`"${prefixText}" is not a number of bits`);
  }
  if (prefix > bits) {
    throw refuse(`${prefix} bits are over the limit of ${bits}`);
  }
  if (!sameBits(given, masked(given, prefix), bits)) {
    throw refuse(
      `there are bits set beyond the first ${prefix}; use /${bits} for one address`,
    );
  }
  return unmapped(given, prefix);
}

/** Whether an address, as a socket reports it, lies in one of the networks. What is no address lies in none. */
export function inNetworks(
  networks: readonly Network[],
  address: string,
): boolean {
  const parsed = parseIp(address);
  if (parsed === undefined) return false;
  const { bytes } = unmapped(parsed, parsed.length * 8);
  return networks.some((network) =>
    network.bytes.length === bytes.length &&
    sameBits(network.bytes, bytes, network.prefix)
  );
}

/** A socket that listens on :: reports 10.0.0.1 as ::ffff:10.0.0.1 (RFC 4291 section 2.5.5.2): they are the same. */
function unmapped(bytes: Uint8Array, prefix: number): Network {
  const mapped = bytes.length === 16 && prefix >= 96 &&
    bytes.subarray(0, 10).every((byte) => byte === 0) &&
    bytes[10] === 0xff && bytes[11] === 0xff;
  return mapped
    ? { bytes: bytes.subarray(12), prefix: prefix - 96 }
    : { bytes, prefix };
}

function masked(bytes: Uint8Array, prefix: number): Uint8Array {
  return bytes.map((byte, index) => byte & maskOf(index, prefix));
}

function sameBits(
  one: Uint8Array,
  other: Uint8Array,
  prefix: number,
): boolean {
  return one.every((byte, index) =>
    ((byte ^ (other[index] ?? 0)) & maskOf(index, prefix)) === 0
  );
}

/** The bits of the byte at `index` that a prefix covers. */
function maskOf(index: number, prefix: number): number {
  const covered = Math.min(8, Math.max(0, prefix - index * 8));
  return (0xff << (8 - covered)) & 0xff;
}
