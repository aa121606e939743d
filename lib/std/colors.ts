// @ts-types="./colors.d.ts"
export { bold, dim, green, red } from "deno-std/fmt/colors.js";
