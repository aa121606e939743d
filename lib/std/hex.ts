// @ts-types="./hex.d.ts"
export { decodeHex, encodeHex } from "deno-std/encoding/hex.js";
