import { compiled } from "../scripts/local/programs.ts";
import type { LeftOut, OpenPair, Pair } from "./pair.ts";
import { lacking } from "./peer.ts";
import { NOT_COMPILED, RealFleet } from "./real_fleet.ts";
import { median } from "./samples.ts";
import { SshHost } from "./ssh_host.ts";
import { timedWell } from "./timed.ts";

/** Number of commands in one measurement. Their median counts, since one alone says little. */
const RUNS = 7;

/** Time to run a program on one host, as a user sees it. */
export const oneCommand: Pair = {
  name: "one command",
  instead: { tool: "ssh", task: "Run a program on one host" },
  unit: "ms",
  goal: { most: 0.33 },
  ours: "compiled `piri-manager run web-1 -- true`, wall time",
  beside:
    "`ssh host true`: sshd on loopback without PAM, a user whose shell is /bin/sh",
  async open(): Promise<OpenPair | LeftOut> {
    const lacks = await lacking("sshd", "ssh", "ssh-keygen");
    if (lacks !== undefined) return lacks;
    const programs = await compiled();
    if (programs === undefined) return NOT_COMPILED;
    await using undo = new AsyncDisposableStack();
    const host = undo.use(await SshHost.start());
    const fleet = undo.use(await RealFleet.start(programs));
    const opened = undo.move();
    return {
      ours: () => medianOf(fleet.run("web-1", "--", "true")),
      beside: () => medianOf(host.ssh("true")),
      [Symbol.asyncDispose]: () => opened.disposeAsync(),
    };
  },
};

async function medianOf(argv: readonly string[]): Promise<number> {
  const times: number[] = [];
  for (let run = 0; run < RUNS; run++) times.push(await timedWell(argv));
  return median(times);
}
