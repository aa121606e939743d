// @ts-types="./colors.d.ts"
export {
  blue,
  bold,
  brightRed,
  cyan,
  dim,
  gray,
  green,
  magenta,
  red,
  setColorEnabled,
  yellow,
} from "deno-std/fmt/colors.js";
