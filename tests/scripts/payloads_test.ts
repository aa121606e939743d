import { assertEquals, assertThrows } from "@std/assert";
import { concat } from "@std/bytes/concat";
import { PiriError } from "../../lib/base/errors.ts";
import { sha256 } from "../../lib/base/sha256.ts";
import { wrongPages } from "../../scripts/build/code_pages.ts";
import { emptyMachO, readMachO, tailOf } from "../../scripts/build/macho.ts";
import { emptyPe, readPe } from "../../scripts/build/pe.ts";

const text = (value: string) => new TextEncoder().encode(value);

/** A PE file of one page of headers, a section of code, and its payload, with 16 bytes each in the file. */
function pe(last = ".pedata"): Uint8Array {
  const file = new Uint8Array(1024 + 32);
  const view = new DataView(file.buffer);
  view.setUint16(0, 0x5a4d, true);
  view.setUint32(0x3c, 64, true);
  view.setUint32(64, 0x4550, true);
  view.setUint16(70, 2, true);
  view.setUint16(84, 240, true);
  view.setUint16(88, 0x20b, true);
  view.setUint32(88 + 32, 4096, true);
  view.setUint32(88 + 56, 0x3009, true);
  view.setUint32(88 + 128, 0x3000, true);
  view.setUint32(88 + 132, 9, true);
  [".text", last].forEach((name, index) => {
    const at = 88 + 240 + 40 * index;
    file.set(text(name), at);
    view.setUint32(at + 8, 0x1009, true);
    view.setUint32(at + 12, 0x1000 + 0x2000 * index, true);
    view.setUint32(at + 16, 16, true);
    view.setUint32(at + 20, 1024 + 16 * index, true);
  });
  file.fill(1, 1024, 1040);
  file.fill(2, 1040);
  return file;
}

Deno.test("emptyPe takes the payload's section out of file, headers and image", () => {
  const empty = emptyPe(pe());
  const { sections, sizeOfImage, resources } = readPe(empty);

  assertEquals(empty.length, 1040);
  assertEquals(sections.map(({ name }) => name), [".text"]);
  assertEquals(sizeOfImage, 0x3000);
  assertEquals(resources, { address: 0, size: 0 });
  assertEquals(empty.includes(2, 1024), false);
  assertEquals(empty.subarray(368, 408), new Uint8Array(40));
});

Deno.test("emptyPe refuses a program without a payload, and what is no 64-bit PE file", () => {
  const refused = (file: Uint8Array, reason: string) =>
    assertThrows(() => emptyPe(file), PiriError, reason);

  refused(emptyPe(pe()), '".pedata" is not the last part');
  refused(pe(".rsrc"), '".pedata" is not the last part');
  refused(concat([pe(), text("x")]), '".pedata" is not the last part');
  refused(pe().subarray(0, 335), "ends within its table of sections");
  refused(pe().subarray(0, 200), "it is no 64-bit one");
  refused(new Uint8Array(3), "it is no 64-bit one");
  refused(new Uint8Array(2000), "it is no 64-bit one");
});

/** One load command. */
function command(kind: number, size: number, fields: [number, number][]) {
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, kind, true);
  view.setUint32(4, size, true);
  for (const [at, value] of fields) view.setUint32(at, value, true);
  return bytes;
}

/** A segment that is at one place in the file and 0x1000 further in memory. */
function segment(name: string, offset: number, bytes: number) {
  const made = command(0x19, 72, [
    [24, offset + 0x1000],
    [32, bytes],
    [40, offset],
    [48, bytes],
  ]);
  made.set(text(name), 8);
  return made;
}

/** A Mach-O file with these commands in its first 512 bytes. */
function machO(commands: Uint8Array[], body: Uint8Array): Uint8Array {
  const file = new Uint8Array(512 + body.length);
  const view = new DataView(file.buffer);
  view.setUint32(0, 0xfeedfacf, true);
  view.setUint32(16, commands.length, true);
  const all = concat(commands);
  view.setUint32(20, all.length, true);
  file.set(all, 32);
  file.set(body, 512);
  return file;
}

/** A program with its payload in a segment of its own, as on arm64. */
const segmented = machO([
  segment("__TEXT", 0, 512),
  segment("__SUI", 512, 64),
  segment("__LINKEDIT", 576, 32),
  command(0x2, 24, [[8, 576], [12, 1], [16, 584], [20, 8]]),
  command(0x1d, 16, [[8, 592], [12, 16]]),
], concat([new Uint8Array(64).fill(2), new Uint8Array(32).fill(3)]));

