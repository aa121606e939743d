import { encodeBase64Url } from "@std/encoding/base64url";
import { join } from "@std/path";
import * as v from "valibot";
import { formatAddress, parseAddress } from "../base/address.ts";
import { PiriError } from "../base/errors.ts";
import {
  diskError,
  readPrivateIfThere,
  writeFileAtomically,
} from "../base/files.ts";
import { type JoinToken, parseJoinToken } from "../base/join_token.ts";
import { NAME_PATTERN } from "../base/limits.ts";
import { readMinisignKey } from "../base/minisign.ts";
import type { LogOptions } from "../base/log_options.ts";
import { decodePem, encodePem } from "../base/pem.ts";
import {
  makePrivateFolder,
  requirePrivateFolder,
} from "../base/private_folder.ts";
import type { Random } from "../base/random.ts";
import type { Settings } from "../base/reload.ts";
import { hashSecret, newSecret, SECRET_PATTERN } from "../base/secret.ts";
import {
  durationSetting,
  LogSetting,
  parseSettings,
  readBy,
} from "../base/settings.ts";
import { CommandSetting, type CommandSettings } from "./command_settings.ts";
import { CustomSetting, type CustomSettings } from "./custom_setting.ts";

/** Settings of an Agent and its Manager: agent.yaml, described in docs/configuration.md. */
export interface AgentConfig {
  readonly name: string;
  /** Addresses to dial, "host:port", tried in order. */
  readonly addresses: readonly string[];
  /** Name that the Manager's certificate must have. */
  readonly serverName: string;
  /** Certificate of the only authority that is trusted, PEM. */
  readonly caPem: string;
  /** Secret by which this agent proves itself: 256 bits in base64url. */
  readonly secret: string;
  /** Secret of the join token, until the Manager has accepted it. */
  readonly joinToken?: string | undefined;
  /** Hash of the join token that the Manager has accepted. */
  readonly joinedWith?: string | undefined;
  /** Widest window of random delays between two dials, in milliseconds; what the Manager says if absent. */
  readonly reconnectWindow?: number | undefined;
  readonly allowTestOperations: boolean;
  /** `manual` if the owner of the host alone replaces the agent. */
  readonly updates: "manager" | "manual";
  /** Public keys of minisign that may sign updates, besides those of the build. */
  readonly updateKeys: readonly string[];
  readonly log: LogOptions;
  readonly commands: CommandSettings;
  readonly customOperations: CustomSettings;
}

/** Settings by their names in agent.yaml. A running agent dials new addresses when it has to dial again. */
export const AGENT_SETTINGS: Settings<AgentConfig> = {
  name: { valueOf: ({ name }) => name, atOnce: false },
  addresses: { valueOf: ({ addresses }) => addresses, atOnce: true },
  serverName: { valueOf: ({ serverName }) => serverName, atOnce: false },
  caPem: { valueOf: ({ caPem }) => caPem, atOnce: false },
  secret: { valueOf: ({ secret }) => secret, atOnce: false },
  reconnectWindow: {
    valueOf: ({ reconnectWindow }) => reconnectWindow,
    atOnce: false,
  },
  allowTestOperations: {
    valueOf: ({ allowTestOperations }) => allowTestOperations,
    atOnce: false,
  },
  updates: { valueOf: ({ updates }) => updates, atOnce: true },
  updateKeys: { valueOf: ({ updateKeys }) => updateKeys, atOnce: true },
  "commands.path": { valueOf: ({ commands }) => commands.path, atOnce: false },
  "commands.umask": {
    valueOf: ({ commands }) => commands.umask,
    atOnce: false,
  },
  "commands.environment": {
    valueOf: ({ commands }) => commands.environment,
    atOnce: false,
  },
  "commands.limits": {
    valueOf: ({ commands }) => commands.limits,
    atOnce: false,
  },
  customOperations: {
    valueOf: ({ customOperations }) => customOperations,
    atOnce: false,
  },
  "log.level": { valueOf: ({ log }) => log.level, atOnce: true },
  "log.format": { valueOf: ({ log }) => log.format, atOnce: true },
  "log.target": { valueOf: ({ log }) => log.target, atOnce: true },
};

/** File with the config in use. */
const CONFIG = "agent.yaml";

/** File with the config of a join that is under way. */
const JOINING = "joining.yaml";

const EDITABLE: ReadonlySet<string> = new Set(["allowTestOperations", "log"]);

