import type { Address } from "../../lib/base/address.ts";
import { systemClock } from "../../lib/base/clock.ts";
import { systemRandom } from "../../lib/base/random.ts";
import { managerServices } from "../../lib/manager_services.ts";
import { type RunningManager, serveManager } from "../../lib/serve_manager.ts";
import { TempFolder } from "./temp_folder.ts";

/** Running Manager with a control port, whose certificate has the name localhost. */
export interface ControlPortSite extends AsyncDisposable {
  readonly manager: RunningManager;
  /** Folder with the state folder in it, "manager". */
  readonly folder: TempFolder;
}

/** Starts a Manager with lines added to its config.yaml, and with an address for operators, if there is one. */
export async function startControlPort(
  { config = "", controlListen }: {
    readonly config?: string;
    readonly controlListen?: Address;
  },
): Promise<ControlPortSite> {
  await using undo = new AsyncDisposableStack();
  const folder = undo.use(await TempFolder.make());
  const dir = folder.at("manager");
  await managerServices.init({
    dir,
    listen: "127.0.0.1:0",
    advertise: "localhost:7051",
  });
  const path = folder.at("manager", "config.yaml");
  await Deno.writeTextFile(path, config, { append: true });
  const manager = undo.use(
    await serveManager({
      dir,
      clock: systemClock,
      random: systemRandom,
      controlListen,
    }),
  );
  const opened = undo.move();
  return {
    manager,
    folder,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}
