import { assertEquals } from "@std/assert";
import { PlanFleet, statesOf } from "./plan_fleet.ts";

const STATES = {
  "states/all.yaml": `
- Config:
    type: file.Installed
    path: "%ROOT%/\${agent}/config"
    content: "user=app\\npassword=\${secrets.db}\\n"
    mode: 0600
- Line: {type: file.Line, path: "%ROOT%/\${agent}/config", line: "token=\${secrets.db | json}", match: "^token="}
- Block: {type: file.Block, path: "%ROOT%/\${agent}/block", content: "\${secrets.tls}", create: true}
- Load:
    type: command.Run
    shell: "cat > %ROOT%/\${agent}/loaded; echo $T >> %ROOT%/\${agent}/loaded; echo $T; echo done"
    creates: "%ROOT%/\${agent}/loaded"
    stdin: "\${secrets.db | shell} "
    env: {T: "x\${secrets.db}"}
`,
};

Deno.test("an apply puts secrets where they belong, and what is told has placeholders for them", async () => {
  await using fleet = await PlanFleet.start(["web-1"], STATES);
  await fleet.setSecret("db", "hunter22");
  await fleet.setSecret("tls", "begin\nfirst line\nsecond line\n");
  const plan = await fleet.plan();
  const applied = await fleet.apply(plan.id);
  assertEquals(statesOf(applied), ["web-1: applied"]);
});
