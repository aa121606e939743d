import { isAbsolute } from "@std/path";
import * as v from "valibot";
import {
  type Address,
  formatAddress,
  isWildcard,
  parseAddress,
} from "../../base/address.ts";
import { PiriError } from "../../base/errors.ts";
import type { LogOptions } from "../../base/log_options.ts";
import { readMinisignKey } from "../../base/minisign.ts";
import type { Settings } from "../../base/reload.ts";
import {
  durationSetting,
  LogSetting,
  parseSettings,
  readBy,
  sizeSetting,
} from "../../base/settings.ts";
import { type DriftRule, DriftSetting } from "../drift/drift_rule.ts";
import { GUARD_LIMITS, type GuardLimits } from "../door/guard.ts";
import {
  parseWebhookSecret,
  parseWebhookUrl,
  type Webhook,
  WEBHOOK_EVENTS,
} from "../webhooks/webhook.ts";

/** Settings of a Manager: config.yaml, described in docs/configuration.md. */
export interface ManagerConfig {
  /** Address on which agents are accepted. */
  readonly listen: Address;
  /** Address that agents are told to dial. */
  readonly advertise: Address;
  readonly retention: {
    /** Age at which commands and events are deleted, in milliseconds. */
    readonly ms: number;
    /** Total output that is kept, in bytes. The oldest is deleted first. */
    readonly outputBytes: number;
  };
  /** Limit of the output kept of one command in bytes: a quarter for the beginning and the end of each stream. */
  readonly outputBytesPerCommand: number;
  /** Limit of the inputs and files of commands that are kept, in bytes. */
  readonly blobBytes: number;
  /** Interval of pings between agents and the Manager, in milliseconds. */
  readonly pingIntervalMs: number;
  /** Address of the control port, for operators on other machines; without it there is none. */
  readonly control?: Address | undefined;
  /** Address of the control port that operators are told; that of `advertise` with the port of `control` if absent. */
  readonly controlAdvertise?: Address | undefined;
  /** Limits of the plain-TCP front; without them there is none. */
  readonly guard?: GuardLimits | undefined;
  /** Public keys of minisign that may sign releases, besides those of the build; none if absent. */
  readonly updateKeys?: readonly string[] | undefined;
  /** Places that are told of events; none if absent. */
  readonly webhooks?: readonly Webhook[] | undefined;
  /** Rules of drift; none if absent. */
  readonly drift?: readonly DriftRule[] | undefined;
  readonly log: LogOptions;
}

/** Settings by their names in config.yaml. A running Manager takes over all that needs no other socket. */
export const MANAGER_SETTINGS: Settings<ManagerConfig> = {
  listen: { valueOf: ({ listen }) => listen, atOnce: false },
  advertise: { valueOf: ({ advertise }) => advertise, atOnce: true },
  "retention.days": { valueOf: ({ retention }) => retention.ms, atOnce: true },
  "retention.outputBytes": {
    valueOf: ({ retention }) => retention.outputBytes,
    atOnce: true,
  },
  outputBytesPerCommand: {
    valueOf: ({ outputBytesPerCommand }) => outputBytesPerCommand,
    atOnce: true,
  },
  blobBytes: { valueOf: ({ blobBytes }) => blobBytes, atOnce: true },
  pingIntervalMs: {
    valueOf: ({ pingIntervalMs }) => pingIntervalMs,
    atOnce: true,
  },
  control: { valueOf: ({ control }) => control, atOnce: false },
  controlAdvertise: {
    valueOf: ({ controlAdvertise }) => controlAdvertise,
    atOnce: false,
  },
  guard: { valueOf: ({ guard }) => guard, atOnce: false },
  updateKeys: { valueOf: ({ updateKeys }) => updateKeys, atOnce: true },
  webhooks: { valueOf: ({ webhooks }) => webhooks, atOnce: true },
  drift: {
    valueOf: ({ drift }) =>
      drift?.map(({ window, ...rule }) => [rule, window?.text]),
    atOnce: true,
  },
  "log.level": { valueOf: ({ log }) => log.level, atOnce: true },
  "log.format": { valueOf: ({ log }) => log.format, atOnce: true },
  "log.target": { valueOf: ({ log }) => log.target, atOnce: true },
};

const DAY_MS = 86_400_000;

