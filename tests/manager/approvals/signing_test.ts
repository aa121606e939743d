import { assertEquals, assertMatch } from "@std/assert";
import type { JobRequest } from "../../../lib/manager/api/job_api.ts";
import type { Decider } from "../../../lib/manager/api/approval_api.ts";
import { encodeSignedWork } from "../../../lib/base/signed_work.ts";
import type { SigningKey } from "../../../lib/base/signing_key.ts";
import { FakeClock } from "../../support/fake_clock.ts";
import { refusal } from "../../support/refusal.ts";
import {
  ALICE,
  askedSignatures,
  BOB,
  echoWork,
  MALLORY,
  signatureBy,
} from "../../support/signed_work.ts";
import { ApprovalFleet, ASKS, ROOT } from "./approval_fleet.ts";

const WORK = echoWork(new FakeClock().now(), { targets: ["web-*"] });
const HI = { params: '{"text":"hi"}' };
const HOUR_MS = 3_600_000;

/** Job that Alice has signed and that waits for a number of signatures. */
function signedBy(
  needed: number,
  ...keys: readonly SigningKey[]
): Pick<JobRequest, "params" | "signed"> {
  return { ...HI, signed: askedSignatures(WORK, needed, ...keys) };
}

async function sign(
  site: ApprovalFleet,
  by: Decider,
  key: SigningKey,
): Promise<string> {
  const { state } = await site.approvals.sign(1n, {
    ...by,
    ...signatureBy(key, encodeSignedWork(WORK)),
  });
  await site.fleet.settle();
  return state;
}

Deno.test("a signed job starts at once if its signatures are enough, and keeps them", async () => {
  await using site = await ApprovalFleet.start();
  await site.fleet.ask({ targets: "web-*", ...signedBy(1, ALICE) });
  await site.fleet.settle();
  assertEquals(site.fleet.started, ["web-1", "web-2"]);
  const { signed } = await site.fleet.jobs.get(1n);
  assertEquals(signed?.signatures.map(({ by }) => by), ["test"]);
});

Deno.test("a job that waits for signatures starts once the last one is there", async () => {
  await using site = await ApprovalFleet.start();
  const alice = await site.knows("alice");
  const bob = await site.knows("bob");
  const { needed, signed } = await site.proposes(alice, signedBy(2, ALICE));
  assertEquals([needed, signed?.signatures.length], [0, 1]);
  assertEquals(site.fleet.started, []);

  assertEquals(await sign(site, bob, BOB), "started");

  assertEquals(site.fleet.started, ["web-1", "web-2"]);
  const job = await site.fleet.jobs.get(1n);
  assertEquals(
    job.signed?.signatures.map(({ by }) => by),
    ["alice", "bob"],
  );
  assertEquals(await site.acts(), [
    "Propose by alice: approval a-1",
    "Sign by bob: ",
    "StartJob by alice: job j-1, 2 agents",
  ]);
});

Deno.test("a signature by somebody else approves, and one by who asked does not", async () => {
  await using site = await ApprovalFleet.start();
  const alice = await site.knows("alice", [ASKS]);
  const bob = await site.knows("bob");
  await site.proposes(alice, signedBy(2));
  assertEquals(await sign(site, alice, ALICE), "waiting");
  assertEquals((await site.approvals.get(1n)).votes, []);
  assertEquals(await sign(site, bob, BOB), "started");
});

Deno.test("an approval does not stand for a missing signature, nor the other way round", async () => {
  await using site = await ApprovalFleet.start();
  const alice = await site.knows("alice", [{ approve: 2 }]);
  await site.proposes(alice, signedBy(2, ALICE));
  const bob = await site.knows("bob");
  assertEquals((await site.approve(bob)).state, "waiting");
  assertEquals(await sign(site, bob, BOB), "waiting");
  assertEquals(site.fleet.started, []);
  assertEquals((await site.approve(ROOT)).state, "started");
});

Deno.test("a signature that counts for nothing is refused with the reason", async () => {
  await using site = await ApprovalFleet.start();
  const alice = await site.knows("alice");
  const viewer = await site.knows("vera", [], { role: "viewer" });
  await site.proposes(alice, signedBy(2, ALICE));
  const told = [
    await refusal(sign(site, ROOT, ALICE)),
    await refusal(
      site.approvals.sign(1n, {
        ...ROOT,
        ...signatureBy(BOB, new Uint8Array([1])),
      }),
    ),
    await refusal(sign(site, viewer, BOB)),
  ];
  await site.proposes(alice, { ...HI, propose: true });
  told.push(
    await refusal(site.approvals.sign(2n, {
      ...ROOT,
      ...signatureBy(BOB, encodeSignedWork(WORK)),
    })),
  );
  assertEquals(told, [
    'FAILED_PRECONDITION: Cannot sign a-1: this key has signed it already, by "alice"',
    "INVALID_ARGUMENT: Cannot sign a-1: the signature is not of its statement by this key",
    'DENIED: Cannot decide on a-1: its role is "viewer"',
    "FAILED_PRECONDITION: Cannot sign a-2: it was not asked for with run --sign, so that there is nothing to sign; approve it instead",
  ]);
});

