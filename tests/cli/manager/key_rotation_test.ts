import { assertEquals, assertStringIncludes } from "@std/assert";
import { KeyKind } from "../../../proto/gen/piri/control/v1/control_pb.ts";
import { TempFolder } from "../../support/temp_folder.ts";
import { aKey } from "../fake_keys.ts";
import { FakeManager } from "../fake_manager.ts";
import { jsonLines, see } from "./start.ts";

/** Values of a page of facts, by their names. */
function facts(stdout: string): Record<string, string> {
  return Object.fromEntries(
    stdout.trimEnd().split("\n").map((line) => {
      const [name = "", ...value] = line.split(":");
      return [name, value.join(":").trim()];
    }),
  );
}

Deno.test("ca status shows both keys, and rotations of both at once", async () => {
  const manager = new FakeManager();
  const still = facts((await see(["ca", "status"], { manager })).stdout);
  manager.keys.authority = aKey({
    nextFingerprint: "SHA256:next",
    trustedBy: 1,
    missing: ["web-2", "web-3"],
  });
  manager.keys.manager = aKey({
    fingerprint: "SHA256:key",
    nextFingerprint: "SHA256:other",
    trustedBy: 3,
  });
  const { stdout } = await see(["ca", "status"], { manager });

  assertEquals(Object.keys(still), [
    "authority",
    "authority ends",
    "key of the Manager",
  ]);
  assertEquals(facts(stdout), {
    authority: "SHA256:now",
    "next authority": "SHA256:next",
    "next authority trusted by": "1 of 3 agents, not by web-[2-3]",
    "key of the Manager": "SHA256:key",
    "next key of the Manager": "SHA256:other",
    "next key of the Manager trusted by":
      "3 of 3 agents (piri-manager manager rotate-key --finish)",
  });
});

Deno.test("a rotation is begun with the agents that have to be told, and each kind is named", async () => {
  const manager = new FakeManager();
  manager.keys.authority = aKey({
    nextFingerprint: "SHA256:next",
    missing: ["web-2"],
  });
  const { stdout } = await see(["ca", "rotate"], { manager });
  await see(["manager", "rotate-key"], { manager });

  assertEquals(
    stdout,
    `the next authority is SHA256:next; the old one stays in use
1 to be told: web-2; see piri-manager ca status, then piri-manager ca rotate --finish
`,
  );
  assertEquals(manager.keys.started.map(({ kind }) => kind), [
    KeyKind.AUTHORITY,
    KeyKind.MANAGER,
  ]);
});

Deno.test("the end of a rotation names what is of no use any more, and who was left behind", async () => {
  const manager = new FakeManager();
  manager.keys.leftBehind = ["old-1"];
  const finish = ["ca", "rotate", "--finish", "--without", "old-1"];
  const { stdout } = await see(finish, { manager });
  const json = await see([...finish, "--json"], { manager });

  assertStringIncludes(stdout, "the authority is SHA256:now from now on; ");
  assertStringIncludes(stdout, "\nleft behind: old-1; let it join again");
  assertEquals(manager.keys.finished[0]?.without, ["old-1"]);
  assertEquals(jsonLines(json.stdout)[0]?.["leftBehind"], ["old-1"]);
});

Deno.test("agents are left behind only at the end of a rotation", async () => {
  const manager = new FakeManager();
  const { code, stderr } = await see(["ca", "rotate", "--without", "x"], {
    manager,
  });

  assertEquals(code, 2);
  assertStringIncludes(stderr, "--without is only for --finish");
  assertEquals(manager.keys.started, []);
});

Deno.test("ca rotate --ca-key gives the Manager certificates, and not the key", async () => {
  await using folder = await TempFolder.make();
  const key = folder.at("next.key");
  await Deno.writeTextFile(key, "the key", { mode: 0o600 });
  await Deno.writeTextFile(folder.at("next.pem"), "the certificate");
  const manager = new FakeManager();
  const rotate = (...args: string[]) =>
    see(["ca", "rotate", "--ca-key", key, ...args], { manager });

  const none = await rotate("--finish");
  const { stdout } = await rotate();
  await rotate("--ca-cert", folder.at("next.pem"));
  manager.keys.nextAuthority = "next";
  await rotate("--finish");

  assertEquals(none.code, 1);
  assertStringIncludes(none.stderr, "none is under way");
  // The fake writes down all that the certificates were made of.
  assertEquals(manager.keys.started.map(({ authority }) => authority), [
    "new authority the key",
    "the certificate the key",
  ]);
  assertEquals(manager.keys.finished.map(({ certificate }) => certificate), [
    "certificate mgr.example.org next the key",
  ]);
  assertStringIncludes(stdout, "piri-manager ca rotate --finish --ca-key FILE");
});

Deno.test("ca status says that the key of the next authority is kept elsewhere", async () => {
  const manager = new FakeManager();
  manager.keys.authority = aKey({ nextFingerprint: "SHA256:next" });
  manager.keys.hasNextAuthorityKey = false;

  const { stdout } = await see(["ca", "status"], { manager });
  const json = await see(["ca", "status", "--json"], { manager });

  assertStringIncludes(stdout, "ca rotate --finish --ca-key FILE");
  assertEquals(jsonLines(json.stdout)[0]?.["hasNextAuthorityKey"], false);
});

Deno.test("flags of ca rotate that make no sense together are refused", async () => {
  const manager = new FakeManager();
  const wrong: [args: string[], message: string][] = [
    [["--ca-cert", "c"], "--ca-cert: it is only for --ca-key"],
    [["--identity", "i"], "--identity: it is only for --ca-key"],
    [
      ["--finish", "--ca-key", "k", "--ca-cert", "c"],
      "Cannot use --ca-cert with --finish",
    ],
  ];

  for (const [args, message] of wrong) {
    const { code, stderr } = await see(["ca", "rotate", ...args], { manager });
    assertEquals(code, 2);
    assertStringIncludes(stderr, message);
  }

  assertEquals(manager.keys.started, []);
});
