import { assert, assertEquals, assertMatch } from "@std/assert";
import type { SignedWork } from "../../../proto/gen/piri/control/v1/control_pb.ts";
import {
  decodeSignedWork,
  encodeSignedWork,
  isSignatureOf,
  parseSigner,
} from "../../../lib/base/signed_work.ts";
import { byteCalls } from "../../../lib/files/byte_calls.ts";
import { TempFolder } from "../../support/temp_folder.ts";
import { echoWork } from "../../support/signed_work.ts";
import { anApproval } from "../fake_approvals.ts";
import { FakeManager } from "../fake_manager.ts";
import { see, type Seen } from "./start.ts";

// Opened once here: a test that opened it would fail for not closing it.
byteCalls();

/** Command lines of somebody who has a key. */
async function withKey() {
  await using undo = new AsyncDisposableStack();
  const home = undo.use(await TempFolder.make());
  const env = { HOME: home.path, APPDATA: home.path, USER: "alice" };
  const made = await see(["key", "make"], { env });
  const kept = undo.move();
  return {
    home,
    made,
    types: (args: readonly string[], manager = new FakeManager()) =>
      see(args, { env, manager }),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** Statement and signatures that a job came with. */
function signedIn({ manager }: Seen): SignedWork {
  const signed = manager.runs[0]?.signed;
  assert(signed !== undefined);
  return signed;
}

/** Work that a job was signed for. */
function workIn(seen: Seen) {
  return decodeSignedWork(new TextEncoder().encode(signedIn(seen).statement));
}

Deno.test("key make keeps a key that only its owner can read, and prints its line for policy.yaml", async () => {
  await using me = await withKey();
  const { made, home, types } = me;
  assertMatch(made.stdout, /^alice: "ed25519:[A-Za-z0-9+/]{43}="\n$/);
  const path = /made (.*): keep it/.exec(made.stderr)?.[1] ?? "";
  const { mode } = await Deno.stat(path);
  assertEquals(
    Deno.build.os === "windows" || (mode ?? 0) % 0o1000 === 0o600,
    true,
  );
  const shown = await types(["key", "show", "--name", "a"]);
  assertEquals(shown.stdout, made.stdout.replace("alice", "a"));

  const again = await types(["key", "make"]);
  assertMatch(again.stderr, /Cannot make a key: there is one in/);
  await types(["key", "make", "--out", home.at("other.pem")]);
  assertMatch(await Deno.readTextFile(home.at("other.pem")), /PRIVATE KEY/);
});

Deno.test("run --sign signs names and globs as typed, for an hour more than it waits", async () => {
  await using me = await withKey();
  const seen = await me.types(
    ["run", "--sign", "--detach", "--queue", "2h", "web-1", "db-*", "--", "id"],
  );
  const work = workIn(seen);
  assertEquals(work.targets, ["web-1", "db-*"]);
  assertEquals([work.operation, work.params], ["command.Run", {
    argv: ["id"],
  }]);
  const now = seen.terminal.clock.now();
  assertEquals(
    [work.notBefore - now, work.notAfter - now],
    [-300_000, 3 * 3_600_000],
  );
  const { statement, signatures: [first], needed } = signedIn(seen);
  assert(first !== undefined);
  assertEquals(needed, 1);
  assert(isSignatureOf({
    publicKey: parseSigner(first.key),
    signature: first.signature,
  }, new TextEncoder().encode(statement)));
});

Deno.test("run --sign asks what other expressions mean, signs those names, and says so", async () => {
  await using me = await withKey();
  const manager = new FakeManager();
  manager.targets = {
    targets: [{ name: "web-1" }, { name: "web-2" }],
  };
  const seen = await me.types(
    ["run", "--sign", "--signatures", "3", "--detach", "@web", "--", "id"],
    manager,
  );
  assertEquals(workIn(seen).targets, ["web-1", "web-2"]);
  assertEquals(seen.manager.runs[0]?.targets?.expressions, ["web-1", "web-2"]);
  assertEquals(signedIn(seen).needed, 3);
  assertMatch(seen.stderr, /signed for web-\[1-2\], as the Manager names/);
});

Deno.test("run --survive --sign signs that the program outlives the agent, and nothing else does", async () => {
  await using me = await withKey();

  const seen = await me.types(
    ["run", "--survive", "--sign", "--detach", "web-1", "--", "id"],
  );
  const plain = await me.types([
    "run",
    "--sign",
    "--detach",
    "web-1",
    "--",
    "id",
  ]);

  assertEquals(workIn(seen).survive, true);
  assertEquals(seen.manager.runs[0]?.survive, true);
  assertEquals("survive" in workIn(plain), false);
});

Deno.test("put --sign signs the list of all that is put, by its hash", async () => {
  await using me = await withKey();
  const file = await me.home.write("app.conf", "x");
  const seen = await me.types(
    ["put", "--sign", "--detach", file, "web-1:/etc/app.conf"],
  );
  const { operation, params } = workIn(seen);
  assertEquals(operation, "file.Put");
  assertMatch(JSON.stringify(params), /"tree":"[0-9a-f]{64}"/);
});

for (
  const [what, args, why] of [
    [
      "without a key",
      ["--sign-with", "none.pem", "web-1", "--", "id"],
      /Cannot sign: there is no key in "none\.pem"\n.*key make --out none\.pem/,
    ],
    [
      "flags without --sign",
      ["--signatures", "2", "web-1", "--", "id"],
      /Cannot use "--signatures" without "--sign"/,
    ],
    [
      "more than 16 KiB",
      ["--sign", "web-1", "--", "x".repeat(17_000)],
      /Cannot use the statement: it has \d+ bytes, and the limit is 16384/,
    ],
  ] as const
) {
  Deno.test(`run does not sign ${what}, and starts nothing`, async () => {
    await using me = await withKey();
    const { stderr, manager } = await me.types(["run", ...args]);
    assertMatch(stderr, why);
    assertEquals(manager.runs, []);
  });
}

for (
  const [what, statement, why] of [
    ["no statement of work", '{"kind":"piri.trust"}', /none of signed work/],
    ["no JSON", "\u0000\u0001", /it is no JSON object/],
    [
      "a statement for a week",
      new TextDecoder().decode(
        encodeSignedWork(echoWork(0, { notAfter: 7e8 })),
      ),
      /good for more than 24 h/,
    ],
  ] as const
) {
  Deno.test(`sign signs nothing for a Manager that presents ${what}`, async () => {
    await using me = await withKey();
    const manager = new FakeManager();
    manager.approvals.known = [
      anApproval({ signed: { statement, needed: 2 } }),
    ];
    const { stderr } = await me.types(["sign", "a-7"], manager);
    assertMatch(stderr, why);
    assertEquals(manager.approvals.asked, []);
  });
}
