import { LATER_MS } from "../../../lib/wire/later.ts";
import { CommandResult_Status } from "../../../proto/gen/piri/agent/v1/agent_messages.ts";
import { AGENT, Stage } from "./stage.ts";

/** Session for a transcript. */
export interface Play {
  /** Name of the transcript's file, without its suffix. */
  readonly name: string;
  /** Purpose of the session, in a sentence. */
  readonly about: string;
  /** True if both sides have keys. */
  readonly hasKeys?: boolean;
  readonly run: (stage: Stage) => Promise<void>;
}

const ECHO = { text: "hello" };

/** All sessions with a transcript. */
export const plays: readonly Play[] = [
  {
    name: "command",
    about: "An agent says hello, and carries out a command",
    async run(stage) {
      await stage.knows();
      await stage.agentStarts();
      stage.note("An operator runs a program");
      await stage.run("command.Run", { argv: ["hello"] });
      stage.note("It prints to both streams, and ends with exit code 3");
      await stage.workers.newest.prints("hello\n");
      await stage.workers.newest.prints("oh\n", "stderr");
      await stage.clock.settle();
      stage.note("What is on the Manager's disk is acknowledged in a moment");
      await stage.clock.advance(LATER_MS);
      stage.workers.newest.ends({
        success: false,
        changed: true,
        exitCode: 3,
        message: "The program ended with exit code 3",
      });
      await stage.clock.advance(LATER_MS);
      stage.note("For 15 seconds nothing happens");
      await stage.clock.advance(15_000);
      stage.note("The Manager stops");
      const down = stage.manager.shutdown();
      await stage.clock.settle();
      await stage.cut();
      await down;
    },
  },
  {
    name: "refused-hello",
    about: "An agent with a wrong secret is turned away",
    async run(stage) {
      await stage.knows("another secret");
      await stage.agentStarts();
    },
  },
  {
    name: "proof",
    about: "An agent proves its key beside its secret, and then its key alone",
    hasKeys: true,
    async run(stage) {
      await stage.knows();
      await stage.signsAudit();
      await stage.agentStarts();
      stage.note("The connection breaks, and the agent dials again");
      await stage.cut();
      await stage.clock.advance(1_000);
      await stage.clock.advance(LATER_MS);
    },
  },
  {
    name: "refused-message",
    about: "A message that has no row in the table ends the connection",
    async run(stage) {
      const peer = stage.scriptedAgent();
      await peer.says("result", { commandId: 1n });
      await stage.clock.settle();
    },
  },
  {
    name: "refused-command",
    about: "A command that the agent cannot accept comes back as a result",
    async run(stage) {
      const manager = await stage.scriptedManager();
      await manager.says("serverHello", {
        version: 1,
        features: ["output", "ack", "resume", "chunks"],
        managerVersion: "0.1.0",
        managerId: "000102030405060708090a0b0c0d0e0f",
        pingIntervalMs: 15_000,
      });
      const command = { type: "echo.Echo", data: "{}", nonce: 7n };
      await manager.says("command", { ...command, commandId: 9n });
      await stage.clock.settle();
      stage.note("Its id is not above the highest that was accepted");
      await manager.says("command", { ...command, commandId: 8n });
      await stage.clock.settle();
    },
  },
  {
    name: "cancel",
    about: "A command is cancelled",
    async run(stage) {
      await stage.knows();
      await stage.agentStarts();
      const id = await stage.run("command.Run", { argv: ["sleep", "60"] });
      stage.note("An operator cancels it, with a grace of 2 seconds");
      await stage.manager.commands.cancel(id, { graceMs: 2_000 });
      await stage.clock.settle();
      stage.note("Its processes end by SIGTERM");
      stage.workers.newest.ends({
        success: false,
        changed: true,
        signal: "SIGTERM",
        message: "The program was ended by SIGTERM",
        reaped: { signalled: 1, alive: [] },
      });
      await stage.clock.advance(LATER_MS);
    },
  },
  {
    name: "resume",
    about: "The connection breaks while a command runs, and it goes on",
    async run(stage) {
      await stage.knows();
      await stage.agentStarts();
      await stage.run("command.Run", { argv: ["count"] });
      await stage.workers.newest.prints("1\n");
      await stage.clock.advance(LATER_MS);
      stage.note("The connection breaks; the program prints on");
      await stage.cut();
      await stage.workers.newest.prints("2\n");
      stage.note("The agent dials again, and lists the command");
      await stage.clock.advance(1_000);
      stage.note("The program ends while the link is up again");
      stage.workers.newest.ends({ changed: true, exitCode: 0 });
      await stage.clock.advance(LATER_MS);
    },
  },
  {
    name: "data",
    about: "An operation asks the Manager for data",
    async run(stage) {
      await stage.knows();
      await stage.agentStarts();
      await stage.run("file.Fetch", { source: "abc", path: "/tmp/abc" });
      const { sink } = stage.workers.newest;
      stage.note("It asks for a setting");
      await sink.request("data", '{"key":"colour"}');
      stage.note("For a piece of a file");
      const piece = { filename: "abc", offset: 0, length: 65_536 };
      await sink.request("file_content", JSON.stringify(piece));
      stage.note("For what is beyond the file's end: no bytes, and yet sent");
      const beyond = { ...piece, offset: 3 };
      await sink.request("file_content", JSON.stringify(beyond));
      stage.note("And for what the Manager cannot answer");
      await sink.request("file_owner", "{}").catch(() => {});
    },
  },
  {
    name: "old-agent",
    about: "An agent of 2024 works for our Manager",
    async run(stage) {
      await stage.knows("old secret");
      const agent = stage.scriptedAgent();
      await agent.says("clientHello", { clientId: AGENT, auth: "old secret" });
      await stage.clock.settle();
      stage.note("A command waits for the first Pong");
      const commandId = await stage.run("echo.Echo", ECHO);
      await agent.says("pong");
      await stage.clock.settle();
      await agent.says("progress", { commandId, current: 0, total: 1 });
      stage.note("It asks for data under an id that no double holds");
      await agent.says("dataRequest", {
        requestId: 20_240_615_123_456_789n,
        type: "file_content",
        data: '{"filename": "abc", "offset": 3, "length": 64536}',
      });
      await stage.clock.settle();
      await agent.says("progress", { commandId, current: 1, total: 1 });
      await agent.says("result", {
        commandId,
        status: CommandResult_Status.SUCCESS,
        output: "Operation echo.Echo succeeded:\nhello",
      });
      await agent.says("bye", { reason: "going" });
      await stage.clock.settle();
    },
  },
  {
    name: "old-manager",
    about: "Our Agent works for a Manager of 2024",
    async run(stage) {
      const manager = await stage.scriptedManager();
      await manager.says("serverHello", { version: 1 });
      await manager.says("ping", { data: 271_828 });
      await stage.clock.settle();
      await manager.says("command", {
        commandId: 20_240_615_123_456_789n,
        type: "command.Run",
        data: '{"[args]": ["hello"], "cwd": "/tmp"}',
      });
      await stage.clock.settle();
      stage.note("The program prints to both streams, and ends with 3");
      await stage.workers.newest.prints("hello\n");
      await stage.workers.newest.prints("oh\n", "stderr");
      stage.workers.newest.ends({
        success: false,
        changed: true,
        exitCode: 3,
        message: "The program ended with exit code 3",
      });
      await stage.clock.settle();
      stage.note("A command whose data are no JSON object");
      await manager.says("command", {
        commandId: 20_240_615_123_456_790n,
        type: "echo.Echo",
        data: "hello",
      });
      await stage.clock.settle();
    },
  },
];
