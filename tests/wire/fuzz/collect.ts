import { concat } from "@std/bytes/concat";
import { keep, type Kept, readIndex, readKept } from "./corpus.ts";
import { openTarget, type Side, tryOne } from "./fuzz.ts";
import { Seeded } from "../../support/seeded.ts";
import { plainly, type Reached } from "./target.ts";
import type { Troubles } from "./troubles.ts";

/** Tries inputs, each on a new target, and keeps those that reach something new. */
export async function collect(
  side: Side,
  { seed, inputs, troubles }: {
    seed: number;
    inputs: number;
    troubles: Troubles;
  },
): Promise<Kept[]> {
  const known = new Set<string>();
  const index = (await readIndex()).filter((each) => each.side === side);
  const learn = ({ features }: Reached) => {
    for (const feature of features) known.add(feature);
  };
  const reach = (bytes: Uint8Array<ArrayBuffer>) =>
    reachAnew(side, bytes, troubles);
  for (const kept of index) learn(await reach(await readKept(kept)));
  const random = new Seeded(seed);
  const all: Kept[] = [];
  for (let tried = 0; tried < inputs; tried++) {
    const bytes = await think(side, random);
    const reached = await reach(bytes);
    const news = [...reached.features].find((each) => !known.has(each));
    if (news === undefined) continue;
    const shorter = await shorten(
      bytes,
      async (candidate) => (await reach(candidate)).features.has(news),
    );
    const outcome = await reach(shorter);
    learn(outcome);
    const number = String(index.length + all.length + 1).padStart(2, "0");
    const file = `${side}-${number}-${slug(news)}.bin`;
    const kept = { file, side, reaches: news, end: outcome.end };
    await keep(kept, shorter);
    all.push(kept);
  }
  return all;
}

async function think(
  side: Side,
  random: Seeded,
): Promise<Uint8Array<ArrayBuffer>> {
  await using target = await openTarget(side);
  return concat(target.think(random).script.chunks);
}

/** Runs these bytes on a new target. */
export async function reachAnew(
  side: Side,
  bytes: Uint8Array<ArrayBuffer>,
  troubles: Troubles,
): Promise<Reached> {
  await using target = await openTarget(side);
  return await tryOne(target, plainly(bytes), troubles);
}

/** Removes frames as long as the result stays good. */
async function shorten(
  bytes: Uint8Array<ArrayBuffer>,
  isGood: (bytes: Uint8Array<ArrayBuffer>) => Promise<boolean>,
): Promise<Uint8Array<ArrayBuffer>> {
  let pieces = split(bytes);
  for (let at = pieces.length - 1; at >= 0; at--) {
    const fewer = pieces.toSpliced(at, 1);
    if (await isGood(concat(fewer))) pieces = fewer;
  }
  return concat(pieces);
}

/** Splits bytes into frames by their headers. The last piece holds the bytes that fit no header. */
function split(bytes: Uint8Array<ArrayBuffer>): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 0;
  while (at + 4 <= bytes.length) {
    const end = at + 4 + view.getUint32(at);
    if (end > bytes.length) break;
    pieces.push(bytes.subarray(at, end));
    at = end;
  }
  return [...pieces, bytes.subarray(at)];
}

function slug(text: string): string {
  return text.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-").slice(0, 48)
    .replaceAll(/^-|-$/g, "");
}