/** Entries that only people write. */
const PEOPLES: ReadonlySet<string> = new Set([
  "commands",
  "customOperations",
  "reconnectWindow",
  "updateKeys",
  "updates",
]);

const NEW_TEXT = `\
# The configuration of this Piri agent, written by piri-agent join. It holds a secret: nobody else may read it.
# allowTestOperations, commands, customOperations, log and reconnectWindow are there to be edited; docs/configuration.md describes every key. SIGHUP reads it again.
name: ""
`;

const Schema = v.strictObject({
  name: v.pipe(
    v.string(),
    v.regex(NAME_PATTERN, "it is not a name of an agent"),
  ),
  addresses: v.pipe(
    v.array(readBy(readAddress)),
    v.minLength(1, "it should list one address at least"),
  ),
  serverName: v.pipe(v.string(), v.nonEmpty("it should be a name")),
  caPem: readBy(checkedCertificate),
  secret: v.pipe(
    v.string(),
    v.regex(SECRET_PATTERN, "it should be 43 characters of base64url"),
  ),
  joinToken: v.optional(v.string()),
  joinedWith: v.optional(v.string()),
  // Where a window grows to it, one of less than a second would be a flood.
  reconnectWindow: v.optional(
    durationSetting(1, { least: "1s", most: "1h" }),
  ),
  allowTestOperations: v.optional(
    v.boolean("it should be true or false"),
    false,
  ),
  updates: v.optional(
    v.picklist(["manager", "manual"], "it should be manager or manual"),
    "manager",
  ),
  updateKeys: v.optional(v.array(readBy(readUpdateKey)), []),
  log: v.optional(LogSetting, {}),
  commands: v.optional(CommandSetting, {}),
  customOperations: v.optional(CustomSetting, "all"),
});

/**
 * Reads agent.yaml.
 *
 * @param anyOwnerForRoot True if root may use the folder of any user.
 * @throws {PiriError} FAILED_PRECONDITION if the agent has not joined; DENIED if others may read it or write to its
 * folder, or own one of them; INVALID_ARGUMENT with file and line
 */
export async function loadAgentConfig(
  dir: string,
  options: { readonly anyOwnerForRoot?: boolean } = {},
): Promise<AgentConfig> {
  const config = await load(join(dir, CONFIG));
  if (config !== undefined) {
    requirePrivateFolder(dir, options);
    return config;
  }
  throw new PiriError(
    "FAILED_PRECONDITION",
    `Cannot use "${dir}": the agent has not joined a Manager; run piri-agent join`,
  );
}

/** Config to join with, and the key that the Manager must have, if the token tells it. */
export type JoinConfig = AgentConfig & Pick<JoinToken, "managerKey">;

/**
 * Stores the config for a join, durably and beside the config in use, before anything is dialled. So the same token
 * finds the same secret again, whatever happens from here on. Returns the config to enrol with; it has a `joinToken`.
 *
 * @param name Name to join under, if the token is for many; empty for the host's own.
 * @throws {PiriError} INVALID_ARGUMENT for a token that cannot be read; DENIED, DISK
 */
export async function prepareJoin(
  dir: string,
  token: string,
  random: Random,
  name = "",
): Promise<JoinConfig> {
  await makePrivateFolder(dir);
  requirePrivateFolder(dir, { anyOwnerForRoot: true });
  const { managerKey, ...config } = joinConfig(
    token,
    {
      joined: await load(join(dir, CONFIG)),
      joining: await load(join(dir, JOINING)),
    },
    random,
    name,
  );
  await save(join(dir, JOINING), config, random);
  return managerKey === undefined ? config : { ...config, managerKey };
}

/**
 * Reads the config of a host that has joined, and whether by this token; undefined if it has not joined.
 *
 * @throws {PiriError} INVALID_ARGUMENT for a token that cannot be read; DENIED, DISK
 */
export async function readJoined(
  dir: string,
  token: string,
): Promise<{ config: AgentConfig; isByToken: boolean } | undefined> {
  const config = await load(join(dir, CONFIG));
  if (config === undefined) return undefined;
  const { secret } = parseJoinToken(token);
  return { config, isByToken: config.joinedWith === hashOf(secret) };
}

/**
 * Puts the config into use that the Manager has accepted.
 *
 * @throws {PiriError} DENIED, DISK
 */
