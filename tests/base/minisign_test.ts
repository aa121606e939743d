import { assertEquals, assertThrows } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { PiriError } from "../../lib/base/errors.ts";
import {
  minisignKeyText,
  readMinisignKey,
  signMinisign,
  verifyMinisign,
} from "../../lib/base/minisign.ts";
import { readMinisignSecret } from "../../scripts/release/minisign_secret.ts";

/** A file in the folder of what minisign 0.11 itself made. */
const vector = (name: string): string =>
  Deno.readTextFileSync(
    fromFileUrl(new URL(`./minisign/${name}`, import.meta.url)),
  );

const file = new TextEncoder().encode(vector("file.txt"));
const signature = vector("file.txt.minisig");
const key = readMinisignKey(vector("test.pub"));
const secret = readMinisignSecret(vector("test.key"));

Deno.test("verifyMinisign takes what minisign signed, and returns the trusted comment", () => {
  const other = { ...key, id: new Uint8Array(8) };

  assertEquals(
    verifyMinisign(file, signature, [other, key]),
    "timestamp:1 file:file.txt hashed",
  );
});

Deno.test("verifyMinisign refuses another file, comment, key or kind of signature", () => {
  const refused = (
    reason: string,
    text: string,
    { bytes = file, keys = [key] } = {},
  ) => assertThrows(() => verifyMinisign(bytes, text, keys), PiriError, reason);
  const lines = signature.split("\n");

  refused("that of another file", signature, { bytes: file.subarray(1) });
  refused("comment of its signature", signature.replace("file:file", "file:f"));
  refused("signed by the key 0527E17C866FD3F3", signature, { keys: [] });
  refused("that of another file", signature, {
    keys: [{ ...key, publicKey: new Uint8Array(32) }],
  });
  refused("no hashed one", vector("plain.minisig"));
  refused("no hashed one", "");
  refused("no hashed one", `${signature}more\n`);
  refused("no hashed one", lines.with(1, "%").join("\n"));
  refused("no hashed one", lines.with(3, "AAAA").join("\n"));
  refused("no hashed one", lines.with(2, "comment: x").join("\n"));
});

Deno.test("signMinisign writes what minisign writes for the same key, file and comment", () => {
  const comment = "timestamp:1 file:file.txt hashed";
  const made = signMinisign(file, { ...secret, comment });

  assertEquals(made.split("\n").slice(1), signature.split("\n").slice(1));
});

Deno.test("a public key is read with and without its comment, and written as minisign does", () => {
  const [comment, line = ""] = vector("test.pub").split("\n");

  assertEquals(readMinisignKey(line), key);
  assertEquals(
    minisignKeyText(key).split("\n")[1],
    line,
  );
  assertEquals(comment?.endsWith("527E17C866FD3F3"), true);
  assertEquals(secret.key.publicKey, key.publicKey);
  for (const text of ["", "RWQ=", "no key", `X${line.slice(1)}`]) {
    assertThrows(
      () => readMinisignKey(text),
      PiriError,
      "Cannot read a public",
    );
  }
});

Deno.test("a secret key with a passphrase is refused with what to do, and a damaged one", () => {
  const refused = (text: string, reason: string) =>
    assertThrows(() => readMinisignSecret(text), PiriError, reason);
  const line = vector("test.key").split("\n")[1] ?? "";

  refused(vector("encrypted.key"), "it has a passphrase");
  refused(vector("test.pub"), "it is no secret key of minisign");
  refused("%", "it is no secret key of minisign");
  refused(`${line.slice(0, 100)}B${line.slice(101)}`, "does not belong to it");
});