Deno.test("emptyMachO takes out the payload's segment, and moves all offsets behind it back", () => {
  const empty = emptyMachO(segmented);
  const { commands, segments, signature } = readMachO(empty);
  const symbols = commands[2]?.at ?? 0;
  const view = new DataView(empty.buffer);

  assertEquals(
    segments.map(({ name, address, offset, bytes }) => [
      ...[name, address, offset, bytes],
    ]),
    [["__TEXT", 0x1000, 0, 512], ["__LINKEDIT", 0x1200, 512, 32]],
  );
  assertEquals(commands.map(({ kind }) => kind), [0x19, 0x19, 0x2, 0x1d]);
  assertEquals(
    [8, 12, 16, 20].map((field) => view.getUint32(symbols + field, true)),
    [512, 1, 520, 8],
  );
  assertEquals(signature, { offset: 528, size: 16 });
  assertEquals(empty.subarray(512), new Uint8Array(32).fill(3));
  const end = 32 + view.getUint32(20, true);
  assertEquals(empty.subarray(end, 512), new Uint8Array(512 - end));
});

/** A payload at the end of a program, as on Intel. */
function tail(payload: string, size = payload.length): Uint8Array {
  const header = new Uint8Array(24);
  header.set(text("<~sui-data~>"));
  new DataView(header.buffer).setBigUint64(16, BigInt(size), true);
  return concat([header, text(payload)]);
}

/** A program with its payload at the end of its table of strings. */
function tailed(end: Uint8Array): Uint8Array {
  return machO([
    segment("__TEXT", 0, 512),
    segment("__LINKEDIT", 512, 8 + end.length),
    command(0x2, 24, [[8, 512], [12, 0], [16, 514], [20, 6 + end.length]]),
  ], concat([new Uint8Array(8).fill(3), end]));
}

Deno.test("emptyMachO takes a payload off the end of a program for Intel", () => {
  const empty = emptyMachO(tailed(tail("<~sui-data~> and more")));
  const { segments, commands } = readMachO(empty);
  const view = new DataView(empty.buffer);

  assertEquals(empty.length, 520);
  assertEquals(segments[1]?.bytes, 8);
  assertEquals(view.getUint32((commands[2]?.at ?? 0) + 20, true), 6);
});

Deno.test("tailOf finds no payload where the length of one leads elsewhere", () => {
  assertEquals(tailOf(tailed(tail("payload"))), 520);
  assertEquals(tailOf(tailed(tail("payload", 6))), undefined);
  assertEquals(tailOf(text("<~sui-data~>")), undefined);
});

Deno.test("emptyMachO refuses a program without a payload, and what is no Mach-O file", () => {
  const refused = (file: Uint8Array, reason: string) =>
    assertThrows(() => emptyMachO(file), PiriError, reason);
  const one = segment("__TEXT", 0, 512);
  const link = segment("__LINKEDIT", 600, 8);

  refused(emptyMachO(segmented), "it has no payload");
  refused(machO([one], text("x")), '"__LINKEDIT" is not its last segment');
  refused(
    machO([segment("__SUI", 512, 64), one, link], text("x")),
    '"__SUI" is not in front of "__LINKEDIT"',
  );
  refused(segmented.subarray(0, 100), "ends within its load commands");
  refused(machO([new Uint8Array(8)], text("x")), "longer than their table");
  refused(text("no program"), "no 64-bit little-endian one");
});

/** A signed program of two pages of 512 bytes, with a signature of one code directory at its end. */
function signed(): Uint8Array {
  const signature = new Uint8Array(20 + 44 + 2 * 32);
  const file = machO([
    segment("__LINKEDIT", 512, 512 + signature.length),
    command(0x1d, 16, [[8, 1024], [12, signature.length]]),
  ], concat([new Uint8Array(512).fill(3), signature]));
  const view = new DataView(file.buffer, 1024);
  view.setUint32(0, 0xfade0cc0);
  view.setUint32(16, 20);
  view.setUint32(20, 0xfade0c02);
  view.setUint32(20 + 16, 44);
  view.setUint32(20 + 28, 2);
  view.setUint32(20 + 32, 1024);
  view.setUint8(20 + 37, 2);
  view.setUint8(20 + 39, 9);
  file.set(sha256(file.subarray(0, 512)), 1024 + 64);
  file.set(sha256(file.subarray(512, 1024)), 1024 + 96);
  return file;
}

Deno.test("wrongPages finds a page that is not what its hash in the signature says", () => {
  const file = signed();
  const changed = file.with(600, 4);

  assertEquals(wrongPages(file), []);
  assertEquals(wrongPages(changed), [1]);
});

Deno.test("wrongPages refuses a program without a signature, or with one that leaves something out", () => {
  const refused = (file: Uint8Array, reason: string) =>
    assertThrows(() => wrongPages(file), PiriError, reason);

  refused(emptyMachO(tailed(tail("x"))), "it has none");
  refused(concat([signed(), text("x")]), "it is not at its end");
  refused(signed().with(1024 + 20 + 37, 1), "no code directory with SHA-256");
  refused(signed().with(1024 + 20 + 34, 2), "it covers 512 of 1024 bytes");
});
