import { assertEquals, assertThrows } from "@std/assert";
import { PiriError } from "../../lib/base/errors.ts";
import {
  hashesInTree,
  parseTree,
  type TreeEntry,
  treeLines,
} from "../../lib/files/tree.ts";

const SHA256 = "ab".repeat(32);
const folder = (name: string): TreeEntry => ({
  kind: "folder",
  name,
  mtimeMs: 1,
  mode: 0o755,
});
const file = (name: string): TreeEntry => ({
  kind: "file",
  name,
  mtimeMs: 1,
  mode: 0o644,
  size: 3,
  sha256: SHA256,
});
const link = (name: string, target = "/etc"): TreeEntry => ({
  kind: "link",
  name,
  mtimeMs: 1,
  target,
});

function textOf(...entries: readonly unknown[]): string {
  return [...treeLines(entries as TreeEntry[])].join("");
}

/** Text of a tree after it went over the wire. */
function sent(text: string): string {
  return new TextDecoder().decode(new TextEncoder().encode(text));
}

Deno.test("a tree is read as it was written, names that are no text among it", () => {
  const entries = [
    folder(""),
    folder("caf\udce9"),
    file("caf\udce9/日本"),
    link("l", "../\udcff"),
    { kind: "folder", name: "no mode", mtimeMs: -5 } as const,
  ];

  assertEquals(parseTree(sent(textOf(...entries))), entries);
});

const HOSTILE: readonly [string, readonly unknown[], string][] = [
  ["a name that goes up", [folder(""), file("../x")], '"../x" is no path'],
  ["a name that goes up inside", [folder("a"), file("a/../../x")], "no path"],
  ["an absolute name", [file("/etc/passwd")], '"/etc/passwd" is no path'],
  ["a name that ends as a folder", [folder("a"), file("a/")], "is no path"],
  ["a NUL in a name", [file("a\0b")], "is no path"],
  ["half of a surrogate pair", [file("a\ud800")], "is no path"],
  ["an entry below a link", [link("a"), file("a/x")], "would be below a link"],
  ["an entry below a file", [file("a"), file("a/x")], "would be below a file"],
  [
    "an entry below a root that is a link",
    [link(""), file("x")],
    "below a link",
  ],
  [
    "an entry without its folder",
    [file("a/x")],
    'the folder of "a/x" is missing',
  ],
  ["a name that is there twice", [folder("a"), link("a")], "is there twice"],
  ["a root that comes late", [file("a"), folder("")], "not the first entry"],
  ["a device", [{ kind: "device", name: "d", mtimeMs: 1 }], "it has the entry"],
  [
    "a mode of more bits",
    [{ ...folder("a"), mode: 0o100_644 }],
    "has the entry",
  ],
  ["a size below zero", [{ ...file("a"), size: -1 }], "it has the entry"],
  ["a hash that is none", [{ ...file("a"), sha256: "../x" }], "has the entry"],
  ["a link to nothing", [link("a", "")], "it has the entry"],
  ["a time that is none", [{ ...folder("a"), mtimeMs: "x" }], "has the entry"],
];

for (const [what, entries, reason] of HOSTILE) {
  Deno.test(`a tree with ${what} is refused`, () => {
    const error = assertThrows(
      () => parseTree(sent(textOf(...entries))),
      PiriError,
      reason,
    );

    assertEquals(error.code, "INVALID_ARGUMENT");
  });
}

Deno.test("a text that is no tree, or lacks its end, is refused", () => {
  for (const text of ["", "x", "{}\n", textOf(file("a")).slice(0, -1)]) {
    assertThrows(() => parseTree(text), PiriError, "Cannot read the list");
  }
});

Deno.test("the hashes of a tree are those of its files that have content", () => {
  const empty =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
  const text = textOf(
    folder(""),
    file("a"),
    { ...file("b"), size: 0, sha256: empty },
    link("c", SHA256),
  );

  assertEquals(hashesInTree(text), [SHA256]);
});
