import { Buffer } from "node:buffer";
import { createHmac } from "node:crypto";
import { isSameKey, type PublicKey, readKeyLine } from "./public_key.ts";

/** Keys that a file shall have of a host. */
export interface WantedHostKeys {
  /** Names as the file has them, the port of one other than 22 in it: [db.lan]:2222. */
  readonly hosts: readonly string[];
  readonly keys: readonly PublicKey[];
  /** True to remove the host's keys of other types. */
  readonly only: boolean;
  /** True to remove these keys of the host, or all of its keys if none is given. */
  readonly absent: boolean;
}

/** Line of known_hosts. */
interface HostLine extends PublicKey {
  readonly hosts: readonly string[];
  readonly comment: string;
}

/**
 * Lines of known_hosts with the keys of a host. A key of a type that has another value is replaced: ssh would call it
 * an attack. Marked lines, for authorities and revoked keys, stay. Source: sshd(8).
 */
export function withHostKeys(
  lines: readonly string[],
  { hosts, keys, only, absent }: WantedHostKeys,
): string[] {
  const known = new Set<string>();
  const edited = lines.flatMap((line) => {
    const now = readHostLine(line);
    if (now === undefined) return [line];
    const own = hosts.filter((host) =>
      now.hosts.some((at) => isHost(at, host))
    );
    if (own.length === 0) return [line];
    const wanted = keys.find((each) => isSameKey(each, now));
    const isLeft = absent
      ? keys.length > 0 && wanted === undefined
      : wanted === undefined && !only &&
        !keys.some(({ type }) => type === now.type);
    if (isLeft) return [line];
    const gone = own.filter((host) =>
      absent || wanted === undefined || known.has(mark(host, wanted))
    );
    if (wanted !== undefined) {
      for (const host of own) known.add(mark(host, wanted));
    }
    return without(line, now, gone);
  });
  if (absent) return edited;
  const missing = keys.flatMap((key) => {
    const names = hosts.filter((host) => !known.has(mark(host, key)));
    if (names.length === 0) return [];
    return [`${names.join(",")} ${key.type} ${key.data}`];
  });
  return [...edited, ...missing];
}

/** Name of a host as known_hosts has it; undefined if it is none. */
export function knownHostName(text: string): string | undefined {
  const name = text.toLowerCase();
  const [, inner = name, port] = /^\[([^\]]+)\]:(\d{1,5})$/.exec(name) ?? [];
  if (!/^[a-z0-9_.:%-]+$/.test(inner) || inner.length > 253) return undefined;
  if (port === undefined || Number(port) === 22) return inner;
  return Number(port) > 65_535 ? undefined : `[${inner}]:${Number(port)}`;
}

function readHostLine(line: string): HostLine | undefined {
  const [, hosts, rest] = /^\s*([^\s#@]\S*)\s+(.*)$/.exec(line) ?? [];
  const key = readKeyLine(rest ?? "");
  if (hosts === undefined || key === undefined || key.options !== "") {
    return undefined;
  }
  return { ...key, hosts: hosts.split(",") };
}

/** True for a name of a line that is the host's own, and no pattern: also where only its hash is there. */
function isHost(at: string, host: string): boolean {
  const [, salt, hash] = /^\|1\|([^|]+)\|([^|]+)$/.exec(at) ?? [];
  if (salt === undefined || hash === undefined) {
    return at.toLowerCase() === host;
  }
  return createHmac("sha1", Buffer.from(salt, "base64")).update(host)
    .digest("base64") === hash;
}

/** Line without hosts; none if no host is left. */
function without(
  line: string,
  { hosts, type, data, comment }: HostLine,
  gone: readonly string[],
): string[] {
  if (gone.length === 0) return [line];
  const left = hosts.filter((at) => !gone.some((host) => isHost(at, host)));
  if (left.length === 0) return [];
  const words = [left.join(","), type, data, comment];
  return [words.filter((word) => word !== "").join(" ")];
}

function mark(host: string, { type, data }: PublicKey): string {
  return `${host} ${type} ${data}`;
}
