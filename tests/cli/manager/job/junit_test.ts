import { assertEquals } from "@std/assert";
import {
  CommandState,
  EntryState,
} from "../../../../proto/gen/piri/control/v1/control_pb.ts";
import { junitText } from "../../../../lib/cli/manager/job/junit.ts";
import { job } from "../../fake_manager.ts";
import { failed, ok, without } from "./entries.ts";

Deno.test("a JUnit report has a test case for each agent", () => {
  const text = junitText(
    job({ finishedAtMs: BigInt(Date.UTC(2026, 0, 1, 0, 0, 2)) }),
    [
      ok("web-1", "", { startedAtMs: 1_000n, finishedAtMs: 2_500n }),
      failed("web-2", 3),
      failed("web-3", 0, {
        commandState: CommandState.LOST,
        reason: 'a "<&\x1b>"\nb',
      }),
      without("web-4", EntryState.UNREACHABLE, "it is not connected"),
      without("web-5", EntryState.SKIPPED),
      without("web-6", EntryState.WAITING),
    ],
  );

  assertEquals(
    text,
    `<?xml version="1.0" encoding="UTF-8"?>
<testsuites>
  <testsuite name="j-17: true" tests="6" failures="1" errors="3" skipped="1" time="2.000" timestamp="2026-01-01T00:00:00.000Z">
    <testcase name="web-1" classname="true" time="1.500"/>
    <testcase name="web-2" classname="true" time="0.000">
      <failure message="failed, exit code 3"/>
    </testcase>
    <testcase name="web-3" classname="true" time="0.000">
      <error message="lost: a &quot;&lt;&amp;\ufffd&gt;&quot;&#10;b"/>
    </testcase>
    <testcase name="web-4" classname="true" time="0.000">
      <error message="unreachable: it is not connected"/>
    </testcase>
    <testcase name="web-5" classname="true" time="0.000">
      <skipped message="skipped"/>
    </testcase>
    <testcase name="web-6" classname="true" time="0.000">
      <error message="waiting"/>
    </testcase>
  </testsuite>
</testsuites>
`,
  );
});
