/** Bytes of an IP address, 4 or 16; undefined if the text is not one. A zone, as in fe80::1%eth0, is left out. */
export function parseIp(text: string): Uint8Array<ArrayBuffer> | undefined {
  return parseIpv4(text) ?? parseIpv6(text.replace(/%[^%]+$/, ""));
}

function parseIpv4(text: string): Uint8Array<ArrayBuffer> | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  const bytes = new Uint8Array(4);
  for (const [index, part] of parts.entries()) {
    // No leading zeros: half of the world's programs read 010 as 8.
    if (!/^(0|[1-9][0-9]{0,2})$/.test(part) || Number(part) > 255) {
      return undefined;
    }
    bytes[index] = Number(part);
  }
  return bytes;
}

/** Reads an IPv6 address in the three forms of RFC 4291 section 2.2. */
function parseIpv6(text: string): Uint8Array<ArrayBuffer> | undefined {
  const halves = text.split("::");
  if (halves.length > 2 || !text.includes(":")) return undefined;
  const [head, tail] = halves.map((half, index) =>
    parseGroups(half, { last: index === halves.length - 1 })
  );
  if (head === undefined || (halves.length === 2 && tail === undefined)) {
    return undefined;
  }
  const given = head.length + (tail?.length ?? 0);
  if (tail === undefined ? given !== 16 : given > 14) return undefined;
  const bytes = new Uint8Array(16);
  bytes.set(head);
  if (tail !== undefined) bytes.set(tail, 16 - tail.length);
  return bytes;
}

/** Bytes of the groups. Only the last group of the address may be an IPv4 address. */
function parseGroups(
  text: string,
  { last }: { last: boolean },
): number[] | undefined {
  if (text === "") return [];
  const bytes: number[] = [];
  const groups = text.split(":");
  for (const [index, group] of groups.entries()) {
    const ipv4 = last && index === groups.length - 1
      ? parseIpv4(group)
      : undefined;
    if (ipv4 !== undefined) {
      bytes.push(...ipv4);
    } else if (/^[0-9a-fA-F]{1,4}$/.test(group)) {
      const value = parseInt(group, 16);
      bytes.push(value >> 8, value & 0xff);
    } else {
      return undefined;
    }
  }
  return bytes;
}

/**
 * The network that counts as one origin of connections: an IPv4 address, or an IPv6 /64, because a customer has all of
 * it. A text that is no address stands for itself.
 */
export function networkOf(host: string): string {
  const bytes = parseIp(host);
  if (bytes === undefined || bytes.length === 4) return host;
  // RFC 4291 section 2.5.5.2: an IPv4 address on a dual-stack socket.
  const isMapped = bytes.subarray(0, 10).every((byte) => byte === 0) &&
    bytes[10] === 0xff;
  return isMapped
    ? bytes.subarray(12).join(".")
    : `${bytes.subarray(0, 8).join(".")}/64`;
}
