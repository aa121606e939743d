// A Manager's control API in a process of its own, so that a test can kill it. Prints "ready" once it serves.
import { serveControl } from "../../lib/api/server.ts";
import { systemRandom } from "../../lib/base/random.ts";
import { SmallManager } from "./small_manager.ts";

const [stateDir = "", transport] = Deno.args;
const manager = new SmallManager();
manager.events = {
  watch: async function* () {
    yield {
      key: { at: 1, source: "event", id: 1n },
      id: 1n,
      kind: "manager_started",
      agent: null,
      commandId: null,
      message: "",
    };
    await new Promise(() => {});
  },
};
await serveControl({
  manager,
  stateDir,
  random: systemRandom,
  ...(transport === "tcp" ? { transport } : {}),
});
await Deno.stdout.write(new TextEncoder().encode("ready"));