const Schema = v.strictObject({
  listen: readBy((text) => parseAddress(text, { lowestPort: 0 })),
  advertise: readBy(parseAdvertised),
  retention: v.optional(
    v.strictObject({
      days: v.optional(
        durationSetting(DAY_MS, { least: "1h", most: "36500d" }),
        30,
      ),
      outputBytes: v.optional(
        sizeSetting({ least: "1MiB", most: "1024TiB" }),
        "1GiB",
      ),
    }),
    {},
  ),
  outputBytesPerCommand: v.optional(
    sizeSetting({ least: "0B", most: "1TiB" }),
    "64MiB",
  ),
  blobBytes: v.optional(
    sizeSetting({ least: "1MiB", most: "1024TiB" }),
    "10GiB",
  ),
  // Agents use a value between these two, whatever the Manager says.
  pingIntervalMs: v.optional(
    durationSetting(1, { least: "1s", most: "15s" }),
    15_000,
  ),
  control: v.optional(readBy((text) => parseAddress(text, { lowestPort: 0 }))),
  controlAdvertise: v.optional(readBy(parseAdvertised)),
  guard: v.optional(v.strictObject({
    perAddress: v.optional(countSetting(), GUARD_LIMITS.perAddress),
    total: v.optional(countSetting(), GUARD_LIMITS.total),
  })),
  updateKeys: v.optional(v.array(readBy(readUpdateKey))),
  webhooks: v.optional(v.pipe(
    v.array(
      v.strictObject({
        url: readBy(parseWebhookUrl),
        events: v.optional(
          v.array(
            v.picklist(
              WEBHOOK_EVENTS,
              `it should be one of ${WEBHOOK_EVENTS.join(", ")}`,
            ),
            "it should be a list of events",
          ),
          [...WEBHOOK_EVENTS],
        ),
        secret: v.optional(readBy(parseWebhookSecret)),
        awayAfter: v.optional(
          durationSetting(1_000, { least: "10s", most: "365d" }),
          "10m",
        ),
        caFile: v.optional(
          v.pipe(
            v.string("it should be text in quotes"),
            v.check(isAbsolute, "it should be an absolute path"),
          ),
        ),
      }),
      "it should be a list",
    ),
    v.check(
      (hooks) => new Set(hooks.map(({ url }) => url)).size === hooks.length,
      "it should not have one URL twice",
    ),
  )),
  drift: v.optional(DriftSetting),
  log: v.optional(LogSetting, {}),
});

function countSetting() {
  return v.pipe(
    v.number("it should be a number"),
    v.check(
      (count) => Number.isInteger(count) && count >= 1 && count <= 1_000_000,
      "it should be a whole number from 1 to 1000000",
    ),
  );
}

/**
 * Reads config.yaml.
 *
 * @throws {PiriError} INVALID_ARGUMENT with file and line
 */
export async function parseManagerConfig(
  text: string,
  path: string,
): Promise<ManagerConfig> {
  const settings = await parseSettings(text, path, Schema);
  const { retention: { days, outputBytes }, ...rest } = settings;
  return { ...rest, retention: { ms: days, outputBytes } };
}

/** Reads an address that agents can dial: not "all addresses", and not port 0. */
export function parseAdvertised(text: string): Address {
  const address = parseAddress(text);
  if (!isWildcard(address.host)) return address;
  throw new PiriError(
    "INVALID_ARGUMENT",
    `Cannot read the address "${text}": agents cannot dial ${address.host}; use a name or an address of this host`,
  );
}

/** The config.yaml of a new Manager. */
export function newConfigText(
  { listen, advertise }: { listen: Address; advertise: Address },
): string {
  return `\
# The configuration of this Piri Manager. Read when it starts, and at SIGHUP; docs/configuration.md describes every key.

# Where agents are accepted: host:port, an IPv6 address in brackets.
listen: "${formatAddress(listen)}"

# Where agents are told to dial: it goes into every new join token.
advertise: "${formatAddress(advertise)}"

# Where operators on other machines are accepted (piri-manager operator add). Without this line, nowhere.
# control: "0.0.0.0:7052"

# What is kept in the database. The first limit that is reached counts.
retention:
  days: 30
  outputBytes: 1GiB

# Output kept of one command: a quarter each for the beginning and the end of its stdout and its stderr.
# Watchers see what is between them live, and later its size.
outputBytesPerCommand: 64MiB

# Inputs and files of commands that are kept (run --stdin, put). Those of the commands that ended first go first.
blobBytes: 10GiB

# Programs that are told of the end of jobs, and of agents that stay away. See docs/webhooks.md.
# webhooks:
#   - url: https://hooks.example.org/piri
#     secret: whsec_... # echo "whsec_$(openssl rand -base64 32)"

# How often a silent agent is asked whether it is there, in milliseconds: 1000 to 15000.
pingIntervalMs: 15000

log:
  level: info # trace, debug, info, warning, error, fatal
  format: text # text or json
`;
}

function readUpdateKey(line: string): string {
  readMinisignKey(line);
  return line;
}
