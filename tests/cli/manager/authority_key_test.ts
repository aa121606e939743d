import { assertEquals, assertStringIncludes } from "@std/assert";
import { TempFolder } from "../../support/temp_folder.ts";
import { FakeManager } from "../fake_manager.ts";
import { jsonLines, see } from "./start.ts";

Deno.test("ca renew issues a certificate here, and the Manager gets nothing else", async () => {
  await using folder = await TempFolder.make();
  const path = folder.at("ca.key");
  await Deno.writeTextFile(path, "the key", { mode: 0o600 });
  const manager = new FakeManager();

  const { code, stdout } = await see(["ca", "renew", "--ca-key", path], {
    manager,
  });

  assertEquals(code, 0);
  assertStringIncludes(stdout, "the certificate is good until 2100-01-01");
  // The fake writes down all that the certificate was made of.
  assertEquals(manager.keys.certificates, [
    "certificate mgr.example.org authority the key",
  ]);
});

Deno.test("ca renew without a key says that it is needed, and when it is not", async () => {
  const manager = new FakeManager();

  const { code, stderr } = await see(["ca", "renew"], { manager });
  const missing = await see(["ca", "renew", "--ca-key", "/none"], { manager });

  assertEquals(code, 2);
  assertStringIncludes(stderr, "give the authority's key by --ca-key FILE");
  assertStringIncludes(stderr, "renews the certificate by itself");
  assertStringIncludes(missing.stderr, '"/none"');
  assertEquals(manager.keys.certificates, []);
});

Deno.test("ca export passes on what was asked for, and says what is left to do", async () => {
  const manager = new FakeManager();

  const plain = await see(["ca", "export", "--to", "k", "--remove"], {
    manager,
  });
  const json = await see(
    ["ca", "export", "--to", "k", "--recipient", "age1x", "--json"],
    { manager },
  );

  assertEquals(manager.exportedKeys, [
    { to: "k", recipients: [], remove: true },
    { to: "k", recipients: ["age1x"], remove: false },
  ]);
  assertStringIncludes(plain.stdout, "piri-manager ca renew --ca-key FILE");
  assertStringIncludes(plain.stderr, "keep it off line");
  assertEquals(jsonLines(json.stdout), [
    { file: "k", encrypted: true, removed: false },
  ]);
});

Deno.test("ca export demands a file", async () => {
  const manager = new FakeManager();

  const { code, stderr } = await see(["ca", "export", "--remove"], { manager });

  assertEquals(code, 2);
  assertStringIncludes(stderr, "--to FILE");
  assertEquals(manager.exportedKeys, []);
});

Deno.test("ca status says that the authority's key is kept elsewhere", async () => {
  const manager = new FakeManager();
  manager.keys.hasAuthorityKey = false;

  const { stdout } = await see(["ca", "status"], { manager });
  const json = await see(["ca", "status", "--json"], { manager });

  assertStringIncludes(stdout, "kept elsewhere");
  assertEquals(jsonLines(json.stdout)[0]?.["hasAuthorityKey"], false);
});
