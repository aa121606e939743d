import { nearest } from "../base/nearest.ts";

/** Names of flags in other tools, and names of ours that mean the same. A hint names the first that a subcommand has. */
const SYNONYMS: Readonly<Record<string, readonly string[]>> = {
  async: ["detach"],
  b: ["detach"],
  background: ["detach"],
  bg: ["detach"],
  C: ["cwd"],
  chdir: ["cwd"],
  d: ["detach", "dir"],
  directory: ["cwd", "dir"],
  workdir: ["cwd"],
  e: ["env"],
  environment: ["env"],
  input: ["stdin"],
  become: ["user"],
  sudo: ["user"],
  u: ["user"],
  t: ["timeout"],
  wait: ["timeout"],
  f: ["follow"],
  count: ["limit", "tail"],
  last: ["limit", "tail"],
  lines: ["tail"],
  n: ["limit", "tail"],
  num: ["limit", "tail"],
  host: ["agent"],
  node: ["agent"],
  target: ["agent"],
  status: ["state"],
  expire: ["expires"],
  expiry: ["expires"],
  ttl: ["expires"],
  allow: ["cidr"],
  ip: ["cidr"],
  network: ["cidr"],
  verbose: ["log-level"],
  v: ["log-level"],
  quiet: ["log-level"],
  j: ["json"],
  format: ["log-format", "json"],
  output: ["json"],
  o: ["json"],
  config: ["dir"],
  home: ["dir"],
  "state-dir": ["dir"],
  "?": ["help"],
  usage: ["help"],
};

/** The flag that was probably meant by one that does not exist; undefined if none is close. */
export function meantFlag(
  typed: string,
  names: readonly string[],
): string | undefined {
  const synonyms = Object.hasOwn(SYNONYMS, typed) ? SYNONYMS[typed] ?? [] : [];
  return synonyms.find((name) => names.includes(name)) ?? nearest(typed, names);
}
