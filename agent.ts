import { agentProgram } from "./lib/cli/agent/program.ts";
import { main } from "./lib/cli/main.ts";
import { systemTerminal } from "./lib/cli/terminal.ts";
import { agentServices } from "./lib/agent_services.ts";
import { defaultStateFolder, thisHost } from "./lib/base/paths.ts";
import { buildInfo } from "./lib/base/version.ts";

const program = agentProgram({
  build: buildInfo(),
  defaultDir: () => defaultStateFolder("piri-agent", thisHost()),
  services: agentServices,
});
Deno.exit(await main(program, Deno.args, systemTerminal()));
