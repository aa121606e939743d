import { managerProgram } from "./lib/cli/manager/program.ts";
import { main } from "./lib/cli/main.ts";
import { systemTerminal } from "./lib/cli/terminal.ts";
import { defaultStateFolder, thisHost } from "./lib/base/paths.ts";
import { givenUpText } from "./lib/base/permissions.ts";
import { buildInfo } from "./lib/base/version.ts";
import { managerServices } from "./lib/manager_services.ts";

const program = managerProgram({
  build: {
    ...buildInfo(),
    permissions: givenUpText("serve and run --serve"),
  },
  defaultDir: () => defaultStateFolder("piri-manager", thisHost()),
  services: managerServices,
});
Deno.exit(await main(program, Deno.args, systemTerminal()));
