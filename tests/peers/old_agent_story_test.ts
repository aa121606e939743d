import { assertEquals, assertStringIncludes } from "@std/assert";
import { ExitCode } from "../../lib/cli/exit_code.ts";
import { parseJoinToken } from "../../lib/base/join_token.ts";
import { encodePem } from "../../lib/base/pem.ts";
import { TlsTransport } from "../../lib/wire/tls.ts";
import { CommandResult_Status } from "../../proto/gen/piri/agent/v1/agent_pb.ts";
import { type Fleet, startFleet } from "../support/fleet.ts";
import { ScriptedPeer } from "../support/scripted_peer.ts";
import { story } from "../support/story.ts";
import { NotedTransport } from "./tls_manager.ts";

/** An agent of 2024 as a script plays it, whose entry was made for it by a hello with the token. */
async function oldAgent(fleet: Fleet, name: string): Promise<ScriptedPeer> {
  const token = parseJoinToken(await fleet.addAgent(name));
  const tcp = await Deno.connect({ hostname: "127.0.0.1", port: fleet.port });
  const tls = await Deno.startTls(tcp, {
    hostname: token.serverName,
    caCerts: [encodePem("CERTIFICATE", token.caCertificate)],
  });
  const peer = new ScriptedPeer(new NotedTransport(new TlsTransport(tls)));
  await peer.says("clientHello", {
    clientId: name,
    auth: "what its config says",
    joinToken: token.secret,
  });
  await peer.hears("serverHello");
  const { data } = await peer.hears("ping");
  await peer.says("pong", { data });
  return peer;
}

story(
  "an operator runs a program on an agent of 2024 as on any other",
  async (executables) => {
    await using fleet = await startFleet(executables);
    const agent = await oldAgent(fleet, "old-1");
    using _end = { [Symbol.dispose]: () => agent.hangUp() };
    await fleet.connected("old-1");
    const agents = await fleet.manager("agents");
    assertStringIncludes(agents.stdout, "2024");

    const running = fleet.spawn("run", "old-1", "--", "uname", "-a");
    const { commandId, data } = await agent.hears("command");
    assertEquals(JSON.parse(data), {
      "[args]": [["uname", "-a"]],
      shell: false,
    });
    const cancel = await fleet.manager("cancel", String(commandId));
    assertEquals(cancel.code === ExitCode.ok, false);
    assertStringIncludes(
      cancel.stderr,
      "cancel is not supported by this agent",
    );
    await agent.hears("cancel");
    await agent.says("result", {
      commandId,
      status: CommandResult_Status.SUCCESS,
      output: "Linux\n",
    });
    const { code, stdout } = await running.end();
    assertEquals([code, stdout], [ExitCode.ok, "Linux\n"]);
  },
);