Deno.test("a request whose statement is for something else is refused with the reason", async () => {
  await using site = await ApprovalFleet.start();
  const asked = async (work: object, request: object = {}) =>
    await refusal(site.fleet.ask({
      targets: "web-*",
      ...HI,
      signed: askedSignatures({ ...WORK, ...work }, 1, ALICE),
      ...request,
    }));
  const { signed } = signedBy(1, MALLORY);
  const other = signed?.signatures[0]?.signature ?? "";
  assertEquals([
    await asked({ params: {} }),
    await asked({ operation: "command.Run" }),
    await asked({ survive: true }),
    await asked({ targets: ["web-1"] }),
    await asked({ notBefore: 0, notAfter: 1 }),
    await asked({ notAfter: WORK.notBefore + 24 * HOUR_MS + 1 }),
    await asked({}, { signed: askedSignatures(WORK, 17, ALICE) }),
    await asked({}, { signed: askedSignatures(WORK, 1, ALICE, ALICE) }),
    await asked({}, {
      signed: {
        ...askedSignatures(WORK, 1),
        signatures: [{
          ...signatureBy(ALICE, new Uint8Array()),
          signature: other,
        }],
      },
    }),
    await asked({}, signedBy(2, ALICE)),
  ], [
    "INVALID_ARGUMENT: Cannot start it: the statement that was signed has other parameters",
    "INVALID_ARGUMENT: Cannot start it: the statement that was signed has another operation",
    "INVALID_ARGUMENT: Cannot start it: the statement that was signed says otherwise whether its program outlives the agent",
    'INVALID_ARGUMENT: Cannot start it: the statement that was signed is not for "web-2"',
    "FAILED_PRECONDITION: Cannot start it: what was signed was good until 1970-01-01T00:00:00.001Z",
    "INVALID_ARGUMENT: Cannot use the statement: it is good for more than 24 h",
    "INVALID_ARGUMENT: Cannot start it: it can wait for 1 to 16 signatures",
    "INVALID_ARGUMENT: Cannot start it: a key signed it twice",
    "INVALID_ARGUMENT: Cannot start it: a signature is not of this statement by its key",
    "FAILED_PRECONDITION: Cannot start it: it waits for 1 more signature",
  ]);
});

Deno.test("why tells who approved of a command and who signed it", async () => {
  await using site = await ApprovalFleet.start();
  const alice = await site.knows("alice", [ASKS]);
  const bob = await site.knows("bob");
  await site.proposes(alice, signedBy(2, ALICE));
  await sign(site, bob, BOB);
  const { entries } = await site.fleet.manager.commands.timeline(1n);
  assertEquals(
    entries[0]?.text,
    "asked for by alice, in job j-1, approved by bob, signed by alice and bob",
  );
});

Deno.test("a signed job is not run again, as its statement is good for one time", async () => {
  await using site = await ApprovalFleet.start();
  await site.fleet.ask({ targets: "web-1", ...signedBy(1, ALICE) });
  await site.fleet.settle();
  await site.fleet.finish("web-1");
  assertMatch(
    await refusal(site.fleet.jobs.rerun(1n, {
      scope: "all",
      on: [],
      requestId: "again",
      requestedBy: "test",
      saidBy: "",
    })),
    /what was signed is good for one time; sign it anew/,
  );
});

Deno.test("a job whose last signature comes after its statement's time does not start", async () => {
  await using site = await ApprovalFleet.start();
  const work = { ...WORK, notAfter: WORK.notBefore + 1_000 };
  await site.proposes(ROOT, { ...HI, signed: askedSignatures(work, 2, ALICE) });
  await site.fleet.manager.clock.advance(2_000);
  await site.approvals.sign(1n, {
    ...ROOT,
    ...signatureBy(BOB, encodeSignedWork(work)),
  });
  assertMatch(
    await site.state(),
    /^refused: .* what was signed was good until/,
  );
  assertEquals(site.fleet.started, []);
});
