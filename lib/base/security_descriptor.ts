/** Owner and access list of a file or folder on Windows. */
export interface SecurityDescriptor {
  /** SID of the owner, as S-1-5-18; undefined if the system chooses or does not tell. */
  readonly owner: string | undefined;
  /** Entries of the access list; undefined if there is no list, and everybody has all rights. */
  readonly entries: readonly AccessEntry[] | undefined;
}

/** Entry of an access list. */
export interface AccessEntry {
  /** Effect of the entry; unknown for the kinds that files have rarely or never. */
  readonly kind: "allow" | "deny" | "unknown";
  /** SID of a user or group. Empty for a kind that is unknown. */
  readonly sid: string;
  /** Rights, as bits. */
  readonly mask: number;
  /** True if it was inherited from the folder above. */
  readonly inherited: boolean;
}

/** Bits of the rights of a file, all of them. */
export const FULL_CONTROL = 0x001f_01ff;

const DESCRIPTOR_BYTES = 20;
const LIST_BYTES = 8;
/** Size of an entry without its SID. */
const ENTRY_BYTES = 8;

const DACL_PRESENT = 0x0004;
const DACL_PROTECTED = 0x1000;
const SELF_RELATIVE = 0x8000;

/** Files and folders in the folder inherit the entry. */
const FOR_ALL_BELOW = 0x03;
const INHERITED = 0x10;

// The kinds whose SID follows the mask: plain entries, and those with a condition.
const KINDS: ReadonlyMap<number, "allow" | "deny"> = new Map([
  [0x00, "allow"],
  [0x01, "deny"],
  [0x09, "allow"],
  [0x0a, "deny"],
]);

/** Reads a self-relative SECURITY_DESCRIPTOR, as MS-DTYP 2.4.6 describes it. */
export function decodeSecurityDescriptor(
  bytes: Uint8Array,
): SecurityDescriptor {
  const view = viewOf(bytes);
  const control = view.getUint16(2, true);
  const owner = view.getUint32(4, true);
  const list = view.getUint32(16, true);
  const hasList = (control & DACL_PRESENT) !== 0 && list !== 0;
  return {
    owner: owner === 0 ? undefined : decodeSid(bytes.subarray(owner)),
    entries: hasList ? entriesOf(bytes.subarray(list)) : undefined,
  };
}

function entriesOf(list: Uint8Array): AccessEntry[] {
  const view = viewOf(list);
  const entries: AccessEntry[] = [];
  let at = LIST_BYTES;
  for (let left = view.getUint16(4, true); left > 0; left--) {
    const kind = KINDS.get(view.getUint8(at)) ?? "unknown";
    entries.push({
      kind,
      sid: kind === "unknown" ? "" : decodeSid(list.subarray(at + ENTRY_BYTES)),
      mask: view.getUint32(at + 4, true),
      inherited: (view.getUint8(at + 1) & INHERITED) !== 0,
    });
    at += view.getUint16(at + 2, true);
  }
  return entries;
}

/**
 * Makes a self-relative SECURITY_DESCRIPTOR of a folder: these users and groups have all rights in it and in all that is
 * made in it, nobody else has any, and nothing is inherited from the folder above.
 */
export function encodePrivateDescriptor(
  { owner, sids }: {
    readonly owner?: string | undefined;
    readonly sids: readonly string[];
  },
): Uint8Array<ArrayBuffer> {
  const ownerSid = owner === undefined ? new Uint8Array() : encodeSid(owner);
  const entries = sids.map(encodeSid);
  const listBytes = entries.reduce(
    (sum, sid) => sum + ENTRY_BYTES + sid.length,
    LIST_BYTES,
  );
  const bytes = new Uint8Array(DESCRIPTOR_BYTES + listBytes + ownerSid.length);
  const view = viewOf(bytes);
  view.setUint8(0, 1);
  view.setUint16(2, SELF_RELATIVE | DACL_PRESENT | DACL_PROTECTED, true);
  view.setUint32(16, DESCRIPTOR_BYTES, true);
  let at = DESCRIPTOR_BYTES;
  view.setUint8(at, 2);
  view.setUint16(at + 2, listBytes, true);
  view.setUint16(at + 4, entries.length, true);
  at += LIST_BYTES;
  for (const sid of entries) {
    view.setUint8(at + 1, FOR_ALL_BELOW);
    view.setUint16(at + 2, ENTRY_BYTES + sid.length, true);
    view.setUint32(at + 4, FULL_CONTROL, true);
    bytes.set(sid, at + ENTRY_BYTES);
    at += ENTRY_BYTES + sid.length;
  }
  if (owner !== undefined) {
    view.setUint32(4, at, true);
    bytes.set(ownerSid, at);
  }
  return bytes;
}

/** Reads the SID at the begin of the bytes, as MS-DTYP 2.4.2.2 describes it. */
export function decodeSid(bytes: Uint8Array): string {
  const view = viewOf(bytes);
  const authority = view.getUint16(2) * 2 ** 32 + view.getUint32(4);
  const parts = Array.from(
    { length: view.getUint8(1) },
    (_, index) => view.getUint32(8 + 4 * index, true),
  );
  return ["S", view.getUint8(0), authority, ...parts].join("-");
}

/** Writes a SID. The authority of all SIDs that are written here is below 2^32. */
export function encodeSid(sid: string): Uint8Array<ArrayBuffer> {
  const [revision = 1, authority = 0, ...parts] = sid.split("-").slice(1)
    .map(Number);
  const bytes = new Uint8Array(8 + 4 * parts.length);
  const view = viewOf(bytes);
  view.setUint8(0, revision);
  view.setUint8(1, parts.length);
  view.setUint32(4, authority);
  parts.forEach((part, index) => view.setUint32(8 + 4 * index, part, true));
  return bytes;
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}
