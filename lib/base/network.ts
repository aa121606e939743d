import { BlockList } from "node:net";
import { encodeHex } from "@std/encoding/hex";
import { PiriError } from "./errors.ts";
import { parseIp } from "./ip.ts";

/** A network that an agent may connect from: CIDR, RFC 4632 and RFC 4291. */
export interface Network {
  /** First address, as BlockList reads it: without a zone, and as IPv4 if it was mapped. */
  readonly address: string;
  readonly family: "ipv4" | "ipv6";
  /** Number of bits that all addresses of the network share. */
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
  if (bitsOf(given).lastIndexOf("1") >= prefix) {
    throw refuse(
      `there are bits set beyond the first ${prefix}; use /${bits} for one address`,
    );
  }
  return networkOf(given, prefix);
}

/** True if an address lies in one of these networks, or if there are none: then any address does. */
export function isFrom(cidrs: readonly string[], address: string): boolean {
  return cidrs.length === 0 || inNetworks(cidrs.map(parseNetwork), address);
}

/** True if an address, as a socket reports it, lies in one of the networks. Text that is no address lies in none. */
export function inNetworks(
  networks: readonly Network[],
  address: string,
): boolean {
  const parsed = parseIp(address);
  if (parsed === undefined) return false;
  const list = new BlockList();
  for (const { address, prefix, family } of networks) {
    list.addSubnet(address, prefix, family);
  }
  const given = networkOf(parsed, parsed.length * 8);
  return list.check(given.address, given.family);
}

/**
 * The network of an address and its first bits. An IPv4-mapped address becomes IPv4: a socket that listens on ::
 * reports 10.0.0.1 as ::ffff:10.0.0.1 (RFC 4291 section 2.5.5.2).
 */
function networkOf(bytes: Uint8Array, prefix: number): Network {
  if (bytes.length === 4) {
    return { address: bytes.join("."), family: "ipv4", prefix };
  }
  const mapped = prefix >= 96 &&
    bytes.subarray(0, 10).every((byte) => byte === 0) &&
    bytes[10] === 0xff && bytes[11] === 0xff;
  return mapped
    ? networkOf(bytes.subarray(12), prefix - 96)
    : { address: groupsOf(bytes), family: "ipv6", prefix };
}

/** An IPv6 address with all its groups written out. */
function groupsOf(bytes: Uint8Array): string {
  return encodeHex(bytes).replaceAll(/....(?=.)/g, "$&:");
}

/** The bits of an address as text of 0 and 1. */
function bitsOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(2).padStart(8, "0"))
    .join("");
}
