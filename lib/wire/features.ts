/** Features of a peer of protocol 2: protocol.md, "The handshake". */
export const FEATURES = [
  "output",
  "ack",
  "resume",
  "hold",
  "chunks",
  "blobs",
  "secrets",
  "survive",
  "proof",
] as const;

export type Feature = typeof FEATURES[number];

/** Features of a peer without a key: `proof` holds only on a connection on which both keys were proven. */
export const KEYLESS_FEATURES: readonly Feature[] = FEATURES
  .filter((feature) => feature !== "proof");

/** The feature that each feature depends on. */
const REQUIRES: Readonly<Partial<Record<Feature, Feature>>> = {
  ack: "output",
  resume: "ack",
  hold: "resume",
  survive: "resume",
};

/** Features of both sides, without those whose required feature is missing. */
export function negotiate(
  offered: readonly string[],
  own: readonly Feature[] = FEATURES,
): ReadonlySet<Feature> {
  const granted = new Set<Feature>();
  for (const feature of FEATURES) {
    const required = REQUIRES[feature];
    const isPossible = required === undefined || granted.has(required);
    if (isPossible && own.includes(feature) && offered.includes(feature)) {
      granted.add(feature);
    }
  }
  return shared(granted);
}

/** All sets in use, by their features. Thousands of connections share one set. */
const SETS = new Map<string, ReadonlySet<Feature>>();

function shared(features: ReadonlySet<Feature>): ReadonlySet<Feature> {
  const key = [...features].join();
  const known = SETS.get(key);
  if (known !== undefined) return known;
  SETS.set(key, features);
  return features;
}
