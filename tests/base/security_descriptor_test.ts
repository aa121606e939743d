import { assertEquals } from "@std/assert";
import {
  decodeSecurityDescriptor,
  decodeSid,
  encodePrivateDescriptor,
  encodeSid,
  FULL_CONTROL,
} from "../../lib/base/security_descriptor.ts";

/** O:BA D:(A;OICIID;FA;;;SY)(D;;0x1;;;WD)(OA;...)(A;ID;0x1200a9;;;BU), as Windows stores it. */
const EXAMPLE = Uint8Array.fromHex([
  // Revision, control (DACL present, self-relative), offsets of owner, group, SACL and DACL
  ...["0100", "0480", "14000000", "00000000", "00000000", "24000000"],
  // Owner: S-1-5-32-544
  ...["0102", "000000000005", "20000000", "20020000"],
  // The list: revision, size, 4 entries
  ...["0200", "6800", "0400", "0000"],
  // Allowed to S-1-5-18, inherited
  ...["0013", "1400", "ff011f00", "0101", "000000000005", "12000000"],
  // Denied to S-1-1-0
  ...["0100", "1400", "01000000", "0101", "000000000001", "00000000"],
  // Allowed for an object, which no file has: flags instead of a SID
  ...["0500", "1800", "ff000000", "00000000", "0101", "000000000001"],
  ...["00000000"],
  // Allowed to S-1-5-32-545, inherited
  ...["0010", "1800", "a9001200", "0102", "000000000005", "20000000"],
  ...["21020000"],
].join(""));

Deno.test("owner and entries are read from the bytes of Windows", () => {
  assertEquals(decodeSecurityDescriptor(EXAMPLE), {
    owner: "S-1-5-32-544",
    entries: [
      { kind: "allow", sid: "S-1-5-18", mask: FULL_CONTROL, inherited: true },
      { kind: "deny", sid: "S-1-1-0", mask: 1, inherited: false },
      { kind: "unknown", sid: "", mask: 0xff, inherited: false },
      {
        kind: "allow",
        sid: "S-1-5-32-545",
        mask: 0x1200a9,
        inherited: true,
      },
    ],
  });
});

Deno.test("a descriptor without a list has no entries, which is not the same as none", () => {
  const absent = Uint8Array.fromHex(`01000080${"00".repeat(16)}`);
  const empty = Uint8Array.fromHex(`01000480${"00".repeat(16)}`);
  for (const bytes of [absent, empty]) {
    assertEquals(decodeSecurityDescriptor(bytes), {
      owner: undefined,
      entries: undefined,
    });
  }
});

Deno.test("a private descriptor has these bytes", () => {
  const bytes = encodePrivateDescriptor({
    owner: "S-1-5-32-544",
    sids: ["S-1-5-18"],
  });
  assertEquals(
    bytes.toHex(),
    [
      // DACL present and protected, self-relative
      ...["0100", "0490", "30000000", "00000000", "00000000", "14000000"],
      ...["0200", "1c00", "0100", "0000"],
      // All rights, for all files and folders below
      ...["0003", "1400", "ff011f00", "0101", "000000000005", "12000000"],
      ...["0102", "000000000005", "20000000", "20020000"],
    ].join(""),
  );
});

Deno.test("a written descriptor is read again", () => {
  const user = "S-1-5-21-3623811015-3361044348-30300820-1013";
  const bytes = encodePrivateDescriptor({ sids: ["S-1-5-18", user] });
  assertEquals(decodeSecurityDescriptor(bytes), {
    owner: undefined,
    entries: ["S-1-5-18", user].map((sid) => ({
      kind: "allow" as const,
      sid,
      mask: FULL_CONTROL,
      inherited: false,
    })),
  });
  assertEquals(decodeSid(encodeSid(user)), user);
});
