import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import * as piri from "../mod.ts";

const ROOT = fromFileUrl(new URL("../", import.meta.url));

Deno.test("mod.ts exports what other programs can use, and nothing else", () => {
  assertEquals(Object.keys(piri).toSorted(), [
    "CommandState",
    "Disconnected",
    "OnDisconnect",
    "OutputStream",
    "PiriError",
    "connectControl",
    "joinManager",
    "serveAgent",
    "serveManager",
    "startLog",
    "systemClock",
    "systemRandom",
  ]);
});

// The types of the clients are those of the generated code: exported, they would bring a hundred others.
Deno.test("every export of mod.ts is documented, and so are its types except generated clients", async () => {
  const { stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["doc", "--lint", "mod.ts"],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
  }).output();
  const errors = new TextDecoder().decode(stderr)
    .matchAll(/^error\[(.+?)\]: (.+)$/gm);

  assertEquals([...errors].map(([, rule, text]) => `${rule} ${text}`), [
    "private-type-ref public type 'ControlClient[\"agents\"]' references private type 'ServiceClient'",
    "private-type-ref public type 'ControlClient[\"agents\"]' references private type 'AgentsService'",
    "private-type-ref public type 'ControlClient[\"audit\"]' references private type 'AuditService'",
    "private-type-ref public type 'ControlClient[\"blobs\"]' references private type 'BlobsService'",
    "private-type-ref public type 'ControlClient[\"commands\"]' references private type 'CommandsService'",
    "private-type-ref public type 'ControlClient[\"jobs\"]' references private type 'JobsService'",
    "private-type-ref public type 'ControlClient[\"plans\"]' references private type 'PlansService'",
    "private-type-ref public type 'ControlClient[\"events\"]' references private type 'EventsService'",
    "private-type-ref public type 'ControlClient[\"status\"]' references private type 'StatusService'",
    "private-type-ref public type 'ControlClient[\"operators\"]' references private type 'OperatorsService'",
    "private-type-ref public type 'ControlClient[\"enrolment\"]' references private type 'EnrolmentService'",
    "private-type-ref public type 'ControlClient[\"approvals\"]' references private type 'ApprovalsService'",
    "private-type-ref public type 'ControlClient[\"issuers\"]' references private type 'IssuersService'",
    "private-type-ref public type 'ControlClient[\"keys\"]' references private type 'KeysService'",
    "private-type-ref public type 'ControlClient[\"releases\"]' references private type 'ReleasesService'",
    "private-type-ref public type 'ControlClient[\"secrets\"]' references private type 'SecretsService'",
    "private-type-ref public type 'ControlClient[\"logins\"]' references private type 'LoginService'",
  ]);
});
