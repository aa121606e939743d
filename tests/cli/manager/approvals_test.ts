import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Ajv2020 } from "ajv/dist/2020.js";
import { encodeHex } from "@std/encoding/hex";
import {
  ApprovalState,
  ApproveRequestSchema,
  RejectRequestSchema,
} from "../../../proto/gen/piri/control/v1/control_pb.ts";
import { isMessage } from "@bufbuild/protobuf";
import { anApproval } from "../fake_approvals.ts";
import { FakeManager } from "../fake_manager.ts";
import { jsonLines, see } from "./start.ts";

function waiting(): FakeManager {
  const manager = new FakeManager();
  manager.approvals.known = [anApproval()];
  return manager;
}

Deno.test("approval list has what waits, for people and as its schema says", async () => {
  const manager = waiting();
  const { stdout } = await see(["approval", "list"], { manager });
  const shown = await see(["approval", "list", "--json"], { manager });
  const url = new URL(
    "../../../docs/schema/approval.schema.json",
    import.meta.url,
  );
  const check = new Ajv2020({ formats: { "date-time": true } }).compile({
    ...JSON.parse(await Deno.readTextFile(url)),
    $schema: undefined,
  });
  const values = jsonLines(shown.stdout);

  assertMatch(
    stdout,
    /^ID +STATE +APPROVED +BY .*\na-7 +waiting +0 of 1 +alice .* uptime on web-1\n$/,
  );
  assertEquals(values.length, 1);
  assertEquals(values.flatMap((each) => check(each) ? [] : [check.errors]), []);
});

Deno.test("approval show prints exactly what would run, and its hash", async () => {
  const { stdout } = await see(["approval", "show", "a-7"], {
    manager: waiting(),
  });

  assertMatch(stdout, /^runs: +uptime$/m);
  assertMatch(stdout, /^on: +web-1$/m);
  assertMatch(stdout, /^sha256: +0{64}$/m);
});

Deno.test("approve passes the note and the hash that was looked at on", async () => {
  const manager = waiting();
  const hash = "ab".repeat(32);
  const { code, stdout } = await see(
    ["approve", "a-7", "--note", "agreed", "--sha256", hash],
    { manager },
  );
  const [asked] = manager.approvals.asked.filter((each) =>
    isMessage(each, ApproveRequestSchema)
  );

  assertEquals([code, stdout], [0, "approved a-7: 0 of 1\n"]);
  assertEquals(
    [asked?.id, asked?.note, encodeHex(asked?.statementSha256 ?? hashless)],
    [7n, "agreed", hash],
  );
});

const hashless = new Uint8Array();

Deno.test("the last approval tells the job, and one that came to nothing the reason", async () => {
  const manager = new FakeManager();
  manager.approvals.known = [
    anApproval({ state: ApprovalState.STARTED, jobId: 3n }),
  ];
  const started = await see(["approve", "a-7"], { manager });
  manager.approvals.known = [
    anApproval({ state: ApprovalState.REFUSED, reason: "no rule allows it" }),
  ];
  const refused = await see(["approve", "a-7"], { manager });

  assertEquals(started.stdout, "approved a-7: it has become job j-3\n");
  assertEquals(
    [refused.code, refused.stdout],
    [4, "approved a-7: it is refused: no rule allows it\n"],
  );
});

Deno.test("reject passes its reason on, and withdraw ends the own request", async () => {
  const manager = waiting();
  const rejected = await see(["reject", "a-7", "not today"], { manager });
  const withdrawn = await see(["approval", "withdraw", "a-7"], { manager });
  const [asked] = manager.approvals.asked.filter((each) =>
    isMessage(each, RejectRequestSchema)
  );

  assertEquals(rejected.stdout, "rejected a-7\n");
  assertEquals([asked?.id, asked?.reason], [7n, "not today"]);
  assertEquals(withdrawn.stdout, "withdrew a-7\n");
  assertEquals(manager.approvals.withdrawn, 1);
});

for (
  const [args, fact] of [
    [["approve", "7x"], '"7x"'],
    [["approve", "j-7"], '"j-7"'],
    [["approve", "a-7", "--sha256", "abc"], "it has 64 digits from 0 to f"],
  ] as const
) {
  Deno.test(`${args.join(" ")} is refused before anybody is asked`, async () => {
    const manager = waiting();
    const { code, stderr } = await see([...args], { manager });

    assertEquals(code, 2);
    assertStringIncludes(stderr, fact);
    assertEquals(manager.approvals.asked, []);
  });
}

for (const name of ["show", "watch", "cancel", "rerun", "why"]) {
  Deno.test(`${name} a-7 says where approvals are shown`, async () => {
    const manager = waiting();
    const { code, stderr } = await see([name, "a-7"], { manager });

    assertEquals([code, stderr], [
      2,
      `error: Cannot take "a-7" here: it is a job that waits for approvals
hint: piri-manager approval show a-7, or piri-manager approval withdraw a-7
`,
    ]);
  });
}
