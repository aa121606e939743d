/** What this build is. The build script writes the commit in; from source it is "source". */
export const VERSION = "0.1.0";

/** The version of the protocol that this build speaks. */
export const PROTOCOL = 2;
