/** A CPU profile as V8 writes it (chromedevtools.github.io/devtools-protocol, Profiler.Profile); times in microseconds. */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: {
      readonly functionName: string;
      readonly url: string;
      readonly lineNumber: number;
    };
    readonly children?: readonly number[];
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** A function, called from those above it: how long it was on the stack, and whom it called. */
export interface Flame {
  readonly name: string;
  us: number;
  readonly calls: Map<string, Flame>;
}

/** What is no work: waiting, and what the runtime does outside of JavaScript. */
const NO_WORK: ReadonlySet<string> = new Set(["(idle)", "(program)", "(root)"]);

/** Adds up the samples of the last so many microseconds of a profile, by who called whom. */
export function flameOf(profile: CpuProfile, lastUs = Infinity): Flame {
  const stacks = stacksOf(profile);
  const total = profile.timeDeltas.reduce((sum, us) => sum + us, 0);
  const root: Flame = { name: "all", us: 0, calls: new Map() };
  let at = 0;
  for (const [index, sample] of profile.samples.entries()) {
    const us = profile.timeDeltas[index] ?? 0;
    at += us;
    const stack = stacks.get(sample);
    if (stack === undefined || total - at > lastUs) continue;
    let flame = root;
    flame.us += us;
    for (const name of stack) {
      const called = flame.calls.get(name) ??
        { name, us: 0, calls: new Map<string, Flame>() };
      flame.calls.set(name, called);
      called.us += us;
      flame = called;
    }
  }
  return root;
}

/** The names on each node's stack, outermost first; none for what is no work. */
function stacksOf({ nodes }: CpuProfile): Map<number, readonly string[]> {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const callers = new Map(
    nodes.flatMap(({ id, children = [] }) =>
      children.map((child) => [child, id] as const)
    ),
  );
  const stacks = new Map<number, readonly string[]>();
  for (const { id, callFrame } of nodes) {
    if (NO_WORK.has(callFrame.functionName)) continue;
    const stack: string[] = [];
    for (
      let node = byId.get(id);
      node !== undefined;
      node = byId.get(callers.get(node.id) ?? -1)
    ) {
      const { functionName, url } = node.callFrame;
      if (NO_WORK.has(functionName)) break;
      const file = url.split("/").at(-1) ?? "";
      stack.unshift(`${functionName || "(anonymous)"} ${file}`.trim());
    }
    stacks.set(id, stack);
  }
  return stacks;
}

const WIDTH = 1_200;
const ROW = 17;

/** What is narrower is left out, pixels. */
const LEAST = 2;

/** About what a letter takes, pixels. */
const LETTER = 6.6;

/** The picture: who is called stands on who calls, and the width is time. */
export function flameSvg(root: Flame, title: string): string {
  const scale = WIDTH / root.us;
  const boxes: string[] = [];
  let depth = 0;
  const draw = (flame: Flame, x: number, level: number): void => {
    const width = flame.us * scale;
    if (width < LEAST) return;
    depth = Math.max(depth, level);
    boxes.push(box(flame, { x, width, level, share: flame.us / root.us }));
    let next = x;
    const widest = [...flame.calls.values()].sort((a, b) => b.us - a.us);
    for (const called of widest) {
      draw(called, next, level + 1);
      next += called.us * scale;
    }
  };
  draw(root, 0, 0);
  const height = (depth + 2) * ROW;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="monospace" font-size="11">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${WIDTH}" height="${height}" fill="#fff"/>`,
    `<text x="4" y="12">${escaped(title)}</text>`,
    `<g transform="translate(0 ${height - ROW})">`,
    ...boxes,
    "</g>",
    "</svg>",
    "",
  ].join("\n");
}

function box(
  { name }: Flame,
  { x, width, level, share }: {
    x: number;
    width: number;
    level: number;
    share: number;
  },
): string {
  const text = name.slice(0, Math.max(0, Math.floor((width - 4) / LETTER)));
  const hue = 10 + hash(name) % 45;
  return `<g transform="translate(${x.toFixed(1)} ${-level * ROW})"><title>${
    escaped(name)
  }: ${(share * 100).toFixed(1)} %</title>` +
    `<rect width="${(width - 0.5).toFixed(1)}" height="${
      ROW - 1
    }" fill="hsl(${hue} 85% 68%)"/>` +
    (text.length < 3 ? "" : `<text x="2" y="12">${escaped(text)}</text>`) +
    "</g>";
}

/** The same name has the same colour in every picture. */
function hash(text: string): number {
  let value = 0;
  for (const letter of text) value = (value * 31 + letter.charCodeAt(0)) >>> 0;
  return value;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;");
}
