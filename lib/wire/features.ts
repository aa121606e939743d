/** What a peer of protocol 2 can do: protocol.md section 2. */
export const FEATURES = ["output", "ack", "resume", "chunks"] as const;

export type Feature = typeof FEATURES[number];

/** What must be granted with a feature for it to make sense. */
const REQUIRES: Readonly<Partial<Record<Feature, Feature>>> = {
  ack: "output",
  resume: "ack",
};

/** What both sides can do. A feature whose ground is missing is not granted. */
export function negotiate(
  offered: readonly string[],
  own: readonly Feature[] = FEATURES,
): ReadonlySet<Feature> {
  const granted = new Set<Feature>();
  for (const feature of FEATURES) {
    const ground = REQUIRES[feature];
    const grounded = ground === undefined || granted.has(ground);
    if (grounded && own.includes(feature) && offered.includes(feature)) {
      granted.add(feature);
    }
  }
  return shared(granted);
}

/** The sets that there are: thousands of connections have the same one. */
const SETS = new Map<string, ReadonlySet<Feature>>();

function shared(features: ReadonlySet<Feature>): ReadonlySet<Feature> {
  const key = [...features].join();
  const known = SETS.get(key);
  if (known !== undefined) return known;
  SETS.set(key, features);
  return features;
}
