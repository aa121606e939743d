import { NAMES, ownEdition } from "./lib/agent_edition.ts";
import { agentProgram } from "./lib/cli/agent/program.ts";
import { main } from "./lib/cli/main.ts";
import { systemTerminal } from "./lib/cli/terminal.ts";
import { agentServicesOf } from "./lib/agent_services.ts";
import { defaultStateFolder, thisHost } from "./lib/base/paths.ts";
import { ownPermissionsText } from "./lib/base/permissions.ts";
import { buildInfo } from "./lib/base/version.ts";

const edition = ownEdition();
const program = agentProgram({
  name: NAMES[edition],
  build: { ...buildInfo(), permissions: ownPermissionsText() },
  defaultDir: () => defaultStateFolder("piri-agent", thisHost()),
  services: agentServicesOf(edition),
});
Deno.exit(await main(program, Deno.args, systemTerminal()));
