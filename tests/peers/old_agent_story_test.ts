import { assertEquals, assertStringIncludes } from "@std/assert";
import { ExitCode } from "../../lib/cli/exit_code.ts";
import { TlsTransport } from "../../lib/wire/tls.ts";
import { CommandResult_Status } from "../../proto/gen/piri/agent/v1/agent_messages.ts";
import { type Fleet, startFleet } from "../support/fleet.ts";
import { ScriptedPeer } from "../support/scripted_peer.ts";
import { story } from "../support/story.ts";
import { NotedTransport } from "./tls_manager.ts";

const SECRET = "what its config says";

/** Adds a legacy agent as an operator does. */
async function add(fleet: Fleet, name: string): Promise<void> {
  const file = fleet.folder.at("secret");
  await Deno.writeTextFile(file, `${SECRET}\n`);
  const added = await fleet.manager(
    ...["agent", "add", name, "--secret-file", file],
  );
  assertEquals([added.code, added.stdout], [ExitCode.ok, ""]);
}

/** Legacy agent, played by a script: it has its secret, and trusts the authority for the host it dials. */
async function oldAgent(fleet: Fleet, name: string): Promise<ScriptedPeer> {
  const tls = await Deno.connectTls({
    hostname: "127.0.0.1",
    port: fleet.port,
    caCerts: [await Deno.readTextFile(`${fleet.dir}/ca.pem`)],
  });
  const peer = new ScriptedPeer(new NotedTransport(new TlsTransport(tls)));
  peer.answerPings();
  await peer.says("clientHello", { clientId: name, auth: SECRET });
  await peer.hears("serverHello");
  return peer;
}

story(
  "a legacy agent is added by its secret, and runs a program like any other agent",
  async (executables) => {
    await using fleet = await startFleet(executables);
    await add(fleet, "old-1");
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
    assertEquals(cancel.code, ExitCode.ok);
    assertStringIncludes(
      cancel.stderr,
      "it was sent, but legacy agents do not confirm a cancel",
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

story(
  "a legacy agent comes back to a Manager that was killed: running commands are lost, new ones run",
  async (executables) => {
    await using fleet = await startFleet(executables);
    await add(fleet, "old-1");
    const first = await oldAgent(fleet, "old-1");
    await fleet.manager("run", "--detach", "old-1", "--", "true");
    const { commandId } = await first.hears("command");
    await first.says("progress", { commandId, total: 1 });
    await fleet.state("1", ({ state }) => state === "running");
    await fleet.serving.kill();
    await first.hearsTheEnd();
    first.hangUp();

    await fleet.startManager();
    const second = await oldAgent(fleet, "old-1");
    using _end = { [Symbol.dispose]: () => second.hangUp() };
    await fleet.state("1", ({ state }) => state === "lost");
    const running = fleet.spawn("run", "old-1", "--", "true");
    const next = await second.hears("command");
    assertEquals(next.commandId > commandId, true);
    await second.says("result", {
      commandId: next.commandId,
      status: CommandResult_Status.SUCCESS,
    });
    assertEquals((await running.end()).code, ExitCode.ok);
  },
);
