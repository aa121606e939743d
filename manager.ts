import { managerProgram } from "./lib/cli/manager/program.ts";
import { managerFolder } from "./lib/cli/manager/manager_folder.ts";
import { main } from "./lib/cli/main.ts";
import { systemTerminal } from "./lib/cli/terminal.ts";
import { defaultStateFolder, thisHost } from "./lib/base/paths.ts";
import { buildInfo } from "./lib/base/version.ts";
import { managerServices } from "./lib/manager_services.ts";

const defaultDir = () => defaultStateFolder("piri-manager", thisHost());
const program = managerProgram({
  build: buildInfo(),
  defaultDir,
  defaultPeer: () => managerFolder(thisHost(), defaultDir),
  services: managerServices,
});
Deno.exit(await main(program, Deno.args, systemTerminal()));
