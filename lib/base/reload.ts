import { messageOf } from "./errors.ts";
import type { Logger } from "./log.ts";

/** Setting of a configuration, and whether a running program takes a change over. */
export interface Setting<Config> {
  readonly valueOf: (config: Config) => unknown;
  readonly atOnce: boolean;
}

/** Settings of a configuration by the names that its file has for them. */
export type Settings<Config> = Readonly<Record<string, Setting<Config>>>;

/** Settings that were found changed when a configuration was read again, by their names. */
export interface Reload {
  /** Settings that hold from now on. */
  readonly changed: readonly string[];
  /** Settings that hold from the next start on. */
  readonly later: readonly string[];
}

/** Settings in which two configurations differ. */
export function compareSettings<Config>(
  settings: Settings<Config>,
  before: Config,
  after: Config,
): Reload {
  const names = Object.entries(settings)
    .filter(([, { valueOf }]) =>
      JSON.stringify(valueOf(before)) !== JSON.stringify(valueOf(after))
    )
    .map(([name]) => name);
  return {
    changed: names.filter((name) => settings[name]?.atOnce),
    later: names.filter((name) => !settings[name]?.atOnce),
  };
}

/** Reads a configuration again, and logs what that has changed. Never rejects: after an error the old settings stay. */
export async function reloadAndLog(
  reload: () => Promise<Reload>,
  log: Logger,
): Promise<void> {
  try {
    const { changed, later } = await reload();
    log.info("The configuration was read again: {what}", {
      what: changed.length === 0
        ? "nothing has changed at once"
        : `changed: ${changed.join(", ")}`,
    });
    if (later.length > 0) {
      log.warning("{names} changes at the next start", {
        names: later.join(", "),
      });
    }
  } catch (error) {
    log.error("The old settings stay: {error}", { error: messageOf(error) });
  }
}
