import { assertEquals, assertThrows } from "@std/assert";
import { PiriError } from "../../lib/base/errors.ts";
import { launchdPlist } from "../../lib/service/launchd_plist.ts";
import { openrcScript } from "../../lib/service/openrc_script.ts";
import { readDefinition } from "../../lib/service/service_host.ts";
import { systemdUnit } from "../../lib/service/systemd_unit.ts";
import { assertGolden } from "./golden.ts";
import {
  agentPlan,
  managerPlan,
  oddPlan,
  unguardedPlan,
  userPlan,
} from "./plans.ts";

for (
  const [file, plan] of [
    ["piri-agent.service", agentPlan],
    ["piri-agent-odd.service", oddPlan],
    ["piri-agent-user.service", userPlan],
    ["piri-manager.service", managerPlan],
    ["piri-manager-low-port.service", { ...managerPlan, hasLowPort: true }],
    ["piri-manager-home.service", { ...managerPlan, dir: "/home/ann/piri" }],
    ["piri-manager-user.service", {
      ...managerPlan,
      scope: "user",
      user: "",
      group: "",
    }],
  ] as const
) {
  Deno.test(`the unit of systemd is that of golden/${file}`, async () => {
    await assertGolden(file, systemdUnit(plan));
  });
}

for (
  const [file, plan] of [
    ["piri-agent.openrc", agentPlan],
    ["piri-agent-odd.openrc", oddPlan],
    ["piri-manager.openrc", unguardedPlan],
  ] as const
) {
  Deno.test(`the script of OpenRC is that of golden/${file}`, async () => {
    await assertGolden(file, openrcScript(plan));
  });
}

for (
  const [file, plan] of [
    ["org.piri.agent.plist", agentPlan],
    ["org.piri.agent-odd.plist", oddPlan],
    ["org.piri.manager.plist", { ...unguardedPlan, user: "", group: "" }],
  ] as const
) {
  Deno.test(`the property list of launchd is that of golden/${file}`, async () => {
    await assertGolden(file, launchdPlist(plan));
  });
}

const TEMPLATES = { systemdUnit, openrcScript, launchdPlist };

for (const [name, template] of Object.entries(TEMPLATES)) {
  Deno.test(`${name} tells the state folder and the executable of a plan`, () => {
    for (const plan of [agentPlan, managerPlan, oddPlan, userPlan]) {
      assertEquals(readDefinition(template(plan)), {
        dir: plan.dir,
        executable: plan.executable,
      });
    }
  });

  Deno.test(`${name} refuses a path that would be several lines`, () => {
    for (const key of ["dir", "executable"]) {
      assertThrows(
        () => template({ ...agentPlan, [key]: "/srv/a\nUser=root" }),
        PiriError,
        "control characters",
      );
    }
  });
}
