import { assert, assertEquals, assertThrows } from "@std/assert";
import { PiriError } from "../../lib/base/errors.ts";
import {
  type PackedKind,
  packText,
  unpackText,
} from "../../lib/base/packed_text.ts";
import { systemRandom } from "../../lib/base/random.ts";

const KIND: PackedKind = {
  name: "the parcel",
  prefix: "parcel",
  version: 3,
  mostBytes: 10_000,
};

const BYTES = systemRandom.bytes(500);

/** Message of the refusal of a text. */
function refusalOf(text: string, kind: PackedKind = KIND): string {
  return assertThrows(() => unpackText(kind, text), PiriError).message;
}

Deno.test("a packed text is one word that unpacks to the same bytes", () => {
  const text = packText(KIND, BYTES);

  assert(/^parcel3-[A-Za-z0-9_-]+-[0-9a-f]{8}$/.test(text), text);
  assertEquals(unpackText(KIND, text), BYTES);
});

Deno.test("alike bytes pack to a short text", () => {
  assert(packText(KIND, new Uint8Array(9_000)).length < 100);
});

Deno.test("a packed text survives line breaks and spaces of a secret store", () => {
  const wrapped = packText(KIND, BYTES).replaceAll(/(.{76})/g, "$1\r\n ");

  assertEquals(unpackText(KIND, ` ${wrapped}\n`), BYTES);
});

Deno.test("a packed text that was cut short anywhere is refused, and not repeated", () => {
  const text = packText(KIND, BYTES);
  for (let length = 0; length < text.length; length += 7) {
    const message = refusalOf(text.slice(0, length));
    assert(message.startsWith("Cannot read the parcel: "), message);
    assert(!message.includes(text.slice(20, 30)), message);
  }
});

Deno.test("a packed text says why it is refused: another kind, another version, a changed letter", () => {
  const text = packText(KIND, BYTES);
  const changed = text.replace(
    /(?<=^.{30})./,
    (each) => each === "A" ? "B" : "A",
  );

  assertEquals(
    refusalOf("piri1-abc-12345678"),
    'Cannot read the parcel: it does not begin with "parcel3-"',
  );
  assertEquals(
    refusalOf(packText({ ...KIND, version: 4 }, BYTES)),
    "Cannot read the parcel: it is of version 4, and this build reads version 3",
  );
  assertEquals(
    refusalOf(changed),
    "Cannot read the parcel: its checksum is wrong, so it was cut short or changed",
  );
});

Deno.test("a small text that unpacks to more than its kind allows is refused", () => {
  const large = packText(KIND, new Uint8Array(10_001));

  assertEquals(
    unpackText(KIND, packText(KIND, new Uint8Array(10_000))).length,
    10_000,
  );
  assertEquals(
    refusalOf(large),
    "Cannot read the parcel: its content cannot be unpacked",
  );
});
