import { NAME_PATTERN } from "../base/limits.ts";
import { messageOf } from "../base/errors.ts";
import { isObject } from "../base/json_object.ts";
import { parseNetwork } from "../base/network.ts";
import type { Note } from "./note.ts";
import { isParsed, parseOlderYaml } from "./older_yaml.ts";
import type { RedpepperFolder } from "./redpepper_folder.ts";

/** Agent of RedPepper, as it is added here. */
export interface RedpepperAgent {
  readonly id: string;
  readonly groups: readonly string[];
  readonly cidrs: readonly string[];
  /** SHA-256 of its secret in hex digits; undefined if it has none that lets it in. */
  readonly secretHash: string | undefined;
  /** Data that only it has. */
  readonly data: Readonly<Record<string, unknown>>;
  /** The same as it is written here. */
  readonly ownData: Readonly<Record<string, unknown>>;
  /** Line of its entry. */
  readonly line: number;
}

/** Names that RedPepper allows. */
const ID = /^[a-zA-Z0-9_-]+$/;

/** Reads agents.yml and groups.yml. */
export function readAgents(
  { files }: Pick<RedpepperFolder, "files">,
): { readonly agents: readonly RedpepperAgent[]; readonly notes: Note[] } {
  const notes: Note[] = [];
  const groups = readGroups(textOf(files, "groups.yml"), notes);
  const parsed = parseOlderYaml(textOf(files, "agents.yml"), "agents.yml");
  if (!isParsed(parsed)) return { agents: [], notes: [...notes, parsed] };
  if (!isObject(parsed.value)) return { agents: [], notes };
  const agents = Object.entries(parsed.value).flatMap(([id, entry]) => {
    const line = parsed.lineOf([id]) ?? 1;
    const tell = (message: string, isLost = true) =>
      notes.push({ file: "agents.yml", line, message, isLost });
    const agent = readAgent(id, entry, tell);
    const own = isObject(parsed.own) ? parsed.own[id] : undefined;
    const ownData = isObject(own) && isObject(own["data"]) ? own["data"] : {};
    return agent === undefined
      ? []
      : [{ ...agent, ownData, line, groups: groupsFor(id, groups) }];
  });
  return { agents, notes };
}

function textOf(files: RedpepperFolder["files"], path: string): string {
  return new TextDecoder().decode(files.get(path) ?? new Uint8Array());
}

type Tell = (message: string, isLost?: boolean) => void;

function readAgent(
  id: string,
  entry: unknown,
  tell: Tell,
): Omit<RedpepperAgent, "line" | "groups" | "ownData"> | undefined {
  if (!ID.test(id) || !NAME_PATTERN.test(id)) {
    tell(
      `Cannot take the agent "${id}": a name begins and ends with a letter or digit here, and has 100 characters at most; add it under another one by piri-manager agent add`,
    );
    return undefined;
  }
  if (!isObject(entry)) {
    tell(
      `Cannot take the agent "${id}": its entry is no map, so RedPepper never lets it in`,
    );
    return undefined;
  }
  const cidrs = networksOf(id, entry["allowed_ips"], tell);
  if (cidrs.length === 0) {
    tell(
      `Cannot take the agent "${id}": it has no network in "allowed_ips", so RedPepper never lets it in, and here it could come from anywhere; write the network, or 0.0.0.0/0 and ::/0`,
    );
    return undefined;
  }
  if (entry["cert_hash"] !== undefined) {
    tell(
      `"cert_hash" of "${id}" is left out: an agent proves itself by its secret, and by its own key once Piri is on its host`,
      false,
    );
  }
  return {
    id,
    cidrs,
    secretHash: hashOf(id, entry["secret_hash"], tell),
    data: isObject(entry["data"]) ? entry["data"] : {},
  };
}

function networksOf(id: string, given: unknown, tell: Tell): string[] {
  const texts = typeof given === "string"
    ? [given]
    : Array.isArray(given)
    ? given
    : [];
  return texts.flatMap((text) => {
    try {
      parseNetwork(String(text));
      return [String(text)];
    } catch (error) {
      tell(
        `The network "${text}" of "${id}" is left out, as RedPepper does: ${
          messageOf(error)
        }`,
        false,
      );
      return [];
    }
  });
}

function hashOf(id: string, given: unknown, tell: Tell): string | undefined {
  if (typeof given === "string" && /^[0-9a-f]{64}$/.test(given)) return given;
  tell(
    `The agent "${id}" is added without its secret: "secret_hash" is no SHA-256 in small hex digits, so RedPepper never lets it in; it can join by piri-manager agent token ${id}`,
    false,
  );
  return undefined;
}

/** Pattern of names with the groups that it gives. */
interface GroupRule {
  readonly pattern: string;
  readonly groups: readonly string[];
}

function readGroups(text: string, notes: Note[]): readonly GroupRule[] {
  const parsed = parseOlderYaml(text, "groups.yml");
  if (!isParsed(parsed)) {
    notes.push(parsed);
    return [];
  }
  if (!isObject(parsed.value)) return [];
  const rules = Object.entries(parsed.value).flatMap(([pattern, groups]) => {
    const line = parsed.lineOf([pattern]) ?? 1;
    const tell = (message: string, isLost: boolean) =>
      notes.push({ file: "groups.yml", line, message, isLost });
    if (!Array.isArray(groups)) {
      tell(
        `Cannot take the groups of "${pattern}": they should be a list, as [web]`,
        true,
      );
      return [];
    }
    const valid = groups.filter((group) => isGroup(group, tell));
    return [{ pattern, groups: valid }];
  });
  const wild = rules.filter(({ pattern }) => pattern.includes("*"));
  if (wild.length > 0) {
    notes.push({
      file: "groups.yml",
      message: `Groups belong to agents here: ${
        wild.map(({ pattern }) => `"${pattern}"`).join(", ")
      } count for the agents of agents.yml; give later ones theirs by piri-manager agent add NAME --group GROUP`,
      isLost: false,
    });
  }
  return rules;
}

function isGroup(
  group: unknown,
  tell: (message: string, isLost: boolean) => void,
): group is string {
  const isName = typeof group === "string" && ID.test(group);
  if (isName && NAME_PATTERN.test(group)) return true;
  tell(
    isName
      ? `Cannot take the group "${group}": a name begins and ends with a letter or digit here; rename it, and its files`
      : `The group "${group}" is left out, as RedPepper does: it is no name`,
    isName,
  );
  return false;
}

/** Groups of an agent, in the order in which the rules first give them. */
function groupsFor(id: string, rules: readonly GroupRule[]): string[] {
  const found = rules.filter(({ pattern }) => matches(pattern, id));
  return [...new Set(found.flatMap(({ groups }) => groups))];
}

/** True if a pattern means a name. Only a star makes it a pattern; then a question mark is one letter. */
function matches(pattern: string, id: string): boolean {
  if (!pattern.includes("*")) return pattern === id;
  const source = pattern.replaceAll(".", "\\.").replaceAll("*", ".*")
    .replaceAll("?", ".");
  try {
    return new RegExp(`^(?:${source})$`).test(id);
  } catch {
    return false;
  }
}
