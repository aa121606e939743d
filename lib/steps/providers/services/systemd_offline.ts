import type { HostReader } from "../../host/host.ts";
import {
  inNeutralWords,
  type ServiceAct,
  type ServiceFacts,
  type ServiceManager,
} from "./service_manager.ts";
import { definitionsOf, enabledBy, whyFixedBy } from "./unit_files.ts";
import { unitName } from "./unit_names.ts";

/**
 * A systemd that is installed and does not run, as in the root of an image: units are enabled by their links.
 *
 * Its tool answers success to a start there, so no service is started or stopped by it.
 */
export class SystemdOffline implements ServiceManager {
  readonly kind = "systemd";
  readonly runs = false;
  readonly acts: ReadonlySet<ServiceAct> = new Set([
    "enable",
    "disable",
    "mask",
    "unmask",
  ]);
  readonly rereads = undefined;

  nameOf(name: string): string {
    return unitName(name);
  }

  async find(name: string, reader: HostReader): Promise<ServiceFacts> {
    const { stdout } = await reader.ask(
      inNeutralWords(["systemctl", "--root=/", "is-enabled", "--", name]),
    );
    const [fileState = ""] = stdout.trim().split("\n");
    // Older ones say nothing about a unit that is not there, newer ones a word.
    const isThere = fileState !== "" && fileState !== "not-found";
    const isMasked = fileState.startsWith("masked");
    const whyFixed = isThere && !isMasked ? whyFixedBy(fileState) : undefined;
    return {
      id: name,
      names: [name],
      isThere,
      isUp: false,
      isDown: true,
      status: isThere ? "not running" : "not there",
      enabled: isMasked ? false : enabledBy(fileState),
      ...whyFixed === undefined ? {} : { whyFixed },
      isMasked,
      canReload: false,
      isStale: false,
      isLoaded: false,
      files: [],
      start: "",
    };
  }

  findNow(name: string, reader: HostReader): Promise<ServiceFacts> {
    return this.find(name, reader);
  }

  definitions(name: string): readonly string[] {
    return definitionsOf(name);
  }

  additions(): undefined {
    return undefined;
  }

  command(act: ServiceAct, { id }: ServiceFacts): readonly string[] {
    return ["systemctl", "--root=/", act, "--", id];
  }

  lastLines(): Promise<string[]> {
    return Promise.resolve([]);
  }

  obstacles(): Promise<string[]> {
    return Promise.resolve([]);
  }
}