export async function finishJoin(
  dir: string,
  { joinToken, ...config }: AgentConfig,
  random: Random,
): Promise<void> {
  const joinedWith = joinToken === undefined
    ? config.joinedWith
    : hashOf(joinToken);
  await save(join(dir, CONFIG), { ...config, joinedWith }, random);
  await Deno.remove(join(dir, JOINING)).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) {
      throw diskError(`remove "${join(dir, JOINING)}"`, error);
    }
  });
}

/**
 * Keeps a name that the Manager has given this agent. The file is the former one or the new one, whenever this is
 * interrupted. Does nothing before the first join.
 *
 * @throws {PiriError} INVALID_ARGUMENT for a mistake in the file; DENIED, DISK
 */
export async function keepName(
  dir: string,
  name: string,
  random: Random,
): Promise<void> {
  const path = join(dir, CONFIG);
  const config = await load(path);
  if (config === undefined || config.name === name) return;
  await save(path, { ...config, name }, random);
}

/**
 * Makes the config to enrol with. A token that was used or tried before keeps the secret that was made for it, so that
 * a repeated join changes nothing. Another token gets a new secret.
 *
 * @throws {PiriError} INVALID_ARGUMENT for a token that cannot be read
 */
export function joinConfig(
  token: string,
  { joined, joining }: {
    joined?: AgentConfig | undefined;
    joining?: AgentConfig | undefined;
  },
  random: Random,
  name = "",
): JoinConfig {
  const { secret: joinToken, caCertificate, ...manager } = parseJoinToken(
    token,
  );
  const before = joining?.joinToken === joinToken
    ? joining
    : joined?.joinedWith === hashOf(joinToken)
    ? joined
    : undefined;
  return {
    ...manager,
    name: nameOf(manager.name, name),
    caPem: encodePem("CERTIFICATE", caCertificate),
    secret: before?.secret ?? newSecret(random),
    joinToken,
    allowTestOperations: joined?.allowTestOperations ?? false,
    updates: joined?.updates ?? "manager",
    updateKeys: joined?.updateKeys ?? [],
    log: joined?.log ?? { level: "info", format: "text" },
    commands: joined?.commands ?? v.parse(CommandSetting, {}),
    customOperations: joined?.customOperations ?? { allow: "all" },
  };
}

/** Name to join under: that of the token, or the wanted one if the token is for many. */
function nameOf(named: string | undefined, wanted: string): string {
  if (named !== undefined) {
    if (wanted === "" || wanted === named) return named;
    throw new PiriError(
      "INVALID_ARGUMENT",
      `Cannot join as "${wanted}": this token is for "${named}"`,
    );
  }
  const name = wanted || Deno.hostname().toLowerCase();
  if (NAME_PATTERN.test(name)) return name;
  throw new PiriError(
    "INVALID_ARGUMENT",
    `Cannot join as "${name}": it is not a name of an agent; give one with --name`,
  );
}

/** Hashes a join token, so that the token itself need not stay on the disk. */
function hashOf(joinToken: string): string {
  return encodeBase64Url(hashSecret(joinToken));
}

async function load(path: string): Promise<AgentConfig | undefined> {
  const text = await readPrivateIfThere(path);
  return text === undefined
    ? undefined
    : await parseSettings(text, path, Schema);
}

/** Saves a config. Comments and order of the file stay, because people edit it. */
async function save(
  path: string,
  config: AgentConfig,
  random: Random,
): Promise<void> {
  const text = await readPrivateIfThere(path) ?? NEW_TEXT;
  const { parseYaml } = await import("../base/yaml.ts");
  const { document } = parseYaml(text, path, "INVALID_ARGUMENT");
  const wanted: Readonly<Record<string, unknown>> = { ...config };
  for (const key of Object.keys(Schema.entries)) {
    if (PEOPLES.has(key)) continue;
    if (wanted[key] === undefined) document.delete(key);
    // Entries that people edit stay as they wrote them.
    else if (!EDITABLE.has(key) || !document.has(key)) {
      document.set(key, wanted[key]);
    }
  }
  await writeFileAtomically(path, document.toString({ lineWidth: 0 }), {
    random,
  });
}

function readAddress(text: string): string {
  return formatAddress(parseAddress(text));
}

function readUpdateKey(line: string): string {
  readMinisignKey(line);
  return line;
}

function checkedCertificate(pem: string): string {
  decodePem("CERTIFICATE", pem);
  return pem;
}
