import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { connectControl } from "../../lib/api/client.ts";
import { PROOF_HEADER } from "../../lib/api/proof_files.ts";
import { OWNER, post, startControl } from "../support/control.ts";
import { aCommand } from "../support/small_manager.ts";

const RUN = {
  agents: ["web-1"],
  operation: "echo.Echo",
  requestId: "r-1",
  requestedBy: "anna",
};

/** Users by evidence of the requests that a Manager got. */
function askers(asked: readonly unknown[]): unknown[] {
  return asked.map((request) =>
    typeof request === "object" && request !== null && "requestedBy" in request
      ? request.requestedBy
      : undefined
  );
}

/** Names in a folder. */
function namesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name);
}

Deno.test("each call that changes something proves the user of its process", async () => {
  await using fleet = await startControl();
  fleet.manager.recorded.push(aCommand({ id: 4n, state: "running" }));
  const { commands } = fleet.control;

  await commands.run(RUN);
  await commands.cancel({ commandId: 4n });
  await commands.rerun({ commandId: 4n, requestId: "r-2" });
  await commands.giveUp({ commandId: 4n });

  assertEquals(askers(fleet.manager.asked), Array(4).fill(OWNER));
});

Deno.test("a user behind sudo is told with the proof", {
  ignore: Deno.build.os === "windows",
}, async () => {
  await using fleet = await startControl();
  using control = await connectControl(fleet.dir, { sudoUser: "anna" });

  await control.commands.run(RUN);

  assertEquals(askers(fleet.manager.asked), ["owner (sudo: anna)"]);
});

Deno.test("plain HTTP without a proof is local, whatever it says", {
  ignore: Deno.build.os === "windows",
}, async () => {
  await using fleet = await startControl();

  await post(fleet.dir, "CommandsService/Run", RUN);
  await post(fleet.dir, "CommandsService/Run", RUN, {
    [PROOF_HEADER]: "0".repeat(32),
  });

  assertEquals(
    fleet.manager.asked.map((request) => ({ ...request as object }))
      .map((request) => Object.entries(request).slice(-2)),
    Array(2).fill([["requestedBy", "local"], ["saidBy", "anna"]]),
  );
});

Deno.test("plain HTTP can prove its user, too", {
  ignore: Deno.build.os === "windows",
}, async () => {
  await using fleet = await startControl();
  const { json } = await post(fleet.dir, "IdentityService/NewProof", {});
  const { name } = { name: "", ...json as object };
  await Deno.writeFile(
    join(fleet.dir, "control.proof", name),
    new Uint8Array(),
    { mode: 0o600 },
  );

  await post(fleet.dir, "CommandsService/Run", RUN, { [PROOF_HEADER]: name });

  assertEquals(askers(fleet.manager.asked), ["owner"]);
});

Deno.test("everybody is local over TCP", async () => {
  await using fleet = await startControl({ transport: "tcp" });

  await fleet.control.commands.run(RUN);

  assertEquals(askers(fleet.manager.asked), ["local"]);
});

Deno.test("no proof is left behind, by calls that succeed or fail", {
  ignore: Deno.build.os === "windows",
}, async () => {
  await using fleet = await startControl();

  await fleet.control.commands.run(RUN);
  await fleet.control.commands.run({ ...RUN, operation: "" }).catch(() => {});
  await fleet.control.commands.cancel({ commandId: 99n }).catch(() => {});

  assertEquals(namesIn(join(fleet.dir, "control.proof")), []);
});

for (
  const [kind, spoil] of [
    ["is gone", (folder: string) => Deno.remove(folder)],
    ["is a link", async (folder: string) => {
      await Deno.remove(folder);
      await Deno.mkdir(`${folder}.other`);
      await Deno.symlink(`${folder}.other`, folder);
    }],
  ] as const
) {
  Deno.test(
    `a call goes on without a proof if the folder of the proofs ${kind}`,
    {
      ignore: Deno.build.os === "windows",
    },
    async () => {
      await using fleet = await startControl();
      await spoil(join(fleet.dir, "control.proof"));

      await fleet.control.commands.run(RUN);

      assertEquals(askers(fleet.manager.asked), ["local"]);
    },
  );
}

Deno.test(
  "whoAmI() tells a user of the machine the user's name, and no operator",
  {
    ignore: Deno.build.os === "windows",
  },
  async () => {
    await using fleet = await startControl();

    const { name, operator } = await fleet.control.logins.whoAmI({});

    assertEquals([name, operator], [OWNER, undefined]);
  },
);
