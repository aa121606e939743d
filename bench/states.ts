import { parse } from "yaml";
import type { CompiledAgent } from "../lib/states/compile_input.ts";
import { Compiler } from "../lib/states/compiler.ts";
import { stepDescriptions } from "../lib/steps/registry.ts";
import type { OpenPair, Pair } from "./pair.ts";

const STEPS = 1_000;

/** Time to compile a state for the first agent. */
export const states: Pair = {
  name: "states",
  unit: "ms",
  goal: { most: 2 },
  ours: "compiling a state of 1,000 steps with expressions for the first agent",
  beside: "reading its file, by the yaml library alone",
  open(): Promise<OpenPair> {
    const text = stateText();
    return Promise.resolve({
      ours: () => timed(() => newCompiler(text).compile("", agent(0))),
      beside: () => timed(() => Promise.resolve(parse(text))),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    });
  },
};

/** Time to compile the same state for an agent that differs in nothing it asks. */
export const statesEqual: Pair = {
  name: "states-equal",
  unit: "ms",
  goal: { most: 0.01 },
  ours: "compiling a state of 1,000 steps for an agent like an earlier one",
  beside: "compiling it for the first agent",
  async open(): Promise<OpenPair> {
    const text = stateText();
    const compiler = newCompiler(text);
    await compiler.compile("", agent(0));
    let next = 1;
    return {
      ours: () => timed(() => compiler.compile("", agent(next++))),
      beside: () => timed(() => newCompiler(text).compile("", agent(0))),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  },
};

function stateText(): string {
  return Array.from({ length: STEPS }, (_, index) =>
    `- File ${index}:
    type: file.Installed
    path: /etc/conf.d/${index}.conf
    content: "os \${facts.os.name} port \${port} number ${index}"
    mode: 0644
    user: root
    if: {fact os.name: [debian, ubuntu]}
${index === 0 ? "" : `    require: File ${index - 1}\n`}`).join("");
}

function newCompiler(text: string): Compiler {
  const bytes = new TextEncoder().encode(text);
  const all = { path: "states/all.yaml", stamp: "1" };
  const load = () => Promise.resolve(bytes);
  const digest = () => Promise.reject(new TypeError("no file is hashed"));
  return new Compiler({
    reader: {
      open: (path) =>
        Promise.resolve(
          path === all.path ? { ...all, load, digest } : undefined,
        ),
      find: () => Promise.resolve(undefined),
      folder: () => Promise.resolve(undefined),
      list: () => Promise.resolve([all.path]),
      operationFiles: () => Promise.resolve([]),
    },
    operations: stepDescriptions,
  });
}

function agent(index: number): CompiledAgent {
  return {
    id: `web-${index}`,
    groups: ["web"],
    facts: { "os.name": "debian", hostname: `web-${index}` },
    data: { port: 8080 },
    secrets: new Map(),
  };
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}
