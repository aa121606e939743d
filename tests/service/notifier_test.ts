import { assertEquals } from "@std/assert";
import { connectDatagram, type Datagrams } from "../../lib/service/datagram.ts";
import { createNotifier } from "../../lib/service/notifier.ts";
import { FakeClock } from "../support/fake_clock.ts";
import { TempFolder } from "../support/temp_folder.ts";
import { UnixReceiver } from "./unix_receiver.ts";

const LINUX = { ignore: Deno.build.os !== "linux" };

/** Notifier of a program that was started with these variables. */
function notifierOf(
  variables: Record<string, string>,
  connect: (path: string) => Datagrams | undefined = connectDatagram,
) {
  const clock = new FakeClock();
  const env = (name: string) => variables[name];
  return { clock, notifier: createNotifier({ env, pid: 17, clock, connect }) };
}

Deno.test(
  "systemd is told one datagram each of the start, the state and the end",
  LINUX,
  async () => {
    await using folder = await TempFolder.make();
    const path = folder.at("notify");
    using receiver = new UnixReceiver(path);
    const { notifier } = notifierOf({ NOTIFY_SOCKET: path });
    using _ends = notifier;
    notifier.ready("not connected");
    notifier.status("connected to mgr:7051\nREADY=0");
    notifier.stopping();

    assertEquals(receiver.take(), [
      "READY=1\nSTATUS=not connected",
      "WATCHDOG=1",
      "STATUS=connected to mgr:7051 READY=0",
      "STOPPING=1\nSTATUS=stops",
    ]);
  },
);

Deno.test("a socket whose name is no file is reached, too", LINUX, () => {
  const path = `@piri-test-${crypto.randomUUID()}`;
  using receiver = new UnixReceiver(path);
  const { notifier } = notifierOf({ NOTIFY_SOCKET: path });
  using _ends = notifier;
  notifier.stopping();

  assertEquals(receiver.take(), ["STOPPING=1\nSTATUS=stops"]);
});

Deno.test("a start that takes long asks for time again and again, as long as it says so", async () => {
  const sent: string[] = [];
  const connect = () => ({
    send: (text: string) => sent.push(text) > 0,
    [Symbol.dispose]: () => {},
  });
  const { clock, notifier } = notifierOf({ NOTIFY_SOCKET: "/run/n" }, connect);
  notifier.starting("changes the database");
  await clock.advance(40_000);
  notifier.starting(undefined);
  await clock.advance(60_000);

  assertEquals(sent, [
    "STATUS=changes the database",
    "EXTEND_TIMEOUT_USEC=60000000",
    "EXTEND_TIMEOUT_USEC=60000000",
    "EXTEND_TIMEOUT_USEC=60000000",
  ]);
  assertEquals(clock.timers, 0);
});

Deno.test("the watchdog gets a sign of life twice in its time, from the start until the end", async () => {
  const sent: string[] = [];
  const connect = () => ({
    send: (text: string) => sent.push(text) > 0,
    [Symbol.dispose]: () => {},
  });
  const variables = {
    NOTIFY_SOCKET: "/run/n",
    WATCHDOG_USEC: "60000000",
    WATCHDOG_PID: "17",
  };
  const { clock, notifier } = notifierOf(variables, connect);
  await clock.advance(120_000);
  assertEquals(sent, []);
  notifier.ready("");
  await clock.advance(60_000);
  notifier[Symbol.dispose]();
  await clock.advance(60_000);

  assertEquals(sent.slice(1), ["WATCHDOG=1", "WATCHDOG=1", "WATCHDOG=1"]);
});

Deno.test("a watchdog of another process is left alone", async () => {
  const sent: string[] = [];
  const connect = () => ({
    send: (text: string) => sent.push(text) > 0,
    [Symbol.dispose]: () => {},
  });
  const { clock, notifier } = notifierOf({
    NOTIFY_SOCKET: "/run/n",
    WATCHDOG_USEC: "1000000",
    WATCHDOG_PID: "18",
  }, connect);
  using _ends = notifier;
  notifier.ready("");
  await clock.advance(10_000);

  assertEquals(sent.filter((text) => text === "WATCHDOG=1").length, 1);
});

Deno.test("a notifier without a socket tells nobody, and nothing fails", () => {
  for (
    const path of ["", "/nowhere/notify", "relative", `/${"x".repeat(200)}`]
  ) {
    const { notifier } = notifierOf({ NOTIFY_SOCKET: path });
    using _ends = notifier;
    notifier.ready("");
    notifier.stopping();
  }
});

Deno.test(
  "a program tells systemd also after it gave up the permission to load libraries",
  LINUX,
  async () => {
    await using folder = await TempFolder.make();
    const path = folder.at("notify");
    using receiver = new UnixReceiver(path);
    const { success } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "-A",
        new URL("notify_program.ts", import.meta.url).href,
        path,
      ],
    }).output();

    assertEquals([success, receiver.take()], [true, ["READY=1"]]);
  },
);
