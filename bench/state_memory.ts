import { PiriError } from "../lib/base/errors.ts";
import { settledMemory } from "./agent_and_holder.ts";
import type { LeftOut, OpenPair, Pair } from "./pair.ts";
import { lacking } from "./peer.ts";
import { watchProcess } from "./process_watch.ts";
import { puppetApply } from "./puppet.ts";
import { FilesAndFleet } from "./state_files.ts";

/** Memory of an agent for a state of many steps. Each round has a new agent, since freed memory stays resident. */
export const stateMemory: Pair = {
  name: "state-memory",
  unit: "MB",
  goal: { most: 0.25 },
  ours:
    "most memory of a compiled agent while it plans a state of 1,000 files, above that of an idle one",
  beside: "most memory of `puppet apply` with the same files",
  async open(): Promise<OpenPair | LeftOut> {
    const lacks = await lacking("puppet");
    if (lacks !== undefined) return lacks;
    if (Deno.build.os !== "linux") {
      return {
        leftOut: "the most memory of a process can be read on Linux only",
      };
    }
    const first = await FilesAndFleet.open();
    if ("leftOut" in first) return first;
    const manifest = await first.files.manifest();
    const idle: number[] = [];
    return {
      async ours() {
        const opened = await FilesAndFleet.open();
        if ("leftOut" in opened) {
          throw new PiriError("INTERNAL", `Cannot go on: ${opened.leftOut}`);
        }
        await using again = opened;
        const { agent } = again.fleet;
        const before = await settledMemory(agent);
        await again.plan();
        idle.push(before);
        return await mostMemoryOf(agent.pid) - before;
      },
      async beside() {
        const argv = puppetApply(first.files.folder, manifest);
        return (await watchProcess(argv)).mostBytes / 1e6;
      },
      notes: () => [`idle: ${idle.map((mb) => mb.toFixed(1)).join(", ")} MB`],
      [Symbol.asyncDispose]: () => first[Symbol.asyncDispose](),
    };
  },
};

/** Most resident memory of a process since its start, in megabytes. */
async function mostMemoryOf(pid: number): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * 1_024 / 1e6;
}
