import { assertEquals } from "@std/assert";
import { Bye_Code } from "../../proto/gen/piri/agent/v1/agent_messages.ts";
import type { Init } from "../support/scripted_peer.ts";
import { TlsManager } from "./tls_manager.ts";

/** Reason for which the hello of a new agent is refused. */
async function refusalOf(hello: Init<"clientHello">): Promise<string> {
  await using manager = await TlsManager.start();
  await manager.knows("web-1");
  const { peer } = await manager.dial();
  await peer.says("clientHello", {
    clientId: "web-1",
    auth: "secret of web-1",
    protocol: 2,
    instance: "0".repeat(32),
    session: 1n,
    ...hello,
  });
  const { code, reason } = await peer.hears("bye");
  assertEquals(code, Bye_Code.PROTOCOL_ERROR);
  await peer.hearsTheEnd();
  return reason.replace("protocol error: Cannot accept the hello: ", "");
}

Deno.test("a hello over a limit is refused with the name of the limit", async () => {
  const commands = Array.from(
    { length: 1_001 },
    (_, at) => ({ commandId: BigInt(at + 1) }),
  );
  const refused: [hello: Init<"clientHello">, reason: string][] = [
    [{ clientId: "../web" }, '"../web" is not a name'],
    [{ clientId: "" }, '"" is not a name'],
    [
      { clientId: "x".repeat(101) },
      `"${"x".repeat(100)}" is not a name`,
    ],
    [
      { facts: { a: "x".repeat(16_384) } },
      "its facts take 16385 bytes, the limit is 16384",
    ],
    [{ commands }, "it lists 1001 commands, the limit is 1000"],
    [{ lastCommandId: -1n }, "its last command id is below 0"],
    [{ instance: "me" }, "its instance is not 32 hexadecimal digits"],
    [{ protocol: 1 }, "protocol 1 does not exist"],
  ];
  for (const [hello, reason] of refused) {
    assertEquals(await refusalOf(hello), reason);
  }
});
