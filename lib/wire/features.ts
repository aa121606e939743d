/** Features of a peer of protocol 2: protocol.md, "The handshake". */
export const FEATURES = ["output", "ack", "resume", "chunks"] as const;

export type Feature = typeof FEATURES[number];

/** The feature that each feature depends on. */
const REQUIRES: Readonly<Partial<Record<Feature, Feature>>> = {
  ack: "output",
  resume: "ack",
};

/** Features that both sides have. A feature is not granted without the one that it depends on. */
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

/** All sets in use: thousands of connections share the same one. */
const SETS = new Map<string, ReadonlySet<Feature>>();

function shared(features: ReadonlySet<Feature>): ReadonlySet<Feature> {
  const key = [...features].join();
  const known = SETS.get(key);
  if (known !== undefined) return known;
  SETS.set(key, features);
  return features;
}
